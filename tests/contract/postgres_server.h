/* postgres_server: a Postgres server of the test's own: a private folder, a unix socket in it, no port. It
 * runs as an unprivileged user where the test is root, which Postgres refuses to be. */
#ifndef LASTWORD_TESTS_POSTGRES_SERVER_H
#define LASTWORD_TESTS_POSTGRES_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct pgserver {
    char folder[64]; /* everything is in it; the socket too */
    char conninfo[160];
    pid_t pid;    /* of the server; 0: it is down */
    pid_t pooler; /* of pgbouncer; 0: none */
};

/* Makes the folder and a database cluster, and starts it. False, with a word on stderr, when that fails. */
bool pgserver_make(struct pgserver *s);
/* A standby of it, streaming: a new one (zeroed), or in the place of one that is down. */
bool pgserver_follow(struct pgserver *standby, const struct pgserver *primary);
/* Starts it again, and waits until it answers. */
bool pgserver_start(struct pgserver *s);
/* A pgbouncer before it, pooling by transaction; conninfo is then of that one. */
bool pgserver_pool(struct pgserver *s);
/* Ends it in order, or all its processes with SIGKILL, and waits for the end. */
void pgserver_stop(struct pgserver *s);
void pgserver_kill(struct pgserver *s);
/* Ends what runs and removes the folder. */
void pgserver_drop(struct pgserver *s);

/* Runs SQL on the server itself; the first value of the last result goes to `out`, unless NULL. Fails the
 * process where the SQL fails. */
void pgserver_sql(const struct pgserver *s, const char *sql, char *out, size_t size);

#endif
