/* produce, towards the store: the lease, one append in flight, the end, and what to do when it fails.
 *
 *     acquire ─ok─> append, append, … finish      renew every third of the lease
 *        │             └unknown outcome, lost records: DOWN ─reclaim─> MENDING: what is missing, from where
 * it ends └held, fenced: another gateway produces: relay_instead
 *
 * What the store has after an outage it says itself (reclaim), so no outcome needs to be guessed. */
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/metrics.h"
#include "core/detour.h"
#include "core/outbox_entry.h"
#include "core/owner.h"
#include "core/produce_inner.h"
#include "core/relay.h"
#include "core/tokenlog_inner.h"

#define LOOK_US 250000 /* between looks for a store that is away */
#define BATCH 16       /* records in one append */

static struct gen_key key_of(const struct generation *g)
{
    return (struct gen_key){.owner = g->owner->name, .gen = g->key.gen};
}

static uint64_t lease_ms(const struct generation *g)
{
    return (uint64_t)g->node->config->session_lease_ms;
}

static void renew_later(struct generation *g)
{
    g->out->due_us = g->node->now_us + lease_ms(g) * 1000 / 3;
}

/* ------------------------------------------------------------------ states */

static bool set_down(struct err *e)
{
    return err_set(
        e, ERR_STORE_DEGRADED,
        "The shared log is away: this answer goes on from the memory of one gateway until it is back.");
}

static void tell_down(struct generation *g)
{
    struct err e = {0};
    set_down(&e);
    followers_notice(g, &e);
}

void produce_notice(const struct generation *g, struct follower *f)
{
    struct err e = {0};
    if (!g->out || !g->out->told_down)
        return;
    set_down(&e);
    f->ops->notice(f, &e);
}

/* The end is in no shared log yet: history is told without the outbox. */
static void record_beside(struct generation *g)
{
    if (!g->op && !g->settled && list_empty(&g->unpersisted_link))
        generation_record_end(g);
}

/* What was in flight, and all that waits, is shown without the store. */
static void go_down(struct generation *g)
{
    struct produce *p = g->out;
    if (p->state == PRODUCE_DOWN)
        return;
    bool was_mending = p->state == PRODUCE_MENDING;
    p->state = PRODUCE_DOWN;
    p->due_us = g->node->now_us + LOOK_US;
    if (!was_mending) {
        p->low = UINT64_MAX;
        p->renumber = false;
        metric_add(METRIC_STORE_DOWN, 1);
        log_warn("generation.store_down", LF_UUID("gen", &g->key.gen), LF_INT("seq", p->last.seq));
    }
    if (!p->told_down)
        tell_down(g);
    p->told_down = true;
    while (!list_empty(&p->sent)) /* to the front of the queue again */
        list_move_head(&p->queue, p->sent.prev);
    p->sent_bytes = 0;
    produce_show_all(g);
    if (p->finishing)
        record_beside(g);
}

static void look_soon(struct generation *g)
{
    g->out->due_us = g->node->now_us;
}

static void come_back(struct generation *g)
{
    g->out->state = PRODUCE_MENDING;
    log_info("generation.store_back", LF_UUID("gen", &g->key.gen), LF_INT("seq", g->out->last.seq));
}

static void mended(struct generation *g)
{
    struct produce *p = g->out;
    p->state = PRODUCE_LEASED;
    p->told_down = p->renumber = false;
    log_info("generation.mended", LF_UUID("gen", &g->key.gen), LF_INT("seq", p->last.seq));
}

/* ------------------------------------------------------------------ records */

static void show_sent(struct generation *g)
{
    struct produce *p = g->out;
    bool any = !list_empty(&p->sent);
    uint64_t seq = p->last.seq;
    list_each (pos, &p->sent)
        seq--;
    while (!list_empty(&p->sent)) {
        struct produce_item *item = list_entry(list_first(&p->sent), struct produce_item, link);
        g->log.seq = seq++; /* the number before its own */
        produce_show(g, item);
        produce_item_free(item);
    }
    p->sent_bytes = 0;
    if (any)
        followers_wake(g);
}

