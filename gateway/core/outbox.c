/* outbox: see outbox.h. */
#include "core/outbox.h"

#include <stdlib.h>
#include <string.h>

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
    struct store_op *op; /* in flight */
    bool in_store;       /* op is the session store's, not history's */
    char *id;            /* NULL: free */
    struct outbox_answer what;
    bool ordered; /* a prompt: none of its chat is before it elsewhere */
    bool looked;  /* what it needs is not on its way */
    bool moved;   /* it has been told its parent anew */
    bool done;    /* history has it, or will never take it */
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
    for (size_t i = 0; i < o->count; i++) {
        outbox_entry_free(&o->entries[i].what);
        mem_free(o->entries[i].id);
    }
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

static const char *owner_of(const struct entry *e)
{
    return e->what.asked ? e->what.asked->owner : e->what.answer.owner;
}

static struct uuid gen_of(const struct entry *e)
{
    return e->what.asked ? e->what.asked->send.gen : e->what.answer.gen;
}

static struct uuid chat_of(const struct entry *e)
{
    return e->what.asked ? e->what.asked->send.chat : e->what.answer.chat;
}

static void tell_generation(struct entry *e, enum store_status status)
{
    struct owner *owner = owner_find(e->outbox->node, owner_of(e));
    struct generation *g = owner ? generation_find(e->outbox->node, owner, &e->what.answer.gen) : NULL;
    if (g && !e->what.asked)
        generation_recorded(g, status);
}

/* By the clocks of two gateways, maybe: what is negative is none. */
static void measure_lag(const struct entry *e)
{
    uint64_t now = e->outbox->node->unix_ms, ended = e->what.answer.updated_ms;
    if (!e->what.asked)
        metric_observe_us(METRIC_OUTBOX_LAG, now > ended ? (now - ended) * 1000 : 0);
}

/* OK, NOT_FOUND (its conversation was deleted) and FENCED (a later end is recorded) are for good. */
static void entry_over(struct entry *e, enum store_status status)
{
    struct outbox *o = e->outbox;
    struct uuid gen = gen_of(e);
    e->done = status == STORE_OK || status == STORE_NOT_FOUND || status == STORE_FENCED;
    if (!e->done)
        log_warn("outbox.history_failed", LF_UUID("gen", &gen), LF_STR("status", store_status_name(status)));
    if (e->done) {
        measure_lag(e);
        tell_generation(e, status);
    }
    if (--o->busy == 0)
        batch_done(o);
}

static void forgotten(void *ctx, enum store_status status)
{
    struct entry *e = ctx;
    e->op = NULL;
    entry_over(e, status); /* not acknowledged before: the turn would stay */
}

/* History has the prompt, or will never take it. */
static void forget(struct entry *e)
{
    struct node *n = e->outbox->node;
    struct uuid chat = chat_of(e);
    struct gen_key key = {.owner = owner_of(e), .gen = gen_of(e)};
    e->in_store = true;
    e->op = n->outbox_ops->forget(n->sessions, &key, &chat, forgotten, e);
}

static void tell_history(struct entry *e);

static bool is_message_of(const struct history_send *s, const struct uuid *id)
{
    return uuid_equal(&s->answer_message, id) || uuid_equal(&s->user_message, id);
}

/* Is what the entry needs a turn that history has not got yet? */
static bool is_coming(const struct entry *e, const struct outbox_turn *turns, size_t n)
{
    bool coming = false;
    for (size_t i = 0; i < n && !coming; i++) {
        if (!e->what.asked) {
            coming = uuid_equal(&turns[i].gen, &e->what.answer.gen);
            continue;
        }
        struct asked *a = asked_parse(turns[i].entry, turns[i].len);
        const struct uuid *parent = &e->what.asked->send.parent;
        coming = a && !uuid_equal(&a->send.gen, &e->what.asked->send.gen) && is_message_of(&a->send, parent);
        asked_free(a);
    }
    return coming;
}

static void look_for(struct entry *e);

static bool in_batch_before(const struct entry *e, const struct uuid *gen)
{
    const struct outbox *o = e->outbox;
    for (const struct entry *x = o->entries; x < e; x++)
        if (x->what.asked && uuid_equal(&x->what.asked->send.gen, gen))
            return true;
    return false;
}

/* The parent of the turn that has this message: false where none of them has it. */
static bool parent_among(const struct outbox_turn *turns, size_t n, struct uuid *id)
{
    bool found = false;
    for (size_t i = 0; i < n && !found; i++) {
        struct asked *a = asked_parse(turns[i].entry, turns[i].len);
        found = a && is_message_of(&a->send, id);
        if (found)
            *id = a->send.parent;
        asked_free(a);
    }
    return found;
}

/* Does a turn with this parent follow the entry's messages, itself or by others? It cannot go first then,
 * whatever the clocks of two gateways made of their ids. */
static bool hangs_on(const struct entry *e, struct uuid parent, const struct outbox_turn *turns, size_t n)
{
    for (size_t depth = 0; depth <= n; depth++) {
        if (is_message_of(&e->what.asked->send, &parent))
            return true;
        if (!parent_among(turns, n, &parent))
            return false;
    }
    return false;
}

