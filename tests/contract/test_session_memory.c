/* The session contract on memory: two nodes on one session_memory, time by turn(). */
#include "contract/session_contract.h"

struct place {
    struct session_memory *memory;
};

static void clean(void *ctx)
{
    struct place *p = ctx;
    session_memory_free(p->memory);
    p->memory = NULL;
}

static struct session_store *open_node(void *ctx, const char *node, const struct session_store_events *events,
                                       void (*wake)(void *), void *wake_ctx)
{
    struct place *p = ctx;
    if (!p->memory)
        p->memory = session_memory_new();
    return session_memory_store(p->memory, node, true, events, wake, wake_ctx);
}

static void pass_time(void *ctx, uint64_t ms)
{
    (void)ctx, (void)ms; /* turn() brings it */
}

static bool settle(void *ctx)
{
    (void)ctx;
    return false;
}

int main(void)
{
    struct place p = {0};
    struct session_factory factory = {.name = "memory",
                                      .open = open_node,
                                      .clean = clean,
                                      .pass = pass_time,
                                      .settle = settle,
                                      .outbox = session_memory_outbox(),
                                      .ctx = &p};
    return session_contract(&factory) != 0;
}
