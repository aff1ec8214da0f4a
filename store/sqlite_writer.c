/* sqlite_writer: see sqlite_writer.h. */
#include "store/sqlite_writer.h"

#include <string.h>

#include "base/mem.h"
#include "store/sqlite_index.h"

#define PATIENCE_MS 1000      /* for another process that holds the database */
#define PATIENCE_LOCKED_MS 20 /* the same, once it was waited for in vain */
/* Between attempts to find the database well again; of a corrupt one, which is read through for that, longer
 * and longer. */
#define PROBE_MS 250
#define PROBE_MAX_MS 60000

void writer_init(struct writer *w, const char *path, bool fsync, struct db *db)
{
    w->path = mem_strdup(path);
    w->fsync = fsync;
    w->db = db;
    w->probe_ms = PROBE_MS;
    w->index_due = true;
    db_patience(db, PATIENCE_MS);
}

void writer_free(struct writer *w)
{
    db_close(w->db);
    mem_free(w->path);
}

enum store_status writer_trouble(const struct writer *w)
{
    return (enum store_status)atomic_load(&w->trouble);
}

/* ---- the work of a job */

enum store_status writer_job(struct db *db, struct store_op *job)
{
    static enum store_status (*const run[])(struct db *, struct store_op *) = {
        [JOB_BEGIN] = job_run_begin,     [JOB_FINISH] = job_run_finish, [JOB_SAVE] = job_run_save,
        [JOB_EDIT] = job_run_edit,       [JOB_ANSWER] = job_run_answer, [JOB_RUNNING] = job_run_running,
        [JOB_CONTEXT] = job_run_context, [JOB_LIST] = job_run_list,     [JOB_TREE] = job_run_tree,
    };
    db_clear(db);
    memset(&job->out, 0, sizeof(job->out));
    enum store_status status = run[job->kind](db, job);
    return db_failure(db) != STORE_OK ? db_failure(db) : status;
}

/* One write that works does not make a corrupt database sound: only check_sound does. */
static void set_trouble(struct writer *w, enum store_status status)
{
    enum store_status before = writer_trouble(w);
    if (before == status || (before == STORE_CORRUPT && status == STORE_OK))
        return;
    atomic_store(&w->trouble, (int)status);
    w->probe_ms = PROBE_MS;
    db_patience(w->db, status == STORE_UNAVAILABLE ? PATIENCE_LOCKED_MS : PATIENCE_MS);
}

/* ---- group commit */

static enum store_status db_do(struct db *db, enum sql_id sql)
{
    return stmt_run(db_use(db, sql));
}

static void fail_all(struct list *group, enum store_status status)
{
    list_each (pos, group)
        list_entry(pos, struct store_op, link)->status = status;
}

/* One job of a group. False when its failure took the whole transaction with it. */
static bool run_in_group(struct db *db, struct store_op *job, bool alone)
{
    db_clear(db);
    if (!alone && db_do(db, SQL_SAVEPOINT) != STORE_OK)
        return false;
    job->status = writer_job(db, job);
    if (!db_in_transaction(db))
        return false;
    if (job->status == STORE_OK)
        return alone || db_do(db, SQL_RELEASE) == STORE_OK;
    if (alone)
        return true; /* the caller rolls back */
    return db_do(db, SQL_ROLLBACK_TO) == STORE_OK && db_do(db, SQL_RELEASE) == STORE_OK;
}

/* Runs a group in one transaction. False when none of it stands and it should be tried job by job. */
static bool run_group(struct writer *w, struct list *group, bool alone)
{
    struct db *db = w->db;
    bool whole = true;
    db_clear(db);
    if (db_do(db, SQL_BEGIN) != STORE_OK) {
        fail_all(group, db_failure(db));
        set_trouble(w, db_failure(db));
        return true;
    }
    enum store_status failure = STORE_OK;
    list_each (pos, group) {
        struct store_op *job = list_entry(pos, struct store_op, link);
        whole = whole && run_in_group(db, job, alone);
        if (db_failure(db) != STORE_OK)
            failure = db_failure(db);
    }
    bool keep = whole && !(alone && list_entry(group->next, struct store_op, link)->status != STORE_OK);
    db_clear(db);
    if (keep && db_do(db, SQL_COMMIT) == STORE_OK) {
        set_trouble(w, failure);
        return true;
    }
    if (db_failure(db) != STORE_OK)
        failure = db_failure(db);
    if (db_in_transaction(db))
        db_do(db, SQL_ROLLBACK);
    if (alone && keep)
        fail_all(group, failure);
    if (failure != STORE_OK)
        set_trouble(w, failure);
    return alone;
}

void writer_run(struct writer *w, struct list *group)
{
    bool alone = group->next->next == group;
    w->index_due = true;
    w->index_behind++;
    if (run_group(w, group, alone))
        return;
    /* Something spoilt the whole: each for itself. */
    struct list rest, one;
    list_init(&rest);
    list_init(&one);
    while (!list_empty(group))
        list_move_tail(&rest, group->next);
    while (!list_empty(&rest)) {
        list_move_tail(&one, rest.next);
        run_group(w, &one, true);
        list_move_tail(group, one.next);
    }
}

/* ---- between the groups */

/* Corruption: opens the file anew (it may have been replaced, or mended) and reads it through. */
static void check_sound(struct writer *w)
{
    char error[256];
    struct db *db = db_open(w->path, w->fsync, error, sizeof(error));
    if (!db || !db_sound(db)) {
        db_close(db);
        w->probe_ms = w->probe_ms * 2 < PROBE_MAX_MS ? w->probe_ms * 2 : PROBE_MAX_MS;
        return;
    }
    db_close(w->db);
    w->db = db;
    db_patience(db, PATIENCE_MS);
    atomic_store(&w->renewed, true);
    atomic_store(&w->trouble, STORE_OK);
}

/* Any write will do to see whether writing works. */
void writer_probe(struct writer *w)
{
    struct db *db = w->db;
    if (writer_trouble(w) == STORE_CORRUPT) {
        check_sound(w);
        return;
    }
    db_clear(db);
    if (db_do(db, SQL_BEGIN) != STORE_OK)
        return;
    db_do(db, SQL_PROBE);
    if (db_failure(db) == STORE_OK && db_do(db, SQL_COMMIT) == STORE_OK)
        set_trouble(w, STORE_OK);
    else if (db_in_transaction(db))
        db_do(db, SQL_ROLLBACK);
}

/* A small piece of what the search index lacks, in a transaction of its own. Where it fails, it waits for the
 * next write: a full disk is for those to notice. */
void writer_index(struct writer *w)
{
    struct db *db = w->db;
    bool more = false;
    db_clear(db);
    if (db_do(db, SQL_BEGIN) == STORE_OK)
        more = index_step(db);
    if (db_failure(db) == STORE_OK)
        db_do(db, SQL_COMMIT);
    if (db_in_transaction(db))
        db_do(db, SQL_ROLLBACK);
    if (db_failure(db) == STORE_CORRUPT)
        set_trouble(w, STORE_CORRUPT);
    w->index_due = more && db_failure(db) == STORE_OK;
    if (!w->index_due)
        w->index_behind = 0;
}
