/* loop: the one event loop of this process: epoll for sockets, a heap for timers, a cached clock.
 * It knows nothing of connections. One thread; nothing here may be called from another. */
#ifndef RICHIERICH_LOOP_H
#define RICHIERICH_LOOP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NS_PER_MS 1000000ull
#define NS_PER_S 1000000000ull

/* Embedded in what watches a descriptor; linked until loop_forget. */
struct watch {
    int fd;
    void (*ready)(struct watch *w, uint32_t events); /* EPOLL* bits */
};

/* Embedded in what waits; linked from timer_set until it fires or timer_clear. Zeroed is unset. */
struct timer {
    uint64_t due;                  /* ns, CLOCK_MONOTONIC */
    size_t slot;                   /* place in the heap, from 1; 0: not set */
    void (*fire)(struct timer *t); /* already unset when called; may set itself again */
};

void loop_open(void); /* once, before anything else; ends the process when it cannot */
void loop_close(void);

/* Edge-triggered. False when the kernel refuses (errno stays). */
bool loop_watch(struct watch *w, uint32_t events);
void loop_forget(struct watch *w); /* before its fd is closed */

/* Runs until loop_stop. `sweep` is called once a turn, last; true: it has more to do, so do not sleep. */
void loop_run(bool (*sweep)(void));
void loop_stop(void);

uint64_t loop_now(void);  /* ns as of the start of this turn */
uint64_t clock_now(void); /* ns, asked of the system now */

void timer_set(struct timer *t,
               uint64_t due);      /* sets, or moves; a due time in the past fires in the next pass */
void timer_clear(struct timer *t); /* idempotent */

#endif
