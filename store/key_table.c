/* key_table: all API keys in memory, found by id. See keys.h. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "store/keys.h"

struct key_table {
    struct key_record *keys;
    size_t count, room;
};

struct key_table *key_table_new(void)
{
    return mem_alloc(sizeof(struct key_table));
}

void key_table_free(struct key_table *t)
{
    if (!t)
        return;
    for (size_t i = 0; i < t->count; i++)
        mem_free((char *)(uintptr_t)t->keys[i].name); /* one block: see key_table_add */
    mem_free(t->keys);
    mem_free(t);
}

static const char *put(char **at, const char *text)
{
    size_t len = strlen(text) + 1;
    char *to = memcpy(*at, text, len);
    *at += len;
    return to;
}

void key_table_add(struct key_table *t, const struct key_record *key)
{
    if (t->count >= KEYS_MAX)
        return;
    if (t->count == t->room) {
        t->room = t->room ? 2 * t->room : 16;
        t->keys = mem_realloc(t->keys, t->room * sizeof *t->keys);
    }
    struct key_record *k = &t->keys[t->count++];
    *k = *key;
    char *at =
        mem_alloc(strlen(key->name) + strlen(key->owner) + strlen(key->models) + strlen(key->limits) + 4);
    k->name = put(&at, key->name);
    k->owner = put(&at, key->owner);
    k->models = put(&at, key->models);
    k->limits = put(&at, key->limits);
}

static int by_id(const void *a, const void *b)
{
    return strcmp(((const struct key_record *)a)->id, ((const struct key_record *)b)->id);
}

void key_table_sort(struct key_table *t)
{
    if (t->count)
        qsort(t->keys, t->count, sizeof *t->keys, by_id);
}

const struct key_record *key_table_find(const struct key_table *t, const char *id)
{
    struct key_record want;
    if (!t || !t->count || strlen(id) > KEY_ID)
        return NULL;
    strcpy(want.id, id);
    return bsearch(&want, t->keys, t->count, sizeof *t->keys, by_id);
}

size_t key_table_count(const struct key_table *t)
{
    return t ? t->count : 0;
}
