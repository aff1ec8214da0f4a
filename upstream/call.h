/* call: one answer, whatever it takes. The ladder's hands: it makes attempts, watches their time, and tells
 * the core what comes.
 *
 *     WAITING --due--> ASKED --text, end mark--> OVER
 *        ^               |
 *        `-- ladder -----'  failed, stalled, cut
 *
 * Time and chance are handed in by whoever owns the set; transports call in, nothing is freed before the
 * sweep. It refuses to know sockets and formats. */
#ifndef LASTWORD_UPSTREAM_CALL_H
#define LASTWORD_UPSTREAM_CALL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/list.h"
#include "upstream/answer.h"
#include "upstream/ladder.h"
#include "upstream/route.h"
#include "upstream/timers.h"
#include "upstream/upstream.h"

struct call_limits {
    struct ladder_limits ladder;
    int64_t first_token_ms, between_tokens_ms, stalled_ms;
    size_t event_bytes;
};

struct calls {
    struct timers timers;
    struct list running, over;
    struct gather gather;
    uint64_t (*now_us)(void *clock); /* monotonic */
    void *clock;
    uint32_t (*random)(void);
    struct call_limits limits; /* of calls started from now on */
};

/* Fills limits from the configuration. */
void calls_limits(struct call_limits *l, const struct config *config);
void calls_init(struct calls *s, const struct call_limits *limits, uint64_t (*now_us)(void *), void *clock,
                uint32_t (*random)(void));
void calls_close(struct calls *s); /* cancels all, sweeps */

/* As upstream_ops.start; the targets move from `pick` into the call (on failure they are freed too). */
struct call *call_start(struct calls *s, struct pick *pick, const struct prompt *prompt, bool resume,
                        const struct call_events *events, void *ctx, struct err *error);
void call_cancel(struct call *c);

void calls_tick(struct calls *s);              /* whatever is due now */
uint64_t calls_next_ms(const struct calls *s); /* when calls_tick is to be called next; TIMER_NEVER */
/* The transport has handed over all that one read brought: text goes to the core, ends are drawn. */
void calls_flush(struct calls *s);
void calls_sweep(struct calls *s); /* frees calls that are over; once per turn, from no callback */

#endif
