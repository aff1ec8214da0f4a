/* postgres_chore: see postgres_chore.h. */
#include "store/postgres_chore.h"

#include <pthread.h>
#include <signal.h>

#include "base/mem.h"

struct pgchore {
    pthread_mutex_t lock; /* guards what follows */
    bool done, dropped;
    void (*run)(void *work);
    void (*drop_work)(void *work);
    void *work;
    void (*wake)(void *ctx);
    void *ctx;
};

static void chore_free(struct pgchore *chore)
{
    chore->drop_work(chore->work);
    pthread_mutex_destroy(&chore->lock);
    mem_free(chore);
}

static void *chore_main(void *arg)
{
    struct pgchore *chore = arg;
    chore->run(chore->work);
    pthread_mutex_lock(&chore->lock);
    chore->done = true;
    bool dropped = chore->dropped;
    if (!dropped)
        chore->wake(chore->ctx); /* under the lock, so that who drops it may then go */
    pthread_mutex_unlock(&chore->lock);
    if (dropped)
        chore_free(chore);
    return NULL;
}

/* Signals are the loop's. */
static bool start_thread(struct pgchore *chore)
{
    sigset_t all, before;
    pthread_t thread;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    bool started = pthread_create(&thread, NULL, chore_main, chore) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (started)
        pthread_detach(thread);
    return started;
}

struct pgchore *pgchore_start(void (*run)(void *work), void (*drop_work)(void *work), void *work,
                              void (*wake)(void *ctx), void *ctx)
{
    struct pgchore *chore = mem_alloc(sizeof(*chore));
    pthread_mutex_init(&chore->lock, NULL);
    chore->run = run;
    chore->drop_work = drop_work;
    chore->work = work;
    chore->wake = wake;
    chore->ctx = ctx;
    if (start_thread(chore))
        return chore;
    pthread_mutex_destroy(&chore->lock);
    mem_free(chore);
    return NULL;
}

bool pgchore_done(struct pgchore *chore)
{
    pthread_mutex_lock(&chore->lock);
    bool done = chore->done;
    pthread_mutex_unlock(&chore->lock);
    return done;
}

void pgchore_drop(struct pgchore *chore)
{
    if (!chore)
        return;
    pthread_mutex_lock(&chore->lock);
    bool done = chore->done;
    chore->dropped = true;
    pthread_mutex_unlock(&chore->lock);
    if (done)
        chore_free(chore);
}
