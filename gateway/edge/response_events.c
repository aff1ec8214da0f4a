/* response_events: see response_events.h. */
#include "edge/response_events.h"

#include "base/json.h"
#include "edge/http.h"
#include "edge/response_write.h"

void response_events_free(struct response_events *r)
{
    json_decref(r->note);
    r->note = NULL;
}

/* ------------------------------------------------------------------ seek */

/* Looks again whether the log has come to where `at` is. */
static bool arrive(struct response_events *r, struct follower *f)
{
    const struct tokenlog *log = &f->generation->log;
    enum response_verdict verdict = response_place_check(log, &r->at, &r->run);
    r->awaiting = verdict == PLACE_AHEAD;
    if (verdict != PLACE_HOLDS)
        return verdict == PLACE_AHEAD;
    f->cursor = tokenlog_seek(log, r->at.off);
    r->at.crc = f->cursor.crc;
    r->ended = r->at.slot == SLOT_END;
    bool none = r->at.off == 0 && r->at.slot <= SLOT_IN_PROGRESS;
    r->items = none ? 0 : r->run.index + 1;
    return true;
}

bool response_events_seek(struct response_events *r, struct follower *f, const struct response_place *at)
{
    r->at = *at;
    r->begun = true;
    return arrive(r, f);
}

/* ------------------------------------------------------------------ one event */

/* Begins an event at a place, with what every one has. */
static void open_event(struct response_events *r, struct buf *out, const char *type, enum response_slot slot,
                       const struct follower *f)
{
    r->at = (struct response_place){f->cursor.off, slot, f->cursor.crc};
    r->begun = true;
    buf_printf(out, "{\"type\":\"%s\",\"sequence_number\":%llu", type,
               (unsigned long long)response_place_number(&r->at));
}

static void add_item_place(const struct response_events *r, struct buf *out, const struct generation *g)
{
    buf_add_lit(out, ",\"item_id\":\"");
    response_write_item_id(out, g, &r->run);
    buf_printf(out, "\",\"output_index\":%zu,\"content_index\":0", r->run.index);
}

static const char *write_begun(struct response_events *r, const struct follower *f, struct buf *out,
                               const char *type, enum response_slot slot)
{
    open_event(r, out, type, slot, f);
    buf_add_lit(out, ",\"response\":");
    response_write_begun(out, f->generation, r->note);
    buf_add_char(out, '}');
    return type;
}

static const char *write_item(struct response_events *r, const struct follower *f, struct buf *out,
                              const char *type, enum response_slot slot, bool open)
{
    open_event(r, out, type, slot, f);
    buf_printf(out, ",\"output_index\":%zu,\"item\":", r->run.index);
    response_write_item(out, f->generation, &r->run, open);
    buf_add_char(out, '}');
    return type;
}

static const char *write_part(struct response_events *r, const struct follower *f, struct buf *out,
                              const char *type, enum response_slot slot, bool open)
{
    open_event(r, out, type, slot, f);
    add_item_place(r, out, f->generation);
    buf_add_lit(out, ",\"part\":");
    response_write_part(out, f->generation, &r->run, open);
    buf_add_char(out, '}');
    return type;
}

static const char *write_text_done(struct response_events *r, const struct follower *f, struct buf *out)
{
    bool text = r->run.part == LOG_PART_TEXT;
    const char *type = text ? "response.output_text.done" : "response.reasoning_text.done";
    r->run.end = f->cursor.off;
    open_event(r, out, type, SLOT_TEXT_DONE, f);
    add_item_place(r, out, f->generation);
    buf_add_lit(out, ",\"text\":");
    json_add_string(out, f->generation->log.text.data + r->run.begin, (size_t)(r->run.end - r->run.begin));
    buf_add_str(out, text ? ",\"logprobs\":[]}" : "}");
    return type;
}

static const char *write_delta(struct response_events *r, const struct follower *f, struct buf *out,
                               const struct log_item *item)
{
    bool text = item->part == LOG_PART_TEXT;
    const char *type = text ? "response.output_text.delta" : "response.reasoning_text.delta";
    open_event(r, out, type, SLOT_DELTA, f);
    add_item_place(r, out, f->generation);
    buf_add_lit(out, ",\"delta\":");
    json_add_string(out, item->text, item->len);
    buf_add_str(out, text ? ",\"logprobs\":[]}" : "}");
    return type;
}

