/* openai_stream: see openai_stream.h. The head of the response waits for the first text, so that an upstream
 * that fails early is a status of HTTP; but no longer than heartbeat.sse_ms. */
#include "edge/openai_stream.h"

#include <stdio.h>
#include <string.h>

#include "base/list.h"
#include "base/mem.h"

#define BACKOFF_MS 1000  /* Retry-After where the upstream did not say */
#define PULL_BYTES 65536 /* about what one call of next appends */

static struct list streams = {&streams, &streams};

static struct openai_stream *stream_of(struct follower *f)
{
    return list_entry(f, struct openai_stream, follower);
}

/* ------------------------------------------------------------------ the head */

size_t openai_fields(const struct generation *g, struct openai_names *names, struct http_field *fields)
{
    fields[0] = (struct http_field){"lastword-gen", uuid_format(&g->key.gen, names->gen)};
    fields[1] = (struct http_field){"lastword-chat", uuid_format(&g->chat_id, names->chat)};
    return 2;
}

static void stream_begin(struct openai_stream *s)
{
    struct openai_names names;
    struct http_field fields[8];
    size_t n = openai_fields(s->follower.generation, &names, fields);
    fields[n++] = (struct http_field){"content-type", "text/event-stream; charset=utf-8"};
    fields[n++] = (struct http_field){"cache-control", "no-store"};
    fields[n++] = (struct http_field){"x-accel-buffering", "no"};
    if (s->x->method == HTTP_HEAD) {
        s->state = STREAM_ENDED;
        list_del(&s->link);
        http_stream_begin(s->x, 200, fields, n);
        return;
    }
    s->state = STREAM_OPEN;
    s->role_due = s->follower.cursor.off == 0;
    s->sent.epoch = s->follower.generation->log.epoch;
    http_stream_begin(s->x, 200, fields, n);
    http_wake(s->x);
}

/* `g`: NULL if there is none. */
static void stream_fail(struct openai_stream *s, const struct err *e, const struct generation *g)
{
    struct openai_names names;
    struct http_field fields[2];
    size_t n = g ? openai_fields(g, &names, fields) : 0;
    s->state = STREAM_ENDED;
    list_del(&s->link);
    http_reply_error_as(s->x, http_error_status(e), e, fields, n);
}

/* ------------------------------------------------------------------ what the generation tells */

bool openai_outcome_error(const struct generation *g, struct err *e)
{
    const struct outcome *o = &g->outcome;
    if (openai_finish(o))
        return false;
    *e = o->error;
    if (strcmp(o->state, "cancelled") == 0)
        err_set(e, ERR_CONFLICT, "The generation was cancelled.");
    else if (strcmp(o->state, "truncated") == 0)
        err_set(e, o->error.code ? o->error.code : ERR_UPSTREAM_ERROR,
                "The answer broke off and is not complete: %s", err_message(&o->error));
    else if (!e->code)
        err_set(e, ERR_UPSTREAM_ERROR, NULL);
    if (e->code == ERR_NOT_FOUND)
        e->param = "model";
    if (e->code == ERR_TOO_LARGE)
        e->param = "messages";
    if (err_retry(e->code) == RETRY_BACKOFF && !e->after_ms)
        e->after_ms = BACKOFF_MS;
    return true;
}

static void on_accepted(struct follower *f)
{
    (void)f;
}

static void on_refused(struct follower *f, const struct err *e)
{
    struct openai_stream *s = stream_of(f);
    struct err copy = *e;
    if (!s->resumable && copy.code == ERR_NOT_FOUND && !copy.param)
        copy.param = "model";
    if (s->state == STREAM_HELD)
        stream_fail(s, &copy, NULL);
}

static void on_wake(struct follower *f)
{
    struct openai_stream *s = stream_of(f);
    const struct generation *g = f->generation;
    struct err e = {0};
    if (s->state == STREAM_HELD && !s->resumable) {
        if (tokenlog_end(&g->log) == 0 && !g->log.finished)
            return;
        if (tokenlog_end(&g->log) == 0 && openai_outcome_error(g, &e)) {
            stream_fail(s, &e, g);
            return;
        }
    }
    if (s->state == STREAM_HELD)
        stream_begin(s);
    else if (s->state == STREAM_OPEN)
        http_wake(s->x);
}

