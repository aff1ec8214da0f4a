/* ui_ask: what both libraries ask alike: ids, options, and the conversation. See ui.h. */
#include <stdlib.h>
#include <string.h>

#include "edge/ui.h"

#define MESSAGES_MAX 10000
#define MODEL_MAX 255

void ui_ask_free(struct ui_ask *ask)
{
    json_decref(ask->root);
    free(ask->messages_json);
    buf_free(&ask->input);
    ask->root = NULL;
    ask->messages_json = NULL;
}

enum read_verdict ui_ask_parse(const char *text, size_t len, struct ui_ask *ask, struct err *e)
{
    json_error_t at;
    if (len && memchr(text, '\0', len)) /* jansson overlooks one behind a number */
        return READ_NOT_OBJECT;
    ask->root = json_loadb(len ? text : "", len, JSON_ALLOW_NUL, &at);
    if (json_is_object(ask->root))
        return READ_OK;
    if (ask->root || *text != '{')
        return READ_NOT_OBJECT;
    err_set(e, ERR_BAD_REQUEST, "The frame is not JSON (byte %d).", at.position);
    return READ_BAD;
}

static const char *short_text(const json_t *v, size_t max)
{
    size_t len = json_string_length(v);
    if (!json_is_string(v) || !len || len > max || strlen(json_string_value(v)) != len)
        return NULL;
    return json_string_value(v);
}

const char *ui_id(const json_t *object, const char *name)
{
    return short_text(json_object_get(object, name), UI_ID_MAX);
}

/* ------------------------------------------------------------------ options */

static bool is_absent(const json_t *v)
{
    return !v || json_is_null(v);
}

static bool read_choice(const json_t *object, const char *name, const char *const *names, size_t *out,
                        struct err *e)
{
    const json_t *v = json_object_get(object, name);
    if (is_absent(v))
        return true;
    const char *text = short_text(v, UI_ID_MAX);
    for (size_t i = 0; text && names[i]; i++) {
        if (strcmp(names[i], text) == 0) {
            *out = i;
            return true;
        }
    }
    return err_set(e, ERR_BAD_REQUEST, "%s: must be \"%s\", \"%s\"%s", name, names[0], names[1],
                   names[2] ? " or \"interrupt\"" : "");
}

bool ui_ask_options(struct ui_ask *ask, const json_t *object, struct err *e)
{
    static const char *const disconnect[] = {"continue", "cancel", NULL};
    static const char *const busy[] = {"reject", "queue", "interrupt", NULL};
    const json_t *model = json_object_get(object, "model");
    json_t *params = json_object_get(object, "params");
    size_t on_disconnect = 0, if_busy = 0;
    ask->model = "";
    if (!is_absent(model) && !(ask->model = short_text(model, MODEL_MAX)))
        return err_set(e, ERR_BAD_REQUEST, "model: must be a string of 1 to 255 bytes");
    if (!read_choice(object, "on_disconnect", disconnect, &on_disconnect, e) ||
        !read_choice(object, "if_busy", busy, &if_busy, e) || !protocol_check_params(params, e))
        return false;
    ask->params = json_is_object(params) ? params : NULL;
    ask->cancel_on_disconnect = on_disconnect == 1;
    ask->if_busy = (enum if_busy)if_busy;
    return true;
}

/* ------------------------------------------------------------------ the conversation */

/* Beside the text, what a message may be made of without any of it being lost to a model that reads text:
 * marks of steps, thoughts, sources, and what an application adds for itself. */
static bool is_beside(const char *type)
{
    static const char *const types[] = {"step-start", "reasoning", "reasoning-file", "source-url",
                                        "source-document"};
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (strcmp(types[i], type) == 0)
            return true;
    return strncmp(type, "data-", 5) == 0;
}

static bool add_part(const json_t *part, size_t index, struct buf *out, struct err *e)
{
    const char *type = ui_id(part, "type");
    const json_t *text = json_object_get(part, "text");
    if (type && is_beside(type))
        return true;
    if (!type || strcmp(type, "text") != 0)
        return err_set(e, ERR_BAD_REQUEST,
                       "messages[%zu]: only text is understood here, no tools and no files", index);
    if (!json_is_string(text))
        return err_set(e, ERR_BAD_REQUEST, "messages[%zu]: each part must have a string text", index);
    buf_add(out, json_string_value(text), json_string_length(text));
    return true;
}

