/* conn: edge-triggered sockets, registered once, never modified. Nothing is freed inside a callback:
 * a dead connection waits for the sweep at the end of the turn. */
#include "conn.h"

#include <errno.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"

#define LINGER_NS (2 * NS_PER_S)
#define READS_PER_TURN 16

static struct list all = {&all, &all}, dead = {&dead, &dead}, kicked = {&kicked, &kicked};
static size_t count;
static char scratch[65536];

size_t conn_count(void)
{
    return count;
}

static void conn_kick(struct conn *c)
{
    list_move_tail(&kicked, &c->kick);
}

static void conn_die(struct conn *c, bool by_peer)
{
    if (c->state == CONN_DEAD)
        return;
    c->state = CONN_DEAD;
    timer_clear(&c->linger);
    loop_forget(&c->watch);
    close(c->watch.fd);
    list_del(&c->kick);
    list_move_tail(&dead, &c->node);
    c->ops->gone(c, by_peer);
}

static void on_linger(struct timer *t)
{
    conn_die(list_entry(t, struct conn, linger), false);
}

/* The FIN goes out only when everything else has. */
static void conn_shutdown(struct conn *c)
{
    c->state = CONN_LINGER;
    shutdown(c->watch.fd, SHUT_WR);
    c->linger.fire = on_linger;
    timer_set(&c->linger, loop_now() + LINGER_NS);
    c->readable = true;
    conn_kick(c);
}

/* Writes from p; returns how many bytes the kernel took; marks the connection broken on an error. */
static size_t conn_write(struct conn *c, const char *p, size_t n)
{
    size_t done = 0;
    while (done < n) {
        size_t want = c->slice && n - done > c->slice ? c->slice : n - done;
        ssize_t w = send(c->watch.fd, p + done, want, MSG_NOSIGNAL);
        if (w < 0 && errno == EINTR)
            continue;
        if (w < 0) {
            c->broken = errno != EAGAIN;
            break;
        }
        done += (size_t)w;
        if ((size_t)w < want && !c->slice)
            break; /* full: epoll will say when there is room */
    }
    return done;
}

bool conn_send(struct conn *c, const void *p, size_t n)
{
    if (c->state != CONN_OPEN || c->broken)
        return c->state != CONN_OPEN;
    size_t done = c->out.len ? 0 : conn_write(c, p, n);
    if (c->broken)
        conn_kick(c);
    else
        buf_add(&c->out, (const char *)p + done, n - done);
    return done == n;
}

static void conn_flush(struct conn *c)
{
    c->out_done += conn_write(c, c->out.data + c->out_done, c->out.len - c->out_done);
    if (c->out_done < c->out.len)
        return;
    buf_free(&c->out);
    c->out_done = 0;
    if (c->state == CONN_FINISHING)
        conn_shutdown(c);
    else
        c->ops->drained(c);
}

static void conn_offer(struct conn *c, const char *p, size_t n)
{
    size_t used = c->ops->data(c, p, n);
    if (used < n && c->state == CONN_OPEN)
        buf_add(&c->in, p + used, n - used);
}

/* A finishing connection does not read: the client's FIN must not stop what is still going out to it. */
static bool conn_reads(const struct conn *c)
{
    return (c->state == CONN_OPEN && !c->held) || c->state == CONN_LINGER;
}

static void conn_pull(struct conn *c)
{
    if (c->in.len && !c->held && c->state == CONN_OPEN) {
        struct buf in = c->in;
        c->in = (struct buf){0};
        conn_offer(c, in.data, in.len);
        buf_free(&in);
    }
    for (int i = 0; c->readable && conn_reads(c); i++) {
        if (i == READS_PER_TURN) {
            conn_kick(c);
            return;
        }
        ssize_t n = read(c->watch.fd, scratch, sizeof(scratch));
        if (n > 0 && c->state == CONN_OPEN)
            conn_offer(c, scratch, (size_t)n);
        else if (n < 0 && errno == EAGAIN)
            c->readable = false;
        else if (n == 0 || (n < 0 && errno != EINTR))
            conn_die(c, true);
    }
}

static void on_ready(struct watch *w, uint32_t events)
{
    struct conn *c = list_entry(w, struct conn, watch);
    if (c->state == CONN_DEAD)
        return; /* died earlier in this turn */
    if (events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR))
        c->readable = true;
    conn_pull(c);
    bool left = events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR);
    if (c->state == CONN_OPEN && c->held && left)
        conn_die(c, true); /* nobody is there for the answer that is being made */
    if (c->out.len && (events & EPOLLOUT) && (c->state == CONN_OPEN || c->state == CONN_FINISHING))
        conn_flush(c);
    if (c->broken)
        conn_die(c, true);
}

struct conn *conn_open(int fd, const struct conn_ops *ops, void *user)
{
    struct conn *c = mem_alloc(sizeof(*c));
    c->watch = (struct watch){fd, on_ready};
    c->ops = ops;
    c->user = user;
    list_init(&c->kick);
    if (!loop_watch(&c->watch, EPOLLIN | EPOLLOUT | EPOLLRDHUP)) {
        close(fd);
        mem_free(c);
        return NULL;
    }
    list_init(&c->node);
    list_add_tail(&all, &c->node);
    count++;
    return c;
}

void conn_hold(struct conn *c)
{
    c->held = true;
}

void conn_release(struct conn *c)
{
    c->held = false;
    if (c->state == CONN_OPEN)
        conn_kick(c);
}

void conn_finish(struct conn *c)
{
    if (c->state != CONN_OPEN)
        return;
    c->state = CONN_FINISHING;
    if (!c->out.len)
        conn_shutdown(c);
}

void conn_cut(struct conn *c)
{
    conn_die(c, false);
}

void conn_reset(struct conn *c)
{
    if (c->state == CONN_DEAD)
        return;
    struct linger hard = {.l_onoff = 1, .l_linger = 0};
    setsockopt(c->watch.fd, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
    conn_die(c, false);
}

static void free_dead(void)
{
    for (struct list *n; (n = list_first(&dead));) {
        struct conn *c = list_entry(n, struct conn, node);
        list_del(n);
        buf_free(&c->in);
        buf_free(&c->out);
        mem_free(c);
        count--;
    }
}

bool conn_sweep(void)
{
    struct list now = {&now, &now};
    for (struct list *n; (n = list_first(&kicked));)
        list_move_tail(&now, n);
    for (struct list *n; (n = list_first(&now));) {
        struct conn *c = list_entry(n, struct conn, kick);
        list_del(n);
        if (c->broken)
            conn_die(c, true);
        else
            conn_pull(c);
    }
    free_dead();
    return !list_empty(&kicked);
}

void conn_close_all(void)
{
    for (struct list *n; (n = list_first(&all));)
        conn_die(list_entry(n, struct conn, node), false);
    free_dead();
}
