/* recall: look-ups beyond this node's memory, and the resume that may need one. See send.h.
 *
 *     recall_start ─> shared log ─records─> a generation that is read from there (relay)
 *                         └─none──> history ─ended───> brought back as recorded
 *                                           ─running─> relay, which takes it over when nobody produces it
 *
 * So many run at once (limits.recalls), the rest waits in line: after a mass disconnect everybody comes. */
#include "core/recall.h"

#include <assert.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "base/metrics.h"
#include "core/owner.h"
#include "core/produce.h"
#include "core/relay.h"

#define AGAIN_US 500000 /* between tries of one that the stores could not answer */

struct recall {
    struct node *node;
    struct owner *owner; /* a reference is held */
    struct uuid gen;
    struct list link;       /* in node->recall_queue */
    struct store_op *op;    /* of history */
    struct store_op *probe; /* of the shared log */
    struct relay_waiter waiter;
    uint64_t due_us; /* parked until then */
    bool running;    /* counted in node->recalls */
    recall_fn done;
    void (*notice)(void *ctx, const struct err *e); /* not NULL: patient */
    void *ctx;                                      /* the caller's, or the copy below */
    max_align_t copy[];
};

static void recall_go(struct recall *r);

static void recall_free(struct recall *r)
{
    struct node *n = r->node;
    list_del(&r->link);
    n->recalls -= r->running;
    owner_put(r->owner);
    mem_free(r);
    if (!list_empty(&n->recall_queue) && n->recalls < (size_t)n->config->limits_recalls)
        recall_go(list_entry(list_first(&n->recall_queue), struct recall, link));
}

/* The stores are away: it is tried again. A resume is never refused for that. */
static void recall_park(struct recall *r)
{
    struct node *n = r->node;
    n->recalls -= r->running;
    r->running = false;
    r->due_us = n->now_us + AGAIN_US;
    list_del(&r->link);
    list_add_tail(&n->recalls_parked, &r->link);
}

void recall_tick(struct node *n)
{
    list_each_safe (pos, tmp, &n->recalls_parked) {
        struct recall *r = list_entry(pos, struct recall, link);
        if (n->now_us < r->due_us || n->recalls >= (size_t)n->config->limits_recalls)
            break;
        recall_go(r);
    }
}

static void recall_end(struct recall *r, struct generation *g, const struct err *e)
{
    if (!g && e && e->code == ERR_STORE_DEGRADED && r->notice) {
        recall_park(r);
        r->notice(r->ctx, e);
        return; /* r may be gone */
    }
    r->done(r->ctx, g, g ? NULL : e);
    recall_free(r);
}

void recall_cancel(struct recall *r)
{
    if (!r)
        return;
    if (r->op)
        r->node->history->ops->cancel_op(r->node->history, r->op);
    if (r->probe)
        r->node->sessions->ops->cancel_op(r->node->sessions, r->probe);
    relay_forget(&r->waiter);
    recall_free(r);
}

void recall_stop(struct node *n)
{
    struct list *const all[] = {&n->recall_queue, &n->recalls_parked, &n->recalls_running};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        while (!list_empty(all[i]))
            recall_cancel(list_entry(list_first(all[i]), struct recall, link));
}

/* Log records are at most this long, so that a recalled text has seekable places like a live one. */
#define RECORD_BYTES 4096
#define PROBE_BYTES (1u << 20) /* of a shared log, in its first read */

void recall_produce(struct generation *g, const struct history_answer *a, const struct history_part *p)
{
    for (uint64_t at = 0, n; at < p->len; at += n) {
        n = utf8_floor(a->text.data + p->off + at, p->len - at < RECORD_BYTES ? p->len - at : RECORD_BYTES);
        if (n == 0)
            return;
        produce_text(g, p->part ? LOG_PART_REASONING : LOG_PART_TEXT, a->text.data + p->off + at, n);
    }
}

/* What is not recorded: whether a producer ever began. It did where there is text, or its end mark. */
static bool had_producer(const struct history_answer *a)
{
    return a->text.len || strcmp(a->state, "complete") == 0 || strcmp(a->state, "length") == 0;
}

