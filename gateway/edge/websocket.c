/* websocket: see websocket.h.
 *
 *     listener -> websocket_adopt -> libwebsockets -> on_event -> connection_x
 *     connection -> websocket_wire -> lws_write, untouched bytes
 *
 * What the library does not do here, and why (4.1.6, on libev):
 *
 * - Frames out: connection_ws.c makes them, many to a send; lws_write(LWS_WRITE_HTTP) passes them untouched.
 *   So no permessage-deflate, and no HTTP/2.
 *
 * - Timers: its own are not kept on libev (one armed from another watcher is not noticed), so every timeout
 *   it sets is made a day long, and edge_tick has the deadlines.
 *
 * - Request checks: it takes any method, version and length; request.c and upgrade.c check.
 *
 * - Reading while a route works: its state then has no reader and the loop would spin, so reading is paused;
 *   not while the socket is full, as it would not write either.
 *
 * - Pipelining: it handles what it has read beyond a request badly, up to hanging; such a connection ends.
 *
 * What cannot be seen through it: unmasked client frames (accepted); heads over WIRE_HEADER_MAX (closed
 * without an answer); bad escapes in the path and an Upgrade to something else (answered 403 by the library
 * itself). */
#include "edge/websocket.h"

#include <ev.h>
#include <libwebsockets.h>
#include <string.h>
#include <sys/socket.h>

#include "base/log.h"
#include "base/mem.h"
#include "edge/connection.h"
#include "edge/head.h"
#include "edge/tcp.h"

#define READ_MAX 32768        /* bytes of one read of HTTP */
#define RECEIVE_MAX 512       /* bytes of one read of a WebSocket; a buffer of that size is held by each */
#define SEND_MAX (1024 << 10) /* longer writes would be cut by the library */
#define NEVER_S 86400

struct websocket {
    struct lws_context *context;
    struct lws_vhost *vhost;
    struct edge *edge;
    struct connection *adopting; /* NULL once it is gone */
};

static struct websocket *websocket; /* there is one a process; callbacks have no other way to it */

/* ------------------------------------------------------------------ reading or not */

static bool wire_busy(const struct connection *c)
{
    return lws_partial_buffered(c->wsi) != 0;
}

/* Each call of the library's flow control, though it changes nothing, asks for a write event if there is
 * input that it has read and not used; and then it does not serve that event. So it is called for changes
 * only. */
static void hold(struct connection *c, bool held)
{
    if (c->held == held)
        return;
    c->held = held;
    lws_rx_flow_control(c->wsi, !held);
}

/* Under its flow control the library does not write either, and spins where it should: so it is lifted while
 * bytes are kept. */
static void apply_pause(struct connection *c)
{
    hold(c, c->paused && !wire_busy(c));
}

/* ------------------------------------------------------------------ headers */

static bool has_header(struct lws *wsi, enum lws_token_indexes token)
{
    char empty[1];
    return lws_hdr_total_length(wsi, token) > 0 ||
           lws_hdr_copy_fragment(wsi, empty, sizeof empty, token, 0) == 0;
}

static int known_token(const char *name)
{
    static const struct {
        const char *name;
        enum lws_token_indexes token;
    } known[] = {
        {":version", WSI_TOKEN_HTTP},
        {"host", WSI_TOKEN_HOST},
        {"connection", WSI_TOKEN_CONNECTION},
        {"expect", WSI_TOKEN_HTTP_EXPECT},
        {"content-length", WSI_TOKEN_HTTP_CONTENT_LENGTH},
        {"transfer-encoding", WSI_TOKEN_HTTP_TRANSFER_ENCODING},
        {"sec-websocket-version", WSI_TOKEN_VERSION},
        {"sec-websocket-key", WSI_TOKEN_KEY},
        {"sec-websocket-protocol", WSI_TOKEN_PROTOCOL},
        {"origin", WSI_TOKEN_ORIGIN},
        {"authorization", WSI_TOKEN_HTTP_AUTHORIZATION},
        {"content-type", WSI_TOKEN_HTTP_CONTENT_TYPE},
        {"accept", WSI_TOKEN_HTTP_ACCEPT},
        {"accept-encoding", WSI_TOKEN_HTTP_ACCEPT_ENCODING},
        {"if-none-match", WSI_TOKEN_HTTP_IF_NONE_MATCH},
        {"range", WSI_TOKEN_HTTP_RANGE},
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strcmp(known[i].name, name) == 0)
            return (int)known[i].token;
    return -1;
}

