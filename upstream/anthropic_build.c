/* anthropic_build: the request half of the codec (anthropic.h).
 *
 *     messages: system, developer ------------> "system", one text
 *               user, assistant, in any order -> "messages": lists of blocks, one role's after the other's
 *     params:   by their names here, or left out; body of the target: as it is
 *
 * OpenAI's shape is what comes in, whoever wrote it, so all is parsed; a request is built once an attempt. */
#include <string.h>

#include "base/json.h"
#include "upstream/anthropic.h"

#define VERSION "2023-06-01"

void anthropic_head(struct buf *out, const char *key)
{
    buf_add_lit(out, "anthropic-version: " VERSION "\r\n");
    if (*key)
        buf_printf(out, "x-api-key: %s\r\n", key);
}

size_t anthropic_unsent(const char *prefix, size_t len)
{
    size_t end = len;
    while (end && strchr(" \n\r\t", prefix[end - 1]) && prefix[end - 1])
        end--;
    return len - end;
}

/* ------------------------------------------------------------ messages */

static json_t *text_block(const char *text, size_t len)
{
    return json_pack("{ssss%}", "type", "text", "text", text, len);
}

/* {"image_url":{"url":…}}, which may hold the picture itself. NULL: it is none of that kind. */
static json_t *image_block(const json_t *part)
{
    const char *url = json_string_value(json_object_get(json_object_get(part, "image_url"), "url"));
    if (!url)
        return NULL;
    const char *data = strncmp(url, "data:", 5) ? NULL : strstr(url, ";base64,");
    if (!data)
        return json_pack("{sss{ssss}}", "type", "image", "source", "type", "url", "url", url);
    return json_pack("{sss{ssss%ss}}", "type", "image", "source", "type", "base64", "media_type", url + 5,
                     (size_t)(data - url - 5), "data", data + 8);
}

/* A content as blocks, at the end of `blocks`. Empty texts are refused there, and say nothing. */
static void add_blocks(json_t *blocks, const json_t *content)
{
    size_t i;
    json_t *part;
    if (json_is_string(content) && json_string_length(content))
        json_array_append_new(blocks, text_block(json_string_value(content), json_string_length(content)));
    json_array_foreach((json_t *)content, i, part)
    {
        const json_t *text = json_object_get(part, "text");
        json_t *image = image_block(part);
        if (image)
            json_array_append_new(blocks, image);
        else if (!json_is_string(text) || json_string_length(text))
            json_array_append(blocks, part);
    }
}

static void add_system(struct buf *system, const json_t *content)
{
    json_t *blocks = json_array(), *block;
    size_t i;
    add_blocks(blocks, content);
    json_array_foreach(blocks, i, block)
    {
        const json_t *text = json_object_get(block, "text");
        if (system->len)
            buf_add_lit(system, "\n\n");
        buf_add(system, json_is_string(text) ? json_string_value(text) : "", json_string_length(text));
    }
    json_decref(blocks);
}

/* Messages of one role in a row are one. */
static void add_message(json_t *messages, const char *role, const json_t *content)
{
    json_t *blocks = json_array();
    add_blocks(blocks, content);
    json_t *last = json_array_get(messages, json_array_size(messages) - 1);
    const char *before = json_string_value(json_object_get(last, "role"));
    if (!json_array_size(blocks))
        json_decref(blocks);
    else if (before && !strcmp(before, role)) {
        json_array_extend(json_object_get(last, "content"), blocks);
        json_decref(blocks);
    } else
        json_array_append_new(messages, json_pack("{ssso}", "role", role, "content", blocks));
}

static bool is_role(const json_t *message, const char *want)
{
    const char *role = json_string_value(json_object_get(message, "role"));
    return role && !strcmp(role, want);
}

/* A conversation whose oldest messages stayed out may begin with an answer; there it begins with the user. */
static void begin_with_user(json_t *messages)
{
    if (json_array_size(messages) > 1 && is_role(json_array_get(messages, 0), "assistant"))
        json_array_remove(messages, 0);
}

