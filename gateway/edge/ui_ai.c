/* ui_ai: the frames of WebSocketChatTransport of the `ai` package (7.0.135 to 7.0.173 are alike). Pure. See
 * ui.h.
 *
 *     send -> chunk*, end | error        resume -> start, chunk*, end | no-active | error        abort ->
 * nothing
 *
 *     chunks: start, start-step, (reasoning-start, -delta, -end | text-start, -delta, -end)*, finish-step,
 * finish
 *
 * The package's own word for a rewind is reset-step: it throws away what came since start-step, which here is
 * all. An answer that is not whole ends with an error chunk, which puts useChat into its state "error" and
 * keeps the text; never with a finish alone. */
#include <string.h>

#include "base/json.h"
#include "edge/ui.h"

/* ------------------------------------------------------------------ asked */

static const char *bearer(const json_t *headers)
{
    static const char scheme[] = "bearer ";
    const char *name, *text;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)headers, name, value)
    {
        text = json_string_value(value);
        if (text && strcasecmp(name, "authorization") == 0 &&
            strncasecmp(text, scheme, sizeof scheme - 1) == 0)
            return text + sizeof scheme - 1;
    }
    return NULL;
}

static bool read_send(struct ui_ask *ask, struct err *e)
{
    const char *trigger = ui_id(ask->root, "trigger");
    ask->type = UI_SEND;
    ask->again = trigger && strcmp(trigger, "regenerate-message") == 0;
    if (!ask->again && (!trigger || strcmp(trigger, "submit-message") != 0))
        return err_set(e, ERR_BAD_REQUEST, "trigger: must be submit-message or regenerate-message");
    return ui_ask_options(ask, json_object_get(ask->root, "body"), e) && ui_ask_messages(ask, "parts", e);
}

/* Chunks are counted anew in every answer to a resume, so none can be left out of it. */
static bool read_resume(struct ui_ask *ask, struct err *e)
{
    ask->type = UI_RESUME;
    if (json_object_get(ask->root, "lastSequence"))
        return err_set(e, ERR_BAD_REQUEST, "lastSequence: answers are replayed whole here; leave it out");
    return true;
}

static bool read_fields(struct ui_ask *ask, struct err *e)
{
    const char *type = ui_id(ask->root, "type");
    ask->id = ui_id(ask->root, "requestId");
    if (!ask->id)
        return err_set(e, ERR_BAD_REQUEST, "requestId: must be a text");
    if (type && strcmp(type, "abort") == 0) {
        ask->type = UI_ABORT;
        return true;
    }
    ask->token = bearer(json_object_get(ask->root, "headers"));
    ask->chat = ui_id(ask->root, "id");
    if (!ask->chat)
        return err_set(e, ERR_BAD_REQUEST, "id: must be a text");
    if (type && strcmp(type, "send") == 0)
        return read_send(ask, e);
    if (type && strcmp(type, "resume") == 0)
        return read_resume(ask, e);
    return err_set(e, ERR_BAD_REQUEST, "type: must be send, resume or abort");
}

static enum read_verdict ai_read(const char *text, size_t len, struct ui_ask *ask, struct err *e)
{
    *ask = (struct ui_ask){.model = ""};
    enum read_verdict verdict = ui_ask_parse(text, len, ask, e);
    if (verdict != READ_OK)
        return verdict;
    return read_fields(ask, e) ? READ_OK : READ_BAD;
}

/* ------------------------------------------------------------------ answered */

static struct buf *open_frame(const struct ui_voice *v, struct ui_out *o, const char *type, size_t *mark)
{
    struct buf *out = ui_out_begin(o, mark);
    buf_add_lit(out, "{\"type\":\"");
    buf_add_str(out, type);
    buf_add_lit(out, "\",\"requestId\":");
    json_add_cstring(out, v->id);
    return out;
}

static void frame(const struct ui_voice *v, struct ui_out *o, const char *type)
{
    size_t mark;
    buf_add_char(open_frame(v, o, type, &mark), '}');
    ui_out_end(o, mark);
}

/* A chunk, up to the members that follow its type. */
static struct buf *open_chunk(struct ui_voice *v, struct ui_out *o, const char *type, size_t *mark)
{
    struct buf *out = open_frame(v, o, "chunk", mark);
    buf_add_lit(out, ",\"sequence\":");
    buf_add_u64(out, v->sequence++);
    buf_add_lit(out, ",\"chunk\":{\"type\":\"");
    buf_add_str(out, type);
    buf_add_char(out, '"');
    return out;
}

static void close_chunk(struct ui_out *o, size_t mark)
{
    buf_add_lit(&o->buf, "}}");
    ui_out_end(o, mark);
}

