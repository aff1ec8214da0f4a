/* postgres: the history on Postgres, as the loop sees it. Every call becomes a job (history_job.h); writes go
 * to the writer, reads to the reader, and come back to be completed here. Nothing blocks: libpq is
 * asynchronous, and what is not (names, migrations) has a thread of its own for as long as it takes.
 *
 *     calls ──writes, in order──> pgwriter ──one link, batches──────────────> primary
 *       │                            │ begins that exist, long contexts         ^  │ replicates
 *       └──reads──> pgreader <───────┘                                          │  v
 *                      └──────────several links, one read each───────────> primary, standbys
 *
 * What was decided, and why:
 *
 * Text is bytea. The type text cannot hold NUL and depends on the encoding; bytes come back as they were.
 *
 * One call is one function of the schema (store/schema/postgres). A server session plans a function's
 * statements once, also behind a pooler, where nothing can be prepared; and a begin is one round trip.
 *
 * One link writes, in the order of the calls: a transaction of whatever has gathered, and the next when that
 * is over. Ends need none before them, so up to three transactions of nothing but ends follow each other.
 * They are one statement together, which adds a row each, and so are as fast as plain inserts one by one.
 * What fails in a transaction is found by sending the same again, each by itself.
 *
 * A connection lost at the commit is an unknown outcome: all is sent again, and the functions know a repeat.
 * A call that took too long is UNAVAILABLE, which says no more than that.
 *
 * Reads go to standbys. Each commit tells its place in the write-ahead log; a standby that has not replayed
 * the owner's last one is passed over. That holds for writes of this gateway; those of another one may be
 * behind by the lag of replication.
 *
 * Search has no index: each text has a signature (signature.h), which the server compares.
 *
 * It cannot tell an isolated old primary that still takes writes from the real one: fencing is the site's. It
 * refuses to keep running answers: their log is in the session store, and here is no checkpoint. */
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/metrics.h"
#include "store/postgres_find.h"
#include "store/postgres_loop.h"
#include "store/postgres_read.h"
#include "store/postgres_schema.h"
#include "store/postgres_upgrade.h"

/* What waiting jobs may hold of copies, whatever the queue's length. */
#define QUEUE_BYTES ((size_t)256 << 20)
/* A part of the patience is enough once a call waited in vain. */
#define VAIN_PART 16
#define CONNECT_MS 2000
#define STATEMENT_MS 3000
#define CALL_MS 8000
#define READERS 2
#define STEPS_MS 600000

struct history_postgres {
    struct history_store base; /* first */
    struct pgloop *loop;
    struct pghosts *primary, *standby;
    struct pglink_settings settings;
    uint64_t call_us;
    struct pgwriter writer;
    struct pgreader reader;
    struct pgowners owners;
    struct pgupgrade *upgrade;
    struct list done;           /* to be completed */
    struct list late;           /* the same, but still on their way */
    size_t limit, count, bytes; /* of jobs not yet completed */
    bool in_vain;               /* a call took too long, and none was answered since */
    enum store_status told;     /* trouble as last logged */
};

static struct history_postgres *self(struct history_store *h)
{
    return (struct history_postgres *)h;
}

/* ---- out: jobs to writer and reader */

