/* ui_session: see ui_session.h. */
#include "edge/ui_session.h"

#include <stdlib.h>
#include <string.h>

#include "base/metrics.h"
#include "core/owner.h"
#include "edge/derive.h"
#include "edge/http.h"
#include "edge/openai_write.h"

static struct list unproven = {&unproven, &unproven}; /* oldest first */

static struct ui_session *of(struct guest *g)
{
    return (struct ui_session *)(void *)g; /* its first member */
}

/* ------------------------------------------------------------------ said */

void ui_session_say(struct ui_session *s, struct ui_out *frames)
{
    while (frames->read < frames->buf.len) {
        ui_out_next(frames, guest_say(&s->guest));
        guest_said(&s->guest);
    }
}

void ui_session_refuse(struct ui_session *s, const char *id, const char *thread, const struct err *e)
{
    struct ui_voice voice = {.id = (char *)(uintptr_t)id, .thread = (char *)(uintptr_t)thread};
    struct ui_out out = {0};
    metric_add_for(METRIC_ERRORS_OUT, err_wire(e->code), 1);
    s->dialect->write_error(&voice, &out, e);
    ui_session_say(s, &out);
}

struct uuid ui_session_chat(const struct ui_session *s, const char *chat)
{
    return derive_id("chat", s->guest.owner->name, chat);
}

/* ------------------------------------------------------------------ asked */

static void unauthorized(struct ui_session *s, const struct ui_ask *ask)
{
    struct err e = {0};
    err_set(&e, ERR_UNAUTHORIZED, NULL);
    ui_session_refuse(s, ask->id, ask->chat, &e);
    if (!s->guest.owner)
        guest_close(s, 4501, "unauthorised");
}

/* Who asks: said in this frame, or known already. */
static bool is_known(struct ui_session *s, const struct ui_ask *ask)
{
    if (s->guest.owner && !ask->token)
        return true;
    if (!guest_login(&s->guest, ask->token))
        return false;
    list_del(&s->unproven_link);
    return true;
}

/* *ask may be taken over. */
static void act(struct ui_session *s, struct ui_ask *ask)
{
    static const char *const types[] = {"ui_send", "ui_resume", "ui_abort"};
    metric_add_for(METRIC_MESSAGES_IN, types[ask->type], 1);
    if (ask->type == UI_ABORT) {
        if (!ui_look_abort(s, ask->id))
            ui_run_abort(s, ask->id);
    } else if (!is_known(s, ask)) {
        unauthorized(s, ask);
    } else if (ask->type == UI_RESUME || ask->again) {
        ui_look(s, ask);
    } else {
        ui_run_send(s, ask, NULL);
    }
}

static void session_message(struct guest *g, const char *text, size_t len)
{
    struct ui_session *s = of(g);
    struct ui_ask ask;
    struct err e = {0};
    if (s->replay) /* as with the libraries' own servers: it only replays */
        return;
    enum read_verdict verdict = s->dialect->read(text, len, &ask, &e);
    if (verdict == READ_OK)
        act(s, &ask);
    else if (verdict == READ_BAD && ask.id)
        ui_session_refuse(s, ask.id, ask.chat, &e);
    else
        guest_close(s, 4500, verdict == READ_BAD ? err_message(&e) : "not a JSON object");
    ui_ask_free(&ask);
}

static void session_ended(struct guest *g)
{
    struct ui_session *s = of(g);
    ui_looks_end(s);
    list_del(&s->unproven_link);
}

/* ------------------------------------------------------------------ the talk */

static const struct guest_ops guest_ops = {
    .size = sizeof(struct ui_session), .message = session_message, .ended = session_ended};

static struct ui_session *session_open_for(const struct ui_dialect *d, const struct tongue_caller *who)
{
    struct ui_session *s = guest_open(&guest_ops, who);
    s->dialect = d;
    s->opened_us = who->node->now_us;
    list_init(&s->looks);
    list_init(&s->retries);
    list_init(&s->unproven_link);
    if (!s->guest.owner && !guest_login(&s->guest, NULL))
        list_add_tail(&unproven, &s->unproven_link);
    return s;
}

static void *ai_open(const struct tongue *t, const struct tongue_caller *who)
{
    (void)t;
    return session_open_for(&ui_ai, who);
}

/* A position as on the events of a generation, or -1: all of it. */
static bool read_position(const char *text, struct ui_position *at)
{
    struct openai_position p;
    *at = (struct ui_position){0};
    if (strcmp(text, "-1") == 0)
        return true;
    if (!openai_position_read(text, &p))
        return false;
    *at = (struct ui_position){p.off, p.crc};
    return true;
}

static void replay(struct ui_session *s, const char *run, const char *offset)
{
    struct ui_position from;
    if (!s->guest.owner) {
        guest_close(s, 4501, "unauthorised");
    } else if (!*run || !read_position(offset, &from)) {
        guest_close(s, 1008, "no such offset");
    } else {
        struct uuid gen = derive_id("gen", s->guest.owner->name, run);
        ui_run_resume(s, run, NULL, &gen, from);
    }
}

static void *tanstack_open(const struct tongue *t, const struct tongue_caller *who)
{
    struct http_exchange address = {.query = who->query}; /* for http_query, which looks at nothing else */
    char offset[64], run[UI_ID_MAX + 1] = "";
    struct ui_session *s = session_open_for(&ui_tanstack, who);
    (void)t;
    http_query(&address, "runId", run, sizeof run);
    s->replay = http_query(&address, "offset", offset, sizeof offset);
    if (s->replay)
        replay(s, run, offset);
    return s;
}

/* A frame carries a whole conversation, as the body of a completion does. */
static size_t session_frame_max(const void *talk)
{
    const struct ui_session *s = talk;
    return (size_t)s->guest.node->config->limits_http_body_bytes;
}

static enum tongue_frame session_next_frame(void *talk, struct buf *out)
{
    struct ui_session *s = talk;
    if (!s->guest.closing)
        ui_looks_retry(s);
    return guest_next(talk, out);
}

void ui_sessions_tick(struct node *n)
{
    uint64_t limit = (uint64_t)n->config->limits_hello_ms * 1000;
    list_each_safe (pos, tmp, &unproven) {
        struct ui_session *s = list_entry(pos, struct ui_session, unproven_link);
        if (n->now_us - s->opened_us < limit)
            break;
        list_del(&s->unproven_link);
        guest_close(s, 4501, "unauthorised");
    }
}

#define UI_TALK                                                                                              \
    .late_owner = true, .message_max = session_frame_max, .receive = guest_receive, .alive = guest_alive,    \
    .next = session_next_frame, .blocked = guest_blocked, .close = guest_close, .closed = guest_closed

const struct tongue tongue_ai = {.path = "/v1/ai/ws", .open = ai_open, UI_TALK};
const struct tongue tongue_tanstack = {.path = "/v1/tanstack/ws", .open = tanstack_open, UI_TALK};
