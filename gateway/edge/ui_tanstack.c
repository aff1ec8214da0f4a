/* ui_tanstack: the frames of webSocket() of TanStack AI (@tanstack/ai-client 0.33): AG-UI events. Pure. See
 * ui.h.
 *
 *     RunAgentInput              -> RUN_STARTED, TEXT_MESSAGE_START, (reasoning | TEXT_MESSAGE_CONTENT)*,
 *                                   TEXT_MESSAGE_END, RUN_FINISHED | RUN_ERROR
 *     {type: abort, runId}       -> nothing
 *     the address: ?runId&offset -> the same events from there; then the connection is closed
 *
 * An event whose {id, chunk} has an id moves the library's cursor: <epoch>-<off>-<crc>, the position after
 * it, as on the events of a generation. The others only frame the text, and are said again after a resume,
 * which harms nothing. For a rewind MESSAGES_SNAPSHOT puts back the messages that the library itself sent;
 * where it sent none, on a connection that resumes, the run ends with RUN_ERROR. */
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "edge/openai_write.h"
#include "edge/ui.h"

/* ------------------------------------------------------------------ asked */

static bool read_run(struct ui_ask *ask, struct err *e)
{
    const json_t *props = json_object_get(ask->root, "forwardedProps");
    ask->type = UI_SEND;
    ask->chat = ui_id(ask->root, "threadId");
    ask->token = ui_id(props, "token");
    if (!ask->chat)
        return err_set(e, ERR_BAD_REQUEST, "threadId: must be a text");
    if (json_array_size(json_object_get(ask->root, "tools")))
        return err_set(e, ERR_BAD_REQUEST, "tools: are not understood here");
    if (json_object_get(ask->root, "resume"))
        return err_set(e, ERR_BAD_REQUEST, "resume: nothing is interrupted here");
    return ui_ask_options(ask, props, e) && ui_ask_messages(ask, "content", e);
}

static enum read_verdict tanstack_read(const char *text, size_t len, struct ui_ask *ask, struct err *e)
{
    *ask = (struct ui_ask){.model = ""};
    enum read_verdict verdict = ui_ask_parse(text, len, ask, e);
    if (verdict != READ_OK)
        return verdict;
    const char *type = ui_id(ask->root, "type");
    ask->id = ui_id(ask->root, "runId");
    if (!ask->id) {
        err_set(e, ERR_BAD_REQUEST, "runId: must be a text");
        return READ_BAD;
    }
    if (type && strcmp(type, "abort") == 0) {
        ask->type = UI_ABORT;
        return READ_OK;
    }
    return read_run(ask, e) ? READ_OK : READ_BAD;
}

/* ------------------------------------------------------------------ answered */

/* An event up to the members that follow its type; `id`: the position to resume from, NULL: it moves none. */
static struct buf *open_event(struct ui_out *o, const char *id, const char *type, size_t *mark)
{
    struct buf *out = ui_out_begin(o, mark);
    if (id) {
        buf_add_lit(out, "{\"id\":\"");
        buf_add_str(out, id);
        buf_add_lit(out, "\",\"chunk\":");
    }
    buf_add_lit(out, "{\"type\":\"");
    buf_add_str(out, type);
    buf_add_char(out, '"');
    return out;
}

static void close_event(struct ui_out *o, bool enveloped, size_t mark)
{
    buf_add_str(&o->buf, enveloped ? "}}" : "}");
    ui_out_end(o, mark);
}

static void add_member(struct buf *out, const char *name, const char *value)
{
    buf_add_lit(out, ",\"");
    buf_add_str(out, name);
    buf_add_lit(out, "\":");
    json_add_cstring(out, value);
}

static void add_run(struct buf *out, const struct ui_voice *v)
{
    if (v->thread)
        add_member(out, "threadId", v->thread);
    add_member(out, "runId", v->id);
}

/* Text belongs to the answer; each run of thoughts has an id of its own beside it. */
static void add_message(struct buf *out, const struct ui_voice *v, enum log_part part)
{
    char message[UUID_TEXT + 1];
    buf_add_lit(out, ",\"messageId\":\"");
    buf_add_str(out, uuid_format(&v->message, message));
    if (part == LOG_PART_REASONING) {
        buf_add_lit(out, "-r");
        buf_add_u64(out, v->parts);
    }
    buf_add_char(out, '"');
}

static void event(const struct ui_voice *v, struct ui_out *o, const char *type, enum log_part part,
                  const char *role)
{
    size_t mark;
    struct buf *out = open_event(o, NULL, type, &mark);
    add_message(out, v, part);
    if (role)
        add_member(out, "role", role);
    close_event(o, false, mark);
}

