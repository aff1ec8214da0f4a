/* timers: see timers.h. A binary heap, children of i at 2i and 2i+1. */
#include "upstream/timers.h"

#include "base/mem.h"

void timers_free(struct timers *h)
{
    mem_free(h->heap);
    *h = (struct timers){0};
}

static void put(struct timers *h, size_t slot, struct timer *t)
{
    h->heap[slot] = t;
    t->slot = slot;
}

static void up(struct timers *h, size_t slot, struct timer *t)
{
    for (; slot > 1 && h->heap[slot / 2]->at_ms > t->at_ms; slot /= 2)
        put(h, slot, h->heap[slot / 2]);
    put(h, slot, t);
}

static void down(struct timers *h, size_t slot, struct timer *t)
{
    for (size_t child; (child = slot * 2) <= h->count; slot = child) {
        if (child < h->count && h->heap[child + 1]->at_ms < h->heap[child]->at_ms)
            child++;
        if (h->heap[child]->at_ms >= t->at_ms)
            break;
        put(h, slot, h->heap[child]);
    }
    put(h, slot, t);
}

void timer_set(struct timers *h, struct timer *t, uint64_t at_ms)
{
    if (!t->slot) {
        if (h->count + 2 > h->cap) {
            h->cap = h->cap ? h->cap * 2 : 32;
            h->heap = mem_realloc(h->heap, h->cap * sizeof *h->heap);
        }
        t->slot = ++h->count;
        t->at_ms = at_ms;
        up(h, t->slot, t);
        return;
    }
    uint64_t was = t->at_ms;
    t->at_ms = at_ms;
    if (at_ms < was)
        up(h, t->slot, t);
    else
        down(h, t->slot, t);
}

void timer_clear(struct timers *h, struct timer *t)
{
    size_t slot = t->slot;
    if (!slot)
        return;
    t->slot = 0;
    struct timer *last = h->heap[h->count--];
    if (last == t)
        return;
    last->slot = slot;
    up(h, slot, last);
    down(h, last->slot, last);
}

struct timer *timers_first(const struct timers *h)
{
    return h->count ? h->heap[1] : NULL;
}

uint64_t timers_next_ms(const struct timers *h)
{
    return h->count ? h->heap[1]->at_ms : TIMER_NEVER;
}
