/* dial: TCP connections to one host and port, found and opened by libcurl (names in its threads, both address
 * families, its timeout) and handed over bare. What is said on them is plain.c's. */
#ifndef LASTWORD_UPSTREAM_DIAL_H
#define LASTWORD_UPSTREAM_DIAL_H

#include <stdint.h>

#include "upstream/reach.h"

struct ev_loop;
struct dialer; /* one address */
struct dial;   /* one connection to be */

/* `url`: http://host[:port]/…, copied. */
struct dialer *dialer_open(struct ev_loop *loop, const char *url, enum reach reach, int64_t connect_ms);
void dialer_limits(struct dialer *d, int64_t connect_ms); /* of those to come */
void dialer_close(struct dialer *d);                      /* cancels what is under way; in no completion */

/* Exactly one completion, never before this has returned, none after dial_cancel. `fd` is the caller's from
 * there on: not blocking, TCP_NODELAY; -1: no connection. */
struct dial *dial_start(struct dialer *d, void (*done)(void *ctx, int fd), void *ctx);
void dial_cancel(struct dial *dial);

#endif
