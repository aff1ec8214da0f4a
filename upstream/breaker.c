/* breaker: see breaker.h. */
#include "upstream/breaker.h"

/* A probe that never reports (a call that waits for its first token for minutes) lets the next one through
 * after this long. */
#define PROBE_MS 30000
#define WAIT_GROWTH 4

int64_t breaker_wait(const struct breaker *b, uint64_t now_ms)
{
    if (b->state == BREAKER_CLOSED)
        return 0;
    uint64_t until = b->since_ms + (uint64_t)(b->state == BREAKER_OPEN ? b->wait_ms : PROBE_MS);
    if (now_ms >= until)
        return 0;
    int64_t left = (int64_t)(until - now_ms);
    return b->state == BREAKER_PROBING && b->wait_ms < left ? b->wait_ms : left;
}

bool breaker_enter(struct breaker *b, uint64_t now_ms)
{
    if (b->state == BREAKER_CLOSED)
        return false;
    b->state = BREAKER_PROBING;
    b->since_ms = now_ms;
    return true;
}

void breaker_ok(struct breaker *b)
{
    *b = (struct breaker){.state = BREAKER_CLOSED};
}

void breaker_failed(struct breaker *b, const struct breaker_limits *l, uint64_t now_ms)
{
    if (b->failures < INT32_MAX)
        b->failures++;
    if (b->state == BREAKER_OPEN || (b->state == BREAKER_CLOSED && b->failures < l->failures))
        return;
    int64_t wait = b->state == BREAKER_PROBING ? b->wait_ms * 2 : l->wait_ms;
    b->wait_ms = wait > l->wait_ms * WAIT_GROWTH ? l->wait_ms * WAIT_GROWTH : wait;
    b->state = BREAKER_OPEN;
    b->since_ms = now_ms;
}

void breaker_forget(struct breaker *b)
{
    if (b->state == BREAKER_PROBING) {
        b->state = BREAKER_OPEN;
        b->since_ms -= b->since_ms < (uint64_t)b->wait_ms ? b->since_ms : (uint64_t)b->wait_ms;
    }
}
