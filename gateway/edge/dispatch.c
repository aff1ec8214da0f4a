/* dispatch: from a method and a path to a handler. One table; it refuses to look at anything but the two.
 *
 *     path -> table -> handler         known path, known method (HEAD is GET without its body)
 *                   -> 204, 405        known path, OPTIONS or another method, with Allow
 *                   -> page, 404       everything else */
#include <string.h>
#include <strings.h>

#include "edge/guest.h"
#include "edge/openai_stream.h"
#include "edge/page.h"
#include "edge/response_stream.h"
#include "edge/routes.h"
#include "edge/ui_session.h"

/* ------------------------------------------------------------------ what handlers share */

bool route_matches(const char *pattern, const char *path)
{
    while (*pattern) {
        if (strcmp(pattern, "*") == 0)
            return *path != 0;
        if (*pattern == '{') {
            size_t len = strcspn(path, "/");
            if (!len)
                return false;
            path += len;
            pattern += strcspn(pattern, "}") + 1;
        } else if (*pattern++ != *path++) {
            return false;
        }
    }
    return *path == 0;
}

bool route_uuid(struct http_exchange *x, unsigned index, struct uuid *out)
{
    const char *at = x->path + 1;
    for (; index > 0; index--)
        at += strcspn(at, "/") + 1;
    if (uuid_parse(out, at, strcspn(at, "/")))
        return true;
    struct err e = {0};
    err_set(&e, ERR_NOT_FOUND, "The id in the path must be a lower-case, hyphenated UUID.");
    http_reply_error(x, &e);
    return false;
}

void route_reply_store(struct http_exchange *x, enum store_status status)
{
    struct err e = {0};
    if (status == STORE_NOT_FOUND) {
        err_set(&e, ERR_NOT_FOUND, NULL);
    } else {
        err_set(&e, ERR_STORE_DEGRADED, "History cannot answer now (%s).", store_status_name(status));
        e.after_ms = 1000;
    }
    http_reply_error(x, &e);
}

bool route_wants_json(struct http_exchange *x)
{
    char type[128];
    static const char json[] = "application/json";
    if (http_header(x, "content-type", type, sizeof type) && strncasecmp(type, json, sizeof json - 1) == 0 &&
        strchr("; \t", type[sizeof json - 1]))
        return true;
    struct err e = {0};
    err_set(&e, ERR_BAD_REQUEST, "Content-Type must be application/json.");
    e.param = "content-type";
    http_reply_error_as(x, 415, &e, NULL, 0);
    return false;
}

void http_routes_tick(struct node *n)
{
    health_tick(n);
    openai_streams_tick(n);
    response_streams_tick(n);
    guests_tick(n);
    ui_sessions_tick(n);
}

/* ------------------------------------------------------------------ the table */

static void websocket_only(struct http_exchange *x)
{
    static const struct http_field fields[] = {{"upgrade", "websocket"}, {"connection", "upgrade"}};
    const struct tongue *t = tongue_find(x->path);
    struct err e = {0};
    if (t && t->protocol)
        err_set(&e, ERR_BAD_REQUEST, "This is the WebSocket: ask for an upgrade, with subprotocol %s.",
                t->protocol);
    else
        err_set(&e, ERR_BAD_REQUEST, "This is a WebSocket: ask for an upgrade.");
    http_reply_error_as(x, 426, &e, fields, 2);
}

static const struct route {
    enum http_method method;
    const char *pattern;
    http_handler handler;
} routes[] = {
    {HTTP_POST, "/v1/chat/completions", openai_completions},
    {HTTP_GET, "/v1/models", openai_models},
    {HTTP_GET, "/v1/models/*", openai_model},
    {HTTP_POST, "/v1/responses", responses_create},
    {HTTP_GET, "/v1/responses/{id}", responses_show},
    {HTTP_DELETE, "/v1/responses/{id}", responses_delete},
    {HTTP_POST, "/v1/responses/{id}/cancel", responses_cancel},
    {HTTP_GET, "/v1/responses/{id}/input_items", responses_items},
    {HTTP_GET, "/v1/generations/{gen}", generations_show},
    {HTTP_DELETE, "/v1/generations/{gen}", generations_cancel},
    {HTTP_GET, "/v1/generations/{gen}/events", generations_events},
    {HTTP_GET, "/v1/conversations", history_list},
    {HTTP_POST, "/v1/conversations/import", history_import},
    {HTTP_GET, "/v1/conversations/{chat}", history_show},
    {HTTP_PATCH, "/v1/conversations/{chat}", history_rename},
    {HTTP_DELETE, "/v1/conversations/{chat}", history_delete},
    {HTTP_GET, "/v1/conversations/{chat}/export", history_export},
    {HTTP_POST, "/v1/tickets", tickets_create},
    {HTTP_GET, "/v1/ws", websocket_only},
    {HTTP_GET, "/v1/ai/ws", websocket_only},
    {HTTP_GET, "/v1/tanstack/ws", websocket_only},
    {HTTP_GET, "/livez", health_live},
    {HTTP_GET, "/readyz", health_ready},
    {HTTP_GET, "/health", health_show},
    {HTTP_GET, "/metrics", health_metrics},
};

static bool is_api(const char *path)
{
    return strncmp(path, "/v1/", 4) == 0 || strcmp(path, "/v1") == 0;
}

bool http_needs_owner(const char *path)
{
    size_t len = strlen(path);
    return is_api(path) && strcmp(path + len - 3, "/ws") != 0; /* there a message may say who it is */
}

static void reply_allow(struct http_exchange *x, const char *allow)
{
    const struct http_field field = {"allow", allow};
    if (x->method == HTTP_OPTIONS) {
        http_reply(x, 204, &field, 1, NULL, 0);
        return;
    }
    struct err e = {0};
    err_set(&e, ERR_BAD_REQUEST, "This method is not allowed here; allowed: %s.", allow);
    http_reply_error_as(x, 405, &e, &field, 1);
}

static void reply_nothing_here(struct http_exchange *x)
{
    struct err e = {0};
    err_set(&e, ERR_NOT_FOUND, "There is no such path.");
    http_reply_error(x, &e);
}

void http_dispatch(struct http_exchange *x)
{
    if (strcmp(x->path, "*") == 0) { /* OPTIONS of the whole */
        reply_allow(x, "GET, HEAD, POST, PATCH, DELETE, OPTIONS");
        return;
    }
    enum http_method method = x->method == HTTP_HEAD ? HTTP_GET : x->method;
    struct buf allow = {0};
    for (size_t i = 0; i < sizeof routes / sizeof *routes; i++) {
        if (!route_matches(routes[i].pattern, x->path))
            continue;
        if (routes[i].method == method) {
            buf_free(&allow);
            routes[i].handler(x);
            return;
        }
        buf_add_str(&allow, routes[i].method == HTTP_GET ? "GET, HEAD" : http_method_name(routes[i].method));
        buf_add_lit(&allow, ", ");
    }
    if (!allow.len && page_has(x->path)) {
        if (method == HTTP_GET) {
            page_serve(x);
            return;
        }
        buf_add_lit(&allow, "GET, HEAD, ");
    }
    if (allow.len) {
        buf_add_lit(&allow, "OPTIONS");
        reply_allow(x, buf_cstr(&allow));
    } else {
        reply_nothing_here(x);
    }
    buf_free(&allow);
}
