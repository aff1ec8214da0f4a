/* ask_json: an ask from a JSON body: OpenAI's shape, or {"prompt": ...}. */
#include "ask.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

static const char *const option_names[] = {"tokens",     "token_size",    "rate",        "first_token_ms",
                                           "jitter",     "seed",          "offset",      "fault",
                                           "fault_mode", "fail_attempts", "fault_after", "retry_after"};

/* A content is a string, or an array of parts of which the text ones count; null is empty. */
static bool read_content(const json_t *content, struct buf *out)
{
    size_t i;
    json_t *part;
    buf_clear(out);
    if (json_is_string(content)) {
        buf_add(out, json_string_value(content), json_string_length(content));
        return true;
    }
    if (!content || json_is_null(content))
        return true;
    if (!json_is_array(content))
        return false;
    json_array_foreach(content, i, part)
    {
        const json_t *text = json_object_get(part, "text");
        if (!json_is_object(part) || (text && !json_is_string(text)))
            return false;
        if (text)
            buf_add(out, json_string_value(text), json_string_length(text));
    }
    return true;
}

static bool read_messages(struct ask *a, const json_t *messages, struct refusal *why)
{
    struct buf content = {0};
    uint64_t bytes = 0;
    bool ok = json_is_array(messages) && json_array_size(messages) > 0;
    for (size_t i = 0; ok && i < json_array_size(messages); i++) {
        const json_t *m = json_array_get(messages, i);
        const char *role = json_string_value(json_object_get(m, "role"));
        ok = role && read_content(json_object_get(m, "content"), &content);
        if (!ok)
            break;
        bytes += content.len;
        a->has_prefix = i + 1 == json_array_size(messages) && !strcmp(role, "assistant");
        if (a->has_prefix)
            bytes -= content.len;
        struct buf *to = !strcmp(role, "user") ? &a->input : a->has_prefix ? &a->prefix : NULL;
        if (to) {
            buf_clear(to);
            buf_add(to, content.data, content.len);
        }
    }
    buf_free(&content);
    a->prompt_tokens = ask_prompt_tokens(bytes);
    return ok ? true : refuse_field(why, "messages");
}

static bool read_stop(struct ask *a, const json_t *stop, struct refusal *why)
{
    size_t n = json_is_array(stop) ? json_array_size(stop) : 1;
    if (!stop || json_is_null(stop))
        return true;
    if (n > STOPS_MAX)
        return refuse_field(why, "stop");
    for (size_t i = 0; i < n; i++) {
        const json_t *one = json_is_array(stop) ? json_array_get(stop, i) : stop;
        if (!json_is_string(one))
            return refuse_field(why, "stop");
        buf_add(&a->stop[i], json_string_value(one), json_string_length(one));
    }
    return true;
}

static bool read_options(struct ask *a, const json_t *root, struct refusal *why)
{
    for (size_t i = 0; i < sizeof(option_names) / sizeof(option_names[0]); i++) {
        const json_t *v = json_object_get(root, option_names[i]);
        char text[64];
        bool known;
        if (!v || json_is_null(v))
            continue;
        if (json_is_integer(v))
            snprintf(text, sizeof(text), "%" JSON_INTEGER_FORMAT, json_integer_value(v));
        else if (json_is_real(v))
            snprintf(text, sizeof(text), "%.17g", json_real_value(v));
        else
            snprintf(text, sizeof(text), "%s", json_is_string(v) ? json_string_value(v) : "?");
        if (!option_set(&a->opt, option_names[i], text, &known))
            return refuse_field(why, option_names[i]);
    }
    return true;
}

static bool read_limits(struct ask *a, const json_t *root, struct refusal *why)
{
    const json_t *max = json_object_get(root, "max_completion_tokens");
    if (!max || json_is_null(max))
        max = json_object_get(root, "max_tokens");
    if (max && !json_is_null(max)) {
        if (!json_is_integer(max) || json_integer_value(max) < 1)
            return refuse_field(why, "max_tokens");
        a->max_tokens = json_integer_value(max);
    }
    return read_stop(a, json_object_get(root, "stop"), why);
}

