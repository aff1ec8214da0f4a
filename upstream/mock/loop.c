/* loop: one turn is: wait, events, timers that are due, sweep. Timers live in a 4-ary heap (fewer levels,
 * one cache line a level), because 4,000 streams at 50 tokens/s set 200,000 of them a second. */
#include "loop.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"

#define HEAP_WAYS 4
#define EVENTS_PER_TURN 512

static struct {
    int epoll;
    bool running;
    uint64_t now;
    struct timer **heap; /* from 1; linked */
    size_t len, cap;
} loop = {.epoll = -1};

uint64_t clock_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * NS_PER_S + (uint64_t)t.tv_nsec;
}

uint64_t loop_now(void)
{
    return loop.now;
}

void loop_open(void)
{
    loop.epoll = epoll_create1(EPOLL_CLOEXEC);
    if (loop.epoll < 0) {
        perror("richierich: epoll_create1");
        exit(1);
    }
    loop.now = clock_now();
}

void loop_close(void)
{
    close(loop.epoll);
    mem_free(loop.heap);
    loop.heap = NULL;
    loop.len = loop.cap = 0;
}

bool loop_watch(struct watch *w, uint32_t events)
{
    struct epoll_event e = {.events = events | EPOLLET, .data.ptr = w};
    return epoll_ctl(loop.epoll, EPOLL_CTL_ADD, w->fd, &e) == 0;
}

void loop_forget(struct watch *w)
{
    epoll_ctl(loop.epoll, EPOLL_CTL_DEL, w->fd, NULL);
}

static void heap_put(size_t slot, struct timer *t)
{
    loop.heap[slot] = t;
    t->slot = slot;
}

static void heap_up(size_t slot, struct timer *t)
{
    while (slot > 1) {
        size_t parent = (slot - 2) / HEAP_WAYS + 1;
        if (loop.heap[parent]->due <= t->due)
            break;
        heap_put(slot, loop.heap[parent]);
        slot = parent;
    }
    heap_put(slot, t);
}

static void heap_down(size_t slot, struct timer *t)
{
    for (;;) {
        size_t first = (slot - 1) * HEAP_WAYS + 2, best = 0;
        for (size_t i = first; i < first + HEAP_WAYS && i <= loop.len; i++)
            if (!best || loop.heap[i]->due < loop.heap[best]->due)
                best = i;
        if (!best || loop.heap[best]->due >= t->due)
            break;
        heap_put(slot, loop.heap[best]);
        slot = best;
    }
    heap_put(slot, t);
}

void timer_clear(struct timer *t)
{
    size_t slot = t->slot;
    if (!slot)
        return;
    t->slot = 0;
    struct timer *last = loop.heap[loop.len--];
    if (last == t)
        return;
    if (last->due < t->due)
        heap_up(slot, last);
    else
        heap_down(slot, last);
}

void timer_set(struct timer *t, uint64_t due)
{
    timer_clear(t);
    /* never again in the pass that is running: a timer that sets itself for "now" would starve the sockets */
    t->due = due > loop.now ? due : loop.now + 1;
    if (loop.len + 2 > loop.cap) {
        loop.cap = loop.cap ? loop.cap * 2 : 1024;
        loop.heap = mem_realloc(loop.heap, loop.cap * sizeof(*loop.heap));
    }
    heap_up(++loop.len, t);
}

static void fire_due(void)
{
    while (loop.len && loop.heap[1]->due <= loop.now) {
        struct timer *t = loop.heap[1];
        timer_clear(t);
        t->fire(t);
    }
}

static int wait_events(struct epoll_event *events, bool busy)
{
    struct timespec t = {0}, *timeout = &t;
    if (!busy && !loop.len) {
        timeout = NULL;
    } else if (!busy) {
        uint64_t now = clock_now(), due = loop.heap[1]->due;
        uint64_t left = due > now ? due - now : 0;
        t.tv_sec = (time_t)(left / NS_PER_S);
        t.tv_nsec = (long)(left % NS_PER_S);
    }
    return epoll_pwait2(loop.epoll, events, EVENTS_PER_TURN, timeout, NULL);
}

void loop_run(bool (*sweep)(void))
{
    struct epoll_event events[EVENTS_PER_TURN];
    bool busy = false;
    loop.running = true;
    while (loop.running) {
        int n = wait_events(events, busy);
        loop.now = clock_now();
        for (int i = 0; i < n; i++) {
            struct watch *w = events[i].data.ptr;
            w->ready(w, events[i].events);
        }
        fire_due();
        busy = sweep();
    }
}

void loop_stop(void)
{
    loop.running = false;
}