void recall_fill_log(struct generation *g, const struct history_answer *a, uint64_t seq)
{
    struct tokenlog *log = &g->log;
    log->epoch = a->epoch ? a->epoch : 1;
    if (had_producer(a))
        tokenlog_start(log, LOG_FRESH, a->model);
    for (size_t i = 0; i < a->part_count; i++) {
        const struct history_part *p = &a->parts[i];
        if (p->len && p->off + p->len <= a->text.len)
            tokenlog_recall(log, p->part ? LOG_PART_REASONING : LOG_PART_TEXT, a->text.data + p->off, p->len,
                            seq);
    }
    log->seq = seq;
}

bool recall_fill(struct generation *g, const struct history_answer *a)
{
    struct outcome outcome;
    if (strcmp(a->state, "running") == 0 ||
        !protocol_read_outcome(a->outcome.data ? a->outcome.data : "", a->outcome.len, a->state, &outcome))
        return false;
    recall_fill_log(g, a, a->seq ? a->seq - 1 : 0); /* done has the number it had */
    if (g->log.crc != a->crc)
        metric_add(METRIC_CRC_MISMATCHES, 1);
    tokenlog_finish(&g->log);
    g->outcome = outcome;
    g->message = a->message;
    g->user_message = a->parent;
    g->chat_id = a->chat;
    memcpy(g->digest, a->digest, sizeof g->digest);
    mem_free(g->model);
    g->model = mem_strdup(a->model);
    g->created_ms = a->created_ms;
    g->ended_us = g->node->now_us;
    g->recalled = g->settled = true;
    list_del(&g->owner_link);
    generation_move(g, GENERATION_DONE);
    g->node->kept_bytes += tokenlog_memory(&g->log);
    return true;
}

static void was_read(struct relay_waiter *w, struct generation *g, const struct err *e)
{
    recall_end(list_entry(w, struct recall, waiter), g, e);
}

/* g is in memory; it is handed on as soon as it can be read. */
static void recall_wait(struct recall *r, struct generation *g)
{
    r->waiter.ready = was_read;
    if (relay_ready(g, &r->waiter))
        recall_end(r, g, NULL);
}

/* It runs somewhere, or nobody runs it any more: the relay finds out. */
static struct generation *recall_relay(struct recall *r, const struct history_answer *a)
{
    struct generation *g = generation_new(r->node, r->owner, &r->gen, &a->chat);
    g->message = a->message;
    g->user_message = a->parent;
    g->created_ms = a->created_ms;
    memcpy(g->digest, a->digest, sizeof g->digest);
    relay_open(g, NULL, 0);
    return g;
}

/* NULL: *e says why. */
static struct generation *recall_make(struct recall *r, const struct history_answer *a, struct err *e)
{
    if (r->node->sessions->shared && strcmp(a->state, "running") == 0)
        return recall_relay(r, a);
    struct generation *g = generation_new(r->node, r->owner, &r->gen, &a->chat);
    if (recall_fill(g, a))
        return g;
    generation_drop(g);
    err_set(e, ERR_RESUME_GONE, NULL);
    return NULL;
}

static void answered(void *ctx, enum store_status status, const struct history_answer *answers, size_t n)
{
    struct recall *r = ctx;
    struct err e = {0};
    struct generation *g =
        generation_find(r->node, r->owner, &r->gen); /* somebody else may have brought it back */
    r->op = NULL;
    if (!g && status == STORE_OK && n == 1)
        g = recall_make(r, answers, &e);
    else if (!g)
        err_set(&e, status == STORE_NOT_FOUND ? ERR_NOT_FOUND : ERR_STORE_DEGRADED,
                status == STORE_NOT_FOUND ? "There is no such generation." : NULL);
    if (g)
        recall_wait(r, g);
    else
        recall_end(r, NULL, &e);
}

static void ask_history(struct recall *r)
{
    struct gen_key key = {.owner = r->owner->name, .gen = r->gen};
    r->op = r->node->history->ops->answer(r->node->history, &key, answered, r);
}

static void probed(void *ctx, enum store_status status, const struct log_record *records, size_t n)
{
    static const struct uuid unknown; /* the first record says it */
    struct recall *r = ctx;
    struct generation *g = generation_find(r->node, r->owner, &r->gen);
    r->probe = NULL;
    if (!g && (status != STORE_OK || n == 0)) {
        ask_history(r);
        return;
    }
    if (!g) {
        g = generation_new(r->node, r->owner, &r->gen, &unknown);
        relay_open(g, records, n);
    }
    recall_wait(r, g);
}

