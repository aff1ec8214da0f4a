/* postgres_link: a place in the pool: a connection that comes back by itself, and one exchange on it at a
 * time.
 *
 *     RESTING --wait over--> RESOLVING --addresses--> CONNECTING --open--> GREETING --schema ok--> READY <-->
 * BUSY ^                        |  next address at once; after the last one, rest (full jitter)      | |
 *        +------------------------+-----------------------+---------------------+----- failed, silent, lost
 * ---+
 *
 * Each address is tried by itself with its own time limit, in random order, so that one that swallows packets
 * does not stand before the others. Time and readiness are handed in; it knows no loop and no history. */
#ifndef LASTWORD_STORE_POSTGRES_LINK_H
#define LASTWORD_STORE_POSTGRES_LINK_H

#include "store/postgres_conn.h"
#include "store/postgres_hosts.h"

#define LINK_ADDRESSES 32 /* of one round */

enum pglink_state { LINK_RESTING, LINK_RESOLVING, LINK_CONNECTING, LINK_GREETING, LINK_READY, LINK_BUSY };

enum pglink_role {
    LINK_WRITES,  /* the primary, writable */
    LINK_READS,   /* the primary */
    LINK_STANDBY, /* a standby; the primary where there is none, but not for long */
};

struct pglink;
struct pglink_events {
    /* A reply of the exchange; its rows are the callee's. */
    void (*reply)(struct pglink *link, struct pgreply *reply);
    /* The exchange is over: all replies were had, or the connection is lost. In the first case the next may
     * be begun at once. */
    void (*ended)(struct pglink *link, bool lost);
    /* The schema is older than this program: somebody should migrate. */
    void (*outdated)(struct pglink *link);
};

struct pglink_settings {
    uint64_t connect_us, statement_us;
    bool prepared;
};

struct pglink {
    enum pglink_role role;
    const struct pglink_settings *settings; /* borrowed */
    const struct pglink_events *events;     /* borrowed */
    void *ctx;
    struct pghosts *hosts; /* borrowed */
    enum pglink_state state;
    struct pgconn *conn;    /* owned */
    uint64_t until_us;      /* when the state has lasted too long; UINT64_MAX: never */
    unsigned failures;      /* rounds in a row that led nowhere */
    bool told;              /* it is unreachable, and that was logged */
    char why[200];          /* how the last attempt ended */
    bool second_best;       /* STANDBY, and it is the primary */
    uint64_t best_until_us; /* how long that is good enough */
    bool preparing;         /* GREETING: the second half of it */
    bool starting;          /* the next reply is the first of a transaction */
    bool opened;            /* the transaction has a statement */
    char start_code[6];     /* how setting up the transaction failed */
    size_t syncs;           /* transactions without their end yet */
    size_t order[LINK_ADDRESSES], order_count, order_next, passes; /* of the round */
};

void pglink_init(struct pglink *link, enum pglink_role role, struct pghosts *hosts,
                 const struct pglink_settings *settings, const struct pglink_events *events, void *ctx);
void pglink_free(struct pglink *link); /* its connection; no event comes */

/* What is due by now: connecting, giving up. When to call again: pglink_due. */
void pglink_turn(struct pglink *link, uint64_t now_us);
uint64_t pglink_due(const struct pglink *link);
/* The descriptor is ready. */
void pglink_step(struct pglink *link, bool readable, uint64_t now_us);
int pglink_fd(const struct pglink *link); /* -1: none */
bool pglink_wants_read(const struct pglink *link);
bool pglink_wants_write(const struct pglink *link);

/* An exchange, while READY: statements, each transaction closed by a commit; then go. More may be added while
 * it is BUSY. */
void pglink_send(struct pglink *link, enum pgsql sql, const struct pgparams *params);
void pglink_commit(struct pglink *link);
void pglink_go(struct pglink *link, uint64_t now_us);
/* Gives the connection up (it is of no use): as if lost, `ended` included. */
void pglink_drop(struct pglink *link, const char *why, uint64_t now_us);

/* True when a failure of this code (an SQLSTATE) says that the connection is of no use. */
bool pglink_code_is_loss(const char *code);

#endif