static const char *write_end(struct response_events *r, const struct follower *f, struct buf *out)
{
    const char *status = response_status(f->generation);
    const char *type = strcmp(status, "completed") == 0 ? "response.completed"
                       : strcmp(status, "failed") == 0  ? "response.failed"
                                                        : "response.incomplete"; /* cancelled, too */
    open_event(r, out, type, SLOT_END, f);
    buf_add_lit(out, ",\"response\":");
    response_write(out, f->generation, r->note);
    buf_add_char(out, '}');
    r->ended = true;
    return type;
}

const char *response_events_error(struct response_events *r, struct buf *out, const struct err *e)
{
    buf_printf(out, "{\"type\":\"error\",\"sequence_number\":%llu,\"code\":\"%s\",\"message\":",
               (unsigned long long)response_place_number(&r->at), err_wire(e->code));
    json_add_cstring(out, err_message(e));
    buf_add_lit(out, ",\"param\":");
    json_add_cstring(out, e->param);
    buf_add_char(out, ',');
    struct buf error = {0};
    http_write_error(&error, e);
    buf_add(out, error.data + 1, error.len - 1); /* "error":{…}} */
    buf_free(&error);
    r->ended = true;
    return "error";
}

/* ------------------------------------------------------------------ which is next */

static const char *write_anew(struct response_events *r, struct buf *out)
{
    struct err e = {0};
    err_set(
        &e, ERR_RESUME_GONE,
        "The answer was begun anew: what came so far does not hold. Retrieve the response from its start.");
    return response_events_error(r, out, &e);
}

static const char *open_item(struct response_events *r, const struct follower *f, struct buf *out,
                             const struct log_item *item)
{
    r->run = (struct response_run){
        .part = item->part, .begin = f->cursor.off, .end = f->cursor.off, .index = r->items++};
    return write_item(r, f, out, "response.output_item.added",
                      item->part == LOG_PART_TEXT ? SLOT_MESSAGE : SLOT_REASONING, true);
}

/* What the log has at the cursor; *ahead is behind it. Starts of producers are passed over. */
static struct log_item peek(struct follower *f, struct log_cursor *ahead)
{
    struct log_item item;
    *ahead = f->cursor;
    while (tokenlog_next(&f->generation->log, ahead, RESPONSE_DELTA_MAX, &item) == LOG_ITEM_START)
        f->cursor = *ahead;
    return item;
}

/* `open`: an item is. */
static const char *next_of_log(struct response_events *r, struct follower *f, struct buf *out, bool open,
                               const struct log_item *item)
{
    if (item->kind == LOG_ITEM_NONE)
        return NULL;
    bool same =
        item->kind == LOG_ITEM_TEXT && item->part == r->run.part; /* the cursor is behind it already */
    if (open && !same && f->cursor.off == r->run.begin)
        return write_anew(r, out); /* it was opened for text that is no longer there */
    if (open && !same)
        return write_text_done(r, f, out);
    if (item->kind == LOG_ITEM_DONE)
        return write_end(r, f, out);
    if (!open)
        return open_item(r, f, out, item);
    return write_delta(r, f, out, item);
}

static const char *next_event(struct response_events *r, struct follower *f, struct buf *out)
{
    struct log_cursor ahead;
    const struct log_item item = peek(f, &ahead);
    if (!r->begun)
        return write_begun(r, f, out, "response.created", SLOT_CREATED);
    if (item.kind == LOG_ITEM_REWIND)
        return write_anew(r, out);
    if (r->at.off == 0 && r->at.slot == SLOT_CREATED)
        return write_begun(r, f, out, "response.in_progress", SLOT_IN_PROGRESS);
    switch (r->at.slot) {
    case SLOT_TEXT_DONE:
        return write_part(r, f, out, "response.content_part.done", SLOT_PART_DONE, false);
    case SLOT_PART_DONE:
        return write_item(r, f, out, "response.output_item.done", SLOT_ITEM_DONE, false);
    case SLOT_REASONING:
        return write_part(r, f, out, "response.content_part.added", SLOT_REASONING_PART, true);
    case SLOT_MESSAGE:
        return write_part(r, f, out, "response.content_part.added", SLOT_MESSAGE_PART, true);
    case SLOT_IN_PROGRESS:
    case SLOT_ITEM_DONE:
        return next_of_log(r, f, out, false, &item);
    default: /* a delta, or an opened part */
        if (item.kind == LOG_ITEM_TEXT && item.part == r->run.part)
            f->cursor = ahead;
        return next_of_log(r, f, out, true, &item);
    }
}

const char *response_events_next(struct response_events *r, struct follower *f, struct buf *out)
{
    if (r->ended || !f->generation)
        return NULL;
    if (r->awaiting && !arrive(r, f))
        return write_anew(r, out);
    if (r->awaiting || r->ended)
        return NULL;
    return next_event(r, f, out);
}
