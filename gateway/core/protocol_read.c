/* protocol, client to gateway: one text message -> struct client_message. jansson reads the JSON; here is
 * what the protocol asks of it. Every refusal names the field. */
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "core/protocol.h"
#include "core/protocol_scan.h"

#define INTEGER_MAX ((int64_t)1 << 53)
#define STOP_MAX 16

static const char *const type_names[CLIENT_TYPES] = {"hello", "send",   "resume", "unfollow",
                                                     "ack",   "cancel", "auth",   "pong"};

/* CLIENT_TYPES: none of them. */
static enum client_type type_of(const char *text, size_t len)
{
    enum client_type type = 0;
    while (type < CLIENT_TYPES &&
           (strlen(type_names[type]) != len || memcmp(type_names[type], text, len) != 0))
        type++;
    return type;
}

const char *client_type_name(enum client_type type)
{
    return type < CLIENT_TYPES ? type_names[type] : "unknown";
}

static bool bad(struct err *e, const char *field, const char *want)
{
    return err_set(e, ERR_BAD_REQUEST, "%s: %s", field, want);
}

static bool read_uuid(json_t *object, const char *name, struct uuid *out, struct err *e)
{
    json_t *v = json_object_get(object, name);
    if (json_is_string(v) && uuid_parse(out, json_string_value(v), json_string_length(v)))
        return true;
    return bad(e, name, v ? "must be a UUID, lower-case and hyphenated" : "is missing");
}

static bool read_integer(json_t *object, const char *name, int64_t min, uint64_t *out, struct err *e)
{
    json_t *v = json_object_get(object, name);
    if (!json_is_integer(v) || json_integer_value(v) < min || json_integer_value(v) >= INTEGER_MAX)
        return bad(e, name, v ? "must be an integer, not negative and below 2^53" : "is missing");
    *out = (uint64_t)json_integer_value(v);
    return true;
}

static bool crc_parse(json_t *v, uint32_t *out)
{
    if (!json_is_string(v) || json_string_length(v) != 8)
        return false;
    const char *text = json_string_value(v);
    if (strspn(text, "0123456789abcdef") != 8)
        return false;
    *out = (uint32_t)strtoul(text, NULL, 16);
    return true;
}

/* A string that is absent or NULL-free text; `null` counts as absent. */
static bool read_optional_string(json_t *object, const char *name, const char **out, struct err *e)
{
    json_t *v = json_object_get(object, name);
    if (!v || json_is_null(v))
        return true;
    if (!json_is_string(v) || strlen(json_string_value(v)) != json_string_length(v))
        return bad(e, name, "must be a string");
    *out = json_string_value(v);
    return true;
}

static bool read_marks(json_t *object, struct resume_request *r, struct err *e)
{
    json_t *marks = json_object_get(object, "marks");
    if (!marks)
        return true;
    if (!json_is_array(marks) || json_array_size(marks) > PROTOCOL_MARKS_MAX)
        return bad(e, "marks", "must be an array of at most 64 pairs [off,crc]");
    size_t i;
    json_t *pair;
    json_array_foreach(marks, i, pair)
    {
        json_t *off = json_array_get(pair, 0);
        struct mark *m = &r->marks[r->mark_count++];
        if (json_array_size(pair) != 2 || !json_is_integer(off) || json_integer_value(off) < 0 ||
            json_integer_value(off) >= INTEGER_MAX || !crc_parse(json_array_get(pair, 1), &m->crc))
            return bad(e, "marks", "each must be a pair [off,crc]");
        m->off = (uint64_t)json_integer_value(off);
    }
    return true;
}

static bool read_position(json_t *object, struct resume_request *r, struct err *e)
{
    if (!json_is_object(object))
        return bad(e, "resume", "must be an array of objects");
    if (!read_uuid(object, "gen", &r->gen, e) || !read_integer(object, "epoch", 0, &r->epoch, e) ||
        !read_integer(object, "off", 0, &r->off, e))
        return false;
    json_t *crc = json_object_get(object, "crc");
    if (!crc_parse(crc, &r->crc))
        return bad(e, "crc", crc ? "must be 8 lower-case hexadecimal digits" : "is missing");
    return read_marks(object, r, e);
}

static bool read_resume(struct client_message *m, struct err *e)
{
    m->resumes = mem_alloc(sizeof *m->resumes);
    m->resume_count = 1;
    return read_position(m->root, m->resumes, e);
}

static bool read_hello(struct client_message *m, struct err *e)
{
    const char *client = NULL;
    if (!read_optional_string(m->root, "token", &m->token, e) ||
        !read_optional_string(m->root, "client", &client, e))
        return false;
    json_t *session = json_object_get(m->root, "session");
    if (session && !json_is_null(session) && !read_uuid(m->root, "session", &m->session, e))
        return false;
    json_t *resume = json_object_get(m->root, "resume");
    if (!resume)
        return true;
    if (!json_is_array(resume))
        return bad(e, "resume", "must be an array of positions");
    m->resumes = mem_alloc((json_array_size(resume) + 1) * sizeof *m->resumes);
    for (; m->resume_count < json_array_size(resume); m->resume_count++)
        if (!read_position(json_array_get(resume, m->resume_count), &m->resumes[m->resume_count], e))
            return false;
    return true;
}

