/* fixture_call: a core, a clock and a transport made of paper, for tests of call.c: the test plays the
 * upstream, decides what time it is, and reads what the core was told as one line of text.
 *
 *     "start fresh model-a@one; text Hel(1); retrying; end complete 3/2 spent 2" */
#ifndef TEST_FIXTURE_CALL_H
#define TEST_FIXTURE_CALL_H

#include "base/buf.h"
#include "base/config.h"
#include "upstream/call.h"

#define FAKES 32

struct transfer {
    const struct transport_handlers *handlers; /* NULL: cancelled, finished or ended */
    void *ctx;
    char *site;        /* its name */
    char *path, *body; /* the request */
    bool cancelled, finished;
};

struct world {
    struct calls calls;
    struct routes routes;
    struct config config;
    uint64_t now_ms;
    struct transfer *sent[FAKES];
    int sent_count;
    struct call *call;
    struct buf told; /* what the core was told */
    struct buf text; /* the answer as it stands in the core */
    struct call_result result;
    bool only_text, ended, refuse_start;
    int cancel_at; /* cancel inside the n-th event; 0: never */
    int events;
};

extern struct world w;

/* Upstreams "one" and "two" with the model "m" (continuing from a trailing message when `how` says so);
 * a route "m" over the first `count` of them. */
void world_open(size_t count, enum config_continue how);
void world_close(void); /* everything is gone: counters are zero */

void world_ask(const char *params, bool resume);
struct transfer *last(void); /* the newest request */
void head(int status, int64_t retry_after_ms, const char *type);
void body(const char *bytes); /* one read */
void ended(enum transport_result result);
/* An event of a stream with that delta text, as JSON string content; one read. */
void delta(const char *text);
void finish(const char *reason, int prompt, int completion); /* with usage unless -1, then [DONE] */
void at(uint64_t ms);                                        /* time goes on by that much, step by step */
void retried(void);                                          /* time goes on just until the next request */
void told(const char *want);                                 /* and forgets it */

#endif
