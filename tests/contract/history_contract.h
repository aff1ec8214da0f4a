/* history_contract: what store.h promises of a history_store, tried on any implementation of it.
 * An implementation gives a factory; the suite opens, restarts and empties the store through it. */
#ifndef LASTWORD_TESTS_HISTORY_CONTRACT_H
#define LASTWORD_TESTS_HISTORY_CONTRACT_H

#include "store/store.h"

struct history_factory {
    const char *name;
    /* An empty place for a store; called before each test. */
    void (*clean)(void *ctx);
    /* Opens the store on the place as it is: after a close, this is a restart. */
    struct history_store *(*open)(void *ctx, struct ev_loop *loop);
    void *ctx;
};

/* Runs the suite; the number of failed tests. */
int history_contract(const struct history_factory *factory);

#endif
