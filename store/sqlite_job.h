/* sqlite_job: one call of the history on its way: a copy of its arguments, the work, its result.
 *
 *     loop: job_new, copy ──queue──> helper: run(db, job) ──done──> loop: complete, job_free
 *
 * A job belongs to one thread at a time, and the queues hand it over; only `cancelled` is looked at by both.
 * Everything it copies or finds lives in its arena and goes with it. */
#ifndef LASTWORD_STORE_SQLITE_JOB_H
#define LASTWORD_STORE_SQLITE_JOB_H

#include <stdatomic.h>

#include "base/list.h"
#include "store/store.h"

struct db;

/* Answers saved in one transaction, so that a begin never waits for thousands. */
#define SAVE_SLICE 128

enum job_kind {
    JOB_BEGIN,
    JOB_FINISH,
    JOB_SAVE,
    JOB_EDIT,
    JOB_READS, /* from here on jobs that do not write */
    JOB_ANSWER = JOB_READS,
    JOB_RUNNING,
    JOB_CONTEXT,
    JOB_LIST,
    JOB_TREE
};

struct job_chunk {
    struct job_chunk *next;
    size_t used, cap;
    _Alignas(16) char bytes[];
};

struct job_answers {
    const struct history_answer *items;
    size_t count;
};

struct store_op {
    struct list link;
    enum job_kind kind;
    atomic_bool cancelled;
    enum store_status status;
    enum store_status refused; /* save: the worst of what was not saved, though the rest was */
    uint64_t started_us;
    size_t weight;  /* bytes copied so far */
    size_t charged; /* the same, when it was submitted: what it counts for in the queue */
    struct job_chunk *arena;

    char owner[OWNER_MAX + 1];
    struct uuid gen, chat, message;
    size_t limit;             /* messages, rows or bytes */
    bool has_text;            /* edit: a title; list: words */
    struct history_text text; /* title, words */
    const char *before;       /* list: cursor */
    bool has_after;           /* running */
    struct history_send send;
    const struct history_answer *answers; /* finish: one; save: count */
    const uint64_t *from;                 /* save */
    size_t position, slice_end;           /* save: committed up to; done in this transaction up to */
    size_t count;

    union {
        struct history_begin begin;
        struct job_answers answers;
        struct history_page page;
        struct history_tree tree;
    } out;
    union {
        history_begin_fn begin;
        history_answers_fn answers;
        history_page_fn page;
        history_tree_fn tree;
        store_done_fn done;
    } on;
    void *ctx;
};

/* Zeroed; owned by the job. */
void *job_alloc(struct store_op *job, size_t size);
/* A copy with a NUL after it; NULL for NULL. */
char *job_copy(struct store_op *job, const void *p, size_t len);
struct history_text job_copy_text(struct store_op *job, struct history_text t);
void job_copy_send(struct store_op *job, const struct history_send *send);
void job_copy_answers(struct store_op *job, const struct history_answer *answers, const uint64_t *from,
                      size_t n);

struct store_op *job_new(enum job_kind kind, void *ctx);
void job_free(struct store_op *job);
/* Calls the completion with job->status and what is in job->out. Loop thread. */
void job_complete(struct store_op *job);

/* The work, on the helper's side. Each fills job->out and returns the status; a write that returns anything
 * but OK is rolled back. sqlite_begin.c, sqlite_finish.c, sqlite_read.c, sqlite_list.c. */
enum store_status job_run_begin(struct db *db, struct store_op *job);
enum store_status job_run_finish(struct db *db, struct store_op *job);
enum store_status job_run_save(struct db *db, struct store_op *job);
enum store_status job_run_edit(struct db *db, struct store_op *job);
enum store_status job_run_answer(struct db *db, struct store_op *job);
enum store_status job_run_running(struct db *db, struct store_op *job);
enum store_status job_run_context(struct db *db, struct store_op *job);
enum store_status job_run_list(struct db *db, struct store_op *job);
enum store_status job_run_tree(struct db *db, struct store_op *job);

/* sqlite_read.c: parts as they are stored, and an answer by its owner and gen. */
struct history_text job_pack_parts(struct store_op *job, const struct history_part *parts, size_t n);
const struct history_part *job_unpack_parts(struct store_op *job, struct history_text packed, size_t *n);
const struct history_answer *job_load_answer(struct db *db, struct store_op *job, const char *owner,
                                             const struct uuid *gen);
/* sqlite_list.c: the conversation of job->owner and job->chat, and its row. */
enum store_status job_load_head(struct db *db, struct store_op *job, struct history_head *head,
                                int64_t *chat);
/* sqlite_begin.c: fills job->out.begin.context. */
enum store_status job_load_context(struct db *db, struct store_op *job, int64_t message, size_t bytes);

#endif
