/* openai_template: see openai_template.h.
 *
 * Why a proof and not a search for `"content":"`: the same bytes can stand inside another string, under
 * another object, or be overridden by a later duplicate key. Substituting the hole and parsing again decides
 * all of these at once, and what follows the learning is plain memcmp. */
#include "upstream/openai_template.h"

#include <string.h>

#include "base/json.h"
#include "base/mem.h"

#define CREDIT_MAX 8  /* learnings in a row without use */
#define CREDIT_USES 8 /* uses that earn one back */
#define CANDIDATES 3  /* places in one event that are tried */
#define TAIL_MAX 4    /* CR LF CR LF */
#define SENTINEL "zq7Xw0-hole-0wX7qz"

void openai_template_init(struct openai_template *t)
{
    memset(t, 0, sizeof *t);
    t->credit = CREDIT_MAX;
}

void openai_template_free(struct openai_template *t)
{
    mem_free(t->bytes);
    t->bytes = NULL;
}

/* ------------------------------------------------------------ the string in the hole */

#define ONES 0x0101010101010101ull
#define HIGHS 0x8080808080808080ull

/* Bytes at p before the first quote, backslash or control. Eight at a time, little-endian only. */
static const char *plain_run(const char *p, const char *end, unsigned char *high)
{
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    while (end - p >= 8) {
        uint64_t v;
        memcpy(&v, p, 8);
        uint64_t quote = v ^ (ONES * '"'), slash = v ^ (ONES * '\\');
        uint64_t stop = ((quote - ONES) & ~quote) | ((slash - ONES) & ~slash) | ((v - ONES * 0x20) & ~v);
        stop &= HIGHS;
        if (stop) {
            int at = __builtin_ctzll(stop) / 8;
            uint64_t before = at ? v << (64 - 8 * at) : 0;
            *high |= (before & HIGHS) != 0 ? 0x80 : 0;
            return p + at;
        }
        *high |= (v & HIGHS) != 0 ? 0x80 : 0;
        p += 8;
    }
#endif
    for (; p < end; p++) {
        unsigned char c = (unsigned char)*p;
        if (c == '"' || c == '\\' || c < 0x20)
            break;
        *high |= c & 0x80;
    }
    return p;
}

static int hex4(const char *p)
{
    int v = 0;
    for (int i = 0; i < 4; i++) {
        int c = (unsigned char)p[i];
        int d = c >= '0' && c <= '9'   ? c - '0'
                : c >= 'a' && c <= 'f' ? c - 'a' + 10
                : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                       : -1;
        if (d < 0)
            return -1;
        v = v * 16 + d;
    }
    return v;
}

static void add_utf8(struct buf *out, int c)
{
    char b[4];
    size_t n = 0;
    if (c < 0x80) {
        b[n++] = (char)c;
    } else if (c < 0x800) {
        b[n++] = (char)(0xC0 | c >> 6);
        b[n++] = (char)(0x80 | (c & 0x3F));
    } else if (c < 0x10000) {
        b[n++] = (char)(0xE0 | c >> 12);
        b[n++] = (char)(0x80 | (c >> 6 & 0x3F));
        b[n++] = (char)(0x80 | (c & 0x3F));
    } else {
        b[n++] = (char)(0xF0 | c >> 18);
        b[n++] = (char)(0x80 | (c >> 12 & 0x3F));
        b[n++] = (char)(0x80 | (c >> 6 & 0x3F));
        b[n++] = (char)(0x80 | (c & 0x3F));
    }
    buf_add(out, b, n);
}

/* \uXXXX at p, with its low half if it is a high one; NULL for what jansson must judge. */
static const char *unicode(const char *p, const char *end, struct buf *out)
{
    if (end - p < 6)
        return NULL;
    int c = hex4(p + 2);
    p += 6;
    if (c >= 0xD800 && c < 0xDC00) {
        if (end - p < 6 || p[0] != '\\' || p[1] != 'u')
            return NULL;
        int low = hex4(p + 2);
        if (low < 0xDC00 || low > 0xDFFF)
            return NULL;
        c = 0x10000 + ((c - 0xD800) << 10) + (low - 0xDC00);
        p += 6;
    } else if (c < 0 || (c >= 0xDC00 && c <= 0xDFFF)) {
        return NULL;
    }
    add_utf8(out, c);
    return p;
}

