/* postgres_flood: many answers at once, each asked and ended, and tried again as the core does where the
 * outcome is not known; and a look into the database whether each is there, and is there once. */
#ifndef LASTWORD_TESTS_POSTGRES_FLOOD_H
#define LASTWORD_TESTS_POSTGRES_FLOOD_H

#include "contract/history_world.h"
#include "contract/postgres_server.h"

struct answering;
struct flood {
    struct world *w;
    const struct pgserver *server; /* where flood_end looks */
    struct answering *items;       /* owned until flood_end */
    int count, running, begun, done;
};

void flood_start(struct flood *f, struct world *w, const struct pgserver *server, int count);
/* Runs the loop until so many begins and ends are recorded; fails after 60 s. */
void flood_until(struct flood *f, int recorded);
/* The same for a part of all, and some turns more, into the midst of a batch. */
void flood_into(struct flood *f, int part, int parts);
/* Waits for all, and looks. */
void flood_end(struct flood *f);

/* Runs the loop until the store is well, or ill; fails after 20 s. */
void flood_wait_healthy(struct world *w, bool healthy);
/* Fails unless the SQL gives the number. */
void number_is(const struct pgserver *server, const char *sql, int want);

#endif
