/* rescue: see rescue.h. So many are taken at once (TAKE_MOST, PAGE), and the next look comes when they are
 * here. */
#include "core/rescue.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "core/owner.h"
#include "core/relay.h"

#define TAKE_MOST 256
#define LOOK_US                                                                                              \
    400000 /* between looks at leases; up to a half more, so that gateways do not look in step               \
            */

/* History is gone through slowly: what runs is first in it only while it is old, and few are both. */
#define OLD_MS 60000     /* those that began later are passed over */
#define PAGE 64          /* answers of one look */
#define PAGE_US 5000000  /* between pages */
#define WALK_US 30000000 /* before it begins again */

struct rescue {
    struct node *node;
    struct store_op *look; /* at leases */
    struct store_op *page; /* of history's running ones */
    struct list takes;     /* take.link */
    uint64_t due_us, page_us;
    struct uuid last;               /* of the page before */
    char last_owner[OWNER_MAX + 1]; /* "": from the beginning */
};

/* One on its way here. */
struct take {
    struct list link;
    struct owner *owner;         /* a reference is held */
    struct store_op *lease_op;   /* acquire in flight */
    struct store_op *history_op; /* answer in flight */
    struct uuid gen, chat;
    struct lease_result lease;
};

static struct take *take_new(struct owner *o, const struct uuid *gen, const struct uuid *chat)
{
    struct take *t = mem_alloc(sizeof *t);
    t->owner = owner_ref(o);
    t->gen = *gen;
    t->chat = *chat;
    list_init(&t->link);
    list_add_tail(&o->node->rescue->takes, &t->link);
    return t;
}

static void take_free(struct take *t)
{
    struct node *n = t->owner->node;
    if (t->lease_op)
        n->sessions->ops->cancel_op(n->sessions, t->lease_op);
    if (t->history_op)
        n->history->ops->cancel_op(n->history, t->history_op);
    list_del(&t->link);
    owner_put(t->owner);
    mem_free(t);
}

/* ------------------------------------------------------------------ adopting */

/* True: gen is free to be made here. One that history had the end of, and the shared log has not, makes room.
 */
static bool make_room(struct owner *o, const struct uuid *gen)
{
    struct generation *known = generation_find(o->node, o, gen);
    if (!known)
        return true;
    if (known->state != GENERATION_DONE || !list_empty(&known->followers) || known->op || known->out)
        return false; /* it asks for the lease itself, or is in nobody's way at the next look */
    generation_drop(known);
    return true;
}

static struct generation *open_log(struct owner *o, const struct uuid *gen, const struct uuid *chat,
                                   const struct lease_result *lease)
{
    struct generation *g = generation_new(o->node, o, gen, chat);
    relay_open(g, NULL, 0);
    relay_leased(g, lease);
    return g;
}

/* An empty log does not say whose it is; history does. What history does not know, or knows to have ended,
 * ends in the log as well (takeover_ask). While history is away the lease lapses again. */
static void was_asked(void *ctx, enum store_status status, const struct history_answer *a, size_t n)
{
    struct take *t = ctx;
    bool known = status == STORE_OK && n == 1;
    t->history_op = NULL;
    if ((known || status == STORE_NOT_FOUND) && make_room(t->owner, &t->gen)) {
        struct generation *g = open_log(t->owner, &t->gen, known ? &a->chat : &t->chat, &t->lease);
        if (known) {
            g->message = a->message;
            g->user_message = a->parent;
            g->created_ms = a->created_ms;
            memcpy(g->digest, a->digest, sizeof g->digest);
        }
    }
    take_free(t);
}

void rescue_adopt(struct owner *o, const struct uuid *gen, const struct uuid *chat,
                  const struct lease_result *lease)
{
    struct history_store *h = o->node->history;
    struct gen_key key = {.owner = o->name, .gen = *gen};
    if (!make_room(o, gen))
        return;
    if (lease->seq) {
        open_log(o, gen, chat, lease);
        return;
    }
    struct take *t = take_new(o, gen, chat);
    t->lease = *lease;
    t->history_op = h->ops->answer(h, &key, was_asked, t);
}

/* ------------------------------------------------------------------ looking */

static void acquired(void *ctx, const struct lease_result *result)
{
    struct take *t = ctx;
    t->lease_op = NULL;
    if (result->status == STORE_OK && !result->finished)
        rescue_adopt(t->owner, &t->gen, &t->chat, result);
    take_free(t);
}

