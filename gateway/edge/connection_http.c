/* connection_http: a connection while it speaks HTTP. See connection.h. */
#include "base/mem.h"
#include "base/metrics.h"
#include "edge/connection_inner.h"
#include "edge/exchange.h"
#include "edge/upgrade.h"

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

void connection_refuse(struct connection *c, int status, const struct err *e)
{
    if (c->exchange) {
        refuse(c, status, e);
        return;
    }
    struct buf *out = &c->edge->scratch;
    buf_clear(out);
    exchange_write_refusal(out, status, e);
    if (connection_send(c, out))
        connection_linger(c);
}

static void overloaded(struct err *e)
{
    err_set(e, ERR_RATE_LIMITED, "This gateway has as many connections as it takes.");
    e->after_ms = 2000;
    metric_add_for(METRIC_CONNECTIONS_REFUSED, "limit", 1);
}

/* ------------------------------------------------------------------ in */

/* The whole request is here: from now on it is the route's. */
static void dispatch(struct connection *c)
{
    connection_move(c, CONNECTION_ANSWERING);
    c->wire->pause(c, true);
    exchange_dispatch(c->exchange);
    connection_flush(c);
}

static void say_continue(struct connection *c)
{
    struct buf *out = &c->edge->scratch;
    buf_clear(out);
    buf_add_lit(out, "HTTP/1.1 100 Continue\r\n\r\n");
    connection_send(c, out);
}

void connection_request(struct connection *c, struct head *head)
{
    struct err e = {0};
    c->exchange = exchange_new(c, head);
    struct request_plan *plan = &c->exchange->plan;
    size_t body_max = (size_t)c->edge->node->config->limits_http_body_bytes;
    int status = request_check(&c->exchange->head, body_max, plan, &e);
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

static size_t body_chunked(struct connection *c, const char *data, size_t len)
{
    struct exchange *e = c->exchange;
    size_t used, max = (size_t)c->edge->node->config->limits_http_body_bytes;
    switch (chunked_feed(&e->chunked, data, len, &e->body, max, &used)) {
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
    return used;
}

size_t connection_body(struct connection *c, const char *data, size_t len)
{
    struct exchange *e = c->exchange;
    if (e->plan.framing == REQUEST_CHUNKED)
        return body_chunked(c, data, len);
    size_t left = (size_t)e->plan.length - e->body.len;
    len = len < left ? len : left;
    buf_add(&e->body, data, len);
    if (len == left)
        dispatch(c);
    return len;
}

/* ------------------------------------------------------------------ out */

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

void connection_flush_exchange(struct connection *c)
{
    if (c->state != CONNECTION_ANSWERING && c->state != CONNECTION_BODY)
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

/* The ticket offered as a subprotocol; NULL: none. Owned by the caller. */
static char *offered_ticket(const struct head *head)
{
    const char *offers = head_value(head, "sec-websocket-protocol");
    const char *at = offers ? strstr(offers, TICKET_PROTOCOL) : NULL;
    if (!at)
        return NULL;
    at += sizeof TICKET_PROTOCOL - 1;
    return mem_memdup(at, strcspn(at, ", \t"));
}

/* 0, or 401 or 503 and *e. No header is no error where the credential may come in a message, or
 * nobody needs one. A ticket is for our own tongue. */
static int check_credential(struct connection *c, const struct head *head, struct err *e)
{
    struct credential credential = {0};
    const char *header = head_value(head, "authorization");
    struct node *n = c->edge->node;
    char *ticket = header || !c->tongue->late_owner ? NULL : offered_ticket(head);
    if (!header && !ticket && c->tongue->late_owner)
        return 0;
    const char *token = ticket ? ticket : header ? request_bearer(header) : NULL;
    bool good = n->authenticate(n->authenticate_ctx, token, n->unix_ms, &credential) &&
                (c->tongue->tickets || uuid_is_nil(&credential.ticket));
    mem_free(ticket);
    if (!good) {
        err_set(e, credential.unknown ? ERR_STORE_DEGRADED : ERR_UNAUTHORIZED, NULL);
        e->after_ms = credential.unknown ? 1000 : 0;
        return credential.unknown ? 503 : 401;
    }
    c->credential = mem_alloc(sizeof credential);
    *c->credential = credential;
    return 0;
}

static int check_upgrade(struct connection *c, const struct head *head, struct err *e)
{
    struct request_plan plan;
    int status = request_check(head, SIZE_MAX, &plan, e);
    if (!status && plan.framing != REQUEST_NO_BODY) {
        err_set(e, ERR_BAD_REQUEST, "A WebSocket begins without a body.");
        return 400;
    }
    if (!status)
        status = upgrade_check(head, &c->edge->node->config->listen_origins, &c->tongue, e);
    if (!status)
        status = check_room(c, e);
    return status ? status : check_credential(c, head, e);
}

/* What came behind the head is the first of the WebSocket. */
void connection_upgrade(struct connection *c, const struct head *head)
{
    struct err e = {0};
    int status = check_upgrade(c, head, &e);
    if (status) {
        metric_add_for(METRIC_CONNECTIONS_REFUSED, "upgrade", 1);
        connection_refuse(c, status, &e);
        return;
    }
    struct buf first = {0};
    upgrade_write(&first, head, c->tongue);
    c->query = mem_strdup(head->query);
    if (c->input_at < c->input.len)
        buf_add(&first, c->input.data + c->input_at, c->input.len - c->input_at);
    buf_free(&c->input);
    c->input = first;
    c->input_at = 0;
    connection_move(c, CONNECTION_UPGRADING);
}