static void close_reasoning(struct ui_voice *v, struct ui_out *o)
{
    if (v->open == LOG_PART_REASONING) {
        event(v, o, "REASONING_MESSAGE_END", LOG_PART_REASONING, NULL);
        event(v, o, "REASONING_END", LOG_PART_REASONING, NULL);
    }
    v->open = -1;
}

static void position(char out[64], const struct log_item *item)
{
    unsigned long long off = item->off + item->len;
    snprintf(out, 64, "%llu-%llu-%08x", (unsigned long long)item->epoch, off, item->crc);
}

static void tanstack_begin(struct ui_voice *v, struct ui_out *o, bool resumed, const struct log_item *at)
{
    size_t mark;
    char id[64];
    (void)resumed;
    position(id, at);
    struct buf *out = open_event(o, id, "RUN_STARTED", &mark);
    add_run(out, v);
    close_event(o, true, mark);
    event(v, o, "TEXT_MESSAGE_START", LOG_PART_TEXT, "assistant");
}

static void tanstack_text(struct ui_voice *v, struct ui_out *o, const struct log_item *item)
{
    size_t mark;
    char id[64];
    bool thinks = item->part == LOG_PART_REASONING;
    if (v->open != (int)item->part) {
        close_reasoning(v, o);
        v->open = (int)item->part;
        v->parts++;
        if (thinks) {
            event(v, o, "REASONING_START", LOG_PART_REASONING, NULL);
            event(v, o, "REASONING_MESSAGE_START", LOG_PART_REASONING, "reasoning");
        }
    }
    position(id, item);
    struct buf *out = open_event(o, id, thinks ? "REASONING_MESSAGE_CONTENT" : "TEXT_MESSAGE_CONTENT", &mark);
    add_message(out, v, item->part);
    buf_add_lit(out, ",\"delta\":");
    json_add_string(out, item->text, item->len);
    close_event(o, true, mark);
}

/* The empty id lets the library forget the positions it has seen: after a rewind they may come again. */
static bool tanstack_rewind(struct ui_voice *v, struct ui_out *o, const struct log_item *item)
{
    size_t mark;
    struct log_item begin = {.epoch = item->epoch};
    if (!v->messages)
        return false;
    char *messages = json_dumps(v->messages, JSON_COMPACT);
    struct buf *out = open_event(o, "", "MESSAGES_SNAPSHOT", &mark);
    buf_add_lit(out, ",\"messages\":");
    buf_add_str(out, messages);
    free(messages);
    close_event(o, true, mark);
    v->open = -1;
    tanstack_begin(v, o, false, &begin);
    return true;
}

static void tanstack_status(struct ui_voice *v, struct ui_out *o, const char *state)
{
    size_t mark;
    struct buf *out = open_event(o, NULL, "CUSTOM", &mark);
    (void)v;
    buf_add_lit(out, ",\"name\":\"lastword.status\",\"value\":{\"state\":");
    json_add_cstring(out, state);
    buf_add_char(out, '}');
    close_event(o, false, mark);
}

static void tanstack_error(struct ui_voice *v, struct ui_out *o, const struct err *e)
{
    size_t mark;
    struct buf *out = open_event(o, NULL, "RUN_ERROR", &mark);
    if (v->id)
        add_run(out, v);
    add_member(out, "message", err_message(e));
    add_member(out, "code", err_wire(e->code));
    close_event(o, false, mark);
}

static void write_finished(struct ui_voice *v, struct ui_out *o, const struct outcome *outcome,
                           const char *reason)
{
    size_t mark;
    struct buf *out = open_event(o, NULL, "RUN_FINISHED", &mark);
    add_run(out, v);
    add_member(out, "finishReason", reason);
    if (outcome->prompt_tokens >= 0 && outcome->completion_tokens >= 0) {
        buf_add_lit(out, ",\"usage\":[{\"inputTokens\":");
        buf_add_i64(out, outcome->prompt_tokens);
        buf_add_lit(out, ",\"outputTokens\":");
        buf_add_i64(out, outcome->completion_tokens);
        buf_add_lit(out, "}]");
    }
    close_event(o, false, mark);
}

static void tanstack_done(struct ui_voice *v, struct ui_out *o, const struct outcome *outcome)
{
    struct err e;
    const char *reason = openai_finish(outcome);
    close_reasoning(v, o);
    event(v, o, "TEXT_MESSAGE_END", LOG_PART_TEXT, NULL);
    if (reason) {
        write_finished(v, o, outcome, reason);
        return;
    }
    ui_outcome_text(outcome, &e);
    tanstack_error(v, o, &e);
}

const struct ui_dialect ui_tanstack = {.name = "tanstack",
                                       .names_gen = true,
                                       .read = tanstack_read,
                                       .write_begin = tanstack_begin,
                                       .write_text = tanstack_text,
                                       .write_rewind = tanstack_rewind,
                                       .write_status = tanstack_status,
                                       .write_done = tanstack_done,
                                       .write_error = tanstack_error};
