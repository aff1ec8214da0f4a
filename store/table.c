/* table: see table.h. Grows by doubling, never shrinks. */
#include "store/table.h"

#include <string.h>
#include <sys/random.h>

#include "base/mem.h"

static uint64_t mix(uint64_t h, uint64_t v)
{
    h = (h ^ v) * 0x9E3779B97F4A7C15u;
    return h ^ (h >> 29);
}

static uint64_t hash_of(const struct table *t, const char *owner, const struct uuid *id)
{
    uint64_t words[2], h = t->seed;
    memcpy(words, id->b, sizeof(words));
    for (const char *p = owner; *p; p++)
        h = mix(h, (unsigned char)*p);
    h = mix(mix(h, words[0] ^ t->seed), words[1]);
    return mix(h, t->seed);
}

void table_init(struct table *t)
{
    memset(t, 0, sizeof(*t));
    /* A seed that cannot be had leaves the table correct, only guessable. */
    if (getrandom(&t->seed, sizeof(t->seed), GRND_NONBLOCK) != (ssize_t)sizeof(t->seed))
        t->seed = (uint64_t)(uintptr_t)t;
}

void table_free(struct table *t)
{
    mem_free(t->buckets);
    t->buckets = NULL;
    t->cap = t->count = 0;
}

static const struct uuid nil;

struct table_node *table_find(const struct table *t, const char *owner, const struct uuid *id)
{
    if (!t->cap)
        return NULL;
    if (!id)
        id = &nil;
    uint64_t h = hash_of(t, owner, id);
    struct table_node *n = t->buckets[h & (t->cap - 1)];
    while (n && !(n->hash == h && uuid_equal(&n->id, id) && strcmp(n->owner, owner) == 0))
        n = n->next;
    return n;
}

static void grow(struct table *t)
{
    size_t cap = t->cap ? t->cap * 2 : 64;
    struct table_node **buckets = mem_alloc(cap * sizeof(*buckets));
    for (size_t i = 0; i < t->cap; i++) {
        for (struct table_node *n = t->buckets[i], *next; n; n = next) {
            next = n->next;
            n->next = buckets[n->hash & (cap - 1)];
            buckets[n->hash & (cap - 1)] = n;
        }
    }
    mem_free(t->buckets);
    t->buckets = buckets;
    t->cap = cap;
}

void table_add(struct table *t, struct table_node *node, const char *owner, const struct uuid *id)
{
    if (t->count >= t->cap)
        grow(t);
    node->id = id ? *id : nil;
    node->owner = mem_strdup(owner);
    node->hash = hash_of(t, owner, &node->id);
    struct table_node **bucket = &t->buckets[node->hash & (t->cap - 1)];
    node->next = *bucket;
    *bucket = node;
    t->count++;
}

void table_remove(struct table *t, struct table_node *node)
{
    struct table_node **at = &t->buckets[node->hash & (t->cap - 1)];
    while (*at != node)
        at = &(*at)->next;
    *at = node->next;
    node->next = NULL;
    mem_free(node->owner);
    node->owner = NULL;
    t->count--;
}

void table_sweep(struct table *t, size_t buckets, void (*visit)(void *ctx, struct table_node *node),
                 void *ctx)
{
    if (buckets > t->cap)
        buckets = t->cap;
    for (size_t i = 0; i < buckets; i++) {
        t->hand = (t->hand + 1) & (t->cap - 1);
        for (struct table_node *n = t->buckets[t->hand], *next; n; n = next) {
            next = n->next;
            visit(ctx, n);
        }
    }
}
