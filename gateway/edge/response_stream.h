/* response_stream: one response over HTTP: as server-sent events, whole when it has ended, or as soon as it
 * runs.
 *
 *     POST /v1/responses  -> response_ask -> follower -> events | the response
 *     GET, cancel         -> response_look -> follower -> events | the response
 *
 * Nothing waits for the first text, unlike in openai_stream: a failure has an event of its own here. */
#ifndef LASTWORD_EDGE_RESPONSE_STREAM_H
#define LASTWORD_EDGE_RESPONSE_STREAM_H

#include "edge/http.h"
#include "edge/response_ask.h"
#include "edge/response_events.h"

enum response_want {
    RESPONSE_STREAM,
    RESPONSE_WHOLE,   /* when it has ended; one that failed is an error of HTTP */
    RESPONSE_OUTCOME, /* when it has ended, however */
    RESPONSE_AT_ONCE  /* when it is recorded */
};

struct response_stream {
    struct follower follower;
    struct response_events events;
    struct response_ask ask;
    struct response_look look;
    struct http_exchange *x;
    struct list link; /* of open streams, by last sign of life */
    uint64_t touched_us;
    struct response_place from; /* GET: events after this one */
    void (*found)(struct response_stream *s, struct generation *g);
    enum response_want want;
    bool from_given, open, over, comment_due; /* open: the head of a stream is out; over: all is said */
};

/* Sets x->ops and x->state; freed when the exchange closes. */
struct response_stream *response_stream_new(struct http_exchange *x, enum response_want want);
/* Looks the response of `gen` up; found(s, g), or the exchange is answered. */
void response_stream_look(struct response_stream *s, const struct uuid *gen,
                          void (*found)(struct response_stream *s, struct generation *g));
/* From now on the exchange is answered with g, as s->want says. */
void response_stream_follow(struct response_stream *s, struct generation *g);

/* http_routes_tick's. */
void response_streams_tick(struct node *n);

#endif
