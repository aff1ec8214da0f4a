/* response_stream: see response_stream.h. */
#include "edge/response_stream.h"

#include <string.h>

#include "base/mem.h"
#include "edge/openai_stream.h"
#include "edge/response_write.h"

#define PULL_BYTES 65536 /* about what one call of next appends */

static struct list streams = {&streams, &streams};

static struct response_stream *of(struct follower *f)
{
    return list_entry(f, struct response_stream, follower);
}

/* ------------------------------------------------------------------ answered whole */

static void reply(struct response_stream *s)
{
    const struct generation *g = s->follower.generation;
    struct openai_names names;
    struct http_field fields[4];
    size_t n = openai_fields(g, &names, fields);
    struct err e = {0};
    s->over = true;
    if (s->want == RESPONSE_WHOLE && strcmp(response_status(g), "failed") == 0 &&
        openai_outcome_error(g, &e)) {
        http_reply_error_as(s->x, http_error_status(&e), &e, fields, n);
        return;
    }
    struct buf body = {0};
    fields[n++] = (struct http_field){"content-type", "application/json"};
    response_write(&body, g, s->events.note);
    http_reply(s->x, 200, fields, n, body.data, body.len);
    buf_free(&body);
}

/* ------------------------------------------------------------------ the stream */

static void begin(struct response_stream *s)
{
    struct openai_names names;
    struct http_field fields[8];
    size_t n = openai_fields(s->follower.generation, &names, fields);
    fields[n++] = (struct http_field){"content-type", "text/event-stream; charset=utf-8"};
    fields[n++] = (struct http_field){"cache-control", "no-store"};
    fields[n++] = (struct http_field){"x-accel-buffering", "no"};
    s->open = true;
    s->over = s->x->method == HTTP_HEAD;
    http_stream_begin(s->x, 200, fields, n);
    if (s->over)
        return;
    s->touched_us = s->x->node->now_us;
    list_add_tail(&streams, &s->link);
    http_wake(s->x);
}

static void end(struct response_stream *s)
{
    s->over = true;
    list_del(&s->link);
    http_stream_end(s->x);
}

static void add_event(struct buf *out, const char *type, const struct buf *json)
{
    buf_add_lit(out, "event: ");
    buf_add_str(out, type);
    buf_add_lit(out, "\ndata: ");
    buf_add(out, json->data, json->len);
    buf_add_lit(out, "\n\n");
}

static void add_events(struct response_stream *s, struct buf *out)
{
    size_t before = out->len;
    struct buf json = {0};
    const char *type;
    while (out->len - before < PULL_BYTES && (type = response_events_next(&s->events, &s->follower, &json))) {
        add_event(out, type, &json);
        buf_clear(&json);
    }
    buf_free(&json);
}

static bool stream_next(struct http_exchange *x, struct buf *out)
{
    struct response_stream *s = x->state;
    size_t before = out->len;
    if (!s->open || s->over)
        return false;
    if (s->comment_due)
        buf_add_lit(out, ": keepalive\n\n");
    s->comment_due = false;
    add_events(s, out);
    if (s->events.ended)
        end(s);
    if (out->len == before)
        return false;
    s->touched_us = x->node->now_us;
    if (!s->over)
        list_move_tail(&streams, &s->link);
    return true;
}

void response_streams_tick(struct node *n)
{
    uint64_t silence = (uint64_t)n->config->heartbeat_sse_ms * 1000;
    struct list *first;
    while ((first = list_first(&streams))) {
        struct response_stream *s = list_entry(first, struct response_stream, link);
        if (s->touched_us + silence > n->now_us)
            return;
        s->touched_us = n->now_us;
        list_move_tail(&streams, &s->link);
        s->comment_due = true;
        http_wake(s->x);
    }
}

/* ------------------------------------------------------------------ what the generation tells */

static void on_accepted(struct follower *f)
{
    struct response_stream *s = of(f);
    if (s->want == RESPONSE_STREAM)
        begin(s);
    else if (s->want == RESPONSE_AT_ONCE)
        reply(s);
}

static void on_refused(struct follower *f, const struct err *e)
{
    struct response_stream *s = of(f);
    struct err copy = *e;
    if (copy.code == ERR_NOT_FOUND && !copy.param)
        copy.param = "model";
    s->over = true;
    http_reply_error(s->x, &copy);
}

static void on_wake(struct follower *f)
{
    struct response_stream *s = of(f);
    if (s->over)
        return;
    if (s->open)
        http_wake(s->x);
    else if (s->want != RESPONSE_STREAM && f->generation->log.finished)
        reply(s);
}

static void on_diverged(struct follower *f, uint64_t off, uint32_t crc)
{
    (void)f;
    (void)off;
    (void)crc;
}

static void on_status(struct follower *f, const char *state, int64_t idle_ms)
{
    (void)f;
    (void)state;
    (void)idle_ms;
}

static void on_notice(struct follower *f, const struct err *e)
{
    (void)f;
    (void)e;
}

/* ------------------------------------------------------------------ life */

static void closed(struct http_exchange *x)
{
    struct response_stream *s = x->state;
    x->state = NULL;
    response_ask_end(&s->ask);
    response_look_end(&s->look);
    follower_detach(&s->follower);
    response_events_free(&s->events);
    list_del(&s->link);
    mem_free(s);
}

struct response_stream *response_stream_new(struct http_exchange *x, enum response_want want)
{
    static const struct follower_ops follower_ops = {.accepted = on_accepted,
                                                     .refused = on_refused,
                                                     .diverged = on_diverged,
                                                     .wake = on_wake,
                                                     .status = on_status,
                                                     .notice = on_notice};
    static const struct http_ops ops = {.next = stream_next, .closed = closed};
    struct response_stream *s = mem_alloc(sizeof *s);
    s->follower.ops = &follower_ops;
    s->x = x;
    s->want = want;
    list_init(&s->link);
    x->ops = &ops;
    x->state = s;
    return s;
}

static void looked(struct response_look *look, struct generation *g, const struct err *e)
{
    struct response_stream *s = list_entry(look, struct response_stream, look);
    json_t *note = json_object_get(look->request, "note");
    s->events.note = json_incref(note);
    if (g)
        s->found(s, g);
    else
        http_reply_error(s->x, e);
}

void response_stream_look(struct response_stream *s, const struct uuid *gen,
                          void (*found)(struct response_stream *s, struct generation *g))
{
    s->found = found;
    s->x->gen = *gen;
    response_look_start(&s->look, s->x->node, s->x->owner, gen, looked);
}

void response_stream_follow(struct response_stream *s, struct generation *g)
{
    follower_attach(&s->follower, g, 0);
    if (s->from_given && !response_events_seek(&s->events, &s->follower, &s->from)) {
        struct err e = {0};
        err_set(&e, ERR_RESUME_GONE, "starting_after: the response has no such event, or has it no longer");
        e.param = "starting_after";
        s->over = true;
        http_reply_error(s->x, &e);
        return;
    }
    if (s->want == RESPONSE_STREAM)
        begin(s);
    else if (s->want == RESPONSE_AT_ONCE || g->log.finished)
        reply(s);
}
