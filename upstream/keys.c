/* keys: see keys.h. */
#include "upstream/keys.h"

#define BUSY_MS 10000      /* after 429 without Retry-After */
#define BUSY_MAX_MS 600000 /* and at most, whatever it asked for */
#define BARRED_MS                                                                                            \
    600000 /* a key that is refused or has used up its quota: an operator has to do something                \
            */

static bool rests(const struct keys *k, unsigned key, uint64_t now_ms)
{
    return k->rests_until_ms[key] > now_ms;
}

unsigned keys_pick(struct keys *k, uint64_t now_ms)
{
    unsigned soonest = k->at;
    for (unsigned i = 0; i < k->count; i++) {
        unsigned key = (k->at + i) % k->count;
        if (!rests(k, key, now_ms))
            return k->at = key;
        if (k->rests_until_ms[key] < k->rests_until_ms[soonest])
            soonest = key;
    }
    return soonest;
}

static int64_t rest_of(enum failure f, int64_t retry_after_ms)
{
    if (f == FAIL_AUTH || f == FAIL_QUOTA)
        return BARRED_MS;
    if (f != FAIL_RATE_LIMIT)
        return 0;
    if (retry_after_ms <= 0)
        return BUSY_MS;
    return retry_after_ms < BUSY_MAX_MS ? retry_after_ms : BUSY_MAX_MS;
}

int64_t keys_failed(struct keys *k, unsigned key, enum failure f, int64_t retry_after_ms, uint64_t now_ms)
{
    int64_t ms = k->count > 1 ? rest_of(f, retry_after_ms) : 0;
    if (ms)
        k->rests_until_ms[key] = now_ms + (uint64_t)ms;
    return ms;
}

bool keys_fresh(const struct keys *k, uint64_t now_ms)
{
    for (unsigned i = 0; i < k->count; i++)
        if (!rests(k, i, now_ms))
            return true;
    return false;
}
