/* recall: look-ups in history, and the resume that may need one. See send.h. */
#include "core/recall.h"

#include <assert.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "base/metrics.h"
#include "core/owner.h"

struct recall {
    struct node *node;
    struct owner *owner; /* a reference is held */
    struct uuid gen;
    struct store_op *op;
    recall_fn done;
    void *ctx; /* the caller's, or the copy below */
    max_align_t copy[];
};

static void recall_free(struct recall *r)
{
    owner_put(r->owner);
    mem_free(r);
}

void recall_cancel(struct recall *r)
{
    if (!r)
        return;
    r->node->history->ops->cancel_op(r->node->history, r->op);
    recall_free(r);
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

static void answered(void *ctx, enum store_status status, const struct history_answer *answers, size_t n)
{
    struct recall *r = ctx;
    struct err e = {0};
    struct generation *g =
        generation_find(r->node, r->owner, &r->gen); /* somebody else may have brought it back */
    if (!g && status == STORE_OK && n == 1) {
        g = generation_new(r->node, r->owner, &r->gen, &answers->chat);
        if (!recall_fill(g, answers)) {
            generation_drop(g);
            g = NULL;
            err_set(&e, ERR_RESUME_GONE, NULL);
        }
    } else if (!g) {
        err_set(&e, status == STORE_NOT_FOUND ? ERR_NOT_FOUND : ERR_STORE_DEGRADED,
                status == STORE_NOT_FOUND ? "There is no such generation." : NULL);
    }
    r->done(r->ctx, g, g ? NULL : &e);
    recall_free(r);
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
    struct gen_key key = {.owner = owner->name, .gen = *gen};
    r->op = n->history->ops->answer(n->history, &key, answered, r);
    return r;
}

struct recall *recall_start(struct node *n, struct owner *owner, const struct uuid *gen, recall_fn done,
                            void *ctx)
{
    struct generation *g = generation_find(n, owner, gen);
    if (g) {
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

void resume_submit(struct node *n, struct owner *owner, const struct resume_request *request,
                   struct follower *f)
{
    struct generation *g = generation_find(n, owner, &request->gen);
    if (g) {
        resume_follow(g, request, f);
        return;
    }
    struct resume r = {.follower = f, .request = *request};
    f->recall = recall_start_with(n, owner, &request->gen, resume_found, &r, sizeof r);
}
