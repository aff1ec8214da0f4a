/* json: writes a JSON string while it scans, 16 bytes at a time, and validates UTF-8 with a short way
 * for ASCII. It parses nothing.
 *
 *     text  [ 16 plain | 16 plain | "..." <- stops here | escape | 16 plain | tail ]  ->  buf
 */
#include "base/json.h"

#include <stdint.h>
#include <string.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

#define ONES 0x0101010101010101ULL
#define HIGHS 0x8080808080808080ULL

/* What copy_plain may write past what it counts. */
#define SLACK 16

static uint64_t load64(const char *p)
{
    uint64_t v;
    memcpy(&v, p, sizeof v);
    return v;
}

/* Not zero if one of 8 bytes is a control, a quote or a backslash. The classic zero-byte trick: exact as
 * to whether there is one, which is all that is asked. */
static uint64_t has_special(uint64_t v)
{
    uint64_t quote = v ^ (ONES * '"'), backslash = v ^ (ONES * '\\');
    uint64_t low = (v - ONES * 0x20) & ~v;
    quote = (quote - ONES) & ~quote;
    backslash = (backslash - ONES) & ~backslash;
    return (low | quote | backslash) & HIGHS;
}

static bool is_special(unsigned char c)
{
    return c < 0x20 || c == '"' || c == '\\';
}

/* Copies up to `len` bytes that need no escape; returns how many. `out` has room for len + SLACK. */
static size_t copy_plain(char *out, const char *in, size_t len)
{
    size_t i = 0;
#ifdef __SSE2__
    const __m128i quote = _mm_set1_epi8('"'), backslash = _mm_set1_epi8('\\'), last = _mm_set1_epi8(0x1f);
    for (; len - i >= 16; i += 16) {
        __m128i v = _mm_loadu_si128((const __m128i *)(const void *)(in + i));
        __m128i hit = _mm_or_si128(_mm_cmpeq_epi8(v, quote), _mm_cmpeq_epi8(v, backslash));
        hit = _mm_or_si128(hit, _mm_cmpeq_epi8(_mm_min_epu8(v, last), v));
        _mm_storeu_si128((__m128i *)(void *)(out + i), v);
        unsigned mask = (unsigned)_mm_movemask_epi8(hit);
        if (mask)
            return i + (size_t)__builtin_ctz(mask);
    }
#endif
    for (; len - i >= 8; i += 8) {
        uint64_t v = load64(in + i);
        if (has_special(v))
            break;
        memcpy(out + i, &v, sizeof v);
    }
    for (; i < len && !is_special((unsigned char)in[i]); i++)
        out[i] = in[i];
    return i;
}

/* Writes at most 6 bytes; returns how many. */
static size_t escape(char *out, unsigned char c)
{
    static const char shorts[0x20] = {['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n', ['\f'] = 'f', ['\r'] = 'r'};
    out[0] = '\\';
    if (c >= 0x20) {
        out[1] = (char)c;
        return 2;
    }
    if (shorts[c]) {
        out[1] = shorts[c];
        return 2;
    }
    out[1] = 'u';
    out[2] = out[3] = '0';
    out[4] = (char)('0' + (c >> 4));
    out[5] = "0123456789abcdef"[c & 15];
    return 6;
}

void json_add_string(struct buf *b, const char *text, size_t len)
{
    if (b->cap - b->len < len + SLACK + 2)
        buf_reserve(b, len + SLACK + 2);
    b->data[b->len++] = '"';
    for (;;) {
        size_t n = copy_plain(b->data + b->len, text, len);
        b->len += n;
        if (n == len)
            break;
        b->len += escape(b->data + b->len, (unsigned char)text[n]);
        text += n + 1;
        len -= n + 1;
        /* Room again for the rest, its slack and the closing quote: the escape took up to 6. */
        if (b->cap - b->len < len + SLACK + 8)
            buf_reserve(b, len + SLACK + 8);
    }
    b->data[b->len++] = '"';
}

void json_add_cstring(struct buf *b, const char *s)
{
    if (s)
        json_add_string(b, s, strlen(s));
    else
        buf_add_lit(b, "null");
}

static size_t skip_ascii(const char *p, size_t i, size_t len)
{
#ifdef __SSE2__
    while (len - i >= 16 && !_mm_movemask_epi8(_mm_loadu_si128((const __m128i *)(const void *)(p + i))))
        i += 16;
#endif
    while (len - i >= 8 && !(load64(p + i) & HIGHS))
        i += 8;
    while (i < len && !((unsigned char)p[i] & 0x80))
        i++;
    return i;
}

static bool is_tail(unsigned char c)
{
    return (c & 0xC0) == 0x80;
}

/* Length of the well-formed sequence at s (RFC 3629 section 4), or 0. `s[0]` is not ASCII. */
static size_t sequence(const unsigned char *s, size_t len)
{
    unsigned char a = s[0];
    if (a >= 0xC2 && a <= 0xDF)
        return len >= 2 && is_tail(s[1]) ? 2 : 0;
    if (a >= 0xE0 && a <= 0xEF) {
        if (len < 3 || !is_tail(s[1]) || !is_tail(s[2]))
            return 0;
        if ((a == 0xE0 && s[1] < 0xA0) || (a == 0xED && s[1] > 0x9F))
            return 0; /* overlong; surrogate */
        return 3;
    }
    if (a >= 0xF0 && a <= 0xF4) {
        if (len < 4 || !is_tail(s[1]) || !is_tail(s[2]) || !is_tail(s[3]))
            return 0;
        if ((a == 0xF0 && s[1] < 0x90) || (a == 0xF4 && s[1] > 0x8F))
            return 0; /* overlong; past U+10FFFF */
        return 4;
    }
    return 0;
}

bool utf8_valid(const char *p, size_t len)
{
    size_t i = 0;
    while ((i = skip_ascii(p, i, len)) < len) {
        /* Text that is not Latin comes in runs: stay here while it lasts. */
        do {
            size_t n = sequence((const unsigned char *)p + i, len - i);
            if (n == 0)
                return false;
            i += n;
        } while (i < len && ((unsigned char)p[i] & 0x80));
    }
    return true;
}

static size_t wanted(unsigned char lead)
{
    if (lead < 0xC0)
        return 1;
    return lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
}

size_t utf8_floor(const char *p, size_t len)
{
    size_t back = 1;
    while (back < 4 && back < len && is_tail((unsigned char)p[len - back]))
        back++;
    if (back > len)
        return len;
    return wanted((unsigned char)p[len - back]) > back ? len - back : len;
}
