/* response_events: a log as the events of the Responses API, one at a time. It is a cursor and no more: what
 * is next follows from the place of the last event and the log.
 *
 *     created -> in_progress -> ( item added -> part added -> delta ... -> text done -> part done -> item
 * done ) for each run of one part of the log -> completed | incomplete | failed
 *
 *     response_events_next -> JSON of one event, and its type
 *
 * Reasoning is an output item of its own. It refuses to know who reads, and what a stream looks like. */
#ifndef LASTWORD_EDGE_RESPONSE_EVENTS_H
#define LASTWORD_EDGE_RESPONSE_EVENTS_H

#include <jansson.h>

#include "core/generation.h"
#include "edge/response_place.h"

#define RESPONSE_DELTA_MAX 32768 /* bytes of text in one delta */

struct response_events {
    struct response_place at; /* of the last event given */
    struct response_run run;  /* the item that is open, or was closed last; its end is not kept */
    size_t items;             /* begun so far */
    bool begun;               /* created was given */
    bool ended;               /* nothing more will be */
    bool awaiting;            /* the log is not yet where `at` says */
    json_t *note;             /* owned: what the response says again; NULL: nothing is known */
};

void response_events_free(struct response_events *r);

/* What follows `at`, given before, maybe elsewhere. False: it does not hold. f is attached. */
bool response_events_seek(struct response_events *r, struct follower *f, const struct response_place *at);
/* The next event of f->generation as a JSON object at the end of `out`; its type (static), or NULL: nothing
 * now, or, if r->ended, nothing more. */
const char *response_events_next(struct response_events *r, struct follower *f, struct buf *out);
/* An error that ends the stream, though not the response. Its type. */
const char *response_events_error(struct response_events *r, struct buf *out, const struct err *e);

#endif
