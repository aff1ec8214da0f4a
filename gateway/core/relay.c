/* relay: reading, and taking over. See relay.h; relay_swap.c puts one log in place of another. */
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/metrics.h"
#include "core/chat.h"
#include "core/owner.h"
#include "core/produce.h"
#include "core/record.h"
#include "core/relay_inner.h"

#define READ_BYTES (1u << 20)
#define READ_ALL (READ_BYTES - 2 * RECORD_TEXT_MAX) /* a read of less than this came to the end */
#define SILENCE_US 1000000                          /* without a word before the lease is asked for */
#define AGAIN_US 500000                             /* between askings */
#define RETRY_US 250000                             /* between reads that failed */
#define LOOK_US 50000                               /* between looks at whether history has the end */
#define IDLE_US 2000000                             /* nobody reads it: it is dropped */

static struct gen_key key_of(const struct generation *g)
{
    return (struct gen_key){.owner = g->owner->name, .gen = g->key.gen};
}

static void read_on(struct generation *g);
static void ask_lease(struct generation *g);

static struct tokenlog *target(struct generation *g)
{
    return g->relay->fresh ? g->relay->fresh : &g->log;
}

/* ------------------------------------------------------------------ what was read */

static void take_ask(struct generation *g, const struct record_ask *ask)
{
    g->chat_id = ask->chat;
    g->message = ask->message;
    g->user_message = ask->user_message;
    g->created_ms = ask->created_ms;
    memcpy(g->digest, ask->digest, sizeof g->digest);
}

/* The store's log is not what it was, or not whole: from the beginning. */
static void read_anew(struct generation *g)
{
    struct relay *r = g->relay;
    metric_add(METRIC_CRC_MISMATCHES, 1);
    log_warn("relay.odd_record", LF_UUID("gen", &g->key.gen), LF_INT("seq", target(g)->seq));
    if (r->fresh)
        tokenlog_free(r->fresh);
    else
        r->fresh = mem_alloc(sizeof *r->fresh);
    tokenlog_init(r->fresh, 1);
    r->retry_us = g->node->now_us + RETRY_US;
    r->read_due = true;
}

/* False: one of them does not follow. */
static bool take_records(struct generation *g, const struct log_record *records, size_t n)
{
    struct relay *r = g->relay;
    struct record_ask ask;
    struct outcome outcome;
    for (size_t i = 0; i < n; i++) {
        enum record_verdict verdict = record_apply(target(g), &records[i], &ask, &outcome);
        if (verdict == RECORD_ODD)
            return false;
        if (verdict == RECORD_ASK)
            take_ask(g, &ask);
        if (verdict == RECORD_DONE) {
            r->outcome = outcome;
            r->done = true;
            r->done_us = g->node->now_us;
        }
    }
    return true;
}

/* ------------------------------------------------------------------ at the end of what there is */

static void wake_waiters(struct generation *g)
{
    struct relay *r = g->relay;
    while (!list_empty(&r->waiters)) {
        struct relay_waiter *w = list_entry(list_first(&r->waiters), struct relay_waiter, link);
        list_del(&w->link);
        w->ready(w, g, NULL);
    }
}

static void refuse_waiters(struct relay *r)
{
    struct err e = {0};
    err_set(&e, ERR_STORE_DEGRADED, "The shared log of this answer cannot be read now.");
    e.after_ms = 1000;
    while (!list_empty(&r->waiters)) {
        struct relay_waiter *w = list_entry(list_first(&r->waiters), struct relay_waiter, link);
        list_del(&w->link);
        w->ready(w, NULL, &e);
    }
}

static void end_of_relay(struct generation *g, bool persisted)
{
    g->outcome.persisted = persisted;
    tokenlog_finish(&g->log);
    g->settled = true; /* whoever finished it saw to history */
    g->ended_us = g->node->now_us;
    list_del(&g->owner_link);
    generation_move(g, GENERATION_DONE);
    g->node->kept_bytes += tokenlog_memory(&g->log);
    relay_close(g);
    followers_wake(g);
}

