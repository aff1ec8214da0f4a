/* owner: interned by name, alive while referred to. See owner.h; owner_remote.c has what runs elsewhere. */
#include "core/owner.h"

#include <string.h>

#include "base/mem.h"
#include "core/session.h"
#include "core/session_inner.h"

struct owner *owner_find(struct node *n, const char *name)
{
    struct owner *o = NULL;
    HASH_FIND_STR(n->owners, name, o);
    return o;
}

struct owner *owner_get(struct node *n, const char *name)
{
    struct owner *o = owner_find(n, name);
    if (o)
        return owner_ref(o);
    o = mem_alloc(sizeof *o);
    o->node = n;
    o->refs = 1;
    memcpy(o->name, name, strnlen(name, OWNER_MAX));
    list_init(&o->sessions);
    list_init(&o->generations);
    list_init(&o->remotes);
    list_init(&o->greeting);
    HASH_ADD_STR(n->owners, name, o);
    return o;
}

struct owner *owner_ref(struct owner *o)
{
    o->refs++;
    return o;
}

void owner_put(struct owner *o)
{
    if (!o || --o->refs)
        return;
    HASH_DEL(o->node->owners, o);
    if (o->watched)
        o->node->sessions->ops->unwatch(o->node->sessions, o->name);
    if (o->op)
        o->node->sessions->ops->cancel_op(o->node->sessions, o->op);
    list_each_safe (pos, tmp, &o->remotes)
        remote_free(list_entry(pos, struct remote, link));
    mem_free(o);
}

/* A person has a handful of connections; where one owner stands for thousands (no keys, a backend's one key),
 * telling each of each would be quadratic. */
bool owner_is_told_active(const struct owner *o)
{
    return o->session_count <= (size_t)o->node->config->limits_active_fanout;
}

void owner_tell_sessions(struct owner *o, const struct active_item *a)
{
    if (!owner_is_told_active(o))
        return;
    list_each_safe (pos, tmp, &o->sessions)
        session_tell_active(list_entry(pos, struct session, owner_link), a);
}

void owner_tell_active(struct owner *o, struct generation *g)
{
    struct session_store *s = o->node->sessions;
    struct active_item a = generation_active(g);
    owner_tell_sessions(o, &a);
    if (s->shared && !g->relay)
        s->ops->publish(s, o->name, &(struct active_entry){a.gen, a.chat, a.state, a.off});
}
