/* roster: see roster.h. */
#include "roster.h"

#include <limits.h>

void roster_init(struct roster *r, int count)
{
    *r = (struct roster){.count = count};
}

/* The others are held back until the first has shown that it can be done. */
static bool may_start(const struct roster *r, int slot)
{
    return !r->ending && r->slots[slot].state == ROSTER_WAITING && (slot == 0 || r->slots[0].served);
}

int roster_due(const struct roster *r, uint64_t now_ms)
{
    for (int i = 0; i < r->count; i++)
        if (may_start(r, i) && now_ms >= r->slots[i].start_ms)
            return i;
    return -1;
}

int roster_wait_ms(const struct roster *r, uint64_t now_ms)
{
    uint64_t least = INT_MAX;
    bool some = false;
    for (int i = 0; i < r->count; i++) {
        if (!may_start(r, i))
            continue;
        uint64_t start = r->slots[i].start_ms, wait = start > now_ms ? start - now_ms : 0;
        least = wait < least ? wait : least;
        some = true;
    }
    return some ? (int)least : -1;
}

void roster_started(struct roster *r, int slot, uint64_t now_ms)
{
    r->slots[slot].state = ROSTER_STARTING;
    r->slots[slot].start_ms = now_ms + ROSTER_PAUSE_MS;
}

bool roster_serving(struct roster *r, int slot)
{
    if (r->slots[slot].state != ROSTER_STARTING)
        return false;
    r->slots[slot].state = ROSTER_SERVING;
    r->slots[slot].served = true;
    if (r->ready || r->ending)
        return false;
    for (int i = 0; i < r->count; i++)
        if (!r->slots[i].served)
            return false;
    r->ready = true;
    return true;
}

bool roster_ended(struct roster *r, int slot, bool well)
{
    bool begun = r->ready || r->slots[slot].served;
    if (r->ending) {
        r->slots[slot].state = ROSTER_OUT;
        r->exit_code = well ? r->exit_code : 1;
        return false;
    }
    if (begun) {
        r->slots[slot].state = ROSTER_WAITING;
        return false;
    }
    r->exit_code = 1;
    roster_end(r);
    r->slots[slot].state = ROSTER_OUT;
    return true;
}

void roster_end(struct roster *r)
{
    r->ending = true;
    for (int i = 0; i < r->count; i++)
        if (r->slots[i].state == ROSTER_WAITING)
            r->slots[i].state = ROSTER_OUT;
}

bool roster_over(const struct roster *r)
{
    for (int i = 0; i < r->count; i++)
        if (r->slots[i].state != ROSTER_OUT)
            return false;
    return true;
}
