/* sqlite_worker: see sqlite_worker.h. Knows threads and transactions, not what a job does. */
#include "store/sqlite_worker.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/mem.h"
#include "store/sqlite_db.h"
#include "store/sqlite_writer.h"

#define GROUP_JOBS 256   /* in one transaction */
#define PATIENCE_MS 1000 /* of a read, for another process that holds the database */
/* The write-ahead log is emptied into the database when it has so many pages; or so few, once nothing was
 * written for a while. Beyond the last number the writer does it itself, whatever waits. */
#define CHECKPOINT_PAGES 32768
#define CHECKPOINT_IDLE_PAGES 256
#define CHECKPOINT_IDLE_MS 500
#define CHECKPOINT_NOW_PAGES 65536

/* The search index is written when no write came for so long; or in any gap, once so much was written. */
#define INDEX_IDLE_MS 200
#define INDEX_BEHIND 16384

struct worker {
    struct writer write; /* its thread's */
    struct db *read_db;  /* its thread's */
    void (*wake)(void *ctx);
    void *wake_ctx;
    pthread_t writer, reader;
    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t to_write, to_read;
    struct list jobs;  /* in the order of submission, reads among them */
    struct list reads; /* ready to be read */
    struct list done;
    bool writing, indexing, stop, writer_ended;
    bool touch;       /* the log begins anew with the next write: make one, before a job has to */
    int wal_pages;    /* after the last commit */
    int kept_pages;   /* what wal_pages was when emptying it did not quite succeed */
    uint64_t commits; /* groups written */
};

static void move_all(struct list *from, struct list *to)
{
    while (!list_empty(from))
        list_move_tail(to, from->next);
}

/* ---- the writer */

static bool is_read(const struct list *node)
{
    return list_entry(node, struct store_op, link)->kind >= JOB_READS;
}

static bool is_long(const struct list *node)
{
    const struct store_op *job = list_entry(node, struct store_op, link);
    return job->kind == JOB_SAVE && job->count > SAVE_SLICE;
}

/* Under the lock: the writes that come next, into `group`; reads before them are ready now. */
static void take_writes(struct worker *w, struct list *group)
{
    bool any = false;
    while (!list_empty(&w->jobs) && is_read(w->jobs.next)) {
        list_move_tail(&w->reads, w->jobs.next);
        any = true;
    }
    for (int n = 0; n < GROUP_JOBS && !list_empty(&w->jobs) && !is_read(w->jobs.next); n++) {
        bool apart = is_long(w->jobs.next);
        if (apart && n)
            break; /* it would delay the others' commit */
        list_move_tail(group, w->jobs.next);
        if (apart)
            break;
    }
    if (any)
        pthread_cond_signal(&w->to_read);
}

static void wait_ms(struct worker *w, pthread_cond_t *cond, int ms)
{
    struct timespec until;
    if (ms < 0) {
        pthread_cond_wait(cond, &w->lock);
        return;
    }
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += (long)(ms % 1000) * 1000000;
    until.tv_sec += ms / 1000 + until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    pthread_cond_timedwait(cond, &w->lock, &until);
}

/* Under the lock; lets go of it meanwhile. */
static void probe_unlocked(struct worker *w)
{
    w->touch = false;
    w->writing = true;
    pthread_mutex_unlock(&w->lock);
    writer_probe(&w->write);
    pthread_mutex_lock(&w->lock);
    w->writing = false;
}

/* True when the reader should look after the write-ahead log: it waits for its growth only, else it would be
 * woken by each commit. */
static bool note_pages(struct worker *w, int pages)
{
    bool few = w->wal_pages < CHECKPOINT_IDLE_PAGES;
    w->wal_pages = pages;
    if (pages < w->kept_pages)
        w->kept_pages = 0; /* it began anew */
    int more = pages - w->kept_pages;
    return more >= CHECKPOINT_PAGES || (few && more >= CHECKPOINT_IDLE_PAGES);
}

/* Under the lock; lets go of it meanwhile. */
static void index_unlocked(struct worker *w)
{
    w->indexing = true;
    pthread_mutex_unlock(&w->lock);
    writer_index(&w->write);
    pthread_mutex_lock(&w->lock);
    w->commits++;
    if (note_pages(w, db_wal_pages(w->write.db)))
        pthread_cond_signal(&w->to_read);
}