static bool check_number(json_t *params, const char *name, double min, double max, struct err *e)
{
    json_t *v = json_object_get(params, name);
    if (!v || json_is_null(v) ||
        (json_is_number(v) && json_number_value(v) >= min && json_number_value(v) <= max))
        return true;
    return err_set(e, ERR_BAD_REQUEST, "params.%s: must be a number from %g to %g", name, min, max);
}

static bool check_integer(json_t *params, const char *name, int64_t min, struct err *e)
{
    json_t *v = json_object_get(params, name);
    if (!v || json_is_null(v) ||
        (json_is_integer(v) && json_integer_value(v) >= min && json_integer_value(v) < INTEGER_MAX))
        return true;
    return err_set(e, ERR_BAD_REQUEST, "params.%s: must be an integer from %lld", name, (long long)min);
}

static bool check_stop(json_t *v, struct err *e)
{
    if (!v || json_is_null(v) || json_is_string(v))
        return true;
    bool good = json_is_array(v) && json_array_size(v) <= STOP_MAX;
    for (size_t i = 0; good && i < json_array_size(v); i++)
        good = json_is_string(json_array_get(v, i));
    return good ||
           err_set(e, ERR_BAD_REQUEST, "params.stop: must be a string or an array of at most %d", STOP_MAX);
}

bool protocol_check_params(json_t *params, struct err *e)
{
    if (!params || json_is_null(params))
        return true;
    if (!json_is_object(params))
        return bad(e, "params", "must be an object");
    json_t *system = json_object_get(params, "system");
    if (system && !json_is_null(system) && !json_is_string(system))
        return bad(e, "params.system", "must be a string");
    return check_number(params, "temperature", 0, 100, e) && check_number(params, "top_p", 0, 1, e) &&
           check_integer(params, "max_tokens", 1, e) && check_integer(params, "seed", -INTEGER_MAX + 1, e) &&
           check_stop(json_object_get(params, "stop"), e);
}

/* One of `names` (NULL-terminated) or absent: its index in *out. */
static bool read_choice(json_t *object, const char *name, const char *const *names, size_t *out,
                        struct err *e)
{
    json_t *v = json_object_get(object, name);
    if (!v)
        return true;
    for (size_t i = 0; json_is_string(v) && names[i]; i++) {
        if (strlen(names[i]) == json_string_length(v) && strcmp(names[i], json_string_value(v)) == 0) {
            *out = i;
            return true;
        }
    }
    return err_set(e, ERR_BAD_REQUEST, "%s: must be \"%s\", \"%s\"%s", name, names[0], names[1],
                   names[2] ? " or \"interrupt\"" : "");
}

static bool read_parent(json_t *root, struct send_message *s, struct err *e)
{
    json_t *v = json_object_get(root, "parent");
    s->parent_choice = !v ? PARENT_ABSENT : json_is_null(v) ? PARENT_NULL : PARENT_ID;
    return s->parent_choice != PARENT_ID || read_uuid(root, "parent", &s->parent, e);
}

static bool read_input(json_t *root, struct send_message *s, struct err *e)
{
    json_t *v = json_object_get(root, "input");
    if (!v)
        return bad(e, "input", "is missing");
    if (!json_is_string(v) && !json_is_null(v))
        return bad(e, "input", "must be a string or null");
    s->input = json_string_value(v);
    s->input_len = json_string_length(v);
    if (!s->input && s->parent_choice == PARENT_NULL)
        return bad(e, "parent", "must name the user message that input null answers again");
    return true;
}

static bool read_send(struct client_message *m, struct err *e)
{
    static const char *const disconnect[] = {"continue", "cancel", NULL};
    static const char *const busy[] = {"reject", "queue", "interrupt", NULL};
    struct send_message *s = &m->send;
    size_t on_disconnect = 0, if_busy = 0;
    s->model = "";
    if (!read_uuid(m->root, "gen", &s->gen, e) || !read_uuid(m->root, "chat", &s->chat, e) ||
        !read_parent(m->root, s, e) || !read_input(m->root, s, e) ||
        !read_optional_string(m->root, "model", &s->model, e) ||
        !read_choice(m->root, "on_disconnect", disconnect, &on_disconnect, e) ||
        !read_choice(m->root, "if_busy", busy, &if_busy, e))
        return false;
    s->cancel_on_disconnect = on_disconnect == 1;
    s->if_busy = (enum if_busy)if_busy;
    json_t *params = json_object_get(m->root, "params");
    s->params = json_is_object(params) ? params : NULL;
    return protocol_check_params(params, e);
}

