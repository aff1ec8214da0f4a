/* postgres_owner: see postgres_owner.h. */
#include "store/postgres_owner.h"

#include "base/mem.h"

struct owner {
    struct table_node node;
    struct list link; /* in recent */
    uint64_t order, lsn;
};

static struct owner *find(const struct pgowners *o, const char *name)
{
    struct table_node *node = table_find(&o->table, name, NULL);
    return node ? table_entry(node, struct owner, node) : NULL;
}

static void forget(struct pgowners *o, struct owner *owner)
{
    uint64_t lsn = owner->lsn == LSN_UNKNOWN ? o->latest_lsn : owner->lsn; /* long committed, if ever */
    if (lsn > o->floor_lsn)
        o->floor_lsn = lsn;
    table_remove(&o->table, &owner->node);
    list_del(&owner->link);
    mem_free(owner);
}

void pgowners_init(struct pgowners *o)
{
    *o = (struct pgowners){.max = OWNERS_MAX};
    table_init(&o->table);
    list_init(&o->recent);
}

void pgowners_free(struct pgowners *o)
{
    while (!list_empty(&o->recent))
        forget(o, list_entry(o->recent.next, struct owner, link));
    table_free(&o->table);
}

void pgowners_wrote(struct pgowners *o, const char *name, uint64_t order, uint64_t settled)
{
    struct owner *owner = find(o, name);
    if (!owner) {
        owner = mem_alloc(sizeof(*owner));
        list_init(&owner->link);
        table_add(&o->table, &owner->node, name, NULL);
    }
    owner->order = order;
    list_move_tail(&o->recent, &owner->link);
    while (o->table.count > o->max) {
        struct owner *oldest = list_entry(o->recent.next, struct owner, link);
        if (oldest->order > settled)
            return; /* the queue's limit bounds these */
        forget(o, oldest);
    }
}

void pgowners_reached(struct pgowners *o, const char *name, uint64_t lsn)
{
    struct owner *owner = find(o, name);
    if (owner)
        owner->lsn = lsn;
    if (lsn != LSN_UNKNOWN && lsn > o->latest_lsn)
        o->latest_lsn = lsn;
}

uint64_t pgowners_order(const struct pgowners *o, const char *name)
{
    const struct owner *owner = find(o, name);
    return owner ? owner->order : 0;
}

uint64_t pgowners_lsn(const struct pgowners *o, const char *name)
{
    const struct owner *owner = find(o, name);
    if (!owner)
        return o->floor_lsn;
    return owner->lsn > o->floor_lsn ? owner->lsn : o->floor_lsn;
}
