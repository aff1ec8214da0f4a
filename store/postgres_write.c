/* postgres_write: see postgres_write.h. */
#include "store/postgres_write.h"

#include <string.h>

#include "base/log.h"

#define ATTEMPTS 8
#define FOLLOW_MIN 64 /* ends; fewer rather gather */
#define PROBE_US 250000
#define TIDY_US 3600000000u
#define TIDY_AGAIN_US 60000000

static struct store_op *first_waiting(const struct pgwriter *w)
{
    return list_empty(&w->waiting) ? NULL : list_entry(w->waiting.next, struct store_op, link);
}

/* The i-th batch on its way, oldest first. */
static struct pgbatch *batch_at(const struct pgwriter *w, size_t i)
{
    return (struct pgbatch *)&w->batches[(w->first + i) % WRITER_BATCHES];
}

static void set_trouble(struct pgwriter *w, enum store_status status)
{
    w->trouble = status;
    w->probe_us = w->now_us + PROBE_US;
}

/* Back to the front, in order; but whoever was answered already is not asked for again. */
static void put_back(struct pgwriter *w, const struct pgbatch *b, size_t from)
{
    for (size_t i = b->count; i-- > from;) {
        if (pgcall_of(b->jobs[i])->answered)
            w->done(w->ctx, b->jobs[i]);
        else
            list_add_tail(w->waiting.next, &b->jobs[i]->link);
    }
}

/* ---- what became of a batch */

static void settle(struct pgwriter *w, struct pgbatch *b, struct pgstep *step)
{
    struct store_op *const *jobs = &b->jobs[step->first];
    bool read_on = false;
    if (jobs[0]->kind == JOB_BEGIN)
        read_on = pgcall_begun(jobs[0], step->rows);
    else if (jobs[0]->kind == JOB_FINISH)
        pgcall_finished(jobs, step->count, step->rows);
    else
        pgcall_edited(jobs[0], step->rows);
    step->rows = NULL;
    for (size_t i = 0; i < step->count; i++) {
        pgowners_reached(w->owners, jobs[i]->owner, b->lsn);
        if (read_on && !pgcall_of(jobs[i])->answered)
            w->read_on(w->ctx, jobs[i]);
        else
            w->done(w->ctx, jobs[i]);
    }
}

/* A step that failed by itself: true when it is put back, to be tried again. */
static bool put_back_failed(struct pgwriter *w, const struct pgbatch *b, const struct pgstep *step)
{
    struct store_op *job = b->jobs[step->first];
    struct pgcall *call = pgcall_of(job);
    if (!pgcall_passing(step->code) || call->answered || ++call->attempts >= ATTEMPTS)
        return false;
    list_add_tail(w->waiting.next, &job->link);
    w->careful++;
    return true;
}

static void settle_failed(struct pgwriter *w, const struct pgbatch *b, const struct pgstep *step)
{
    struct store_op *job = b->jobs[step->first];
    job->status = pgcall_failure(step->code);
    log_warn("history.write_failed", LF_STR("store", "postgres"), LF_STR("code", step->code));
    if (pgcall_is_trouble(step->code))
        set_trouble(w, job->status);
    w->done(w->ctx, job);
}

/* What was committed is settled; for the rest it is as if it had not been sent, or it is not known. */
static void batch_lost(struct pgwriter *w, struct pgbatch *b)
{
    size_t i = 0;
    bool suspect = false; /* one of them may be what ends the server */
    for (; i < b->step_count && b->steps[i].committed; i++)
        settle(w, b, &b->steps[i]);
    size_t from = i < b->step_count ? b->steps[i].first : b->count;
    for (size_t k = from; k < b->count; k++) {
        struct pgcall *call = pgcall_of(b->jobs[k]);
        call->unknown = true;
        suspect = ++call->attempts >= 2 || suspect;
        pgowners_reached(w->owners, b->jobs[k]->owner, w->tracks ? LSN_UNKNOWN : 0);
    }
    put_back(w, b, from);
    if (suspect)
        w->careful += b->count - from;
    if (from < b->count)
        set_trouble(w, STORE_UNAVAILABLE);
}