/* Nobody is told anything before this has returned, unless it waited in line. */
static void recall_go(struct recall *r)
{
    struct session_store *s = r->node->sessions;
    struct gen_key key = {.owner = r->owner->name, .gen = r->gen};
    struct generation *g = generation_find(r->node, r->owner, &r->gen);
    list_move_tail(&r->node->recalls_running, &r->link);
    r->running = true;
    r->node->recalls++;
    if (g)
        recall_wait(r, g);
    else if (s->shared)
        r->probe = s->ops->read(s, &key, 0, PROBE_BYTES, probed, r);
    else
        ask_history(r);
}

struct recall *recall_start_with(struct node *n, struct owner *owner, const struct uuid *gen, recall_fn done,
                                 const void *ctx, size_t size)
{
    struct recall *r = mem_alloc(sizeof *r + size);
    r->node = n;
    r->owner = owner_ref(owner);
    r->gen = *gen;
    r->done = done;
    r->ctx = r->copy;
    if (size)
        memcpy(r->copy, ctx, size);
    list_init(&r->link);
    if (n->recalls < (size_t)n->config->limits_recalls)
        recall_go(r);
    else
        list_add_tail(&n->recall_queue, &r->link);
    return r;
}

struct recall *recall_start(struct node *n, struct owner *owner, const struct uuid *gen, recall_fn done,
                            void *ctx)
{
    struct generation *g = generation_find(n, owner, gen);
    if (g && relay_is_ready(g)) {
        done(ctx, g, NULL);
        return NULL;
    }
    struct recall *r = recall_start_with(n, owner, gen, done, NULL, 0);
    r->ctx = ctx;
    return r;
}

/* ------------------------------------------------------------------ resume */

struct resume {
    struct follower *follower;
    struct resume_request request;
};

/* The farthest position of the client's, not beyond where it says it is, that is also the log's. */
static struct mark best_mark(const struct generation *g, const struct resume_request *r)
{
    struct mark best = {0, 0};
    for (size_t i = 0; i < r->mark_count; i++)
        if (r->marks[i].off > best.off && r->marks[i].off <= r->off &&
            tokenlog_agrees(&g->log, r->marks[i].off, r->marks[i].crc))
            best = r->marks[i];
    return best;
}

static void resume_follow(struct generation *g, const struct resume_request *r, struct follower *f)
{
    bool agrees = !g->recalled && tokenlog_agrees(&g->log, r->off, r->crc);
    f->live_due = true;
    if (agrees) {
        follower_attach(f, g, r->off);
        metric_add_for(METRIC_RESUMES, "agreed", 1);
    } else {
        struct mark m = g->recalled ? (struct mark){0, 0} : best_mark(g, r);
        follower_attach(f, g, m.off);
        metric_add_for(METRIC_RESUMES, g->recalled ? "history" : "diverged", 1);
        metric_add_for(METRIC_REWINDS, "diverged", 1);
        if (!g->recalled && r->off <= tokenlog_end(&g->log))
            metric_add(METRIC_CRC_MISMATCHES, 1);
        f->ops->diverged(f, m.off, m.crc);
    }
    produce_notice(g, f);
    if (generation_waits(g))
        f->ops->status(f, generation_waits(g), -1);
    f->ops->wake(f);
}

static void resume_found(void *ctx, struct generation *g, const struct err *e)
{
    struct resume *r = ctx;
    struct follower *f = r->follower;
    f->recall = NULL;
    if (g) {
        resume_follow(g, &r->request, f);
        return;
    }
    metric_add_for(METRIC_RESUMES, e->code == ERR_RESUME_GONE ? "gone" : "not_found", 1);
    f->ops->refused(f, e);
}

static void resume_waits(void *ctx, const struct err *e)
{
    struct resume *r = ctx;
    r->follower->ops->notice(r->follower, e);
}

void resume_submit(struct node *n, struct owner *owner, const struct resume_request *request,
                   struct follower *f)
{
    struct generation *g = generation_find(n, owner, &request->gen);
    if (g && relay_is_ready(g)) {
        resume_follow(g, request, f);
        return;
    }
    struct resume r = {.follower = f, .request = *request};
    f->recall = recall_start_with(n, owner, &request->gen, resume_found, &r, sizeof r);
    f->recall->notice = resume_waits;
}
