/* owner, what runs elsewhere: a copy of what the shared store says of the owner's running generations, kept
 * true by what it tells. It decides whether a chat is busy, and stands in `welcome`. See owner.h. */
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "core/chat.h"
#include "core/owner.h"
#include "core/rescue.h"
#include "core/send.h"
#include "core/session.h"

#define CHECK_US 2000000 /* between looks at whether a gateway lives */
#define CHECK_BATCH 64   /* such looks begun in one tick */

static struct remote *remote_find(const struct owner *o, const struct uuid *gen)
{
    list_each (pos, &o->remotes) {
        struct remote *r = list_entry(pos, struct remote, link);
        if (uuid_equal(&r->gen, gen))
            return r;
    }
    return NULL;
}

static bool runs(const char *state)
{
    return strcmp(state, "running") == 0 || strcmp(state, "queued") == 0;
}

void remote_free(struct remote *r)
{
    struct session_store *s = r->owner->node->sessions;
    if (r->op)
        s->ops->cancel_op(s, r->op);
    list_del(&r->link);
    list_del(&r->check_link);
    mem_free(r);
}

static void forget(struct owner *o, struct remote *r)
{
    struct uuid chat = r->chat;
    remote_free(r);
    chat_look(o->node, o, &chat);
}

void owner_remote_set(struct owner *o, const struct active_item *a)
{
    struct remote *r = remote_find(o, &a->gen);
    if (!runs(a->state)) {
        if (r)
            forget(o, r);
        return;
    }
    if (!r) {
        r = mem_alloc(sizeof *r);
        r->owner = o;
        r->check_us = o->node->now_us + CHECK_US;
        list_init(&r->check_link);
        list_add_tail(&o->node->remotes, &r->check_link);
        list_init(&r->link);
        list_add_tail(&o->remotes, &r->link);
    }
    r->gen = a->gen;
    r->chat = a->chat;
    r->off = a->off;
    snprintf(r->state, sizeof r->state, "%s", a->state);
}

void owner_remote_forget(struct owner *o, const struct uuid *gen)
{
    struct remote *r = remote_find(o, gen);
    if (r)
        forget(o, r);
}

/* ------------------------------------------------------------------ asking */

/* Those that the store does not name any more are gone. */
static void forget_missing(struct owner *o, const struct active_entry *entries, size_t n)
{
    list_each_safe (pos, tmp, &o->remotes) {
        struct remote *r = list_entry(pos, struct remote, link);
        size_t i = 0;
        while (i < n && !uuid_equal(&entries[i].gen, &r->gen))
            i++;
        if (i == n)
            forget(o, r);
    }
}

static bool is_local(const struct owner *o, const struct uuid *gen)
{
    struct generation *g = generation_find(o->node, o, gen);
    return g && !g->relay;
}

static void greet_all(struct owner *o)
{
    while (!list_empty(&o->greeting))
        session_greet(o);
}

static void told(void *ctx, enum store_status status, const struct active_entry *entries, size_t n)
{
    struct owner *o = ctx;
    owner_ref(o); /* a session may be the last that holds it */
    o->op = NULL;
    if (status == STORE_OK) {
        o->known = true;
        forget_missing(o, entries, n);
    }
    for (size_t i = 0; status == STORE_OK && i < n; i++)
        if (!is_local(o, &entries[i].gen))
            owner_remote_set(o, &(struct active_item){.gen = entries[i].gen,
                                                      .chat = entries[i].chat,
                                                      .state = entries[i].state,
                                                      .off = entries[i].off});
    greet_all(o);
    owner_put(o);
}

static void ask(struct owner *o)
{
    struct session_store *s = o->node->sessions;
    if (!o->op)
        o->op = s->ops->active(s, o->name, told, o);
}

void owner_ask(struct owner *o)
{
    struct session_store *s = o->node->sessions;
    if (o->known || !s->shared) {
        greet_all(o);
        return;
    }
    o->watched = true;
    s->ops->watch(s, o->name);
    ask(o);
}

