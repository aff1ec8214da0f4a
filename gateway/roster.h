/* roster: which workers are to be started, when, and when it is all over. Pure: no process, no clock.
 *
 *     WAITING --due, started--> STARTING --serving--> SERVING
 *        ^                         |                     |
 *        '--- ended by itself -----+---------------------'      roster_end: --> OUT
 *
 * The first worker starts alone, so that what is wrong with the configuration is said once; the others follow
 * when it serves. Until all have served once, one that ends before it ever served ends all. After that none
 * is given up: it is started again, at most once a second. */
#ifndef LASTWORD_ROSTER_H
#define LASTWORD_ROSTER_H

#include <stdbool.h>
#include <stdint.h>

#define ROSTER_MAX 64
#define ROSTER_PAUSE_MS 1000 /* between two starts of one worker */

enum roster_state { ROSTER_WAITING, ROSTER_STARTING, ROSTER_SERVING, ROSTER_OUT };

struct roster_slot {
    enum roster_state state;
    bool served;       /* once, at least */
    uint64_t start_ms; /* WAITING: not before */
};

struct roster {
    int count;
    bool ready;  /* all have served */
    bool ending; /* nobody is started any more */
    int exit_code;
    struct roster_slot slots[ROSTER_MAX];
};

/* `count` from 1 to ROSTER_MAX; slots are counted from 0. */
void roster_init(struct roster *r, int count);
/* A slot that is to be started now, or -1. */
int roster_due(const struct roster *r, uint64_t now_ms);
/* How long nobody will be due, if nothing happens; -1: for ever. */
int roster_wait_ms(const struct roster *r, uint64_t now_ms);
void roster_started(struct roster *r, int slot, uint64_t now_ms);
/* It serves. True once: now all have served. */
bool roster_serving(struct roster *r, int slot);
/* It has ended, `well` or not. True: that ends all, the others must be told. */
bool roster_ended(struct roster *r, int slot, bool well);
/* All are being told to end. */
void roster_end(struct roster *r);
/* Nobody is left, and nobody will be started: r->exit_code stands. */
bool roster_over(const struct roster *r);

#endif
