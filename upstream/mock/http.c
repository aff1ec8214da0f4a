/* http: see http.h. The parser is paused at the end of each request, so that a pipelined second request
 * stays in the connection's buffer until the first is answered.
 *
 *     data() -> http_parser -> struct request -> handler -> http_reply            (at once)
 *                                                        -> http_begin, job, http_end   (a stream)
 */
#include "http.h"

#include <http_parser.h>
#include <strings.h>

#include "base/json.h"
#include "base/mem.h"

#define URL_MAX 65536u

struct exchange {
    struct conn *conn;
    http_handler *handler;
    struct job *job;
    http_parser parser;
    struct request req;
    struct buf url, name; /* name: of the header being read */
    int header;           /* whose value is being read; -1: one of no interest */
    bool in_value, complete, busy;
    http_error_body *error_body;
    int refuse; /* status that a parser callback chose */
};

static const char *const header_names[HEADERS] = {
    "authorization", "content-type", "sec-websocket-key", "sec-websocket-version",
    "expect",        "x-api-key",    "anthropic-version"};

static void request_clear(struct request *r)
{
    buf_free(&r->path);
    buf_free(&r->query);
    buf_free(&r->body);
    for (int i = 0; i < HEADERS; i++)
        buf_free(&r->header[i]);
    *r = (struct request){0};
}

static int on_url(http_parser *p, const char *at, size_t n)
{
    struct exchange *x = p->data;
    if (x->url.len + n > URL_MAX) {
        x->refuse = 414;
        return -1;
    }
    buf_add(&x->url, at, n);
    return 0;
}

static int on_header_field(http_parser *p, const char *at, size_t n)
{
    struct exchange *x = p->data;
    if (x->in_value)
        buf_clear(&x->name);
    x->in_value = false;
    buf_add(&x->name, at, n);
    return 0;
}

static int on_header_value(http_parser *p, const char *at, size_t n)
{
    struct exchange *x = p->data;
    if (!x->in_value) {
        x->header = -1;
        for (int i = 0; i < HEADERS; i++)
            if (!strcasecmp(buf_cstr(&x->name), header_names[i]))
                x->header = i;
    }
    x->in_value = true;
    if (x->header >= 0)
        buf_add(&x->req.header[x->header], at, n);
    return 0;
}

static int on_headers_complete(http_parser *p)
{
    struct exchange *x = p->data;
    for (int i = 0; i < HEADERS; i++)
        if (x->req.header[i].data)
            buf_cstr(&x->req.header[i]);
    if (!(p->flags & F_CHUNKED) && p->content_length != UINT64_MAX && p->content_length > HTTP_BODY_MAX) {
        x->refuse = 413;
        return -1;
    }
    const struct buf *expect = &x->req.header[HEADER_EXPECT];
    if (expect->data && !strcasecmp(expect->data, "100-continue"))
        conn_send(x->conn, "HTTP/1.1 100 Continue\r\n\r\n", 25);
    return 0;
}

static int on_body(http_parser *p, const char *at, size_t n)
{
    struct exchange *x = p->data;
    if (x->req.body.len + n > HTTP_BODY_MAX) {
        x->refuse = 413;
        return -1;
    }
    buf_add(&x->req.body, at, n);
    return 0;
}

static int on_message_complete(http_parser *p)
{
    struct exchange *x = p->data;
    x->complete = true;
    http_parser_pause(p, 1);
    return 0;
}

static const http_parser_settings settings = {
    .on_url = on_url,
    .on_header_field = on_header_field,
    .on_header_value = on_header_value,
    .on_headers_complete = on_headers_complete,
    .on_body = on_body,
    .on_message_complete = on_message_complete,
};

static void begin_request(struct exchange *x)
{
    request_clear(&x->req);
    buf_free(&x->url);
    buf_clear(&x->name);
    x->in_value = x->complete = x->busy = false;
    x->error_body = NULL;
    http_parser_init(&x->parser, HTTP_REQUEST);
    x->parser.data = x;
}

static void dispatch(struct exchange *x)
{
    struct request *r = &x->req;
    char *url = buf_cstr(&x->url), *question = strchr(url, '?');
    if (question) {
        buf_add_str(&r->query, question + 1);
        *question = '\0';
    }
    buf_cstr(&r->query);
    buf_add_str(&r->path, url);
    buf_cstr(&r->path);
    buf_cstr(&r->body);
    r->method = http_method_str((enum http_method)x->parser.method);
    r->upgrade = x->parser.upgrade;
    r->http11 = x->parser.http_major == 1 && x->parser.http_minor >= 1;
    r->keep_alive = http_should_keep_alive(&x->parser);
    x->busy = true;
    conn_hold(x->conn);
    x->handler(x, r);
}

