/* http: what a route sees of an HTTP request and how it answers. websocket.c (the libwebsockets file) makes
 * exchanges; routes never see libwebsockets.
 *
 *     websocket.c -> http_dispatch -> route handler (openai.c, history.c, page.c, health.c, generations.c)
 *     route -> http_reply (whole)   or   http_stream_begin, then pulled: ops->next, as the socket takes it */
#ifndef LASTWORD_EDGE_HTTP_H
#define LASTWORD_EDGE_HTTP_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"
#include "core/node.h"
#include "core/owner.h"

enum http_method { HTTP_GET, HTTP_HEAD, HTTP_POST, HTTP_PATCH, HTTP_DELETE, HTTP_OPTIONS, HTTP_OTHER };
const char *http_method_name(enum http_method method); /* "GET"; "other" */

struct http_exchange;

/* For answers that are not there at once. */
struct http_ops {
    /* Appends further bytes of a stream to out; false: nothing now (http_wake when there is). After
     * http_stream_end it is called until it returns false. */
    bool (*next)(struct http_exchange *x, struct buf *out);
    /* The exchange is over, answered or not: free what `state` holds. Called once if state or ops were set.
     */
    void (*closed)(struct http_exchange *x);
};

struct http_exchange {
    struct node *node;
    enum http_method method;
    const char *path;  /* decoded, begins with '/', no NUL, no query; borrowed for the exchange */
    const char *query; /* raw, "" if none */
    const char *body;  /* whole, up to limits.http_body_bytes */
    size_t body_len;
    struct grant *grant; /* what bounds the credential of who asks; NULL: nothing */
    struct owner *owner; /* who asks; a reference is held; NULL on routes that need none */
    char request_id[65]; /* X-Request-Id of the client where sane ([A-Za-z0-9._-]), else ours; sent back */
    struct uuid gen;     /* set by the handler: the generation it is about, for the log; else nil */
    const struct http_ops *ops; /* set by the handler with state when it answers later */
    void *state;
    void *conn; /* websocket.c's */
};

int http_hex_value(char c); /* 0 to 15; -1: none */

/* A request header, lower-case name without colon, at most size-1 bytes: false if absent or longer. */
bool http_header(struct http_exchange *x, const char *name, char *out, size_t size);
/* A query parameter, percent-decoded; false if absent or longer. */
bool http_query(const struct http_exchange *x, const char *name, char *out, size_t size);

struct http_field {
    const char *name, *value; /* "content-type", "text/plain": copied; no CR or LF */
};
/* The whole answer; the exchange is answered. Content-Length, X-Request-Id and the security headers are
 * added. HEAD sends no body. */
void http_reply(struct http_exchange *x, int status, const struct http_field *fields, size_t n,
                const void *body, size_t len);
void http_reply_json(struct http_exchange *x, int status, const char *json, size_t len);
/* {"error":{"message","type","param","code"}}; Retry-After where e has after_ms. */
void http_reply_error(struct http_exchange *x, const struct err *e);
/* The same with another status than the error's own, and up to 4 fields more. */
void http_reply_error_as(struct http_exchange *x, int status, const struct err *e,
                         const struct http_field *more, size_t n);
/* The status it has: the table's, but for a conversation too long for the model, which OpenAI answers with
 * 400. */
int http_error_status(const struct err *e);
/* As above into a buffer, for an error inside a stream. */
void http_write_error(struct buf *out, const struct err *e);

/* Head of a stream; bytes follow from ops->next. */
void http_stream_begin(struct http_exchange *x, int status, const struct http_field *fields, size_t n);
void http_stream_end(struct http_exchange *x); /* nothing more after what next still gives */
void http_wake(struct http_exchange *x);       /* next has something */

/* ------------------------------------------------------------------ routes */

typedef void (*http_handler)(struct http_exchange *x);

/* Finds the route, checks the method (405 with Allow), and calls it; what is no route may be of the page; 404
 * otherwise. */
void http_dispatch(struct http_exchange *x);
/* Does this path need an owner? (Not: the page, health, metrics.) For websocket.c, before it authenticates.
 */
bool http_needs_owner(const char *path);

#endif
