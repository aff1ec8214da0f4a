/* worker: one process that serves: one loop, one node, its stores, its edge.
 *
 *     turn of the loop:  poll -> clock, sweep, completions -> events of sockets and upstreams -> one flush
 *     SIGTERM, SIGINT -> drain -> close -> exit;   SIGHUP -> configuration again
 *
 * It is alone, or one of several that share a port (supervisor.h) and do not know of each other. */
#ifndef LASTWORD_WORKER_H
#define LASTWORD_WORKER_H

#include "base/config.h"

/* Serves until a signal ends it: 0; 1 when it could not start (it has logged why). `path`, `env`: where the
 * configuration came from, for SIGHUP. Takes `config` over. */
int worker_run(struct config *config, const char *path, char *const *env);

#define WORKER_NAME 65     /* bytes of a node's name, NUL included */
#define WORKER_BASE_MAX 61 /* of listen.node, where "-64" comes behind it */

/* One of several. */
struct worker_slot {
    int number;             /* from 1 */
    int port;               /* that all share */
    int ready;              /* a descriptor that gets one byte, `number`, once it serves */
    char node[WORKER_NAME]; /* its name */
};

/* The same as worker_run, but for what *slot says; the supervisor says that it is ready. SIGTERM, SIGINT,
 * SIGHUP and SIGCHLD may be blocked when it is called. */
int worker_run_slot(struct config *config, const char *path, char *const *env,
                    const struct worker_slot *slot);

/* listen.node, or a name made of the host and this process. */
void worker_name(const struct config *config, char out[WORKER_NAME]);

/* The keys of tokens in a file, for check-config as well. NULL with what is wrong. */
struct jwks;
struct jwks *worker_tokens_read(const char *path, char *error, size_t error_size);

#endif
