/* mem: malloc with one answer to failure, and the counters of live objects.
 * The counters are for the thread of the loop only; the helper thread of a store leaves them alone. */
#include "base/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static long alive[MEM_KINDS];

static void *or_die(void *p, size_t size)
{
    if (p)
        return p;
    /* No JSON log here: that would allocate. */
    char line[96];
    int n = snprintf(line, sizeof line, "lastword: out of memory (asked for %zu bytes)\n", size);
    if (n > 0 && write(STDERR_FILENO, line, (size_t)n) < 0)
        abort();
    abort();
}

void *mem_alloc(size_t size)
{
    return or_die(calloc(1, size ? size : 1), size);
}

void *mem_realloc(void *p, size_t size)
{
    return or_die(realloc(p, size ? size : 1), size);
}

char *mem_strdup(const char *s)
{
    return s ? mem_memdup(s, strlen(s)) : NULL;
}

char *mem_memdup(const void *p, size_t len)
{
    char *copy = or_die(malloc(len + 1), len + 1);
    if (len)
        memcpy(copy, p, len);
    copy[len] = '\0';
    return copy;
}

void mem_free(void *p)
{
    free(p);
}

void mem_born(enum mem_kind kind)
{
    alive[kind]++;
}

void mem_died(enum mem_kind kind)
{
    alive[kind]--;
}

long mem_alive(enum mem_kind kind)
{
    return alive[kind];
}

const char *mem_kind_name(enum mem_kind kind)
{
    static const char *const names[MEM_KINDS] = {
        [MEM_SESSION] = "session",
        [MEM_FOLLOW] = "follow",
        [MEM_GENERATION] = "generation",
        [MEM_CALL] = "call",
        [MEM_HTTP_TRANSFER] = "http_transfer",
        [MEM_HTTP_EXCHANGE] = "http_exchange",
        [MEM_STORE_OP] = "store_op",
    };
    return names[kind];
}
