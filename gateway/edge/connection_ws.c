/* connection_ws: a connection once it is a WebSocket. See connection.h.
 *
 *     tongue->next, tongue->next, ... -> frames in edge->scratch -> one send */
#include <stdio.h>

#include "base/mem.h"
#include "base/metrics.h"
#include "edge/connection_inner.h"
#include "edge/websocket_frame.h"

#define GATHER_MAX ((size_t)64 << 10) /* bytes of one send */
#define TURN_MAX ((size_t)512 << 10)  /* bytes one connection gets in one turn, so that others get theirs */

/* ------------------------------------------------------------------ what the tongue sees */

static void io_wake(void *conn)
{
    connection_wake(conn);
}

static void io_close(void *conn, unsigned code, const char *reason)
{
    struct connection *c = conn;
    c->close_code = (uint16_t)code;
    c->close_reason = mem_strdup(reason);
    char name[12];
    snprintf(name, sizeof name, "%u", code);
    metric_add_for(METRIC_CLOSES, name, 1);
    if (c->state == CONNECTION_SESSION)
        connection_move(c, CONNECTION_CLOSING);
    connection_wake(c);
}

static uint64_t io_unsent(void *conn)
{
    const struct connection *c = conn;
    return c->wire->taken(c);
}

static void io_peer(void *conn, char out[ADDRESS_TEXT])
{
    const struct connection *c = conn;
    address_text(&c->peer, out);
}

static const struct session_io io = {
    .wake = io_wake, .close = io_close, .unsent = io_unsent, .peer = io_peer};

void connection_upgraded(struct connection *c)
{
    struct tongue_caller who = {.node = c->edge->node,
                                .io = &io,
                                .conn = c,
                                .credential = c->credential,
                                .query = c->query ? c->query : ""};
    connection_move(c, CONNECTION_SESSION);
    c->talk = c->tongue->open(c->tongue, &who);
    mem_free(c->credential);
    mem_free(c->query);
    c->credential = NULL;
    c->query = NULL;
}

/* ------------------------------------------------------------------ in */

void connection_heard(struct connection *c)
{
    if (c->state == CONNECTION_SESSION)
        c->tongue->alive(c->talk);
}

void connection_parting(struct connection *c)
{
    connection_move(c, CONNECTION_PARTING);
}

static void refuse_message(struct connection *c, enum message_verdict verdict)
{
    switch (verdict) {
    case MESSAGE_TOO_LARGE:
        c->tongue->close(c->talk, 1009, "message too large");
        break;
    case MESSAGE_FLOOD:
        c->tongue->close(c->talk, 4505, "too many fragments");
        break;
    case MESSAGE_BINARY:
        c->tongue->close(c->talk, 4500, "text only");
        break;
    default:
        c->tongue->close(c->talk, 1007, "not UTF-8");
        break;
    }
    message_clear(&c->message);
}

void connection_piece(struct connection *c, const struct message_piece *piece)
{
    if (c->state != CONNECTION_SESSION)
        return;
    const char *text;
    size_t len;
    enum message_verdict verdict =
        message_add(&c->message, piece, c->tongue->message_max(c->talk), &text, &len);
    if (verdict == MESSAGE_MORE) {
        c->tongue->alive(c->talk);
    } else if (verdict == MESSAGE_WHOLE) {
        c->tongue->receive(c->talk, text, len);
        message_clear(&c->message);
    } else {
        refuse_message(c, verdict);
    }
    if (!list_empty(&c->ready_link)) /* the answer, at once */
        connection_flush(c);
}

/* ------------------------------------------------------------------ out */

/* Fills `out` with frames; true: stopped because it is full. */
static bool gather(struct connection *c, struct buf *out)
{
    buf_clear(out);
    while (out->len < GATHER_MAX) {
        size_t mark = websocket_frame_begin(out);
        enum tongue_frame frame = c->tongue->next(c->talk, out);
        if (frame == TONGUE_NOTHING) {
            websocket_frame_drop(out, mark);
            return false;
        }
        if (frame == TONGUE_PING)
            websocket_frame_ping(out, mark);
        else
            websocket_frame_end(out, mark);
    }
    return true;
}

static void tell_blocked(struct connection *c)
{
    bool busy = c->wire->busy(c);
    if (busy != c->blocked) {
        c->blocked = busy;
        c->tongue->blocked(c->talk, busy);
    }
}

void connection_flush_session(struct connection *c)
{
    const struct wire *wire = c->wire;
    struct buf *out = &c->edge->scratch;
    size_t given = 0;
    if (c->state == CONNECTION_SESSION && wire->closing(c)) {
        connection_parting(c);
        return;
    }
#ifdef LASTWORD_PLANT_CURSOR
    if (wire->busy(c))
        gather(c, out);
#endif
    for (bool more = true; more && !wire->busy(c);) {
        if (given >= TURN_MAX) {
            connection_wake(c);
            break;
        }
        more = gather(c, out);
        given += out->len;
        if (out->len && !connection_send(c, out))
            return;
    }
    tell_blocked(c);
    if (c->state == CONNECTION_CLOSING && !wire->busy(c) && !c->asked_write)
        connection_want_write(c); /* the close frame goes out from there */
}
