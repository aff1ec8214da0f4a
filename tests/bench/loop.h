/* The event loops that libwebsockets 4.1.6 offers, behind one small face, to measure them against each
 * other. Only the spike bench_loop uses it; loop.md has what came out.
 *
 *   loop_poll.c   lws's own poll(); what is not lws's is an epoll inside, adopted by lws as a file
 *   loop_ev.c     libev, handed to lws as a foreign loop
 *   loop_uv.c     libuv, likewise */
#ifndef LASTWORD_BENCH_LOOP_H
#define LASTWORD_BENCH_LOOP_H

#include <libwebsockets.h>
#include <stdbool.h>

enum { LOOP_READ = 1, LOOP_WRITE = 2, LOOP_ERROR = 4, LOOP_TIMERS = 8 };

typedef void (*io_fn)(int fd, int events);
typedef void (*timer_fn)(void);

struct loop {
    const char *name;
    /* Before the context: sets the options and the foreign loop. */
    void (*prepare)(struct lws_context_creation_info *info);
    /* After the context. */
    void (*begin)(struct lws_vhost *vhost);
    /* Watches fd for these events (0: no more); on_io is called with what happened. */
    void (*watch)(int fd, int events, io_fn on_io);
    /* Timer nth of LOOP_TIMERS fires once in ms; -1 stops it. */
    void (*timer)(int nth, long ms, timer_fn on_timer);
    /* Runs for ever. */
    void (*run)(struct lws_context *context);
};

extern const struct loop loop_poll, loop_ev, loop_uv;

/* loop_poll.c needs the callbacks of its adopted file: from the protocol's callback. */
void loop_poll_ready(void);

#endif
