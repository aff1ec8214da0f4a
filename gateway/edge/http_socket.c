/* http_socket: see http_socket.h.
 *
 *     recv -> connection_input                      one read an event, so that no peer keeps the loop
 *     connection -> send -> what the kernel does not take is kept, and goes first when it takes bytes again
 *     upgrade -> the watchers go, websocket_take has the socket */
#include "edge/http_socket.h"

#include <errno.h>
#include <ev.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/mem.h"
#include "edge/connection.h"
#include "edge/tcp.h"
#include "edge/websocket.h"

#define READ_MAX 32768

struct http_socket {
    struct ev_loop *loop;
    struct ev_io readable, writable;
    struct connection *connection;
    struct buf kept; /* not taken by the kernel yet, from kept_at on */
    size_t kept_at;
    bool ends; /* FIN once the rest is out */
};

static struct http_socket *of(const struct connection *c)
{
    return c->wire_state;
}

/* ------------------------------------------------------------------ in */

static bool may_come_again(int error)
{
    return error == EAGAIN || error == EWOULDBLOCK || error == EINTR;
}

static void on_readable(struct ev_loop *loop, struct ev_io *watcher, int events)
{
    (void)loop;
    (void)events;
    static char bytes[READ_MAX];
    struct connection *c = ((struct http_socket *)watcher->data)->connection;
    ssize_t n = recv(c->fd, bytes, sizeof bytes, 0);
    if (n > 0)
        connection_input(c, bytes, (size_t)n);
    else if (n == 0)
        connection_input_end(c);
    else if (!may_come_again(errno))
        connection_move(c, CONNECTION_DEAD);
}

/* After its end has come a socket stays readable for ever: whatever state that led to, nothing is read then.
 */
static void wire_pause(struct connection *c, bool paused)
{
    struct http_socket *s = of(c);
    if (paused)
        ev_io_stop(s->loop, &s->readable);
    else
        ev_io_start(s->loop, &s->readable);
}

static bool wire_peer_gone(const struct connection *c)
{
    return !tcp_is_open(c);
}

/* ------------------------------------------------------------------ out */

static bool wire_busy(const struct connection *c)
{
    return of(c)->kept.len > 0;
}

/* Bytes the kernel took; -1: the socket is dead. */
static ssize_t hand_over(const struct connection *c, const char *bytes, size_t len)
{
    ssize_t n = send(c->fd, bytes, len, MSG_NOSIGNAL);
    if (n < 0)
        return may_come_again(errno) ? 0 : -1;
    return n;
}

static bool wire_send(struct connection *c, void *bytes, size_t len)
{
    struct http_socket *s = of(c);
    ssize_t n = s->kept.len ? 0 : hand_over(c, bytes, len); /* in their order */
    if (n < 0)
        return false;
    if ((size_t)n == len)
        return true;
    buf_add(&s->kept, (const char *)bytes + n, len - (size_t)n);
    ev_io_start(s->loop, &s->writable);
    return true;
}

static void send_end(struct http_socket *s)
{
    if (s->ends && !s->kept.len)
        shutdown(s->connection->fd, SHUT_WR);
}

static void on_writable(struct ev_loop *loop, struct ev_io *watcher, int events)
{
    (void)events;
    struct http_socket *s = watcher->data;
    struct connection *c = s->connection;
    ssize_t n = hand_over(c, s->kept.data + s->kept_at, s->kept.len - s->kept_at);
    if (n < 0) {
        ev_io_stop(loop, watcher);
        connection_move(c, CONNECTION_DEAD);
        return;
    }
    s->kept_at += (size_t)n;
    if (s->kept_at < s->kept.len)
        return;
    ev_io_stop(loop, watcher);
    buf_free(&s->kept);
    s->kept_at = 0;
    send_end(s);
    connection_flush(c);
}

static void wire_finish(struct connection *c)
{
    of(c)->ends = true;
    send_end(of(c));
}

static bool wire_drained(struct connection *c)
{
    return tcp_drained(c);
}

/* ------------------------------------------------------------------ its beginning and its ends */

static void release(struct connection *c)
{
    struct http_socket *s = of(c);
    c->wire_state = NULL;
    ev_io_stop(s->loop, &s->readable);
    ev_io_stop(s->loop, &s->writable);
    buf_free(&s->kept);
    mem_free(s);
}

static void wire_kill(struct connection *c)
{
    release(c);
    close(c->fd);
    connection_gone(c);
}

static void wire_upgrade(struct connection *c)
{
    release(c);
    websocket_take(c);
}

const struct wire http_socket_wire = {
    .send = wire_send,
    .busy = wire_busy,
    .kill = wire_kill,
    .pause = wire_pause,
    .peer_gone = wire_peer_gone,
    .finish = wire_finish,
    .drained = wire_drained,
    .upgrade = wire_upgrade,
};

void http_socket_open(struct edge *edge, struct ev_loop *loop, int fd, const struct address *peer,
                      bool overload)
{
    struct http_socket *s = mem_alloc(sizeof *s);
    s->loop = loop;
    s->connection = connection_open(edge, fd, overload);
    s->connection->peer = *peer;
    s->connection->wire_state = s;
    ev_io_init(&s->readable, on_readable, fd, EV_READ);
    ev_io_init(&s->writable, on_writable, fd, EV_WRITE);
    s->readable.data = s->writable.data = s;
    ev_io_start(loop, &s->readable);
}
