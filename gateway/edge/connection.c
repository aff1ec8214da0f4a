/* connection: birth, states, and what both protocols share: flushing and ending. connection_http.c and
 * connection_ws.c have what each protocol does. See connection.h. */
#include "edge/connection.h"

#include "base/mem.h"
#include "base/metrics.h"
#include "edge/connection_inner.h"
#include "edge/exchange.h"

struct connection *connection_open(struct edge *e, int fd, bool overload)
{
    struct connection *c = mem_alloc(sizeof *c);
    c->edge = e;
    c->wire = e->wire;
    c->fd = fd;
    c->overload = overload;
    c->state = CONNECTION_HEAD;
    c->since_us = e->node->now_us;
    list_init(&c->ready_link);
    list_init(&c->state_link);
    list_add_tail(&e->by_state[CONNECTION_HEAD], &c->state_link);
    e->connections++;
    metric_add(METRIC_CONNECTIONS, 1);
    metric_add(METRIC_CONNECTIONS_TOTAL, 1);
    return c;
}

void connection_gone(struct connection *c)
{
    if (c->talk)
        c->tongue->closed(c->talk);
    if (c->exchange)
        exchange_free(c->exchange);
    list_del(&c->state_link);
    list_del(&c->ready_link);
    c->edge->connections--;
    metric_add(METRIC_CONNECTIONS, -1);
    message_clear(&c->message);
    buf_free(&c->input);
    mem_free(c->credential);
    mem_free(c->query);
    mem_free(c->close_reason);
    mem_free(c);
}

void connection_move(struct connection *c, enum connection_state to)
{
    c->state = to;
    c->since_us = c->edge->node->now_us;
    list_move_tail(&c->edge->by_state[to], &c->state_link);
}

void connection_wake(struct connection *c)
{
    if (list_empty(&c->ready_link))
        list_add_tail(&c->edge->ready, &c->ready_link);
}

void connection_want_write(struct connection *c)
{
    c->asked_write = true;
    c->wire->want_write(c);
}

bool connection_send(struct connection *c, struct buf *bytes)
{
    if (c->wire->send(c, bytes->data, bytes->len))
        return true;
    connection_move(c, CONNECTION_DEAD);
    return false;
}

void connection_linger(struct connection *c)
{
    c->wire->pause(c, true);
    c->wire->finish(c);
    if (c->state != CONNECTION_DEAD)
        connection_move(c, CONNECTION_LINGERING);
}

void connection_flush(struct connection *c)
{
    list_del(&c->ready_link);
    if (c->state == CONNECTION_SESSION || c->state == CONNECTION_CLOSING)
        connection_flush_session(c);
    else if (c->state == CONNECTION_BETWEEN)
        connection_next_request(c);
    else if (c->exchange)
        connection_flush_exchange(c);
}

enum connection_next connection_writable(struct connection *c)
{
    /* Nobody asked: the library has just sent a pong, so the peer has pinged. */
    if (!c->asked_write && !c->blocked)
        connection_heard(c);
    c->asked_write = false;
    connection_flush(c);
    switch (c->state) {
    case CONNECTION_CLOSING:
        if (c->wire->busy(c) || !list_empty(&c->ready_link))
            return NEXT_GO_ON;
        connection_move(c, CONNECTION_PARTING);
        return NEXT_CLOSE;
    case CONNECTION_DEAD:
        return NEXT_DROP;
    default:
        return NEXT_GO_ON;
    }
}
