/* ladder: what to do after an attempt failed. Pure: time, chance and the state of the circuits are handed in.
 *
 *     failed -> the same target again (after a wait)  ->  the next target  ->  the end
 *
 * Bounded in attempts, time and tokens. While another target is left, one target gets its share of the
 * attempts and no more. It refuses to know what an attempt is made of. */
#ifndef LASTWORD_UPSTREAM_LADDER_H
#define LASTWORD_UPSTREAM_LADDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "upstream/failure.h"

#define LADDER_TARGETS 16

struct ladder_limits {
    int64_t attempts, total_ms, spend_tokens, backoff_ms, backoff_max_ms;
};

struct ladder {
    struct ladder_limits limits;
    uint64_t began_ms;
    int64_t attempts; /* made so far */
    int64_t spent;    /* completion tokens of all attempts; the caller adds */
    uint8_t targets, at;
    uint8_t tries[LADDER_TARGETS];
    uint16_t barred;    /* bit per target: it cannot serve this request */
    uint16_t no_prefix; /* bit per target: it refused to continue */
    enum failure first; /* the first cause; FAIL_NONE while nothing failed */
    int first_status;   /* HTTP status that came with it, 0 for none */
};

enum ladder_move { LADDER_RETRY, LADDER_FALLBACK, LADDER_END };

struct ladder_step {
    enum ladder_move move;
    size_t target;
    int64_t wait_ms;  /* before the next attempt */
    int64_t after_ms; /* END: when trying again may help; 0 unknown */
};

/* What happened, and how the world is now. */
struct ladder_news {
    enum failure failure;
    int status;             /* HTTP, 0 for none */
    int64_t retry_after_ms; /* as the upstream asked; -1: it did not */
    uint64_t now_ms;
    uint32_t random;
    bool other_key;       /* the same target can be asked with another key */
    uint16_t open;        /* bit per target: its circuit is open */
    int64_t open_wait_ms; /* until the present target's circuit lets a probe through */
};

/* `targets` 1..LADDER_TARGETS, in the order to be tried. */
void ladder_init(struct ladder *l, const struct ladder_limits *limits, size_t targets, uint64_t now_ms);
/* An attempt on target l->at begins. */
void ladder_began(struct ladder *l);
/* Decides, and moves l->at. */
struct ladder_step ladder_failed(struct ladder *l, const struct ladder_news *n);

#endif
