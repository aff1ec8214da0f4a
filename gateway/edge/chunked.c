/* chunked: see chunked.h. */
#include "edge/chunked.h"

#include "edge/http.h"

#define DIGITS_MAX 12
#define EXTRA_MAX 8192

static enum chunked_verdict expect(struct chunked *c, char got, char want, int next)
{
    if (got != want)
        return CHUNKED_BAD;
    c->state = (unsigned)next;
    return next == CHUNKED_END ? CHUNKED_DONE : CHUNKED_MORE;
}

static enum chunked_verdict step_size(struct chunked *c, char ch)
{
    int value = http_hex_value(ch);
    if (value >= 0) {
        c->left = c->left * 16 + (unsigned)value;
        return ++c->digits > DIGITS_MAX ? CHUNKED_BAD : CHUNKED_MORE;
    }
    if (!c->digits || (ch != ';' && ch != '\r'))
        return CHUNKED_BAD;
    c->state = ch == ';' ? CHUNKED_EXTENSION : CHUNKED_SIZE_LF;
    return CHUNKED_MORE;
}

/* Within text that nobody reads: to its CR. */
static enum chunked_verdict step_over(struct chunked *c, char ch, int at_cr, int else_state)
{
    if (ch == '\n' || ch == '\0' || ++c->extra > EXTRA_MAX)
        return CHUNKED_BAD;
    c->state = (unsigned)(ch == '\r' ? at_cr : else_state);
    return CHUNKED_MORE;
}

static enum chunked_verdict step_size_lf(struct chunked *c, char ch, const struct buf *body, size_t max)
{
    if (c->left > max - body->len)
        return CHUNKED_TOO_LARGE;
    c->digits = 0;
    return expect(c, ch, '\n', c->left ? CHUNKED_DATA : CHUNKED_TRAILER);
}

static enum chunked_verdict step(struct chunked *c, char ch, const struct buf *body, size_t max)
{
    switch (c->state) {
    case CHUNKED_SIZE:
        return step_size(c, ch);
    case CHUNKED_EXTENSION:
        return step_over(c, ch, CHUNKED_SIZE_LF, CHUNKED_EXTENSION);
    case CHUNKED_SIZE_LF:
        return step_size_lf(c, ch, body, max);
    case CHUNKED_DATA_CR:
        return expect(c, ch, '\r', CHUNKED_DATA_LF);
    case CHUNKED_DATA_LF:
        return expect(c, ch, '\n', CHUNKED_SIZE);
    case CHUNKED_TRAILER:
        return step_over(c, ch, CHUNKED_LAST_LF, CHUNKED_TRAILER_LINE);
    case CHUNKED_TRAILER_LINE:
        return step_over(c, ch, CHUNKED_TRAILER_LF, CHUNKED_TRAILER_LINE);
    case CHUNKED_TRAILER_LF:
        return expect(c, ch, '\n', CHUNKED_TRAILER);
    case CHUNKED_LAST_LF:
        return expect(c, ch, '\n', CHUNKED_END);
    case CHUNKED_DATA:
    case CHUNKED_END:
        break;
    }
    return CHUNKED_BAD;
}

enum chunked_verdict chunked_feed(struct chunked *c, const char *data, size_t len, struct buf *body,
                                  size_t max, size_t *used)
{
    for (*used = 0; *used < len;) {
        if (c->state == CHUNKED_DATA) {
            size_t now = len - *used < c->left ? len - *used : (size_t)c->left;
            buf_add(body, data + *used, now);
            c->left -= now;
            *used += now;
            if (!c->left)
                c->state = CHUNKED_DATA_CR;
            continue;
        }
        enum chunked_verdict verdict = step(c, data[(*used)++], body, max);
        if (verdict != CHUNKED_MORE)
            return verdict;
    }
    return CHUNKED_MORE;
}
