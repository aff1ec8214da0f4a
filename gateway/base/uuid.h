/* uuid: RFC 9562 UUIDs, as 16 bytes and as 36 lower-case characters. Time and randomness are handed in. */
#ifndef LASTWORD_BASE_UUID_H
#define LASTWORD_BASE_UUID_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define UUID_TEXT 36

struct uuid {
    uint8_t b[16];
};

/* Version 7: 48 bits of unix milliseconds, then `random` (10 bytes, of which 74 bits are used). */
struct uuid uuid_v7(uint64_t unix_ms, const uint8_t random[10]);

/* Accepts exactly 36 characters, lower-case hexadecimal with hyphens, any version. */
bool uuid_parse(struct uuid *u, const char *text, size_t len);

/* Writes 36 characters and a NUL; returns out. */
char *uuid_format(const struct uuid *u, char out[UUID_TEXT + 1]);

static inline bool uuid_equal(const struct uuid *a, const struct uuid *b)
{
    return memcmp(a->b, b->b, 16) == 0;
}

static inline bool uuid_is_nil(const struct uuid *u)
{
    static const struct uuid nil;
    return uuid_equal(u, &nil);
}

#endif
