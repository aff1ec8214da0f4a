/* A session store between a node and the memory one, that can be away: calls are answered STORE_UNAVAILABLE
 * at the next turn, and nothing is heard of others. */
#ifndef LASTWORD_TESTS_UNIT_CORE_FIXTURE_FLAKY_H
#define LASTWORD_TESTS_UNIT_CORE_FIXTURE_FLAKY_H

#include "store/store.h"

enum flaky { FLAKY_NOT, FLAKY_AWAY, FLAKY_MUTE /* what is asked is done, but the answer is lost */ };

struct session_store *flaky_open(struct session_memory *m, const char *name,
                                 const struct session_store_events *events);
const struct outbox_ops *flaky_outbox(void);
void flaky_is(struct session_store *s, enum flaky how);

#endif
