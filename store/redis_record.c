/* redis_record: see redis_record.h. */
#include "store/redis_record.h"

#include <string.h>

#include "base/crc32c.h"
#include "store/redis_resp.h"

static const char kinds[] = {
    [LOG_KIND_TEXT] = 't', [LOG_KIND_REWIND] = 'w', [LOG_KIND_START] = 's', [LOG_KIND_DONE] = 'd'};

void resp_u64(struct buf *b, uint64_t v)
{
    size_t digits = 1;
    for (uint64_t rest = v; rest > 9; rest /= 10)
        digits++;
    resp_begin(b, digits);
    buf_add_u64(b, v);
    resp_end(b);
}

/* ---- writing */

static size_t put_u64(char *out, uint64_t v)
{
    char digits[20];
    size_t at = sizeof(digits), n;
    do {
        digits[--at] = (char)('0' + v % 10);
        v /= 10;
    } while (v);
    n = sizeof(digits) - at;
    memcpy(out, digits + at, n);
    return n;
}

/* " <off> <crc>" */
static size_t put_place(char *out, uint64_t off, uint32_t crc)
{
    size_t n = 0;
    out[n++] = ' ';
    n += put_u64(out + n, off);
    out[n++] = ' ';
    hex32(crc, out + n);
    return n + 8;
}

size_t redis_end_write(char out[REDIS_END_MAX], const struct redis_end *end)
{
    size_t n = put_u64(out, end->epoch);
    out[n++] = ' ';
    n += put_u64(out + n, end->seq);
    n += put_place(out + n, end->off, end->crc);
    out[n] = '\0';
    return n;
}

void redis_record_word(struct buf *b, const struct log_record *r)
{
    char head[REDIS_END_MAX];
    size_t n = 0;
    head[n++] = kinds[r->kind];
    head[n++] = r->part ? '1' : '0';
    head[n++] = ' ';
    n += put_u64(head + n, r->epoch);
    n += put_place(head + n, r->off, r->crc);
    head[n++] = ' ';
    resp_begin(b, n + r->len);
    buf_add(b, head, n);
    buf_add(b, r->data, r->len);
    resp_end(b);
}

void redis_record_id_word(struct buf *b, uint64_t seq)
{
    char id[24] = "0-";
    size_t n = 2 + put_u64(id + 2, seq);
    resp_word(b, id, n);
}

/* ---- positions */

bool redis_record_before(const struct log_record *r, struct redis_end *out)
{
    *out = (struct redis_end){.epoch = r->epoch, .seq = r->seq - 1, .off = r->off, .crc = r->crc};
    if (!r->seq || r->kind == LOG_KIND_REWIND)
        return false;
    if (r->kind != LOG_KIND_TEXT)
        return true;
    if (r->off < r->len)
        return false;
    out->off = r->off - r->len;
    out->crc = crc32c_before(r->crc, r->data, r->len);
    return true;
}

struct redis_end redis_record_after(const struct log_record *r)
{
    return (struct redis_end){.epoch = r->epoch, .seq = r->seq, .off = r->off, .crc = r->crc};
}

bool redis_records_chain(const struct log_record *r, size_t n)
{
    if (!n || n > APPEND_MAX)
        return false;
    for (size_t i = 0; i < n; i++) {
        if (r[i].kind == LOG_KIND_DONE || r[i].epoch != r->epoch || !r[i].seq)
            return false;
        if (!i)
            continue;
        uint64_t len = r[i].kind == LOG_KIND_TEXT ? r[i].len : 0;
        uint32_t crc = len ? crc32c(r[i - 1].crc, r[i].data, r[i].len) : r[i - 1].crc;
        if (r[i].kind == LOG_KIND_REWIND || r[i].seq != r[i - 1].seq + 1 || r[i].crc != crc ||
            r[i].off != r[i - 1].off + len)
            return false;
    }
    return true;
}

/* ---- reading */

struct scan {
    const char *at, *end;
};

/* Digits, then a blank (or, where `last`, the end). */
static bool scan_u64(struct scan *s, bool last, uint64_t *out)
{
    uint64_t v = 0;
    const char *from = s->at;
    for (; s->at < s->end && *s->at >= '0' && *s->at <= '9'; s->at++) {
        if (__builtin_mul_overflow(v, 10, &v) || __builtin_add_overflow(v, (uint64_t)(*s->at - '0'), &v))
            return false;
    }
    *out = v;
    if (s->at == from)
        return false;
    if (last)
        return s->at == s->end;
    return s->at < s->end && *s->at++ == ' ';
}

static bool scan_crc(struct scan *s, uint32_t *out)
{
    uint32_t v = 0;
    if (s->end - s->at < 9 || s->at[8] != ' ')
        return false;
    for (int i = 0; i < 8; i++, s->at++) {
        char c = *s->at;
        if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f')))
            return false;
        v = v << 4 | (uint32_t)(c <= '9' ? c - '0' : c - 'a' + 10);
    }
    s->at++;
    *out = v;
    return true;
}

bool redis_record_parse(const char *text, size_t len, struct log_record *out)
{
    struct scan s = {text, text + len};
    const char *kind = len ? memchr(kinds, *text, sizeof(kinds)) : NULL;
    if (!kind || len < 3 || (text[1] != '0' && text[1] != '1') || text[2] != ' ')
        return false;
    memset(out, 0, sizeof(*out));
    out->kind = (enum log_kind)(kind - kinds);
    out->part = (uint8_t)(text[1] - '0');
    s.at += 3;
    if (!scan_u64(&s, false, &out->epoch) || !scan_u64(&s, false, &out->off) || !scan_crc(&s, &out->crc))
        return false;
    out->data = s.at;
    out->len = (size_t)(s.end - s.at);
    return true;
}

bool redis_record_id_parse(const char *text, size_t len, uint64_t *seq)
{
    struct scan s = {text + 2, text + len};
    return len > 2 && text[0] == '0' && text[1] == '-' && scan_u64(&s, true, seq);
}
