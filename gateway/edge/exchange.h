/* exchange: one HTTP request and its answer, between the connection and the routes (http.h). http_exchange.c.
 *
 *     head, body -> exchange -> http_dispatch -> http_reply, http_stream_begin -> exchange_flush -> wire */
#ifndef LASTWORD_EDGE_EXCHANGE_H
#define LASTWORD_EDGE_EXCHANGE_H

#include "edge/chunked.h"
#include "edge/connection.h"
#include "edge/http.h"
#include "edge/request.h"

struct exchange {
    struct http_exchange x; /* what routes see; first */
    struct connection *connection;
    struct request_plan plan;
    struct chunked chunked;
    struct head head;
    struct buf body;
    struct buf out; /* head, and the body of a whole answer */
    size_t out_at;  /* sent up to here */
    uint64_t began_us;
    int status;
    bool answered, streaming, ended, last_chunk;
};

/* Owned by the connection: exchange_free. *head is taken over. */
struct exchange *exchange_new(struct connection *c, struct head *head);
/* Tells the route that it is over, and frees it. */
void exchange_free(struct exchange *e);

/* The request is complete: authenticates where the path needs it, and calls the route. */
void exchange_dispatch(struct exchange *e);
/* Answers with an error in place of a route, and closes the connection after it. */
void exchange_refuse(struct exchange *e, int status, const struct err *error);

enum exchange_flow {
    EXCHANGE_WAITS, /* for the route, or for the socket */
    EXCHANGE_MORE,  /* enough for this turn */
    EXCHANGE_DONE,  /* all is sent */
    EXCHANGE_FAILED /* the socket is dead */
};
enum exchange_flow exchange_flush(struct exchange *e);

/* A whole answer of an error with `connection: close`, for requests that have no exchange. */
void exchange_write_refusal(struct buf *out, int status, const struct err *error);

#endif
