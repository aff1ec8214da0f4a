/* sockets: see sockets.h. A table by descriptor; the kernel keeps the numbers small. */
#include "upstream/sockets.h"

#include <ev.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "base/mem.h"

struct socket_watch {
    ev_io io;
    struct sockets *set;
    void *owner;
    bool owned; /* from sockets_own to sockets_forget */
};

void sockets_init(struct sockets *s, struct ev_loop *loop, void (*on_event)(void *owner, int fd, int events))
{
    *s = (struct sockets){.loop = loop, .on_event = on_event};
}

void sockets_free(struct sockets *s)
{
    for (int fd = 0; fd < s->cap; fd++)
        sockets_forget(s, fd);
    mem_free(s->by_fd);
    s->by_fd = NULL;
    s->cap = 0;
}

static void on_io(struct ev_loop *loop, ev_io *io, int events)
{
    struct socket_watch *w = (struct socket_watch *)io;
    (void)loop;
    w->set->on_event(w->owner, io->fd, events);
}

static struct socket_watch *find(const struct sockets *s, int fd)
{
    return fd < s->cap ? s->by_fd[fd] : NULL;
}

static struct socket_watch *make(struct sockets *s, int fd, void *owner)
{
    if (fd >= s->cap) {
        int cap = s->cap ? s->cap : 64;
        while (cap <= fd)
            cap *= 2;
        s->by_fd = mem_realloc(s->by_fd, (size_t)cap * sizeof(struct socket_watch *));
        memset(s->by_fd + s->cap, 0, (size_t)(cap - s->cap) * sizeof(struct socket_watch *));
        s->cap = cap;
    }
    struct socket_watch *w = mem_alloc(sizeof *w);
    w->set = s;
    w->owner = owner;
    ev_io_init(&w->io, on_io, fd, 0);
    s->by_fd[fd] = w;
    return w;
}

void sockets_own(struct sockets *s, int fd, void *owner)
{
    sockets_forget(s, fd);
    make(s, fd, owner)->owned = true;
}

void sockets_forget(struct sockets *s, int fd)
{
    struct socket_watch *w = find(s, fd);
    if (!w)
        return;
    ev_io_stop(s->loop, &w->io);
    s->by_fd[fd] = NULL;
    mem_free(w);
}

void sockets_watch(struct sockets *s, int fd, void *owner, int events)
{
    struct socket_watch *w = find(s, fd);
    if (!events && w && !w->owned) {
        sockets_forget(s, fd);
        return;
    }
    if (!w && events)
        w = make(s, fd, owner);
    if (!w)
        return;
    ev_io_stop(s->loop, &w->io);
    if (!events)
        return;
    ev_io_set(&w->io, fd, events);
    ev_io_start(s->loop, &w->io);
}
