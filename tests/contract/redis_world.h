/* redis_world: a session_factory over a real Redis: nodes on one loop, and the server's clock. */
#ifndef LASTWORD_TESTS_REDIS_WORLD_H
#define LASTWORD_TESTS_REDIS_WORLD_H

#include <ev.h>

#include "contract/redis_server.h"
#include "contract/session_contract.h"

#define REDIS_WORLD_SERVERS 6
#define REDIS_WORLD_NODES 4

struct redis_world {
    struct ev_loop *loop;
    const char *url;
    struct redis_server servers[REDIS_WORLD_SERVERS]; /* emptied by clean, moved in time by pass */
    size_t server_count;
    struct session_store *nodes[REDIS_WORLD_NODES]; /* open ones */
    struct session_store_ops ops;                   /* redis_ops, but close tells us */
};

/* Opens the loop; the factory's ctx is w. */
struct session_factory redis_world_open(struct redis_world *w);
void redis_world_close(struct redis_world *w);

/* Turns the loop until `done` says so; fails the test after half a minute. */
void redis_world_until(struct redis_world *w, bool (*done)(void *ctx), void *ctx);

#endif
