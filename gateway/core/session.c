/* session: life of a connection's session: opening, outbox, closing, clocks. session_message.c has what the
 * client says, session_follow.c what it reads. See session.h. */
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/metrics.h"
#include "core/owner.h"
#include "core/session_inner.h"

struct session *session_open(struct node *n, const struct session_io *io, void *conn,
                             const struct credential *credential)
{
    struct session *s = mem_alloc(sizeof *s);
    mem_born(MEM_SESSION);
    s->node = n;
    s->io = io;
    s->conn = conn;
    s->since_us = n->now_us;
    list_init(&s->ping_link);
    list_init(&s->slow_link);
    list_init(&s->owner_link);
    list_init(&s->greet_link);
    list_init(&s->follows);
    list_init(&s->ready);
    list_init(&s->state_link);
    list_add_tail(&n->new_sessions, &s->state_link);
    if (credential)
        session_grant_open(s, credential);
    return s;
}

size_t session_message_max(const struct session *s)
{
    const struct config *c = s->node->config;
    return (size_t)(s->state == SESSION_AWAIT_HELLO ? c->limits_hello_bytes : c->limits_message_bytes);
}

void session_alive(struct session *s)
{
    if (s->state != SESSION_OPEN)
        return;
    s->since_us = s->node->now_us;
    list_move_tail(&s->node->open_sessions, &s->state_link);
}

void session_receive(struct session *s, const char *text, size_t len)
{
    if (s->state >= SESSION_CLOSING)
        return;
    session_alive(s);
    if (s->state == SESSION_GREETING)
        session_hold(s, text, len);
    else
        session_message(s, text, len);
}

/* ------------------------------------------------------------------ outbox */

struct buf *session_put(struct session *s, size_t *mark)
{
    static const char room[4];
    *mark = s->outbox.len;
    buf_add(&s->outbox, room, sizeof room);
    return &s->outbox;
}

void session_put_end(struct session *s, size_t mark)
{
    uint32_t len = (uint32_t)(s->outbox.len - mark - sizeof len);
    memcpy(s->outbox.data + mark, &len, sizeof len);
    /* Closed by session_next, not here: whoever is speaking may still hold a follow of this session. */
    if (s->outbox.len - s->outbox_read > (size_t)s->node->config->limits_outbox_bytes)
        s->overrun = true;
    if (s->state != SESSION_GONE)
        s->io->wake(s->conn);
}

void session_put_error(struct session *s, const struct err *e, const struct uuid *gen)
{
    size_t mark;
    metric_add_for(METRIC_ERRORS_OUT, err_wire(e->code), 1);
    protocol_write_error(session_put(s, &mark), e, gen);
    session_put_end(s, mark);
}

static bool outbox_next(struct session *s, struct buf *out)
{
    if (s->outbox_read == s->outbox.len)
        return false;
    uint32_t len;
    memcpy(&len, s->outbox.data + s->outbox_read, sizeof len);
    buf_add(out, s->outbox.data + s->outbox_read + sizeof len, len);
    s->outbox_read += sizeof len + len;
    if (s->outbox_read == s->outbox.len) {
        buf_free(&s->outbox); /* an idle session holds none */
        s->outbox_read = 0;
    }
    return true;
}

/* Bytes are out that somebody should take: the slow-reader clock replaces the ping clock. */
static void slow_update(struct session *s)
{
    bool slow = s->state == SESSION_OPEN && (s->blocked || session_waits_for_ack(s));
    if (slow && list_empty(&s->slow_link)) {
        s->progress_us = s->node->now_us;
        s->unsent = s->io->unsent(s->conn);
        list_add_tail(&s->node->slow_sessions, &s->slow_link);
    } else if (!slow && !list_empty(&s->slow_link)) {
        list_del(&s->slow_link);
        session_alive(s); /* the ping clock begins anew */
    }
}

bool session_next(struct session *s, struct buf *out)
{
    if (s->state == SESSION_GONE)
        return false;
    if (s->overrun && s->state != SESSION_CLOSING) {
        buf_free(&s->outbox);
        s->outbox_read = 0;
        session_close(s, 4003, "too slow");
    }
    if (outbox_next(s, out) || (s->state == SESSION_OPEN && follow_next(s, out)))
        return true;
    slow_update(s);
    return false;
}

