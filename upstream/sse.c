/* sse: see sse.h.
 *
 * The end of a line is searched with memchr, LF first, CR inside what lies before it. The LF found is kept
 * in the read, so that a stream of CR lines is not searched once per line. */
#include "upstream/sse.h"

#include <string.h>

#include "base/mem.h"

void sse_init(struct sse *s, size_t max_event)
{
    memset(s, 0, sizeof *s);
    s->max = max_event;
    s->retry_ms = -1;
}

void sse_free(struct sse *s)
{
    buf_free(&s->line);
    buf_free(&s->data);
    buf_free(&s->name);
    buf_free(&s->id);
}

struct sse_read sse_read(const char *bytes, size_t len)
{
    return (struct sse_read){.p = bytes, .end = bytes + len, .lf = NULL};
}

void sse_settle(struct sse *s)
{
    if (!s->pass)
        return;
    s->pass = s->has_data = s->data_lent = false;
    s->name.len = 0;
    if (s->data.cap > 4096) /* one large event does not make the whole stream expensive */
        buf_free(&s->data);
    s->data.len = 0;
}

static void too_large(struct sse *s)
{
    s->over = true;
}

/* The lent line moves to the buffer: another follows it, or the read ends. */
static void keep_lent(struct sse *s)
{
    if (!s->data_lent)
        return;
    buf_add(&s->data, s->lent, s->lent_len);
    s->data_lent = false;
}

static void field_data(struct sse *s, const char *value, size_t len, bool lendable)
{
    if (s->data.len + (s->data_lent ? s->lent_len : 0) + len + 1 > s->max) {
        too_large(s);
        return;
    }
    if (!s->has_data && lendable) {
        s->lent = value;
        s->lent_len = len;
        s->data_lent = true;
    } else {
        keep_lent(s);
        if (s->has_data)
            buf_add_char(&s->data, '\n');
        buf_add(&s->data, value, len);
    }
    s->has_data = true;
}

static void field_retry(struct sse *s, const char *value, size_t len)
{
    int64_t ms = 0;
    for (size_t i = 0; i < len; i++) {
        if (value[i] < '0' || value[i] > '9' || i >= 12)
            return;
        ms = ms * 10 + (value[i] - '0');
    }
    if (len)
        s->retry_ms = ms;
}

static void field(struct sse *s, const char *name, size_t n, const char *value, size_t len, bool lendable)
{
    if (n == 4 && !memcmp(name, "data", 4)) {
        field_data(s, value, len, lendable);
    } else if (n == 5 && !memcmp(name, "event", 5)) {
        if (len > s->max) {
            too_large(s);
            return;
        }
        s->name.len = 0;
        buf_add(&s->name, value, len);
    } else if (n == 2 && !memcmp(name, "id", 2)) {
        if (len <= SSE_ID_MAX && !memchr(value, 0, len)) {
            s->id.len = 0;
            buf_add(&s->id, value, len);
        }
    } else if (n == 5 && !memcmp(name, "retry", 5)) {
        field_retry(s, value, len);
    }
}

/* One whole line without its end. True: it was empty and an event is ready. */
static bool line(struct sse *s, const char *p, size_t len, bool lendable)
{
    if (len == 0) {
        if (!s->has_data)
            s->name.len = 0;
        return s->has_data;
    }
    const char *colon = memchr(p, ':', len);
    if (colon == p)
        return false; /* a comment */
    size_t n = colon ? (size_t)(colon - p) : len;
    const char *value = colon ? colon + 1 : p + len;
    size_t rest = len - (size_t)(value - p);
    if (rest && *value == ' ')
        value++, rest--;
    field(s, p, n, value, rest, lendable);
    return false;
}

/* The end of the line that begins at r->p, or r->end. */
static const char *line_end(struct sse_read *r)
{
    if (!r->lf || r->lf < r->p) {
        r->lf = memchr(r->p, '\n', (size_t)(r->end - r->p));
        if (!r->lf)
            r->lf = r->end;
    }
    const char *cr = memchr(r->p, '\r', (size_t)(r->lf - r->p));
    return cr ? cr : r->lf;
}

/* Steps over the end of a line; a CR at the very end of the read may have its LF in the next one. */
static void step_over(struct sse *s, struct sse_read *r, const char *end)
{
    r->p = end + 1;
    if (*end != '\r')
        return;
    if (r->p == r->end)
        s->skip_lf = true;
    else if (*r->p == '\n')
        r->p++;
}

/* Bytes of a byte order mark are held back until it is sure that they are none. */
static void start(struct sse *s, struct sse_read *r)
{
    static const char bom[] = "\xEF\xBB\xBF";
    while (s->bom < SSE_BOM_OVER && r->p < r->end && *r->p == bom[s->bom]) {
        s->bom++;
        r->p++;
        if (s->bom == SSE_BOM_OVER)
            return;
    }
    if (r->p < r->end) {
        buf_add(&s->line, bom, s->bom);
        s->bom = SSE_BOM_OVER;
    }
}

static void hand_out(struct sse *s, struct sse_event *e)
{
    e->data = s->data_lent ? s->lent : (s->data.data ? s->data.data : "");
    e->data_len = s->data_lent ? s->lent_len : s->data.len;
    e->name = s->name.data ? s->name.data : "";
    e->name_len = s->name.len;
    s->pass = true;
}

/* What the read ends in the middle of is copied. */
static enum sse_next used_up(struct sse *s, struct sse_read *r)
{
    size_t n = (size_t)(r->end - r->p);
    if (s->line.len + n > s->max) {
        too_large(s);
        return SSE_TOO_LARGE;
    }
    buf_add(&s->line, r->p, n);
    r->p = r->end;
    keep_lent(s);
    return SSE_MORE;
}

enum sse_next sse_next(struct sse *s, struct sse_read *r, struct sse_event *event)
{
    sse_settle(s);
    if (s->bom < SSE_BOM_OVER)
        start(s, r);
    while (r->p < r->end && !s->over) {
        if (s->skip_lf) {
            s->skip_lf = false;
            if (*r->p == '\n') {
                r->p++;
                continue;
            }
        }
        const char *end = line_end(r);
        if (end == r->end)
            return used_up(s, r);
        bool ready;
        if (s->line.len) {
            buf_add(&s->line, r->p, (size_t)(end - r->p));
            ready = s->line.len <= s->max + 8 && line(s, s->line.data, s->line.len, false);
            s->over |= s->line.len > s->max + 8;
            s->line.len = 0;
        } else {
            ready = line(s, r->p, (size_t)(end - r->p), true);
        }
        step_over(s, r, end);
        if (ready) {
            hand_out(s, event);
            return SSE_EVENT;
        }
    }
    keep_lent(s);
    return s->over ? SSE_TOO_LARGE : SSE_MORE;
}

bool sse_end(struct sse *s, struct sse_event *event)
{
    sse_settle(s);
    if (s->over)
        return false;
    if (s->line.len)
        line(s, s->line.data, s->line.len, false);
    s->line.len = 0;
    if (s->has_data && !s->over)
        hand_out(s, event);
    return s->pass;
}