static void batch_over(struct pgwriter *w, struct pgbatch *b)
{
    bool loss, failed = pgbatch_failed(b, &loss);
    if (loss) {
        w->useless = true;
        batch_lost(w, b);
        return;
    }
    if (failed && !b->each && b->count > 1) {
        w->careful += b->count;
        put_back(w, b, 0);
        return;
    }
    set_trouble(w, STORE_OK);
    for (size_t i = b->step_count; i-- > 0;) /* backwards, so that what is put back is in order */
        b->steps[i].again = *b->steps[i].code && put_back_failed(w, b, &b->steps[i]);
    for (size_t i = 0; i < b->step_count; i++) {
        if (*b->steps[i].code && !b->steps[i].again)
            settle_failed(w, b, &b->steps[i]);
        else if (!*b->steps[i].code)
            settle(w, b, &b->steps[i]);
    }
}

/* ---- the link's events */

static void on_reply(struct pglink *link, struct pgreply *reply)
{
    struct pgwriter *w = link->ctx;
    struct pgbatch *b = batch_at(w, 0);
    if (w->doing != WRITER_WRITES) {
        if (reply->kind == PGREPLY_SYNC)
            return;
        w->did = reply->kind == PGREPLY_ROWS;
        memcpy(w->code, reply->code, sizeof(w->code));
        pgrows_free(reply->rows);
    } else if (pgbatch_reply(b, reply)) {
        batch_over(w, b);
        pgbatch_clear(b);
        w->first = (w->first + 1) % WRITER_BATCHES;
        w->sent--;
    }
}

/* Another gateway may be at it, or somebody in the way. */
static void tidied(struct pgwriter *w)
{
    w->tidy_us = w->now_us + (w->did ? TIDY_US : TIDY_AGAIN_US);
    if (!w->did && pgcall_is_trouble(w->code))
        log_warn("history.no_partitions", LF_STR("store", "postgres"), LF_STR("code", w->code));
}

static void on_ended(struct pglink *link, bool lost)
{
    struct pgwriter *w = link->ctx;
    enum writer_doing doing = w->doing;
    w->doing = WRITER_WRITES;
    for (; w->sent; w->sent--) { /* only where it is lost; backwards, to put back in order */
        batch_lost(w, batch_at(w, w->sent - 1));
        pgbatch_clear(batch_at(w, w->sent - 1));
    }
    if (lost)
        return;
    if (doing == WRITER_PROBES && w->did)
        set_trouble(w, STORE_OK);
    else if (doing == WRITER_TIDIES)
        tidied(w);
}

static void on_outdated(struct pglink *link)
{
    ((struct pgwriter *)link->ctx)->outdated = true;
}

static const struct pglink_events events = {.reply = on_reply, .ended = on_ended, .outdated = on_outdated};

/* ---- outside */

void pgwriter_init(struct pgwriter *w, struct pghosts *primary, const struct pglink_settings *settings,
                   struct pgowners *owners)
{
    list_init(&w->waiting);
    w->owners = owners;
    pglink_init(&w->link, LINK_WRITES, primary, settings, &events, w);
}

void pgwriter_free(struct pgwriter *w)
{
    pglink_free(&w->link);
    for (size_t i = 0; i < w->sent; i++) {
        struct pgbatch *b = batch_at(w, i);
        for (size_t k = 0; k < b->count; k++)
            job_free(b->jobs[k]);
        pgbatch_clear(b);
    }
    for (struct store_op *job; (job = first_waiting(w));) {
        list_del(&job->link);
        job_free(job);
    }
}

void pgwriter_add(struct pgwriter *w, struct store_op *job)
{
    pgcall_of(job)->order = ++w->last_order;
    pgowners_wrote(w->owners, job->owner, w->last_order, pgwriter_settled(w));
    list_add_tail(&w->waiting, &job->link);
}

static void give_up_batch(struct pgwriter *w, const struct pgbatch *b)
{
    for (size_t i = 0; i < b->count; i++) {
        struct pgcall *call = pgcall_of(b->jobs[i]);
        if (call->deadline_us > w->now_us || call->answered)
            continue;
        set_trouble(w, STORE_UNAVAILABLE);
        w->late(w->ctx, b->jobs[i]);
    }
}

