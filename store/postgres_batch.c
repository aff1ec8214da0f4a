/* postgres_batch: see postgres_batch.h. */
#include "store/postgres_batch.h"

#include <string.h>

#include "store/postgres_owner.h"

#define BATCH_BYTES ((size_t)1 << 20) /* of text; more only where a single job has more */
#define BATCH_BEGINS 64               /* each may bring a context of 256 KiB back */

/* ---- taking */

static struct store_op *first_of(const struct list *waiting)
{
    return list_empty(waiting) ? NULL : list_entry(waiting->next, struct store_op, link);
}

static void plan(struct pgbatch *b)
{
    b->step_count = 0;
    for (size_t i = 0; i < b->count; i++) {
        struct pgstep *last = b->step_count ? &b->steps[b->step_count - 1] : NULL;
        bool end = b->jobs[i]->kind == JOB_FINISH;
        b->ends = b->ends && end;
        if (last && !b->each && end && b->jobs[last->first]->kind == JOB_FINISH)
            last->count++;
        else
            b->steps[b->step_count++] = (struct pgstep){.first = i, .count = 1};
    }
}

void pgbatch_take(struct pgbatch *b, struct list *waiting, size_t careful)
{
    size_t bytes = 0, begins = 0, most = careful && careful < BATCH_JOBS ? careful : BATCH_JOBS;
    b->each = careful > 0;
    b->ends = true;
    b->count = b->replies = b->syncs = 0;
    for (struct store_op *job; b->count < most && (job = first_of(waiting));) {
        bytes += job->charged;
        begins += job->kind == JOB_BEGIN;
        if (b->count && (bytes > BATCH_BYTES || begins > BATCH_BEGINS))
            break;
        list_del(&job->link);
        b->jobs[b->count++] = job;
    }
    plan(b);
}

size_t pgbatch_ends(const struct list *waiting)
{
    size_t n = 0;
    list_each (pos, waiting) {
        if (list_entry(pos, struct store_op, link)->kind != JOB_FINISH)
            return 0;
        if (++n == BATCH_JOBS)
            break;
    }
    return n;
}

/* ---- sending */

static void send_step(const struct pgbatch *b, const struct pgstep *step, struct pglink *link,
                      struct pgparams *p)
{
    struct store_op *const *jobs = &b->jobs[step->first];
    pgparams_clear(p);
    if (jobs[0]->kind == JOB_BEGIN) {
        pgcall_begin(p, jobs[0]);
        pglink_send(link, PGSQL_BEGIN, p);
    } else if (jobs[0]->kind == JOB_FINISH) {
        pgcall_finish(p, jobs, step->count);
        pglink_send(link, PGSQL_FINISH, p);
    } else {
        pgcall_edit(p, jobs[0]);
        pglink_send(link, PGSQL_EDIT, p);
    }
}

void pgbatch_send(struct pgbatch *b, struct pglink *link, bool tracks)
{
    struct pgparams p = {.count = 0};
    for (size_t i = 0; i < b->step_count; i++) {
        send_step(b, &b->steps[i], link, &p);
        if (b->each || i + 1 == b->step_count)
            pglink_commit(link);
    }
    if (tracks) { /* after the commit: what a standby must have replayed to show it */
        pglink_send(link, PGSQL_LSN, NULL);
        pglink_commit(link);
    }
    pgparams_free(&p);
    b->tracks = tracks;
    b->lsn = tracks ? LSN_UNKNOWN : 0;
}

/* ---- replies */

bool pgbatch_failed(const struct pgbatch *b, bool *loss)
{
    bool failed = false;
    *loss = false;
    for (size_t i = 0; i < b->step_count; i++) {
        failed = failed || *b->steps[i].code;
        *loss = *loss || pglink_code_is_loss(b->steps[i].code);
    }
    return failed;
}

static void note_commit(struct pgbatch *b)
{
    bool loss;
    size_t n = b->syncs++;
    if (b->each && n < b->step_count)
        b->steps[n].committed = !*b->steps[n].code;
    for (size_t i = 0; !b->each && n == 0 && i < b->step_count; i++)
        b->steps[i].committed = !pgbatch_failed(b, &loss);
}

bool pgbatch_reply(struct pgbatch *b, struct pgreply *reply)
{
    if (reply->kind == PGREPLY_SYNC) {
        note_commit(b);
    } else if (b->replies < b->step_count) {
        struct pgstep *step = &b->steps[b->replies++];
        step->rows = reply->rows;
        memcpy(step->code, reply->kind == PGREPLY_SKIPPED ? "25P02" : reply->code, sizeof(step->code));
    } else {
        if (reply->kind == PGREPLY_ROWS)
            b->lsn = (uint64_t)pgrows_int(reply->rows, 0, 0);
        pgrows_free(reply->rows);
    }
    return b->syncs == (b->each ? b->step_count : 1) + (b->tracks ? 1 : 0);
}

void pgbatch_clear(struct pgbatch *b)
{
    for (size_t i = 0; i < b->step_count; i++)
        pgrows_free(b->steps[i].rows);
    b->count = b->step_count = 0;
}