static struct store_op *submit(struct history_postgres *h, struct store_op *job)
{
    struct pgcall *call = pgcall_start(job);
    job->started_us = pgloop_now_us();
    call->deadline_us = job->started_us + (h->in_vain ? h->call_us / VAIN_PART : h->call_us);
    if (!job->status && (h->count >= h->limit || h->bytes + job->weight > QUEUE_BYTES))
        job->status = STORE_FULL;
    h->count++;
    job->charged = job->weight;
    h->bytes += job->charged;
    metric_set(METRIC_HISTORY_QUEUE, (int64_t)h->count);
    pgloop_wake(h->loop);
    if (job->status) {
        list_add_tail(&h->done, &job->link);
    } else if (job->kind < JOB_READS) {
        pgwriter_add(&h->writer, job);
    } else {
        bool all = job->kind == JOB_RUNNING; /* of all owners, and what decides on takeovers */
        pgfind_start(job);
        call->primary = all;
        call->after = all ? h->writer.last_order : pgowners_order(&h->owners, job->owner);
        pgreader_add(&h->reader, job, false);
    }
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

static void tell_trouble(struct history_postgres *h)
{
    enum store_status trouble = h->writer.trouble;
    metric_set(METRIC_HISTORY_UP, trouble == STORE_OK);
    if (trouble == h->told)
        return;
    h->told = trouble;
    h->in_vain = h->in_vain && trouble != STORE_OK;
    if (trouble == STORE_OK)
        log_info("history.recovered", LF_STR("store", "postgres"));
    else
        log_error("history.failing", LF_STR("store", "postgres"),
                  LF_STR("status", store_status_name(trouble)));
}

/* Calls the completion, which may start further calls and cancel others. */
static void answer(struct store_op *job)
{
    bool failed =
        job->status == STORE_FULL || job->status == STORE_UNAVAILABLE || job->status == STORE_CORRUPT;
    metric_observe_us(METRIC_HISTORY_WRITE, pgloop_now_us() - job->started_us);
    if (failed)
        metric_add(METRIC_HISTORY_ERRORS, 1);
    if (!atomic_exchange(&job->cancelled, true))
        job_complete(job);
}

static void complete(struct history_postgres *h, struct store_op *job)
{
    list_del(&job->link);
    h->count--;
    h->bytes -= job->charged;
    metric_set(METRIC_HISTORY_QUEUE, (int64_t)h->count);
    if (!pgcall_of(job)->answered)
        answer(job);
    job_free(job);
}

static void on_done(void *ctx, struct store_op *job)
{
    struct history_postgres *h = ctx;
    if (job->status != STORE_UNAVAILABLE)
        h->in_vain = false;
    else if (pgcall_of(job)->deadline_us <= pgloop_now_us())
        h->in_vain = true;
    list_add_tail(&h->done, &job->link);
}

/* Still on its way; it comes back by on_done. */
static void on_late(void *ctx, struct store_op *job)
{
    struct history_postgres *h = ctx;
    h->in_vain = true;
    job->status = STORE_UNAVAILABLE;
    pgcall_of(job)->answered = true;
    list_add_tail(&h->late, &job->link);
}

/* A begin whose write is over. */
static void on_read_on(void *ctx, struct store_op *job)
{
    struct history_postgres *h = ctx;
    pgcall_of(job)->primary = true;
    pgreader_add(&h->reader, job, true);
}

static void deliver(struct history_postgres *h)
{
    while (!list_empty(&h->late)) {
        struct store_op *job = list_entry(h->late.next, struct store_op, link);
        list_del(&job->link);
        answer(job);
    }
    while (!list_empty(&h->done))
        complete(h, list_entry(h->done.next, struct store_op, link));
    tell_trouble(h);
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static void turn(void *ctx, uint64_t now_us)
{
    struct history_postgres *h = ctx;
    pgupgrade_turn(h->upgrade);
    if (h->writer.outdated)
        pgupgrade_start(h->upgrade);
    h->writer.outdated = false;
    pgloop_links(h->loop, now_us);
    pgwriter_turn(&h->writer, now_us);
    pgreader_turn(&h->reader, now_us);
    pgloop_arm(h->loop, earlier(pgwriter_due(&h->writer), pgreader_due(&h->reader)), now_us);
    deliver(h);
}

/* ---- life */

static bool call_healthy(struct history_store *h)
{
    return self(h)->writer.trouble == STORE_OK;
}

static void free_done(struct history_postgres *h)
{
    list_init(&h->late);
    while (!list_empty(&h->done)) {
        struct store_op *job = list_entry(h->done.next, struct store_op, link);
        list_del(&job->link);
        job_free(job);
    }
}

/* Writes what was queued, without the loop, for as long as a call may take. */
static void drain(struct history_postgres *h)
{
    uint64_t now = pgloop_now_us(), until = now + h->call_us;
    while (pgwriter_busy(&h->writer) && now < until) {
        pgloop_step_alone(&h->writer.link);
        now = pgloop_now_us();
        pglink_turn(&h->writer.link, now);
        pgwriter_turn(&h->writer, now);
        free_done(h);
    }
}

static void release(struct history_postgres *h)
{
    free_done(h);
    pgloop_free(h->loop);
    pgwriter_free(&h->writer);
    pgreader_free(&h->reader);
    pgowners_free(&h->owners);
    pghosts_close(h->primary);
    pghosts_close(h->standby);
    pgupgrade_free(h->upgrade);
    mem_free(h);
}

static void call_close(struct history_store *base)
{
    struct history_postgres *h = self(base);
    free_done(h);
    drain(h);
    release(h);
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

static void init_pool(struct history_postgres *h, const struct history_postgres_options *o)
{
    h->settings = (struct pglink_settings){
        .connect_us = (o->connect_ms ? o->connect_ms : CONNECT_MS) * 1000,
        .statement_us = (o->statement_ms ? o->statement_ms : STATEMENT_MS) * 1000,
        .prepared = o->prepared,
    };
    h->call_us = (o->call_ms ? o->call_ms : CALL_MS) * 1000;
    h->limit = o->queue ? o->queue : 1;
    list_init(&h->done);
    list_init(&h->late);
    pgowners_init(&h->owners);
}

static void init_links(struct history_postgres *h, const struct history_postgres_options *o)
{
    pgwriter_init(&h->writer, h->primary, &h->settings, &h->owners);
    h->writer.tracks = h->standby != NULL;
    h->writer.done = on_done;
    h->writer.late = on_late;
    h->writer.read_on = on_read_on;
    h->writer.ctx = h;
    pgreader_init(&h->reader, &h->writer, h->primary, h->standby, o->readers ? o->readers : READERS,
                  &h->settings);
    h->reader.done = on_done;
    h->reader.late = on_late;
    h->reader.ctx = h;
    h->upgrade = pgupgrade_new(o->primary, h->settings.connect_us / 1000, pgloop_wake, h->loop);
    pgloop_add(h->loop, &h->writer.link);
    for (size_t i = 0; i < h->reader.count; i++)
        pgloop_add(h->loop, &h->reader.readings[i].link);
}

/* The connection strings; false with `error` for one that is none. */
static bool init_hosts(struct history_postgres *h, const struct history_postgres_options *o, char *error,
                       size_t error_size)
{
    h->primary = pghosts_open(o->primary, pgloop_wake, h->loop, error, error_size);
    if (h->primary && o->standby)
        h->standby = pghosts_open(o->standby, pgloop_wake, h->loop, error, error_size);
    return h->primary && (h->standby || !o->standby);
}

struct history_store *history_postgres_open(const struct history_postgres_options *options,
                                            struct ev_loop *loop, char *error, size_t error_size)
{
    int from, to;
    enum pgmigrate result = PGMIGRATE_REFUSED;
    struct history_postgres *h = mem_alloc(sizeof(*h));
    h->base.ops = &ops;
    h->loop = pgloop_new(loop, turn, h);
    init_pool(h, options);
    if (init_hosts(h, options, error, error_size))
        result = postgres_schema_apply(options->primary, h->settings.connect_us / 1000, STEPS_MS, &from, &to,
                                       error, error_size);
    init_links(h, options);
    if (result == PGMIGRATE_REFUSED) {
        release(h);
        return NULL;
    }
    if (result == PGMIGRATE_UNREACHABLE) {
        log_error("history.unreachable", LF_STR("store", "postgres"), LF_STR("error", error));
        h->writer.trouble = h->told = STORE_UNAVAILABLE;
    }
    pgloop_wake(h->loop); /* the first turn connects */
    return &h->base;
}

bool history_postgres_migrate(const char *conninfo, int *from, int *to, char *error, size_t error_size)
{
    return postgres_schema_apply(conninfo, 0, 0, from, to, error, error_size) == PGMIGRATE_DONE;
}
