/* openai_build: the request half of the codec (openai.h).
 *
 * The messages are kept as the text of a JSON array, so that an attempt copies bytes and parses nothing. Only
 * a prefix looks into it: who wrote the last message? */
#include "upstream/openai.h"

#include <string.h>

#include "base/json.h"

static const char *const role_names[] = {
    [PROMPT_SYSTEM] = "system", [PROMPT_USER] = "user", [PROMPT_ASSISTANT] = "assistant"};

static bool is_space(char c)
{
    return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

/* Narrows p[0..len) to the array without the space around it; false if it does not look like one. */
static bool array_trim(const char **p, size_t *len)
{
    while (*len && is_space(**p))
        (*p)++, (*len)--;
    while (*len && is_space((*p)[*len - 1]))
        (*len)--;
    return *len >= 2 && (*p)[0] == '[' && (*p)[*len - 1] == ']';
}

static void message(struct buf *out, const char *role, const char *text, size_t len)
{
    buf_add_lit(out, "{\"role\":\"");
    buf_add_str(out, role);
    buf_add_lit(out, "\",\"content\":");
    json_add_string(out, text, len);
}

bool openai_messages(struct buf *out, const struct prompt *prompt)
{
    if (prompt->messages_json) {
        const char *p = prompt->messages_json;
        size_t len = strlen(p);
        if (!array_trim(&p, &len))
            return false;
        buf_add(out, p, len);
        return true;
    }
    buf_add_char(out, '[');
    for (size_t i = 0; i < prompt->count; i++) {
        const struct prompt_message *m = &prompt->messages[i];
        if (i)
            buf_add_char(out, ',');
        message(out, role_names[m->role], m->text, m->len);
        buf_add_char(out, '}');
    }
    buf_add_char(out, ']');
    return true;
}

static int to_buf(const char *p, size_t len, void *data)
{
    buf_add(data, p, len);
    return 0;
}

/* Where the client began the answer himself, the text so far goes on in his message: two messages of the
 * assistant in a row would be two answers. False: the last message is none of his, nothing was written. */
static bool extend_last(struct buf *out, const struct ask *a)
{
    json_t *messages = json_loadb(a->messages, a->messages_len, JSON_ALLOW_NUL, NULL);
    json_t *last = json_array_get(messages, json_array_size(messages) - 1);
    const json_t *content = json_object_get(last, "content");
    const char *role = json_string_value(json_object_get(last, "role"));
    bool his = role && !strcmp(role, "assistant") && json_is_string(content);
    if (his) {
        struct buf whole = {0};
        buf_add(&whole, json_string_value(content), json_string_length(content));
        buf_add(&whole, a->prefix, a->prefix_len);
        json_object_set_new(last, "content", json_stringn(whole.data, whole.len));
        if (a->continuation == CONTINUE_PREFIX_FLAG)
            json_object_set_new(last, "prefix", json_true());
        json_dump_callback(messages, to_buf, out, JSON_COMPACT);
        buf_free(&whole);
    }
    json_decref(messages);
    return his;
}

static void append_message(struct buf *out, const struct ask *a)
{
    buf_add(out, a->messages, a->messages_len - 1); /* without the closing bracket */
    while (is_space(out->data[out->len - 1]))
        out->len--;
    if (out->data[out->len - 1] != '[')
        buf_add_char(out, ',');
    message(out, "assistant", a->prefix, a->prefix_len);
    if (a->continuation == CONTINUE_PREFIX_FLAG)
        buf_add_lit(out, ",\"prefix\":true");
    buf_add_lit(out, "}]");
}

static void add_messages(struct buf *out, const struct ask *a)
{
    if (!a->prefix_len) {
        buf_add(out, a->messages, a->messages_len);
        return;
    }
    if (!extend_last(out, a))
        append_message(out, a);
    if (a->continuation == CONTINUE_FINAL_MESSAGE)
        buf_add_lit(out, ",\"continue_final_message\":true,\"add_generation_prompt\":false");
}

/* What the codec writes itself; and `n`, since an answer is one. */
static bool reserved(const char *key)
{
    static const char *const keys[] = {"model",
                                       "messages",
                                       "stream",
                                       "stream_options",
                                       "n",
                                       "continue_final_message",
                                       "add_generation_prompt"};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        if (!strcmp(key, keys[i]))
            return true;
    return false;
}

static void member(struct buf *out, const char *key, const json_t *value, int64_t produced)
{
    buf_add_char(out, ',');
    json_add_cstring(out, key);
    buf_add_char(out, ':');
    bool limit = !strcmp(key, "max_tokens") || !strcmp(key, "max_completion_tokens");
    if (limit && produced && json_is_integer(value)) {
        int64_t left = json_integer_value(value) - produced;
        buf_add_i64(out, left > 0 ? left : 1);
        return;
    }
    json_dump_callback(value, to_buf, out, JSON_COMPACT | JSON_ENCODE_ANY | JSON_REAL_PRECISION(15));
}

/* Members of `from` that are the codec's own, or that `over` has too, stay out. */
static void members(struct buf *out, const json_t *from, const json_t *over, int64_t produced)
{
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)from, key, value)
    {
        if (!reserved(key) && !(over && json_object_get(over, key)))
            member(out, key, value, produced);
    }
}

void openai_build(struct buf *out, const struct ask *a)
{
    buf_reserve(out, a->messages_len + a->prefix_len + 512);
    buf_add_lit(out, "{\"model\":");
    json_add_cstring(out, a->model);
    buf_add_lit(out, ",\"messages\":");
    add_messages(out, a);
    buf_add_lit(out, ",\"stream\":true,\"stream_options\":{\"include_usage\":true}");
    int64_t produced = a->prefix_len ? a->produced : 0;
    members(out, a->params, a->body, produced);
    members(out, a->body, NULL, produced);
    buf_add_char(out, '}');
}
