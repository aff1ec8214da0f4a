/* http: see http.h.
 *
 * One multi handle per upstream, so that each has its own pool and its own limit of connections. Sockets are
 * ours from OPENSOCKET to CLOSESOCKET (sockets.h says why).
 *
 * Inside a libcurl callback (site->inside) no handle is added or removed: new ones wait in `fresh`, dead ones
 * in `doomed`, both until the call into libcurl has returned. */
#include "upstream/http.h"

#include <curl/curl.h>
#include <ev.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/list.h"
#include "base/mem.h"
#include "upstream/head.h"
#include "upstream/reach.h"
#include "upstream/sockets.h"
#include "upstream/url.h"
#include "upstream/wake.h"

#define RECEIVE_BYTES 16384  /* larger ones measured no faster; memory of a transfer once they are used */
#define POOL_CONNECTIONS 256 /* idle ones kept per upstream */
#define SPARE_HANDLES 64     /* easy handles kept for reuse per upstream */
#define TLS_CONNECTIONS 4    /* per upstream while it speaks HTTP/2 */
#define LINGER_S 1.0         /* an answered request may take this long to end properly */
#define LINGER_BYTES 65536

struct http {
    struct ev_loop *loop;
    void (*on_read)(void *ctx);
    void *ctx;
    struct sockets sockets;
    const char *authorities; /* file of trusted certificates, NULL for the system's */
};

struct http_site {
    struct http *http;
    CURLM *multi;
    struct wake wake;
    ev_timer linger;
    struct url url;
    struct curl_slist *headers;
    struct list running, fresh, doomed, lingering;
    CURL *spare[SPARE_HANDLES];
    int spares;
    enum reach reach;
    int64_t connect_ms, total_ms;
    bool inside;  /* a call into libcurl has not returned */
    bool http1;   /* a TLS upstream without HTTP/2 */
    bool requeue; /* transfers that wait for a connection are to learn of it */
};

struct transfer {
    struct list node;
    struct http_site *site;
    CURL *easy;
    struct buf body;
    const struct transport_handlers *handlers; /* NULL: nobody listens any more */
    void *ctx;
    struct head head;
    size_t lingered;
    bool headed;
    bool connects; /* it opened a connection of its own */
};

/* ------------------------------------------------------------ sockets and time */

static void after(struct http_site *s);

static void act(struct http_site *s, curl_socket_t fd, int flags)
{
    int running;
    s->inside = true;
    curl_multi_socket_action(s->multi, fd, flags, &running);
    s->inside = false;
    after(s);
}

static void on_socket(void *site, int fd, int events)
{
    int flags = (events & EV_READ ? CURL_CSELECT_IN : 0) | (events & EV_WRITE ? CURL_CSELECT_OUT : 0) |
                (events & EV_ERROR ? CURL_CSELECT_ERR : 0);
    act(site, fd, flags);
}

static void on_wake(void *site)
{
    act(site, CURL_SOCKET_TIMEOUT, 0);
}

static int set_timer(CURLM *multi, long ms, void *user)
{
    struct http_site *s = user;
    (void)multi;
    if (ms < 0)
        wake_stop(&s->wake);
    else
        wake_in_us(&s->wake, (uint64_t)ms * 1000);
    return 0;
}

static curl_socket_t open_socket(void *user, curlsocktype purpose, struct curl_sockaddr *a)
{
    struct transfer *t = user;
    (void)purpose;
    int fd = reach_socket(t->site->reach, &a->addr, a->socktype, a->protocol);
    if (fd < 0)
        return CURL_SOCKET_BAD;
    t->connects = true;
    sockets_own(&t->site->http->sockets, fd, t->site);
    return fd;
}

static int close_socket(void *user, curl_socket_t fd)
{
    struct http_site *s = user;
    sockets_forget(&s->http->sockets, fd);
    return close(fd);
}

static int watch_socket(CURL *easy, curl_socket_t fd, int what, void *user, void *sock)
{
    struct http_site *s = user;
    (void)easy;
    (void)sock;
    int events = what == CURL_POLL_REMOVE
                     ? 0
                     : (what & CURL_POLL_IN ? EV_READ : 0) | (what & CURL_POLL_OUT ? EV_WRITE : 0);
    sockets_watch(&s->http->sockets, fd, s, events);
    return 0;
}

/* ------------------------------------------------------------ what a response brings */

