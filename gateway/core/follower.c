/* follower: the link between a generation and whoever reads it. See generation.h. */
#include <assert.h>

#include "base/mem.h"
#include "core/owner.h"
#include "core/send.h"

void followers_changed(struct generation *g)
{
    bool orphan =
        g->cancel_on_disconnect && list_empty(&g->followers) && g->state < GENERATION_ENDING && !g->relay;
    if (orphan && list_empty(&g->orphan_link)) {
        g->orphan_us = g->node->now_us;
        list_add_tail(&g->node->orphans, &g->orphan_link);
    } else if (!orphan) {
        list_del(&g->orphan_link);
    }
}

static void others_told(void *ctx, enum store_status status, bool followed)
{
    struct generation *g = ctx;
    g->orphan_op = NULL;
    if (status == STORE_OK && !followed && list_empty(&g->followers))
        generation_cancel(g);
    else
        followers_changed(g); /* the time begins anew */
}

void follower_ask_others(struct generation *g)
{
    struct session_store *s = g->node->sessions;
    struct gen_key key = {.owner = g->owner->name, .gen = g->key.gen};
    if (!g->orphan_op)
        g->orphan_op = s->ops->followed(s, &key, others_told, g);
}

void follower_attach(struct follower *f, struct generation *g, uint64_t off)
{
    assert(!f->generation);
    f->generation = g;
    f->cursor = tokenlog_seek(&g->log, off);
    list_init(&f->link);
    list_add_tail(&g->followers, &f->link);
    followers_changed(g);
}

void follower_detach(struct follower *f)
{
    recall_cancel(f->recall);
    f->recall = NULL;
    struct generation *g = f->generation;
    if (!g)
        return;
    list_del(&f->link);
    f->generation = NULL;
    followers_changed(g);
}

void followers_wake(struct generation *g)
{
    list_each_safe (pos, tmp, &g->followers) {
        struct follower *f = list_entry(pos, struct follower, link);
        f->ops->wake(f);
    }
}

void followers_status(struct generation *g, const char *state, int64_t idle_ms)
{
    list_each_safe (pos, tmp, &g->followers) {
        struct follower *f = list_entry(pos, struct follower, link);
        f->ops->status(f, state, idle_ms);
    }
}

void followers_notice(struct generation *g, const struct err *e)
{
    list_each_safe (pos, tmp, &g->followers) {
        struct follower *f = list_entry(pos, struct follower, link);
        f->ops->notice(f, e);
    }
}