static unsigned wire_copy_header(const struct connection *c, const char *name, char *out, size_t size)
{
    struct lws *wsi = c->wsi;
    enum lws_token_indexes token = (enum lws_token_indexes)known_token(name);
    *out = '\0';
    if (!has_header(wsi, token))
        return 0;
    int len = lws_hdr_copy(wsi, out, (int)size, token);
    if (len < 0) {
        memcpy(out, "?", 2);
        len = 1;
    }
    while (len > 0 && (out[len - 1] == ' ' || out[len - 1] == '\t'))
        out[--len] = '\0';
    unsigned count = 1;
    while (lws_hdr_fragment_length(wsi, token, (int)count) > 0)
        count++;
    return count;
}

static bool wire_header(const struct connection *c, const char *name, char *out, size_t size)
{
    int token = known_token(name);
    if (token >= 0)
        return has_header(c->wsi, (enum lws_token_indexes)token) &&
               lws_hdr_copy(c->wsi, out, (int)size, (enum lws_token_indexes)token) >= 0;
    char key[64];
    int len = snprintf(key, sizeof key, "%s:", name);
    return lws_hdr_custom_copy(c->wsi, out, (int)size, key, len) >= 0;
}

static void copy_query(struct lws *wsi, struct buf *query)
{
    char argument[REQUEST_QUERY_MAX];
    for (int i = 0;; i++) {
        int len = lws_hdr_copy_fragment(wsi, argument, sizeof argument, WSI_TOKEN_HTTP_URI_ARGS, i);
        if (len < 0 || query->len > REQUEST_QUERY_MAX)
            return;
        request_add_query(query, argument, (size_t)len);
    }
}

static const enum http_method methods[] = {
    [LWSHUMETH_GET] = HTTP_GET,         [LWSHUMETH_HEAD] = HTTP_HEAD,     [LWSHUMETH_POST] = HTTP_POST,
    [LWSHUMETH_PATCH] = HTTP_PATCH,     [LWSHUMETH_DELETE] = HTTP_DELETE, [LWSHUMETH_PUT] = HTTP_OTHER,
    [LWSHUMETH_OPTIONS] = HTTP_OPTIONS, [LWSHUMETH_CONNECT] = HTTP_OTHER,
};

/* The path is borrowed from the library's table of headers; NULL if there is none in one piece. */
static enum http_method request_line(struct lws *wsi, const char **path)
{
    char *uri = NULL;
    int len = 0, meth = lws_http_get_uri_and_method(wsi, &uri, &len);
    *path = meth >= 0 && (size_t)len == strlen(uri) ? uri : NULL; /* it is cut in pieces at & and ; */
    return meth >= 0 && (size_t)meth < sizeof methods / sizeof *methods ? methods[meth] : HTTP_OTHER;
}

/* ------------------------------------------------------------------ HTTP */

static int keep_unless_dead(const struct connection *c)
{
    return c->state == CONNECTION_DEAD ? -1 : 0;
}

static int on_request(struct lws *wsi, struct connection *c)
{
    if (c->state != CONNECTION_HEAD && c->state != CONNECTION_IDLE)
        return -1;
    struct head head;
    struct buf query = {0};
    const char *path;
    enum http_method method = request_line(wsi, &path);
    head_read(&head, &websocket_wire, c, method, path);
    copy_query(wsi, &query);
    connection_request(c, &head.request, &query);
    lws_set_timeout(wsi, NO_PENDING_TIMEOUT, 0);
    return keep_unless_dead(c);
}

