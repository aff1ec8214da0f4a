/* redis_bed: one node on a Redis that things are done to. Calls put what they bring into words, as
 * session_world does, but nothing here expects the server to answer. */
#ifndef LASTWORD_TESTS_REDIS_BED_H
#define LASTWORD_TESTS_REDIS_BED_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/buf.h"
#include "contract/redis_world.h"

#define OWNER "acme/alice"
#define TIMEOUT_MS 400

struct bed {
    struct redis_world world;
    struct session_store *s;
    char url[1024];
    struct buf said;   /* of the last completion */
    struct buf events; /* "up; grown 1 to 3; " */
    int completions;
    uint64_t completed_ms, health_ms; /* when the last came */
    /* The writer of generation 1. */
    struct buf text;
    uint64_t seq;
};

struct gen_key bed_key(int n);
struct session_store *bed_open(struct bed *b, const char *url, const char *node);
void bed_close(struct bed *b); /* all: nodes, servers, loop */

void until_up(struct bed *b);
void until_down(struct bed *b);
void until_told(struct bed *b, const char *event);
/* Waits for the completion of a call that was started. */
void until_done(struct bed *b, int before);

void begin_append(struct bed *b, const char *text);         /* next in generation 1, epoch 1 */
void begin_again(struct bed *b);                            /* the last append, once more */
void acquired(struct bed *b, const char *what);             /* acquire, and what it must bring */
void bed_reclaim(struct bed *b, const struct gen_key *key); /* starts it */
void reclaimed(struct bed *b, const char *what);
void appended(struct bed *b, const char *text, const char *what);
void read_back(struct bed *b, const char *what); /* all of generation 1 */
void heard_it(struct bed *b, const char *what);

#endif
