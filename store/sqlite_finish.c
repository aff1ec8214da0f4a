/* sqlite_finish: what becomes of an answer after its begin: its text saved piece by piece while it runs, its
 * end, and the end of its conversation. */
#include <string.h>

#include "store/sqlite_db.h"
#include "store/sqlite_index.h"
#include "store/sqlite_job.h"

struct recorded {
    int64_t id, chat, text_bytes;
    uint64_t epoch;
    bool running;
};

static enum store_status find(struct db *db, const struct history_answer *a, struct recorded *out)
{
    struct stmt *st = db_use(db, SQL_GENERATION_STATE);
    stmt_bind_str(st, a->owner);
    stmt_bind_uuid(st, &a->gen);
    if (!stmt_row(st))
        return db_failure(db) ? db_failure(db) : STORE_NOT_FOUND;
    struct history_text state = stmt_bytes(st, 1);
    out->id = stmt_int(st, 0);
    out->running = state.len == 7 && memcmp(state.data, "running", 7) == 0;
    out->epoch = (uint64_t)stmt_int(st, 2);
    out->chat = stmt_int(st, 3);
    out->text_bytes = stmt_int(st, 4);
    stmt_reset(st);
    return STORE_OK;
}

/* ---- finish */

static enum store_status end_message(struct db *db, struct store_op *job, const struct history_answer *a,
                                     const struct recorded *r)
{
    struct history_text parts = job_pack_parts(job, a->parts, a->part_count);
    struct stmt *st = db_use(db, SQL_MESSAGE_TEXT);
    stmt_bind_int(st, r->id);
    stmt_bind_text(st, a->text.data, a->text.len);
    stmt_bind_blob(st, parts.data, parts.len);
    return stmt_run(st);
}

static enum store_status end_generation(struct db *db, const struct history_answer *a,
                                        const struct recorded *r)
{
    struct stmt *st = db_use(db, SQL_GENERATION_END);
    stmt_bind_int(st, r->id);
    stmt_bind_str(st, a->state);
    stmt_bind_str(st, a->model);
    stmt_bind_int(st, (int64_t)a->epoch);
    stmt_bind_int(st, (int64_t)a->seq);
    stmt_bind_int(st, a->crc);
    stmt_bind_text(st, a->outcome.data, a->outcome.len);
    stmt_bind_int(st, (int64_t)a->updated_ms);
    return stmt_run(st);
}

static enum store_status touch_chat(struct db *db, const struct history_answer *a, const struct recorded *r)
{
    struct stmt *st = db_use(db, SQL_CHAT_TOUCH);
    stmt_bind_int(st, r->chat);
    stmt_bind_int(st, (int64_t)a->updated_ms);
    stmt_bind_int(st, (int64_t)a->text.len - r->text_bytes);
    return stmt_run(st);
}

static enum store_status drop_tails(struct db *db, int64_t generation)
{
    struct stmt *st = db_use(db, SQL_TAILS_DELETE);
    stmt_bind_int(st, generation);
    return stmt_run(st);
}

enum store_status job_run_finish(struct db *db, struct store_op *job)
{
    const struct history_answer *a = &job->answers[0];
    struct recorded r = {0};
    enum store_status status = find(db, a, &r);
    if (status != STORE_OK)
        return status;
    if (r.epoch > a->epoch)
        return STORE_FENCED;
    if (!r.running && r.epoch == a->epoch)
        return STORE_OK; /* a repeat: the first word stands */
    if (!r.running)
        status = index_remove(db, r.id); /* it goes by the text that is replaced now */
    if (status == STORE_OK)
        status = end_message(db, job, a, &r);
    if (status == STORE_OK)
        status = index_wait(db, r.id);
    if (status == STORE_OK)
        status = end_generation(db, a, &r);
    if (status == STORE_OK)
        status = touch_chat(db, a, &r);
    if (status == STORE_OK)
        status = drop_tails(db, r.id);
    return status;
}

/* ---- checkpoint */

static enum store_status last_tail(struct db *db, int64_t generation, uint64_t *epoch, uint64_t *end)
{
    struct stmt *st = db_use(db, SQL_TAIL_LAST);
    stmt_bind_int(st, generation);
    *epoch = *end = 0;
    if (!stmt_row(st))
        return db_failure(db);
    *epoch = (uint64_t)stmt_int(st, 0);
    *end = (uint64_t)stmt_int(st, 1);
    stmt_reset(st);
    return STORE_OK;
}