static void idle(struct worker *w)
{
    bool ill = writer_trouble(&w->write) != STORE_OK;
    if (ill || w->touch) {
        if (ill)
            wait_ms(w, &w->to_write, w->write.probe_ms);
        if (list_empty(&w->jobs) && !w->stop)
            probe_unlocked(w);
        return;
    }
    bool now = w->indexing || w->write.index_behind > INDEX_BEHIND;
    if (!w->write.index_due)
        wait_ms(w, &w->to_write, -1);
    else if (!now)
        wait_ms(w, &w->to_write, INDEX_IDLE_MS);
    if (w->write.index_due && list_empty(&w->jobs) && !w->stop && writer_trouble(&w->write) == STORE_OK)
        index_unlocked(w);
}

/* Under the lock: what is done goes to the loop. Of a long save the rest is queued again, behind the begins
 * and finishes that came meanwhile: of these alone it is sure that the order does not matter. */
static void put_back(struct worker *w, struct list *group)
{
    struct store_op *job = list_entry(group->next, struct store_op, link);
    bool more = job->kind == JOB_SAVE && job->status == STORE_OK && job->slice_end < job->count;
    if (!more) {
        move_all(group, &w->done);
        return;
    }
    struct list *before = w->jobs.next;
    while (before != &w->jobs && list_entry(before, struct store_op, link)->kind <= JOB_FINISH)
        before = before->next;
    job->position = job->slice_end;
    list_del(&job->link);
    list_add_tail(before, &job->link);
}

static void *writer_main(void *ctx)
{
    struct worker *w = ctx;
    struct list group;
    list_init(&group);
    pthread_mutex_lock(&w->lock);
    for (;;) {
        take_writes(w, &group);
        if (list_empty(&group)) {
            if (w->stop)
                break;
            idle(w);
            continue;
        }
        w->writing = true;
        pthread_mutex_unlock(&w->lock);
        writer_run(&w->write, &group);
        int pages = db_wal_pages(w->write.db);
        if (pages >= CHECKPOINT_NOW_PAGES)
            db_checkpoint(w->write.db, true);
        pthread_mutex_lock(&w->lock);
        put_back(w, &group);
        w->writing = false;
        w->commits++;
        w->indexing = false;
        bool due = note_pages(w, pages);
        pthread_mutex_unlock(&w->lock);
        if (due)
            pthread_cond_signal(&w->to_read);
        w->wake(w->wake_ctx);
        pthread_mutex_lock(&w->lock);
    }
    w->writer_ended = true;
    pthread_cond_signal(&w->to_read);
    pthread_mutex_unlock(&w->lock);
    return NULL;
}

/* ---- the reader */

/* One snapshot for the several statements of a read. */
static void run_read(struct db *db, struct store_op *job)
{
    db_clear(db);
    if (stmt_run(db_use(db, SQL_BEGIN_READ)) != STORE_OK) {
        job->status = db_failure(db);
        return;
    }
    job->status = writer_job(db, job);
    if (db_in_transaction(db))
        stmt_run(db_use(db, SQL_COMMIT));
}

static void reopen(struct worker *w)
{
    char error[256];
    struct db *db = db_open(w->write.path, w->write.fsync, error, sizeof(error));
    if (!db)
        return; /* the old one goes on */
    db_close(w->read_db);
    w->read_db = db;
    db_patience(db, PATIENCE_MS);
}

static void read_one(struct worker *w)
{
    struct store_op *job = list_entry(w->reads.next, struct store_op, link);
    list_del(&job->link);
    pthread_mutex_unlock(&w->lock);
    if (atomic_exchange(&w->write.renewed, false))
        reopen(w);
    if (!atomic_load(&job->cancelled))
        run_read(w->read_db, job);
    pthread_mutex_lock(&w->lock);
    if (job->status == STORE_CORRUPT) {
        atomic_store(&w->write.trouble, STORE_CORRUPT);
        pthread_cond_signal(&w->to_write); /* which looks for the end of it */
    }
    list_add_tail(&w->done, &job->link);
    pthread_mutex_unlock(&w->lock);
    w->wake(w->wake_ctx);
    pthread_mutex_lock(&w->lock);
}

