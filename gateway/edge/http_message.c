/* http_message: the small readers and writers of http.h that need no connection. Pure. */
#include <string.h>

#include "base/json.h"
#include "edge/http.h"

const char *http_method_name(enum http_method method)
{
    static const char *const names[] = {
        [HTTP_GET] = "GET",       [HTTP_HEAD] = "HEAD",       [HTTP_POST] = "POST",  [HTTP_PATCH] = "PATCH",
        [HTTP_DELETE] = "DELETE", [HTTP_OPTIONS] = "OPTIONS", [HTTP_OTHER] = "other"};
    return names[method];
}

int http_hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* One decoded byte at *s, which moves on; -1: malformed. */
static int decode(const char **s)
{
    const char *p = *s;
    *s += 1;
    if (*p == '+')
        return ' ';
    if (*p != '%')
        return (unsigned char)*p;
    int high = http_hex_value(p[1]), low = high < 0 ? -1 : http_hex_value(p[2]);
    if (low < 0)
        return -1;
    *s += 2;
    return high * 16 + low;
}

static bool decode_value(const char *s, const char *end, char *out, size_t size)
{
    size_t n = 0;
    while (s < end) {
        int c = decode(&s);
        if (c <= 0 || n + 1 >= size)
            return false;
        out[n++] = (char)c;
    }
    out[n] = '\0';
    return true;
}

bool http_query(const struct http_exchange *x, const char *name, char *out, size_t size)
{
    size_t want = strlen(name);
    for (const char *s = x->query; *s;) {
        const char *end = s + strcspn(s, "&");
        if ((size_t)(end - s) >= want && strncmp(s, name, want) == 0) {
            if (s[want] == '=')
                return decode_value(s + want + 1, end, out, size);
            if (s + want == end)
                return decode_value(end, end, out, size);
        }
        s = *end ? end + 1 : end;
    }
    return false;
}

/* A conversation that the model has no room for; OpenAI's clients look for its status and word. */
static bool is_context_length(const struct err *e)
{
    return e->code == ERR_TOO_LARGE && e->param && strcmp(e->param, "messages") == 0;
}

int http_error_status(const struct err *e)
{
    return is_context_length(e) ? 400 : err_http_status(e->code);
}

/* Where OpenAI's clients look for a word of theirs, it stands; otherwise the wire's code. */
static const char *error_code(const struct err *e)
{
    if (e->code == ERR_NOT_FOUND && e->param && strcmp(e->param, "model") == 0)
        return "model_not_found";
    if (is_context_length(e))
        return "context_length_exceeded";
    return err_wire(e->code);
}

static const char *error_type(int status)
{
    if (status == 429)
        return "rate_limit_error";
    return status < 500 ? "invalid_request_error" : "server_error";
}

void http_write_error(struct buf *out, const struct err *e)
{
    buf_add_lit(out, "{\"error\":{\"message\":");
    json_add_cstring(out, err_message(e));
    buf_add_lit(out, ",\"type\":");
    json_add_cstring(out, error_type(http_error_status(e)));
    buf_add_lit(out, ",\"param\":");
    json_add_cstring(out, e->param);
    buf_add_lit(out, ",\"code\":");
    json_add_cstring(out, error_code(e));
    buf_add_lit(out, "}}");
}
