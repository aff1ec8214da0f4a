/* response_request: see response_request.h. */
#include "edge/response_request.h"

#include <string.h>

#include "core/protocol.h"
#include "edge/response_input.h"

#define MODEL_MAX 255
#define METADATA_MAX 16
#define METADATA_KEY_MAX 64
#define METADATA_VALUE_MAX 512

static bool bad(struct err *e, const char *param, const char *message)
{
    err_set(e, ERR_BAD_REQUEST, "%s: %s", param, message);
    e->param = param;
    return false;
}

/* A member; NULL where it is absent or null. */
static json_t *member(const struct response_request *r, const char *name)
{
    json_t *v = json_object_get(r->root, name);
    return json_is_null(v) ? NULL : v;
}

bool response_id_read(const char *text, const char *prefix, struct uuid *out)
{
    size_t len = strlen(prefix);
    return text && strncmp(text, prefix, len) == 0 && uuid_parse(out, text + len, strlen(text + len));
}

/* ------------------------------------------------------------------ what is not here */

static bool is_empty(const json_t *v)
{
    return json_is_array(v) && json_array_size(v) == 0;
}

static bool is_text(const json_t *v, const char *text)
{
    const char *s = json_string_value(v);
    return s && strcmp(s, text) == 0;
}

static bool check_tools(const struct response_request *r, struct err *e)
{
    const json_t *tools = member(r, "tools"), *choice = member(r, "tool_choice");
    if (tools && !is_empty(tools))
        return bad(e, "tools", "there are none here: only text comes and goes");
    if (choice && !is_text(choice, "auto") && !is_text(choice, "none"))
        return bad(e, "tool_choice", "must be auto or none, as there are no tools here");
    return true;
}

/* Members that ask for something which is not done here. null asks for nothing. */
static bool check_absent(const struct response_request *r, struct err *e)
{
    static const char *const names[][2] = {
        {"prompt", "templates are kept by no one here; send input and instructions"},
        {"max_tool_calls", "there are no tools here"},
        {"top_logprobs", "is not supported here"},
        {"context_management", "is not supported here"},
        {"moderation", "is not supported here"},
        {"messages", "belongs to /v1/chat/completions; here it is input"},
        {"max_tokens", "belongs to /v1/chat/completions; here it is max_output_tokens"},
        {"generate", "is not supported here: nothing is warmed up"},
        {"system", "here it is instructions"},
        {"n", "one answer a response; ask several times for several"},
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const json_t *v = member(r, names[i][0]);
        bool zero = json_is_integer(v) && json_integer_value(v) == (strcmp(names[i][0], "n") == 0);
        if (v && !zero)
            return bad(e, names[i][0], names[i][1]);
    }
    if (member(r, "include") && !is_empty(member(r, "include")))
        return bad(e, "include", "nothing more than what is sent anyway can be had");
    if (member(r, "truncation") && !is_text(member(r, "truncation"), "disabled"))
        return bad(e, "truncation", "must be disabled: what is too long for the model is refused");
    if (member(r, "store") && !json_is_true(member(r, "store")))
        return bad(e, "store",
                   "must be true: every answer is recorded; DELETE /v1/responses/{id} removes it");
    return true;
}

/* ------------------------------------------------------------------ what the gateway does */

static bool read_bool(const struct response_request *r, const char *name, bool *out, struct err *e)
{
    const json_t *v = member(r, name);
    if (v && !json_is_boolean(v))
        return bad(e, name, "must be true or false");
    *out = json_is_true(v);
    return true;
}

static bool read_model(struct response_request *r, struct err *e)
{
    const json_t *model = member(r, "model");
    size_t len = json_string_length(model);
    r->model = "";
    if (!model)
        return true;
    if (!json_is_string(model) || !len || len > MODEL_MAX || strlen(json_string_value(model)) != len)
        return bad(e, "model", "must be a string of 1 to 255 bytes");
    r->model = json_string_value(model);
    return true;
}

