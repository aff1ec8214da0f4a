/* import_file: see import_file.h. */
#include "edge/import_file.h"

#include <string.h>

#include "base/crc32c.h"
#include "base/json.h"
#include "base/mem.h"
#include "core/protocol.h"
#include "core/tokenlog.h"

#define ID_MAX 64
#define MODEL_MAX 256

/* One message on its way in. */
struct reading {
    const struct import_limits *limits;
    struct import_file *f;
    json_t *ids;      /* id of the file -> index */
    json_t *answered; /* set of indexes, as an array of true and false */
    json_t *value;    /* the message */
    size_t at;
    struct err *e;
};

/* False, with what is said of `param`. */
static bool refuse(struct err *e, const char *param)
{
    e->param = param;
    return false;
}

static bool bad(struct reading *r, const char *field, const char *want)
{
    err_set(r->e, ERR_BAD_REQUEST, "messages[%zu].%s: %s", r->at, field, want);
    return refuse(r->e, "messages");
}

static struct import_message *current(const struct reading *r)
{
    return &r->f->messages[r->at];
}

static json_t *member(const json_t *object, const char *name)
{
    json_t *value = json_object_get(object, name);
    return json_is_null(value) ? NULL : value;
}

/* ------------------------------------------------------------------ what every message has */

static bool read_role(struct reading *r)
{
    const char *role = json_string_value(member(r->value, "role"));
    current(r)->answer = role && strcmp(role, "assistant") == 0;
    return current(r)->answer || (role && strcmp(role, "user") == 0)
               ? true
               : bad(r, "role", "must be user or assistant");
}

static bool read_text(struct reading *r)
{
    struct import_message *m = current(r);
    json_t *text = member(r->value, "text");
    size_t most = m->answer ? r->limits->text_bytes : r->limits->prompt_bytes;
    if (!json_is_string(text))
        return bad(r, "text", "must be a string");
    m->text = (struct history_text){json_string_value(text), json_string_length(text)};
    if (m->text.len > most) {
        err_set(r->e, ERR_TOO_LARGE, "messages[%zu].text: %zu bytes, at most %zu are allowed", r->at,
                m->text.len, most);
        return refuse(r->e, "messages");
    }
    return m->answer || m->text.len ? true : bad(r, "text", "of a question must not be empty");
}

static bool read_time(struct reading *r)
{
    json_t *value = member(r->value, "created_ms");
    json_int_t ms = json_integer_value(value);
    if (value && (!json_is_integer(value) || ms < 0))
        return bad(r, "created_ms", "must be an integer, not negative");
    current(r)->created_ms = value && (uint64_t)ms < r->limits->now_ms ? (uint64_t)ms : r->limits->now_ms;
    return true;
}

static bool read_id(struct reading *r)
{
    json_t *id = member(r->value, "id");
    if (!id)
        return true;
    const char *text = json_string_value(id);
    if (!text || !*text || json_string_length(id) > ID_MAX || strlen(text) != json_string_length(id))
        return bad(r, "id", "must be a string of 1 to 64 bytes");
    if (json_object_get(r->ids, text))
        return bad(r, "id", "is that of another message, too");
    json_object_set_new(r->ids, text, json_integer((json_int_t)r->at));
    return true;
}

/* Before its own id is known, so that nothing is its own parent. Absent: the message before; null: the root.
 */
static bool read_parent(struct reading *r)
{
    struct import_message *m = current(r);
    json_t *parent = json_object_get(r->value, "parent");
    json_t *known = json_object_get(r->ids, json_is_string(parent) ? json_string_value(parent) : "");
    if (!parent)
        m->parent = r->at ? r->at - 1 : IMPORT_ROOT;
    else if (json_is_null(parent))
        m->parent = IMPORT_ROOT;
    else if (known)
        m->parent = (size_t)json_integer_value(known);
    else
        return bad(r, "parent", "must be the id of an earlier message, or null");
    if (m->answer && (m->parent == IMPORT_ROOT || r->f->messages[m->parent].answer))
        return bad(r, "parent", "of an answer must be a question");
    if (!m->answer && m->parent != IMPORT_ROOT && !r->f->messages[m->parent].answer)
        return bad(r, "parent", "of a question must be an answer, or null");
    if (m->answer)
        json_array_set_new(r->answered, m->parent, json_true());
    return true;
}

/* ------------------------------------------------------------------ what answers have */

static bool read_model(struct reading *r)
{
    json_t *model = member(r->value, "model");
    const char *text = json_string_value(model);
    current(r)->model = text ? text : "";
    if (!model ||
        (text && json_string_length(model) <= MODEL_MAX && strlen(text) == json_string_length(model)))
        return true;
    return bad(r, "model", "must be a string of at most 256 bytes");
}

/* What still ran when it was exported has no end here. */
static bool read_state(struct reading *r)
{
    static const char *const states[] = {"complete", "length", "filtered", "cancelled", "truncated", "error"};
    json_t *state = member(r->value, "state");
    const char *text = state ? json_string_value(state) : "complete";
    if (text && (strcmp(text, "running") == 0 || strcmp(text, "queued") == 0))
        text = "truncated";
    for (size_t i = 0; text && i < sizeof states / sizeof *states; i++) {
        if (strcmp(text, states[i]) == 0) {
            current(r)->state = states[i];
            return true;
        }
    }
    return bad(r, "state", "must be a state of an answer");
}

static bool read_crc(struct reading *r)
{
    struct import_message *m = current(r);
    json_t *said = member(r->value, "crc");
    char own[9];
    m->crc = crc32c(0, m->text.data, m->text.len);
    snprintf(own, sizeof own, "%08x", m->crc);
    if (!said || (json_is_string(said) && strcmp(json_string_value(said), own) == 0))
        return true;
    return bad(r, "crc", "is not that of the text");
}

