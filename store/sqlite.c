/* sqlite: the history on SQLite, as the loop sees it: every call becomes a job (sqlite_job.h), goes to the
 * worker's threads (sqlite_worker.h) and comes back to be completed here. No SQL runs on the loop. */
#include <ev.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/metrics.h"
#include "store/sqlite_db.h"
#include "store/sqlite_schema.h"
#include "store/sqlite_worker.h"

/* What waiting jobs may hold of copies, whatever the queue's length. */
#define QUEUE_BYTES ((size_t)256 << 20)

struct history_sqlite {
    struct history_store base; /* first */
    struct ev_loop *loop;
    struct ev_async async;
    struct worker *worker;
    size_t limit, count, bytes; /* of jobs not yet completed */
    struct list refused;        /* jobs that never went to the worker */
    struct list all_done;       /* being completed */
    enum store_status told;     /* trouble as last logged */
};

static struct history_sqlite *self(struct history_store *h)
{
    return (struct history_sqlite *)h;
}

static uint64_t now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

/* ---- out: jobs to the worker */

static struct store_op *submit(struct history_sqlite *h, struct store_op *job)
{
    job->started_us = now_us();
    if (!job->status && (h->count >= h->limit || h->bytes + job->weight > QUEUE_BYTES))
        job->status = STORE_FULL;
    h->count++;
    job->charged = job->weight;
    h->bytes += job->charged;
    metric_set(METRIC_HISTORY_QUEUE, (int64_t)h->count);
    if (!job->status) {
        worker_submit(h->worker, job);
        return job;
    }
    list_add_tail(&h->refused, &job->link);
    ev_async_send(h->loop, &h->async);
    return job;
}

static struct store_op *call_begin(struct history_store *h, const struct history_send *send,
                                   history_begin_fn done, void *ctx)
{
    return submit(self(h), job_for_begin(send, done, ctx));
}

static struct store_op *call_finish(struct history_store *h, const struct history_answer *answer,
                                    store_done_fn done, void *ctx)
{
    return submit(self(h), job_for_finish(answer, done, ctx));
}

static struct store_op *call_save(struct history_store *h, const struct history_answer *answers,
                                  const uint64_t *from, size_t n, store_done_fn done, void *ctx)
{
    return submit(self(h), job_for_save(answers, from, n, done, ctx));
}

static struct store_op *call_answer(struct history_store *h, const struct gen_key *key,
                                    history_answers_fn done, void *ctx)
{
    return submit(self(h), job_for_answer(key, done, ctx));
}

static struct store_op *call_running(struct history_store *h, const struct gen_key *after, size_t limit,
                                     history_answers_fn done, void *ctx)
{
    return submit(self(h), job_for_running(after, limit, done, ctx));
}

static struct store_op *call_context(struct history_store *h, const char *owner, const struct uuid *chat,
                                     const struct uuid *user_message, size_t context_bytes,
                                     history_begin_fn done, void *ctx)
{
    return submit(self(h), job_for_context(owner, chat, user_message, context_bytes, done, ctx));
}

static struct store_op *call_list(struct history_store *h, const struct history_list_query *query,
                                  history_page_fn done, void *ctx)
{
    return submit(self(h), job_for_list(query, done, ctx));
}

static struct store_op *call_tree(struct history_store *h, const char *owner, const struct uuid *chat,
                                  history_tree_fn done, void *ctx)
{
    return submit(self(h), job_for_tree(owner, chat, done, ctx));
}

static struct store_op *call_edit(struct history_store *h, const char *owner, const struct uuid *chat,
                                  const char *title, store_done_fn done, void *ctx)
{
    return submit(self(h), job_for_edit(owner, chat, title, done, ctx));
}

static void call_cancel(struct history_store *h, struct store_op *op)
{
    (void)h;
    if (op)
        atomic_store(&op->cancelled, true);
}

/* ---- back: completions on the loop */

static void tell_trouble(struct history_sqlite *h)
{
    enum store_status trouble = worker_trouble(h->worker);
    if (trouble == h->told)
        return;
    h->told = trouble;
    if (trouble == STORE_OK)
        log_info("history.recovered", LF_STR("store", "sqlite"));
    else
        log_error("history.failing", LF_STR("store", "sqlite"), LF_STR("status", store_status_name(trouble)));
}

