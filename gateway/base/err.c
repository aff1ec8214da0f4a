/* err: reads err.def. No text is made here beyond the message of one struct err. */
#include "base/err.h"

#include <stdarg.h>
#include <stdio.h>

struct row {
    const char *wire;
    int http;
    enum err_retry retry;
    const char *sentence;
};

static const struct row rows[ERR_COUNT] = {
    [ERR_NONE] = {"", 200, RETRY_NOW, ""},
#define X(id, wire, http, retry, sentence) [ERR_##id] = {wire, http, RETRY_##retry, sentence},
#include "base/err.def"
#undef X
};

static const struct row *row_of(enum err_code code)
{
    return (unsigned)code < ERR_COUNT ? &rows[code] : &rows[ERR_INTERNAL];
}

const char *err_wire(enum err_code code)
{
    return row_of(code)->wire;
}

const char *err_sentence(enum err_code code)
{
    return row_of(code)->sentence;
}

int err_http_status(enum err_code code)
{
    return row_of(code)->http;
}

enum err_retry err_retry(enum err_code code)
{
    return row_of(code)->retry;
}

const char *err_retry_name(enum err_retry retry)
{
    switch (retry) {
    case RETRY_NOW:
        return "now";
    case RETRY_BACKOFF:
        return "backoff";
    case RETRY_NEVER:
        break;
    }
    return "never";
}

/* A message cut by the buffer must not end inside a UTF-8 sequence: it goes onto the wire as it is. */
static void drop_cut_sequence(char *s, size_t len)
{
    size_t back = 0;
    while (back < 3 && back < len && ((unsigned char)s[len - 1 - back] & 0xC0) == 0x80)
        back++;
    if (back < len && ((unsigned char)s[len - 1 - back] & 0xC0) == 0xC0)
        s[len - 1 - back] = '\0';
}

_Bool err_set(struct err *e, enum err_code code, const char *fmt, ...)
{
    *e = (struct err){.code = code};
    if (!fmt)
        return 0;
    va_list args;
    va_start(args, fmt);
    int n = vsnprintf(e->message, sizeof e->message, fmt, args);
    va_end(args);
    if (n < 0)
        e->message[0] = '\0';
    else if ((size_t)n >= sizeof e->message)
        drop_cut_sequence(e->message, sizeof e->message - 1);
    return 0;
}

const char *err_message(const struct err *e)
{
    return e->message[0] ? e->message : err_sentence(e->code);
}
