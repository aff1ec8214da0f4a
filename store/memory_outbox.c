/* memory_outbox: finished answers on their way into history. An entry taken is held by its consumer, and
 * given to it again until acknowledged; another consumer gets it when the first leaves or has been silent for
 * claim_ms. Without other nodes nobody drains it, so a store that is not shared keeps none. */
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "store/memory.h"

struct memory_outbox_entry {
    struct list link;
    char id[24]; /* decimal, counting up */
    char *data;
    size_t len;
    const struct memory_store *holder;
    uint64_t held_until_ms;
};

enum store_status memory_outbox_add(struct memory_store *s, const char *data, size_t len)
{
    struct session_memory *m = s->memory;
    if (!s->base.shared)
        return STORE_OK;
    if (m->outbox_count >= m->limits.outbox)
        return STORE_FULL;
    struct memory_outbox_entry *entry = mem_alloc(sizeof(*entry));
    snprintf(entry->id, sizeof(entry->id), "%llu", (unsigned long long)++m->outbox_last);
    entry->data = mem_memdup(data, len);
    entry->len = len;
    list_add_tail(&m->outbox, &entry->link);
    m->outbox_count++;
    return STORE_OK;
}

static void drop(struct session_memory *m, struct memory_outbox_entry *entry)
{
    list_del(&entry->link);
    m->outbox_count--;
    mem_free(entry->data);
    mem_free(entry);
}

void memory_outbox_take(struct memory_store *s, const struct store_op *op)
{
    struct session_memory *m = s->memory;
    size_t n = 0, max = op->max < m->outbox_count ? op->max : m->outbox_count;
    if (op->cancelled)
        return; /* nobody would acknowledge what is taken */
    struct outbox_entry *out = mem_alloc((max + 1) * sizeof(*out));
    list_each (pos, &m->outbox) {
        struct memory_outbox_entry *entry = list_entry(pos, struct memory_outbox_entry, link);
        if (n == max)
            break;
        if (entry->holder && entry->holder != s && entry->held_until_ms > m->now_ms)
            continue;
        entry->holder = s;
        entry->held_until_ms = m->now_ms + m->limits.claim_ms;
        out[n++] = (struct outbox_entry){.id = entry->id, .data = entry->data, .len = entry->len};
    }
    op->on.take(op->ctx, STORE_OK, out, n);
    mem_free(out);
}

static void ack_one(struct session_memory *m, const char *id)
{
    list_each (pos, &m->outbox) {
        struct memory_outbox_entry *entry = list_entry(pos, struct memory_outbox_entry, link);
        if (strcmp(entry->id, id) == 0) {
            drop(m, entry);
            return;
        }
    }
}

void memory_outbox_ack(struct memory_store *s, const struct store_op *op)
{
    for (size_t at = 0; at < op->bytes_len; at += strlen(op->bytes + at) + 1)
        ack_one(s->memory, op->bytes + at);
}

void memory_outbox_release(struct session_memory *m, const struct memory_store *s)
{
    list_each (pos, &m->outbox) {
        struct memory_outbox_entry *entry = list_entry(pos, struct memory_outbox_entry, link);
        if (entry->holder == s)
            entry->holder = NULL;
    }
}

void memory_outbox_free(struct session_memory *m)
{
    while (!list_empty(&m->outbox))
        drop(m, list_entry(list_first(&m->outbox), struct memory_outbox_entry, link));
}
