/* openai_stream: one answer as server-sent events, for POST /v1/chat/completions and for
 * GET /v1/generations/{gen}/events. It is a follower with a cursor, read when the socket can take more.
 *
 *     HELD -> OPEN -> ENDED
 *      \--------------^  an error before anything was sent: a status of HTTP
 *
 *     follower->wake -> http_wake -> next -> tokenlog_next -> chunks */
#ifndef LASTWORD_EDGE_OPENAI_STREAM_H
#define LASTWORD_EDGE_OPENAI_STREAM_H

#include "edge/http.h"
#include "edge/openai_write.h"

struct openai_stream {
    struct follower follower;
    struct list link; /* among the streams, by last sign of life */
    struct http_exchange *x;
    struct uuid gen;
    uint64_t touched_us;         /* when bytes were last given */
    struct openai_position sent; /* after the last event */
    struct buf notice;           /* events that stand before what the cursor reads next */
    enum { STREAM_HELD, STREAM_OPEN, STREAM_ENDED } state;
    bool resumable;     /* the events route: it can be told of a rewind */
    bool include_usage; /* completions only */
    bool role_due, comment_due;
};

/* Makes the stream of `gen` and sets x->ops and x->state; it is freed when the exchange closes. The caller
 * hands s->follower to send_submit or resume_submit; from then on it answers x whatever comes. */
struct openai_stream *openai_stream_new(struct http_exchange *x, const struct uuid *gen, bool resumable);
/* http_routes_tick's. */
void openai_streams_tick(struct node *n);

/* Is the outcome one that no OpenAI answer can carry (error, truncated, cancelled)? Then *e says it. */
bool openai_outcome_error(const struct generation *g, struct err *e);
/* Headers lastword-gen and lastword-chat into `fields`; the texts are borrowed from `names`. */
struct openai_names {
    char gen[UUID_TEXT + 1], chat[UUID_TEXT + 1];
};
size_t openai_fields(const struct generation *g, struct openai_names *names, struct http_field *fields);

#endif