static size_t http_data(struct conn *c, const char *p, size_t n)
{
    struct exchange *x = c->user;
    size_t used = http_parser_execute(&x->parser, &settings, p, n);
    if (x->complete) {
        dispatch(x); /* x may be gone after this */
        return used;
    }
    if (HTTP_PARSER_ERRNO(&x->parser) != HPE_OK) {
        int status = x->refuse;
        if (!status)
            status = HTTP_PARSER_ERRNO(&x->parser) == HPE_HEADER_OVERFLOW ? 431 : 400;
        http_reply_error(x, status, "Connection: close\r\n", "bad_http", http_status_text(status));
    }
    return n;
}

static void http_drained(struct conn *c)
{
    struct exchange *x = c->user;
    if (x->job)
        x->job->drained(x->job);
}

static void exchange_free(struct exchange *x)
{
    request_clear(&x->req);
    buf_free(&x->url);
    buf_free(&x->name);
    mem_free(x);
}

static void http_gone(struct conn *c, bool by_peer)
{
    struct exchange *x = c->user;
    if (x->job)
        x->job->gone(x->job, by_peer);
    exchange_free(x);
}

static const struct conn_ops http_ops = {http_data, http_drained, http_gone};

void http_accept(int fd, http_handler *handler)
{
    struct exchange *x = mem_alloc(sizeof(*x));
    x->handler = handler;
    begin_request(x);
    x->conn = conn_open(fd, &http_ops, x);
    if (!x->conn)
        exchange_free(x);
}

struct conn *http_conn(struct exchange *x)
{
    return x->conn;
}

bool http_chunked(const struct exchange *x)
{
    return x->req.http11;
}

struct conn *http_leave(struct exchange *x)
{
    struct conn *c = x->conn;
    exchange_free(x);
    return c;
}

void http_start_job(struct exchange *x, struct job *j)
{
    x->job = j;
}

void http_end(struct exchange *x)
{
    x->job = NULL;
    if (!x->req.keep_alive) {
        conn_finish(x->conn);
        return;
    }
    begin_request(x);
    conn_release(x->conn);
}

void http_begin(struct exchange *x, int status, const char *type)
{
    struct buf b = {0};
    buf_printf(&b, "HTTP/1.1 %d %s\r\nContent-Type: %s\r\nCache-Control: no-cache\r\n", status,
               http_status_text(status), type);
    if (!http_chunked(x))
        x->req.keep_alive = false;
    buf_add_str(&b, http_chunked(x) ? "Transfer-Encoding: chunked\r\n" : "");
    buf_add_str(&b, x->req.keep_alive ? "\r\n" : "Connection: close\r\n\r\n");
    conn_send(x->conn, b.data, b.len);
    buf_free(&b);
}

static void add_head(const struct exchange *x, struct buf *b, int status, const char *type, const char *extra,
                     size_t n)
{
    buf_printf(b, "HTTP/1.1 %d %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\n%s", status,
               http_status_text(status), type, n, extra);
    buf_add_str(b, x->req.keep_alive || !x->busy ? "\r\n" : "Connection: close\r\n\r\n");
}

void http_reply_head(const struct exchange *x, struct buf *b, const char *type, size_t n)
{
    add_head(x, b, 200, type, "", n);
}

void http_reply(struct exchange *x, int status, const char *type, const char *extra, const char *body,
                size_t n)
{
    struct buf b = {0};
    if (!x->busy)
        x->req.keep_alive = false; /* the request could not be read to its end */
    add_head(x, &b, status, type, extra, n);
    buf_add(&b, body, n);
    conn_send(x->conn, b.data, b.len);
    buf_free(&b);
    http_end(x);
}

void http_write_errors(struct exchange *x, http_error_body *body)
{
    x->error_body = body;
}

static void openai_error(struct buf *b, int status, const char *code, const char *message)
{
    const char *type = status == 401   ? "authentication_error"
                       : status == 429 ? "rate_limit_error"
                       : status >= 500 ? "server_error"
                                       : "invalid_request_error";
    buf_add_lit(b, "{\"error\":{\"message\":");
    json_add_cstring(b, message);
    buf_printf(b, ",\"type\":\"%s\",\"param\":null,\"code\":\"%s\"}}", type, code);
}

void http_reply_error(struct exchange *x, int status, const char *extra, const char *code,
                      const char *message)
{
    struct buf b = {0};
    (x->error_body ? x->error_body : openai_error)(&b, status, code, message);
    http_reply(x, status, "application/json", extra, b.data, b.len);
    buf_free(&b);
}
