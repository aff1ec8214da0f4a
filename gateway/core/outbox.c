/* outbox: see outbox.h. */
#include "core/outbox.h"

#include <stdlib.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/metrics.h"
#include "core/generation.h"
#include "core/outbox_entry.h"
#include "core/owner.h"

/* Entries in the works at once. A look costs the outboxes of all shards, however few are taken. */
#define BATCH 256
#define LOOK_US 500000    /* between looks for what others left behind */
#define FAILED_US 1000000 /* after history would not take one */

struct entry {
    struct outbox *outbox;
    struct store_op *op; /* history finish in flight */
    char *id;            /* NULL: free */
    char owner[OWNER_MAX + 1];
    struct uuid gen;
    uint64_t ended_ms; /* wall */
    bool done;         /* history has it, or will never take it */
};

struct outbox {
    struct node *node;
    struct store_op *take, *ack;
    struct entry entries[BATCH];
    size_t busy; /* entries with an op */
    size_t count;
    uint64_t due_us;
    bool kicked, failed;
};

static void look(struct outbox *o);

/* ------------------------------------------------------------------ acknowledging */

static void clear(struct outbox *o)
{
    for (size_t i = 0; i < o->count; i++)
        mem_free(o->entries[i].id);
    o->count = 0;
}

static void acked(void *ctx, enum store_status status)
{
    struct outbox *o = ctx;
    o->ack = NULL;
    if (status != STORE_OK)
        log_warn("outbox.ack_failed", LF_STR("status", store_status_name(status)));
    clear(o); /* what was not acknowledged comes again */
    o->due_us = o->node->now_us + (o->failed ? FAILED_US : LOOK_US);
    o->kicked &= !o->failed;
    look(o);
}

static void batch_done(struct outbox *o)
{
    const char *ids[BATCH];
    size_t n = 0;
    for (size_t i = 0; i < o->count; i++)
        if (o->entries[i].done)
            ids[n++] = o->entries[i].id;
    o->failed = n < o->count;
    metric_add(METRIC_OUTBOX_DRAINED, (int64_t)n);
    o->ack = o->node->outbox_ops->ack(o->node->sessions, ids, n, acked, o);
}

/* ------------------------------------------------------------------ into history */

static void tell_generation(struct entry *e, enum store_status status)
{
    struct owner *owner = owner_find(e->outbox->node, e->owner);
    struct generation *g = owner ? generation_find(e->outbox->node, owner, &e->gen) : NULL;
    if (g)
        generation_recorded(g, status);
}

/* By the clocks of two gateways, maybe: what is negative is none. */
static void measure_lag(const struct entry *e)
{
    uint64_t now = e->outbox->node->unix_ms;
    metric_observe_us(METRIC_OUTBOX_LAG, now > e->ended_ms ? (now - e->ended_ms) * 1000 : 0);
}

static void recorded(void *ctx, enum store_status status)
{
    struct entry *e = ctx;
    struct outbox *o = e->outbox;
    e->op = NULL;
    /* NOT_FOUND: the conversation was deleted meanwhile. FENCED: a later end is recorded. */
    e->done = status == STORE_OK || status == STORE_NOT_FOUND || status == STORE_FENCED;
    if (!e->done)
        log_warn("outbox.history_failed", LF_UUID("gen", &e->gen),
                 LF_STR("status", store_status_name(status)));
    if (e->done)
        measure_lag(e);
    if (e->done)
        tell_generation(e, status);
    if (--o->busy == 0)
        batch_done(o);
}

static void drain_one(struct outbox *o, const struct outbox_entry *from)
{
    struct entry *e = &o->entries[o->count++];
    struct history_store *h = o->node->history;
    struct outbox_answer a;
    *e = (struct entry){.outbox = o, .id = mem_strdup(from->id)};
    if (!outbox_entry_read(&a, from->data, from->len)) {
        log_error("outbox.odd_entry", LF_STR("id", from->id), LF_INT("bytes", from->len));
        e->done = true; /* it would come again for ever */
        return;
    }
    e->gen = a.answer.gen;
    e->ended_ms = a.answer.updated_ms;
    snprintf(e->owner, sizeof e->owner, "%s", a.answer.owner);
    e->op = h->ops->finish(h, &a.answer, recorded, e);
    o->busy++;
    outbox_entry_free(&a);
}

static void taken(void *ctx, enum store_status status, const struct outbox_entry *entries, size_t n)
{
    struct outbox *o = ctx;
    o->take = NULL;
    o->due_us = o->node->now_us + LOOK_US;
    if (status != STORE_OK || n == 0)
        return;
    o->kicked |= n == BATCH;
    for (size_t i = 0; i < n && i < BATCH; i++)
        drain_one(o, &entries[i]);
    if (o->busy == 0)
        batch_done(o);
}

static void look(struct outbox *o)
{
    if (o->take || o->ack || o->count || (!o->kicked && o->node->now_us < o->due_us))
        return;
    o->kicked = false;
    o->take = o->node->outbox_ops->take(o->node->sessions, BATCH, taken, o);
}

void outbox_kick(struct outbox *o)
{
    if (!o)
        return;
    o->kicked = true;
    look(o);
}

void outbox_tick(struct outbox *o)
{
    if (o)
        look(o);
}

/* ------------------------------------------------------------------ life */

struct outbox *outbox_open(struct node *n)
{
    if (!n->outbox_ops)
        return NULL;
    struct outbox *o = mem_alloc(sizeof *o);
    o->node = n;
    return o;
}

void outbox_close(struct outbox *o)
{
    if (!o)
        return;
    struct session_store *s = o->node->sessions;
    struct history_store *h = o->node->history;
    if (o->take)
        s->ops->cancel_op(s, o->take);
    if (o->ack)
        s->ops->cancel_op(s, o->ack);
    for (size_t i = 0; i < o->count; i++)
        if (o->entries[i].op)
            h->ops->cancel_op(h, o->entries[i].op);
    clear(o);
    mem_free(o);
}
