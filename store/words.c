/* words: see words.h. */
#include "store/words.h"

#include "base/json.h"

#define SNIPPET_BEFORE 60
#define SNIPPET_BYTES 200

/* One character of valid UTF-8; what is not valid passes as single bytes. */
static uint32_t next_char(const unsigned char *p, size_t len, size_t *used)
{
    size_t n = p[0] < 0x80 ? 1 : p[0] >= 0xf0 ? 4 : p[0] >= 0xe0 ? 3 : p[0] >= 0xc0 ? 2 : 1;
    if (n > len)
        n = 1;
    *used = n;
    if (n == 1)
        return p[0];
    uint32_t c = p[0] & (0x7fu >> n);
    for (size_t i = 1; i < n; i++)
        c = c << 6 | (p[i] & 0x3fu);
    return c;
}

uint32_t words_fold(uint32_t c)
{
    if (c < 0x80)
        return c >= 'A' && c <= 'Z' ? c + 32 : c;
    if (c >= 0xc0 && c <= 0xde && c != 0xd7)
        return c + 32;
    if ((c >= 0x100 && c <= 0x137 && c != 0x130 && c != 0x131) || (c >= 0x14a && c <= 0x177))
        return c | 1;
    if ((c >= 0x139 && c <= 0x148) || (c >= 0x179 && c <= 0x17e))
        return c + (c & 1);
    if (c >= 0x391 && c <= 0x3a9 && c != 0x3a2)
        return c + 32;
    if (c == 0x3c2)
        return 0x3c3; /* the final sigma */
    if (c >= 0x400 && c <= 0x40f)
        return c + 80;
    if (c >= 0x410 && c <= 0x42f)
        return c + 32;
    return c;
}

uint32_t words_char(const char *text, size_t len, size_t *used)
{
    return words_fold(next_char((const unsigned char *)text, len, used));
}

static bool is_space(uint32_t c)
{
    return c == ' ' || (c >= '\t' && c <= '\r') || c == 0xa0 || c == 0x3000;
}

void words_parse(struct words *w, const char *text, size_t len)
{
    bool inside = false;
    w->count = 0;
    for (size_t i = 0, used; i < len; i += used) {
        uint32_t c = next_char((const unsigned char *)text + i, len - i, &used);
        if (is_space(c)) {
            inside = false;
            continue;
        }
        if (!inside && w->count == WORDS_MAX)
            return;
        if (!inside)
            w->item[w->count++].len = 0;
        inside = true;
        size_t *n = &w->item[w->count - 1].len;
        if (*n < WORD_CHARS)
            w->item[w->count - 1].chars[(*n)++] = words_fold(c);
    }
}

static bool match_here(const uint32_t *chars, size_t n, const unsigned char *p, size_t len)
{
    for (size_t i = 0, used; i < n; i++, p += used, len -= used) {
        if (!len || words_fold(next_char(p, len, &used)) != chars[i])
            return false;
    }
    return true;
}

static bool find(const uint32_t *chars, size_t n, const unsigned char *p, size_t len, size_t *at)
{
    for (size_t i = 0, used; i < len; i += used) {
        if (words_fold(next_char(p + i, len - i, &used)) == chars[0] &&
            match_here(chars, n, p + i, len - i)) {
            *at = i;
            return true;
        }
    }
    return false;
}

bool words_match(const struct words *w, const char *text, size_t len, size_t *at)
{
    size_t where = 0;
    for (size_t i = 0; i < w->count; i++) {
        if (!find(w->item[i].chars, w->item[i].len, (const unsigned char *)text, len, &where))
            return false;
        if (i == 0 && at)
            *at = where;
    }
    return w->count > 0;
}

struct history_text words_snippet(struct history_text text, size_t at)
{
    size_t start = at > SNIPPET_BEFORE ? at - SNIPPET_BEFORE : 0;
    while (start < at && !utf8_is_boundary(text.data, text.len, start))
        start++;
    size_t n = text.len - start < SNIPPET_BYTES ? text.len - start : SNIPPET_BYTES;
    return (struct history_text){.data = text.data + start, .len = utf8_floor(text.data + start, n)};
}

void words_put(struct buf *out, uint32_t c)
{
    unsigned char b[4];
    size_t n = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    for (size_t i = n; i-- > 1; c >>= 6)
        b[i] = (unsigned char)(0x80 | (c & 0x3f));
    b[0] = (unsigned char)(n == 1 ? c : (0xf00u >> n & 0xffu) | c);
    buf_add(out, b, n);
}

void words_fold_text(struct buf *out, struct history_text text)
{
    buf_reserve(out, text.len);
    for (size_t i = 0, used; i < text.len; i += used) {
        uint32_t c = next_char((const unsigned char *)text.data + i, text.len - i, &used);
        words_put(out, c ? words_fold(c) : ' ');
    }
}
