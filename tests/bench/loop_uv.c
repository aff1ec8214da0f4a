/* libuv under lws and curl. See loop.h. */
#include "loop.h"

#include <stdlib.h>
#include <uv.h>

enum { FDS = 65536 };
static uv_loop_t *uv;
static uv_poll_t *polls[FDS];
static uv_timer_t timers[LOOP_TIMERS];

static void prepare(struct lws_context_creation_info *info)
{
    static void *foreign[1];
    uv = uv_default_loop();
    foreign[0] = uv;
    info->foreign_loops = foreign;
    info->options |= LWS_SERVER_OPTION_LIBUV;
    for (int i = 0; i < LOOP_TIMERS; i++)
        uv_timer_init(uv, &timers[i]);
}

static void begin(struct lws_vhost *vhost)
{
    (void)vhost;
}

static void on_io(uv_poll_t *w, int status, int events)
{
    uv_os_fd_t fd;
    int got = (events & UV_READABLE ? LOOP_READ : 0) | (events & UV_WRITABLE ? LOOP_WRITE : 0) |
              (status < 0 ? LOOP_ERROR : 0);
    if (uv_fileno((uv_handle_t *)w, &fd) == 0)
        ((io_fn)w->data)(fd, got);
}

static void on_closed(uv_handle_t *w)
{
    free(w);
}

static void watch(int fd, int events, io_fn fn)
{
    if (!events) {
        if (polls[fd])
            uv_close((uv_handle_t *)polls[fd], on_closed);
        polls[fd] = NULL;
        return;
    }
    if (!polls[fd]) {
        polls[fd] = calloc(1, sizeof(uv_poll_t));
        if (!polls[fd] || uv_poll_init(uv, polls[fd], fd) != 0)
            abort();
    }
    polls[fd]->data = (void *)fn;
    uv_poll_start(polls[fd], (events & LOOP_READ ? UV_READABLE : 0) | (events & LOOP_WRITE ? UV_WRITABLE : 0),
                  on_io);
}

static void on_timer(uv_timer_t *w)
{
    ((timer_fn)w->data)();
}

static void timer(int nth, long ms, timer_fn fn)
{
    uv_timer_stop(&timers[nth]);
    if (ms < 0)
        return;
    uv_update_time(uv);
    timers[nth].data = (void *)fn;
    uv_timer_start(&timers[nth], on_timer, (uint64_t)ms, 0);
}

static void run(struct lws_context *context)
{
    (void)context;
    uv_run(uv, UV_RUN_DEFAULT);
}

const struct loop loop_uv = {"libuv", prepare, begin, watch, timer, run};
