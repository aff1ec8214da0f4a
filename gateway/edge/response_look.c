/* response_look: see response_look.h. */
#include "edge/response_look.h"

static void recalled(void *ctx, struct generation *g, const struct err *e)
{
    struct response_look *l = ctx;
    l->recall = NULL;
    l->done(l, g, e);
}

static void answered(void *ctx, enum store_status status, const struct history_answer *answers, size_t n)
{
    struct response_look *l = ctx;
    l->op = NULL;
    if (status == STORE_OK && n == 1)
        l->request = json_loadb(answers->request.data ? answers->request.data : "", answers->request.len,
                                JSON_ALLOW_NUL, NULL);
    struct recall *r = recall_start(l->node, l->owner, &l->gen, recalled, l);
    if (r)
        l->recall = r;
}

void response_look_start(struct response_look *l, struct node *n, struct owner *owner, const struct uuid *gen,
                         void (*done)(struct response_look *l, struct generation *g, const struct err *e))
{
    struct gen_key key = {.owner = owner->name, .gen = *gen};
    l->node = n;
    l->owner = owner;
    l->gen = *gen;
    l->done = done;
    l->op = n->history->ops->answer(n->history, &key, answered, l);
}

void response_look_end(struct response_look *l)
{
    if (l->op)
        l->node->history->ops->cancel_op(l->node->history, l->op);
    recall_cancel(l->recall);
    json_decref(l->request);
    l->op = NULL;
    l->recall = NULL;
    l->request = NULL;
}
