/* call_inner: what call.c (life, time) and attempt.c (one request) share. */
#ifndef LASTWORD_UPSTREAM_CALL_INNER_H
#define LASTWORD_UPSTREAM_CALL_INNER_H

#include "upstream/call.h"

enum call_state { CALL_WAITING, CALL_ASKED, CALL_OVER, CALL_STATES };

/* One request and what came of it. */
struct attempt {
    struct transfer *transfer; /* NULL: none, or gone */
    void *stream;              /* the codec's */
    struct answer answer;
    struct buf refusal; /* body of a status other than 200 */
    struct buf unsent;  /* the end of the prefix that the dialect could not send */
    enum start_mode mode;
    int status;
    int64_t retry_after_ms;
    uint64_t began_us;
    uint64_t active_ms;       /* last event */
    uint64_t finish_ms;       /* a finish_reason came then, 0: none yet */
    unsigned tokens;          /* events with text */
    unsigned seen, malformed; /* of answer.events and .malformed, those accounted for */
    unsigned key;             /* of the site */
    unsigned probe;           /* site_enter */
    bool announced;           /* on_start was given */
    bool stalled_told;
    bool running;  /* counted in the gauge */
    bool measured; /* attempt_measure had it */
};

struct call {
    struct calls *set;
    struct list node;
    struct timer timer;
    enum call_state state;
    struct call_limits limits;
    struct call_events events;
    void *ctx;
    char *trace;            /* for logs, may be NULL */
    struct target *targets; /* owned array, each held; targets and `at` are the ladder's */
    struct ladder ladder;
    struct buf messages; /* the JSON array */
    json_t *params;
    struct attempt try;
    char detail[ANSWER_DETAIL]; /* of the first cause */
    int64_t kept;               /* tokens of earlier attempts whose text stands */
    bool kept_known;            /* false: part of the text came from another gateway */
    bool shown;                 /* the core holds something of this answer */
    bool other;                 /* something that is not text came */
    bool resume;
};

uint64_t call_now_ms(const struct call *c);
struct target *call_target(struct call *c);
/* The only assigner of `state`. */
void call_move(struct call *c, enum call_state to);
/* Ends the call: on_start if it is due, then on_end. after_ms: as in struct err. */
void call_end(struct call *c, enum call_outcome outcome, int64_t after_ms);

void attempt_begin(struct call *c);
void attempt_announce(struct call *c); /* on_start, once */
void attempt_watch(struct call *c);    /* the timer came: what does it mean? */
void attempt_failed(struct call *c, enum failure f);
/* Lets go of the transfer: `politely` it may end by itself, otherwise its connection is closed. */
void attempt_stop(struct call *c, bool politely);
void attempt_drop(struct call *c);          /* stops it and forgets what it said */
int64_t attempt_cost(const struct call *c); /* completion tokens, said or counted */
/* The attempt is over: counts it, once. `error`: a name of ours for what ended it; NULL: it ended well. */
void attempt_measure(struct call *c, const char *error);
void attempt_flush(struct gather *g, void *owner);
void attempt_progress(struct call *c);

#endif