static void appended(void *ctx, enum store_status status)
{
    struct generation *g = ctx;
    struct produce *p = g->out;
    p->op = NULL;
    status = produce_heard(status);
    if (status == STORE_OK) {
        p->last = p->sent_last;
        show_sent(g);
        produce_send(g);
    } else if (status == STORE_FENCED) {
        relay_instead(g);
    } else {
        go_down(g);
        if (status == STORE_WRONG_POSITION || status == STORE_NOT_FOUND)
            look_soon(g); /* it is there, and has lost what it had acknowledged */
    }
}

static void send_records(struct generation *g, const struct log_record *records, size_t n)
{
    struct session_store *s = g->node->sessions;
    struct gen_key key = key_of(g);
    g->out->sent_last = records[n - 1];
    g->out->sent_last.data = NULL;
    g->out->op = n == 1 ? s->ops->append(s, &key, records, appended, g)
                        : s->ops->append_many(s, &key, records, n, appended, g);
}

/* What gathered while the last append was out, as far as one append takes it. */
static void send_queue(struct generation *g)
{
    struct produce *p = g->out;
    struct log_record records[BATCH], last = p->last;
    size_t n = 0;
    while (n < BATCH && !list_empty(&p->queue)) {
        struct produce_item *item = list_entry(list_first(&p->queue), struct produce_item, link);
        if (item->kind == LOG_KIND_REWIND && n > 0)
            break; /* its place is looked up in the log, which has not got those before it */
        struct log_record r =
            record_after(&last, item->kind, (uint8_t)item->part, item->data.data, item->data.len);
        if (item->kind == LOG_KIND_REWIND) {
            r.off = item->off;
            r.crc = tokenlog_seek(&g->log, item->off).crc;
        }
        records[n++] = last = r;
        list_move_tail(&p->sent, &item->link);
        if (item->kind == LOG_KIND_TEXT) {
            p->queued -= item->data.len;
            p->sent_bytes += item->data.len;
        }
    }
    send_records(g, records, n);
}

/* ------------------------------------------------------------------ mending */

static bool send_ask(struct generation *g)
{
    struct buf json = {0};
    produce_write_ask(g, &json);
    struct log_record r = record_after(&g->out->last, LOG_KIND_START, 0, json.data, json.len);
    send_records(g, &r, 1);
    buf_free(&json);
    return true;
}

/* Back to where the store's log and ours part, which is at `low` or before it. */
static bool send_cut(struct generation *g)
{
    struct produce *p = g->out;
    struct buf json = {0};
    record_write_rewind(&json, LOG_RESTARTED);
    struct log_record r = record_after(&p->last, LOG_KIND_REWIND, 0, json.data, json.len);
    r.off = p->low < p->last.off ? p->low : 0;
    r.crc = tokenlog_seek(&g->log, r.off).crc;
    p->renumber = true;
    send_records(g, &r, 1);
    buf_free(&json);
    return true;
}

/* After a cut the numbers of the token log mean nothing to the store: its text goes there in new records. */
static bool send_renumbered(struct generation *g)
{
    struct produce *p = g->out;
    struct log_item item;
    if (p->last.off >= g->log.text.len)
        return false;
    struct log_cursor c = tokenlog_seek(&g->log, p->last.off);
    while (tokenlog_next(&g->log, &c, RECORD_TEXT_MAX, &item) != LOG_ITEM_TEXT) {
    }
    struct log_record r = record_after(&p->last, LOG_KIND_TEXT, (uint8_t)item.part, item.text, item.len);
    send_records(g, &r, 1);
    return true;
}