void owners_look(struct node *n)
{
    struct owner *o, *next;
    HASH_ITER(hh, n->owners, o, next)
    if (o->known)
        ask(o);
}

/* ------------------------------------------------------------------ those whose gateway is gone */

/* Its log is finished, and whoever finished it died before saying so. */
static void end(struct owner *o, struct remote *r)
{
    struct session_store *s = o->node->sessions;
    s->ops->publish(s, o->name, &(struct active_entry){r->gen, r->chat, "complete", r->off});
    forget(o, r);
}

static void checked(void *ctx, const struct lease_result *result)
{
    struct remote *r = ctx;
    struct owner *o = owner_ref(r->owner);
    r->op = NULL;
    if (result->status == STORE_HELD && result->held_ms * 1000 > CHECK_US)
        r->check_us = o->node->now_us + result->held_ms * 1000;
    if (result->status == STORE_OK && result->finished)
        end(o, r);
    else if (result->status == STORE_OK)
        rescue_adopt(o, &r->gen, &r->chat, result);
    owner_put(o);
}

void remotes_tick(struct node *n)
{
    struct session_store *s = n->sessions;
    int most = n->now_us < n->patience_us ? 0 : CHECK_BATCH;
    list_each_safe (pos, tmp, &n->remotes) {
        struct remote *r = list_entry(pos, struct remote, check_link);
        if (n->draining || most-- == 0)
            break;
        list_move_tail(&n->remotes, &r->check_link);
        const struct generation *g = generation_find(n, r->owner, &r->gen);
        if (r->op || n->now_us < r->check_us || (g && (g->state != GENERATION_DONE || g->out)))
            continue;
        r->check_us = n->now_us + CHECK_US;
        r->op = s->ops->acquire(s, &(struct gen_key){r->owner->name, r->gen}, &r->chat,
                                (uint64_t)n->config->session_lease_ms, checked, r);
    }
}

/* ------------------------------------------------------------------ using */

size_t owner_remote_in(struct owner *o, const struct uuid *chat, const struct uuid *but)
{
    size_t count = 0;
    list_each (pos, &o->remotes) {
        struct remote *r = list_entry(pos, struct remote, link);
        count += uuid_equal(&r->chat, chat) && !uuid_equal(&r->gen, but);
    }
    if (count)
        ask(o);
    return count;
}

bool owner_remote_before(struct owner *o, const struct uuid *chat, const struct uuid *gen)
{
    list_each (pos, &o->remotes) {
        struct remote *r = list_entry(pos, struct remote, link);
        int order = memcmp(r->gen.b, gen->b, sizeof gen->b);
        if (!uuid_equal(&r->chat, chat) || order == 0)
            continue;
        if (order < 0 || strcmp(r->state, "running") == 0) {
            ask(o);
            return true;
        }
    }
    return false;
}

struct uuid owner_remote_newest(const struct owner *o, const struct uuid *chat)
{
    struct uuid newest = {{0}};
    list_each (pos, &o->remotes) {
        struct remote *r = list_entry(pos, struct remote, link);
        if (uuid_equal(&r->chat, chat))
            newest = r->gen;
    }
    return newest;
}

static void cancelled(void *ctx, enum store_status status)
{
    (void)ctx, (void)status; /* what it comes to is heard by on_active */
}

void owner_remote_cancel(struct owner *o, const struct uuid *chat)
{
    struct session_store *s = o->node->sessions;
    list_each_safe (pos, tmp, &o->remotes) {
        struct remote *r = list_entry(pos, struct remote, link);
        if (!uuid_equal(&r->chat, chat))
            continue;
        struct gen_key key = {.owner = o->name, .gen = r->gen};
        s->ops->cancel_generation(s, &key, cancelled, NULL);
        forget(o, r); /* it is over for whoever asks; should it go on for a moment, nobody waits for it */
    }
}

void owner_heard(struct node *n, const char *name, const struct active_item *a)
{
    struct owner *o = owner_find(n, name);
    if (!o || is_local(o, &a->gen))
        return;
    owner_ref(o);
    owner_tell_sessions(o, a);
    owner_remote_set(o, a);
    owner_put(o);
}
