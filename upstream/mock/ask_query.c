/* ask_query: an ask from a query string. */
#include "ask.h"

#include <string.h>

#include "base/json.h"

static int hex(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32) - 'a' + 10 : -1;
}

static void percent_decode(struct buf *out, const char *p, size_t n)
{
    buf_clear(out);
    for (size_t i = 0; i < n; i++) {
        int c = p[i] == '+' ? ' ' : p[i];
        if (c == '%' && i + 2 < n && hex(p[i + 1]) >= 0 && hex(p[i + 2]) >= 0) {
            c = hex(p[i + 1]) * 16 + hex(p[i + 2]);
            i += 2;
        }
        buf_add_char(out, (char)c);
    }
    buf_cstr(out);
}

/* Calls `set` for each name and value; stops at the first false. */
static bool each_parameter(struct ask *a, const char *query, struct refusal *why,
                           bool (*set)(struct ask *, const char *, const struct buf *, struct refusal *))
{
    struct buf name = {0}, value = {0};
    bool ok = true;
    while (ok && *query) {
        size_t n = strcspn(query, "&"), k = strcspn(query, "=&");
        percent_decode(&name, query, k);
        percent_decode(&value, query + k + (k < n), n - k - (k < n));
        ok = !n || set(a, name.data, &value, why);
        query += n + (query[n] == '&');
    }
    buf_free(&name);
    buf_free(&value);
    return ok;
}

static bool set_model(struct ask *a, const char *name, const struct buf *value, struct refusal *why)
{
    return strcmp(name, "model") != 0 || ask_set_model(a, value->data, why);
}

static bool set_other(struct ask *a, const char *name, const struct buf *value, struct refusal *why)
{
    bool known = true;
    if (!strcmp(name, "model"))
        return true;
    if (!strcmp(name, "input")) {
        if (!utf8_valid(value->data, value->len))
            return refuse_field(why, "input");
        ask_set_input(a, value->data, value->len);
        return true;
    }
    return option_set(&a->opt, name, value->data, &known) && known ? true : refuse_field(why, name);
}

bool ask_from_query(struct ask *a, const char *query, const char *fallback, struct refusal *why)
{
    /* the model first, wherever it stands: it sets what the others change */
    return ask_set_model(a, fallback, why) && each_parameter(a, query, why, set_model) &&
           each_parameter(a, query, why, set_other);
}