static void complete(struct history_sqlite *h, struct store_op *job)
{
    bool failed =
        job->status == STORE_FULL || job->status == STORE_UNAVAILABLE || job->status == STORE_CORRUPT;
    list_del(&job->link);
    h->count--;
    h->bytes -= job->charged;
    metric_set(METRIC_HISTORY_QUEUE, (int64_t)h->count);
    metric_observe_us(METRIC_HISTORY_WRITE, now_us() - job->started_us);
    if (failed)
        metric_add(METRIC_HISTORY_ERRORS, 1);
    if (!atomic_load(&job->cancelled))
        job_complete(job);
    job_free(job);
}

static void on_async(struct ev_loop *loop, struct ev_async *async, int events)
{
    struct history_sqlite *h = async->data;
    (void)loop, (void)events;
    worker_take_done(h->worker, &h->all_done);
    while (!list_empty(&h->refused))
        list_move_tail(&h->all_done, h->refused.next);
    while (!list_empty(&h->all_done))
        complete(h, list_entry(h->all_done.next, struct store_op, link));
    tell_trouble(h);
}

static void wake(void *ctx)
{
    struct history_sqlite *h = ctx;
    ev_async_send(h->loop, &h->async);
}

/* ---- life */

static bool call_healthy(struct history_store *h)
{
    return worker_trouble(self(h)->worker) == STORE_OK;
}

static void free_jobs(struct list *jobs)
{
    while (!list_empty(jobs)) {
        struct store_op *job = list_entry(jobs->next, struct store_op, link);
        list_del(&job->link);
        job_free(job);
    }
}

static void call_close(struct history_store *base)
{
    struct history_sqlite *h = self(base);
    worker_stop(h->worker);
    worker_take_done(h->worker, &h->all_done);
    free_jobs(&h->all_done);
    free_jobs(&h->refused);
    worker_free(h->worker);
    ev_async_stop(h->loop, &h->async);
    mem_free(h);
}

static const struct history_store_ops ops = {
    .begin = call_begin,
    .finish = call_finish,
    .answer = call_answer,
    .running = call_running,
    .context = call_context,
    .list = call_list,
    .tree = call_tree,
    .edit = call_edit,
    .cancel_op = call_cancel,
    .healthy = call_healthy,
    .close = call_close,
};

static const struct checkpoint_ops checkpoint_ops = {.save = call_save};

static struct db *open_migrated(const char *path, bool fsync, int *from, int *to, char *error,
                                size_t error_size)
{
    char why[256];
    struct db *db = db_open(path, fsync, error, error_size);
    if (!db || sqlite_schema_apply(db, from, to, why, sizeof(why)))
        return db;
    snprintf(error, error_size, "%s: %s", path, why);
    db_close(db);
    return NULL;
}

struct history_store *history_sqlite_open(const struct history_sqlite_options *options, struct ev_loop *loop,
                                          char *error, size_t error_size)
{
    int from, to;
    struct db *writer = open_migrated(options->path, options->fsync, &from, &to, error, error_size);
    if (!writer)
        return NULL;
    struct db *reader = db_open(options->path, options->fsync, error, error_size);
    if (!reader) {
        db_close(writer);
        return NULL;
    }
    struct history_sqlite *h = mem_alloc(sizeof(*h));
    h->base.ops = &ops;
    h->base.checkpoint = &checkpoint_ops;
    h->loop = loop;
    h->limit = options->queue ? options->queue : 1;
    list_init(&h->refused);
    list_init(&h->all_done);
    ev_async_init(&h->async, on_async);
    h->async.data = h;
    ev_async_start(loop, &h->async);
    h->worker = worker_start(options->path, options->fsync, writer, reader, wake, h, error, error_size);
    if (h->worker)
        return &h->base;
    ev_async_stop(loop, &h->async);
    mem_free(h);
    return NULL;
}

bool history_sqlite_migrate(const char *path, int *from, int *to, char *error, size_t error_size)
{
    struct db *db = open_migrated(path, false, from, to, error, error_size);
    db_close(db);
    return db != NULL;
}
