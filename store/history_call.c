/* history_call: the calls of history_store_ops as jobs. A call's arguments are copied here and nowhere else.
 */
#include <string.h>

#include "store/history_job.h"

#define RUNNING_MAX 1000

/* ---- copies */

static const char *copy_str(struct store_op *job, const char *s)
{
    return job_copy(job, s ? s : "", s ? strlen(s) : 0);
}

static void copy_send(struct store_op *job, const struct history_send *send)
{
    job->send = *send;
    job->send.owner = job->owner;
    job->send.input = job_copy_text(job, send->input);
    job->send.model = copy_str(job, send->model);
    job->send.request = job_copy_text(job, send->request);
}

static void copy_answers(struct store_op *job, const struct history_answer *answers, const uint64_t *from,
                         size_t n)
{
    struct history_answer *copies = job_alloc(job, (n + 1) * sizeof(*copies));
    for (size_t i = 0; i < n; i++) {
        struct history_answer *a = &copies[i];
        *a = answers[i];
        a->owner = copy_str(job, a->owner);
        a->state = copy_str(job, a->state);
        a->model = copy_str(job, a->model);
        a->text = job_copy_text(job, a->text);
        a->request = (struct history_text){0}; /* recorded at begin, never changed */
        a->outcome = job_copy_text(job, a->outcome);
        a->parts = (void *)job_copy(job, a->parts, a->part_count * sizeof(*a->parts));
    }
    job->answers = copies;
    job->count = n;
    if (from)
        job->from = (void *)job_copy(job, from, n * sizeof(*from));
}

/* ---- calls */

static struct store_op *job_for(enum job_kind kind, const char *owner, void *ctx)
{
    struct store_op *job = job_new(kind, ctx);
    if (owner && strlen(owner) <= OWNER_MAX)
        strcpy(job->owner, owner);
    else if (owner)
        job->status = STORE_NOT_FOUND; /* no such owner can be */
    return job;
}

struct store_op *job_for_begin(const struct history_send *send, history_begin_fn done, void *ctx)
{
    struct store_op *job = job_for(JOB_BEGIN, send->owner, ctx);
    copy_send(job, send);
    job->on.begin = done;
    return job;
}

struct store_op *job_for_finish(const struct history_answer *answer, store_done_fn done, void *ctx)
{
    struct store_op *job = job_for(JOB_FINISH, answer->owner, ctx);
    copy_answers(job, answer, NULL, 1);
    job->on.done = done;
    return job;
}

struct store_op *job_for_save(const struct history_answer *answers, const uint64_t *from, size_t n,
                              store_done_fn done, void *ctx)
{
    struct store_op *job = job_for(JOB_SAVE, NULL, ctx);
    copy_answers(job, answers, from, n);
    job->on.done = done;
    return job;
}

struct store_op *job_for_answer(const struct gen_key *key, history_answers_fn done, void *ctx)
{
    struct store_op *job = job_for(JOB_ANSWER, key->owner, ctx);
    job->gen = key->gen;
    job->on.answers = done;
    return job;
}

struct store_op *job_for_running(const struct gen_key *after, size_t limit, history_answers_fn done,
                                 void *ctx)
{
    struct store_op *job = job_for(JOB_RUNNING, after ? after->owner : NULL, ctx);
    job->has_after = after != NULL;
    if (after)
        job->gen = after->gen;
    job->limit = limit < 1 ? 1 : limit > RUNNING_MAX ? RUNNING_MAX : limit;
    job->on.answers = done;
    return job;
}

struct store_op *job_for_context(const char *owner, const struct uuid *chat, const struct uuid *user_message,
                                 size_t context_bytes, history_begin_fn done, void *ctx)
{
    struct store_op *job = job_for(JOB_CONTEXT, owner, ctx);
    job->chat = *chat;
    job->message = *user_message;
    job->limit = context_bytes;
    job->on.begin = done;
    return job;
}

struct store_op *job_for_list(const struct history_list_query *query, history_page_fn done, void *ctx)
{
    struct store_op *job = job_for(JOB_LIST, query->owner, ctx);
    job->limit = query->limit;
    if (query->before)
        job->before = job_copy(job, query->before, strlen(query->before));
    job->has_text = query->search != NULL;
    if (query->search)
        job->text = job_copy_text(job, (struct history_text){query->search, strlen(query->search)});
    job->on.page = done;
    return job;
}

struct store_op *job_for_tree(const char *owner, const struct uuid *chat, history_tree_fn done, void *ctx)
{
    struct store_op *job = job_for(JOB_TREE, owner, ctx);
    job->chat = *chat;
    job->on.tree = done;
    return job;
}

struct store_op *job_for_edit(const char *owner, const struct uuid *chat, const char *title,
                              store_done_fn done, void *ctx)
{
    struct store_op *job = job_for(JOB_EDIT, owner, ctx);
    job->chat = *chat;
    job->has_text = title != NULL;
    if (title)
        job->text = job_copy_text(job, (struct history_text){title, strlen(title)});
    job->on.done = done;
    return job;
}
