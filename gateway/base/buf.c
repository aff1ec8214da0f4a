/* buf: growth and the number writers. Growth doubles while small and takes half as much again when large,
 * so that a long answer does not hold twice its text. */
#include "base/buf.h"

#include <endian.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/mem.h"

#define FIRST_CAP 64
#define DOUBLING_ENDS ((size_t)1 << 20)

void buf_free(struct buf *b)
{
    mem_free(b->data);
    *b = (struct buf){0};
}

void buf_reserve(struct buf *b, size_t extra)
{
    if (b->cap - b->len >= extra && b->data)
        return;
    size_t need = b->len + extra;
    if (need < b->len)
        need = SIZE_MAX; /* cannot be had: mem ends the process and says so */
    size_t cap = b->cap < DOUBLING_ENDS ? b->cap * 2 : b->cap + b->cap / 2;
    if (cap < FIRST_CAP)
        cap = FIRST_CAP;
    if (cap < need)
        cap = need;
    b->data = mem_realloc(b->data, cap);
    b->cap = cap;
}

void buf_printf(struct buf *b, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    int n = vsnprintf(NULL, 0, fmt, args);
    va_end(args);
    if (n <= 0)
        return;
    buf_reserve(b, (size_t)n + 1);
    va_start(args, fmt);
    vsnprintf(b->data + b->len, (size_t)n + 1, fmt, args);
    va_end(args);
    b->len += (size_t)n;
}

void buf_add_u64(struct buf *b, uint64_t v)
{
    char digits[20];
    size_t at = sizeof digits;
    do {
        digits[--at] = (char)('0' + v % 10);
        v /= 10;
    } while (v);
    buf_add(b, digits + at, sizeof digits - at);
}

void buf_add_i64(struct buf *b, int64_t v)
{
    if (v < 0)
        buf_add_char(b, '-');
    buf_add_u64(b, v < 0 ? 0 - (uint64_t)v : (uint64_t)v);
}

/* Eight digits at once: the nibbles are spread to a byte each, most significant first in memory, and those
 * over 9 get the distance from '9' to 'a' on top. */
void hex32(uint32_t v, char out[8])
{
    uint64_t n = v;
    n = (n | n << 16) & 0x0000ffff0000ffffu;
    n = (n | n << 8) & 0x00ff00ff00ff00ffu;
    n = (n | n << 4) & 0x0f0f0f0f0f0f0f0fu;
    uint64_t over = (n + 0x0606060606060606u) >> 4 & 0x0101010101010101u;
    n += 0x3030303030303030u + over * ('a' - '9' - 1);
    n = htobe64(n);
    memcpy(out, &n, sizeof n);
}

void buf_add_hex32(struct buf *b, uint32_t v)
{
    char digits[8];
    hex32(v, digits);
    buf_add(b, digits, sizeof digits);
}

void buf_reserve_exact(struct buf *b, size_t extra)
{
    if (b->cap - b->len >= extra && b->data)
        return;
    b->cap = b->len + extra < extra ? SIZE_MAX : b->len + extra; /* past the end: mem says no */
    b->data = mem_realloc(b->data, b->cap);
}

void buf_drop(struct buf *b, size_t n)
{
    if (n >= b->len) {
        b->len = 0;
        return;
    }
    if (n == 0)
        return;
    memmove(b->data, b->data + n, b->len - n);
    b->len -= n;
}

char *buf_cstr(struct buf *b)
{
    buf_reserve(b, 1);
    b->data[b->len] = '\0';
    return b->data;
}
