/* key_watch: a thread that keeps a gateway's API keys as the database has them. See keys.h.
 *
 *     thread: revision changed? -> list -> key_table -> fresh  --atomic exchange-->  loop
 *
 * A thread beside the history's, because that one's work is what clients wait for, and with Postgres there is
 * none. */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <time.h>

#include "base/mem.h"
#include "store/keys.h"

#define PARTING_MS 200 /* a look at a database that answers takes less */

struct key_watch {
    char *sqlite, *postgres;
    uint64_t period_ms;
    _Atomic(struct key_table *) fresh;
    _Atomic enum store_status trouble;
    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t changed;
    bool stop, ended;
};

static void watch_free(struct key_watch *w)
{
    key_table_free(atomic_load(&w->fresh));
    pthread_cond_destroy(&w->changed);
    pthread_mutex_destroy(&w->lock);
    mem_free(w->sqlite);
    mem_free(w->postgres);
    mem_free(w);
}

/* ------------------------------------------------------------------ on the thread */

static void add(void *ctx, const struct key_record *key)
{
    key_table_add(ctx, key);
}

/* The revision that the keys now handed over have at least; -1: none were. */
static int64_t look(struct key_watch *w, struct key_store *s, int64_t known)
{
    int64_t revision = key_store_revision(s); /* first, so that a change after it is seen the next time */
    atomic_store(&w->trouble, revision < 0 ? STORE_UNAVAILABLE : STORE_OK);
    if (revision < 0 || revision == known)
        return known;
    struct key_table *table = key_table_new();
    enum store_status status = key_store_list(s, add, table);
    atomic_store(&w->trouble, status);
    if (status != STORE_OK) {
        key_table_free(table);
        return known;
    }
    key_table_sort(table);
    key_table_free(atomic_exchange(&w->fresh, table));
    return revision;
}

/* False: it is to end. */
static bool wait_a_while(struct key_watch *w)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    uint64_t ns = (uint64_t)until.tv_nsec + w->period_ms % 1000 * 1000000;
    until.tv_sec += (time_t)(w->period_ms / 1000 + ns / 1000000000);
    until.tv_nsec = (long)(ns % 1000000000);
    pthread_mutex_lock(&w->lock);
    for (int error = 0; !w->stop && error != ETIMEDOUT;)
        error = pthread_cond_timedwait(&w->changed, &w->lock, &until);
    bool go_on = !w->stop;
    pthread_mutex_unlock(&w->lock);
    return go_on;
}

static void *watch_main(void *arg)
{
    struct key_watch *w = arg;
    const struct key_source source = {.sqlite = w->sqlite, .postgres = w->postgres};
    struct key_store *s = NULL;
    int64_t known = -1;
    char error[256];
    do {
        if (!s)
            s = key_store_open(&source, false, error, sizeof error);
        if (s)
            known = look(w, s, known);
        else
            atomic_store(&w->trouble, STORE_UNAVAILABLE);
    } while (wait_a_while(w));
    key_store_close(s);
    pthread_mutex_lock(&w->lock);
    bool abandoned = w->ended;
    w->ended = true;
    pthread_cond_broadcast(&w->changed);
    pthread_mutex_unlock(&w->lock);
    if (abandoned)
        watch_free(w);
    return NULL;
}

/* ------------------------------------------------------------------ on the loop's */

static bool start_thread(struct key_watch *w)
{
    sigset_t all, before;
    pthread_t thread;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before); /* signals are the loop's */
    bool started = pthread_create(&thread, NULL, watch_main, w) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (started)
        pthread_detach(thread);
    return started;
}

struct key_watch *key_watch_open(const struct key_source *source, uint64_t period_ms)
{
    pthread_condattr_t clock;
    struct key_watch *w = mem_alloc(sizeof *w);
    w->sqlite = mem_strdup(source->sqlite);
    w->postgres = mem_strdup(source->postgres);
    w->period_ms = period_ms;
    pthread_mutex_init(&w->lock, NULL);
    pthread_condattr_init(&clock);
    pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
    pthread_cond_init(&w->changed, &clock);
    pthread_condattr_destroy(&clock);
    if (start_thread(w))
        return w;
    watch_free(w);
    return NULL;
}

struct key_table *key_watch_take(struct key_watch *w)
{
    return atomic_exchange(&w->fresh, NULL);
}

enum store_status key_watch_trouble(struct key_watch *w)
{
    return atomic_load(&w->trouble);
}

void key_watch_close(struct key_watch *w)
{
    struct timespec until;
    if (!w)
        return;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += PARTING_MS * 1000000L;
    until.tv_sec += until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    pthread_mutex_lock(&w->lock);
    w->stop = true;
    pthread_cond_broadcast(&w->changed);
    for (int error = 0; !w->ended && error != ETIMEDOUT;)
        error = pthread_cond_timedwait(&w->changed, &w->lock, &until);
    bool gone = w->ended;
    w->ended = true; /* from here on it is the thread's to free */
    pthread_mutex_unlock(&w->lock);
    if (gone)
        watch_free(w);
}
