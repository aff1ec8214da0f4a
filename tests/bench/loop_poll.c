/* lws's own poll() loop. Debian's build has no hook for foreign descriptors, so curl's sockets and our
 * timers live in an epoll instance that lws polls as one adopted file. See loop.h. */
#include "loop.h"

#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>

enum { FDS = 65536, EVENTS = 256 };
static int ep;
static io_fn fns[FDS];
static timer_fn timer_fns[LOOP_TIMERS];
static int timer_fds[LOOP_TIMERS];

static void watch(int fd, int events, io_fn fn)
{
    struct epoll_event e = {
        .events = (events & LOOP_READ ? EPOLLIN : 0u) | (events & LOOP_WRITE ? EPOLLOUT : 0u),
        .data.fd = fd,
    };
    int op = !events ? EPOLL_CTL_DEL : fns[fd] ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;
    epoll_ctl(ep, op, fd, &e);
    fns[fd] = events ? fn : NULL;
}

static void on_timer_fd(int fd, int events)
{
    uint64_t count;
    (void)events;
    if (read(fd, &count, sizeof count) != (ssize_t)sizeof count)
        return;
    for (int i = 0; i < LOOP_TIMERS; i++)
        if (timer_fds[i] == fd)
            timer_fns[i]();
}

static void prepare(struct lws_context_creation_info *info)
{
    (void)info;
    ep = epoll_create1(EPOLL_CLOEXEC);
    for (int i = 0; i < LOOP_TIMERS; i++) {
        timer_fds[i] = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
        watch(timer_fds[i], LOOP_READ, on_timer_fd);
    }
}

static void begin(struct lws_vhost *vhost)
{
    lws_sock_file_fd_type fd = {.filefd = ep};
    if (!lws_adopt_descriptor_vhost(vhost, LWS_ADOPT_RAW_FILE_DESC, fd, "bench", NULL))
        abort();
}

void loop_poll_ready(void)
{
    struct epoll_event events[EVENTS];
    int n = epoll_wait(ep, events, EVENTS, 0);
    for (int i = 0; i < n; i++) {
        uint32_t e = events[i].events;
        int fd = events[i].data.fd;
        if (fns[fd])
            fns[fd](fd, (e & EPOLLIN ? LOOP_READ : 0) | (e & EPOLLOUT ? LOOP_WRITE : 0) |
                            (e & (EPOLLERR | EPOLLHUP) ? LOOP_ERROR : 0));
    }
}

static void timer(int nth, long ms, timer_fn fn)
{
    struct itimerspec t = {0};
    timer_fns[nth] = fn;
    if (ms >= 0) {
        t.it_value.tv_sec = ms / 1000;
        t.it_value.tv_nsec = ms % 1000 * 1000000 + 1;
    }
    timerfd_settime(timer_fds[nth], 0, &t, NULL);
}

static void run(struct lws_context *context)
{
    while (lws_service(context, 0) >= 0) {
    }
}

const struct loop loop_poll = {"poll", prepare, begin, watch, timer, run};
