/* postgres_call_read: reads as parameters of store/schema/postgres/0004_read.sql, and their rows as results.
 * Texts are not copied: they point into the rows, which the call keeps. */
#include <string.h>

#include "store/postgres_call.h"

/* A begin whose conversation was deleted between its two halves: to be asked again. */
#define GONE STORE_UNAVAILABLE

typedef void (*send_fn)(void *ctx, enum pgsql sql, const struct pgparams *p);

/* ---- asking */

static void ask_answer(struct pgparams *p, const struct store_op *job, const struct uuid *gen)
{
    pgcall_key(p, job->owner);
    pgparam_uuid(p, gen);
}

static void ask_running(struct pgparams *p, const struct store_op *job)
{
    pgcall_key(p, job->owner);
    if (job->has_after)
        pgparam_uuid(p, &job->gen);
    else
        pgparam_null(p);
    pgparam_int(p, (int64_t)job->limit);
}

static void ask_context(struct pgparams *p, const struct store_op *job)
{
    const size_t most = (size_t)1 << 40;
    bool begun = job->kind == JOB_BEGIN;
    size_t bytes = begun ? job->send.context_bytes : job->limit;
    pgcall_key(p, job->owner);
    pgparam_uuid(p, begun ? &job->send.chat : &job->chat);
    pgparam_uuid(p, begun ? &job->out.begin.user_message : &job->message);
    pgparam_int(p, (int64_t)(bytes < most ? bytes : most));
}

/* One more than asked for tells whether there is another page. */
static void ask_list(struct pgparams *p, const struct store_op *job)
{
    const struct job_place *from = &pgcall_of(job)->from;
    pgcall_key(p, job->owner);
    pgparam_int(p, (int64_t)from->updated);
    pgparam_uuid(p, &from->chat);
    pgparam_int(p, (int64_t)job->limit + 1);
}

static enum pgsql ask_one(struct pgparams *p, const struct store_op *job)
{
    switch (job->kind) {
    case JOB_RUNNING:
        ask_running(p, job);
        return PGSQL_RUNNING;
    case JOB_CONTEXT:
        ask_context(p, job);
        return PGSQL_CONTEXT;
    case JOB_LIST:
        ask_list(p, job);
        return PGSQL_LIST;
    case JOB_BEGIN:
        if (pgcall_of(job)->phase == PHASE_CONTEXT) {
            ask_context(p, job);
            return PGSQL_CONTEXT;
        }
        ask_answer(p, job, &job->send.gen);
        return PGSQL_ANSWER;
    default:
        ask_answer(p, job, &job->gen);
        return PGSQL_ANSWER;
    }
}

void pgcall_ask(const struct store_op *job, send_fn send, void *ctx)
{
    struct pgparams p = {.count = 0};
    if (job->kind == JOB_TREE) {
        pgcall_key(&p, job->owner);
        pgparam_uuid(&p, &job->chat);
        send(ctx, PGSQL_HEAD, &p);
        send(ctx, PGSQL_TREE, &p);
    } else {
        enum pgsql sql = ask_one(&p, job);
        send(ctx, sql, &p);
    }
    pgparams_free(&p);
}

/* ---- rows of the view nodes */

enum node_column {
    N_TENANT,
    N_OWNER,
    N_CHAT,
    N_ID,
    N_PARENT,
    N_ROLE,
    N_ORD,
    N_CREATED,
    N_GEN,
    N_STATE,
    N_MODEL,
    N_EPOCH,
    N_SEQ,
    N_CRC,
    N_UPDATED,
    N_REQUEST,
    N_OUTCOME,
    N_DIGEST,
    N_PARTS,
    N_BODY
};

static void fill_answer(struct store_op *job, const struct pgrows *r, size_t row, struct history_answer *a)
{
    struct history_text digest = pgrows_bytes(r, row, N_DIGEST);
    a->gen = pgrows_uuid(r, row, N_GEN);
    a->chat = pgrows_uuid(r, row, N_CHAT);
    a->message = pgrows_uuid(r, row, N_ID);
    a->parent = pgrows_uuid(r, row, N_PARENT);
    a->owner = pgrows_str(r, row, N_OWNER);
    a->state = pgrows_str(r, row, N_STATE);
    a->model = pgrows_str(r, row, N_MODEL);
    a->epoch = (uint64_t)pgrows_int(r, row, N_EPOCH);
    a->seq = (uint64_t)pgrows_int(r, row, N_SEQ);
    a->crc = (uint32_t)pgrows_int(r, row, N_CRC);
    a->request = pgrows_bytes(r, row, N_REQUEST);
    a->outcome = pgrows_bytes(r, row, N_OUTCOME);
    if (digest.len == sizeof(a->digest))
        memcpy(a->digest, digest.data, sizeof(a->digest));
    a->created_ms = (uint64_t)pgrows_int(r, row, N_CREATED);
    a->updated_ms = (uint64_t)pgrows_int(r, row, N_UPDATED);
    a->text = pgrows_bytes(r, row, N_BODY);
    a->parts = job_unpack_parts(job, pgrows_bytes(r, row, N_PARTS), &a->part_count);
}