void session_blocked(struct session *s, bool blocked)
{
    s->blocked = blocked;
    s->progress_us = s->node->now_us;
    slow_update(s);
}

/* ------------------------------------------------------------------ ending */

static void drop_follows(struct session *s)
{
    list_each_safe (pos, tmp, &s->follows)
        follow_free(list_entry(pos, struct follow, link));
}

static void leave_lists(struct session *s)
{
    if (!list_empty(&s->owner_link)) {
        list_del(&s->owner_link);
        s->owner->session_count--;
        metric_add(METRIC_SESSIONS, -1);
        log_info("session.closed", LF_UUID("session", &s->id), LF_INT("follows", s->follow_count));
    }
    session_grant_close(s);
    list_del(&s->greet_link);
    list_del(&s->ping_link);
    list_del(&s->slow_link);
    list_del(&s->state_link);
}

void session_close(struct session *s, unsigned code, const char *reason)
{
    if (s->state >= SESSION_CLOSING)
        return;
    s->state = SESSION_CLOSING;
    leave_lists(s);
    drop_follows(s);
    s->io->close(s->conn, code, reason);
}

void session_closed(struct session *s)
{
    leave_lists(s);
    drop_follows(s);
    buf_free(&s->outbox);
    buf_free(&s->held);
    mem_free(s->resumes);
    s->resumes = NULL;
    s->outbox_read = 0;
    s->state = SESSION_GONE;
    list_add_tail(&s->node->gone_sessions, &s->state_link);
}

void session_free(struct session *s)
{
    list_del(&s->state_link);
    owner_put(s->owner);
    mem_free(s);
    mem_died(MEM_SESSION);
}

void session_goaway(struct session *s, int64_t in_ms, int64_t spread_ms)
{
    size_t mark;
    protocol_write_goaway(session_put(s, &mark), in_ms, spread_ms);
    session_put_end(s, mark);
}

void session_tell_active(struct session *s, const struct active_item *a)
{
    if (follow_find(s, &a->gen))
        return;
    size_t mark;
    protocol_write_active(session_put(s, &mark), a);
    session_put_end(s, mark);
}

/* ------------------------------------------------------------------ clocks */

static void tick_hello(struct node *n)
{
    uint64_t limit = (uint64_t)n->config->limits_hello_ms * 1000;
    list_each_safe (pos, tmp, &n->new_sessions) {
        struct session *s = list_entry(pos, struct session, state_link);
        if (n->now_us - s->since_us < limit)
            break;
        session_close(s, 4506, "no hello");
    }
}

static void tick_silence(struct node *n)
{
    uint64_t limit = (uint64_t)(n->config->heartbeat_ping_ms + n->config->heartbeat_grace_ms) * 1000;
    list_each_safe (pos, tmp, &n->open_sessions) {
        struct session *s = list_entry(pos, struct session, state_link);
        if (n->now_us - s->since_us < limit)
            break;
        if (list_empty(&s->slow_link))
            session_close(s, 4004, "no pong");
    }
}

static void tick_ping(struct node *n)
{
    uint64_t interval = (uint64_t)n->config->heartbeat_ping_ms * 1000;
    list_each_safe (pos, tmp, &n->ping_sessions) {
        struct session *s = list_entry(pos, struct session, ping_link);
        if (n->now_us - s->ping_us < interval)
            break;
        s->ping_us = n->now_us;
        list_move_tail(&n->ping_sessions, &s->ping_link);
        if (s->outbox.len)
            continue; /* it has not taken what was said before */
        size_t mark;
        protocol_write_ping(session_put(s, &mark));
        session_put_end(s, mark);
    }
}

static void tick_slow(struct node *n)
{
    uint64_t limit = (uint64_t)n->config->limits_slow_ms * 1000;
    list_each_safe (pos, tmp, &n->slow_sessions) {
        struct session *s = list_entry(pos, struct session, slow_link);
        uint64_t unsent = s->io->unsent(s->conn);
        if (unsent != s->unsent)
            s->progress_us = n->now_us;
        s->unsent = unsent;
        if (n->now_us - s->progress_us >= limit)
            session_close(s, 4003, "too slow");
    }
}

void sessions_tick(struct node *n)
{
    sessions_expire(n);
    tick_hello(n);
    tick_slow(n);
    tick_silence(n);
    tick_ping(n);
}
