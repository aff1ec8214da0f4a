/* supervisor: several workers on one port (listen.workers), each a process and a node of its own.
 *
 *     supervisor --fork--> worker 1, node "<node>-1" --,
 *        |       --fork--> worker 2, node "<node>-2" --+-- one port each, of one number: SO_REUSEPORT, the
 *        |                                             |   kernel shares connections out among them
 *        |<------------- "I serve" (a pipe) -----------'
 *        '-- SIGTERM, SIGINT, SIGHUP: passed on;  SIGCHLD: started again (roster.h)
 *
 * It holds the port's number without listening on it. It refuses to serve, to talk to a store and to know
 * anything about what its workers do: they share nothing but the stores. When it dies they are sent SIGTERM
 * by the kernel, and drain. */
#ifndef LASTWORD_SUPERVISOR_H
#define LASTWORD_SUPERVISOR_H

#include "base/config.h"

/* Serves with config->listen_workers workers until a signal ends them: 0; 1 when they could not start, or one
 * did not end well. Arguments as worker_run's. In a worker it does not return. */
int supervisor_run(struct config *config, const char *path, char *const *env);

#endif