static int on_body(struct connection *c, const char *data, size_t len)
{
    if (len)
        connection_body(c, data, len);
    return keep_unless_dead(c);
}

static int on_body_end(struct lws *wsi, struct connection *c)
{
    connection_body_end(c);
    lws_set_timeout(wsi, NO_PENDING_TIMEOUT, 0);
    return keep_unless_dead(c);
}

/* Of the header Upgrade only the length may be looked at. For a value other than websocket or h2c the library
 * has already answered 403 and let go of the head, whose bytes `in` still points to. */
static int on_upgrade(struct lws *wsi, struct connection *c)
{
    bool awaited = c->state == CONNECTION_HEAD || c->state == CONNECTION_IDLE;
    if (!awaited || lws_hdr_total_length(wsi, WSI_TOKEN_UPGRADE) != (int)strlen("websocket"))
        return -1;
    struct head head;
    const char *path;
    enum http_method method = request_line(wsi, &path);
    head_read_upgrade(&head, &websocket_wire, c, method, path);
    return connection_upgrade(c, &head.upgrade) ? 0 : -1;
}

/* ------------------------------------------------------------------ WebSocket */

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
    apply_pause(c);
    if (next == NEXT_CLOSE)
        return send_close(wsi, c);
    return next == NEXT_DROP ? -1 : 0;
}

/* ------------------------------------------------------------------ every event */

static void on_destroy(struct lws *wsi, struct connection *c)
{
    if (websocket->adopting == c)
        websocket->adopting = NULL;
    lws_set_opaque_user_data(wsi, NULL);
    connection_gone(c);
}

