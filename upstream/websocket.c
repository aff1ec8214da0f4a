/* websocket: see websocket.h.
 *
 * One context a site, made when the site is. Inside the library's callbacks nothing is closed: what is no
 * longer wanted is `doomed` and closed once per turn of the loop, before it waits. The library's own timers
 * are not relied on (4.1.6 on libev misses those set from other watchers): deadlines are the call's. Names
 * are resolved by getaddrinfo, which blocks: upstreams of this dialect are near. */
#include "upstream/websocket.h"

#include <ev.h>
#include <libwebsockets.h>
#include <string.h>

#include "base/list.h"
#include "base/mem.h"
#include "upstream/reach.h"
#include "upstream/retry_after.h"
#include "upstream/url.h"

#define FDS 1024     /* connections at once */
#define LINGER_S 1.0 /* an answered request may take this long to close properly */

struct websocket_site {
    struct ev_loop *loop;
    struct lws_context *context;
    struct lws_vhost *vhost;
    struct url url;
    char *authorization;
    enum reach reach;
    struct websocket_limits limits;
    struct list running, doomed, lingering;
    ev_prepare turn;
    ev_timer linger;
};

struct transfer {
    struct list node;
    struct websocket_site *site;
    struct lws *wsi;
    ev_timer late;                             /* the handshake takes too long */
    struct buf prompt, message;                /* prompt: LWS_PRE bytes, then the text */
    const struct transport_handlers *handlers; /* NULL: nobody listens any more */
    void *ctx;
    bool starting, headed, failed, skip;
};

static void transfer_free(struct transfer *t)
{
    list_del(&t->node);
    ev_timer_stop(t->site->loop, &t->late);
    buf_free(&t->prompt);
    buf_free(&t->message);
    mem_free(t);
    mem_died(MEM_HTTP_TRANSFER);
}

/* ------------------------------------------------------------ what the library tells */

static void ended(struct transfer *t, enum transport_result result, const char *reason)
{
    const struct transport_handlers *h = t->handlers;
    t->handlers = NULL;
    t->failed = true;
    ev_timer_stop(t->site->loop, &t->late);
    if (h && !t->starting)
        h->on_end(t->ctx, result, reason);
}

static void on_late(struct ev_loop *loop, ev_timer *w, int events)
{
    struct transfer *t = w->data;
    (void)loop;
    (void)events;
    ended(t, TRANSPORT_CONNECT, "too slow");
    list_move_tail(&t->site->doomed, &t->node);
}

/* The handshake was answered with something else than 101, or not at all. */
static void refused(struct transfer *t, struct lws *wsi)
{
    int status = wsi ? (int)lws_http_client_http_response(wsi) : 0;
    char after[32];
    if (status >= 100 && t->handlers && !t->starting) {
        int n = lws_hdr_copy(wsi, after, sizeof after, WSI_TOKEN_HTTP_RETRY_AFTER);
        int64_t ms = n > 0 ? retry_after_ms(after, (size_t)n, (int64_t)time(NULL) * 1000) : -1;
        t->handlers->on_head(t->ctx, status, ms, "");
        ended(t, TRANSPORT_OK, "refused");
        return;
    }
    ended(t, TRANSPORT_CONNECT, "no connection");
}

static void established(struct transfer *t, struct lws *wsi)
{
    t->headed = true;
    ev_timer_stop(t->site->loop, &t->late);
    if (t->handlers)
        t->handlers->on_head(t->ctx, 200, -1, "text/plain");
    lws_callback_on_writable(wsi);
}

static int writeable(struct transfer *t, struct lws *wsi)
{
    size_t len = t->prompt.len;
    if (!len)
        return 0;
    t->prompt.len = 0;
    int sent = lws_write(wsi, (unsigned char *)t->prompt.data + LWS_PRE, len - LWS_PRE, LWS_WRITE_TEXT);
    buf_free(&t->prompt);
    return sent < 0 ? -1 : 0;
}

static int receive(struct transfer *t, struct lws *wsi, const char *bytes, size_t len)
{
    static const char odd[] = "\xff";
    if (lws_is_first_fragment(wsi)) {
        t->message.len = 0;
        t->skip = lws_frame_is_binary(wsi) != 0;
    }
    if (t->message.len + len > t->site->limits.message_max) {
        ended(t, TRANSPORT_RESET, "message too large");
        return -1;
    }
    buf_add(&t->message, bytes, len);
    if (!lws_is_final_fragment(wsi) || lws_remaining_packet_payload(wsi) || !t->handlers)
        return 0;
    if (t->skip)
        t->handlers->on_body(t->ctx, odd, 1);
    else
        t->handlers->on_body(t->ctx, t->message.data ? t->message.data : "", t->message.len);
    return 0;
}