static bool read_fields(struct client_message *m, struct err *e)
{
    switch (m->type) {
    case CLIENT_HELLO:
        return read_hello(m, e);
    case CLIENT_SEND:
        return read_send(m, e);
    case CLIENT_RESUME:
        return read_resume(m, e);
    case CLIENT_ACK:
        return read_uuid(m->root, "gen", &m->gen, e) && read_integer(m->root, "off", 0, &m->off, e);
    case CLIENT_UNFOLLOW:
    case CLIENT_CANCEL:
        return read_uuid(m->root, "gen", &m->gen, e);
    case CLIENT_AUTH:
        if (!json_is_string(json_object_get(m->root, "token")))
            return bad(e, "token", "must be a string");
        return read_optional_string(m->root, "token", &m->token, e);
    default:
        return true;
    }
}

/* An object that jansson could not hold is a bad request; anything else is no object. */
static enum read_verdict unreadable(const char *text, size_t len, const json_error_t *je,
                                    struct client_message *m, bool *is_hello, struct err *e)
{
    struct scan_string type, gen;
    if (!protocol_scan(text, len, &type, &gen))
        return READ_NOT_OBJECT;
    enum json_error_code code = json_error_code(je);
    const char *what = code == json_error_numeric_overflow   ? "a number out of range"
                       : code == json_error_null_byte_in_key ? "a NUL in a member name"
                       : code == json_error_stack_overflow   ? "nested too deeply"
                                                             : "a lone surrogate escape";
    err_set(e, ERR_BAD_REQUEST, "%s at byte %d", what, je->position);
    m->type = type_of(type.at, type.len);
    m->gen_known = uuid_parse(&m->gen, gen.at, gen.len);
    *is_hello = m->type == CLIENT_HELLO;
    return READ_BAD;
}

static bool read_type(struct client_message *m, struct err *e)
{
    json_t *type = json_object_get(m->root, "type");
    if (!json_is_string(type))
        return bad(e, "type", type ? "must be a string" : "is missing");
    m->type = type_of(json_string_value(type), json_string_length(type));
    return m->type < CLIENT_TYPES ||
           bad(e, "type", "is not one of hello send resume unfollow ack cancel auth pong");
}

enum read_verdict protocol_read(const char *text, size_t len, struct client_message *m, bool *is_hello,
                                struct err *e)
{
    json_error_t je;
    *m = (struct client_message){.type = CLIENT_TYPES};
    *is_hello = false;
    if (len && memchr(text, '\0', len)) /* jansson overlooks one behind a number */
        return READ_NOT_OBJECT;
    m->root = json_loadb(text, len, JSON_ALLOW_NUL, &je);
    if (!m->root)
        return unreadable(text, len, &je, m, is_hello, e);
    if (!json_is_object(m->root)) {
        protocol_done(m);
        return READ_NOT_OBJECT;
    }
    bool good = read_type(m, e);
    *is_hello = good && m->type == CLIENT_HELLO;
    if (good && read_fields(m, e))
        return READ_OK;
    struct client_message about = {.type = m->type};
    json_t *gen = json_object_get(m->root, "gen");
    about.gen_known = uuid_parse(&about.gen, json_string_value(gen), json_string_length(gen));
    protocol_done(m);
    *m = about;
    return READ_BAD;
}

void protocol_done(struct client_message *m)
{
    json_decref(m->root);
    mem_free(m->resumes);
    *m = (struct client_message){.type = m->type};
}

static int64_t integer_or(json_t *object, const char *name, int64_t missing)
{
    json_t *v = json_object_get(object, name);
    return json_is_integer(v) ? json_integer_value(v) : missing;
}

static enum err_code code_of(const char *wire)
{
    for (int code = ERR_NONE + 1; wire && code < ERR_COUNT; code++)
        if (strcmp(err_wire((enum err_code)code), wire) == 0)
            return (enum err_code)code;
    return ERR_INTERNAL;
}

/* The state as the static name that struct outcome asks for. */
static const char *state_name(const char *state)
{
    static const char *const names[] = {"complete", "length", "filtered", "cancelled", "truncated", "error"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(names[i], state) == 0)
            return names[i];
    return "truncated";
}

bool protocol_read_outcome(const char *json, size_t len, const char *state, struct outcome *o)
{
    json_t *root = json_loadb(json, len, 0, NULL);
    json_t *usage = json_object_get(root, "usage"), *timing = json_object_get(root, "timing");
    json_t *error = json_object_get(root, "error");
    *o = (struct outcome){.state = state_name(state),
                          .prompt_tokens = integer_or(usage, "prompt_tokens", -1),
                          .completion_tokens = integer_or(usage, "completion_tokens", -1),
                          .ttft_ms = integer_or(timing, "ttft_ms", -1),
                          .total_ms = integer_or(timing, "total_ms", -1),
                          .persisted = true};
    if (error) {
        const char *message = json_string_value(json_object_get(error, "message"));
        err_set(&o->error, code_of(json_string_value(json_object_get(error, "code"))), "%s",
                message ? message : "");
    }
    bool good = root != NULL;
    json_decref(root);
    return good;
}
