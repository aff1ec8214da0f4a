/* connection_input: the bytes of a connection, cut anywhere, to requests. See connection.h.
 *
 *     bytes -> c->input -> head_find_end -> head_parse -> upgrade? -> connection_upgrade -> the other wire
 *                                                      -> connection_request
 *                       -> connection_body            while it is BODY
 *
 * While a request is answered nothing is read; what came with it (pipelining) waits in c->input. */
#include "edge/connection_inner.h"
#include "edge/head.h"
#include "edge/upgrade.h"

static const char *unused(const struct connection *c, size_t *len)
{
    *len = c->input.len - c->input_at;
    return *len ? c->input.data + c->input_at : "";
}

static void use(struct connection *c, size_t len)
{
    c->input_at += len;
    c->head_at = 0;
    if (c->input_at < c->input.len)
        return;
    buf_free(&c->input);
    c->input_at = 0;
}

static void wrong(struct connection *c, int status, const char *message)
{
    struct err e = {0};
    err_set(&e, ERR_BAD_REQUEST, "%s", message);
    connection_refuse(c, status, &e);
}

/* Empty lines before a request are read over (RFC 9112 section 2.2). True: a byte of a head is there. */
static bool begins(struct connection *c)
{
    size_t len;
    const char *bytes = unused(c, &len);
    while (len >= 2 && bytes[0] == '\r' && bytes[1] == '\n') {
        use(c, 2);
        bytes = unused(c, &len);
    }
    return len > 0;
}

static void take_parsed(struct connection *c, struct head *head)
{
    struct err e = {0};
    switch (upgrade_wish(head)) {
    case UPGRADE_NONE:
        connection_request(c, head);
        return;
    case UPGRADE_WEBSOCKET:
        connection_upgrade(c, head);
        break;
    case UPGRADE_UNKNOWN:
        err_set(&e, ERR_BAD_REQUEST, "Only an upgrade to websocket is known.");
        e.param = "upgrade";
        connection_refuse(c, 400, &e);
        break;
    }
    head_free(head);
}

/* False: more bytes are needed. */
static bool take_head(struct connection *c)
{
    if (!begins(c))
        return false;
    if (c->state == CONNECTION_IDLE)
        connection_move(c, CONNECTION_HEAD); /* its time runs from the first byte */
    size_t len;
    const char *bytes = unused(c, &len);
    enum head_verdict verdict = head_find_end(bytes, len, &c->head_at);
    if (c->head_at > HEAD_MAX) {
        wrong(c, 431, "The head of the request is too long.");
        return false;
    }
    if (verdict == HEAD_WRONG)
        wrong(c, 400, "This is not HTTP.");
    if (verdict != HEAD_WHOLE)
        return false;
    struct head head;
    struct err e = {0};
    size_t used = c->head_at;
    int status = head_parse(bytes, used, &head, &e);
    use(c, used);
    if (status)
        connection_refuse(c, status, &e);
    else
        take_parsed(c, &head);
    return true;
}

static bool take_body(struct connection *c)
{
    size_t len;
    const char *bytes = unused(c, &len);
    if (len)
        use(c, connection_body(c, bytes, len));
    return len > 0;
}

static bool awaits_input(const struct connection *c)
{
    return c->state == CONNECTION_HEAD || c->state == CONNECTION_IDLE || c->state == CONNECTION_BODY;
}

static bool take(struct connection *c)
{
    if (!awaits_input(c))
        return false;
    return c->state == CONNECTION_BODY ? take_body(c) : take_head(c);
}

static void take_all(struct connection *c)
{
    while (take(c))
        ;
    if (c->state == CONNECTION_UPGRADING)
        c->wire->upgrade(c);
}

void connection_input(struct connection *c, const char *data, size_t len)
{
    buf_drop(&c->input, c->input_at); /* a peer that never stops between two requests would let it grow */
    c->input_at = 0;
    buf_add(&c->input, data, len);
    take_all(c);
}

void connection_input_end(struct connection *c)
{
    bool within = c->state == CONNECTION_BODY || c->input.len > c->input_at;
    if (awaits_input(c) && within)
        wrong(c, 400, "The request ended before it was complete.");
    else
        connection_move(c, CONNECTION_DEAD);
}

void connection_next_request(struct connection *c)
{
    if (c->edge->leaving) {
        connection_linger(c);
        return;
    }
    connection_move(c, CONNECTION_IDLE);
    take_all(c);
    if (awaits_input(c))
        c->wire->pause(c, false);
}
