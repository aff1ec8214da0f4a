/* dial: see dial.h. The second file with libcurl in it, beside http.c: here nothing but CONNECT_ONLY.
 *
 *     dial_start -> curl: name, addresses, connect -> done -> the socket is taken out -> the handle goes
 *
 * libcurl closes the connection with its handle; that the socket outlives it is decided where libcurl asks us
 * to close it (CLOSESOCKETFUNCTION). */
#include "upstream/dial.h"

#include <curl/curl.h>
#include <ev.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/list.h"
#include "base/mem.h"
#include "upstream/sockets.h"
#include "upstream/wake.h"

struct dialer {
    CURLM *multi;
    struct sockets sockets;
    struct wake wake;
    char *url;
    enum reach reach;
    int64_t connect_ms;
    struct list running;
};

struct dial {
    struct list node;
    struct dialer *dialer;
    CURL *easy;
    void (*done)(void *ctx, int fd);
    void *ctx;
    int kept; /* the socket that is not to be closed; -1 for none */
};

/* ------------------------------------------------------------ the socket */

static curl_socket_t open_socket(void *user, curlsocktype purpose, struct curl_sockaddr *a)
{
    struct dial *dial = user;
    (void)purpose;
    int fd = reach_socket(dial->dialer->reach, &a->addr, a->socktype, a->protocol);
    if (fd < 0)
        return CURL_SOCKET_BAD;
    sockets_own(&dial->dialer->sockets, fd, dial->dialer);
    return fd;
}

static int close_socket(void *user, curl_socket_t fd)
{
    struct dial *dial = user;
    sockets_forget(&dial->dialer->sockets, fd);
    return fd == dial->kept ? 0 : close(fd);
}

static int watch_socket(CURL *easy, curl_socket_t fd, int what, void *user, void *sock)
{
    struct dialer *d = user;
    (void)easy;
    (void)sock;
    int events = what == CURL_POLL_REMOVE
                     ? 0
                     : (what & CURL_POLL_IN ? EV_READ : 0) | (what & CURL_POLL_OUT ? EV_WRITE : 0);
    sockets_watch(&d->sockets, fd, d, events);
    return 0;
}

static int set_timer(CURLM *multi, long ms, void *user)
{
    struct dialer *d = user;
    (void)multi;
    if (ms < 0)
        wake_stop(&d->wake);
    else
        wake_in_us(&d->wake, (uint64_t)ms * 1000);
    return 0;
}

/* ------------------------------------------------------------ the end */

/* Outside of libcurl only. */
static void dial_free(struct dial *dial)
{
    curl_multi_remove_handle(dial->dialer->multi, dial->easy);
    curl_easy_cleanup(dial->easy);
    list_del(&dial->node);
    mem_free(dial);
}

static void ended(struct dial *dial, CURLcode code)
{
    curl_socket_t fd = CURL_SOCKET_BAD;
    void (*done)(void *, int) = dial->done;
    void *ctx = dial->ctx;
    if (code == CURLE_OK)
        curl_easy_getinfo(dial->easy, CURLINFO_ACTIVESOCKET, &fd);
    dial->kept = fd;
    dial_free(dial);
    done(ctx, fd);
}

static void act(struct dialer *d, curl_socket_t fd, int flags)
{
    int running, left;
    CURLMsg *m;
    curl_multi_socket_action(d->multi, fd, flags, &running);
    while ((m = curl_multi_info_read(d->multi, &left))) {
        char *dial = NULL;
        CURLcode code = m->data.result;
        curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &dial);
        ended((struct dial *)(void *)dial, code);
    }
}

static void on_socket(void *dialer, int fd, int events)
{
    int flags = (events & EV_READ ? CURL_CSELECT_IN : 0) | (events & EV_WRITE ? CURL_CSELECT_OUT : 0) |
                (events & EV_ERROR ? CURL_CSELECT_ERR : 0);
    act(dialer, fd, flags);
}

static void on_wake(void *dialer)
{
    act(dialer, CURL_SOCKET_TIMEOUT, 0);
}

/* ------------------------------------------------------------ the interface */

static void set_options(struct dial *dial)
{
    const struct dialer *d = dial->dialer;
    CURL *e = dial->easy;
    curl_easy_setopt(e, CURLOPT_URL, d->url);
    curl_easy_setopt(e, CURLOPT_CONNECT_ONLY, 1L);
    curl_easy_setopt(e, CURLOPT_PRIVATE, dial);
    curl_easy_setopt(e, CURLOPT_OPENSOCKETFUNCTION, open_socket);
    curl_easy_setopt(e, CURLOPT_OPENSOCKETDATA, dial);
    curl_easy_setopt(e, CURLOPT_CLOSESOCKETFUNCTION, close_socket);
    curl_easy_setopt(e, CURLOPT_CLOSESOCKETDATA, dial);
    curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, "http");
    curl_easy_setopt(e, CURLOPT_PROXY, "");
    curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(e, CURLOPT_TCP_NODELAY, 1L);
    curl_easy_setopt(e, CURLOPT_TCP_KEEPALIVE, 1L);
    curl_easy_setopt(e, CURLOPT_CONNECTTIMEOUT_MS, (long)d->connect_ms);
}

struct dial *dial_start(struct dialer *d, void (*done)(void *ctx, int fd), void *ctx)
{
    struct dial *dial = mem_alloc(sizeof *dial);
    dial->dialer = d;
    dial->done = done;
    dial->ctx = ctx;
    dial->kept = -1;
    dial->easy = curl_easy_init();
    if (!dial->easy)
        abort(); /* out of memory, as in mem.c */
    list_init(&dial->node);
    list_add_tail(&d->running, &dial->node);
    set_options(dial);
    curl_multi_add_handle(d->multi, dial->easy);
    return dial;
}

void dial_cancel(struct dial *dial)
{
    dial_free(dial);
}

void dialer_limits(struct dialer *d, int64_t connect_ms)
{
    d->connect_ms = connect_ms;
}

struct dialer *dialer_open(struct ev_loop *loop, const char *url, enum reach reach, int64_t connect_ms)
{
    struct dialer *d = mem_alloc(sizeof *d);
    curl_global_init(CURL_GLOBAL_DEFAULT);
    d->url = mem_strdup(url);
    d->reach = reach;
    d->connect_ms = connect_ms;
    list_init(&d->running);
    sockets_init(&d->sockets, loop, on_socket);
    wake_init(&d->wake, loop, on_wake, d);
    d->multi = curl_multi_init();
    curl_multi_setopt(d->multi, CURLMOPT_SOCKETFUNCTION, watch_socket);
    curl_multi_setopt(d->multi, CURLMOPT_SOCKETDATA, d);
    curl_multi_setopt(d->multi, CURLMOPT_TIMERFUNCTION, set_timer);
    curl_multi_setopt(d->multi, CURLMOPT_TIMERDATA, d);
    return d;
}

void dialer_close(struct dialer *d)
{
    while (!list_empty(&d->running))
        dial_free(list_entry(list_first(&d->running), struct dial, node));
    curl_multi_cleanup(d->multi);
    wake_stop(&d->wake);
    sockets_free(&d->sockets);
    mem_free(d->url);
    mem_free(d);
    curl_global_cleanup();
}