/* What the store missed, record by record as it was. True: something went. */
static bool send_missing(struct generation *g)
{
    struct produce *p = g->out;
    struct log_record records[BATCH], last = p->last;
    struct buf json[BATCH] = {{0}};
    size_t n = 0;
    bool cut = false;
    if (p->last.seq == 0)
        return send_ask(g);
    if (p->renumber)
        return send_renumbered(g);
    while (n < BATCH && record_missing(&g->log, &last, &json[n], &records[n], &cut)) {
        if (records[n].kind == LOG_KIND_REWIND && n > 0)
            break;
        last = records[n++];
    }
    if (n)
        send_records(g, records, n);
    for (size_t i = 0; i < BATCH; i++)
        buf_free(&json[i]);
    return n || (cut && send_cut(g));
}

/* ------------------------------------------------------------------ the end */

static void in_log(struct generation *g)
{
    produce_close(g);
    generation_finished(g);
}

static void finished(void *ctx, enum store_status status)
{
    struct generation *g = ctx;
    g->out->op = NULL;
    if (status == STORE_OK)
        in_log(g);
    else if (status == STORE_FENCED)
        relay_instead(g);
    else
        go_down(g);
}

static void send_finish(struct generation *g)
{
    struct produce *p = g->out;
    struct session_store *s = g->node->sessions;
    struct gen_key key = key_of(g);
    struct buf entry = {0}, json = {0};
    record_write_done(&json, &g->outcome);
    struct log_record r = record_after(&p->last, LOG_KIND_DONE, 0, json.data, json.len);
    outbox_entry_write(&entry, g, r.epoch, r.seq);
    detour_answered(g);
    p->op = s->ops->finish(s, &key, &r, entry.data, entry.len,
                           (uint64_t)g->node->config->log_store_keep_s * 1000, finished, g);
    buf_free(&entry);
    buf_free(&json);
}

void produce_send(struct generation *g)
{
    struct produce *p = g->out;
    if (p->op || p->state == PRODUCE_LEASING || p->state == PRODUCE_DOWN)
        return;
    if (p->state == PRODUCE_MENDING) {
        if (send_missing(g))
            return;
        mended(g);
    }
    if (!list_empty(&p->queue))
        send_queue(g);
    else if (p->finishing)
        send_finish(g);
}

bool produce_finish(struct generation *g)
{
    struct produce *p = g->out;
    if (!p)
        return false;
    p->finishing = true;
    if (p->state == PRODUCE_DOWN || p->state == PRODUCE_MENDING)
        record_beside(g);
    produce_send(g);
    return true;
}

/* ------------------------------------------------------------------ the lease */

static void take_lease(struct generation *g, const struct lease_result *result)
{
    g->out->last = (struct log_record){
        .seq = result->seq, .epoch = result->epoch, .off = result->off, .crc = result->crc};
    if (result->epoch > g->log.epoch)
        tokenlog_set_epoch(&g->log, result->epoch);
    renew_later(g);
}

/* The lease of a log that is to begin, or that could not be asked for when it began. */
static void acquired(void *ctx, const struct lease_result *result)
{
    struct generation *g = ctx;
    struct produce *p = g->out;
    p->lease_op = NULL;
    if (result->status == STORE_HELD || (result->status == STORE_OK && (result->seq || result->finished))) {
        relay_instead(g); /* it was begun elsewhere */
    } else if (result->status != STORE_OK) {
        go_down(g);
        p->due_us = g->node->now_us + LOOK_US;
    } else {
        take_lease(g, result);
        if (p->state == PRODUCE_DOWN)
            come_back(g);
        else
            p->state = PRODUCE_LEASED;
        produce_send(g);
    }
}

/* The store is back: the lease is still ours, and `result` says what it has. */
static void reclaimed(void *ctx, const struct lease_result *result)
{
    struct generation *g = ctx;
    struct produce *p = g->out;
    p->lease_op = NULL;
    p->due_us = g->node->now_us + LOOK_US;
    if (result->status == STORE_FENCED) {
        relay_instead(g);
    } else if (result->status == STORE_OK && result->finished) {
        if (p->finishing)
            in_log(g); /* that finish whose outcome was not known */
        else
            relay_instead(g);
    } else if (result->status == STORE_OK) {
        if (result->seq < p->last.seq) {
            metric_add(METRIC_STORE_LOST, 1);
            log_warn("generation.store_lost", LF_UUID("gen", &g->key.gen), LF_INT("had", p->last.seq),
                     LF_INT("has", result->seq));
        }
        take_lease(g, result);
        come_back(g);
        produce_send(g);
    }
}

