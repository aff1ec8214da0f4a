/* connection_http: a connection while it speaks HTTP. See connection.h. */
#include <string.h>

#include "base/mem.h"
#include "base/metrics.h"
#include "edge/connection_inner.h"
#include "edge/exchange.h"

static void refuse(struct connection *c, int status, const struct err *e)
{
    exchange_refuse(c->exchange, status, e);
    connection_flush(c);
}

static void refuse_code(struct connection *c, int status, enum err_code code, const char *message)
{
    struct err e = {0};
    err_set(&e, code, "%s", message);
    refuse(c, status, &e);
}

static void overloaded(struct err *e)
{
    err_set(e, ERR_RATE_LIMITED, "This gateway has as many connections as it takes.");
    e->after_ms = 2000;
    metric_add_for(METRIC_CONNECTIONS_REFUSED, "limit", 1);
}

/* The whole request is here: from now on it is the route's. */
static void dispatch(struct connection *c)
{
    connection_move(c, CONNECTION_ANSWERING);
    c->edge->wire->pause(c, true);
    exchange_dispatch(c->exchange);
    connection_flush(c);
    if (c->state == CONNECTION_ANSWERING) {
        c->look_behind = true;
        connection_wake(c);
    }
}

static void say_continue(struct connection *c)
{
    struct buf *out = &c->edge->scratch;
    buf_clear(out);
    buf_add_lit(out, "HTTP/1.1 100 Continue\r\n\r\n");
    connection_send(c, out);
}

void connection_request(struct connection *c, const struct request_head *head, struct buf *query)
{
    struct err e = {0};
    c->exchange = exchange_new(c, head, query);
    struct request_plan *plan = &c->exchange->plan;
    int status = request_check(head, (size_t)c->edge->node->config->limits_http_body_bytes, plan, &e);
    if (!status && c->overload) {
        overloaded(&e);
        status = 503;
    }
    connection_move(c, CONNECTION_BODY);
    if (status) {
        refuse(c, status, &e);
    } else if (plan->framing == REQUEST_NO_BODY) {
        dispatch(c);
    } else if (plan->expects_continue) {
        say_continue(c);
    }
}

bool connection_reads_body(const struct connection *c)
{
    return c->state == CONNECTION_BODY;
}

static void body_chunked(struct connection *c, const char *data, size_t len)
{
    struct exchange *e = c->exchange;
    size_t max = (size_t)c->edge->node->config->limits_http_body_bytes;
    switch (chunked_feed(&e->chunked, data, len, &e->body, max)) {
    case CHUNKED_MORE:
        break;
    case CHUNKED_DONE:
        dispatch(c);
        break;
    case CHUNKED_BAD:
        refuse_code(c, 400, ERR_BAD_REQUEST, "The chunked body is malformed.");
        break;
    case CHUNKED_TOO_LARGE:
        refuse_code(c, 413, ERR_TOO_LARGE, "The body is larger than limits.http_body_bytes.");
        break;
    }
}

void connection_body(struct connection *c, const char *data, size_t len)
{
    if (c->state != CONNECTION_BODY)
        return; /* answered already; what still comes is thrown away */
    if (c->exchange->plan.framing == REQUEST_CHUNKED) {
        body_chunked(c, data, len);
        return;
    }
    size_t left = (size_t)c->exchange->plan.length - c->exchange->body.len;
    buf_add(&c->exchange->body, data, len < left ? len : left);
}

void connection_body_end(struct connection *c)
{
    if (c->state == CONNECTION_BODY && c->exchange->plan.framing == REQUEST_LENGTH)
        dispatch(c);
    else if (c->exchange && c->exchange->body.len)
        connection_move(c,
                        CONNECTION_DEAD); /* a further request while the answer is stuck: see websocket.c */
}

static bool looks_like_a_method(const char *data, size_t len)
{
    size_t letters = 0;
    while (letters < len && data[letters] >= 'A' && data[letters] <= 'Z')
        letters++;
    return letters && (letters == len || data[letters] == ' ');
}

