/* history_job: one call of a history on its way, whatever the store: a copy of its arguments, its result, and
 * the completion that is to have it.
 *
 *     call: job_for_..., copies ──> the store works, job->status and job->out ──> job_complete, job_free
 *
 * Everything it copies or finds lives in its arena and goes with it. It knows no store and no thread; where a
 * store has one, a job belongs to one thread at a time, and only `cancelled` is looked at by both. */
#ifndef LASTWORD_STORE_HISTORY_JOB_H
#define LASTWORD_STORE_HISTORY_JOB_H

#include <stdatomic.h>

#include "base/list.h"
#include "store/store.h"

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
    void *state; /* the store's own; freed by state_free, unless that is NULL */
    void (*state_free)(void *state);
};

/* Zeroed; owned by the job. */
void *job_alloc(struct store_op *job, size_t size);
/* A copy with a NUL after it; NULL for NULL. */
char *job_copy(struct store_op *job, const void *p, size_t len);
struct history_text job_copy_text(struct store_op *job, struct history_text t);

struct store_op *job_new(enum job_kind kind, void *ctx);
void job_free(struct store_op *job);
/* Calls the completion with job->status and what is in job->out. Loop thread. */
void job_complete(struct store_op *job);

/* history_call.c: the job of each call, its arguments copied; status NOT_FOUND when such an owner cannot be.
 */
struct store_op *job_for_begin(const struct history_send *send, history_begin_fn done, void *ctx);
struct store_op *job_for_finish(const struct history_answer *answer, store_done_fn done, void *ctx);
struct store_op *job_for_save(const struct history_answer *answers, const uint64_t *from, size_t n,
                              store_done_fn done, void *ctx);
struct store_op *job_for_answer(const struct gen_key *key, history_answers_fn done, void *ctx);
struct store_op *job_for_running(const struct gen_key *after, size_t limit, history_answers_fn done,
                                 void *ctx);
struct store_op *job_for_context(const char *owner, const struct uuid *chat, const struct uuid *user_message,
                                 size_t context_bytes, history_begin_fn done, void *ctx);
struct store_op *job_for_list(const struct history_list_query *query, history_page_fn done, void *ctx);
struct store_op *job_for_tree(const char *owner, const struct uuid *chat, history_tree_fn done, void *ctx);
struct store_op *job_for_edit(const char *owner, const struct uuid *chat, const char *title,
                              store_done_fn done, void *ctx);

/* history_parts.c: parts as they are stored (1 + 8 + 8 bytes each, little-endian). */
struct history_text job_pack_parts(struct store_op *job, const struct history_part *parts, size_t n);
const struct history_part *job_unpack_parts(struct store_op *job, struct history_text packed, size_t *n);
/* Only what the model is to see of an answer, its parts 0, copied; without parts it is all text. */
struct history_text job_visible(struct store_op *job, struct history_text text, struct history_text packed);
/* How long that is. */
size_t parts_visible(const struct history_answer *answer);

/* history_page.c: places in the list of conversations, newest first; after its place the next page begins. */
struct job_place {
    uint64_t updated;
    struct uuid chat;
};
/* Where job->before says to go on from, job->limit brought within bounds; false for a wrong cursor. */
bool job_page_start(struct store_op *job, struct job_place *from);
/* The cursor of what comes after this conversation. */
const char *job_page_next(struct store_op *job, const struct history_head *last);

#endif
