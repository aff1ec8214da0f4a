/* session_contract: what store.h promises of a session_store, tried on any implementation of it, with two
 * nodes on one shared store and time handed in. */
#ifndef LASTWORD_TESTS_SESSION_CONTRACT_H
#define LASTWORD_TESTS_SESSION_CONTRACT_H

#include "store/store.h"

#define SESSION_NODES 2

struct session_factory {
    const char *name;
    /* Opens one node on the shared place; `wake` is called when its turn is needed. */
    struct session_store *(*open)(void *ctx, const char *node, const struct session_store_events *events,
                                  void (*wake)(void *), void *wake_ctx);
    /* Empties the shared place; no node is open. */
    void (*clean)(void *ctx);
    /* Lets so much time pass for the store itself, as far as it has a clock of its own. */
    void (*pass)(void *ctx, uint64_t ms);
    /* Waits for what is under way outside the process. True when something may have come. */
    bool (*settle)(void *ctx);
    const struct outbox_ops *outbox;
    void *ctx;
};

/* Runs the suite; the number of failed tests. */
int session_contract(const struct session_factory *factory);
int session_contract_log(void);    /* session_contract.c: called by session_contract */
int session_contract_mend(void);   /* session_contract_mend.c */
int session_contract_nodes(void);  /* session_contract_nodes.c */
int session_contract_lapsed(void); /* session_contract_lapsed.c */

#endif
