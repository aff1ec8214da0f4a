/* http_exchange: what http.h promises to routes, without a library. See exchange.h.
 *
 *     http_reply        -> out (head and body) -> pieces of 64 KiB as the socket takes them
 *     http_stream_begin -> out (head);  ops->next -> one chunk per send -> last chunk */
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/metrics.h"
#include "edge/cors.h"
#include "edge/exchange.h"
#include "edge/upgrade.h"

#define PIECE_MAX ((size_t)64 << 10) /* bytes of one send */
#define TURN_MAX ((size_t)512 << 10) /* bytes one answer gets in one turn */
#define CHUNK_ROOM 10                /* 8 digits and CRLF */

static struct exchange *of(struct http_exchange *x)
{
    return (struct exchange *)x;
}

static void choose_request_id(struct exchange *e)
{
    struct http_exchange *x = &e->x;
    if (http_header(x, "x-request-id", x->request_id, sizeof x->request_id) &&
        request_id_is_sane(x->request_id))
        return;
    struct uuid id = node_uuid(x->node);
    uuid_format(&id, x->request_id);
}

struct exchange *exchange_new(struct connection *c, struct head *head)
{
    struct exchange *e = mem_alloc(sizeof *e);
    mem_born(MEM_HTTP_EXCHANGE);
    e->connection = c;
    e->began_us = c->edge->node->now_us;
    e->head = *head;
    *head = (struct head){0};
    e->x.node = c->edge->node;
    e->x.method = e->head.method;
    e->x.path = e->head.path;
    e->x.query = e->head.query;
    e->x.conn = c;
    choose_request_id(e);
    return e;
}

static void write_log(const struct exchange *e)
{
    char peer[ADDRESS_TEXT];
    address_text(&e->connection->peer, peer);
    log_info("http.request", LF_STR("request", e->x.request_id), LF_STR("peer", peer),
             LF_STR("method", http_method_name(e->x.method)), LF_STR("path", e->x.path),
             LF_UUID("gen", uuid_is_nil(&e->x.gen) ? NULL : &e->x.gen), LF_INT("status", e->status),
             LF_INT("bytes", e->body.len), LF_INT("us", e->connection->edge->node->now_us - e->began_us));
}

void exchange_free(struct exchange *e)
{
    if (e->x.ops && e->x.ops->closed)
        e->x.ops->closed(&e->x);
    write_log(e);
    owner_put(e->x.owner);
    mem_free(e->x.grant);
    head_free(&e->head);
    buf_free(&e->body);
    buf_free(&e->out);
    mem_free(e);
    mem_died(MEM_HTTP_EXCHANGE);
}

/* ------------------------------------------------------------------ to the route */

static bool authenticate(struct exchange *e, struct err *error)
{
    struct credential c = {0};
    struct node *n = e->x.node;
    const char *header = head_value(&e->head, "authorization");
    const char *token = header ? request_bearer(header) : NULL;
    /* A ticket is for a WebSocket: using it up takes a while, and a request has better. */
    if (!n->authenticate(n->authenticate_ctx, token, n->unix_ms, &c) || !uuid_is_nil(&c.ticket)) {
        error->after_ms = c.unknown ? 1000 : 0;
        return err_set(error, c.unknown ? ERR_STORE_DEGRADED : ERR_UNAUTHORIZED, NULL);
    }
    e->x.owner = owner_get(n, c.owner);
    e->x.grant = grant_new(&c);
    return true;
}

/* A page of another site must not act in the name of whoever sits at this browser. */
static bool origin_is_allowed(struct exchange *e)
{
    const char *host = head_value(&e->head, "host");
    if (e->x.method == HTTP_GET || e->x.method == HTTP_HEAD || e->x.method == HTTP_OPTIONS)
        return true;
    return upgrade_origin_allowed(head_value(&e->head, "origin"), host ? host : "",
                                  &e->x.node->config->listen_origins);
}

void exchange_dispatch(struct exchange *e)
{
    struct err error = {0};
    e->x.body = e->body.len ? buf_cstr(&e->body) : "";
    e->x.body_len = e->body.len;
    /* OPTIONS tells nothing of anybody, and a browser asks it without a credential. */
    if (http_needs_owner(e->x.path) && e->x.method != HTTP_OPTIONS) {
        if (!origin_is_allowed(e)) {
            err_set(&error, ERR_FORBIDDEN, "Pages of this origin may not do this.");
            http_reply_error(&e->x, &error);
            return;
        }
        if (!authenticate(e, &error)) {
            http_reply_error(&e->x, &error);
            return;
        }
    }
    http_dispatch(&e->x);
}

