/* inherited: a listening socket that was open before this program started (systemd's socket activation). It
 * refuses to open one, and to take a descriptor for a listening socket that is none.
 *
 *     systemd, lastword.socket: bind, listen -> descriptor 3, LISTEN_FDS=1, LISTEN_PID -> inherited_socket
 *                               |
 *                               '-- holds it while nobody serves: who connects then waits in its backlog */
#ifndef LASTWORD_EDGE_INHERITED_H
#define LASTWORD_EDGE_INHERITED_H

#include <stddef.h>

#define INHERITED_NONE (-1)
#define INHERITED_WRONG (-2)

/* A non-blocking, close-on-exec duplicate of that socket, the caller's to close; workers (children of the
 * process it was given to) each get their own. INHERITED_NONE: there is none. INHERITED_WRONG: `error` says
 * what is there. */
int inherited_socket(char *error, size_t error_size);

#endif
