/* head: a request head taken from the wire, ready to be checked by request.c or upgrade.c. */
#ifndef LASTWORD_EDGE_HEAD_H
#define LASTWORD_EDGE_HEAD_H

#include "edge/request.h"
#include "edge/upgrade.h"
#include "edge/wire.h"

/* Copies of headers; what does not fit becomes "?", which no check lets pass. */
struct head {
    char version[16], host[512], connection[256], length[32], coding[64], expect[64];
    char websocket_version[32], key[64], protocols[256], origin[512];
    struct request_head request;
    struct upgrade_request upgrade; /* only after head_read_upgrade */
};

/* Of the request that the wire has in hand. `path` is decoded and borrowed for the life of *head; NULL when
 * it is malformed. */
void head_read(struct head *head, const struct wire *wire, const struct connection *c,
               enum http_method method, const char *path);
/* The same, and what an upgrade needs beside it. */
void head_read_upgrade(struct head *head, const struct wire *wire, const struct connection *c,
                       enum http_method method, const char *path);

#endif
