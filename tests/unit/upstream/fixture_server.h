/* fixture_server: a server of HTTP bytes in the test's own loop: each request, whole, is answered with the
 * next line of a script. For tests of the transports over real sockets. */
#ifndef TEST_FIXTURE_SERVER_H
#define TEST_FIXTURE_SERVER_H

#include <ev.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

#define SERVER_REPLIES 8
#define SERVER_RESET "<reset>" /* the reply: break the connection */
#define SERVER_CLOSE "<close>" /* at the end of a reply: close after it */
#define SERVER_SILENT ""

struct server {
    struct ev_loop *loop;
    int port;
    const char *replies[SERVER_REPLIES]; /* the last one is repeated */
    int accepted, requests, open;        /* connections made, requests read whole, connections open now */
    struct buf last;                     /* the newest request */
};

extern struct server server;

void server_open(struct ev_loop *loop);
void server_close(void);
void server_say(const char *bytes); /* on every open connection, out of turn */
/* Runs the loop until `done` says so; fails after five seconds. */
void run_until(bool (*done)(void));

#endif
