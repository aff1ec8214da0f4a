/* breaker: the circuit of one upstream, or of one model there. Pure, time handed in.
 *
 *     CLOSED --failures in a row--> OPEN --wait--> PROBING (one attempt) --ok--> CLOSED
 *                                     ^                |
 *                                     `---- failed: the wait doubles, up to 4 times the first
 *
 * The wait stays short, so that an upstream that came back is noticed within seconds. */
#ifndef LASTWORD_UPSTREAM_BREAKER_H
#define LASTWORD_UPSTREAM_BREAKER_H

#include <stdbool.h>
#include <stdint.h>

enum breaker_state { BREAKER_CLOSED, BREAKER_OPEN, BREAKER_PROBING };

struct breaker {
    enum breaker_state state;
    int failures;      /* in a row */
    int64_t wait_ms;   /* of the present opening */
    uint64_t since_ms; /* OPEN: when it opened; PROBING: when the probe began */
};

struct breaker_limits {
    int64_t failures, wait_ms;
};

/* How long until an attempt may pass: 0 now. Changes nothing. */
int64_t breaker_wait(const struct breaker *b, uint64_t now_ms);
/* An attempt passes now (breaker_wait was 0). True: it is the probe. */
bool breaker_enter(struct breaker *b, uint64_t now_ms);
void breaker_ok(struct breaker *b);
void breaker_failed(struct breaker *b, const struct breaker_limits *l, uint64_t now_ms);
/* The probe ended without an answer to the question (cancelled): the next attempt is the probe. */
void breaker_forget(struct breaker *b);

#endif
