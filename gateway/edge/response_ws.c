/* response_ws: OpenAI's Responses over a WebSocket at /v1/responses, for ResponsesWS of its package.
 *
 *     {"type":"response.create", ...} -> response_ask -> follow -> the events, a frame each
 *
 * Deltas do not say which response they are of, so one runs at a time and the others wait. Whatever breaks,
 * the response goes on, and GET /v1/responses/{id}?stream=true&starting_after=N has what follows event N. */
#include <string.h>

#include "edge/guest.h"
#include "edge/http.h"
#include "edge/response_ask.h"
#include "edge/response_events.h"

struct talker {
    struct guest base;
    struct buf held; /* messages that wait: a 4-byte length each, then the bytes */
    size_t held_at;
};

struct talk {
    struct guest_follow base;
    struct response_events events;
    struct response_ask ask;
};

static struct talker *talker_of(struct guest *g)
{
    return list_entry(g, struct talker, base);
}

static struct talk *talk_of(struct guest_follow *f)
{
    return list_entry(f, struct talk, base);
}

static void say_error(struct guest *g, const struct err *e)
{
    struct buf *out = guest_say(g);
    struct buf error = {0};
    http_write_error(&error, e);
    buf_printf(out, "{\"type\":\"error\",\"status\":%d,", http_error_status(e));
    buf_add(out, error.data + 1, error.len - 1);
    buf_free(&error);
    guest_said(g);
}

/* ------------------------------------------------------------------ a response */

static void talk_refused(struct guest_follow *f, const struct err *e)
{
    struct err copy = *e;
    if (copy.code == ERR_NOT_FOUND && !copy.param)
        copy.param = "model";
    say_error(f->guest, &copy);
}

static void talk_accepted(struct guest_follow *f)
{
    guest_follow_ready(f);
}

static bool talk_read(struct guest_follow *f)
{
    struct talk *k = talk_of(f);
    struct guest *g = f->guest;
    struct buf event = {0};
    bool said = response_events_next(&k->events, &f->follower, &event) != NULL;
    if (said) {
        buf_add(guest_say(g), event.data, event.len);
        guest_said(g);
    }
    buf_free(&event);
    if (k->events.ended)
        guest_follow_end(f);
    return said;
}

static void talk_ended(struct guest_follow *f)
{
    struct talk *k = talk_of(f);
    response_ask_end(&k->ask);
    response_events_free(&k->events);
}

static const struct guest_follow_ops talk_ops = {.size = sizeof(struct talk),
                                                 .accepted = talk_accepted,
                                                 .refused = talk_refused,
                                                 .read = talk_read,
                                                 .ended = talk_ended};

/* ------------------------------------------------------------------ response.create */

static bool read_create(json_t *root, struct response_request *r, struct err *e)
{
    json_t *stream = json_object_get(root, "stream");
    if (json_is_true(json_object_get(root, "generate")))
        json_object_del(root, "generate");
    if (!response_request_take(root, r, e))
        return false;
    if (!stream || json_is_null(stream) || r->stream)
        return true;
    err_set(e, ERR_BAD_REQUEST, "stream: a WebSocket streams; leave it out");
    e->param = "stream";
    return false;
}

static void create(struct talker *t, json_t *root)
{
    struct guest *g = &t->base;
    struct response_request r;
    struct err e = {0};
    struct send ids = {.gen = node_uuid(g->node),
                       .chat = node_uuid(g->node),
                       .parent_choice = PARENT_NULL,
                       .grant = g->grant};
    struct guest_follow *f = NULL;
    if (read_create(root, &r, &e))
        f = guest_follow_new(g, &talk_ops, &ids.gen, &e);
    if (f) {
        struct talk *k = talk_of(f);
        k->events.note = json_incref(r.note);
        response_ask_start(&k->ask, g->node, g->owner, &r, &ids, &f->follower);
    } else {
        say_error(g, &e);
    }
    response_request_free(&r);
}

static void take(struct talker *t, const char *text, size_t len)
{
    struct err e = {0};
    json_t *root = json_loadb(text, len, JSON_ALLOW_NUL, NULL);
    const char *type = json_string_value(json_object_get(root, "type"));
    if (type && strcmp(type, "response.create") == 0) {
        create(t, root);
        return;
    }
    err_set(&e, ERR_BAD_REQUEST,
            json_is_object(root) ? "type: must be response.create" : "A message must be a JSON object.");
    e.param = json_is_object(root) ? "type" : NULL;
    say_error(&t->base, &e);
    json_decref(root);
}

/* ------------------------------------------------------------------ one at a time */

static void hold(struct talker *t, const char *text, size_t len)
{
    uint32_t n = (uint32_t)len;
    struct err e = {0};
    if (t->held.len + len > 2 * (size_t)t->base.node->config->limits_message_bytes) {
        err_set(&e, ERR_RATE_LIMITED, "Too much waits for the response that runs on this connection.");
        say_error(&t->base, &e);
        return;
    }
    buf_add(&t->held, &n, sizeof n);
    buf_add(&t->held, text, len);
}

static void on_message(struct guest *g, const char *text, size_t len)
{
    struct talker *t = talker_of(g);
    if (list_empty(&g->follows) && t->held.len == 0)
        take(t, text, len);
    else
        hold(t, text, len);
}

/* Nothing runs: the next that waits. */
static void on_idle(struct guest *g)
{
    struct talker *t = talker_of(g);
    uint32_t len;
    if (t->held.len == 0)
        return;
    memcpy(&len, t->held.data + t->held_at, sizeof len);
    t->held_at += sizeof len + len;
    take(t, t->held.data + t->held_at - len, len);
    if (t->held_at == t->held.len) {
        buf_free(&t->held);
        t->held_at = 0;
    }
}

static void on_ended(struct guest *g)
{
    buf_free(&talker_of(g)->held);
}

static void *open_talker(const struct tongue *tongue, const struct tongue_caller *who)
{
    static const struct guest_ops ops = {
        .size = sizeof(struct talker), .message = on_message, .idle = on_idle, .ended = on_ended};
    (void)tongue;
    return guest_open(&ops, who);
}

const struct tongue tongue_responses = {.path = "/v1/responses", .open = open_talker, GUEST_TONGUE};
