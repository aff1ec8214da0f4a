/* memory: the session store of one process: construction, the turn, and what expires.
 * The calls are in memory_op.c, the logs in memory_log.c, events between nodes in memory_active.c, the outbox
 * in memory_outbox.c. It knows no clock, no socket and no thread: turn(now_ms) brings the time. */
#include "store/memory.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"

/* An expired object is as good as gone at once (every look-up checks); the sweep only frees its memory. So it
 * may go a few buckets at a time: 100,000 sessions are seen every 20 s at a cost of microseconds a turn. */
#define SWEEP_MS 10
#define SWEEP_BUCKETS 64

static const struct memory_limits default_limits = {
    .sessions = 1000000,
    .logs = 200000,
    .log_bytes = (size_t)64 << 20,
    .total_bytes = (size_t)2 << 30,
    .ops = 100000,
    .events = 100000,
    .outbox = 100000,
    .active = 1000,
    .abandoned_ms = 3600 * 1000,
    .claim_ms = 30 * 1000,
};

struct session_memory *session_memory_new(void)
{
    struct session_memory *m = mem_alloc(sizeof(*m));
    m->limits = default_limits;
    table_init(&m->sessions);
    table_init(&m->logs);
    table_init(&m->actives);
    table_init(&m->chats);
    list_init(&m->nodes);
    list_init(&m->outbox);
    return m;
}

void session_memory_limits(const struct session_memory *m, struct memory_limits *out)
{
    *out = m->limits;
}

void session_memory_limit(struct session_memory *m, const struct memory_limits *limits)
{
    m->limits = *limits;
}

static void session_drop(struct session_memory *m, struct memory_session *session)
{
    table_remove(&m->sessions, &session->node);
    mem_free(session);
}

static void session_sweep(void *ctx, struct table_node *node)
{
    struct session_memory *m = ctx;
    struct memory_session *session = table_entry(node, struct memory_session, node);
    if (session->expires_ms <= m->now_ms)
        session_drop(m, session);
}

static void session_free_any(void *ctx, struct table_node *node)
{
    session_drop(ctx, table_entry(node, struct memory_session, node));
}

static void log_sweep(void *ctx, struct table_node *node)
{
    struct session_memory *m = ctx;
    struct memory_log *log = table_entry(node, struct memory_log, node);
    if (memory_log_gone(m, log))
        memory_log_free(m, log);
}

static void log_free_any(void *ctx, struct table_node *node)
{
    memory_log_free(ctx, table_entry(node, struct memory_log, node));
}

void session_memory_free(struct session_memory *m)
{
    if (!m)
        return;
    table_sweep(&m->sessions, m->sessions.cap, session_free_any, m);
    table_sweep(&m->logs, m->logs.cap, log_free_any, m);
    memory_active_free(m);
    memory_chat_free(m);
    memory_outbox_free(m);
    table_free(&m->sessions);
    table_free(&m->logs);
    table_free(&m->actives);
    table_free(&m->chats);
    mem_free(m);
}

struct session_store *session_memory_store(struct session_memory *m, const char *node, bool shared,
                                           const struct session_store_events *events, void (*wake)(void *ctx),
                                           void *wake_ctx)
{
    struct memory_store *s = mem_alloc(sizeof(*s));
    s->base.ops = &memory_ops;
    s->base.shared = shared;
    s->memory = m;
    snprintf(s->node, sizeof(s->node), "%s", node ? node : "");
    if (events)
        s->events = *events;
    s->wake = wake;
    s->wake_ctx = wake_ctx;
    list_init(&s->ops);
    list_init(&s->inbox);
    list_init(&s->grown);
    table_init(&s->follows);
    list_add_tail(&m->nodes, &s->link);
    return &s->base;
}

enum store_status memory_touch(struct memory_store *s, const struct store_op *op, bool *existed)
{
    struct session_memory *m = s->memory;
    struct table_node *node = table_find(&m->sessions, op->owner, &op->id);
    struct memory_session *session = node ? table_entry(node, struct memory_session, node) : NULL;
    *existed = session && session->expires_ms > m->now_ms;
    if (!session) {
        if (m->sessions.count >= m->limits.sessions)
            return STORE_FULL;
        session = mem_alloc(sizeof(*session));
        table_add(&m->sessions, &session->node, op->owner, &op->id);
    }
    session->expires_ms = memory_after(m, op->ms);
    return STORE_OK;
}

void memory_turn(struct session_store *base, uint64_t now_ms)
{
    struct memory_store *s = (struct memory_store *)base;
    struct session_memory *m = s->memory;
    if (now_ms > m->now_ms)
        m->now_ms = now_ms;
    s->awake = true; /* what comes up during the turn needs no wake: it is looked for below */
    memory_ops_run(s);
    memory_events_run(s);
    s->awake = false;
    /* What the completions started waits for the next turn, so that no turn is endless. */
    if (!list_empty(&s->ops) || !list_empty(&s->inbox) || !list_empty(&s->grown))
        memory_wake(s);
    if (m->now_ms - m->swept_ms < SWEEP_MS)
        return;
    m->swept_ms = m->now_ms;
    table_sweep(&m->sessions, SWEEP_BUCKETS, session_sweep, m);
    table_sweep(&m->logs, SWEEP_BUCKETS, log_sweep, m);
    memory_chat_sweep(m, SWEEP_BUCKETS);
}

void memory_close(struct session_store *base)
{
    struct memory_store *s = (struct memory_store *)base;
    memory_ops_drop(s);
    memory_events_drop(s);
    memory_active_release(s->memory, s);
    memory_outbox_release(s->memory, s);
    list_del(&s->link);
    mem_free(s);
}

void memory_wake(struct memory_store *s)
{
    if (s->awake)
        return;
    s->awake = true;
    if (s->wake)
        s->wake(s->wake_ctx);
}
