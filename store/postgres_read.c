/* postgres_read: see postgres_read.h. */
#include "store/postgres_read.h"

#include <string.h>

#include "base/mem.h"
#include "store/postgres_find.h"

#define ATTEMPTS 6

/* ---- asking */

static void send(void *ctx, enum pgsql sql, const struct pgparams *p)
{
    pglink_send(ctx, sql, p);
}

static void ask(struct pgreading *reading, struct store_op *job, uint64_t now_us)
{
    const struct pgcall *call = pgcall_of(job);
    reading->job = job;
    reading->behind = false;
    reading->replies = 0;
    *reading->code = '\0';
    /* In one transaction, so that a pooler cannot put two servers behind the two. */
    reading->asked_how_far = reading->link.role == LINK_STANDBY && call->lsn;
    if (reading->asked_how_far)
        pglink_send(&reading->link, PGSQL_REPLAYED, NULL);
    if (call->find) {
        struct pgparams p = {.count = 0};
        pgfind_ask(job, &p);
        pglink_send(&reading->link, PGSQL_SEARCH, &p);
        pgparams_free(&p);
    } else {
        pgcall_ask(job, send, &reading->link);
    }
    pglink_commit(&reading->link);
    pglink_go(&reading->link, now_us);
}

static bool is_up(const struct pglink *link)
{
    return link->state >= LINK_READY;
}

/* A link that may answer the job now; *any_free tells whether one may answer another. */
static struct pgreading *free_link(struct pgreader *r, const struct pgcall *call, bool *any_free)
{
    struct pgreading *primary = NULL, *standby = NULL;
    bool standby_up = false;
    for (size_t i = 0; i < r->count; i++) {
        struct pgreading *reading = &r->readings[i];
        bool idle = reading->link.state == LINK_READY;
        if (reading->link.role == LINK_STANDBY)
            standby_up = standby_up || is_up(&reading->link);
        if (idle && reading->link.role == LINK_STANDBY)
            standby = reading;
        else if (idle)
            primary = reading;
    }
    *any_free = primary || standby;
    return standby_up && !call->primary && call->lsn != LSN_UNKNOWN ? standby : primary;
}

/* ---- answers */

static void finish(struct pgreader *r, struct store_op *job, enum store_status status)
{
    job->status = status;
    r->done(r->ctx, job);
}

static void drop_rows(struct pgreading *reading)
{
    for (int i = 0; i < CALL_ROWS; i++) {
        pgrows_free(reading->rows[i]);
        reading->rows[i] = NULL;
    }
}

static void again(struct pgreader *r, struct store_op *job, bool primary)
{
    struct pgcall *call = pgcall_of(job);
    call->primary = call->primary || primary;
    if (atomic_load(&job->cancelled) || ++call->attempts >= ATTEMPTS)
        finish(r, job, STORE_UNAVAILABLE);
    else
        pgreader_add(r, job, true);
}

static void told(struct pgreading *reading, struct store_op *job)
{
    struct pgcall *call = pgcall_of(job);
    for (int i = 0; i < CALL_ROWS; i++) {
        pgrows_free(call->rows[i]);
        call->rows[i] = reading->rows[i];
        reading->rows[i] = NULL;
    }
    if (!call->find)
        pgcall_told(job);
    else if (pgfind_told(job)) {
        pgreader_add(reading->reader, job, true);
        return;
    }
    reading->reader->done(reading->reader->ctx, job);
}

static void note_replayed(struct pgreading *reading, struct pgrows *rows)
{
    const struct pgcall *call = pgcall_of(reading->job);
    /* NULL: it is a primary itself. */
    if (pgrows_count(rows) && !pgrows_null(rows, 0, 0))
        reading->behind = (uint64_t)pgrows_int(rows, 0, 0) < call->lsn;
    pgrows_free(rows);
}

static void on_reply(struct pglink *link, struct pgreply *reply)
{
    struct pgreading *reading = link->ctx;
    if (reply->kind == PGREPLY_FAILED)
        memcpy(reading->code, reply->code, sizeof(reading->code));
    if (reply->kind != PGREPLY_ROWS)
        return;
    if (reading->asked_how_far) {
        reading->asked_how_far = false;
        note_replayed(reading, reply->rows);
    } else if (reading->replies < CALL_ROWS) {
        reading->rows[reading->replies++] = reply->rows;
    }
}

