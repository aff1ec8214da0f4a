/* websocket: see websocket.h.
 *
 *     http_socket -> websocket_take -> libwebsockets -> on_event -> connection_x
 *     connection -> websocket_wire -> lws_write, untouched bytes
 *
 * The library is given the socket of a request that has passed every check of ours, with a handshake in our
 * own words to answer (upgrade_write). What it does not do here, and why (4.1.6, on libev):
 *
 * - HTTP: it hangs over pipelined requests, answers in HTML, and leaves most of a head unchecked
 *   (LIBWEBSOCKETS.md has the list); head.c and http_socket.c do that.
 *
 * - Frames out: connection_ws.c makes them, many to a send; lws_write(LWS_WRITE_HTTP) passes them untouched.
 *   So no permessage-deflate, and no HTTP/2.
 *
 * - Timers: its own are not kept on libev (one armed from another watcher is not noticed), so every timeout
 *   it sets is made a day long, and edge_tick has the deadlines.
 *
 * What cannot be seen through it: unmasked client frames (accepted). */
#include "edge/websocket.h"

#include <ev.h>
#include <libwebsockets.h>
#include <string.h>
#include <sys/socket.h>

#include "base/log.h"
#include "base/mem.h"
#include "edge/connection.h"
#include "edge/tcp.h"
#include "edge/upgrade.h"

#define HANDSHAKE_MAX 1024    /* bytes of what upgrade_write makes, and to spare */
#define RECEIVE_MAX 512       /* bytes of one read of a WebSocket; a buffer of that size is held by each */
#define SEND_MAX (1024 << 10) /* longer writes would be cut by the library */
#define NEVER_S 86400

struct websocket {
    struct lws_context *context;
    struct lws_vhost *vhost;
    struct connection *taking; /* whose socket is being handed over */
};

static struct websocket *websocket; /* there is one a process; callbacks have no other way to it */

static int keep_unless_dead(const struct connection *c)
{
    return c->state == CONNECTION_DEAD ? -1 : 0;
}

/* ------------------------------------------------------------------ frames */

static int on_piece(struct lws *wsi, struct connection *c, const char *data, size_t len)
{
    struct message_piece piece = {
        .data = data,
        .len = len,
        .rest = lws_remaining_packet_payload(wsi),
        .final = lws_is_final_fragment(wsi) != 0,
        .binary = lws_frame_is_binary(wsi) != 0,
    };
    connection_piece(c, &piece);
    return keep_unless_dead(c);
}

static int send_close(struct lws *wsi, const struct connection *c)
{
    unsigned char reason[124];
    size_t len = c->close_reason ? strlen(c->close_reason) : 0;
    len = len < sizeof reason - 1 ? len : sizeof reason - 1;
    if (len)
        memcpy(reason, c->close_reason, len);
    lws_close_reason(wsi, (enum lws_close_status)c->close_code, reason, len);
    return -1; /* on libev, from here, the library delivers the close frame */
}

/* The library would send a malformed close frame back as it came. */
static int on_peer_close(struct lws *wsi, struct connection *c, const char *payload, size_t len)
{
    unsigned code = message_close_fault(payload, len);
    connection_parting(c);
    if (code)
        lws_close_reason(wsi, (enum lws_close_status)code, NULL, 0);
    return code ? -1 : 0;
}

static int on_writable(struct lws *wsi, struct connection *c)
{
    enum connection_next next = connection_writable(c);
    if (next == NEXT_CLOSE)
        return send_close(wsi, c);
    return next == NEXT_DROP ? -1 : 0;
}

/* ------------------------------------------------------------------ every event */

/* While its socket is being handed over a connection is not freed: websocket_take has yet to look at it. */
static void on_destroy(struct lws *wsi, struct connection *c)
{
    lws_set_opaque_user_data(wsi, NULL);
    c->wire_state = NULL;
    if (websocket->taking != c)
        connection_gone(c);
}

static void on_created(struct lws *wsi)
{
    websocket->taking->wire_state = wsi;
    lws_set_opaque_user_data(wsi, websocket->taking);
}

