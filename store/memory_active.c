/* memory_active: who runs what, and the events that nodes send each other: a generation began or ended
 * (to all), cancel this (to who holds its lease), this log has grown (to who follows it). */
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "store/memory.h"

struct memory_owner {
    struct table_node node; /* in session_memory.actives, under (owner, nil) */
    struct list entries;    /* memory_active_entry.link, oldest first */
    size_t count;
};

struct memory_active_entry {
    struct list link;
    struct uuid gen, chat;
    char state[16];
    uint64_t off;
    const struct memory_store *by; /* who published it last; NULL: gone */
};

static struct memory_owner *owner_find(struct session_memory *m, const char *owner)
{
    struct table_node *node = table_find(&m->actives, owner, NULL);
    return node ? table_entry(node, struct memory_owner, node) : NULL;
}

static struct memory_active_entry *entry_find(struct memory_owner *o, const struct uuid *gen)
{
    list_each (pos, &o->entries) {
        struct memory_active_entry *entry = list_entry(pos, struct memory_active_entry, link);
        if (uuid_equal(&entry->gen, gen))
            return entry;
    }
    return NULL;
}

static void entry_drop(struct session_memory *m, struct memory_owner *o, struct memory_active_entry *entry)
{
    list_del(&entry->link);
    mem_free(entry);
    if (--o->count)
        return;
    table_remove(&m->actives, &o->node);
    mem_free(o);
}

void memory_active_drop(struct session_memory *m, const char *owner, const struct uuid *gen)
{
    struct memory_owner *o = owner_find(m, owner);
    struct memory_active_entry *entry = o ? entry_find(o, gen) : NULL;
    if (entry)
        entry_drop(m, o, entry);
}

static enum store_status entry_put(struct memory_store *s, const struct store_op *op)
{
    struct session_memory *m = s->memory;
    struct memory_owner *o = owner_find(m, op->owner);
    struct memory_active_entry *entry = o ? entry_find(o, &op->id) : NULL;
    if (!entry && o && o->count >= m->limits.active)
        return STORE_FULL;
    if (!o) {
        o = mem_alloc(sizeof(*o));
        list_init(&o->entries);
        table_add(&m->actives, &o->node, op->owner, NULL);
    }
    if (!entry) {
        entry = mem_alloc(sizeof(*entry));
        list_add_tail(&o->entries, &entry->link);
        o->count++;
    }
    entry->gen = op->id;
    entry->chat = op->chat;
    entry->off = op->after;
    entry->by = s;
    memcpy(entry->state, op->state, sizeof(entry->state));
    return STORE_OK;
}

static void event_send(struct memory_store *to, const struct memory_event *event)
{
    if (event->kind == EVENT_ACTIVE && to->inbox_count >= to->memory->limits.events)
        return;
    struct memory_event *copy = (struct memory_event *)mem_memdup(event, sizeof(*event));
    list_add_tail(&to->inbox, &copy->link);
    to->inbox_count++;
    memory_wake(to);
}

static void event_fill(struct memory_event *event, const struct store_op *op)
{
    memset(event, 0, sizeof(*event));
    memcpy(event->owner, op->owner, sizeof(event->owner));
    event->gen = op->id;
    event->chat = op->chat;
    event->off = op->after;
    memcpy(event->state, op->state, sizeof(event->state));
}

enum store_status memory_publish(struct memory_store *s, const struct store_op *op)
{
    bool runs = strcmp(op->state, "queued") == 0 || strcmp(op->state, "running") == 0;
    enum store_status status = STORE_OK;
    if (runs)
        status = entry_put(s, op);
    else
        memory_active_drop(s->memory, op->owner, &op->id);
    struct memory_event event;
    event_fill(&event, op);
    event.kind = EVENT_ACTIVE;
    list_each (pos, &s->memory->nodes)
        event_send(list_entry(pos, struct memory_store, link), &event);
    return status;
}

void memory_active(struct memory_store *s, const struct store_op *op)
{
    struct memory_owner *o = owner_find(s->memory, op->owner);
    size_t n = 0;
    if (op->cancelled)
        return;
    struct active_entry *out = mem_alloc(((o ? o->count : 0) + 1) * sizeof(*out));
    if (o) {
        list_each (pos, &o->entries) {
            struct memory_active_entry *e = list_entry(pos, struct memory_active_entry, link);
            out[n++] =
                (struct active_entry){.gen = e->gen, .chat = e->chat, .state = e->state, .off = e->off};
        }
    }
    op->on.active(op->ctx, STORE_OK, out, n);
    mem_free(out);
}

void memory_cancel(struct memory_store *s, const struct store_op *op)
{
    struct memory_log *log = memory_log_find(s->memory, op->owner, &op->id);
    struct memory_event event;
    if (!log || log->finished || !log->holder)
        return;
    event_fill(&event, op);
    event.kind = EVENT_CANCEL;
    event_send(log->holder, &event);
}