/* The first answer of a TLS upstream says whether the limit that keeps HTTP/2 on few connections is right. */
static void learn_version(struct http_site *s, CURL *easy)
{
    long version = 0;
    if (!s->url.tls || s->http1)
        return;
    curl_easy_getinfo(easy, CURLINFO_HTTP_VERSION, &version);
    if (version == CURL_HTTP_VERSION_1_1 || version == CURL_HTTP_VERSION_1_0)
        s->http1 = s->requeue = true;
}

/* The request is needed no more once it is out: libcurl repeats one only before the head. */
static void drop_body(struct transfer *t)
{
    curl_off_t sent = 0;
    curl_easy_getinfo(t->easy, CURLINFO_SIZE_UPLOAD_T, &sent);
    if ((size_t)sent == t->body.len)
        buf_free(&t->body);
}

static void head_done(struct transfer *t)
{
    t->headed = true;
    drop_body(t);
    learn_version(t->site, t->easy);
    if (t->handlers)
        t->handlers->on_head(t->ctx, t->head.status, t->head.retry_after_ms, t->head.type);
}

static size_t on_header(char *line, size_t size, size_t count, void *user)
{
    struct transfer *t = user;
    if (!t->headed && head_line(&t->head, line, size * count, (int64_t)time(NULL) * 1000))
        head_done(t);
    return size * count; /* what follows the head is a trailer */
}

static size_t on_body(char *bytes, size_t size, size_t count, void *user)
{
    struct transfer *t = user;
    size_t len = size * count;
    t->lingered += t->handlers ? 0 : len;
    if (t->handlers && len)
        t->handlers->on_body(t->ctx, bytes, len);
    return t->lingered > LINGER_BYTES ? 0 : len; /* 0: libcurl gives it up as a write error */
}

/* ------------------------------------------------------------ easy handles */

static void method_and_body(struct transfer *t)
{
    if (!t->body.len)
        return; /* GET */
    curl_easy_setopt(t->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)t->body.len);
    curl_easy_setopt(t->easy, CURLOPT_POSTFIELDS, t->body.data);
}

