/* head: see head.h. */
#include "edge/head.h"

#include <string.h>

void head_read(struct head *head, const struct wire *wire, const struct connection *c,
               enum http_method method, const char *path)
{
    struct request_head *r = &head->request;
    *r = (struct request_head){.method = method,
                               .path = path,
                               .version = head->version,
                               .host = head->host,
                               .connection = head->connection,
                               .content_length = head->length,
                               .transfer_encoding = head->coding,
                               .expect = head->expect};
    if (path && strlen(path) > REQUEST_PATH_MAX) {
        r->path = NULL;
        r->path_too_long = true;
    }
    wire->copy_header(c, ":version", head->version, sizeof head->version);
    wire->copy_header(c, "connection", head->connection, sizeof head->connection);
    wire->copy_header(c, "expect", head->expect, sizeof head->expect);
    r->host_count = wire->copy_header(c, "host", head->host, sizeof head->host);
    r->length_count = wire->copy_header(c, "content-length", head->length, sizeof head->length);
    if (wire->copy_header(c, "transfer-encoding", head->coding, sizeof head->coding) && !*head->coding)
        memcpy(head->coding, "?", 2); /* there, and empty */
}

void head_read_upgrade(struct head *head, const struct wire *wire, const struct connection *c,
                       enum http_method method, const char *path)
{
    head_read(head, wire, c, method, path);
    struct upgrade_request *u = &head->upgrade;
    *u = (struct upgrade_request){.is_get = method == HTTP_GET,
                                  .path = head->request.path ? head->request.path : "",
                                  .version = head->version,
                                  .connection = head->connection,
                                  .host = head->request.host_count == 1 ? head->host : "",
                                  .websocket_version = head->websocket_version,
                                  .key = head->key,
                                  .protocols = head->protocols};
    u->version_count = wire->copy_header(c, "sec-websocket-version", head->websocket_version,
                                         sizeof head->websocket_version);
    u->key_count = wire->copy_header(c, "sec-websocket-key", head->key, sizeof head->key);
    wire->copy_header(c, "sec-websocket-protocol", head->protocols, sizeof head->protocols);
    if (wire->copy_header(c, "origin", head->origin, sizeof head->origin))
        u->origin = head->origin;
}