static void chunk(struct ui_voice *v, struct ui_out *o, const char *type, const char *member,
                  const char *value)
{
    size_t mark;
    struct buf *out = open_chunk(v, o, type, &mark);
    if (member) {
        buf_add_lit(out, ",\"");
        buf_add_str(out, member);
        buf_add_lit(out, "\":");
        json_add_cstring(out, value);
    }
    close_chunk(o, mark);
}

static struct buf *open_part(struct ui_voice *v, struct ui_out *o, enum log_part part, const char *what,
                             size_t *mark)
{
    char type[32];
    snprintf(type, sizeof type, "%s-%s", log_part_name(part), what);
    struct buf *out = open_chunk(v, o, type, mark);
    buf_add_lit(out, ",\"id\":\"");
    buf_add_u64(out, v->parts);
    buf_add_char(out, '"');
    return out;
}

static void part_edge(struct ui_voice *v, struct ui_out *o, enum log_part part, const char *what)
{
    size_t mark;
    open_part(v, o, part, what, &mark);
    close_chunk(o, mark);
}

static void close_part(struct ui_voice *v, struct ui_out *o)
{
    if (v->open >= 0)
        part_edge(v, o, (enum log_part)v->open, "end");
    v->open = -1;
}

static void ai_begin(struct ui_voice *v, struct ui_out *o, bool resumed, const struct log_item *at)
{
    char message[UUID_TEXT + 1];
    (void)at;
    if (resumed)
        frame(v, o, "start");
    chunk(v, o, "start", "messageId", uuid_format(&v->message, message));
    chunk(v, o, "start-step", NULL, NULL);
}

static void ai_text(struct ui_voice *v, struct ui_out *o, const struct log_item *item)
{
    size_t mark;
    if (v->open != (int)item->part) {
        close_part(v, o);
        v->open = (int)item->part;
        v->parts++;
        part_edge(v, o, item->part, "start");
    }
    struct buf *out = open_part(v, o, item->part, "delta", &mark);
    buf_add_lit(out, ",\"delta\":");
    json_add_string(out, item->text, item->len);
    close_chunk(o, mark);
}

static bool ai_rewind(struct ui_voice *v, struct ui_out *o, const struct log_item *item)
{
    (void)item;
    v->open = -1; /* reset-step forgets the open part, too */
    chunk(v, o, "reset-step", NULL, NULL);
    return true;
}

/* Transient: it reaches onData of the application, and no message. */
static void ai_status(struct ui_voice *v, struct ui_out *o, const char *state)
{
    size_t mark;
    struct buf *out = open_chunk(v, o, "data-lastword-status", &mark);
    buf_add_lit(out, ",\"data\":{\"state\":");
    json_add_cstring(out, state);
    buf_add_lit(out, "},\"transient\":true");
    close_chunk(o, mark);
}

static const char *finish_reason(const struct outcome *outcome)
{
    static const char *const names[][2] = {
        {"complete", "stop"}, {"length", "length"}, {"filtered", "content-filter"}};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(outcome->state, names[i][0]) == 0)
            return names[i][1];
    return NULL;
}

static void ai_done(struct ui_voice *v, struct ui_out *o, const struct outcome *outcome)
{
    struct err e;
    const char *reason = finish_reason(outcome);
    bool cancelled = strcmp(outcome->state, "cancelled") == 0;
    close_part(v, o);
    if (!cancelled) {
        chunk(v, o, "finish-step", NULL, NULL);
        chunk(v, o, "finish", "finishReason", reason ? reason : "error");
    }
    if (cancelled)
        chunk(v, o, "abort", "reason", ui_outcome_text(outcome, &e));
    else if (!reason)
        chunk(v, o, "error", "errorText", ui_outcome_text(outcome, &e));
    frame(v, o, "end");
}

static void ai_error(struct ui_voice *v, struct ui_out *o, const struct err *e)
{
    size_t mark;
    struct buf *out = open_frame(v, o, "error", &mark);
    buf_add_lit(out, ",\"errorText\":");
    json_add_cstring(out, err_message(e));
    buf_add_char(out, '}');
    ui_out_end(o, mark);
}

static void ai_none(struct ui_voice *v, struct ui_out *o)
{
    frame(v, o, "no-active");
}

const struct ui_dialect ui_ai = {.name = "ai",
                                 .read = ai_read,
                                 .write_begin = ai_begin,
                                 .write_text = ai_text,
                                 .write_rewind = ai_rewind,
                                 .write_status = ai_status,
                                 .write_done = ai_done,
                                 .write_error = ai_error,
                                 .write_none = ai_none};
