/* node: one worker: its clock, its tables, its stores. Everything in the core hangs on one of these; there is
 * one a process, and as many as they like in a test. It refuses to own sockets or loops: worker.c turns it.
 *
 *     worker: every turn of the loop  -> node_turn (the clock; what was dropped is freed)
 *             every 50 ms             -> node_tick (deadlines) */
#ifndef LASTWORD_CORE_NODE_H
#define LASTWORD_CORE_NODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/config.h"
#include "base/list.h"
#include "base/uuid.h"
#include "core/credential.h"
#include "store/store.h"
#include "upstream/upstream.h"

struct owner;
struct chat;
struct generation;
struct memo;
struct session;
struct outbox;
struct outbox_ops;
struct rescue;

enum generation_state {
    GENERATION_RECORDING, /* history is asked to record the prompt */
    GENERATION_QUEUED,    /* recorded; another generation of the chat runs */
    GENERATION_RUNNING,   /* a call produces */
    GENERATION_ENDING,    /* the outcome stands; history is asked to record it */
    GENERATION_DONE,      /* done is in the log */
    GENERATION_DROPPED,   /* out of the tables; freed at the next turn */
    GENERATION_STATES
};

struct node {
    /* Set by the owner of the node before node_init; borrowed for its life. */
    const struct config *config; /* may be replaced between turns */
    struct session_store *sessions;
    const struct outbox_ops *outbox_ops; /* of a shared session store; NULL: finish tells history itself */
    struct history_store *history;
    struct upstream *upstream;
    void (*random)(void *out, size_t len);
    /* What a credential says, *out being zeroed; false: not valid at this time. Mode none: any token, NULL
     * too, gives the one owner. */
    bool (*authenticate)(void *ctx, const char *token, uint64_t unix_ms, struct credential *out);
    bool (*revoked)(void *ctx, uint64_t key); /* is this API key no longer good? NULL: there are none */
    /* Appends a ticket that says what *c says; false: none are given. NULL: the same. */
    bool (*ticket)(void *ctx, const struct credential *c, uint64_t unix_ms, struct buf *out);
    void *authenticate_ctx;
    char name[65];

    /* The clock of this turn. */
    uint64_t now_us;  /* monotonic */
    uint64_t unix_ms; /* wall */

    /* The core's own. */
    bool draining, handed_over;
    struct owner *owners;           /* hash by name */
    struct generation *generations; /* hash by (owner, gen) */
    struct chat *chats;             /* hash by (owner, chat) */
    struct list by_state[GENERATION_STATES];
    struct list orphans;                     /* running, cancel_on_disconnect, nobody follows; by since */
    struct list unpersisted;                 /* ended, and history has not taken it yet */
    size_t kept_bytes;                       /* logs of done generations */
    size_t done_count;                       /* how many those are */
    struct list new_sessions;                /* before hello, oldest first */
    struct list open_sessions;               /* by last sign of life, oldest first */
    struct list ping_sessions;               /* by last ping, oldest first */
    struct list slow_sessions;               /* bytes are out that nobody takes */
    struct list gone_sessions, gone_follows; /* freed at the next turn */
    size_t releasing;                        /* leases that are being let go */
    struct list producing;                   /* into a shared log; struct produce.link */
    struct list relays;                      /* read from a shared log; struct relay.link */
    struct list remotes;                     /* of owners known here; struct remote.check_link */
    struct list recalls_running;             /* look-ups; struct recall.link */
    struct list recall_queue;                /* those that wait until fewer run */
    struct list recalls_parked;              /* that the stores could not answer */
    size_t recalls;                          /* that run */
    struct memo *memo_table;                 /* hash by (owner, chat): see memo.h */
    struct list memos;                       /* longest unused first */
    size_t memo_bytes;
    uint64_t expires_ms;         /* when the first credential of a session may expire; 0: none does */
    uint64_t expires_looked_us;  /* when sessions were last looked through for that */
    struct outbox *outbox;       /* NULL without outbox_ops */
    struct rescue *rescue;       /* NULL where the session store is not shared */
    struct store_op *checkpoint; /* in flight */
    uint64_t checkpoint_us;      /* when the last began */
    bool store_away;             /* the session store */
    uint64_t patience_us;        /* nothing of another gateway is taken over before */
    struct takeover *takeover;   /* at start, until every answer found running is taken up */
};

/* The fields above the line are set; makes the rest. */
void node_init(struct node *n);
/* Ends everything at once: calls cancelled, what runs saved as it stands. Connections must be closed before.
 */
void node_close(struct node *n);

void node_turn(struct node *n, uint64_t now_us, uint64_t unix_ms);
void node_tick(struct node *n);

/* SIGTERM: goaway to every session. Without a shared session store new sends are refused; with one they are
 * taken until node_hand_over, since those were on their way and others go on with the answers. */
void node_drain(struct node *n);
/* What this node still produces is left to the others: leases are let go. Before node_close. */
void node_hand_over(struct node *n);
/* Nothing runs here and nothing waits to be recorded. */
bool node_idle(const struct node *n);

struct uuid node_uuid(struct node *n);
static inline uint64_t node_ms(const struct node *n)
{
    return n->now_us / 1000;
}

#endif
