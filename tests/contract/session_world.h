/* session_world: two nodes on one session store under test. Each call waits for its completion and puts what
 * it brought into words; events are gathered per node.
 *
 *     acquire(w, 0, 1, 3000);  heard(w, "ok epoch=1 seq=0 off=0");
 */
#ifndef LASTWORD_TESTS_SESSION_WORLD_H
#define LASTWORD_TESTS_SESSION_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/buf.h"
#include "contract/session_contract.h"

#define ALICE "acme/alice"
#define BOB "acme/bob"

struct pair;

struct side {
    struct pair *pair;
    struct session_store *s;
    struct buf events; /* "cancel 1; grown 1 to 3; active 1 running; " */
    bool woken;
};

struct pair {
    const struct session_factory *factory;
    struct side side[SESSION_NODES];
    struct buf said;
    int completions;
    bool inside;
    uint64_t held_ms; /* of the last acquire */
    uint64_t now_ms;
    char outbox_id[8][64]; /* of the last take */
    size_t outbox_count;
};

int pair_setup(void **state);
int pair_teardown(void **state);
void pair_use(const struct session_factory *factory);
void node_open(struct pair *w, int node);
void node_close(struct pair *w, int node);

/* Time passes; every node has its turn until none is woken any more. */
void pass(struct pair *w, uint64_t ms);
void heard(struct pair *w, const char *what);
/* What the node was told since the last asking. */
void told(struct pair *w, int node, const char *events);
/* The key of Alice's generation n. */
struct gen_key key(int n);
struct gen_key key_of(const char *owner, int n);

/* A record that follows the writer's position, which it moves. */
struct writer {
    int gen;
    uint64_t epoch, seq, off;
    uint32_t crc;
    struct buf text; /* what stands */
};
struct log_record next_text(struct writer *x, const char *text);
struct log_record next_rewind(struct writer *x, uint64_t off);
struct log_record next_mark(struct writer *x, enum log_kind kind, const char *json);

struct store_op *start_touch(struct pair *w, int node, const char *owner, int session, uint64_t ttl_ms);
struct store_op *start_acquire(struct pair *w, int node, int gen, uint64_t lease_ms);
struct store_op *start_renew(struct pair *w, int node, int gen, uint64_t epoch, uint64_t lease_ms);
struct store_op *start_reclaim(struct pair *w, int node, int gen, uint64_t epoch, uint64_t lease_ms);
struct store_op *start_append_many(struct pair *w, int node, int gen, const struct log_record *r, size_t n);
struct store_op *start_append(struct pair *w, int node, int gen, struct log_record r);
struct store_op *start_finish(struct pair *w, int node, int gen, struct log_record r, const char *entry,
                              uint64_t keep_ms);
struct store_op *start_read(struct pair *w, int node, struct gen_key k, uint64_t after, size_t max);
struct store_op *start_followed(struct pair *w, int node, struct gen_key k);
struct store_op *start_cancel(struct pair *w, int node, struct gen_key k);
struct store_op *start_active(struct pair *w, int node, const char *owner);
struct store_op *start_lapsed(struct pair *w, int node, size_t max);
struct store_op *start_take(struct pair *w, int node, size_t max);
struct store_op *start_ack(struct pair *w, int node, size_t n);
struct store_op *start_prompt(struct pair *w, int node, int gen, int chat, const char *entry);
struct store_op *start_chat(struct pair *w, int node, const char *owner, int chat);
struct store_op *start_forget(struct pair *w, int node, int gen, int chat);

/* Each waits, without time passing. */
void touch(struct pair *w, int node, const char *owner, int session, uint64_t ttl_ms);
void acquire(struct pair *w, int node, int gen, uint64_t lease_ms);
void renew(struct pair *w, int node, int gen, uint64_t epoch, uint64_t lease_ms);
void reclaim(struct pair *w, int node, int gen, uint64_t epoch, uint64_t lease_ms);
void append_many(struct pair *w, int node, int gen, const struct log_record *r, size_t n);
void append(struct pair *w, int node, int gen, struct log_record r);
void finish(struct pair *w, int node, int gen, struct log_record r, const char *entry, uint64_t keep_ms);
void read_log(struct pair *w, int node, struct gen_key k, uint64_t after, size_t max);
void followed(struct pair *w, int node, struct gen_key k);
void cancel(struct pair *w, int node, struct gen_key k);
void active(struct pair *w, int node, const char *owner);
void publish(struct pair *w, int node, const char *owner, int gen, const char *state, uint64_t off);
void watch(struct pair *w, const char *owner);     /* every node */
void lapsed(struct pair *w, int node, size_t max); /* heard in order of owner and gen */
void take(struct pair *w, int node, size_t max);
void ack(struct pair *w, int node, size_t n); /* the first n of the last take */
/* Of Alice; the newest message of a prompt is its gen + 500. */
void prompt(struct pair *w, int node, int gen, int chat, const char *entry);
void answered(struct pair *w, int node, int gen, int chat, const char *text);
void newest(struct pair *w, int node, int chat, int message, uint64_t keep_ms);
void chat(struct pair *w, int node, const char *owner, int chat); /* turns by gen */
void forget(struct pair *w, int node, int gen, int chat);

#endif
