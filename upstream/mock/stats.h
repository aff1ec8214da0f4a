/* stats: what this server was asked and what it did, for tests to see retries and spend. Counts only; the
 * prompts themselves are never kept. */
#ifndef RICHIERICH_STATS_H
#define RICHIERICH_STATS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "model.h"

enum ended { ENDED_RUNNING, ENDED_DONE, ENDED_ABORTED, ENDED_FAULT, ENDED_REFUSED };

/* One request in the list of the last 64. */
struct request_note {
    char model[MODEL_NAME_MAX + 1];
    uint64_t key;
    uint32_t attempt; /* of its key, from 1; 0: not counted */
    uint64_t prefix_len;
    bool stream;
    uint64_t tokens_sent;
    enum ended ended;
};

/* Notes a request to a model; the number is for stats_end. `base` is what it is counted under. */
uint64_t stats_begin(const struct request_note *note, const char *base, uint64_t prompt_tokens,
                     bool continued);
void stats_prefix(uint64_t number, uint64_t tokens); /* of the prefix, which are prompt tokens too */
/* As they go out, so that the spend of what still runs is seen. `bytes`: of answer text. */
void stats_sent(uint64_t number, uint64_t tokens, uint64_t bytes);
void stats_end(uint64_t number, enum ended ended); /* once for each stats_begin */
void stats_fault(enum fault f);                    /* a fault was shown */
void stats_http(void);                             /* any HTTP request came */

void stats_write(struct buf *out); /* JSON */
void stats_reset(void);            /* all to zero but what runs now */

#endif
