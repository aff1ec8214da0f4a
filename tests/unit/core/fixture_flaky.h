/* A session store between a node and the memory one, that can be away: calls are answered STORE_UNAVAILABLE
 * at the next turn, and nothing is heard of others. */
#ifndef LASTWORD_TESTS_UNIT_CORE_FIXTURE_FLAKY_H
#define LASTWORD_TESTS_UNIT_CORE_FIXTURE_FLAKY_H

#include "store/store.h"

enum flaky { FLAKY_NOT, FLAKY_AWAY, FLAKY_MUTE /* what is asked is done, but the answer is lost */ };

struct session_store *flaky_open(struct session_memory *m, const char *name,
                                 const struct session_store_events *events);
struct store_op *flaky_outbox_take(struct session_store *s, size_t max, outbox_take_fn done, void *ctx);
struct store_op *flaky_outbox_ack(struct session_store *s, const char *const *ids, size_t n,
                                  store_done_fn done, void *ctx);
void flaky_is(struct session_store *s, enum flaky how);

#endif