/* An event of our own making with a wire message as data. */
static void add_rewind(struct openai_stream *s, struct buf *out, const struct openai_position *p,
                       const struct log_item *item)
{
    buf_add_lit(out, "event: rewind\n");
    openai_event_open(out, p);
    if (item)
        protocol_write_item(out, &s->gen, item);
    else
        protocol_write_diverged(out, &s->gen, p->epoch, p->off, p->crc);
    openai_event_close(out);
    s->sent = *p;
}

static void on_diverged(struct follower *f, uint64_t off, uint32_t crc)
{
    struct openai_stream *s = stream_of(f);
    struct openai_position p = {f->generation->log.epoch, off, crc};
    if (s->resumable && s->sent.off > 0)
        add_rewind(s, &s->notice, &p, NULL);
    s->role_due = off == 0;
    if (s->state == STREAM_OPEN)
        http_wake(s->x);
}

static void on_status(struct follower *f, const char *state, int64_t idle_ms)
{
    (void)f;
    (void)state;
    (void)idle_ms;
}

static void on_notice(struct follower *f, const struct err *e)
{
    struct openai_stream *s = stream_of(f);
    if (s->state == STREAM_HELD && !f->generation)
        stream_fail(s, e, NULL); /* better an answer now than one that may come */
}

static const struct follower_ops follower_ops = {.accepted = on_accepted,
                                                 .refused = on_refused,
                                                 .diverged = on_diverged,
                                                 .wake = on_wake,
                                                 .status = on_status,
                                                 .notice = on_notice};

/* ------------------------------------------------------------------ items to events */

static struct openai_head head_at(const struct openai_stream *s, uint64_t off)
{
    const struct generation *g = s->follower.generation;
    return (struct openai_head){s->gen, g->created_ms, openai_model_at(g, off), s->include_usage};
}

static void stream_end(struct openai_stream *s)
{
    s->state = STREAM_ENDED;
    list_del(&s->link);
    http_stream_end(s->x);
}

/* For a client that cannot rewind: the error, and the end without [DONE]. */
static void end_with_error(struct openai_stream *s, struct buf *out, const struct err *e)
{
    openai_event_open(out, &s->sent);
    http_write_error(out, e);
    openai_event_close(out);
    stream_end(s);
}

static void write_rewind(struct openai_stream *s, struct buf *out, const struct log_item *item)
{
    struct openai_position p = {item->epoch, item->off, item->crc};
    if (s->resumable) {
        add_rewind(s, out, &p, item);
        return;
    }
    struct err e = {0};
    err_set(&e, ERR_UPSTREAM_ERROR,
            "The answer was begun anew: what came so far does not hold. Ask for it by its Lastword-Gen.");
    end_with_error(s, out, &e);
}

static void write_text(struct openai_stream *s, struct buf *out, const struct log_item *item)
{
    struct openai_head head = head_at(s, item->off);
    s->sent = (struct openai_position){item->epoch, item->off + item->len, item->crc};
    openai_event_open(out, &s->sent);
    openai_write_text(out, &head, item);
    openai_event_close(out);
}

static void write_last_chunks(struct openai_stream *s, struct buf *out, const struct log_item *item)
{
    const struct outcome *o = &s->follower.generation->outcome;
    struct openai_head head = head_at(s, item->off);
    openai_event_open(out, &s->sent);
    openai_write_finish(out, &head, openai_finish(o));
    if (s->resumable) {
        buf_add_lit(out, ",\"usage\":");
        openai_write_usage(out, o);
        buf_add_lit(out, ",\"lastword\":");
        protocol_write_done(out, &s->gen, item, o);
    } else if (s->include_usage) {
        buf_add_lit(out, ",\"usage\":null");
    }
    buf_add_char(out, '}');
    openai_event_close(out);
    if (!s->include_usage)
        return;
    openai_event_open(out, &s->sent);
    openai_write_usage_chunk(out, &head, o);
    openai_event_close(out);
}