static bool read_instructions(struct response_request *r, struct err *e)
{
    r->instructions = member(r, "instructions");
    if (r->instructions && !json_is_string(r->instructions))
        return bad(e, "instructions", "must be a string");
    return true;
}

static bool read_stream(struct response_request *r, struct err *e)
{
    const json_t *options = member(r, "stream_options");
    if (!read_bool(r, "stream", &r->stream, e) || !read_bool(r, "background", &r->background, e))
        return false;
    if (options && !json_is_object(options))
        return bad(e, "stream_options", "must be an object");
    if (options && json_is_true(json_object_get(options, "include_obfuscation")))
        return bad(e, "stream_options", "include_obfuscation is not supported here");
    return true;
}

static bool read_place(struct response_request *r, struct err *e)
{
    const json_t *previous = member(r, "previous_response_id"), *chat = member(r, "conversation");
    if (previous && !response_id_read(json_string_value(previous), RESPONSE_PREFIX, &r->previous))
        return bad(e, "previous_response_id", "must be the id of a response: resp_ and a UUID");
    r->has_previous = previous != NULL;
    if (json_is_object(chat))
        chat = json_object_get(chat, "id");
    if (chat && !response_id_read(json_string_value(chat), RESPONSE_CONVERSATION_PREFIX, &r->conversation) &&
        !response_id_read(json_string_value(chat), "", &r->conversation))
        return bad(e, "conversation", "must be conv_ and a UUID");
    r->has_conversation = chat != NULL;
    if (previous && chat)
        return bad(e, "previous_response_id", "cannot stand beside conversation");
    return true;
}

static bool check_metadata(const struct response_request *r, struct err *e)
{
    json_t *metadata = member(r, "metadata"), *value;
    const char *key;
    if (!metadata)
        return true;
    if (!json_is_object(metadata) || json_object_size(metadata) > METADATA_MAX)
        return bad(e, "metadata", "must be an object of at most 16 members");
    json_object_foreach(metadata, key, value)
    {
        if (strlen(key) > METADATA_KEY_MAX || !json_is_string(value) ||
            json_string_length(value) > METADATA_VALUE_MAX)
            return bad(e, "metadata", "keys have at most 64 bytes, values are strings of at most 512");
    }
    return true;
}

/* ------------------------------------------------------------------ what goes to the upstream */

static bool read_format(struct response_request *r, const json_t *format, struct err *e)
{
    const json_t *type = json_object_get(format, "type");
    if (!format || json_is_null(format) || is_text(type, "text"))
        return true;
    json_t *out = json_object();
    json_object_set_new(r->params, "response_format", out);
    if (is_text(type, "json_object")) {
        json_object_set_new(out, "type", json_string("json_object"));
        return true;
    }
    if (!is_text(type, "json_schema"))
        return bad(e, "text.format", "must be of type text, json_object or json_schema");
    json_t *schema = json_copy((json_t *)(uintptr_t)format);
    json_object_del(schema, "type");
    json_object_set_new(out, "type", json_string("json_schema"));
    json_object_set_new(out, "json_schema", schema);
    return true;
}

static bool read_text(struct response_request *r, struct err *e)
{
    const json_t *text = member(r, "text");
    if (!text)
        return true;
    if (!json_is_object(text))
        return bad(e, "text", "must be an object");
    json_t *verbosity = json_object_get(text, "verbosity");
    if (verbosity && !json_is_null(verbosity))
        json_object_set(r->params, "verbosity", verbosity);
    return read_format(r, json_object_get(text, "format"), e);
}

static bool read_reasoning(struct response_request *r, struct err *e)
{
    json_t *reasoning = member(r, "reasoning"), *value;
    const char *key;
    if (!reasoning)
        return true;
    if (!json_is_object(reasoning))
        return bad(e, "reasoning", "must be an object");
    json_object_foreach(reasoning, key, value)
    {
        if (json_is_null(value))
            continue;
        if (strcmp(key, "effort") != 0)
            return bad(e, "reasoning", "only effort is known; reasoning is sent whole, not as a summary");
        json_object_set(r->params, "reasoning_effort", value);
    }
    return true;
}