static void on_ended(struct pglink *link, bool lost)
{
    struct pgreading *reading = link->ctx;
    struct pgreader *r = reading->reader;
    struct store_op *job = reading->job;
    bool standby = link->role == LINK_STANDBY, failed = *reading->code != '\0';
    reading->job = NULL;
    if (!lost && !failed && !reading->behind) {
        told(reading, job);
    } else if (lost || reading->behind || standby || pglink_code_is_loss(reading->code) ||
               pgcall_passing(reading->code)) {
        again(r, job, standby); /* a standby cancels what stands in the way of what it replays */
    } else {
        finish(r, job, pgcall_failure(reading->code));
    }
    drop_rows(reading);
    if (!lost && failed && pglink_code_is_loss(reading->code))
        pglink_drop(link, "the server is going", r->now_us);
}

/* Whoever writes migrates. */
static void on_outdated(struct pglink *link)
{
    (void)link;
}

static const struct pglink_events events = {.reply = on_reply, .ended = on_ended, .outdated = on_outdated};

/* ---- outside */

void pgreader_init(struct pgreader *r, const struct pgwriter *writer, struct pghosts *primary,
                   struct pghosts *standby, size_t each, const struct pglink_settings *settings)
{
    r->writer = writer;
    r->count = standby ? 2 * each : each;
    r->readings = mem_alloc(r->count * sizeof(*r->readings));
    r->due_us = UINT64_MAX;
    list_init(&r->waiting);
    for (size_t i = 0; i < r->count; i++) {
        struct pgreading *reading = &r->readings[i];
        reading->reader = r;
        pglink_init(&reading->link, i < each ? LINK_READS : LINK_STANDBY, i < each ? primary : standby,
                    settings, &events, reading);
    }
}

void pgreader_free(struct pgreader *r)
{
    for (size_t i = 0; i < r->count; i++) {
        pglink_free(&r->readings[i].link);
        drop_rows(&r->readings[i]);
        if (r->readings[i].job)
            job_free(r->readings[i].job);
    }
    while (!list_empty(&r->waiting)) {
        struct store_op *job = list_entry(r->waiting.next, struct store_op, link);
        list_del(&job->link);
        job_free(job);
    }
    mem_free(r->readings);
}

void pgreader_add(struct pgreader *r, struct store_op *job, bool ahead)
{
    uint64_t deadline = pgcall_of(job)->deadline_us;
    list_add_tail(ahead ? r->waiting.next : &r->waiting, &job->link);
    if (deadline < r->due_us)
        r->due_us = deadline;
}

static uint64_t later(uint64_t due, uint64_t deadline, uint64_t now_us)
{
    return deadline > now_us && deadline < due ? deadline : due;
}

static void give_up(struct pgreader *r, uint64_t now_us)
{
    if (now_us < r->due_us)
        return;
    r->due_us = UINT64_MAX;
    list_each_safe (pos, next, &r->waiting) {
        struct store_op *job = list_entry(pos, struct store_op, link);
        uint64_t deadline = pgcall_of(job)->deadline_us;
        r->due_us = later(r->due_us, deadline, now_us);
        if (deadline > now_us)
            continue;
        list_del(pos);
        finish(r, job, STORE_UNAVAILABLE);
    }
    for (size_t i = 0; i < r->count; i++) {
        struct store_op *job = r->readings[i].job;
        if (!job || pgcall_of(job)->answered)
            continue;
        r->due_us = later(r->due_us, pgcall_of(job)->deadline_us, now_us);
        if (pgcall_of(job)->deadline_us <= now_us)
            r->late(r->ctx, job);
    }
}

void pgreader_turn(struct pgreader *r, uint64_t now_us)
{
    bool any_free = true;
    r->now_us = now_us;
    give_up(r, now_us);
    uint64_t settled = pgwriter_settled(r->writer);
    list_each_safe (pos, next, &r->waiting) {
        struct store_op *job = list_entry(pos, struct store_op, link);
        struct pgcall *call = pgcall_of(job);
        if (atomic_load(&job->cancelled)) {
            list_del(pos);
            finish(r, job, STORE_UNAVAILABLE);
            continue;
        }
        if (call->after > settled)
            continue;
        call->lsn = pgowners_lsn(r->writer->owners, job->owner);
        struct pgreading *reading = free_link(r, call, &any_free);
        if (!any_free)
            return;
        if (!reading)
            continue;
        list_del(pos);
        ask(reading, job, now_us);
    }
}

uint64_t pgreader_due(const struct pgreader *r)
{
    return r->due_us;
}
