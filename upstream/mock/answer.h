/* answer: one whole deterministic answer, cut into tokens and escaped for JSON, shared by all streams of it.
 * Tokens end only on whole UTF-8 sequences. Knows no pace and no wire. */
#ifndef RICHIERICH_ANSWER_H
#define RICHIERICH_ANSWER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/list.h"

#define ANSWER_TOKENS_MAX 1000000u

enum family { FAMILY_MARKDOWN, FAMILY_RRML, FAMILY_ECHO, FAMILY_CLOCK };

struct answer_key {
    enum family family;
    uint64_t hash;       /* of family, input, seed */
    uint32_t tokens;     /* wanted; FAMILY_ECHO has its own count */
    uint32_t token_size; /* bytes, about; 0: words */
};

struct answer {
    struct answer_key key;
    struct buf text;
    struct buf escaped;    /* each token escaped as inside a JSON string */
    uint32_t count;        /* tokens */
    uint32_t *end;         /* [count] where each token ends in text; owned */
    uint32_t *escaped_end; /* [count] and in escaped; owned */
    uint32_t end_cap;
    unsigned refs;
    struct list node; /* in its bucket */
    struct list idle; /* in the cache while nobody uses it */
};

/* The answer to `input`; made, or taken from the small cache. Given back with answer_put. */
struct answer *answer_get(enum family family, const char *input, size_t n, uint64_t seed, uint32_t tokens,
                          uint32_t token_size);
void answer_put(struct answer *a); /* NULL is fine */

static inline size_t answer_start(const struct answer *a, uint32_t token)
{
    return token ? a->end[token - 1] : 0;
}

/* The first token that ends after `offset`; a->count when there is none. */
uint32_t answer_token_at(const struct answer *a, size_t offset);

/* Width of a token of FAMILY_CLOCK: 16 digits (microseconds, CLOCK_MONOTONIC) and a space. */
#define CLOCK_TOKEN 17

void answer_forget_all(void); /* empties the cache; at the end of the process */

#endif