static void set_options(struct transfer *t, const char *path)
{
    struct http_site *s = t->site;
    CURL *e = t->easy;
    char url[URL_MAX + 64];
    snprintf(url, sizeof url, "%s%s", s->url.base, path);
    curl_easy_setopt(e, CURLOPT_URL, url);
    method_and_body(t);
    curl_easy_setopt(e, CURLOPT_PRIVATE, t);
    curl_easy_setopt(e, CURLOPT_HTTPHEADER, s->headers);
    curl_easy_setopt(e, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(e, CURLOPT_HEADERDATA, t);
    curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(e, CURLOPT_WRITEDATA, t);
    curl_easy_setopt(e, CURLOPT_OPENSOCKETFUNCTION, open_socket);
    curl_easy_setopt(e, CURLOPT_OPENSOCKETDATA, t);
    curl_easy_setopt(e, CURLOPT_CLOSESOCKETFUNCTION, close_socket);
    curl_easy_setopt(e, CURLOPT_CLOSESOCKETDATA, s);
    curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(e, CURLOPT_PROXY, "");
    curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(e, CURLOPT_TCP_NODELAY, 1L);
    curl_easy_setopt(e, CURLOPT_TCP_KEEPALIVE, 1L);
    curl_easy_setopt(e, CURLOPT_BUFFERSIZE, (long)RECEIVE_BYTES);
    curl_easy_setopt(e, CURLOPT_UPLOAD_BUFFERSIZE, 16384L);
    curl_easy_setopt(e, CURLOPT_CONNECTTIMEOUT_MS, (long)s->connect_ms);
    /* No LOW_SPEED limit: it arms a timer for every read. The call's own clocks bound the silence, this the
     * whole. */
    curl_easy_setopt(e, CURLOPT_TIMEOUT_MS, (long)s->total_ms);
    curl_easy_setopt(e, CURLOPT_SSL_SESSIONID_CACHE, s->url.tls ? 1L : 0L);
    curl_easy_setopt(e, CURLOPT_HTTP_VERSION,
                     (long)(s->url.tls ? CURL_HTTP_VERSION_2TLS : CURL_HTTP_VERSION_1_1));
    if (s->http->authorities)
        curl_easy_setopt(e, CURLOPT_CAINFO, s->http->authorities);
    curl_easy_setopt(e, CURLOPT_PIPEWAIT, s->url.tls && !s->http1 ? 1L : 0L);
    curl_easy_setopt(e, CURLOPT_USERAGENT, "lastword/" LASTWORD_VERSION);
}

static void transfer_free(struct transfer *t)
{
    struct http_site *s = t->site;
    list_del(&t->node);
    if (t->easy && s->spares < SPARE_HANDLES) {
        curl_easy_reset(t->easy);
        s->spare[s->spares++] = t->easy;
    } else if (t->easy) {
        curl_easy_cleanup(t->easy);
    }
    buf_free(&t->body);
    mem_free(t);
    mem_died(MEM_HTTP_TRANSFER);
}

/* Outside of libcurl only. A transfer that was still running takes its connection with it. */
static void remove_now(struct transfer *t)
{
    curl_multi_remove_handle(t->site->multi, t->easy);
    transfer_free(t);
}

static void remove_all(struct list *l)
{
    while (!list_empty(l))
        remove_now(list_entry(list_first(l), struct transfer, node));
}

static void add_now(struct transfer *t)
{
    list_move_tail(&t->site->running, &t->node);
    curl_multi_add_handle(t->site->multi, t->easy);
}

/* ------------------------------------------------------------ ends */

static enum transport_result result_of(CURLcode code, const struct transfer *t, const char **reason)
{
    *reason = curl_easy_strerror(code);
    switch (code) {
    case CURLE_OK:
        return TRANSPORT_OK;
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_CONNECT:
        return TRANSPORT_CONNECT;
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CACERT_BADFILE:
        return TRANSPORT_TLS;
    case CURLE_OPERATION_TIMEDOUT: {
        curl_off_t connected = 0;
        curl_easy_getinfo(t->easy, CURLINFO_PRETRANSFER_TIME_T, &connected);
        return connected ? TRANSPORT_TIMEOUT : TRANSPORT_CONNECT;
    }
    case CURLE_URL_MALFORMAT:
        return TRANSPORT_REFUSED;
    default:
        return TRANSPORT_RESET;
    }
}

static void ended(struct transfer *t, CURLcode code)
{
    const char *reason;
    enum transport_result result = result_of(code, t, &reason);
    const struct transport_handlers *h = t->handlers;
    void *ctx = t->ctx;
    remove_now(t);
    if (h)
        h->on_end(ctx, result, reason);
}

/* libcurl looks again at those that wait for a connection only when one becomes free. */
static void requeue(struct http_site *s)
{
    s->requeue = false;
    curl_multi_setopt(s->multi, CURLMOPT_MAX_HOST_CONNECTIONS, 0L);
    list_each (n, &s->running) {
        struct transfer *t = list_entry(n, struct transfer, node);
        curl_off_t sent_us = 0;
        curl_easy_getinfo(t->easy, CURLINFO_PRETRANSFER_TIME_T, &sent_us);
        if (t->connects || sent_us)
            continue;
        curl_multi_remove_handle(s->multi, t->easy);
        curl_easy_setopt(t->easy, CURLOPT_PIPEWAIT, 0L);
        curl_multi_add_handle(s->multi, t->easy);
    }
}

/* libcurl has returned: everything it could not bear inside its callbacks happens here. */
static void after(struct http_site *s)
{
    CURLMsg *m;
    int left;
    while ((m = curl_multi_info_read(s->multi, &left))) {
        char *t = NULL;
        if (m->msg != CURLMSG_DONE)
            continue;
        CURLcode code = m->data.result;
        curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &t);
        ended((struct transfer *)(void *)t, code);
    }
    s->http->on_read(s->http->ctx);
    remove_all(&s->doomed);
    while (!list_empty(&s->fresh))
        add_now(list_entry(list_first(&s->fresh), struct transfer, node));
    if (s->requeue)
        requeue(s);
}

static void on_linger(struct ev_loop *loop, ev_timer *w, int events)
{
    struct http_site *s = w->data;
    (void)loop;
    (void)events;
    remove_all(&s->lingering);
}

/* ------------------------------------------------------------ the transport */

static struct transfer *http_start(void *site, struct transport_request *r,
                                   const struct transport_handlers *h, void *ctx)
{
    struct http_site *s = site;
    if (!s) {
        buf_free(&r->body);
        return NULL;
    }
    struct transfer *t = mem_alloc(sizeof *t);
    mem_born(MEM_HTTP_TRANSFER);
    t->site = s;
    t->handlers = h;
    t->ctx = ctx;
    t->head.retry_after_ms = -1;
    t->body = r->body;
    r->body = (struct buf){0};
    list_init(&t->node);
    t->easy = s->spares ? s->spare[--s->spares] : curl_easy_init();
    if (!t->easy) {
        transfer_free(t);
        return NULL;
    }
    set_options(t, r->path);
    if (s->inside)
        list_add_tail(&s->fresh, &t->node);
    else
        add_now(t);
    return t;
}