static void end_recorded(void *ctx, enum store_status status, const struct history_answer *a, size_t n)
{
    struct generation *g = ctx;
    struct relay *r = g->relay;
    uint64_t wait = (uint64_t)g->node->config->history_done_wait_ms * 1000;
    bool persisted = status == STORE_OK && n == 1 && strcmp(a->state, "running") != 0;
    r->history_op = NULL;
    r->look_us = g->node->now_us + LOOK_US;
    if (persisted || g->node->now_us - r->done_us >= wait)
        end_of_relay(g, persisted);
}

static void ask_history(struct generation *g)
{
    struct relay *r = g->relay;
    struct history_store *h = g->node->history;
    struct gen_key key = key_of(g);
    if (!r->history_op)
        r->history_op = h->ops->answer(h, &key, end_recorded, g);
}

/* The lease is ours, and all that the store has is here. */
static void take_over(struct generation *g)
{
    struct lease_result lease = g->relay->lease;
    log_info("generation.takeover", LF_UUID("gen", &g->key.gen), LF_INT("epoch", lease.epoch),
             LF_INT("off", lease.off));
    relay_close(g);
    g->taken_over = true;
    g->tokens_unknown = tokenlog_end(&g->log) > 0;
    produce_adopt(g, &lease);
    followers_status(g, "taking_over", -1);
    chat_enter(g);
    generation_move(g, GENERATION_QUEUED);
    owner_remote_forget(g->owner, &g->key.gen);
    followers_changed(g);
    if (g->cancel_wanted)
        generation_end(g, "cancelled", NULL);
    else if (chat_is_head(g))
        generation_advance(g);
}

static void caught_up(struct generation *g)
{
    struct relay *r = g->relay;
    if (r->fresh)
        relay_swap(g);
    if (r->done)
        g->outcome = r->outcome;
    r->ready = true;
    wake_waiters(g);
    followers_wake(g);
    if (r->done)
        ask_history(g);
    else if (r->leased && r->lease.seq == g->log.seq)
        take_over(g);
}

/* ------------------------------------------------------------------ reading */

static void was_read(void *ctx, enum store_status status, const struct log_record *records, size_t n)
{
    struct generation *g = ctx;
    struct relay *r = g->relay;
    size_t bytes = 0;
    r->op = NULL;
    if (status == STORE_NOT_FOUND) {
        r->missing = true;
        ask_lease(g);
        return;
    }
    if (status != STORE_OK) {
        r->read_due = true;
        r->retry_us = g->node->now_us + RETRY_US;
        if (!r->ready)
            refuse_waiters(r);
        return;
    }
    for (size_t i = 0; i < n; i++)
        bytes += records[i].len;
    if (n)
        r->heard_us = g->node->now_us;
    r->missing = false;
    if (!take_records(g, records, n))
        read_anew(g);
    else if (!r->done && (bytes >= READ_ALL || r->told > target(g)->seq) && n)
        read_on(g);
    else
        caught_up(g);
}

static void read_on(struct generation *g)
{
    struct relay *r = g->relay;
    struct session_store *s = g->node->sessions;
    struct gen_key key = key_of(g);
    r->read_due = false;
    if (!r->op)
        r->op = s->ops->read(s, &key, target(g)->seq, READ_BYTES, was_read, g);
}

void relay_grown(struct node *n, const struct gen_key *key, uint64_t seq)
{
    struct owner *o = owner_find(n, key->owner);
    struct generation *g = o ? generation_find(n, o, &key->gen) : NULL;
    if (!g || !g->relay)
        return;
    struct relay *r = g->relay;
    if (r->done)
        return;
    if (seq > r->told)
        r->told = seq;
    if (seq > target(g)->seq)
        read_on(g);
    else if (r->ready)
        ask_lease(g); /* nothing new: the lease was let go */
}

/* ------------------------------------------------------------------ the lease */

