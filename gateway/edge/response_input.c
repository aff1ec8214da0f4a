/* response_input: see response_input.h. */
#include "edge/response_input.h"

#include <string.h>

static bool bad(struct err *e, size_t index, const char *what)
{
    err_set(e, ERR_BAD_REQUEST, "input[%zu]%s", index, what);
    e->param = "input";
    return false;
}

static bool is_one_of(const char *text, const char *const *names)
{
    for (; text && *names; names++)
        if (strcmp(text, *names) == 0)
            return true;
    return false;
}

static const char *string_at(const json_t *object, const char *name)
{
    return json_string_value(json_object_get(object, name));
}

/* Text parts go one after the other into one text. */
static bool add_part(const json_t *part, size_t index, struct buf *out, struct err *e)
{
    static const char *const texts[] = {"input_text", "output_text", "text", NULL};
    const char *type = string_at(part, "type");
    bool refusal = type && strcmp(type, "refusal") == 0;
    if (!refusal && !is_one_of(type, texts))
        return bad(e, index,
                   ".content: only text is taken: parts of type input_text, output_text or refusal");
    const json_t *text = json_object_get(part, refusal ? "refusal" : "text");
    if (!json_is_string(text))
        return bad(e, index, ".content: each part must have a string text");
    buf_add(out, json_string_value(text), json_string_length(text));
    return true;
}

static bool read_content(const json_t *content, size_t index, struct buf *out, struct err *e)
{
    if (json_is_string(content)) {
        buf_add(out, json_string_value(content), json_string_length(content));
        return true;
    }
    if (!json_is_array(content) || json_array_size(content) == 0)
        return bad(e, index, ".content: must be a string or an array of text parts");
    for (size_t i = 0; i < json_array_size(content); i++)
        if (!add_part(json_array_get(content, i), index, out, e))
            return false;
    return true;
}

static json_t *add_message(struct response_request *r, const char *role, const char *text, size_t len)
{
    json_t *message = json_object();
    json_t *content = json_stringn(text ? text : "", len);
    json_object_set_new(message, "role", json_string(role));
    json_object_set_new(message, "content", content);
    json_array_append_new(r->messages, message);
    return content;
}

static bool read_item(const json_t *item, size_t index, struct response_request *r, struct err *e)
{
    static const char *const roles[] = {"user", "assistant", "system", "developer", NULL};
    const json_t *type = json_object_get(item, "type");
    const char *role = string_at(item, "role"), *kind = json_string_value(type);
    if (!json_is_object(item))
        return bad(e, index, ": must be an object");
    if (kind && strcmp(kind, "reasoning") == 0)
        return true;
    if (type && (!kind || strcmp(kind, "message") != 0))
        return bad(e, index, ".type: only messages (and reasoning, which is left out) are taken here");
    if (!is_one_of(role, roles))
        return bad(e, index, ".role: must be user, assistant, system or developer");
    struct buf text = {0};
    bool good = read_content(json_object_get(item, "content"), index, &text, e);
    if (good) {
        json_t *content = add_message(r, role, text.data, text.len);
        r->plain = json_array_size(r->messages) == 1 && strcmp(role, "user") == 0;
        if (strcmp(role, "user") == 0)
            r->last_user = content;
    }
    buf_free(&text);
    return good;
}

static bool refuse(struct err *e, const char *message)
{
    err_set(e, ERR_BAD_REQUEST, "%s", message);
    e->param = "input";
    return false;
}

bool response_input_read(const json_t *input, struct response_request *r, struct err *e)
{
    size_t count = json_array_size(input);
    r->messages = json_array();
    if (json_is_string(input)) {
        r->last_user = add_message(r, "user", json_string_value(input), json_string_length(input));
        r->plain = true;
        return true;
    }
    if (!json_is_array(input))
        return refuse(e, input ? "input: must be a string or an array of messages" : "input: is missing");
    if (count > RESPONSE_ITEMS_MAX)
        return refuse(e, "input: at most 10000 items are allowed");
    for (size_t i = 0; i < count; i++)
        if (!read_item(json_array_get(input, i), i, r, e))
            return false;
    count = json_array_size(r->messages);
    if (count == 0)
        return refuse(e, "input: must hold a message");
    if (!r->last_user)
        r->last_user = json_object_get(json_array_get(r->messages, count - 1), "content");
    return true;
}
