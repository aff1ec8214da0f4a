/* The spike behind the choice of the event loop: the relay of floor.c, but on libwebsockets and
 * libcurl, on each of the three loops.
 *
 *   client --text: a JSON body--> lws --> curl multi --POST--> upstream
 *   client <--one gathered lws_write-- scan for "content" <--write callback-- upstream
 *
 * A message "close" is answered by a close frame (4001) from the receive callback, "close-timer" by one
 * from a timer of the loop, "close-lws" by one from lws's own timer. It keeps no log and checks
 * nothing: it is not the gateway, it shows what the libraries cost. */
#include "loop.h"
#include "wire.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum { OUT_MAX = 1 << 18, TIMER_CURL = 0, TIMER_CLOSE = 1, TIMER_SAY = 2 };

struct session {
    struct lws *wsi;
    CURL *easy;
    char *body; /* owned: the message as it comes in pieces */
    size_t body_len;
    struct sse_in sse;
    bool close;
};

static const struct loop *loop;
static CURLM *multi;
static struct curl_slist *headers;
static struct lws_vhost *vhost;
static char url[64], out[LWS_PRE + OUT_MAX];
static size_t out_len;
static struct session *out_for, *closing;
static long curl_buffer = 16384;
static CURL *spare[65536];
static size_t spares;

/* All that one read brought goes out in one write: frames are built here, and LWS_WRITE_HTTP passes
 * them on untouched. */
static void flush(void)
{
    struct session *s = out_for;
    size_t len = out_len;
    out_for = NULL;
    out_len = 0;
    if (s && s->wsi && len && lws_write(s->wsi, (unsigned char *)out + LWS_PRE, len, LWS_WRITE_HTTP) < 0)
        lws_set_timeout(s->wsi, PENDING_TIMEOUT_USER_OK, LWS_TO_KILL_ASYNC);
}

static void frame(const char *p, size_t n)
{
    char *at = out + LWS_PRE + out_len;
    if (out_len + n + WS_HEAD_MAX > OUT_MAX)
        return;
    size_t head = ws_head((unsigned char *)at, WS_TEXT, n);
    memcpy(at + head, p, n);
    out_len += head + n;
}

/* Shaped like a chunk of the upstream, so that the load client reads it as the floor's. */
static void on_event(void *arg, char *p, size_t n)
{
    static const char key[] = "\"content\":\"", open[] = "{\"type\":\"delta\",\"content\":\"";
    static char text[OUT_MAX];
    (void)arg;
    if (n && *p != '{')
        return; /* the end mark is said when the answer has ended */
    char *at = memmem(p, n, key, sizeof key - 1);
    if (!at)
        return;
    at += sizeof key - 1;
    char *quote = memchr(at, '"', n - (size_t)(at - p));
    size_t len = quote ? (size_t)(quote - at) : 0;
    memcpy(text, open, sizeof open - 1);
    memcpy(text + sizeof open - 1, at, len);
    memcpy(text + sizeof open - 1 + len, "\"}", 2);
    frame(text, sizeof open - 1 + len + 2);
}

static size_t on_body(char *p, size_t size, size_t n, void *arg)
{
    struct session *s = arg;
    if (out_for != s)
        flush();
    out_for = s;
    sse_feed(&s->sse, p, size * n, on_event, s);
    return size * n;
}

static void finished(void)
{
    int left;
    for (CURLMsg *m; (m = curl_multi_info_read(multi, &left)) != NULL;) {
        struct session *s = NULL;
        CURL *easy = m->easy_handle;
        curl_easy_getinfo(easy, CURLINFO_PRIVATE, &s);
        curl_multi_remove_handle(multi, easy);
        spare[spares++] = easy;
        s->easy = NULL;
        out_for = s;
        frame("[DONE]", 6);
        flush();
    }
}

static void on_curl_io(int fd, int events)
{
    int running, mask = (events & LOOP_READ ? CURL_CSELECT_IN : 0) |
                        (events & LOOP_WRITE ? CURL_CSELECT_OUT : 0) |
                        (events & LOOP_ERROR ? CURL_CSELECT_ERR : 0);
    curl_multi_socket_action(multi, fd, mask, &running);
    flush();
    finished();
}

static void on_curl_timer(void)
{
    int running;
    curl_multi_socket_action(multi, CURL_SOCKET_TIMEOUT, 0, &running);
    flush();
    finished();
}

static int on_curl_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *at)
{
    (void)easy, (void)arg, (void)at;
    int events = what == CURL_POLL_REMOVE
                     ? 0
                     : (what & CURL_POLL_IN ? LOOP_READ : 0) | (what & CURL_POLL_OUT ? LOOP_WRITE : 0);
    loop->watch(fd, events, on_curl_io);
    return 0;
}

static int on_curl_timeout(CURLM *m, long ms, void *arg)
{
    (void)m, (void)arg;
    loop->timer(TIMER_CURL, ms, on_curl_timer);
    return 0;
}

