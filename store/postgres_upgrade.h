/* postgres_upgrade: migrates a database that came back with an older schema, or for the first time, on a
 * thread (postgres_chore.h), one attempt at a time. */
#ifndef LASTWORD_STORE_POSTGRES_UPGRADE_H
#define LASTWORD_STORE_POSTGRES_UPGRADE_H

#include <stdint.h>

struct pgupgrade;

/* `wake` is called, on another thread, when an attempt is over. */
struct pgupgrade *pgupgrade_new(const char *conninfo, uint64_t connect_ms, void (*wake)(void *ctx),
                                void *ctx);
void pgupgrade_free(struct pgupgrade *u); /* NULL is fine */
/* Begins an attempt, unless one is under way. */
void pgupgrade_start(struct pgupgrade *u);
/* Logs how an attempt ended, if one did. */
void pgupgrade_turn(struct pgupgrade *u);

#endif