static const char *escape(const char *p, const char *end, struct buf *out)
{
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    if (end - p < 2)
        return NULL;
    if (p[1] == 'u')
        return unicode(p, end, out);
    const char *at = p[1] ? strchr(from, p[1]) : NULL;
    if (!at)
        return NULL;
    buf_add_char(out, to[at - from]);
    return p + 2;
}

/* Unescapes a JSON string's inside from p on; returns its closing quote, NULL if it is odd, empty, or does
 * not end here. */
static const char *unescape(const char *p, const char *end, struct buf *out)
{
    size_t was = out->len;
    unsigned char high = 0;
    for (;;) {
        const char *run = plain_run(p, end, &high);
        buf_add(out, p, (size_t)(run - p));
        p = run;
        if (p == end)
            return NULL;
        if (*p == '"')
            break;
        if (*p != '\\' || !(p = escape(p, end, out)))
            return NULL;
    }
    size_t len = out->len - was;
    return len && (!high || utf8_valid(out->data + was, len)) ? p : NULL;
}

static void used(struct openai_template *t)
{
    if (++t->used < CREDIT_USES)
        return;
    t->used = 0;
    if (t->credit < CREDIT_MAX)
        t->credit++;
}

/* The string between `before` and `after`; returns what follows `after`. */
static const char *match(struct openai_template *t, const char *p, const char *end, size_t skip, size_t after,
                         struct buf *out, size_t *text_len)
{
    size_t before = t->before - skip, was = out->len;
    if ((size_t)(end - p) < before + after || memcmp(p, t->bytes + skip, before) != 0)
        return NULL;
    const char *quote = unescape(p + before, end, out);
    if (!quote || (size_t)(end - quote) < after || memcmp(quote, t->bytes + t->before, after) != 0) {
        out->len = was;
        return NULL;
    }
    used(t);
    *text_len = out->len - was;
    return quote + after;
}

const char *openai_template_frame(struct openai_template *t, const char *p, const char *end, struct buf *out,
                                  size_t *text_len)
{
    if (!t->bytes || !t->lead)
        return NULL;
    return match(t, p, end, 0, t->after, out, text_len);
}

bool openai_template_data(struct openai_template *t, const char *data, size_t len, struct buf *out,
                          size_t *text_len)
{
    if (!t->bytes)
        return false;
    size_t was = out->len, after = (size_t)t->after - t->tail;
    const char *end = match(t, data, data + len, t->lead, after, out, text_len);
    if (end == data + len)
        return true;
    out->len = was;
    return false;
}

/* ------------------------------------------------------------ learning */