static int on_event(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t len)
{
    (void)user;
    struct connection *c = wsi ? lws_get_opaque_user_data(wsi) : NULL;
    if (!c)
        return 0;
    switch (reason) {
    case LWS_CALLBACK_SERVER_NEW_CLIENT_INSTANTIATED:
        c->wsi = wsi;
        return 0;
    case LWS_CALLBACK_HTTP:
        return on_request(wsi, c);
    case LWS_CALLBACK_HTTP_BODY:
        return on_body(c, in, len);
    case LWS_CALLBACK_HTTP_BODY_COMPLETION:
        return on_body_end(wsi, c);
    case LWS_CALLBACK_HTTP_CONFIRM_UPGRADE:
        return on_upgrade(wsi, c);
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
    case LWS_CALLBACK_HTTP_WRITEABLE:
    case LWS_CALLBACK_SERVER_WRITEABLE:
    case LWS_CALLBACK_RAW_WRITEABLE:
        return on_writable(wsi, c);
    case LWS_CALLBACK_RAW_RX: /* what is not HTTP falls back to this */
        connection_garbage(c, in, len);
        return keep_unless_dead(c);
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
    bool alive = lws_write(c->wsi, bytes, len, LWS_WRITE_HTTP) >= 0;
    if (c->paused)
        apply_pause(c);
    return alive;
}

/* It says so to nobody; but it has noted its close frame. */
static bool wire_closing(const struct connection *c)
{
    return lws_get_close_length(c->wsi) > 0;
}

static void wire_want_write(struct connection *c)
{
    lws_callback_on_writable(c->wsi);
}

static void wire_pause(struct connection *c, bool paused)
{
    c->paused = paused;
    apply_pause(c);
}

/* The library would not wait in poll if it had unused input of a connection that may be read. */
static bool has_unused_input(void)
{
    return lws_service_adjust_timeout(websocket->context, 1, 0) == 0;
}

static bool wire_read_on(struct connection *c)
{
    bool of_others = has_unused_input(), held = c->held;
    hold(c, false);
    bool more = !of_others && has_unused_input();
    hold(c, held);
    return more;
}

/* Has the library read beyond the request that was just completed? Then, and only then, it still holds a
 * table of headers, which shows in that it empties `probe`. A POST that it takes from its buffer is given its
 * own head as body, and can hang the library for ever: such a connection is closed instead. */
static bool has_read_on(const struct connection *c)
{
    char probe[2] = "?";
    lws_hdr_custom_copy(c->wsi, probe, sizeof probe, "?:", 2);
    return !probe[0];
}

static bool wire_next_request(struct connection *c)
{
    if (lws_http_transaction_completed(c->wsi))
        return false;
    wire_pause(c, false);
    return !has_read_on(c);
}

static void wire_finish(struct connection *c)
{
    if (!wire_busy(c))
        shutdown(c->fd, SHUT_WR);
}

/* Input that waits while the socket is full would be noticed by the loop, for ever, and read by nobody. */
static bool wire_peer_gone(const struct connection *c)
{
    return !tcp_is_open(c) || (wire_busy(c) && tcp_has_input(c));
}

/* The library waits for its buffered bytes before it closes: it has to meet a dead socket then. */
static void wire_kill(struct connection *c)
{
    shutdown(c->fd, SHUT_RDWR);
    if (wire_busy(c))
        lws_callback_on_writable(c->wsi);
    else
        lws_set_timeout(c->wsi, PENDING_TIMEOUT_USER_OK, LWS_TO_KILL_SYNC);
}

const struct wire websocket_wire = {
    .send = wire_send,
    .busy = wire_busy,
    .closing = wire_closing,
    .want_write = wire_want_write,
    .pause = wire_pause,
    .read_on = wire_read_on,
    .next_request = wire_next_request,
    .finish = wire_finish,
    .drained = tcp_drained,
    .peer_gone = wire_peer_gone,
    .taken = tcp_taken,
    .header = wire_header,
    .copy_header = wire_copy_header,
    .kill = wire_kill,
};

/* ------------------------------------------------------------------ open and close */

static void on_log(int level, const char *line)
{
    (void)level;
    log_error("websocket.library", LF_STR("message", line));
}

static const struct lws_protocols protocols[] = {
    /* The only one, so that a client's list cannot choose another. HTTP comes to it as well. */
    {.name = UPGRADE_PROTOCOL,
     .callback = on_event,
     .rx_buffer_size = RECEIVE_MAX,
     .tx_packet_size = SEND_MAX},
    {0},
};
static const lws_retry_bo_t no_pings;

static struct lws_context_creation_info creation_info(void **loops)
{
    return (struct lws_context_creation_info){
        .port = CONTEXT_PORT_NO_LISTEN,
        .protocols = protocols,
        .options = LWS_SERVER_OPTION_LIBEV | LWS_SERVER_OPTION_EXPLICIT_VHOSTS |
                   LWS_SERVER_OPTION_FALLBACK_TO_APPLY_LISTEN_ACCEPT_CONFIG,
        .listen_accept_role = "raw-skt",
        .listen_accept_protocol = UPGRADE_PROTOCOL,
        .foreign_loops = loops,
        .pt_serv_buf_size = READ_MAX,
        .max_http_header_data = WIRE_HEADER_MAX,
        .retry_and_idle_policy = &no_pings,
        .timeout_secs = NEVER_S,
        .keepalive_timeout = NEVER_S,
        .timeout_secs_ah_idle = NEVER_S,
    };
}

struct websocket *websocket_open(struct edge *edge, struct ev_loop *loop)
{
    void *loops[1] = {loop};
    struct lws_context_creation_info info = creation_info(loops);
    struct websocket *w = mem_alloc(sizeof *w);
    lws_set_log_level(LLL_ERR, on_log);
    w->edge = edge;
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

bool websocket_adopt(struct websocket *w, int fd, bool overload)
{
    struct connection *c = connection_open(w->edge, fd, overload);
    lws_adopt_desc_t adopt = {
        .vh = w->vhost,
        .type = LWS_ADOPT_SOCKET | LWS_ADOPT_HTTP | LWS_ADOPT_ALLOW_SSL,
        .fd = {.sockfd = fd},
        .opaque = c,
    };
    w->adopting = c;
    if (lws_adopt_descriptor_vhost_via_info(&adopt))
        return true;
    if (w->adopting) /* it failed before the library would have told */
        connection_gone(c);
    return false;
}
