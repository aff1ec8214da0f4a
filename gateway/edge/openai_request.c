/* openai_request: see openai_request.h. */
#include "edge/openai_request.h"

#include <stdlib.h>
#include <string.h>

#include "core/protocol.h"

#define MODEL_MAX 255

static bool bad(struct err *e, const char *param, const char *message)
{
    err_set(e, ERR_BAD_REQUEST, "%s", message);
    e->param = param;
    return false;
}

/* For members that may be null. */
static bool is_absent(const json_t *v)
{
    return !v || json_is_null(v);
}

/* ------------------------------------------------------------------ messages */

static bool bad_message(struct err *e, size_t index, const char *what)
{
    err_set(e, ERR_BAD_REQUEST, "messages[%zu]%s", index, what);
    e->param = "messages";
    return false;
}

static bool check_parts(const json_t *parts, size_t index, struct err *e)
{
    if (json_array_size(parts) == 0)
        return bad_message(e, index, ".content: must not be an empty array");
    for (size_t i = 0; i < json_array_size(parts); i++) {
        const json_t *part = json_array_get(parts, i);
        const char *type = json_string_value(json_object_get(part, "type"));
        if (!type || strcmp(type, "text") != 0)
            return bad_message(e, index, ".content: each part must be an object of type \"text\"");
        if (!json_is_string(json_object_get(part, "text")))
            return bad_message(e, index, ".content: each part must have a string text");
    }
    return true;
}

static bool check_role(const json_t *message, size_t index, struct err *e)
{
    static const char *const roles[] = {"system", "developer", "user", "assistant", "tool", "function"};
    const char *role = json_string_value(json_object_get(message, "role"));
    for (size_t i = 0; role && i < sizeof roles / sizeof *roles; i++)
        if (strcmp(role, roles[i]) == 0)
            return true;
    return bad_message(e, index, ".role: must be system, developer, user, assistant, tool or function");
}

static bool is_role(const json_t *message, const char *role)
{
    return strcmp(json_string_value(json_object_get(message, "role")), role) == 0;
}

static bool check_message(const json_t *message, size_t index, struct err *e)
{
    if (!json_is_object(message))
        return bad_message(e, index, ": must be an object");
    if (!check_role(message, index, e))
        return false;
    const json_t *content = json_object_get(message, "content");
    if (json_is_string(content))
        return true;
    if (json_is_array(content))
        return check_parts(content, index, e);
    if (is_absent(content) && is_role(message, "assistant"))
        return true;
    return bad_message(e, index, ".content: must be a string or an array of text parts");
}

/* The text of one message: of its parts, one after the other. */
static void take_text(const json_t *message, struct buf *out)
{
    const json_t *content = json_object_get(message, "content");
    if (json_is_string(content))
        buf_add(out, json_string_value(content), json_string_length(content));
    for (size_t i = 0; i < json_array_size(content); i++) {
        const json_t *text = json_object_get(json_array_get(content, i), "text");
        buf_add(out, json_string_value(text), json_string_length(text));
    }
}

static bool read_messages(struct openai_request *r, struct err *e)
{
    const json_t *messages = json_object_get(r->root, "messages");
    size_t count = json_array_size(messages);
    if (!json_is_array(messages))
        return bad(e, "messages", messages ? "messages: must be an array" : "messages: is missing");
    if (!count || count > OPENAI_MESSAGES_MAX)
        return bad(e, "messages",
                   count ? "messages: at most 10000 are allowed" : "messages: must not be empty");
    size_t last = count - 1;
    for (size_t i = 0; i < count; i++) {
        const json_t *message = json_array_get(messages, i);
        if (!check_message(message, i, e))
            return false;
        if (is_role(message, "user"))
            last = i;
    }
    take_text(json_array_get(messages, last), &r->input);
    r->messages_json = json_dumps(messages, JSON_COMPACT);
    return true;
}

/* ------------------------------------------------------------------ the other members */

static bool read_model(struct openai_request *r, struct err *e)
{
    const json_t *model = json_object_get(r->root, "model");
    r->model = "";
    if (is_absent(model))
        return true;
    size_t len = json_string_length(model);
    if (!json_is_string(model) || !len || len > MODEL_MAX || strlen(json_string_value(model)) != len)
        return bad(e, "model", "model: must be a string of 1 to 255 bytes");
    r->model = json_string_value(model);
    return true;
}

static bool read_stream(struct openai_request *r, struct err *e)
{
    const json_t *stream = json_object_get(r->root, "stream");
    const json_t *options = json_object_get(r->root, "stream_options");
    if (!is_absent(stream) && !json_is_boolean(stream))
        return bad(e, "stream", "stream: must be true or false");
    r->stream = json_is_true(stream);
    if (is_absent(options))
        return true;
    if (!json_is_object(options))
        return bad(e, "stream_options", "stream_options: must be an object");
    if (!r->stream)
        return bad(e, "stream_options", "stream_options: only allowed where stream is true");
    const json_t *usage = json_object_get(options, "include_usage");
    if (!is_absent(usage) && !json_is_boolean(usage))
        return bad(e, "stream_options", "stream_options.include_usage: must be true or false");
    r->include_usage = json_is_true(usage);
    return true;
}

static bool read_count(struct openai_request *r, struct err *e)
{
    const json_t *n = json_object_get(r->root, "n");
    if (is_absent(n) || (json_is_integer(n) && json_integer_value(n) == 1))
        return true;
    return bad(e, "n", "n: must be 1; ask several times for several answers");
}

/* The wire has these members in `params`; here they stand by themselves. */
static bool without_params(struct err *e)
{
    static const char prefix[] = "params.";
    static const char *const names[] = {"temperature", "top_p", "max_tokens", "seed", "stop", "system"};
    if (strncmp(e->message, prefix, sizeof prefix - 1) != 0)
        return false;
    memmove(e->message, e->message + sizeof prefix - 1, strlen(e->message) - sizeof prefix + 2);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strncmp(e->message, names[i], strcspn(e->message, ":")) == 0)
            e->param = names[i];
    return false;
}

/* What goes to the upstream as it is. */
static bool read_params(struct openai_request *r, struct err *e)
{
    static const char *const ours[] = {"messages", "model", "stream", "stream_options", "n"};
    r->params = json_copy(r->root);
    for (size_t i = 0; i < sizeof ours / sizeof *ours; i++)
        json_object_del(r->params, ours[i]);
    const char *name;
    json_t *value;
    void *next;
    json_object_foreach_safe(r->params, next, name, value) if (json_is_null(value))
        json_object_del(r->params, name);
    return protocol_check_params(r->params, e) || without_params(e);
}

bool openai_request_read(const char *body, size_t len, struct openai_request *r, struct err *e)
{
    *r = (struct openai_request){.model = ""};
    json_error_t at;
    r->root = json_loadb(body ? body : "", len, JSON_ALLOW_NUL, &at);
    if (!r->root)
        return err_set(e, ERR_BAD_REQUEST, "The body is not JSON (line %d, column %d).", at.line, at.column);
    if (!json_is_object(r->root))
        return err_set(e, ERR_BAD_REQUEST, "The body must be a JSON object.");
    return read_model(r, e) && read_stream(r, e) && read_count(r, e) && read_messages(r, e) &&
           read_params(r, e);
}

void openai_request_free(struct openai_request *r)
{
    json_decref(r->root);
    json_decref(r->params);
    free(r->messages_json);
    buf_free(&r->input);
}
