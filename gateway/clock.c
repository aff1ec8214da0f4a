/* clock: see clock.h. */
#include "clock.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

static uint64_t read_clock(clockid_t id, uint64_t per_second)
{
    struct timespec t;
    clock_gettime(id, &t);
    return (uint64_t)t.tv_sec * per_second + (uint64_t)t.tv_nsec / (1000000000 / per_second);
}

uint64_t clock_us(void)
{
    return read_clock(CLOCK_MONOTONIC, 1000000);
}

uint64_t clock_unix_ms(void)
{
    return read_clock(CLOCK_REALTIME, 1000);
}

/* A pool, because every id asks for ten bytes. */
void clock_random(void *out, size_t len)
{
    static unsigned char pool[256];
    static size_t left;
    for (unsigned char *p = out; len;) {
        if (!left) {
            if (getrandom(pool, sizeof pool, 0) != sizeof pool)
                abort();
            left = sizeof pool;
        }
        size_t n = len < left ? len : left;
        memcpy(p, pool + sizeof pool - left, n);
        memset(pool + sizeof pool - left, 0, n);
        p += n;
        len -= n;
        left -= n;
    }
}

uint32_t clock_random_32(void)
{
    uint32_t value;
    clock_random(&value, sizeof value);
    return value;
}