bool http_header(struct http_exchange *x, const char *name, char *out, size_t size)
{
    const char *value = head_value(&of(x)->head, name);
    size_t len = value ? strlen(value) : 0;
    if (!value || len >= size)
        return false;
    memcpy(out, value, len + 1);
    return true;
}

/* ------------------------------------------------------------------ heads */

static void add_field(struct buf *out, const char *name, const char *value)
{
    buf_add_str(out, name);
    buf_add_lit(out, ": ");
    buf_add_str(out, value);
    buf_add_lit(out, "\r\n");
}

static bool has_field(const struct http_field *fields, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (strcasecmp(fields[i].name, name) == 0)
            return true;
    return false;
}

static void add_date(struct buf *out, uint64_t unix_ms)
{
    char text[40];
    struct tm tm;
    time_t now = (time_t)(unix_ms / 1000);
    gmtime_r(&now, &tm);
    strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", &tm);
    add_field(out, "date", text);
}

static void begin_head(struct buf *out, int status, const struct http_field *fields, size_t n)
{
    buf_printf(out, "HTTP/1.1 %d %s\r\n", status, request_status_text(status));
    for (size_t i = 0; i < n; i++)
        add_field(out, fields[i].name, fields[i].value);
    buf_add_lit(out, "x-content-type-options: nosniff\r\nreferrer-policy: no-referrer\r\n");
    if (!has_field(fields, n, "cache-control"))
        buf_add_lit(out, "cache-control: no-store\r\n");
}

static void begin_answer(struct exchange *e, int status, const struct http_field *fields, size_t n)
{
    e->status = status;
    e->answered = true;
    begin_head(&e->out, status, fields, n);
    cors_write(&e->out, &e->head, &e->x.node->config->listen_origins);
    add_date(&e->out, e->x.node->unix_ms);
    add_field(&e->out, "x-request-id", e->x.request_id);
    if (e->connection->edge->leaving)
        e->plan.keep_alive = false;
    if (!e->plan.keep_alive)
        buf_add_lit(&e->out, "connection: close\r\n");
    else if (!e->plan.http11)
        buf_add_lit(&e->out, "connection: keep-alive\r\n");
    char code[12];
    snprintf(code, sizeof code, "%d", status);
    metric_add_for(METRIC_HTTP_REQUESTS, code, 1);
    connection_wake(e->connection);
}

/* ------------------------------------------------------------------ whole answers */

void http_reply(struct http_exchange *x, int status, const struct http_field *fields, size_t n,
                const void *body, size_t len)
{
    struct exchange *e = of(x);
    if (e->answered)
        return;
    begin_answer(e, status, fields, n);
    if (status != 204 && status != 304)
        buf_printf(&e->out, "content-length: %zu\r\n", len);
    buf_add_lit(&e->out, "\r\n");
    if (x->method != HTTP_HEAD && status != 204 && status != 304)
        buf_add(&e->out, body, len);
}

void http_reply_json(struct http_exchange *x, int status, const char *json, size_t len)
{
    static const struct http_field type = {"content-type", "application/json"};
    http_reply(x, status, &type, 1, json, len);
}

#define ERROR_FIELDS_MAX 8

/* Fields of an error's answer; at most 4. `after` holds the text of Retry-After. */
static size_t error_fields(const struct err *error, int status, struct http_field *fields, char after[24])
{
    size_t n = 0;
    fields[n++] = (struct http_field){"content-type", "application/json"};
    if (error->after_ms > 0) {
        snprintf(after, 24, "%lld", (long long)((error->after_ms + 999) / 1000));
        fields[n++] = (struct http_field){"retry-after", after};
    }
    if (status == 401)
        fields[n++] = (struct http_field){"www-authenticate", "Bearer"};
    if (status == 426)
        fields[n++] = (struct http_field){"sec-websocket-version", "13"};
    return n;
}

void http_reply_error_as(struct http_exchange *x, int status, const struct err *e,
                         const struct http_field *more, size_t n)
{
    struct http_field fields[ERROR_FIELDS_MAX];
    struct buf body = {0};
    char after[24];
    http_write_error(&body, e);
    size_t count = error_fields(e, status, fields, after);
    for (size_t i = 0; i < n && count < ERROR_FIELDS_MAX; i++)
        fields[count++] = more[i];
    http_reply(x, status, fields, count, body.data, body.len);
    buf_free(&body);
}

void http_reply_error(struct http_exchange *x, const struct err *e)
{
    http_reply_error_as(x, http_error_status(e), e, NULL, 0);
}