static void http_cancel(struct transfer *t)
{
    t->handlers = NULL;
    if (t->site->inside)
        list_move_tail(&t->site->doomed, &t->node);
    else
        remove_now(t);
}

/* One timer for all: a transfer lingers between one and two periods. */
static void http_finish(struct transfer *t)
{
    struct http_site *s = t->site;
    t->handlers = NULL;
    list_move_tail(&s->lingering, &t->node);
    if (!ev_is_active(&s->linger)) {
        ev_timer_set(&s->linger, LINGER_S, 0);
        ev_timer_start(s->http->loop, &s->linger);
    }
}

const struct transport http_transport = {http_start, http_cancel, http_finish};

/* ------------------------------------------------------------ opening and closing */

struct http *http_open(struct ev_loop *loop, void (*on_read)(void *ctx), void *ctx)
{
    struct http *h = mem_alloc(sizeof *h);
    curl_global_init(CURL_GLOBAL_DEFAULT);
    h->loop = loop;
    sockets_init(&h->sockets, loop, on_socket);
    h->on_read = on_read;
    h->ctx = ctx;
    h->authorities = getenv("SSL_CERT_FILE"); /* as OpenSSL's own programs do */
    return h;
}

void http_close(struct http *h)
{
    sockets_free(&h->sockets);
    mem_free(h);
    curl_global_cleanup();
}

static void take_headers(struct http_site *s, const char *head)
{
    s->headers = curl_slist_append(NULL, "Content-Type: application/json");
    s->headers = curl_slist_append(s->headers, "Accept: text/event-stream, application/json");
    s->headers = curl_slist_append(s->headers, "Expect:");
    for (size_t len; *head; head += len + 2) {
        struct buf b = {0};
        buf_add(&b, head, len = strcspn(head, "\r"));
        s->headers = curl_slist_append(s->headers, buf_cstr(&b));
        explicit_bzero(b.data, b.len);
        buf_free(&b);
    }
}

static void open_multi(struct http_site *s)
{
    s->multi = curl_multi_init();
    curl_multi_setopt(s->multi, CURLMOPT_SOCKETFUNCTION, watch_socket);
    curl_multi_setopt(s->multi, CURLMOPT_SOCKETDATA, s);
    curl_multi_setopt(s->multi, CURLMOPT_TIMERFUNCTION, set_timer);
    curl_multi_setopt(s->multi, CURLMOPT_TIMERDATA, s);
    curl_multi_setopt(s->multi, CURLMOPT_PIPELINING, CURLPIPE_MULTIPLEX);
    curl_multi_setopt(s->multi, CURLMOPT_MAXCONNECTS, (long)POOL_CONNECTIONS);
    if (s->url.tls)
        curl_multi_setopt(s->multi, CURLMOPT_MAX_HOST_CONNECTIONS, (long)TLS_CONNECTIONS);
}

void http_site_limits(struct http_site *s, int64_t connect_ms, int64_t total_ms)
{
    s->connect_ms = connect_ms;
    s->total_ms = total_ms;
}

struct http_site *http_site_open(struct http *h, const struct http_options *o)
{
    struct http_site *s = mem_alloc(sizeof *s);
    s->http = h;
    http_site_limits(s, o->connect_ms, o->total_ms);
    if (!url_parse(&s->url, o->url)) {
        mem_free(s);
        return NULL;
    }
    s->reach = reach_allowed(s->url.host, o->private_too);
    list_init(&s->running);
    list_init(&s->fresh);
    list_init(&s->doomed);
    list_init(&s->lingering);
    wake_init(&s->wake, h->loop, on_wake, s);
    ev_init(&s->linger, on_linger);
    s->linger.data = s;
    take_headers(s, o->head);
    open_multi(s);
    return s;
}

void http_site_close(void *site)
{
    struct http_site *s = site;
    remove_all(&s->running);
    remove_all(&s->fresh);
    remove_all(&s->doomed);
    remove_all(&s->lingering);
    while (s->spares)
        curl_easy_cleanup(s->spare[--s->spares]);
    curl_multi_cleanup(s->multi);
    wake_stop(&s->wake);
    ev_timer_stop(s->http->loop, &s->linger);
    curl_slist_free_all(s->headers);
    url_free(&s->url);
    mem_free(s);
}