static void renewed(void *ctx, enum store_status status)
{
    struct generation *g = ctx;
    g->out->lease_op = NULL;
    status = produce_heard(status);
    renew_later(g);
    if (status == STORE_FENCED) {
        relay_instead(g);
    } else if (status != STORE_OK) {
        go_down(g);
        if (status == STORE_NOT_FOUND)
            look_soon(g);
    }
}

static void ask_lease(struct generation *g)
{
    struct produce *p = g->out;
    struct session_store *s = g->node->sessions;
    struct gen_key key = key_of(g);
    uint64_t ms = lease_ms(g);
    if (p->last.epoch == 0)
        p->lease_op = s->ops->acquire(s, &key, &g->chat_id, ms, acquired, g);
    else if (p->state == PRODUCE_DOWN)
        p->lease_op = s->ops->reclaim(s, &key, &g->chat_id, p->last.epoch, ms, reclaimed, g);
    else
        p->lease_op = s->ops->renew(s, &key, p->last.epoch, ms, renewed, g);
}

static void tick_one(struct generation *g)
{
    struct produce *p = g->out;
    bool idle = !p->lease_op && !(p->state == PRODUCE_DOWN && p->op);
    if (idle && p->state != PRODUCE_LEASING && g->node->now_us >= p->due_us)
        ask_lease(g);
}

void produce_tick(struct node *n)
{
    list_each_safe (pos, tmp, &n->producing)
        tick_one(list_entry(pos, struct produce, link)->g);
}

void produce_look(struct node *n)
{
    list_each (pos, &n->producing) {
        struct produce *p = list_entry(pos, struct produce, link);
        if (p->state == PRODUCE_DOWN)
            look_soon(p->g);
    }
}

/* ------------------------------------------------------------------ life */

static struct produce *produce_new(struct generation *g, enum produce_state state)
{
    struct produce *p = mem_alloc(sizeof *p);
    p->g = g;
    p->state = state;
    p->low = UINT64_MAX;
    list_init(&p->queue);
    list_init(&p->sent);
    list_init(&p->link);
    list_add_tail(&g->node->producing, &p->link);
    return g->out = p;
}

void produce_open(struct generation *g)
{
    if (g->out || !g->node->sessions->shared)
        return;
    produce_new(g, PRODUCE_LEASING);
    produce_ask(g);
    ask_lease(g);
}

void produce_adopt(struct generation *g, const struct lease_result *lease)
{
    produce_new(g, PRODUCE_LEASED);
    take_lease(g, lease);
    if (g->log.seq == 0)
        produce_ask(g);
}

void produce_close(struct generation *g)
{
    struct produce *p = g->out;
    struct session_store *s = g->node->sessions;
    if (!p)
        return;
    if (p->op)
        s->ops->cancel_op(s, p->op);
    if (p->lease_op)
        s->ops->cancel_op(s, p->lease_op);
    list_each_safe (pos, tmp, &p->queue)
        produce_item_free(list_entry(pos, struct produce_item, link));
    list_each_safe (pos, tmp, &p->sent)
        produce_item_free(list_entry(pos, struct produce_item, link));
    list_del(&p->link);
    buf_free(&p->so_far);
    mem_free(p);
    g->out = NULL;
}

static void released(void *ctx, enum store_status status)
{
    struct node *n = ctx;
    (void)status; /* otherwise it lapses */
    n->releasing--;
}

void produce_release(struct generation *g)
{
    struct session_store *s = g->node->sessions;
    struct gen_key key = key_of(g);
    if (g->out && g->out->last.epoch) {
        g->node->releasing++;
        s->ops->renew(s, &key, g->out->last.epoch, 0, released, g->node);
    }
    produce_close(g);
}
