/* worker: one process that serves: one loop, one node, its stores, its edge.
 *
 *     turn of the loop:  poll -> clock, sweep, completions -> events of sockets and upstreams -> one flush
 *     SIGTERM, SIGINT -> drain -> close -> exit;   SIGHUP -> configuration again */
#ifndef LASTWORD_WORKER_H
#define LASTWORD_WORKER_H

#include "base/config.h"

/* Serves until a signal ends it: 0; 1 when it could not start (it has logged why). `path`, `env`: where the
 * configuration came from, for SIGHUP. Takes `config` over. */
int worker_run(struct config *config, const char *path, char *const *env);

#endif
