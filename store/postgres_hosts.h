/* postgres_hosts: the hosts of a connection string as addresses. libpq would look names up while the loop
 * waits; here a thread does (postgres_chore.h), again before each round of attempts, since a name may point
 * elsewhere after a failover. Addresses and sockets in the string are taken as they are. It does not look
 * into a service file: where one is named, libpq does, and a name in it would be looked up there. */
#ifndef LASTWORD_STORE_POSTGRES_HOSTS_H
#define LASTWORD_STORE_POSTGRES_HOSTS_H

#include "store/postgres_conn.h"

struct pgaddress {
    char *host, *address, *port; /* each may be NULL: libpq's default; `host` is what certificates are for */
};

struct pghosts;

/* `wake` is called, on another thread, when a lookup is done. NULL with `error` for a string that is none. */
struct pghosts *pghosts_open(const char *conninfo, void (*wake)(void *ctx), void *ctx, char *error,
                             size_t error_size);
void pghosts_close(struct pghosts *hosts); /* NULL is fine */
const struct pginfo *pghosts_info(const struct pghosts *hosts);

/* True when the addresses are there; otherwise they are being looked up, and it is to be asked again. */
bool pghosts_ready(struct pghosts *hosts, uint64_t now_us);
/* The addresses of all hosts: borrowed until pghosts_ready is asked again. */
size_t pghosts_count(const struct pghosts *hosts);
const struct pgaddress *pghosts_at(const struct pghosts *hosts, size_t i);

#endif
