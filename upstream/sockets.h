/* sockets: which descriptors of a library are watched on the loop, and for what.
 *
 * A library may close a descriptor without having said that it is to be watched no more, and a watcher left
 * behind watches whoever gets the number next. So those it opens through us live from sockets_own to
 * sockets_forget; others (a resolver's) from the first watch to the watch for nothing. */
#ifndef LASTWORD_UPSTREAM_SOCKETS_H
#define LASTWORD_UPSTREAM_SOCKETS_H

struct ev_loop;
struct socket_watch;

struct sockets {
    struct ev_loop *loop;
    void (*on_event)(void *owner, int fd, int events); /* EV_READ, EV_WRITE, EV_ERROR */
    struct socket_watch **by_fd;                       /* owned */
    int cap;
};

void sockets_init(struct sockets *s, struct ev_loop *loop, void (*on_event)(void *owner, int fd, int events));
void sockets_free(struct sockets *s);
void sockets_own(struct sockets *s, int fd, void *owner);
void sockets_forget(struct sockets *s, int fd);                         /* before it is closed; idempotent */
void sockets_watch(struct sockets *s, int fd, void *owner, int events); /* 0: for nothing */

#endif