static int append_key(const struct transfer *t, struct lws *wsi, void *in, size_t len)
{
    unsigned char **p = in, *end = *p + len;
    const char *key = t->site->authorization;
    return key && lws_add_http_header_by_token(wsi, WSI_TOKEN_HTTP_AUTHORIZATION, (const unsigned char *)key,
                                               (int)strlen(key), p, end)
               ? -1
               : 0;
}

/* The library connects by itself, so this is judged when it has: not a byte has been sent. */
static bool may_ask(const struct transfer *t, struct lws *wsi)
{
    struct sockaddr_storage peer = {0};
    socklen_t len = sizeof peer;
    return !getpeername(lws_get_socket_fd(wsi), (struct sockaddr *)&peer, &len) &&
           reach_may(t->site->reach, (struct sockaddr *)&peer);
}

static int on_event(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t len)
{
    struct transfer *t = lws_get_opaque_user_data(wsi);
    (void)user;
    if (!t)
        return 0;
    switch (reason) {
    case LWS_CALLBACK_CLIENT_APPEND_HANDSHAKE_HEADER:
        return may_ask(t, wsi) ? append_key(t, wsi, in, len) : -1;
    case LWS_CALLBACK_CLIENT_ESTABLISHED:
        established(t, wsi);
        return 0;
    case LWS_CALLBACK_CLIENT_WRITEABLE:
        return writeable(t, wsi);
    case LWS_CALLBACK_CLIENT_RECEIVE:
        return receive(t, wsi, in, len);
    case LWS_CALLBACK_CLIENT_CONNECTION_ERROR:
        refused(t, wsi);
        return 0;
    case LWS_CALLBACK_CLIENT_CLOSED:
        ended(t, TRANSPORT_RESET, "closed");
        return 0;
    case LWS_CALLBACK_WSI_DESTROY:
        t->wsi = NULL;
        ended(t, t->headed ? TRANSPORT_RESET : TRANSPORT_CONNECT, "gone");
        list_move_tail(&t->site->doomed, &t->node);
        return 0;
    default:
        return 0;
    }
}

static const struct lws_protocols protocols[] = {{"", on_event, 0, 16384, 0, NULL, 65536},
                                                 {NULL, NULL, 0, 0, 0, NULL, 0}};

/* ------------------------------------------------------------ ends, once per turn */

static void let_go(struct transfer *t)
{
    struct lws *wsi = t->wsi;
    t->handlers = NULL;
    if (wsi) {
        lws_set_opaque_user_data(wsi, NULL);
        lws_set_timeout(wsi, PENDING_TIMEOUT_USER_OK, LWS_TO_KILL_SYNC);
    }
    transfer_free(t);
}

static void let_go_all(struct list *l)
{
    while (!list_empty(l))
        let_go(list_entry(list_first(l), struct transfer, node));
}

static void on_turn(struct ev_loop *loop, ev_prepare *w, int events)
{
    struct websocket_site *s = w->data;
    (void)loop;
    (void)events;
    let_go_all(&s->doomed);
}

static void on_linger(struct ev_loop *loop, ev_timer *w, int events)
{
    struct websocket_site *s = w->data;
    (void)loop;
    (void)events;
    let_go_all(&s->lingering);
}

/* ------------------------------------------------------------ the transport */

static void take_prompt(struct transfer *t, struct buf *body)
{
    char room[LWS_PRE] = {0};
    buf_add(&t->prompt, room, sizeof room);
    buf_add(&t->prompt, body->data ? body->data : "", body->len);
    buf_free(body);
}

static bool connect_to(struct transfer *t, const char *path)
{
    const struct websocket_site *s = t->site;
    struct buf full = {0};
    buf_printf(&full, "%s%s", s->url.path, path);
    struct lws_client_connect_info info = {
        .context = s->context,
        .vhost = s->vhost,
        .address = s->url.host,
        .host = s->url.authority,
        .port = s->url.port,
        .path = buf_cstr(&full),
        .ssl_connection = s->url.tls ? LCCSCF_USE_SSL : 0,
        .ietf_version_or_minus_one = -1,
        .opaque_user_data = t,
        .pwsi = &t->wsi,
    };
    t->starting = true;
    struct lws *wsi = lws_client_connect_via_info(&info);
    t->starting = false;
    buf_free(&full);
    return wsi && !t->failed;
}