/* The wire has these members in `params`, under the names of the chat API. */
static bool without_params(struct err *e)
{
    static const char *const names[][2] = {{"temperature", "temperature"},
                                           {"top_p", "top_p"},
                                           {"max_tokens", "max_output_tokens"},
                                           {"seed", "seed"},
                                           {"stop", "stop"}};
    const char *said = strchr(e->message, '.');
    for (size_t i = 0; said && i < sizeof names / sizeof *names; i++) {
        size_t len = strlen(names[i][0]);
        if (strncmp(said + 1, names[i][0], len) != 0)
            continue;
        struct err copy = *e;
        err_set(e, ERR_BAD_REQUEST, "%s%s", names[i][1], copy.message + (said - e->message) + 1 + len);
        e->param = names[i][1];
        break;
    }
    return false;
}

/* What neither is ours nor means something else in the chat API goes on as it is. */
static bool read_params(struct response_request *r, struct err *e)
{
    static const char *const ours[] = {
        "type",        "model",       "input",      "instructions",         "stream",
        "background",  "metadata",    "store",      "previous_response_id", "conversation",
        "text",        "reasoning",   "tools",      "max_output_tokens",    "stream_options",
        "tool_choice", "include",     "truncation", "parallel_tool_calls",  "system",
        "n",           "top_logprobs"};
    r->params = json_copy(r->root);
    for (size_t i = 0; i < sizeof ours / sizeof *ours; i++)
        json_object_del(r->params, ours[i]);
    const char *name;
    json_t *value, *most = member(r, "max_output_tokens");
    void *next;
    json_object_foreach_safe(r->params, next, name, value) if (json_is_null(value))
        json_object_del(r->params, name);
    if (most)
        json_object_set(r->params, "max_tokens", most);
    return read_text(r, e) && read_reasoning(r, e) &&
           (protocol_check_params(r->params, e) || without_params(e));
}

/* ------------------------------------------------------------------ what is said again */

static void take_note(struct response_request *r)
{
    static const char *const names[] = {
        "instructions",       "metadata",    "background", "previous_response_id",
        "temperature",        "top_p",       "text",       "max_output_tokens",
        "reasoning",          "tool_choice", "user",       "service_tier",
        "parallel_tool_calls"};
    r->note = json_object();
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (member(r, names[i]))
            json_object_set(r->note, names[i], member(r, names[i]));
}

/* ------------------------------------------------------------------ all of it */

bool response_request_take(json_t *root, struct response_request *r, struct err *e)
{
    *r = (struct response_request){.root = root, .model = ""};
    if (!json_is_object(root))
        return err_set(e, ERR_BAD_REQUEST, "The body must be a JSON object.");
    if (!read_model(r, e) || !read_instructions(r, e) || !read_stream(r, e) || !read_place(r, e) ||
        !check_metadata(r, e) || !check_tools(r, e) || !check_absent(r, e) ||
        !response_input_read(member(r, "input"), r, e) || !read_params(r, e))
        return false;
    take_note(r);
    return true;
}

bool response_request_read(const char *body, size_t len, struct response_request *r, struct err *e)
{
    json_error_t at;
    json_t *root = json_loadb(body ? body : "", len, JSON_ALLOW_NUL, &at);
    *r = (struct response_request){.model = ""};
    if (!root)
        return err_set(e, ERR_BAD_REQUEST, "The body is not JSON (line %d, column %d).", at.line, at.column);
    return response_request_take(root, r, e);
}

void response_request_free(struct response_request *r)
{
    json_decref(r->root);
    json_decref(r->messages);
    json_decref(r->params);
    json_decref(r->note);
    *r = (struct response_request){.model = ""};
}
