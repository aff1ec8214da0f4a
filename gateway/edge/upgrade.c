/* upgrade: see upgrade.h. */
#include "edge/upgrade.h"

#include <string.h>
#include <strings.h>

#include "edge/request.h"

#define HEADER_MAX 120 /* libwebsockets reads Connection and the protocol list into 128 bytes */
#define TOKEN_MAX 60   /* and a protocol's name into 64 */

bool upgrade_origin_allowed(const char *origin, const char *host, const struct config_strings *origins)
{
    if (!origin)
        return true;
    for (size_t i = 0; i < origins->count; i++)
        if (strcmp(origins->items[i], "*") == 0 || strcasecmp(origins->items[i], origin) == 0)
            return true;
    if (origins->count)
        return false;
    const char *authority = strstr(origin, "://");
    return authority && *host && strcasecmp(authority + 3, host) == 0;
}

static int refuse(struct err *e, int status, enum err_code code, const char *param, const char *message)
{
    err_set(e, code, "%s", message);
    e->param = param;
    return status;
}

/* 16 bytes in base64: 22 digits, of which the last holds 2 bits, and "==". */
static bool key_is_valid(const char *key)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    return strspn(key, digits) == 22 && strcmp(key + 22, "==") == 0 && strchr("AQgw", key[21]);
}

static bool list_is_readable(const char *list)
{
    if (strlen(list) > HEADER_MAX)
        return false;
    while (*list) {
        size_t len = strcspn(list, ",");
        if (len > TOKEN_MAX)
            return false;
        list += len + (list[len] == ',');
    }
    return true;
}

static int check_handshake(const struct upgrade_request *r, struct err *e)
{
    if (!r->is_get || strcmp(r->version, "HTTP/1.1") != 0)
        return refuse(e, 400, ERR_BAD_REQUEST, NULL, "A WebSocket begins with GET and HTTP/1.1.");
    if (!list_is_readable(r->connection) || !request_has_token(r->connection, "upgrade"))
        return refuse(e, 400, ERR_BAD_REQUEST, "connection", "Connection must say Upgrade.");
    if (r->version_count != 1 || strcmp(r->websocket_version, "13") != 0)
        return refuse(e, 426, ERR_BAD_REQUEST, "sec-websocket-version",
                      "Only WebSocket version 13 is spoken here.");
    if (r->key_count != 1 || !key_is_valid(r->key))
        return refuse(e, 400, ERR_BAD_REQUEST, "sec-websocket-key",
                      "Sec-WebSocket-Key must be 16 bytes in base64.");
    if (!*r->host)
        return refuse(e, 400, ERR_BAD_REQUEST, "host", "There must be one Host header.");
    return 0;
}

int upgrade_check(const struct upgrade_request *r, const struct config_strings *origins, struct err *e)
{
    if (strcmp(r->path, UPGRADE_PATH) != 0)
        return refuse(e, 404, ERR_NOT_FOUND, NULL, "The WebSocket is at " UPGRADE_PATH ".");
    int status = check_handshake(r, e);
    if (status)
        return status;
    if (!list_is_readable(r->protocols) || !request_has_token(r->protocols, UPGRADE_PROTOCOL))
        return refuse(e, 400, ERR_BAD_REQUEST, "sec-websocket-protocol",
                      "Offer the subprotocol " UPGRADE_PROTOCOL ".");
    if (!upgrade_origin_allowed(r->origin, r->host, origins))
        return refuse(e, 403, ERR_FORBIDDEN, "origin", "Pages of this origin may not connect.");
    return 0;
}