/* Empties the write-ahead log. The first pass, in which nearly all is copied, holds up no write; the second
 * holds them up for the rest, so that the log can begin anew instead of growing for ever. */
static void checkpoint(struct worker *w)
{
    int pages = w->wal_pages;
    pthread_mutex_unlock(&w->lock);
    db_checkpoint(w->read_db, false);
    bool empty = db_checkpoint(w->read_db, true) == STORE_OK;
    pthread_mutex_lock(&w->lock);
    w->kept_pages = empty ? 0 : pages;
    if (!empty)
        return;
    w->wal_pages = 0;
    w->touch = true;
    pthread_cond_signal(&w->to_write);
}

/* Nothing to read: looks after the write-ahead log, and waits. */
static void reader_idle(struct worker *w)
{
    int more = w->wal_pages - w->kept_pages;
    uint64_t commits = w->commits;
    if (more >= CHECKPOINT_PAGES) {
        checkpoint(w);
        return;
    }
    wait_ms(w, &w->to_read, more >= CHECKPOINT_IDLE_PAGES ? CHECKPOINT_IDLE_MS : -1);
    if (more >= CHECKPOINT_IDLE_PAGES && w->commits == commits && list_empty(&w->reads) && !w->stop)
        checkpoint(w);
}

static void *reader_main(void *ctx)
{
    struct worker *w = ctx;
    pthread_mutex_lock(&w->lock);
    for (;;) {
        if (!list_empty(&w->reads))
            read_one(w);
        else if (w->writer_ended)
            break;
        else
            reader_idle(w);
    }
    pthread_mutex_unlock(&w->lock);
    return NULL;
}

/* ---- the loop's side */

void worker_submit(struct worker *w, struct store_op *job)
{
    pthread_mutex_lock(&w->lock);
    bool read_now = job->kind >= JOB_READS && list_empty(&w->jobs) && !w->writing;
    list_add_tail(read_now ? &w->reads : &w->jobs, &job->link);
    pthread_mutex_unlock(&w->lock);
    pthread_cond_signal(read_now ? &w->to_read : &w->to_write);
}

enum store_status worker_trouble(const struct worker *w)
{
    return writer_trouble(&w->write);
}

void worker_take_done(struct worker *w, struct list *out)
{
    pthread_mutex_lock(&w->lock);
    move_all(&w->done, out);
    pthread_mutex_unlock(&w->lock);
}

static void init_sync(struct worker *w)
{
    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_mutex_init(&w->lock, NULL);
    pthread_cond_init(&w->to_write, &attr);
    pthread_cond_init(&w->to_read, &attr);
    pthread_condattr_destroy(&attr);
}

struct worker *worker_start(const char *path, bool fsync, struct db *writer, struct db *reader,
                            void (*wake)(void *ctx), void *wake_ctx, char *error, size_t error_size)
{
    struct worker *w = mem_alloc(sizeof(*w));
    writer_init(&w->write, path, fsync, writer);
    w->read_db = reader;
    w->wake = wake;
    w->wake_ctx = wake_ctx;
    list_init(&w->jobs);
    list_init(&w->reads);
    list_init(&w->done);
    init_sync(w);
    db_patience(reader, PATIENCE_MS);
    int failed = pthread_create(&w->writer, NULL, writer_main, w);
    if (!failed && (failed = pthread_create(&w->reader, NULL, reader_main, w)) != 0) {
        w->stop = true;
        pthread_cond_signal(&w->to_write);
        pthread_join(w->writer, NULL);
    }
    if (!failed)
        return w;
    snprintf(error, error_size, "%s: no thread: %s", path, strerror(failed));
    worker_free(w);
    return NULL;
}

void worker_stop(struct worker *w)
{
    pthread_mutex_lock(&w->lock);
    w->stop = true;
    pthread_mutex_unlock(&w->lock);
    pthread_cond_signal(&w->to_write);
    pthread_join(w->writer, NULL);
    pthread_join(w->reader, NULL);
}

void worker_free(struct worker *w)
{
    db_close(w->read_db);
    writer_free(&w->write);
    pthread_mutex_destroy(&w->lock);
    pthread_cond_destroy(&w->to_write);
    pthread_cond_destroy(&w->to_read);
    mem_free(w);
}