void connection_garbage(struct connection *c, const char *data, size_t len)
{
    if (c->state == CONNECTION_LINGERING || c->state == CONNECTION_DEAD)
        return;
    struct err e = {0};
    struct buf *out = &c->edge->scratch;
    bool method = looks_like_a_method(data, len);
    err_set(&e, ERR_BAD_REQUEST, method ? "The method is not known." : "This is not HTTP.");
    buf_clear(out);
    exchange_write_refusal(out, method ? 501 : 400, &e);
    if (connection_send(c, out))
        connection_linger(c);
}

/* Not from within a call of the wire: only after it does the wire know what else it has read. */
void connection_next_request(struct connection *c)
{
    bool good = !c->edge->leaving && c->edge->wire->next_request(c);
    connection_move(c, good ? CONNECTION_IDLE : CONNECTION_DEAD);
}

static void finish(struct connection *c)
{
    bool keep_alive = c->exchange->plan.keep_alive && !c->edge->leaving;
    exchange_free(c->exchange);
    c->exchange = NULL;
    if (!keep_alive) {
        connection_linger(c);
        return;
    }
    connection_move(c, CONNECTION_BETWEEN);
    connection_wake(c);
}

/* The wire cannot put up with a request that waits in it while another is answered. */
static void end_pipelining(struct connection *c)
{
    struct err e = {0};
    err_set(&e, ERR_BAD_REQUEST, "Send a request when the one before it is answered.");
    if (!c->exchange->answered) {
        exchange_refuse(c->exchange, 400, &e);
        exchange_flush(c->exchange);
    }
    connection_move(c, CONNECTION_DEAD);
}

void connection_flush_exchange(struct connection *c)
{
    if (c->state != CONNECTION_ANSWERING && c->state != CONNECTION_BODY)
        return;
    if (c->look_behind && c->edge->wire->read_on(c))
        end_pipelining(c);
    c->look_behind = false;
    if (c->state == CONNECTION_DEAD)
        return;
    switch (exchange_flush(c->exchange)) {
    case EXCHANGE_WAITS:
        break;
    case EXCHANGE_MORE:
        connection_wake(c);
        break;
    case EXCHANGE_FAILED:
        connection_move(c, CONNECTION_DEAD);
        break;
    case EXCHANGE_DONE:
        finish(c);
        break;
    }
}

/* ------------------------------------------------------------------ upgrade */

static void write_upgrade_refusal(struct connection *c, int status, const struct err *e)
{
    struct buf *out = &c->edge->scratch;
    buf_clear(out);
    exchange_write_refusal(out, status, e);
    metric_add_for(METRIC_CONNECTIONS_REFUSED, "upgrade", 1);
    connection_send(c, out);
}

/* 0, or 503 and *e. */
static int check_room(struct connection *c, struct err *e)
{
    if (c->edge->leaving || c->edge->node->draining) {
        err_set(e, ERR_BUSY, "This gateway is leaving; connect again.");
        e->after_ms = 1000;
        return 503;
    }
    if (c->overload) {
        overloaded(e);
        return 503;
    }
    return 0;
}

/* 0, or 401 and *e. No header is no error: the credential may come in hello. */
static int check_credential(struct connection *c, struct err *e)
{
    char header[WIRE_HEADER_MAX + 1], owner[OWNER_MAX + 1];
    if (!c->edge->wire->header(c, "authorization", header, sizeof header))
        return 0;
    struct node *n = c->edge->node;
    if (!n->authenticate(n->authenticate_ctx, request_bearer(header), owner)) {
        err_set(e, ERR_UNAUTHORIZED, NULL);
        return 401;
    }
    c->credential = mem_strdup(owner);
    return 0;
}

bool connection_upgrade(struct connection *c, const struct upgrade_request *r)
{
    struct err e = {0};
    int status = upgrade_check(r, &c->edge->node->config->listen_origins, &e);
    if (!status)
        status = check_room(c, &e);
    if (!status)
        status = check_credential(c, &e);
    if (status) {
        write_upgrade_refusal(c, status, &e);
        return false;
    }
    connection_move(c, CONNECTION_UPGRADING);
    return true;
}
