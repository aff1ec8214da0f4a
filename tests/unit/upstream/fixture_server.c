/* fixture_server: see fixture_server.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/list.h"
#include "base/mem.h"

#include "fixture_server.h"

struct server server;

struct guest {
    ev_io io;
    struct list node;
    struct buf in;
};

static ev_io listener;
static struct list guests;

static void guest_free(struct guest *g)
{
    ev_io_stop(server.loop, &g->io);
    close(g->io.fd);
    list_del(&g->node);
    buf_free(&g->in);
    mem_free(g);
    server.open--;
}

static bool send_all(struct guest *g, const char *p, size_t len)
{
    return send(g->io.fd, p, len, MSG_NOSIGNAL) == (ssize_t)len;
}

/* False: the connection is gone. */
static bool answer(struct guest *g)
{
    int i = server.requests - 1;
    while (i > 0 && (i >= SERVER_REPLIES || !server.replies[i]))
        i--;
    const char *reply = server.replies[i];
    size_t len = strlen(reply), mark = strlen(SERVER_CLOSE);
    if (!strcmp(reply, SERVER_RESET)) {
        struct linger hard = {.l_onoff = 1};
        setsockopt(g->io.fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
        guest_free(g);
        return false;
    }
    bool then_close = len >= mark && !strcmp(reply + len - mark, SERVER_CLOSE);
    if (!send_all(g, reply, then_close ? len - mark : len) || then_close) {
        guest_free(g);
        return false;
    }
    return true;
}

/* Bytes of the first request in `in`; 0 while it is not whole. */
static size_t whole(struct guest *g)
{
    const char *p = buf_cstr(&g->in), *end = strstr(p, "\r\n\r\n"),
               *length = strcasestr(p, "content-length:");
    if (!end)
        return 0;
    size_t head = (size_t)(end + 4 - p), body = length && length < end ? strtoul(length + 15, NULL, 10) : 0;
    return g->in.len >= head + body ? head + body : 0;
}

static void on_guest(struct ev_loop *loop, ev_io *w, int events)
{
    struct guest *g = (struct guest *)w;
    char piece[65536];
    (void)loop;
    (void)events;
    ssize_t n = recv(w->fd, piece, sizeof piece, MSG_DONTWAIT);
    if (n <= 0) {
        guest_free(g);
        return;
    }
    buf_add(&g->in, piece, (size_t)n);
    for (size_t len; (len = whole(g));) {
        server.last.len = 0;
        buf_add(&server.last, g->in.data, len);
        buf_drop(&g->in, len);
        server.requests++;
        if (!answer(g))
            return;
    }
}

static void on_accept(struct ev_loop *loop, ev_io *w, int events)
{
    (void)events;
    int fd = accept4(w->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0)
        return;
    struct guest *g = mem_alloc(sizeof *g);
    ev_io_init(&g->io, on_guest, fd, EV_READ);
    ev_io_start(loop, &g->io);
    list_add_tail(&guests, &g->node);
    server.accepted++;
    server.open++;
}

void server_open(struct ev_loop *loop)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof a;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof a), 0);
    assert_int_equal(listen(fd, 1024), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &len), 0);
    list_init(&guests);
    memset(&server, 0, sizeof server);
    server.loop = loop;
    server.port = ntohs(a.sin_port);
    ev_io_init(&listener, on_accept, fd, EV_READ);
    ev_io_start(loop, &listener);
}

void server_close(void)
{
    while (!list_empty(&guests))
        guest_free(list_entry(list_first(&guests), struct guest, node));
    if (ev_is_active(&listener)) {
        ev_io_stop(server.loop, &listener);
        close(listener.fd);
    }
    buf_free(&server.last);
}

void server_say(const char *bytes)
{
    list_each (n, &guests) {
        send_all(list_entry(n, struct guest, node), bytes, strlen(bytes));
    }
}

static void on_deadline(struct ev_loop *loop, ev_timer *w, int events)
{
    (void)events;
    *(bool *)w->data = true;
    ev_timer_stop(loop, w);
}

void run_until(bool (*done)(void))
{
    bool late = false;
    ev_timer deadline;
    ev_timer_init(&deadline, on_deadline, 5, 0);
    deadline.data = &late;
    ev_now_update(server.loop);
    ev_timer_start(server.loop, &deadline);
    while (!done() && !late)
        ev_run(server.loop, EVRUN_ONCE);
    ev_timer_stop(server.loop, &deadline);
    assert_false(late);
}