static json_t *read_messages(const struct ask *a, struct buf *system)
{
    json_t *given = json_loadb(a->messages, a->messages_len, JSON_ALLOW_NUL, NULL), *m;
    json_t *messages = json_array();
    size_t i;
    json_array_foreach(given, i, m)
    {
        const char *role = json_string_value(json_object_get(m, "role"));
        const json_t *content = json_object_get(m, "content");
        if (is_role(m, "system") || is_role(m, "developer"))
            add_system(system, content);
        else
            add_message(messages, role ? role : "user", content);
    }
    json_decref(given);
    begin_with_user(messages);
    return messages;
}

/* The answer so far, as the last message; behind what the client began himself. */
static void add_prefix(json_t *messages, const struct ask *a)
{
    size_t len = a->prefix_len - anthropic_unsent(a->prefix, a->prefix_len);
    json_t *last = json_array_get(messages, json_array_size(messages) - 1);
    if (!len)
        return;
    struct buf whole = {0};
    if (is_role(last, "assistant")) {
        json_t *blocks = json_object_get(last, "content");
        size_t end = json_array_size(blocks) - 1;
        const json_t *text = json_object_get(json_array_get(blocks, end), "text");
        if (json_is_string(text)) {
            buf_add(&whole, json_string_value(text), json_string_length(text));
            json_array_remove(blocks, end);
        }
        buf_add(&whole, a->prefix, len);
        json_array_append_new(blocks, text_block(whole.data, whole.len));
    } else {
        json_array_append_new(
            messages, json_pack("{sss[o]}", "role", "assistant", "content", text_block(a->prefix, len)));
    }
    buf_free(&whole);
}

/* ------------------------------------------------------------ parameters */

/* OpenAI's that have another name here, or none: hints that an answer can do without. Others go as they are,
 * and are refused there rather than forgotten here. */
static const struct {
    const char *name, *here;
} renamed[] = {
    {"stop", "stop_sequences"},
    {"max_completion_tokens", "max_tokens"},
    {"seed", NULL},
    {"frequency_penalty", NULL},
    {"presence_penalty", NULL},
    {"logit_bias", NULL},
    {"logprobs", NULL},
    {"top_logprobs", NULL},
    {"n", NULL},
    {"store", NULL},
    {"user", NULL},
    {"metadata", NULL},
    {"stream_options", NULL},
    {"service_tier", NULL},
};

static const char *name_here(const char *name)
{
    for (size_t i = 0; i < sizeof renamed / sizeof *renamed; i++)
        if (!strcmp(renamed[i].name, name))
            return renamed[i].here;
    return name;
}

static void add_params(json_t *root, const json_t *params)
{
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)params, key, value)
    {
        const char *here = name_here(key);
        if (here && !json_is_null(value))
            json_object_set(root, here, value);
    }
    const json_t *temperature = json_object_get(root, "temperature");
    if (json_is_number(temperature) && json_number_value(temperature) > 1)
        json_object_set_new(root, "temperature", json_integer(1));
    const json_t *stop = json_object_get(root, "stop_sequences");
    if (json_is_string(stop))
        json_object_set_new(root, "stop_sequences", json_pack("[O]", stop));
}

static void add_limit(json_t *root, const struct ask *a)
{
    const json_t *said = json_object_get(root, "max_tokens");
    if (said && !json_is_integer(said))
        return; /* refused there */
    int64_t most = said ? json_integer_value(said) : a->max_tokens;
    if (a->prefix_len && most > 0)
        most = most > a->produced ? most - a->produced : 1;
    json_object_set_new(root, "max_tokens", json_integer(most));
}

static int to_buf(const char *p, size_t len, void *data)
{
    buf_add(data, p, len);
    return 0;
}

void anthropic_build(struct buf *out, const struct ask *a)
{
    struct buf system = {0};
    json_t *root = json_object(), *messages = read_messages(a, &system);
    add_params(root, a->params);
    if (a->body)
        json_object_update(root, (json_t *)a->body);
    add_limit(root, a);
    if (a->prefix_len)
        add_prefix(messages, a);
    json_object_set_new(root, "model", json_string(a->model));
    json_object_set_new(root, "messages", messages);
    json_object_set_new(root, "stream", json_true());
    if (system.len)
        json_object_set_new(root, "system", json_stringn(system.data, system.len));
    json_dump_callback(root, to_buf, out, JSON_COMPACT | JSON_REAL_PRECISION(15));
    json_decref(root);
    buf_free(&system);
}