static bool add_text(const json_t *message, const char *member, size_t index, struct buf *out, struct err *e)
{
    const json_t *content = json_object_get(message, member);
    if (json_array_size(json_object_get(message, "toolCalls")))
        return err_set(e, ERR_BAD_REQUEST, "messages[%zu]: tools are not understood here", index);
    if (json_is_string(content))
        buf_add(out, json_string_value(content), json_string_length(content));
    else if (!is_absent(content) && !json_is_array(content))
        return err_set(e, ERR_BAD_REQUEST, "messages[%zu].%s: must be text or a list of parts", index,
                       member);
    for (size_t i = 0; i < json_array_size(content); i++)
        if (!add_part(json_array_get(content, i), index, out, e))
            return false;
    return true;
}

/* The role as a model knows it; "": the message is for the page only; NULL: not understood. */
static const char *role_of(const json_t *message)
{
    static const char *const roles[][2] = {{"user", "user"},     {"assistant", "assistant"},
                                           {"system", "system"}, {"developer", "system"},
                                           {"reasoning", ""},    {"activity", ""}};
    const char *role = ui_id(message, "role");
    for (size_t i = 0; role && i < sizeof roles / sizeof *roles; i++)
        if (strcmp(roles[i][0], role) == 0)
            return roles[i][1];
    return NULL;
}

/* Where the next user message hangs, as far as the messages before it tell. */
struct place {
    struct uuid answer;
    bool known, any;
};

static void pass_message(struct place *at, const char *role, const json_t *message)
{
    const char *id = ui_id(message, "id");
    if (strcmp(role, "assistant") == 0)
        at->known = id && uuid_parse(&at->answer, id, strlen(id));
    at->any |= strcmp(role, "system") != 0;
}

static void take_user(struct ui_ask *ask, const struct place *at, struct buf *text)
{
    buf_free(&ask->input);
    ask->input = *text;
    *text = (struct buf){0};
    ask->parent = at->answer;
    ask->parent_choice = at->known ? PARENT_ID : at->any ? PARENT_ABSENT : PARENT_NULL;
}

/* `last`: set to the role of the message, where it is one of the conversation. */
static bool read_message(struct ui_ask *ask, const char *member, size_t index, struct place *at, json_t *out,
                         const char **last, struct err *e)
{
    const json_t *message = json_array_get(ask->messages, index);
    const char *role = role_of(message);
    struct buf text = {0};
    if (!role)
        return err_set(e, ERR_BAD_REQUEST, "messages[%zu].role: must be user, assistant or system", index);
    if (!*role)
        return true;
    bool good = add_text(message, member, index, &text, e);
    bool empty = !text.len && strcmp(role, "assistant") == 0;
    if (good && !empty)
        json_array_append_new(
            out, json_pack("{s:s,s:s%}", "role", role, "content", text.data ? text.data : "", text.len));
    if (good) {
        *last = role;
        if (strcmp(role, "user") == 0)
            take_user(ask, at, &text);
        pass_message(at, role, message);
    }
    buf_free(&text);
    return good;
}

bool ui_ask_messages(struct ui_ask *ask, const char *member, struct err *e)
{
    struct place at = {0};
    const char *last = "";
    ask->messages = json_object_get(ask->root, "messages");
    size_t count = json_array_size(ask->messages);
    if (!count || count > MESSAGES_MAX)
        return err_set(e, ERR_BAD_REQUEST, "messages: must be a list of 1 to %d", MESSAGES_MAX);
    json_t *out = json_array();
    bool good = true;
    for (size_t i = 0; good && i < count; i++)
        good = read_message(ask, member, i, &at, out, &last, e);
    if (good && strcmp(last, "user") != 0)
        good = err_set(e, ERR_BAD_REQUEST, "messages: the last must be the user's");
    if (good)
        ask->messages_json = json_dumps(out, JSON_COMPACT);
    json_decref(out);
    return good;
}