static enum store_status cut_tails(struct db *db, int64_t generation, uint64_t from)
{
    struct stmt *st = db_use(db, SQL_TAILS_CUT);
    stmt_bind_int(st, generation);
    stmt_bind_int(st, (int64_t)from);
    enum store_status status = stmt_run(st);
    if (status != STORE_OK)
        return status;
    st = db_use(db, SQL_TAIL_TRIM);
    stmt_bind_int(st, generation);
    stmt_bind_int(st, (int64_t)from);
    return stmt_run(st);
}

static enum store_status add_tail(struct db *db, struct store_op *job, const struct history_answer *a,
                                  int64_t generation, uint64_t from)
{
    struct history_text parts = job_pack_parts(job, a->parts, a->part_count);
    struct stmt *st = db_use(db, SQL_TAIL_ADD);
    stmt_bind_int(st, generation);
    stmt_bind_int(st, (int64_t)from);
    stmt_bind_blob(st, a->text.data, a->text.len);
    stmt_bind_int(st, (int64_t)a->epoch);
    stmt_bind_int(st, (int64_t)a->seq);
    stmt_bind_int(st, a->crc);
    stmt_bind_blob(st, parts.data, parts.len);
    return stmt_run(st);
}

/* An answer that ended or went meanwhile has nothing to save: that is no failure. */
static enum store_status save_one(struct db *db, struct store_op *job, const struct history_answer *a,
                                  uint64_t from)
{
    struct recorded r = {0};
    uint64_t epoch, end;
    enum store_status status = find(db, a, &r);
    if (status == STORE_NOT_FOUND || (status == STORE_OK && !r.running))
        return STORE_OK;
    if (status == STORE_OK)
        status = last_tail(db, r.id, &epoch, &end);
    if (status != STORE_OK)
        return status;
    if (epoch > a->epoch || r.epoch > a->epoch)
        return STORE_FENCED;
    if (from > end)
        return STORE_WRONG_POSITION;
    if (from < end)
        status = cut_tails(db, r.id, from);
    return status == STORE_OK ? add_tail(db, job, a, r.id, from) : status;
}

/* The next slice; the worker calls until slice_end is count. */
enum store_status job_run_save(struct db *db, struct store_op *job)
{
    size_t left = job->count - job->position;
    job->slice_end = job->position + (left < SAVE_SLICE ? left : SAVE_SLICE);
    for (size_t i = job->position; i < job->slice_end; i++) {
        enum store_status status = save_one(db, job, &job->answers[i], job->from[i]);
        if (db_failure(db) != STORE_OK)
            return db_failure(db);
        if (status != STORE_OK)
            job->refused = status;
    }
    return STORE_OK;
}

/* ---- edit */

static enum store_status run_with_id(struct db *db, enum sql_id sql, int64_t id)
{
    struct stmt *st = db_use(db, sql);
    stmt_bind_int(st, id);
    return stmt_run(st);
}

/* Gone for everybody at once; the messages themselves, and what the search index holds of them, go piece by
 * piece afterwards (sqlite_index.c), since a long conversation takes longer than a begin may wait. */
static enum store_status delete_chat(struct db *db, int64_t chat)
{
    static const enum sql_id steps[] = {SQL_CHAT_TAILS_DELETE, SQL_GENERATIONS_DELETE, SQL_CHAT_BURY};
    enum store_status status = STORE_OK;
    for (size_t i = 0; i < sizeof(steps) / sizeof(*steps) && status == STORE_OK; i++)
        status = run_with_id(db, steps[i], chat);
    return status;
}

enum store_status job_run_edit(struct db *db, struct store_op *job)
{
    struct stmt *st = db_use(db, SQL_CHAT_ID);
    stmt_bind_str(st, job->owner);
    stmt_bind_uuid(st, &job->chat);
    if (!stmt_row(st))
        return db_failure(db) ? db_failure(db) : STORE_NOT_FOUND;
    int64_t chat = stmt_int(st, 0);
    stmt_reset(st);
    if (!job->has_text)
        return delete_chat(db, chat);
    st = db_use(db, SQL_CHAT_TITLE);
    stmt_bind_int(st, chat);
    stmt_bind_text(st, job->text.data, job->text.len);
    return stmt_run(st);
}
