/* keys: which of an upstream's keys is used next. Pure; it knows their number, never their text.
 *
 * One is used until the upstream refuses it; then it rests, and the next takes its place. */
#ifndef LASTWORD_UPSTREAM_KEYS_H
#define LASTWORD_UPSTREAM_KEYS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/config.h"
#include "upstream/failure.h"

#define KEYS_MAX (CONFIG_MORE_KEYS_MAX + 1)

struct keys {
    unsigned count; /* 1..KEYS_MAX; an upstream without a key has one that is empty */
    unsigned at;
    uint64_t rests_until_ms[KEYS_MAX];
};

/* The one to use now: if all rest, the one that has rested soonest. */
unsigned keys_pick(struct keys *k, uint64_t now_ms);
/* A request with `key` failed. How long it rests for that, ms; 0: it does not, for it is the only one or the
 * failure says nothing of it. retry_after_ms: -1 for none. */
int64_t keys_failed(struct keys *k, unsigned key, enum failure f, int64_t retry_after_ms, uint64_t now_ms);
/* Is there one that does not rest? */
bool keys_fresh(const struct keys *k, uint64_t now_ms);

#endif
