/* richierich: see richierich.h. */
#include "upstream/richierich.h"

#include <string.h>

#include "base/json.h"
#include "base/mem.h"

static void add_escaped(struct buf *out, const char *text, size_t len)
{
    static const char hex[] = "0123456789ABCDEF";
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)text[i];
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                     strchr("-_.~", c) != NULL;
        if (plain && c) {
            buf_add_char(out, (char)c);
        } else {
            buf_add_char(out, '%');
            buf_add_char(out, hex[c >> 4]);
            buf_add_char(out, hex[c & 15]);
        }
    }
}

/* What OpenAI's surface knows and this dialect does not. */
static bool foreign(const char *key)
{
    static const char *const keys[] = {"model",
                                       "messages",
                                       "stream",
                                       "stream_options",
                                       "n",
                                       "temperature",
                                       "top_p",
                                       "max_tokens",
                                       "max_completion_tokens",
                                       "stop",
                                       "presence_penalty",
                                       "frequency_penalty",
                                       "user",
                                       "input",
                                       "offset"};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        if (!strcmp(key, keys[i]))
            return true;
    return false;
}

static void add_value(struct buf *out, const char *key, const json_t *value)
{
    char number[64] = "";
    const char *text = number;
    if (json_is_string(value))
        text = json_string_value(value);
    else if (json_is_integer(value))
        snprintf(number, sizeof number, "%lld", (long long)json_integer_value(value));
    else if (json_is_real(value))
        snprintf(number, sizeof number, "%.15g", json_real_value(value));
    else if (json_is_boolean(value))
        snprintf(number, sizeof number, "%s", json_is_true(value) ? "true" : "false");
    else
        return;
    buf_add_char(out, '&');
    add_escaped(out, key, strlen(key));
    buf_add_char(out, '=');
    add_escaped(out, text, strlen(text));
}

static void add_values(struct buf *out, const json_t *from, const json_t *over)
{
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)from, key, value)
    {
        if (!foreign(key) && !(over && json_object_get(over, key)))
            add_value(out, key, value);
    }
}

void richierich_path(struct buf *out, const struct ask *ask)
{
    buf_add_lit(out, "/stream?model=");
    add_escaped(out, ask->model, strlen(ask->model));
    if (ask->prefix_len) {
        buf_add_lit(out, "&offset=");
        buf_add_u64(out, ask->prefix_len);
    }
    add_values(out, ask->params, ask->body);
    add_values(out, ask->body, NULL);
}

static void add_content(struct buf *out, const json_t *content)
{
    size_t i;
    json_t *piece;
    if (json_is_string(content))
        buf_add(out, json_string_value(content), json_string_length(content));
    json_array_foreach((json_t *)content, i, piece)
    {
        const json_t *text = json_object_get(piece, "text");
        if (json_is_string(text))
            buf_add(out, json_string_value(text), json_string_length(text));
    }
}

void richierich_build(struct buf *out, const struct ask *ask)
{
    json_t *messages = json_loadb(ask->messages, ask->messages_len, JSON_ALLOW_NUL, NULL);
    for (size_t i = json_array_size(messages); i-- > 0;) {
        const json_t *m = json_array_get(messages, i);
        const char *role = json_string_value(json_object_get(m, "role"));
        if (role && !strcmp(role, "user")) {
            add_content(out, json_object_get(m, "content"));
            break;
        }
    }
    json_decref(messages);
}

/* {"error":{"code":…}} and nothing else; text that only looks like it stays text. */
static bool is_error(struct answer *a, const char *message, size_t len)
{
    if (len < 10 || memcmp(message, "{\"error\":", 9) != 0)
        return false;
    json_t *root = json_loadb(message, len, 0, NULL);
    const json_t *error = json_object_get(root, "error");
    bool is = json_object_size(root) == 1 && json_is_object(error);
    if (is)
        a->failure = failure_of_error(json_string_value(json_object_get(error, "code")), NULL, NULL);
    json_decref(root);
    return is;
}

void richierich_feed(struct gather *g, struct answer *a, const char *message, size_t len)
{
    if (a->done || a->failure)
        return;
    if (!utf8_valid(message, len)) {
        a->malformed++;
        return;
    }
    a->events++;
    if (len == 6 && !memcmp(message, "[DONE]", 6))
        a->done = true;
    else if (!is_error(a, message, len) && len)
        gather_add(g, ANSWER_TEXT, message, len);
}
