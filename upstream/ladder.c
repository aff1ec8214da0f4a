/* ladder: see ladder.h. */
#include "upstream/ladder.h"

#include <string.h>

void ladder_init(struct ladder *l, const struct ladder_limits *limits, size_t targets, uint64_t now_ms)
{
    memset(l, 0, sizeof *l);
    l->limits = *limits;
    l->targets = (uint8_t)(targets < LADDER_TARGETS ? targets : LADDER_TARGETS);
    l->began_ms = now_ms;
}

void ladder_began(struct ladder *l)
{
    l->attempts++;
    if (l->tries[l->at] < UINT8_MAX)
        l->tries[l->at]++;
}

static bool bit(uint16_t set, size_t i)
{
    return set >> i & 1;
}

/* The next target that may be asked; l->targets if there is none. */
static size_t next_target(const struct ladder *l, uint16_t open)
{
    size_t i = l->at + 1u;
    while (i < l->targets && (bit(l->barred, i) || bit(open, i)))
        i++;
    return i;
}

/* Attempts one target may have while others are left: an even part, rounded up. */
static int64_t share(const struct ladder *l)
{
    return (l->limits.attempts + l->targets - 1) / l->targets;
}

/* Full jitter: anything from 0 to the doubled wait, so that many callers do not come back together.
 * `patient`: as much again on top. */
static int64_t backoff(const struct ladder *l, uint32_t random, bool patient)
{
    int64_t top = l->limits.backoff_ms;
    for (int i = 1; i < l->tries[l->at] && top < l->limits.backoff_max_ms; i++)
        top *= 2;
    if (top > l->limits.backoff_max_ms)
        top = l->limits.backoff_max_ms;
    return (int64_t)(((uint64_t)random * (uint64_t)(top + 1)) >> 32) + (patient ? top : 0);
}

/* How long to wait before the same target is asked again; -1: longer than allowed. Who cannot be reached is
 * often being restarted, and asking costs nothing: with nobody else to ask, that is worth some patience. */
static int64_t wait_for(const struct ladder *l, const struct ladder_news *n, bool alone)
{
    int64_t wait = backoff(l, n->random, alone && n->failure == FAIL_CONNECT);
    if (n->failure == FAIL_PREFIX)
        wait = 0;
    if (n->retry_after_ms >= 0)
        wait = n->retry_after_ms + wait / 8; /* not before it, and not all in the same moment */
    if (bit(n->open, l->at) && wait < n->open_wait_ms)
        wait = n->open_wait_ms;
    bool over = n->retry_after_ms > l->limits.backoff_max_ms || wait > 2 * l->limits.backoff_max_ms;
    return over ? -1 : wait;
}

static bool climbed(const struct ladder *l, const struct ladder_news *n)
{
    return l->attempts >= l->limits.attempts || l->spent >= l->limits.spend_tokens ||
           n->now_ms - l->began_ms >= (uint64_t)l->limits.total_ms;
}

static struct ladder_step end(const struct ladder_news *n)
{
    int64_t after = n->retry_after_ms > 0 ? n->retry_after_ms : 0;
    if (n->open_wait_ms > after)
        after = n->open_wait_ms;
    return (struct ladder_step){.move = LADDER_END, .after_ms = after};
}

static struct ladder_step again(const struct ladder *l, const struct ladder_news *n, int64_t wait)
{
    uint64_t spent = n->now_ms - l->began_ms;
    if (spent + (uint64_t)wait >= (uint64_t)l->limits.total_ms)
        return end(n);
    return (struct ladder_step){.move = LADDER_RETRY, .target = l->at, .wait_ms = wait};
}

struct ladder_step ladder_failed(struct ladder *l, const struct ladder_news *n)
{
    const struct failure_row *row = failure_row(n->failure);
    /* A refused prefix was not what went wrong: the attempt before it was. */
    if (!l->first && n->failure != FAIL_PREFIX) {
        l->first = n->failure;
        l->first_status = n->status;
    }
    if (n->failure == FAIL_PREFIX)
        l->no_prefix |= (uint16_t)(1u << l->at);
    else if (!row->same && !n->other_key)
        l->barred |= (uint16_t)(1u << l->at);
    if (n->other_key && !climbed(l, n))
        return again(l, n, 0);
    if (climbed(l, n) || (!row->same && !row->next))
        return end(n);
    size_t next = next_target(l, n->open);
    bool left = next < l->targets && row->next;
    int64_t wait = row->same ? wait_for(l, n, !left) : -1;
    /* After a long wait for nothing, whoever else there is comes before a second one. */
    bool shares = n->failure != FAIL_NO_TOKEN && l->tries[l->at] < share(l) && !bit(n->open, l->at);
    bool mine = n->failure == FAIL_PREFIX || shares;
    if (wait >= 0 && (mine || !left))
        return again(l, n, wait);
    if (!left)
        return end(n);
    l->at = (uint8_t)next;
    return (struct ladder_step){.move = LADDER_FALLBACK, .target = next};
}
