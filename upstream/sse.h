/* sse: an incremental parser of text/event-stream (WHATWG HTML, section 9.2). Pure.
 *
 *     bytes of one read -> sse_read -> sse_next, sse_next, ... -> SSE_MORE
 *
 * An event that lies whole in one read is lent from the read itself; only what is cut is copied. It refuses
 * to know what the data means, and events larger than the limit. */
#ifndef LASTWORD_UPSTREAM_SSE_H
#define LASTWORD_UPSTREAM_SSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

struct sse {
    size_t max;       /* bytes of one event's buffered parts */
    struct buf line;  /* a line that the reads so far did not end */
    struct buf data;  /* data lines of the event, joined by LF, when they could not be lent */
    struct buf name;  /* its `event` field */
    struct buf id;    /* last event id; at most SSE_ID_MAX bytes, longer ones are ignored */
    const char *lent; /* its only data line so far, inside the present read */
    size_t lent_len;
    int64_t retry_ms; /* last valid `retry`; -1 for none */
    uint8_t bom;      /* bytes of a byte order mark seen at the start; SSE_BOM_OVER when that is past */
    bool skip_lf;     /* the last byte read was a CR that ended a line: an LF would belong to it */
    bool has_data, data_lent, over;
    bool pass; /* handing out an event whose buffers are cleared at the next call */
};

#define SSE_ID_MAX 256
#define SSE_BOM_OVER 3

/* One read's bytes, used up from the front. `lf` is a cache: the first LF at or after p. */
struct sse_read {
    const char *p, *end, *lf;
};

struct sse_event {
    const char *name, *data; /* borrowed until the next sse_next, and no longer than the read */
    size_t name_len, data_len;
};

enum sse_next {
    SSE_MORE,     /* the read is used up */
    SSE_EVENT,    /* *event is filled */
    SSE_TOO_LARGE /* the event is over the limit; the parser only says this from now on */
};

void sse_init(struct sse *s, size_t max_event);
void sse_free(struct sse *s); /* frees the buffers, not s */

struct sse_read sse_read(const char *bytes, size_t len);
enum sse_next sse_next(struct sse *s, struct sse_read *r, struct sse_event *event);

/* The body ended, and properly: an event whose last line or empty line was not ended any more. The standard
 * drops it; a server that forgets them after its end mark would otherwise never be done. True: *event is
 * filled, once; borrowed until sse_free. */
bool sse_end(struct sse *s, struct sse_event *event);

/* True when r->p is the first byte of a new event and nothing is pending: whoever recognises the bytes there
 * as a whole event may take them himself, by moving r->p past it. */
static inline bool sse_at_start(const struct sse *s)
{
    return !s->has_data && s->line.len == 0 && s->name.len == 0 && !s->skip_lf && s->bom == SSE_BOM_OVER &&
           !s->over;
}

/* Forgets what was handed out, so that sse_at_start tells the truth about the next byte. */
void sse_settle(struct sse *s);

#endif
