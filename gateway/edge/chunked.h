/* chunked: the chunked transfer coding of a request body (RFC 9112 section 7.1), taken apart. Pure.
 *
 *     bytes, cut anywhere -> chunked_feed -> body
 *
 * Strict: CRLF only, no sign or space around a size; extensions and trailers are read over, within limits. */
#ifndef LASTWORD_EDGE_CHUNKED_H
#define LASTWORD_EDGE_CHUNKED_H

#include "base/buf.h"

/* Zeroed before the first use. */
struct chunked {
    enum {
        CHUNKED_SIZE,
        CHUNKED_EXTENSION,
        CHUNKED_SIZE_LF,
        CHUNKED_DATA,
        CHUNKED_DATA_CR,
        CHUNKED_DATA_LF,
        CHUNKED_TRAILER,      /* at the beginning of a trailer line */
        CHUNKED_TRAILER_LINE, /* within one */
        CHUNKED_TRAILER_LF,
        CHUNKED_LAST_LF,
        CHUNKED_END
    } state;
    uint64_t left;
    unsigned digits, extra; /* hex digits of this size; bytes of extensions and trailers of the whole body */
};

enum chunked_verdict { CHUNKED_MORE, CHUNKED_DONE, CHUNKED_BAD, CHUNKED_TOO_LARGE };

/* Appends to `body`, which may grow to `max` bytes. *used: bytes of `data` that were of this body; those
 * after its end are left alone. */
enum chunked_verdict chunked_feed(struct chunked *c, const char *data, size_t len, struct buf *body,
                                  size_t max, size_t *used);

#endif
