/* redis_server: a real redis-server of the test's own, in a folder of its own, its time of day in the test's
 * hands. Every function fails the test when it cannot do what it says. */
#ifndef LASTWORD_TESTS_REDIS_SERVER_H
#define LASTWORD_TESTS_REDIS_SERVER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct redis_server {
    char folder[256];
    int port;  /* on 127.0.0.1; there is a socket `s` in the folder as well */
    pid_t pid; /* 0: not running */
    _Atomic int64_t *clock_us;
    bool sentinel;  /* it is one, by the file `conf` in the folder; its time and that of those it watches */
    bool real_time; /* goes by itself */
    const char *password;    /* for redis_server_ask; NULL: none */
    const char *const *more; /* further arguments, NULL at the end; borrowed */
};

/* A folder, a free port, a clock; no process yet. */
void redis_server_prepare(struct redis_server *r, const char *const *more);
void redis_server_start(struct redis_server *r); /* returns when it answers */
void redis_server_kill(struct redis_server *r);  /* -9 */
void redis_server_stop(struct redis_server *r);  /* TERM */
void redis_server_free(struct redis_server *r);  /* stops it, removes the folder */

/* One command in one line, by redis-cli's rules of quoting; its answer as RESP, in a static buffer. */
const char *redis_server_ask(const struct redis_server *r, const char *command);
/* Runs a program, no output; true when it exits with 0. */
bool redis_run(const char *const *argv);
int redis_free_port(void);

#endif
