/* http: HTTP/1.1 as a server: requests in (http_parser does the grammar), answers out, keep-alive.
 * One request at a time on a connection; the next one waits unread until the answer is finished.
 * It knows no path: main hands in the handler. */
#ifndef RICHIERICH_HTTP_H
#define RICHIERICH_HTTP_H

#include <stdbool.h>
#include <stddef.h>

#include "conn.h"

#define HTTP_BODY_MAX (8u << 20)

enum http_header {
    HEADER_AUTHORIZATION,
    HEADER_CONTENT_TYPE,
    HEADER_WS_KEY,
    HEADER_WS_VERSION,
    HEADER_EXPECT,
    HEADER_X_API_KEY,
    HEADER_ANTHROPIC_VERSION,
    HEADERS
};

struct request {
    const char *method;         /* static */
    struct buf path;            /* without the query; NUL-terminated */
    struct buf query;           /* after '?', still percent-encoded; NUL-terminated */
    struct buf header[HEADERS]; /* NUL-terminated; data NULL: not sent */
    struct buf body;
    bool upgrade; /* asks for a WebSocket */
    bool http11;  /* else 1.0: no chunks */
    bool keep_alive;
};

struct exchange; /* one connection's HTTP state; lives as long as the connection */

/* What goes on in the background after the handler returned without an answer (a stream). */
struct job {
    void (*drained)(struct job *j);
    void (*gone)(struct job *j, bool by_peer); /* last call; frees the job */
};

/* `r` is borrowed until the request is answered: not to be read after http_reply or http_end. */
typedef void http_handler(struct exchange *x, const struct request *r);

void http_accept(int fd, http_handler *handler); /* takes over fd */

struct conn *http_conn(struct exchange *x);
bool http_chunked(
    const struct exchange *x); /* the answer begun is in chunks; else it ends with the connection */

/* A whole answer. `extra`: header lines, each ending in CRLF, or "". */
void http_reply(struct exchange *x, int status, const char *type, const char *extra, const char *body,
                size_t n);
void http_reply_error(struct exchange *x, int status, const char *extra, const char *code,
                      const char *message);

/* How the errors of this exchange are written from now on; NULL: as OpenAI's. */
typedef void http_error_body(struct buf *b, int status, const char *code, const char *message);
void http_write_errors(struct exchange *x, http_error_body *body);

/* Appends the head of a 200 answer of `n` bytes; its job sends it and the body, and then calls http_end. */
void http_reply_head(const struct exchange *x, struct buf *b, const char *type, size_t n);

/* Head of an answer of unknown length; its job sends the rest with conn_send and then calls http_end. */
void http_begin(struct exchange *x, int status, const char *type);
void http_start_job(struct exchange *x, struct job *j); /* j is linked until http_end or gone */
void http_end(struct exchange *x);                      /* the answer is all sent: next request, or FIN */

/* The connection changes to another protocol: forgets the exchange, which is freed. x is dead afterwards. */
struct conn *http_leave(struct exchange *x);

const char *http_status_text(int status);

#endif