static void acquired(void *ctx, const struct lease_result *result)
{
    struct generation *g = ctx;
    struct relay *r = g->relay;
    r->lease_op = NULL;
    r->ask_us = g->node->now_us + AGAIN_US;
    if (result->status == STORE_HELD)
        r->ask_us = g->node->now_us + (result->held_ms + 1) * 1000;
    if (result->status != STORE_OK) {
        if (r->missing && !r->ready && result->status != STORE_HELD)
            refuse_waiters(r);
        r->read_due |= result->status == STORE_HELD && r->missing;
        return;
    }
    r->leased = !result->finished;
    r->lease = *result;
    if (r->told < result->seq)
        r->told = result->seq;
    if (target(g)->seq < result->seq)
        read_on(g);
    else if (!r->op)
        caught_up(g);
}

static void ask_lease(struct generation *g)
{
    struct relay *r = g->relay;
    struct session_store *s = g->node->sessions;
    struct gen_key key = key_of(g);
    if (r->lease_op || r->leased || r->done || g->node->draining || g->node->now_us < g->node->patience_us)
        return;
    r->lease_op =
        s->ops->acquire(s, &key, &g->chat_id, (uint64_t)g->node->config->session_lease_ms, acquired, g);
}

void relay_lapsed(struct generation *g)
{
    if (g->relay->ready)
        ask_lease(g);
}

/* ------------------------------------------------------------------ clocks */

static bool is_idle(struct generation *g)
{
    struct relay *r = g->relay;
    bool idle = list_empty(&g->followers) && list_empty(&r->waiters) && !r->leased;
    if (!idle)
        r->read_us = g->node->now_us;
    return idle && g->node->now_us - r->read_us >= IDLE_US;
}

static void tick_one(struct generation *g)
{
    struct relay *r = g->relay;
    uint64_t now = g->node->now_us;
    if (is_idle(g)) {
        relay_close(g);
        generation_drop(g);
        return;
    }
    if (r->done && r->ready && now >= r->look_us)
        ask_history(g);
    if (r->read_due && now >= r->retry_us)
        read_on(g);
    if (!r->op && now - r->heard_us >= SILENCE_US && now >= r->ask_us)
        ask_lease(g);
}

void relay_tick(struct node *n)
{
    list_each_safe (pos, tmp, &n->relays)
        tick_one(list_entry(pos, struct relay, link)->g);
}

/* ------------------------------------------------------------------ life */

struct relay *relay_new(struct generation *g)
{
    struct session_store *s = g->node->sessions;
    struct gen_key key = key_of(g);
    struct relay *r = mem_alloc(sizeof *r);
    r->g = g;
    r->heard_us = r->read_us = g->node->now_us;
    list_init(&r->waiters);
    list_init(&r->link);
    list_add_tail(&g->node->relays, &r->link);
    g->relay = r;
    s->ops->follow(s, &key);
    return r;
}

void relay_open(struct generation *g, const struct log_record *first, size_t count)
{
    relay_new(g);
    generation_move(g, GENERATION_RUNNING);
    if (!take_records(g, first, count))
        read_anew(g);
    read_on(g); /* also what came between that reading and the following */
}

void relay_leased(struct generation *g, const struct lease_result *lease)
{
    g->relay->leased = true;
    g->relay->lease = *lease;
}

void relay_close(struct generation *g)
{
    struct relay *r = g->relay;
    struct session_store *s = g->node->sessions;
    struct gen_key key = key_of(g);
    if (!r)
        return;
    if (r->op)
        s->ops->cancel_op(s, r->op);
    if (r->lease_op)
        s->ops->cancel_op(s, r->lease_op);
    if (r->history_op)
        g->node->history->ops->cancel_op(g->node->history, r->history_op);
    s->ops->unfollow(s, &key);
    refuse_waiters(r);
    list_del(&r->link);
    if (r->fresh)
        tokenlog_free(r->fresh);
    mem_free(r->fresh);
    mem_free(r);
    g->relay = NULL;
}

bool relay_is_ready(const struct generation *g)
{
    return !g->relay || g->relay->ready;
}

bool relay_has_end(const struct generation *g)
{
    return g->relay && g->relay->ready && g->relay->done;
}

bool relay_ready(struct generation *g, struct relay_waiter *w)
{
    if (relay_is_ready(g))
        return true;
    list_init(&w->link);
    list_add_tail(&g->relay->waiters, &w->link);
    return false;
}

void relay_forget(struct relay_waiter *w)
{
    if (w->link.next)
        list_del(&w->link);
}