/* Does another gateway hold a prompt of the chat that was accepted before? What is newest in a conversation
 * is what was recorded last. */
static bool is_behind(const struct entry *e, const struct outbox_turn *turns, size_t n)
{
    bool behind = false;
    for (size_t i = 0; i < n && !behind; i++) {
        struct asked *a = asked_parse(turns[i].entry, turns[i].len);
        const struct uuid *mine = &e->what.asked->send.answer_message; /* version 7: in order of time */
        behind = a && memcmp(a->send.answer_message.b, mine->b, sizeof mine->b) < 0 &&
                 !in_batch_before(e, &a->send.gen) && !hangs_on(e, a->send.parent, turns, n);
        asked_free(a);
    }
    return behind;
}

static void order_known(struct entry *e, const struct outbox_turn *turns, size_t n)
{
    e->ordered = !is_behind(e, turns, n);
    if (e->ordered)
        tell_history(e);
    else
        entry_over(e, STORE_UNAVAILABLE);
}

static void looked_for(void *ctx, enum store_status status, const struct uuid *newest,
                       const struct outbox_turn *turns, size_t n)
{
    struct entry *e = ctx;
    (void)newest;
    e->op = NULL;
    if (status == STORE_OK && e->what.asked && !e->ordered) {
        order_known(e, turns, n);
        return;
    }
    if (status != STORE_OK || is_coming(e, turns, n)) {
        entry_over(e, STORE_UNAVAILABLE);
        return;
    }
    e->looked = true; /* it may have come just now */
    tell_history(e);
}

/* What history has not got of the chat: it lacks what the entry needs, or the order is to be kept. */
static void look_for(struct entry *e)
{
    struct node *n = e->outbox->node;
    struct uuid chat = chat_of(e);
    e->in_store = true;
    e->op = n->outbox_ops->chat(n->sessions, owner_of(e), &chat, looked_for, e);
}

static void recorded(void *ctx, enum store_status status)
{
    struct entry *e = ctx;
    e->op = NULL;
    if (status == STORE_NOT_FOUND && !e->looked)
        look_for(e);
    else
        entry_over(e, status);
}

/* Recorded with other messages than it was told, maybe: its parent's gen says. */
static void parent_read(void *ctx, enum store_status status, const struct history_answer *a, size_t n)
{
    struct entry *e = ctx;
    struct history_send *s = &e->what.asked->send;
    e->op = NULL;
    if (status == STORE_OK && n == 1) {
        s->parent = s->has_input ? a->message : a->parent;
        e->moved = true;
        tell_history(e);
    } else if (status == STORE_NOT_FOUND) {
        forget(e); /* deleted */
    } else {
        entry_over(e, status);
    }
}

static void ask_parent(struct entry *e)
{
    struct history_store *h = e->outbox->node->history;
    struct gen_key key = {.owner = owner_of(e), .gen = e->what.asked->after};
    e->in_store = false;
    e->op = h->ops->answer(h, &key, parent_read, e);
}

static void begun(void *ctx, const struct history_begin *r)
{
    struct entry *e = ctx;
    const struct history_send *s = &e->what.asked->send;
    bool orphan = r->status == STORE_NO_PARENT;
    e->op = NULL;
    if (orphan && !e->looked) {
        look_for(e);
    } else if (orphan && !e->moved && !uuid_is_nil(&e->what.asked->after)) {
        ask_parent(e);
    } else if (r->status == STORE_OK || r->status == STORE_EXISTS || orphan) {
        if (orphan || (r->status == STORE_EXISTS && memcmp(r->existing->digest, s->digest, 32) != 0))
            log_warn("outbox.prompt_without_place", LF_UUID("gen", &s->gen),
                     LF_STR("status", store_status_name(r->status)));
        forget(e);
    } else {
        entry_over(e, r->status);
    }
}

static void tell_history(struct entry *e)
{
    struct history_store *h = e->outbox->node->history;
    e->in_store = false;
    e->op = e->what.asked ? h->ops->begin(h, &e->what.asked->send, begun, e)
                          : h->ops->finish(h, &e->what.answer, recorded, e);
}

static void drain_one(struct outbox *o, const struct outbox_entry *from)
{
    struct entry *e = &o->entries[o->count++];
    *e = (struct entry){.outbox = o, .id = mem_strdup(from->id)};
    if (!outbox_entry_read(&e->what, from->data, from->len)) {
        log_error("outbox.odd_entry", LF_STR("id", from->id), LF_INT("bytes", from->len));
        e->done = true; /* it would come again for ever */
        return;
    }
    o->busy++;
    if (e->what.asked)
        look_for(e);
    else
        tell_history(e);
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
        if (o->entries[i].op && o->entries[i].in_store)
            s->ops->cancel_op(s, o->entries[i].op);
        else if (o->entries[i].op)
            h->ops->cancel_op(h, o->entries[i].op);
    clear(o);
    mem_free(o);
}
