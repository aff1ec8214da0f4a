/* session, what the client says: one function a message type. See session.h. */
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/metrics.h"
#include "core/owner.h"
#include "core/relay.h"
#include "core/session_inner.h"

#define SESSION_TTL_MS (24 * 3600 * 1000ull)
#define WELCOME_ACTIVE_MAX 1000

/* Those that only other gateways know. */
static size_t list_remote(const struct owner *o, struct active_item *out, size_t most)
{
    size_t count = 0;
    for (struct list *pos = o->remotes.prev; pos != &o->remotes && count < most; pos = pos->prev) {
        const struct remote *r = list_entry(pos, struct remote, link);
        if (generation_find(o->node, o, &r->gen))
            continue;
        if (out)
            out[count] =
                (struct active_item){.gen = r->gen, .chat = r->chat, .state = r->state, .off = r->off};
        count++;
    }
    return count;
}

/* The owner's running generations, newest first, at most `most`; `out` NULL only counts. */
static size_t list_active(const struct owner *o, struct active_item *out, size_t most)
{
    size_t count = 0;
    for (struct list *pos = o->generations.prev; pos != &o->generations && count < most; pos = pos->prev) {
        struct generation *g = list_entry(pos, struct generation, owner_link);
        if (g->state >= GENERATION_ENDING || g->state == GENERATION_RECORDING || relay_has_end(g))
            continue;
        if (out)
            out[count] = generation_active(g);
        count++;
    }
    return count + list_remote(o, out ? out + count : NULL, most - count);
}

static void put_welcome(struct session *s)
{
    struct node *n = s->node;
    size_t count = list_active(s->owner, NULL, WELCOME_ACTIVE_MAX), mark;
    struct active_item *active = mem_alloc((count + 1) * sizeof *active);
    list_active(s->owner, active, count);
    struct welcome w = {.session = s->id,
                        .node = n->name,
                        .ping_ms = n->config->heartbeat_ping_ms,
                        .message_bytes = n->config->limits_message_bytes,
                        .prompt_bytes = n->config->limits_prompt_bytes,
                        .disconnect_ms = n->config->limits_disconnect_ms,
                        .active = active,
                        .active_count = count};
    protocol_write_welcome(session_put(s, &mark), &w);
    session_put_end(s, mark);
    mem_free(active);
}

static void touched(void *ctx, enum store_status status, bool existed)
{
    (void)ctx, (void)status, (void)existed; /* affinity only: nothing hangs on it */
}

static void on_hello(struct session *s, struct client_message *m)
{
    struct node *n = s->node;
    if (!session_grant_hello(s, m->token))
        return;
    s->state = SESSION_GREETING;
    s->id = uuid_is_nil(&m->session) ? node_uuid(n) : m->session;
    s->since_us = s->ping_us = n->now_us;
    s->resumes = m->resumes;
    s->resume_count = m->resume_count;
    m->resumes = NULL;
    list_move_tail(&n->open_sessions, &s->state_link);
    session_grant_greet(s);
}

void session_grant_ready(struct session *s)
{
    struct node *n = s->node;
    list_add_tail(&s->owner->greeting, &s->greet_link);
    n->sessions->ops->touch(n->sessions, s->owner->name, &s->id, SESSION_TTL_MS, touched, NULL);
    owner_ask(s->owner);
}

static void open_session(struct session *s)
{
    struct node *n = s->node;
    s->state = SESSION_OPEN;
    list_add_tail(&n->ping_sessions, &s->ping_link);
    list_add_tail(&s->owner->sessions, &s->owner_link);
    s->owner->session_count++;
    metric_add(METRIC_SESSIONS, 1);
    char peer[ADDRESS_TEXT] = "";
    if (s->io->peer)
        s->io->peer(s->conn, peer);
    log_info("session.open", LF_UUID("session", &s->id), LF_STR("peer", peer),
             LF_INT("resumes", s->resume_count));
    put_welcome(s);
    for (size_t i = 0; i < s->resume_count; i++)
        follow_resume(s, &s->resumes[i]);
    mem_free(s->resumes);
    s->resumes = NULL;
    if (n->draining)
        session_goaway(s, 0, n->config->drain_spread_ms);
}

/* What was said before welcome, in order. */
static void say_held(struct session *s)
{
    struct buf held = s->held;
    s->held = (struct buf){0};
    uint32_t len;
    for (size_t at = 0; at < held.len && s->state == SESSION_OPEN; at += sizeof len + len) {
        memcpy(&len, held.data + at, sizeof len);
        session_message(s, held.data + at + sizeof len, len);
    }
    buf_free(&held);
}

void session_greet(struct owner *o)
{
    struct session *s = list_entry(list_first(&o->greeting), struct session, greet_link);
    list_del(&s->greet_link);
    open_session(s);
    say_held(s);
}

void session_hold(struct session *s, const char *text, size_t len)
{
    uint32_t n = (uint32_t)len;
    if (s->held.len + len > 2 * (size_t)s->node->config->limits_message_bytes) {
        session_close(s, 4002, "too much before welcome");
        return;
    }
    buf_add(&s->held, &n, sizeof n);
    buf_add(&s->held, text, len);
}

static void on_send(struct session *s, const struct client_message *m)
{
    const struct send_message *in = &m->send;
    struct send send = {.gen = in->gen,
                        .chat = in->chat,
                        .parent = in->parent,
                        .parent_choice = in->parent_choice,
                        .input = in->input,
                        .input_len = in->input_len,
                        .model = in->model,
                        .params = in->params,
                        .cancel_on_disconnect = in->cancel_on_disconnect,
                        .if_busy = in->if_busy,
                        .grant = s->grant};
    follow_send(s, &send);
}

static void on_message(struct session *s, const struct client_message *m)
{
    switch (m->type) {
    case CLIENT_SEND:
        on_send(s, m);
        break;
    case CLIENT_RESUME:
        follow_resume(s, m->resumes);
        break;
    case CLIENT_UNFOLLOW:
        follow_drop(s, &m->gen);
        break;
    case CLIENT_ACK:
        follow_ack(s, &m->gen, m->off);
        break;
    case CLIENT_CANCEL:
        follow_cancel(s, &m->gen);
        break;
    case CLIENT_AUTH:
        session_grant_auth(s, m->token);
        break;
    default: /* pong: that it came is all it says */
        break;
    }
}

static void refuse_second_hello(struct session *s)
{
    struct err e = {0};
    err_set(&e, ERR_BAD_REQUEST, "hello was said already");
    session_put_error(s, &e, NULL);
}

void session_message(struct session *s, const char *text, size_t len)
{
    struct client_message m;
    struct err e = {0};
    bool is_hello;
    enum read_verdict verdict = protocol_read(text, len, &m, &is_hello, &e);
    metric_add_for(METRIC_MESSAGES_IN, client_type_name(m.type), 1);
    if (verdict == READ_NOT_OBJECT)
        session_close(s, 4500, "not a JSON object");
    else if (s->state == SESSION_AWAIT_HELLO && !is_hello)
        session_close(s, 4506, "hello comes first");
    else if (verdict == READ_BAD)
        session_put_error(s, &e, m.gen_known && !is_hello ? &m.gen : NULL);
    else if (s->state == SESSION_AWAIT_HELLO)
        on_hello(s, &m);
    else if (is_hello)
        refuse_second_hello(s);
    else
        on_message(s, &m);
    if (verdict == READ_OK)
        protocol_done(&m);
}
