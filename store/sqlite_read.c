/* sqlite_read: answers and trees as they are read back. */
#include <string.h>

#include "store/sqlite_db.h"
#include "store/sqlite_job.h"

/* ---- answers */

static const char *copy_column(struct store_op *job, struct stmt *st, int column)
{
    struct history_text t = stmt_bytes(st, column);
    return job_copy(job, t.data ? t.data : "", t.len);
}

/* A row of ANSWER_COLUMNS_; the text is there for a finished answer. */
static void fill_answer(struct store_op *job, struct stmt *st, struct history_answer *a)
{
    a->gen = stmt_uuid(st, 1);
    a->chat = stmt_uuid(st, 2);
    a->message = stmt_uuid(st, 3);
    a->parent = stmt_uuid(st, 4);
    a->owner = copy_column(job, st, 5);
    a->state = copy_column(job, st, 6);
    a->model = copy_column(job, st, 7);
    a->epoch = (uint64_t)stmt_int(st, 8);
    a->seq = (uint64_t)stmt_int(st, 9);
    a->crc = (uint32_t)stmt_int(st, 10);
    a->request = job_copy_text(job, stmt_bytes(st, 11));
    a->outcome = job_copy_text(job, stmt_bytes(st, 12));
    struct history_text digest = stmt_bytes(st, 13);
    if (digest.len == sizeof(a->digest))
        memcpy(a->digest, digest.data, sizeof(a->digest));
    a->created_ms = (uint64_t)stmt_int(st, 14);
    a->updated_ms = (uint64_t)stmt_int(st, 15);
    a->text = job_copy_text(job, stmt_bytes(st, 16));
    a->parts = job_unpack_parts(job, stmt_bytes(st, 17), &a->part_count);
}

/* The text of a running answer, put together from its saved pieces; the last one carries the position. */
static void add_tails(struct db *db, struct store_op *job, int64_t generation, struct history_answer *a)
{
    struct stmt *st = db_use(db, SQL_TAILS);
    size_t cap = 0;
    char *text = NULL;
    stmt_bind_int(st, generation);
    while (stmt_row(st)) {
        struct history_text piece = stmt_bytes(st, 0);
        if (cap - a->text.len < piece.len || !text) {
            cap = 2 * (a->text.len + piece.len) + 1;
            char *more = job_alloc(job, cap);
            if (text)
                memcpy(more, text, a->text.len);
            text = more;
        }
        if (piece.len)
            memcpy(text + a->text.len, piece.data, piece.len);
        a->text = (struct history_text){.data = text, .len = a->text.len + piece.len};
        a->epoch = (uint64_t)stmt_int(st, 1);
        a->seq = (uint64_t)stmt_int(st, 2);
        a->crc = (uint32_t)stmt_int(st, 3);
        a->parts = job_unpack_parts(job, stmt_bytes(st, 4), &a->part_count);
    }
}

static bool is_running(const struct history_answer *a)
{
    return strcmp(a->state, "running") == 0;
}

const struct history_answer *job_load_answer(struct db *db, struct store_op *job, const char *owner,
                                             const struct uuid *gen)
{
    struct stmt *st = db_use(db, SQL_ANSWER);
    stmt_bind_str(st, owner);
    stmt_bind_uuid(st, gen);
    if (!stmt_row(st))
        return NULL;
    struct history_answer *a = job_alloc(job, sizeof(*a));
    fill_answer(job, st, a);
    int64_t id = stmt_int(st, 0);
    stmt_reset(st);
    if (is_running(a))
        add_tails(db, job, id, a);
    return a;
}

enum store_status job_run_answer(struct db *db, struct store_op *job)
{
    const struct history_answer *a = job_load_answer(db, job, job->owner, &job->gen);
    if (db_failure(db) != STORE_OK)
        return db_failure(db);
    job->out.answers = (struct job_answers){.items = a, .count = a ? 1 : 0};
    return a ? STORE_OK : STORE_NOT_FOUND;
}

static enum store_status find_after(struct db *db, const struct store_op *job, int64_t *id)
{
    *id = 0;
    if (!job->has_after)
        return STORE_OK;
    struct stmt *st = db_use(db, SQL_GENERATION_STATE);
    stmt_bind_str(st, job->owner);
    stmt_bind_uuid(st, &job->gen);
    if (!stmt_row(st))
        return db_failure(db) ? db_failure(db) : STORE_NOT_FOUND;
    *id = stmt_int(st, 0);
    stmt_reset(st);
    return STORE_OK;
}

enum store_status job_run_running(struct db *db, struct store_op *job)
{
    int64_t after, *ids;
    enum store_status status = find_after(db, job, &after);
    if (status != STORE_OK)
        return status;
    struct history_answer *items = job_alloc(job, (job->limit + 1) * sizeof(*items));
    ids = job_alloc(job, (job->limit + 1) * sizeof(*ids));
    size_t n = 0;
    struct stmt *st = db_use(db, SQL_RUNNING);
    stmt_bind_int(st, after);
    stmt_bind_int(st, (int64_t)job->limit);
    while (n < job->limit && stmt_row(st)) {
        ids[n] = stmt_int(st, 0);
        fill_answer(job, st, &items[n++]);
    }
    stmt_reset(st);
    for (size_t i = 0; i < n; i++)
        add_tails(db, job, ids[i], &items[i]);
    job->out.answers = (struct job_answers){.items = items, .count = n};
    return db_failure(db);
}

/* ---- tree */

static void fill_node(struct store_op *job, struct stmt *st, struct history_node *node)
{
    node->id = stmt_uuid(st, 3);
    node->parent = stmt_uuid(st, 4);
    node->role = (enum role)stmt_int(st, 18);
    node->created_ms = (uint64_t)stmt_int(st, 19);
    if (stmt_is_null(st, 0)) {
        node->text = job_copy_text(job, stmt_bytes(st, 16));
        return;
    }
    struct history_answer *a = job_alloc(job, sizeof(*a));
    fill_answer(job, st, a);
    node->answer = a;
    node->text = a->text;
}

static void tree_tails(struct db *db, struct store_op *job, struct history_node *node, int64_t id)
{
    struct history_answer *a = (struct history_answer *)node->answer;
    if (!a || !is_running(a))
        return;
    add_tails(db, job, id, a);
    node->text = a->text;
}

enum store_status job_run_tree(struct db *db, struct store_op *job)
{
    struct history_tree *tree = &job->out.tree;
    int64_t chat;
    enum store_status status = job_load_head(db, job, &tree->head, &chat);
    if (status != STORE_OK)
        return status;
    size_t cap = (size_t)tree->head.messages, n = 0;
    struct history_node *nodes = job_alloc(job, (cap + 1) * sizeof(*nodes));
    int64_t *ids = job_alloc(job, (cap + 1) * sizeof(*ids));
    struct stmt *st = db_use(db, SQL_TREE);
    stmt_bind_int(st, chat);
    while (n < cap && stmt_row(st)) {
        ids[n] = stmt_int(st, 0);
        fill_node(job, st, &nodes[n++]);
    }
    stmt_reset(st);
    for (size_t i = 0; i < n; i++)
        tree_tails(db, job, &nodes[i], ids[i]);
    tree->nodes = nodes;
    tree->count = n;
    return db_failure(db);
}
