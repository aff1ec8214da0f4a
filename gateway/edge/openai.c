/* openai: POST /v1/chat/completions through the same generations as the WebSocket, and the models.
 *
 *     body -> openai_request -> struct send -> send_submit -> follower -> openai_stream   (stream: true)
 *                                                                      -> one JSON object (stream: false)
 *
 * It refuses to talk to an upstream. Header fields beside OpenAI's: openai_ids.h. */
#include <string.h>

#include "base/mem.h"
#include "core/send.h"
#include "edge/openai_ids.h"
#include "edge/openai_request.h"
#include "edge/openai_stream.h"
#include "edge/openai_write.h"
#include "edge/routes.h"

/* ------------------------------------------------------------------ answered whole */

struct whole {
    struct follower follower;
    struct http_exchange *x;
    bool answered;
};

static struct whole *whole_of(struct follower *f)
{
    return list_entry(f, struct whole, follower);
}

static void whole_refused(struct follower *f, const struct err *e)
{
    struct whole *w = whole_of(f);
    struct err copy = *e;
    if (copy.code == ERR_NOT_FOUND && !copy.param)
        copy.param = "model";
    w->answered = true;
    http_reply_error(w->x, &copy);
}

static void whole_wake(struct follower *f)
{
    struct whole *w = whole_of(f);
    struct generation *g = f->generation;
    struct err e = {0};
    if (w->answered || !g->log.finished)
        return;
    w->answered = true;
    struct openai_names names;
    struct http_field fields[4];
    size_t n = openai_fields(g, &names, fields);
    if (openai_outcome_error(g, &e)) {
        http_reply_error_as(w->x, http_error_status(&e), &e, fields, n);
        return;
    }
    struct buf body = {0};
    fields[n++] = (struct http_field){"content-type", "application/json"};
    openai_write_answer(&body, g);
    http_reply(w->x, 200, fields, n, body.data, body.len);
    buf_free(&body);
}

static void whole_accepted(struct follower *f)
{
    (void)f;
}

static void whole_diverged(struct follower *f, uint64_t off, uint32_t crc)
{
    (void)f;
    (void)off;
    (void)crc;
}

static void whole_status(struct follower *f, const char *state, int64_t idle_ms)
{
    (void)f;
    (void)state;
    (void)idle_ms;
}

static void whole_notice(struct follower *f, const struct err *e)
{
    (void)f;
    (void)e;
}

static void whole_closed(struct http_exchange *x)
{
    struct whole *w = x->state;
    x->state = NULL;
    follower_detach(&w->follower);
    mem_free(w);
}

static struct follower *whole_new(struct http_exchange *x)
{
    static const struct follower_ops follower_ops = {.accepted = whole_accepted,
                                                     .refused = whole_refused,
                                                     .diverged = whole_diverged,
                                                     .wake = whole_wake,
                                                     .status = whole_status,
                                                     .notice = whole_notice};
    static const struct http_ops ops = {.closed = whole_closed};
    struct whole *w = mem_alloc(sizeof *w);
    w->follower.ops = &follower_ops;
    w->x = x;
    x->ops = &ops;
    x->state = w;
    return &w->follower;
}

/* ------------------------------------------------------------------ the request */

static void submit(struct http_exchange *x, const struct openai_request *r, struct send *s)
{
    x->gen = s->gen;
    s->input = r->input.data ? r->input.data : "";
    s->input_len = r->input.len;
    s->model = r->model;
    s->params = r->params;
    s->messages_json = r->messages_json;
    s->if_busy = IF_BUSY_REJECT;
    s->grant = x->grant;
    struct follower *f;
    if (r->stream) {
        struct openai_stream *stream = openai_stream_new(x, &s->gen, false);
        stream->include_usage = r->include_usage;
        f = &stream->follower;
    } else {
        f = whole_new(x);
    }
    send_submit(x->node, x->owner, s, f);
}

void openai_completions(struct http_exchange *x)
{
    struct openai_request r = {0};
    struct send s = {0};
    struct err e = {0};
    if (!route_wants_json(x))
        return;
    if (openai_request_read(x->body, x->body_len, &r, &e) && openai_ids_read(x, &s, &e))
        submit(x, &r, &s);
    else
        http_reply_error(x, &e);
    openai_request_free(&r);
}

/* ------------------------------------------------------------------ models */

void openai_models(struct http_exchange *x)
{
    struct buf out = {0};
    const char *const *names;
    size_t count = x->node->upstream->ops->models(x->node->upstream, &names);
    buf_add_lit(&out, "{\"object\":\"list\",\"data\":[");
    for (size_t i = 0, shown = 0; i < count; i++) {
        if (!grant_allows(x->grant, names[i]))
            continue;
        if (shown++)
            buf_add_char(&out, ',');
        openai_write_model(&out, names[i]);
    }
    buf_add_lit(&out, "]}");
    http_reply_json(x, 200, out.data, out.len);
    buf_free(&out);
}

void openai_model(struct http_exchange *x)
{
    const char *name = x->path + sizeof "/v1/models/" - 1;
    struct err e = {0};
    if (!grant_check(x->grant, name, &e) || !x->node->upstream->ops->knows(x->node->upstream, name, &e)) {
        e.param = "model";
        http_reply_error(x, &e);
        return;
    }
    struct buf out = {0};
    openai_write_model(&out, name);
    http_reply_json(x, 200, out.data, out.len);
    buf_free(&out);
}