static bool is_space(char c)
{
    return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

/* The first string that is the value of `key` at or after `from`: *start to *quote, its closing quote. */
static bool find(const char *key, const char *from, const char *end, const char **start, const char **quote)
{
    size_t n = strlen(key);
    while ((from = memmem(from, (size_t)(end - from), key, n))) {
        from += n;
        const char *p = from;
        while (p < end && is_space(*p))
            p++;
        if (p == end || *p++ != ':')
            continue;
        while (p < end && is_space(*p))
            p++;
        if (p == end || *p++ != '"')
            continue;
        *start = p;
        while (p < end && *p != '"')
            p += *p == '\\' ? 2 : 1;
        if (p >= end)
            return false;
        *quote = p;
        return true;
    }
    return false;
}

/* The delta (or message) object of the only choice. */
static json_t *delta_of(const json_t *root)
{
    const json_t *choices = json_object_get(root, "choices");
    if (json_array_size(choices) != 1)
        return NULL;
    const json_t *choice = json_array_get(choices, 0);
    json_t *delta = json_object_get(choice, "delta");
    return json_is_object(delta) ? delta : NULL;
}

/* Does a string in the hole arrive as delta.<key>, whole, and change nothing else? */
static bool proved(const json_t *root, const char *key, const char *data, size_t len, const char *start,
                   const char *quote)
{
    struct buf b = {0};
    buf_add(&b, data, (size_t)(start - data));
    buf_add_lit(&b, SENTINEL);
    buf_add(&b, quote, (size_t)(data + len - quote));
    json_t *other = json_loadb(b.data, b.len, JSON_ALLOW_NUL, NULL);
    buf_free(&b);
    json_t *delta = delta_of(other);
    const json_t *value = json_object_get(delta, key);
    const json_t *original = json_object_get(delta_of(root), key);
    bool same = json_is_string(value) && json_is_string(original) &&
                json_string_length(value) == sizeof SENTINEL - 1 &&
                !memcmp(json_string_value(value), SENTINEL, sizeof SENTINEL - 1);
    if (same) {
        json_object_set(delta, key, (json_t *)original);
        same = json_equal(other, root);
    }
    json_decref(other);
    return same;
}

/* How much of the frame stands around the data; false if it is not "data: " and line ends alone. */
static bool frame_of(const char *raw, size_t raw_len, const char *data, size_t len, size_t *lead,
                     size_t *tail)
{
    *lead = *tail = 0;
    if (!raw)
        return true;
    size_t before = (size_t)(data - raw);
    *lead = before >= 6 && data[-1] == ' ' ? 6 : 5;
    *tail = raw_len - before - len;
    if (before < *lead || memcmp(data - *lead, "data:", 5) != 0 || *tail > TAIL_MAX || *tail < 2)
        return false;
    for (size_t i = 0; i < *tail; i++)
        if (data[len + i] != '\r' && data[len + i] != '\n')
            return false;
    return true;
}

static void keep(struct openai_template *t, enum answer_part part, const char *data, size_t len,
                 const char *start, const char *quote, size_t lead, size_t tail)
{
    size_t before = (size_t)(start - data) + lead, after = (size_t)(data + len - quote) + tail;
    if (before + after > OPENAI_TEMPLATE_MAX)
        return;
    mem_free(t->bytes);
    t->bytes = mem_alloc(before + after);
    memcpy(t->bytes, data - lead, before);
    memcpy(t->bytes + before, quote, after);
    t->before = (uint16_t)before;
    t->after = (uint16_t)after;
    t->lead = (uint16_t)lead;
    t->tail = (uint16_t)tail;
    t->part = (uint8_t)part;
}

void openai_template_widen(struct openai_template *t, const char *raw, size_t raw_len, const char *data,
                           size_t len)
{
    size_t lead, tail;
    if (t->lead || !t->bytes || !raw || !frame_of(raw, raw_len, data, len, &lead, &tail))
        return;
    const char *start = data + t->before, *quote = data + len - t->after;
    keep(t, (enum answer_part)t->part, data, len, start, quote, lead, tail);
}

static bool learn_key(struct openai_template *t, const json_t *root, enum answer_part part, const char *key,
                      const char *data, size_t len, size_t lead, size_t tail)
{
    char quoted[32] = "\"";
    strcat(strcat(quoted, key), "\"");
    const char *from = data, *start, *quote;
    if (!json_is_string(json_object_get(delta_of(root), key)))
        return false;
    for (int i = 0; i < CANDIDATES && find(quoted, from, data + len, &start, &quote); i++) {
        if (proved(root, key, data, len, start, quote)) {
            keep(t, part, data, len, start, quote, lead, tail);
            return true;
        }
        from = start;
    }
    return false;
}

void openai_template_learn(struct openai_template *t, const json_t *root, enum answer_part part,
                           const char *raw, size_t raw_len, const char *data, size_t len)
{
    size_t lead, tail;
    if (!t->credit || len > OPENAI_TEMPLATE_MAX * 2)
        return;
    t->credit--;
    if (!frame_of(raw, raw_len, data, len, &lead, &tail))
        lead = tail = 0;
    if (part == ANSWER_TEXT)
        learn_key(t, root, part, "content", data, len, lead, tail);
    else if (!learn_key(t, root, part, "reasoning_content", data, len, lead, tail))
        learn_key(t, root, part, "reasoning", data, len, lead, tail);
}