/* A leaving node's entries stay where there is a log that another node can take over. */
static void release_visit(void *ctx, struct table_node *node)
{
    const struct memory_store *s = ctx;
    struct memory_owner *o = table_entry(node, struct memory_owner, node);
    size_t left = o->count;
    list_each_safe (pos, next, &o->entries) {
        struct memory_active_entry *entry = list_entry(pos, struct memory_active_entry, link);
        bool last = --left == 0;
        if (entry->by == s) {
            entry->by = NULL;
            if (!table_find(&s->memory->logs, node->owner, &entry->gen))
                entry_drop(s->memory, o, entry);
        }
        if (last)
            return; /* o may be gone with its last entry */
    }
}

static void log_release(void *ctx, struct table_node *node)
{
    struct memory_log *log = table_entry(node, struct memory_log, node);
    if (log->holder == ctx)
        log->holder = NULL;
}

void memory_active_release(struct session_memory *m, const struct memory_store *s)
{
    table_sweep(&m->actives, m->actives.cap, release_visit, (void *)s);
    table_sweep(&m->logs, m->logs.cap, log_release, (void *)s);
}

static void free_visit(void *ctx, struct table_node *node)
{
    struct memory_owner *o = table_entry(node, struct memory_owner, node);
    for (size_t n = o->count; n; n--)
        entry_drop(ctx, o, list_entry(list_first(&o->entries), struct memory_active_entry, link));
}

void memory_active_free(struct session_memory *m)
{
    table_sweep(&m->actives, m->actives.cap, free_visit, m);
}

static struct memory_follow *follow_find(struct memory_store *s, const char *owner, const struct uuid *gen)
{
    struct table_node *node = table_find(&s->follows, owner, gen);
    return node ? table_entry(node, struct memory_follow, node) : NULL;
}

void memory_follow(struct session_store *base, const struct gen_key *key)
{
    struct memory_store *s = (struct memory_store *)base;
    if (follow_find(s, key->owner, &key->gen))
        return;
    struct memory_follow *f = mem_alloc(sizeof(*f));
    list_init(&f->link);
    table_add(&s->follows, &f->node, key->owner, &key->gen);
}

static void follow_drop(struct memory_store *s, struct memory_follow *f)
{
    list_del(&f->link);
    table_remove(&s->follows, &f->node);
    mem_free(f);
}

void memory_unfollow(struct session_store *base, const struct gen_key *key)
{
    struct memory_store *s = (struct memory_store *)base;
    struct memory_follow *f = follow_find(s, key->owner, &key->gen);
    if (f)
        follow_drop(s, f);
}

bool memory_followed(struct memory_store *s, const struct store_op *op)
{
    list_each (pos, &s->memory->nodes) {
        struct memory_store *other = list_entry(pos, struct memory_store, link);
        if (other != s && follow_find(other, op->owner, &op->id))
            return true;
    }
    return false;
}

void memory_grown(struct session_memory *m, const struct memory_log *log)
{
    list_each (pos, &m->nodes) {
        struct memory_store *to = list_entry(pos, struct memory_store, link);
        struct memory_follow *f = follow_find(to, log->node.owner, &log->node.id);
        if (!f)
            continue;
        f->seq = log->count;
        list_move_tail(&to->grown, &f->link);
        memory_wake(to);
    }
}

static void event_deliver(struct memory_store *s, const struct memory_event *event)
{
    const struct session_store_events *to = &s->events;
    if (event->kind == EVENT_CANCEL && to->on_cancel)
        to->on_cancel(to->ctx, &(struct gen_key){.owner = event->owner, .gen = event->gen});
    if (event->kind == EVENT_ACTIVE && to->on_active)
        to->on_active(to->ctx, event->owner, &event->gen, &event->chat, event->state, event->off);
}

/* The key is copied: on_grown may unfollow, which frees it. */
static void grown_deliver(struct memory_store *s, struct memory_follow *f)
{
    char owner[OWNER_MAX + 1];
    struct gen_key key = {.owner = owner, .gen = f->node.id};
    snprintf(owner, sizeof(owner), "%s", f->node.owner);
    list_del(&f->link);
    if (s->events.on_grown)
        s->events.on_grown(s->events.ctx, &key, f->seq);
}

void memory_events_run(struct memory_store *s)
{
    for (size_t n = s->inbox_count; n; n--) {
        struct memory_event *event = list_entry(list_first(&s->inbox), struct memory_event, link);
        list_del(&event->link);
        s->inbox_count--;
        event_deliver(s, event);
        mem_free(event);
    }
    while (!list_empty(&s->grown))
        grown_deliver(s, list_entry(list_first(&s->grown), struct memory_follow, link));
}

static void follow_free_any(void *ctx, struct table_node *node)
{
    follow_drop(ctx, table_entry(node, struct memory_follow, node));
}

void memory_events_drop(struct memory_store *s)
{
    while (!list_empty(&s->inbox)) {
        struct memory_event *event = list_entry(list_first(&s->inbox), struct memory_event, link);
        list_del(&event->link);
        mem_free(event);
    }
    table_sweep(&s->follows, s->follows.cap, follow_free_any, s);
    table_free(&s->follows);
}