static const struct history_answer *take_answers(struct store_op *job, const struct pgrows *r, size_t n)
{
    struct history_answer *items = job_alloc(job, (n + 1) * sizeof(*items));
    for (size_t i = 0; i < n; i++)
        fill_answer(job, r, i, &items[i]);
    return items;
}

static void told_answer(struct store_op *job, const struct pgrows *r)
{
    size_t n = pgrows_count(r);
    job->out.answers = (struct job_answers){.items = take_answers(job, r, n), .count = n};
    job->status = n ? STORE_OK : STORE_NOT_FOUND;
}

/* A row of NULLs stands for the one after which to go on: it is gone. */
static void told_running(struct store_op *job, const struct pgrows *r)
{
    size_t n = pgrows_count(r);
    job->status = n == 1 && pgrows_null(r, 0, N_GEN) ? STORE_NOT_FOUND : STORE_OK;
    if (job->status == STORE_OK)
        job->out.answers = (struct job_answers){.items = take_answers(job, r, n), .count = n};
}

static void told_existing(struct store_op *job, const struct pgrows *r)
{
    job->status = pgrows_count(r) ? STORE_EXISTS : GONE;
    if (job->status == STORE_EXISTS)
        job->out.begin.existing = take_answers(job, r, 1);
}

/* Rows of role, body and parts, newest first. */
static void told_context(struct store_op *job, const struct pgrows *r)
{
    size_t n = pgrows_count(r);
    struct history_message *items = job_alloc(job, (n + 1) * sizeof(*items));
    for (size_t i = 0; i < n; i++) {
        struct history_message *m = &items[n - 1 - i];
        m->role = (enum role)pgrows_int(r, i, 0);
        m->text = pgrows_bytes(r, i, 1);
        if (m->role == ROLE_ASSISTANT)
            m->text = job_visible(job, m->text, pgrows_bytes(r, i, 2));
    }
    if (job->kind == JOB_CONTEXT)
        job->out.begin.user_message = job->message;
    job->out.begin.context = items;
    job->out.begin.context_count = n;
    job->status = n ? STORE_OK : job->kind == JOB_BEGIN ? GONE : STORE_NOT_FOUND;
}

/* ---- lists and trees */

void pgcall_head(const struct pgrows *r, size_t row, struct history_head *head)
{
    head->chat = pgrows_uuid(r, row, 0);
    head->title = pgrows_null(r, row, 1) ? NULL : pgrows_str(r, row, 1);
    head->created_ms = (uint64_t)pgrows_int(r, row, 2);
    head->updated_ms = (uint64_t)pgrows_int(r, row, 3);
    head->messages = (uint64_t)pgrows_int(r, row, 4);
    head->snippet = pgrows_bytes(r, row, 5);
}

static void told_list(struct store_op *job, const struct pgrows *r)
{
    struct history_page *page = &job->out.page;
    size_t n = pgrows_count(r);
    struct history_head *heads = job_alloc(job, (n + 1) * sizeof(*heads));
    for (size_t i = 0; i < n; i++)
        pgcall_head(r, i, &heads[i]);
    page->heads = heads;
    page->count = n < job->limit ? n : job->limit;
    if (n > job->limit)
        page->next = job_page_next(job, &heads[job->limit - 1]);
    job->status = STORE_OK;
}

static void fill_node(struct store_op *job, const struct pgrows *r, size_t row, struct history_node *node)
{
    node->id = pgrows_uuid(r, row, N_ID);
    node->parent = pgrows_uuid(r, row, N_PARENT);
    node->role = (enum role)pgrows_int(r, row, N_ROLE);
    node->created_ms = (uint64_t)pgrows_int(r, row, N_CREATED);
    node->text = pgrows_bytes(r, row, N_BODY);
    if (pgrows_null(r, row, N_GEN))
        return;
    struct history_answer *a = job_alloc(job, sizeof(*a));
    fill_answer(job, r, row, a);
    node->answer = a;
}

/* Head and nodes are two statements: what was recorded between the two is left out. */
static void told_tree(struct store_op *job, const struct pgrows *head, const struct pgrows *r)
{
    struct history_tree *tree = &job->out.tree;
    job->status = pgrows_count(head) ? STORE_OK : STORE_NOT_FOUND;
    if (job->status != STORE_OK)
        return;
    pgcall_head(head, 0, &tree->head);
    size_t n = pgrows_count(r), most = (size_t)tree->head.messages;
    struct history_node *nodes = job_alloc(job, (most + 1) * sizeof(*nodes));
    tree->count = n < most ? n : most;
    for (size_t i = 0; i < tree->count; i++)
        fill_node(job, r, i, &nodes[i]);
    tree->nodes = nodes;
}

void pgcall_told(struct store_op *job)
{
    const struct pgcall *call = pgcall_of(job);
    const struct pgrows *r = call->rows[0];
    if (job->kind == JOB_TREE)
        told_tree(job, r, call->rows[1]);
    else if (job->kind == JOB_LIST)
        told_list(job, r);
    else if (job->kind == JOB_CONTEXT || call->phase == PHASE_CONTEXT)
        told_context(job, r);
    else if (job->kind == JOB_RUNNING)
        told_running(job, r);
    else if (job->kind == JOB_BEGIN)
        told_existing(job, r);
    else
        told_answer(job, r);
}
