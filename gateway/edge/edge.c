/* edge: see edge.h. */
#include "edge/edge.h"

#include "edge/connection.h"

#define FLUSH_ROUNDS 4     /* what is sent can wake others: so often in one turn */
#define IDLE_US 60000000   /* keep-alive without a request */
#define CLOSING_US 2000000 /* to get the rest and the close frame out */
#define PARTING_US 1000000 /* for the peer's close frame, or its FIN */
#define LOOK_US 500000     /* how often answering connections are looked at */

void edge_init(struct edge *e, struct node *node, const struct wire *wire)
{
    *e = (struct edge){.node = node, .wire = wire};
    for (int i = 0; i < CONNECTION_STATES; i++)
        list_init(&e->by_state[i]);
    list_init(&e->ready);
}

void edge_free(struct edge *e)
{
    buf_free(&e->scratch);
}

static void each_older(struct edge *e, enum connection_state state, uint64_t age_us,
                       void (*act)(struct connection *c))
{
    list_each_safe (pos, tmp, &e->by_state[state]) {
        struct connection *c = list_entry(pos, struct connection, state_link);
        if (e->node->now_us - c->since_us < age_us)
            break;
        act(c);
    }
}

static void kill_it(struct connection *c)
{
    c->wire->kill(c);
}

bool edge_flush(struct edge *e)
{
    for (int round = 0; round < FLUSH_ROUNDS && !list_empty(&e->ready); round++) {
        struct list now = e->ready;
        now.next->prev = now.prev->next = &now;
        list_init(&e->ready);
        for (struct list *link; (link = list_first(&now));)
            connection_flush(list_entry(link, struct connection, ready_link));
    }
    each_older(e, CONNECTION_DEAD, 0, kill_it);
    return !list_empty(&e->ready);
}

/* ------------------------------------------------------------------ deadlines */

/* A head or a body that comes too slowly: says so, then lingers. */
static void time_out(struct connection *c)
{
    struct err error = {0};
    err_set(&error, ERR_BAD_REQUEST, "The request took too long to arrive.");
    connection_refuse(c, 408, &error);
}

static void drain_lingering(struct edge *e)
{
    list_each_safe (pos, tmp, &e->by_state[CONNECTION_LINGERING]) {
        struct connection *c = list_entry(pos, struct connection, state_link);
        if (e->node->now_us - c->since_us >= PARTING_US || c->wire->drained(c))
            c->wire->kill(c);
    }
}

/* While a route works on an answer its connection is not read, so nobody would notice that the client left.
 * One that has closed its half only and waits for the answer looks the same; so what comes soon, it still
 * gets. */
static void look_at_answering(struct edge *e)
{
    if (e->node->now_us - e->looked_us < LOOK_US)
        return;
    e->looked_us = e->node->now_us;
    uint64_t stalled = (uint64_t)e->node->config->limits_slow_ms * 1000;
    list_each_safe (pos, tmp, &e->by_state[CONNECTION_ANSWERING]) {
        struct connection *c = list_entry(pos, struct connection, state_link);
        bool stuck = c->wire->busy(c) && e->node->now_us - c->since_us >= stalled;
        bool gone = c->wire->peer_gone(c);
        if (stuck || (gone && c->looked_gone))
            c->wire->kill(c);
        else
            c->looked_gone = gone;
    }
}

void edge_tick(struct edge *e)
{
    uint64_t head_us = (uint64_t)e->node->config->limits_header_ms * 1000;
    each_older(e, CONNECTION_HEAD, head_us, time_out);
    each_older(e, CONNECTION_BODY, head_us, time_out);
    each_older(e, CONNECTION_UPGRADING, head_us, kill_it);
    each_older(e, CONNECTION_IDLE, IDLE_US, kill_it);
    each_older(e, CONNECTION_BETWEEN, IDLE_US, kill_it);
    each_older(e, CONNECTION_CLOSING, CLOSING_US, kill_it);
    each_older(e, CONNECTION_PARTING, PARTING_US, kill_it);
    drain_lingering(e);
    look_at_answering(e);
}

/* ------------------------------------------------------------------ leaving */

static void kill_all(struct edge *e, enum connection_state state)
{
    list_each_safe (pos, tmp, &e->by_state[state])
        kill_it(list_entry(pos, struct connection, state_link));
}

void edge_leave(struct edge *e)
{
    e->leaving = true;
    kill_all(e, CONNECTION_IDLE);
}

static void close_talk(struct connection *c, unsigned code, const char *reason)
{
    c->tongue->close(c->talk, code, reason);
}

void edge_close(struct edge *e, unsigned code, const char *reason)
{
    edge_leave(e);
    list_each_safe (pos, tmp, &e->by_state[CONNECTION_SESSION])
        close_talk(list_entry(pos, struct connection, state_link), code, reason);
    edge_flush(e);
    for (int state = 0; state < CONNECTION_STATES; state++)
        if (state != CONNECTION_CLOSING && state != CONNECTION_PARTING)
            kill_all(e, (enum connection_state)state);
}