static struct transfer *websocket_start(void *site, struct transport_request *r,
                                        const struct transport_handlers *h, void *ctx)
{
    struct websocket_site *s = site;
    if (!s) {
        buf_free(&r->body);
        return NULL;
    }
    struct transfer *t = mem_alloc(sizeof *t);
    mem_born(MEM_HTTP_TRANSFER);
    t->site = s;
    t->handlers = h;
    t->ctx = ctx;
    list_init(&t->node);
    list_add_tail(&s->running, &t->node);
    take_prompt(t, &r->body);
    ev_timer_init(&t->late, on_late, (double)s->limits.connect_ms / 1000, 0);
    t->late.data = t;
    if (connect_to(t, r->path)) {
        ev_timer_start(s->loop, &t->late);
        return t;
    }
    t->handlers = NULL;
    list_move_tail(&s->doomed, &t->node);
    return NULL;
}

static void websocket_cancel(struct transfer *t)
{
    t->handlers = NULL;
    list_move_tail(&t->site->doomed, &t->node);
}

static void websocket_finish(struct transfer *t)
{
    struct websocket_site *s = t->site;
    t->handlers = NULL;
    list_move_tail(&s->lingering, &t->node);
    if (!ev_is_active(&s->linger)) {
        ev_timer_set(&s->linger, LINGER_S, 0);
        ev_timer_start(s->loop, &s->linger);
    }
}

const struct transport websocket_transport = {websocket_start, websocket_cancel, websocket_finish};

/* ------------------------------------------------------------ opening and closing */

static bool open_context(struct websocket_site *s)
{
    static const lws_retry_bo_t no_pings;
    void *loops[] = {s->loop};
    struct lws_context_creation_info info = {
        .port = CONTEXT_PORT_NO_LISTEN,
        .protocols = protocols,
        .options = LWS_SERVER_OPTION_LIBEV | LWS_SERVER_OPTION_EXPLICIT_VHOSTS |
                   (s->url.tls ? LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT : 0),
        .foreign_loops = loops,
        .fd_limit_per_thread = FDS,
        .retry_and_idle_policy = &no_pings,
        .gid = -1,
        .uid = -1,
    };
    lws_set_log_level(0, NULL);
    s->context = lws_create_context(&info);
    s->vhost = s->context ? lws_create_vhost(s->context, &info) : NULL;
    return s->vhost != NULL;
}

static void site_free(struct websocket_site *s)
{
    if (s->context)
        lws_context_destroy(s->context);
    url_free(&s->url);
    mem_free(s->authorization);
    mem_free(s);
}

void websocket_site_limits(struct websocket_site *s, const struct websocket_limits *limits)
{
    s->limits = *limits;
}

struct websocket_site *websocket_site_open(struct ev_loop *loop, const char *url, const char *key,
                                           const struct websocket_limits *limits)
{
    struct websocket_site *s = mem_alloc(sizeof *s);
    struct buf b = {0};
    s->loop = loop;
    websocket_site_limits(s, limits);
    list_init(&s->running);
    list_init(&s->doomed);
    list_init(&s->lingering);
    if (*key) {
        buf_printf(&b, "Bearer %s", key);
        s->authorization = mem_memdup(b.data, b.len);
        buf_free(&b);
    }
    if (!url_parse(&s->url, url) || !open_context(s)) {
        site_free(s);
        return NULL;
    }
    s->reach = reach_allowed(s->url.host, limits->private_too);
    ev_prepare_init(&s->turn, on_turn);
    ev_init(&s->linger, on_linger);
    s->turn.data = s->linger.data = s;
    ev_prepare_start(loop, &s->turn);
    ev_unref(loop);
    return s;
}

void websocket_site_close(void *site)
{
    struct websocket_site *s = site;
    let_go_all(&s->running);
    let_go_all(&s->lingering);
    let_go_all(&s->doomed);
    ev_ref(s->loop);
    ev_prepare_stop(s->loop, &s->turn);
    ev_timer_stop(s->loop, &s->linger);
    site_free(s);
}
