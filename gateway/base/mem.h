/* mem: allocation that does not fail, and counters of what is alive.
 * Out of memory ends the process: the log of a stream is in a store or is fetched again, and code that
 * pretends to survive a failed malloc is never tested. Sizes that a peer chooses are limited before they
 * reach here (config.def). */
#ifndef LASTWORD_BASE_MEM_H
#define LASTWORD_BASE_MEM_H

#include <stddef.h>

void *mem_alloc(size_t size);                /* zeroed; owned by the caller, freed with mem_free */
void *mem_realloc(void *p, size_t size);     /* as realloc; new bytes are not zeroed */
char *mem_strdup(const char *s);             /* NULL gives NULL */
char *mem_memdup(const void *p, size_t len); /* len bytes and a NUL after them */
void mem_free(void *p);                      /* NULL is fine */

/* Objects alive, by kind: tests hold every one at zero in the end. */
enum mem_kind {
    MEM_SESSION,
    MEM_FOLLOW,
    MEM_GENERATION,
    MEM_CALL,
    MEM_HTTP_TRANSFER,
    MEM_HTTP_EXCHANGE,
    MEM_STORE_OP,
    MEM_KINDS
};
void mem_born(enum mem_kind kind);
void mem_died(enum mem_kind kind);
long mem_alive(enum mem_kind kind);
const char *mem_kind_name(enum mem_kind kind); /* "session", ... static */

#endif