/* Deadlines come in the order of the queue. */
static void give_up(struct pgwriter *w)
{
    for (size_t i = 0; i < w->sent; i++)
        give_up_batch(w, batch_at(w, i));
    for (struct store_op *job; (job = first_waiting(w)) && pgcall_of(job)->deadline_us <= w->now_us;) {
        list_del(&job->link);
        if (w->careful)
            w->careful--;
        job->status = STORE_UNAVAILABLE;
        set_trouble(w, STORE_UNAVAILABLE);
        w->done(w->ctx, job);
    }
}

static void send_batch(struct pgwriter *w)
{
    struct pgbatch *b = batch_at(w, w->sent++);
    pgbatch_take(b, &w->waiting, w->careful);
    w->careful -= b->each ? b->count : 0;
    pgbatch_send(b, &w->link, w->tracks);
    pglink_go(&w->link, w->now_us);
}

static void send_alone(struct pgwriter *w, enum pgsql sql, enum writer_doing doing)
{
    w->doing = doing;
    w->did = false;
    pglink_send(&w->link, sql, NULL);
    pglink_commit(&w->link);
    pglink_go(&w->link, w->now_us);
}

/* True when another batch may be sent behind those on their way. */
static bool may_follow(const struct pgwriter *w)
{
    if (!w->sent || w->sent == WRITER_BATCHES || w->careful || w->useless)
        return false;
    return batch_at(w, w->sent - 1)->ends && pgbatch_ends(&w->waiting) >= FOLLOW_MIN;
}

void pgwriter_turn(struct pgwriter *w, uint64_t now_us)
{
    w->now_us = now_us;
    if (w->useless && w->link.state >= LINK_READY)
        pglink_drop(&w->link, "it is no primary any more, or is going", now_us);
    w->useless = false;
    give_up(w);
    if (w->link.told && w->trouble == STORE_OK)
        set_trouble(w, STORE_UNAVAILABLE);
    while (w->link.state == LINK_BUSY && may_follow(w))
        send_batch(w);
    if (w->link.state != LINK_READY)
        return;
    if (!list_empty(&w->waiting))
        send_batch(w);
    else if (w->trouble != STORE_OK && now_us >= w->probe_us)
        send_alone(w, PGSQL_PROBE, WRITER_PROBES);
    else if (now_us >= w->tidy_us)
        send_alone(w, PGSQL_PARTITIONS, WRITER_TIDIES);
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static uint64_t batch_due(const struct pgbatch *b)
{
    uint64_t due = UINT64_MAX;
    for (size_t i = 0; i < b->count; i++) {
        if (!pgcall_of(b->jobs[i])->answered)
            due = earlier(due, pgcall_of(b->jobs[i])->deadline_us);
    }
    return due;
}

uint64_t pgwriter_due(const struct pgwriter *w)
{
    uint64_t due = UINT64_MAX;
    const struct store_op *waiting = first_waiting(w);
    for (size_t i = 0; i < w->sent; i++)
        due = earlier(due, batch_due(batch_at(w, i)));
    if (waiting)
        due = earlier(due, pgcall_of(waiting)->deadline_us);
    if (w->link.state == LINK_READY && w->trouble != STORE_OK)
        due = earlier(due, w->probe_us);
    if (w->link.state == LINK_READY)
        due = earlier(due, w->tidy_us);
    return due;
}

uint64_t pgwriter_settled(const struct pgwriter *w)
{
    const struct store_op *waiting = first_waiting(w);
    uint64_t first = w->last_order + 1;
    for (size_t i = 0; i < w->sent; i++)
        first = earlier(first, pgcall_of(batch_at(w, i)->jobs[0])->order);
    if (waiting)
        first = earlier(first, pgcall_of(waiting)->order);
    return first - 1;
}

bool pgwriter_busy(const struct pgwriter *w)
{
    return w->sent || !list_empty(&w->waiting);
}
