/* upgrade: see upgrade.h. */
#include "edge/upgrade.h"

#include <string.h>
#include <strings.h>

#include "edge/request.h"

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

enum upgrade_wish upgrade_wish(const struct head *head)
{
    const char *to = head_value(head, "upgrade");
    if (!to || !*to)
        return UPGRADE_NONE;
    if (head_has_token(head, "upgrade", "websocket"))
        return UPGRADE_WEBSOCKET;
    /* Sent along with ordinary requests by clients that would rather speak it, and do without. */
    if (strcasecmp(to, "h2c") == 0 || !head_has_token(head, "connection", "upgrade"))
        return UPGRADE_NONE;
    return UPGRADE_UNKNOWN;
}

static int check_handshake(const struct head *head, struct err *e)
{
    const char *version = head_value(head, "sec-websocket-version"),
               *key = head_value(head, "sec-websocket-key");
    if (head->method != HTTP_GET || strcmp(head->version, "HTTP/1.1") != 0)
        return refuse(e, 400, ERR_BAD_REQUEST, NULL, "A WebSocket begins with GET and HTTP/1.1.");
    if (!head_has_token(head, "connection", "upgrade"))
        return refuse(e, 400, ERR_BAD_REQUEST, "connection", "Connection must say Upgrade.");
    if (!version || head_count(head, "sec-websocket-version") > 1 || strcmp(version, "13") != 0)
        return refuse(e, 426, ERR_BAD_REQUEST, "sec-websocket-version",
                      "Only WebSocket version 13 is spoken here.");
    if (!key || head_count(head, "sec-websocket-key") > 1 || !key_is_valid(key))
        return refuse(e, 400, ERR_BAD_REQUEST, "sec-websocket-key",
                      "Sec-WebSocket-Key must be 16 bytes in base64.");
    return 0;
}

static int check_protocol(const struct head *head, const struct tongue *d, struct err *e)
{
    if (!d->protocol || head_has_token(head, "sec-websocket-protocol", d->protocol))
        return 0;
    err_set(e, ERR_BAD_REQUEST, "Offer the subprotocol %s.", d->protocol);
    e->param = "sec-websocket-protocol";
    return 400;
}

int upgrade_check(const struct head *head, const struct config_strings *origins, const struct tongue **tongue,
                  struct err *e)
{
    *tongue = tongue_find(head->path);
    if (!*tongue)
        return refuse(e, 404, ERR_NOT_FOUND, NULL, "No WebSocket is here; this gateway's own is at /v1/ws.");
    int status = check_handshake(head, e);
    if (!status)
        status = check_protocol(head, *tongue, e);
    if (status)
        return status;
    const char *host = head_value(head, "host");
    if (!upgrade_origin_allowed(head_value(head, "origin"), host ? host : "", origins))
        return refuse(e, 403, ERR_FORBIDDEN, "origin", "Pages of this origin may not connect.");
    return 0;
}

void upgrade_write(struct buf *out, const struct head *head, const struct tongue *tongue)
{
    buf_printf(out,
               "GET %s HTTP/1.1\r\nhost: lastword\r\nconnection: upgrade\r\nupgrade: websocket\r\n"
               "sec-websocket-version: 13\r\nsec-websocket-key: %s\r\n",
               tongue->path, head_value(head, "sec-websocket-key"));
    if (tongue->protocol)
        buf_printf(out, "sec-websocket-protocol: %s\r\n", tongue->protocol);
    buf_add_lit(out, "\r\n");
}
