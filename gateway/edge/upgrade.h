/* upgrade: may this request become a WebSocket? Pure checks of its head; libwebsockets checks hardly any of
 * it. Also what an Origin header is held against. It refuses to authenticate: that is connection.c's. */
#ifndef LASTWORD_EDGE_UPGRADE_H
#define LASTWORD_EDGE_UPGRADE_H

#include <stdbool.h>

#include "base/config.h"
#include "base/err.h"

#define UPGRADE_PATH "/v1/ws"
#define UPGRADE_PROTOCOL "lastword.v1.json"

/* Strings are borrowed for the call, "" where absent. */
struct upgrade_request {
    bool is_get;
    const char *path, *version; /* "HTTP/1.1" */
    const char *connection;
    const char *websocket_version, *key, *protocols;
    const char *origin; /* NULL: none sent */
    const char *host;
    unsigned key_count, version_count; /* how often the header came */
};

/* 0: it may; or the status to refuse it with, and *e. `origins`: listen.origins. */
int upgrade_check(const struct upgrade_request *r, const struct config_strings *origins, struct err *e);

/* Is the Origin allowed? NULL (none sent: no browser) always is. With an empty list only the request's own
 * host is. */
bool upgrade_origin_allowed(const char *origin, const char *host, const struct config_strings *origins);

#endif