static int on_event(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t len)
{
    (void)user;
    if (reason == LWS_CALLBACK_SERVER_NEW_CLIENT_INSTANTIATED)
        on_created(wsi);
    struct connection *c = wsi ? lws_get_opaque_user_data(wsi) : NULL;
    if (!c)
        return 0;
    switch (reason) {
    case LWS_CALLBACK_ESTABLISHED:
        connection_upgraded(c);
        return 0;
    case LWS_CALLBACK_RECEIVE:
        return on_piece(wsi, c, in, len);
    case LWS_CALLBACK_WS_PEER_INITIATED_CLOSE:
        return on_peer_close(wsi, c, in, len);
    case LWS_CALLBACK_RECEIVE_PONG:
        connection_heard(c);
        return 0;
    case LWS_CALLBACK_SERVER_WRITEABLE:
        return on_writable(wsi, c);
    case LWS_CALLBACK_HTTP: /* not the handshake that it was given */
        return -1;
    case LWS_CALLBACK_WSI_DESTROY:
        on_destroy(wsi, c);
        return 0;
    default:
        return 0;
    }
}

/* ------------------------------------------------------------------ the wire */

static bool wire_send(struct connection *c, void *bytes, size_t len)
{
    return lws_write(c->wire_state, bytes, len, LWS_WRITE_HTTP) >= 0;
}

static bool wire_busy(const struct connection *c)
{
    return lws_partial_buffered(c->wire_state) != 0;
}

/* It says so to nobody; but it has noted its close frame. */
static bool wire_closing(const struct connection *c)
{
    return lws_get_close_length(c->wire_state) > 0;
}

static void wire_want_write(struct connection *c)
{
    lws_callback_on_writable(c->wire_state);
}

/* The library waits for its buffered bytes before it closes: it has to meet a dead socket then. */
static void wire_kill(struct connection *c)
{
    if (!c->wire_state) {
        connection_gone(c);
        return;
    }
    shutdown(c->fd, SHUT_RDWR);
    if (wire_busy(c))
        lws_callback_on_writable(c->wire_state);
    else
        lws_set_timeout(c->wire_state, PENDING_TIMEOUT_USER_OK, LWS_TO_KILL_SYNC);
}

static const struct wire websocket_wire = {
    .send = wire_send,
    .busy = wire_busy,
    .closing = wire_closing,
    .kill = wire_kill,
    .want_write = wire_want_write,
    .taken = tcp_taken,
};

void websocket_take(struct connection *c)
{
    struct buf first = c->input;
    c->input = (struct buf){0};
    c->wire = &websocket_wire;
    websocket->taking = c;
    lws_adopt_socket_vhost_readbuf(websocket->vhost, c->fd, first.data, first.len);
    websocket->taking = NULL;
    buf_free(&first);
    if (!c->wire_state)
        connection_move(c, CONNECTION_DEAD);
}

/* ------------------------------------------------------------------ open and close */

static void on_log(int level, const char *line)
{
    (void)level;
    log_error("websocket.library", LF_STR("message", line));
}

#define PROTOCOLS_MAX 8

/* A handshake names the one that upgrade_check has chosen, or none; the first is also that of those. */
static struct lws_protocols protocols[PROTOCOLS_MAX + 1];

static void name_protocols(void)
{
    size_t n = 0;
    for (size_t i = 0; tongues[i] && n < PROTOCOLS_MAX; i++)
        if (tongues[i]->protocol)
            protocols[n++] = (struct lws_protocols){.name = tongues[i]->protocol,
                                                    .callback = on_event,
                                                    .rx_buffer_size = RECEIVE_MAX,
                                                    .tx_packet_size = SEND_MAX};
}

static const lws_retry_bo_t no_pings;

static struct lws_context_creation_info creation_info(void **loops)
{
    return (struct lws_context_creation_info){
        .port = CONTEXT_PORT_NO_LISTEN,
        .protocols = protocols,
        .options = LWS_SERVER_OPTION_LIBEV | LWS_SERVER_OPTION_EXPLICIT_VHOSTS,
        .foreign_loops = loops,
        .max_http_header_data = HANDSHAKE_MAX,
        .retry_and_idle_policy = &no_pings,
        .timeout_secs = NEVER_S,
        .keepalive_timeout = NEVER_S,
        .timeout_secs_ah_idle = NEVER_S,
    };
}

struct websocket *websocket_open(struct ev_loop *loop)
{
    void *loops[1] = {loop};
    struct lws_context_creation_info info = creation_info(loops);
    struct websocket *w = mem_alloc(sizeof *w);
    name_protocols();
    lws_set_log_level(LLL_ERR, on_log);
    w->context = lws_create_context(&info);
    w->vhost = w->context ? lws_create_vhost(w->context, &info) : NULL;
    lws_set_log_level(0, NULL); /* from here on its lines are about what peers do */
    if (!w->vhost) {
        if (w->context)
            lws_context_destroy(w->context);
        mem_free(w);
        return NULL;
    }
    websocket = w;
    return w;
}

void websocket_close(struct websocket *w)
{
    lws_context_destroy(w->context);
    mem_free(w);
    websocket = NULL;
}
