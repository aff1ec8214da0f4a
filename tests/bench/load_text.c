/* What one JSON string of answer text holds. See load.h.
 *
 * The plain way through has no escape in it; anything else is decoded byte by byte. */
#include "load.h"

#include "base/crc32c.h"

#include <string.h>

enum { STAMP = 17 };

static int nibble(char c)
{
    return c <= '9' ? c - '0' : (c | 32) - 'a' + 10;
}

static void take_stamps(const char *p, size_t n, uint64_t at)
{
    for (; n >= STAMP; p += STAMP, n -= STAMP) {
        uint64_t us = 0;
        for (int i = 0; i < STAMP - 1; i++)
            us = us * 10 + (uint64_t)(p[i] - '0');
        hist_add(&stat_now.token, at > us * 1000 ? at - us * 1000 : 0);
    }
}

static unsigned hex4(const char *p)
{
    unsigned v = 0;
    for (int i = 0; i < 4; i++)
        v = v << 4 | (unsigned)nibble(p[i]);
    return v;
}

static size_t utf8(unsigned u, char out[4])
{
    if (u < 0x80) {
        out[0] = (char)u;
        return 1;
    }
    size_t n = u < 0x800 ? 2 : u < 0x10000 ? 3 : 4;
    for (size_t i = n; i-- > 1; u >>= 6)
        out[i] = (char)(0x80 | (u & 0x3f));
    out[0] = (char)((n == 2 ? 0xc0 : n == 3 ? 0xe0 : 0xf0) | u);
    return n;
}

/* One escape at p (the backslash) to out; *used: its length in the JSON. */
static size_t escape(const char *p, const char *end, char out[4], size_t *used)
{
    static const char from[] = "nrtbf", to[] = "\n\r\t\b\f";
    const char *hit = end - p > 1 ? strchr(from, p[1]) : NULL;
    *used = 2;
    if (end - p >= 6 && p[1] == 'u') {
        unsigned u = hex4(p + 2);
        *used = 6;
        if (u >= 0xd800 && u < 0xdc00 && end - p >= 12) {
            u = 0x10000 + ((u - 0xd800) << 10) + (hex4(p + 8) - 0xdc00);
            *used = 12;
        }
        return utf8(u, out);
    }
    out[0] = hit && *hit ? to[hit - from] : p[1];
    return 1;
}

static size_t decode(const char *p, const char *end, uint32_t *crc)
{
    size_t bytes = 0;
    while (p < end && *p != '"') {
        char out[4];
        size_t used = 1, n = 1;
        out[0] = *p;
        if (*p == '\\')
            n = escape(p, end, out, &used);
        if (opt.verify)
            *crc = crc32c(*crc, out, n);
        bytes += n;
        p += used;
    }
    return bytes;
}

size_t text_take(const char *p, size_t n, uint64_t at, uint32_t *crc)
{
    const char *quote = memchr(p, '"', n);
    size_t len = quote ? (size_t)(quote - p) : n;
    if (memchr(p, '\\', len)) {
        len = decode(p, p + n, crc);
    } else {
        if (opt.stamp)
            take_stamps(p, len, at);
        if (opt.verify)
            *crc = crc32c(*crc, p, len);
    }
    stat_now.bytes += len;
    return len;
}