/* ["text" or "reasoning", off, len] */
static bool read_part(const json_t *value, const struct history_text *text, uint64_t off,
                      struct history_part *part)
{
    const char *name = json_string_value(json_array_get(value, 0));
    json_int_t from = json_integer_value(json_array_get(value, 1));
    json_int_t len = json_integer_value(json_array_get(value, 2));
    if (!name || json_array_size(value) != 3 || from < 0 || (uint64_t)from != off || len <= 0 ||
        (uint64_t)len > text->len - off ||
        !utf8_is_boundary(text->data, text->len, (size_t)(off + (uint64_t)len)))
        return false;
    bool reasoning = strcmp(name, log_part_name(LOG_PART_REASONING)) == 0;
    *part = (struct history_part){reasoning ? LOG_PART_REASONING : LOG_PART_TEXT, off, (uint64_t)len};
    return reasoning || strcmp(name, log_part_name(LOG_PART_TEXT)) == 0;
}

static bool read_parts(struct reading *r)
{
    struct import_message *m = current(r);
    const json_t *said = member(r->value, "parts");
    size_t n = said ? json_array_size(said) : m->text.len ? 1 : 0;
    uint64_t off = 0;
    m->parts = mem_alloc((n + 1) * sizeof *m->parts);
    m->part_count = n;
    if (!said) {
        m->parts[0] = (struct history_part){LOG_PART_TEXT, 0, m->text.len};
        return true;
    }
    for (size_t i = 0; i < n; i++) {
        if (!read_part(json_array_get(said, i), &m->text, off, &m->parts[i]))
            return bad(r, "parts", "must be [name, off, len] one behind the other");
        off += m->parts[i].len;
    }
    return json_is_array(said) && off == m->text.len ? true : bad(r, "parts", "must cover the text");
}

static bool read_outcome(struct reading *r)
{
    static const char *const names[] = {"usage", "timing", "error"};
    struct import_message *m = current(r);
    struct outcome outcome;
    json_t *kept = json_object();
    bool good = true;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        json_t *value = member(r->value, names[i]);
        good = good && (!value || json_is_object(value));
        if (value)
            json_object_set(kept, names[i], value);
    }
    char *text = json_dumps(kept, JSON_COMPACT);
    json_decref(kept);
    good = good && text && protocol_read_outcome(text, strlen(text), m->state, &outcome);
    free(text);
    if (!good)
        return bad(r, "usage, timing and error", "must be objects");
    m->total_ms = outcome.total_ms;
    buf_add_char(&m->outcome, '{');
    protocol_write_outcome(&m->outcome, &outcome);
    buf_add_char(&m->outcome, '}');
    return true;
}

/* ------------------------------------------------------------------ the whole */

static bool read_message(struct reading *r)
{
    if (!json_is_object(r->value))
        return bad(r, "role", "is missing: a message is an object");
    json_array_append_new(r->answered, json_false());
    if (!read_role(r) || !read_text(r) || !read_time(r) || !read_parent(r) || !read_id(r))
        return false;
    return !current(r)->answer ||
           (read_model(r) && read_state(r) && read_crc(r) && read_parts(r) && read_outcome(r));
}

static bool read_messages(struct reading *r, const json_t *messages)
{
    for (r->at = 0; r->at < r->f->count; r->at++) {
        r->value = json_array_get(messages, r->at);
        if (!read_message(r))
            return false;
    }
    for (r->at = 0; r->at < r->f->count; r->at++) {
        if (!current(r)->answer && !json_is_true(json_array_get(r->answered, r->at)))
            return bad(r, "role", "is a question without an answer");
    }
    return true;
}

static bool read_title(const json_t *root, struct import_file *f, struct err *e)
{
    json_t *title = member(root, "title");
    f->title = json_string_value(title);
    if (!title || (f->title && *f->title && json_string_length(title) <= IMPORT_TITLE_MAX &&
                   strlen(f->title) == json_string_length(title) && f->title[strspn(f->title, " \t\r\n")]))
        return true;
    err_set(e, ERR_BAD_REQUEST, "title: must be a string of 1 to 200 bytes, or null");
    return refuse(e, "title");
}

bool import_file_read(const char *body, size_t len, const struct import_limits *limits, struct import_file *f,
                      struct err *e)
{
    *f = (struct import_file){.root = json_loadb(body ? body : "", len, JSON_ALLOW_NUL, NULL)};
    const json_t *messages = json_object_get(f->root, "messages");
    size_t count = json_array_size(messages);
    if (!read_title(f->root, f, e))
        return false;
    if (!count || count > HISTORY_CHAT_MESSAGES) {
        err_set(e, ERR_BAD_REQUEST,
                "messages: must be an array of 2 to %d messages, as the JSON export has it",
                HISTORY_CHAT_MESSAGES);
        return refuse(e, "messages");
    }
    f->messages = mem_alloc(count * sizeof *f->messages);
    f->count = count;
    struct reading r = {.limits = limits, .f = f, .ids = json_object(), .answered = json_array(), .e = e};
    bool good = read_messages(&r, messages);
    json_decref(r.ids);
    json_decref(r.answered);
    return good;
}

void import_file_free(struct import_file *f)
{
    for (size_t i = 0; i < f->count; i++) {
        mem_free(f->messages[i].parts);
        buf_free(&f->messages[i].outcome);
    }
    mem_free(f->messages);
    json_decref(f->root);
    *f = (struct import_file){0};
}
