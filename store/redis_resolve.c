/* redis_resolve: see redis_resolve.h.
 *
 *     loop    start ──────────────── async ── done ── free
 *     thread        getaddrinfo ── send ─┘
 *
 * Whoever is second of thread and cancel frees; the lock keeps the thread from touching a loop that is gone.
 */
#include "store/redis_resolve.h"

#include <arpa/inet.h>
#include <ev.h>
#include <netdb.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "base/mem.h"

struct resolve {
    struct ev_loop *loop;
    struct ev_async async;
    void (*done)(void *ctx, const char *number);
    void *ctx;
    pthread_mutex_t lock;
    bool answered, cancelled; /* under the lock */
    char host[256], number[RESOLVED_MAX];
};

bool resolve_is_number(const char *host)
{
    struct in6_addr six;
    struct in_addr four;
    return inet_pton(AF_INET, host, &four) == 1 || inet_pton(AF_INET6, host, &six) == 1;
}

static void destroy(struct resolve *r)
{
    pthread_mutex_destroy(&r->lock);
    mem_free(r);
}

static void look_up(struct resolve *r)
{
    struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM}, *found = NULL;
    if (getaddrinfo(r->host, NULL, &hints, &found) != 0 || !found)
        return;
    const struct addrinfo *best = found;
    for (const struct addrinfo *a = found; a; a = a->ai_next) {
        if (a->ai_family == AF_INET) {
            best = a;
            break;
        }
    }
    if (getnameinfo(best->ai_addr, best->ai_addrlen, r->number, sizeof(r->number), NULL, 0, NI_NUMERICHOST) !=
        0)
        r->number[0] = '\0';
    freeaddrinfo(found);
}

static void *run(void *arg)
{
    struct resolve *r = arg;
    look_up(r);
    pthread_mutex_lock(&r->lock);
    bool cancelled = r->cancelled;
    r->answered = true;
    if (!cancelled)
        ev_async_send(r->loop, &r->async);
    pthread_mutex_unlock(&r->lock);
    if (cancelled)
        destroy(r);
    return NULL;
}

static void on_answer(struct ev_loop *loop, struct ev_async *async, int events)
{
    struct resolve *r = async->data;
    (void)events;
    pthread_mutex_lock(&r->lock); /* the thread has left its part */
    pthread_mutex_unlock(&r->lock);
    ev_async_stop(loop, async);
    r->done(r->ctx, *r->number ? r->number : NULL);
    destroy(r);
}

struct resolve *resolve_start(struct ev_loop *loop, const char *host,
                              void (*done)(void *ctx, const char *number), void *ctx)
{
    pthread_t thread;
    pthread_attr_t attr;
    struct resolve *r = mem_alloc(sizeof(*r));
    r->loop = loop;
    r->done = done;
    r->ctx = ctx;
    snprintf(r->host, sizeof(r->host), "%s", host);
    pthread_mutex_init(&r->lock, NULL);
    ev_async_init(&r->async, on_answer);
    r->async.data = r;
    ev_async_start(loop, &r->async);
    pthread_attr_init(&attr);
    pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before); /* signals are the loop's */
    bool failed = pthread_create(&thread, &attr, run, r) != 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attr);
    if (!failed)
        return r;
    ev_async_stop(loop, &r->async);
    destroy(r);
    return NULL;
}

void resolve_cancel(struct resolve *r)
{
    pthread_mutex_lock(&r->lock);
    ev_async_stop(r->loop, &r->async);
    bool answered = r->answered;
    r->cancelled = true;
    pthread_mutex_unlock(&r->lock);
    if (answered)
        destroy(r);
}
