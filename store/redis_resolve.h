/* redis_resolve: a host's number, asked of the system on a thread of its own, because getaddrinfo waits as
 * long as it likes and hiredis would call it on the loop. One thread a question, detached; questions are as
 * rare as connections. */
#ifndef LASTWORD_STORE_REDIS_RESOLVE_H
#define LASTWORD_STORE_REDIS_RESOLVE_H

#include <stdbool.h>
#include <stddef.h>

struct ev_loop;
struct resolve; /* owned by the module; gone once done was called or it was cancelled */

#define RESOLVED_MAX 64

/* `done` is called once on the loop, never from within resolve_start; number is NULL when there is none. NULL
 * is returned, and done not called, when no thread can be had. */
struct resolve *resolve_start(struct ev_loop *loop, const char *host,
                              void (*done)(void *ctx, const char *number), void *ctx);
void resolve_cancel(struct resolve *r); /* done is not called any more */

/* True if the host is a number already. */
bool resolve_is_number(const char *host);

#endif