static void take(struct rescue *r, const struct lapsed_entry *entry)
{
    struct node *n = r->node;
    struct owner *o = owner_get(n, entry->owner);
    struct generation *g = generation_find(n, o, &entry->gen);
    struct gen_key key = {.owner = o->name, .gen = entry->gen};
    if (g && g->relay) {
        relay_lapsed(g);
    } else if (!g || g->state == GENERATION_DONE) { /* otherwise it is this node's own, and late */
        struct take *t = take_new(o, &entry->gen, &entry->chat);
        t->lease_op = n->sessions->ops->acquire(n->sessions, &key, &entry->chat,
                                                (uint64_t)n->config->session_lease_ms, acquired, t);
    }
    owner_put(o);
}

/* By gen, which is by age: of one chat the first one comes first. */
static int by_age(const void *a, const void *b)
{
    const struct lapsed_entry *x = a, *y = b;
    return memcmp(x->gen.b, y->gen.b, sizeof x->gen.b);
}

static uint64_t after(const struct rescue *r, uint64_t us)
{
    uint32_t chance;
    r->node->random(&chance, sizeof chance);
    return r->node->now_us + us + chance % (us / 2);
}

static void looked(void *ctx, enum store_status status, const struct lapsed_entry *entries, size_t n)
{
    struct rescue *r = ctx;
    r->look = NULL;
    r->due_us = after(r, LOOK_US);
    if (status != STORE_OK || n == 0 || r->node->draining)
        return;
    struct lapsed_entry *sorted = (struct lapsed_entry *)mem_memdup(entries, n * sizeof *entries);
    qsort(sorted, n, sizeof *sorted, by_age);
    for (size_t i = 0; i < n; i++)
        take(r, &sorted[i]);
    mem_free(sorted);
    if (n == TAKE_MOST && !list_empty(&r->takes))
        r->due_us = r->node->now_us; /* there are more */
    log_debug("rescue.lapsed", LF_INT("count", n));
}

/* ------------------------------------------------------------------ those of which the store knows nothing
 */

/* Its gateway did not reach the store, or the store has lost the log, and then the gateway died. */
static void paged(void *ctx, enum store_status status, const struct history_answer *answers, size_t n)
{
    struct rescue *r = ctx;
    const struct node *node = r->node;
    bool more = status == STORE_OK && n == PAGE;
    r->page = NULL;
    for (size_t i = 0; status == STORE_OK && i < n && !node->draining; i++) {
        const struct history_answer *a = &answers[i];
        if (a->created_ms + OLD_MS > node->unix_ms) {
            more = false; /* oldest first */
            break;
        }
        take(r, &(struct lapsed_entry){a->owner, a->gen, a->chat});
        r->last = a->gen;
        snprintf(r->last_owner, sizeof r->last_owner, "%s", a->owner);
    }
    if (!more)
        r->last_owner[0] = '\0';
    r->page_us = after(r, more ? PAGE_US : WALK_US);
}

static void next_page(struct rescue *r)
{
    struct history_store *h = r->node->history;
    const struct gen_key last = {.owner = r->last_owner, .gen = r->last};
    r->page = h->ops->running(h, *r->last_owner ? &last : NULL, PAGE, paged, r);
}

/* ------------------------------------------------------------------ clocks */

void rescue_tick(struct rescue *r)
{
    if (!r || r->look || r->page || !list_empty(&r->takes) || r->node->draining)
        return;
    struct session_store *s = r->node->sessions;
    if (r->node->now_us >= r->due_us)
        r->look = s->ops->lapsed(s, TAKE_MOST, looked, r);
    else if (r->node->now_us >= r->page_us)
        next_page(r);
}

void rescue_wait(struct rescue *r)
{
    if (!r)
        return;
    r->page_us = after(r, WALK_US);
    r->due_us = r->node->now_us + (uint64_t)r->node->config->session_lease_ms * 1000;
}

/* ------------------------------------------------------------------ life */

struct rescue *rescue_open(struct node *n)
{
    if (!n->sessions->shared)
        return NULL;
    struct rescue *r = mem_alloc(sizeof *r);
    r->node = n;
    list_init(&r->takes);
    rescue_wait(r); /* those who live have renewed by then, also when all were stopped */
    return r;
}

void rescue_close(struct rescue *r)
{
    if (!r)
        return;
    if (r->look)
        r->node->sessions->ops->cancel_op(r->node->sessions, r->look);
    if (r->page)
        r->node->history->ops->cancel_op(r->node->history, r->page);
    list_each_safe (pos, tmp, &r->takes)
        take_free(list_entry(pos, struct take, link));
    mem_free(r);
}
