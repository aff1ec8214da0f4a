/* stream: one answer on its way to one client: when its tokens are due, how many fit, what its fault does.
 * It does not know how a token looks on the wire: a dialect writes that. It never keeps more than one batch;
 * when the socket is full it stands still.
 *
 *     timer -> batch <- dialect's bytes      batch -> conn_send -> (full: stand still until drained)
 *                                                  -> held -> piece by piece (split, cutchar)
 */
#ifndef RICHIERICH_STREAM_H
#define RICHIERICH_STREAM_H

#include "ask.h"
#include "conn.h"
#include "http.h"

#define STREAM_GAP 16u /* bytes free before the batch's first, for wrap */

struct stream;

/* How an answer looks on a wire. Static tables; a function that may be NULL says so. */
struct dialect {
    /* The answer in one piece, in place of all that follows. NULL: token by token. */
    void (*whole)(struct stream *s, struct buf *b);
    void (*begin)(struct stream *s, struct buf *b); /* before the first token; may be NULL */
    /* `escaped`: the same text inside a JSON string; NULL: not known, it is part of a token */
    void (*token)(struct stream *s, struct buf *b, const char *text, size_t n, const char *escaped, size_t m);
    void (*odd)(struct stream *s, struct buf *b);    /* what the fault writes in the middle */
    void (*finish)(struct stream *s, struct buf *b); /* after the last token */
    /* Frames the bytes b[STREAM_GAP..]; returns where the frame begins (in the gap). May be NULL. */
    size_t (*wrap)(struct stream *s, struct buf *b);
    void (*close)(void *owner); /* all is with the kernel; the stream is freed already */
};

struct stream {
    struct job job; /* for HTTP; a WebSocket calls stream_drained and stream_gone itself */
    struct timer timer;
    struct conn *conn; /* borrowed; stream_gone comes before it dies */
    void *owner;       /* of the dialect: the exchange, or the WebSocket; borrowed */
    const struct dialect *dialect;
    struct ask ask; /* owned */
    enum fault fault;
    uint64_t number;   /* in the statistics */
    uint32_t next;     /* token of the answer */
    size_t off;        /* byte of the answer that comes next */
    uint32_t sent;     /* tokens */
    uint64_t random;   /* for the jitter */
    uint64_t due;      /* of the next token, without jitter; ns */
    uint64_t interval; /* ns between tokens; 0: unpaced */
    bool begun, odd_done, over, stalled;
    bool chunked;             /* sse: HTTP chunks around each batch */
    struct buf before, after; /* sse: what stands around the text in each event */
    struct buf held;          /* bytes that go out in pieces, by the timer */
    int64_t created;          /* unix seconds */
    char id[40];
};

/* Takes over what `ask` owns (and empties it). The first byte goes out in a later turn. */
struct stream *stream_start(struct conn *c, void *owner, const struct dialect *d, struct ask *ask,
                            enum fault f, uint64_t number);
void stream_drained(struct stream *s);
void stream_gone(struct stream *s, bool by_peer); /* frees it; the connection is no more */

/* True: the answer ends without its proper end (its fault cuts or stalls it). */
bool stream_is_broken(const struct stream *s);

void stream_cleanup(void); /* at the end of the process */

#endif