static void write_done(struct openai_stream *s, struct buf *out, const struct log_item *item)
{
    struct err e = {0};
    s->sent = (struct openai_position){item->epoch, item->off, item->crc};
    if (!s->resumable && openai_outcome_error(s->follower.generation, &e)) {
        end_with_error(s, out, &e);
        return;
    }
    write_last_chunks(s, out, item);
    openai_event_open(out, &s->sent);
    buf_add_lit(out, "[DONE]");
    openai_event_close(out);
    stream_end(s);
}

/* The role chunk waits for the first item, when the model is known. */
static void write_role(struct openai_stream *s, struct buf *out, const struct log_item *item)
{
    struct openai_position start = {item->epoch, 0, 0};
    struct openai_head head = head_at(s, item->off);
    s->role_due = false;
    openai_event_open(out, &start);
    openai_write_role(out, &head);
    openai_event_close(out);
}

static void write_item(struct openai_stream *s, struct buf *out, const struct log_item *item)
{
    if (s->role_due && (item->kind == LOG_ITEM_TEXT || item->kind == LOG_ITEM_DONE))
        write_role(s, out, item);
    if (item->kind == LOG_ITEM_TEXT)
        write_text(s, out, item);
    else if (item->kind == LOG_ITEM_REWIND)
        write_rewind(s, out, item);
    else if (item->kind == LOG_ITEM_DONE)
        write_done(s, out, item);
}

/* ------------------------------------------------------------------ the exchange */

static bool stream_next(struct http_exchange *x, struct buf *out)
{
    struct openai_stream *s = x->state;
    size_t before = out->len;
    struct log_item item;
    if (s->state != STREAM_OPEN || !s->follower.generation)
        return false;
    if (s->comment_due)
        buf_add_lit(out, ": keepalive\n\n");
    s->comment_due = false;
    buf_add(out, s->notice.data, s->notice.len);
    buf_free(&s->notice);
    while (s->state == STREAM_OPEN && out->len - before < PULL_BYTES &&
           tokenlog_next(&s->follower.generation->log, &s->follower.cursor, PROTOCOL_DELTA_MAX, &item))
        write_item(s, out, &item);
    if (out->len == before)
        return false;
    s->touched_us = x->node->now_us;
    if (s->state == STREAM_OPEN)
        list_move_tail(&streams, &s->link);
    return true;
}

static void stream_closed(struct http_exchange *x)
{
    struct openai_stream *s = x->state;
    x->state = NULL;
    follower_detach(&s->follower);
    list_del(&s->link);
    buf_free(&s->notice);
    mem_free(s);
}

struct openai_stream *openai_stream_new(struct http_exchange *x, const struct uuid *gen, bool resumable)
{
    static const struct http_ops ops = {.next = stream_next, .closed = stream_closed};
    struct openai_stream *s = mem_alloc(sizeof *s);
    s->follower.ops = &follower_ops;
    s->x = x;
    s->gen = *gen;
    s->resumable = resumable;
    s->touched_us = x->node->now_us;
    list_init(&s->link);
    list_add_tail(&streams, &s->link);
    x->ops = &ops;
    x->state = s;
    return s;
}

/* A stream that is still held is opened, unless the prompt is not even recorded. */
static void keep_alive(struct openai_stream *s)
{
    if (s->state == STREAM_HELD && s->follower.generation && !s->follower.accept_due)
        stream_begin(s);
    s->comment_due = s->state == STREAM_OPEN;
    if (s->comment_due)
        http_wake(s->x);
}

void openai_streams_tick(struct node *n)
{
    uint64_t silence = (uint64_t)n->config->heartbeat_sse_ms * 1000;
    struct list *first;
    while ((first = list_first(&streams))) {
        struct openai_stream *s = list_entry(first, struct openai_stream, link);
        if (s->touched_us + silence > n->now_us)
            return;
        s->touched_us = n->now_us;
        list_move_tail(&streams, &s->link);
        keep_alive(s);
    }
}