static CURL *easy_new(void)
{
    CURL *e = spares ? spare[--spares] : curl_easy_init();
    curl_easy_setopt(e, CURLOPT_URL, url);
    curl_easy_setopt(e, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(e, CURLOPT_BUFFERSIZE, curl_buffer);
    curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(e, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1);
    return e;
}

static void ask(struct session *s)
{
    if (s->easy)
        return;
    s->easy = easy_new();
    curl_easy_setopt(s->easy, CURLOPT_WRITEDATA, s);
    curl_easy_setopt(s->easy, CURLOPT_PRIVATE, s);
    curl_easy_setopt(s->easy, CURLOPT_POSTFIELDSIZE, (long)s->body_len);
    curl_easy_setopt(s->easy, CURLOPT_COPYPOSTFIELDS, s->body);
    curl_multi_add_handle(multi, s->easy);
}

static int close_now(struct session *s, const char *why)
{
    lws_close_reason(s->wsi, (enum lws_close_status)4001, (unsigned char *)(uintptr_t)why, strlen(why));
    return -1;
}

static void on_close_timer(void)
{
    if (!closing)
        return;
    closing->close = true;
    lws_callback_on_writable(closing->wsi);
    closing = NULL;
}

static void on_say_timer(void)
{
    if (closing)
        lws_set_timer_usecs(closing->wsi, 50000);
}

static int on_message(struct session *s)
{
    int ret = 0;
    if (s->body_len == 5 && memcmp(s->body, "close", 5) == 0) {
        ret = close_now(s, "receive");
    } else if (s->body_len == 11 && memcmp(s->body, "close-timer", 11) == 0) {
        closing = s;
        loop->timer(TIMER_CLOSE, 20, on_close_timer);
    } else if (s->body_len == 9 && memcmp(s->body, "close-lws", 9) == 0) {
        lws_set_timer_usecs(s->wsi, 20000);
    } else if (s->body_len == 10 && memcmp(s->body, "close-lws2", 10) == 0) {
        closing = s; /* lws's timer, but set from outside of lws's own callbacks */
        loop->timer(TIMER_SAY, 20, on_say_timer);
    } else {
        ask(s);
    }
    free(s->body);
    s->body = NULL;
    s->body_len = 0;
    return ret;
}

static int on_receive(struct session *s, const char *in, size_t len)
{
    s->body = realloc(s->body, s->body_len + len + 1);
    if (!s->body)
        return -1;
    memcpy(s->body + s->body_len, in, len);
    s->body_len += len;
    if (!lws_is_final_fragment(s->wsi) || lws_remaining_packet_payload(s->wsi))
        return 0;
    return on_message(s);
}

static void on_closed(struct session *s)
{
    s->wsi = NULL;
    free(s->body);
    sse_free(&s->sse);
    if (closing == s)
        closing = NULL;
    if (out_for == s)
        out_for = NULL;
    if (s->easy) {
        curl_multi_remove_handle(multi, s->easy);
        spare[spares++] = s->easy;
    }
    free(s);
}

static int callback(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t len)
{
    struct session **at = user, *s = at ? *at : NULL;
    switch (reason) {
    case LWS_CALLBACK_ESTABLISHED:
        *at = s = calloc(1, sizeof *s);
        s->wsi = wsi;
        return 0;
    case LWS_CALLBACK_RECEIVE:
        return on_receive(s, in, len);
    case LWS_CALLBACK_SERVER_WRITEABLE:
        return s->close ? close_now(s, "timer") : 0;
    case LWS_CALLBACK_TIMER:
        return close_now(s, "lws timer");
    case LWS_CALLBACK_CLOSED:
        on_closed(s);
        return 0;
    case LWS_CALLBACK_RAW_RX_FILE:
        loop_poll_ready();
        return 0;
    default:
        return lws_callback_http_dummy(wsi, reason, user, in, len);
    }
}

static void on_listener(int fd, int events)
{
    (void)events;
    for (int c; (c = accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0;) {
        tcp_nodelay(c);
        lws_adopt_socket_vhost(vhost, c);
    }
}

static void setup_curl(void)
{
    curl_global_init(CURL_GLOBAL_ALL);
    headers = curl_slist_append(NULL, "Content-Type: application/json");
    headers = curl_slist_append(headers, "Expect:");
    multi = curl_multi_init();
    curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, on_curl_socket);
    curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, on_curl_timeout);
    curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, 10000L);
}

static struct lws_context *setup_lws(unsigned rx)
{
    static struct lws_protocols protocols[] = {
        {"bench", callback, sizeof(struct session *), 0, 0, NULL, 1 << 20}, {0}};
    static const lws_retry_bo_t no_pings;
    struct lws_context_creation_info info = {.port = CONTEXT_PORT_NO_LISTEN_SERVER,
                                             .protocols = protocols,
                                             .retry_and_idle_policy = &no_pings,
                                             .pt_serv_buf_size = 4096};
    protocols[0].rx_buffer_size = rx;
    lws_set_log_level(LLL_ERR | LLL_WARN, NULL);
    info.options = LWS_SERVER_OPTION_EXPLICIT_VHOSTS;
    loop->prepare(&info);
    struct lws_context *context = lws_create_context(&info);
    vhost = context ? lws_create_vhost(context, &info) : NULL;
    return vhost ? context : NULL;
}

int main(int argc, char **argv)
{
    static const struct loop *all[] = {&loop_poll, &loop_ev, &loop_uv};
    if (argc < 4) {
        fprintf(stderr, "usage: bench_loop poll|libev|libuv PORT UPSTREAM_PORT [RX_BUFFER [CURL_BUFFER]]\n");
        return 2;
    }
    raise_fds();
    for (size_t i = 0; i < 3; i++)
        if (strcmp(argv[1], all[i]->name) == 0)
            loop = all[i];
    snprintf(url, sizeof url, "http://127.0.0.1:%s/v1/chat/completions", argv[3]);
    if (argc > 5)
        curl_buffer = atol(argv[5]);
    struct lws_context *context = loop ? setup_lws(argc > 4 ? (unsigned)atoi(argv[4]) : 128) : NULL;
    int fd = tcp_listen((uint16_t)atoi(argv[2]));
    if (!context || fd < 0) {
        fprintf(stderr, "bench_loop: cannot start\n");
        return 1;
    }
    setup_curl();
    loop->begin(vhost);
    loop->watch(fd, LOOP_READ, on_listener);
    loop->run(context);
    return 0;
}
