/* history_job: the life of a job: its arena, its completion. */
#include "store/history_job.h"

#include <string.h>

#include "base/mem.h"

#define CHUNK 4096

/* Not zeroed. */
static void *take(struct store_op *job, size_t size)
{
    struct job_chunk *c = job->arena;
    size = (size + 15) & ~(size_t)15;
    if (!c || c->cap - c->used < size) {
        size_t cap = size > CHUNK / 4 ? size : CHUNK;
        struct job_chunk *fresh = mem_realloc(NULL, sizeof(*fresh) + cap);
        fresh->used = 0;
        fresh->cap = cap;
        fresh->next = c;
        job->arena = c = fresh;
    }
    void *p = c->bytes + c->used;
    c->used += size;
    return p;
}

void *job_alloc(struct store_op *job, size_t size)
{
    return memset(take(job, size), 0, size);
}

char *job_copy(struct store_op *job, const void *p, size_t len)
{
    if (!p)
        return NULL;
    char *copy = take(job, len + 1);
    if (len)
        memcpy(copy, p, len);
    copy[len] = '\0';
    job->weight += len;
    return copy;
}

struct history_text job_copy_text(struct store_op *job, struct history_text t)
{
    return (struct history_text){.data = job_copy(job, t.data, t.len), .len = t.len};
}

struct store_op *job_new(enum job_kind kind, void *ctx)
{
    struct store_op *job = mem_alloc(sizeof(*job));
    mem_born(MEM_STORE_OP);
    job->kind = kind;
    job->ctx = ctx;
    list_init(&job->link);
    return job;
}

void job_free(struct store_op *job)
{
    if (job->state_free)
        job->state_free(job->state);
    for (struct job_chunk *c = job->arena, *next; c; c = next) {
        next = c->next;
        mem_free(c);
    }
    mem_free(job);
    mem_died(MEM_STORE_OP);
}

void job_complete(struct store_op *job)
{
    switch (job->kind) {
    case JOB_BEGIN:
    case JOB_CONTEXT:
        job->out.begin.status = job->status;
        job->on.begin(job->ctx, &job->out.begin);
        break;
    case JOB_ANSWER:
    case JOB_RUNNING:
        job->on.answers(job->ctx, job->status, job->out.answers.items, job->out.answers.count);
        break;
    case JOB_LIST:
        job->out.page.status = job->status;
        job->on.page(job->ctx, &job->out.page);
        break;
    case JOB_TREE:
        job->out.tree.status = job->status;
        job->on.tree(job->ctx, &job->out.tree);
        break;
    case JOB_SAVE:
        job->on.done(job->ctx, job->status ? job->status : job->refused);
        break;
    case JOB_FINISH:
    case JOB_EDIT:
        job->on.done(job->ctx, job->status);
        break;
    }
}