static bool read_root(struct ask *a, const json_t *root, struct refusal *why)
{
    const json_t *stream = json_object_get(root, "stream");
    const json_t *stream_options = json_object_get(root, "stream_options");
    const char *model = json_string_value(json_object_get(root, "model"));
    if (!model)
        return refuse_field(why, "model");
    if (stream && !json_is_boolean(stream) && !json_is_null(stream))
        return refuse_field(why, "stream");
    a->stream = json_is_true(stream);
    a->include_usage = json_is_true(json_object_get(stream_options, "include_usage"));
    return ask_set_model(a, model, why) && read_messages(a, json_object_get(root, "messages"), why) &&
           read_options(a, root, why) && read_limits(a, root, why);
}

/* Roles alternate, the user begins, no content is empty, the last does not end in space. */
static bool check_messages(const struct ask *a, const json_t *messages, struct refusal *why)
{
    struct buf content = {0};
    bool ok = true;
    for (size_t i = 0; ok && i < json_array_size(messages); i++) {
        const json_t *m = json_array_get(messages, i);
        const char *role = json_string_value(json_object_get(m, "role"));
        ok = role && !strcmp(role, i % 2 ? "assistant" : "user") &&
             read_content(json_object_get(m, "content"), &content) && content.len;
    }
    buf_free(&content);
    if (!ok)
        return refuse_field(why, "messages");
    if (a->has_prefix && strchr(" \n\r\t", a->prefix.data[a->prefix.len - 1]))
        return refuse(why, 400, "invalid_request",
                      "messages: final assistant content cannot end with trailing whitespace");
    return true;
}

static bool read_anthropic(struct ask *a, const json_t *root, struct refusal *why)
{
    static const char *const foreign[] = {"stop",           "max_completion_tokens", "seed", "n",
                                          "stream_options", "frequency_penalty",     "user"};
    struct buf system = {0};
    for (size_t i = 0; i < sizeof(foreign) / sizeof(foreign[0]); i++)
        if (json_object_get(root, foreign[i]))
            return refuse(why, 400, "invalid_request", "%s: Extra inputs are not permitted", foreign[i]);
    if (!json_is_integer(json_object_get(root, "max_tokens")))
        return refuse(why, 400, "invalid_request", "max_tokens: Field required");
    if (!json_is_true(json_object_get(root, "stream")))
        return refuse_field(why, "stream");
    bool ok = read_content(json_object_get(root, "system"), &system) || refuse_field(why, "system");
    ok = ok && read_root(a, root, why) && check_messages(a, json_object_get(root, "messages"), why) &&
         read_stop(a, json_object_get(root, "stop_sequences"), why);
    a->prompt_tokens += ok ? ask_prompt_tokens(system.len) : 0;
    const json_t *thinking = json_object_get(root, "thinking");
    const char *type = json_string_value(json_object_get(thinking, "type"));
    a->thinking = type && !strcmp(type, "enabled");
    a->include_usage = true;
    buf_free(&system);
    return ok;
}

static bool read_prompt(struct ask *a, const json_t *root, struct refusal *why)
{
    const json_t *prompt = json_object_get(root, "prompt"), *model = json_object_get(root, "model");
    if (!json_is_string(prompt) || !json_string_length(prompt))
        return refuse_field(why, "prompt");
    if (model && !json_is_string(model))
        return refuse_field(why, "model");
    if (model && !ask_set_model(a, json_string_value(model), why))
        return false;
    ask_set_input(a, json_string_value(prompt), json_string_length(prompt));
    return read_options(a, root, why);
}

static bool from_json(struct ask *a, const char *body, size_t n, struct refusal *why,
                      bool (*read)(struct ask *, const json_t *, struct refusal *))
{
    json_error_t e;
    json_t *root = json_loadb(body ? body : "", n, JSON_ALLOW_NUL, &e);
    bool ok;
    if (!root)
        ok = refuse(why, 400, "invalid_json", "The body is not JSON: line %d, column %d.", e.line, e.column);
    else if (!json_is_object(root))
        ok = refuse(why, 400, "invalid_json", "The body is not a JSON object.");
    else
        ok = read(a, root, why);
    json_decref(root);
    return ok;
}

bool ask_from_json(struct ask *a, const char *body, size_t n, struct refusal *why)
{
    return from_json(a, body, n, why, read_root);
}

bool ask_from_messages(struct ask *a, const char *body, size_t n, struct refusal *why)
{
    return from_json(a, body, n, why, read_anthropic);
}

bool ask_from_prompt(struct ask *a, const char *body, size_t n, struct refusal *why)
{
    return from_json(a, body, n, why, read_prompt);
}