void exchange_refuse(struct exchange *e, int status, const struct err *error)
{
    e->plan.keep_alive = false;
    connection_move(e->connection, CONNECTION_ANSWERING);
    e->connection->wire->pause(e->connection, true);
    http_reply_error_as(&e->x, status, error, NULL, 0);
}

void exchange_write_refusal(struct buf *out, int status, const struct err *error)
{
    struct http_field fields[ERROR_FIELDS_MAX];
    struct buf body = {0};
    char after[24];
    http_write_error(&body, error);
    begin_head(out, status, fields, error_fields(error, status, fields, after));
    buf_printf(out, "connection: close\r\ncontent-length: %zu\r\n\r\n", body.len);
    buf_add(out, body.data, body.len);
    buf_free(&body);
    char code[12];
    snprintf(code, sizeof code, "%d", status);
    metric_add_for(METRIC_HTTP_REQUESTS, code, 1);
}

/* ------------------------------------------------------------------ streams */

void http_stream_begin(struct http_exchange *x, int status, const struct http_field *fields, size_t n)
{
    struct exchange *e = of(x);
    if (e->answered)
        return;
    begin_answer(e, status, fields, n);
    if (e->plan.http11)
        buf_add_lit(&e->out, "transfer-encoding: chunked\r\n");
    buf_add_lit(&e->out, "\r\n");
    e->streaming = true;
    if (x->method == HTTP_HEAD)
        e->ended = e->last_chunk = true;
}

void http_stream_end(struct http_exchange *x)
{
    of(x)->ended = true;
    connection_wake(of(x)->connection);
}

void http_wake(struct http_exchange *x)
{
    connection_wake(of(x)->connection);
}

/* Appends one chunk made of what the route has; true: the route may have more. */
static bool add_chunk(struct exchange *e, struct buf *out)
{
    size_t mark = out->len, room = e->plan.http11 ? CHUNK_ROOM : 0;
    bool more = true;
    buf_reserve(out, room);
    out->len += room;
    while (more && out->len - mark < PIECE_MAX)
        more = e->x.ops->next(&e->x, out);
    size_t len = out->len - mark - room;
    if (!len) {
        out->len = mark;
    } else if (room) {
        char head[CHUNK_ROOM + 1];
        snprintf(head, sizeof head, "%08x\r\n", (unsigned)len);
        memcpy(out->data + mark, head, CHUNK_ROOM);
        buf_add_lit(out, "\r\n");
    }
    return more;
}

/* Moves the rest of the head to `out`, and what the route has after it. */
static bool gather_stream(struct exchange *e, struct buf *out)
{
    buf_clear(out);
    buf_add(out, e->out.data, e->out.len);
    buf_free(&e->out);
    bool more = !e->last_chunk && add_chunk(e, out);
    if (e->ended && !more && !e->last_chunk) {
        e->last_chunk = true;
        if (e->plan.http11)
            buf_add_lit(out, "0\r\n\r\n");
    }
    return more;
}

static enum exchange_flow flush_stream(struct exchange *e)
{
    struct connection *c = e->connection;
    const struct wire *wire = c->wire;
    struct buf *out = &c->edge->scratch;
    size_t given = 0;
    for (bool more = true; more;) {
        if (wire->busy(c))
            return EXCHANGE_WAITS;
        if (given >= TURN_MAX)
            return EXCHANGE_MORE;
        more = gather_stream(e, out);
        given += out->len;
        if (out->len && !wire->send(c, out->data, out->len))
            return EXCHANGE_FAILED;
    }
    if (given)
        c->since_us = c->edge->node->now_us;
    return e->last_chunk && !wire->busy(c) ? EXCHANGE_DONE : EXCHANGE_WAITS;
}

static enum exchange_flow flush_whole(struct exchange *e)
{
    struct connection *c = e->connection;
    const struct wire *wire = c->wire;
    size_t given = 0;
    while (e->out_at < e->out.len && !wire->busy(c)) {
        if (given >= TURN_MAX)
            return EXCHANGE_MORE;
        size_t len = e->out.len - e->out_at;
        len = len < PIECE_MAX ? len : PIECE_MAX;
        if (!wire->send(c, e->out.data + e->out_at, len))
            return EXCHANGE_FAILED;
        e->out_at += len;
        given += len;
    }
    if (given)
        c->since_us = c->edge->node->now_us;
    return e->out_at == e->out.len && !wire->busy(c) ? EXCHANGE_DONE : EXCHANGE_WAITS;
}

enum exchange_flow exchange_flush(struct exchange *e)
{
    if (!e->answered)
        return EXCHANGE_WAITS;
    return e->streaming ? flush_stream(e) : flush_whole(e);
}
