/* frame: WebSocket frames (RFC 6455) as bytes: reads a client's, writes a server's. Pure: no socket. */
#ifndef RICHIERICH_FRAME_H
#define RICHIERICH_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

#define FRAME_MESSAGE_MAX (1u << 20) /* bytes of a client's message */

enum frame_op {
    FRAME_CONTINUE = 0,
    FRAME_TEXT = 1,
    FRAME_BINARY = 2,
    FRAME_CLOSE = 8,
    FRAME_PING = 9,
    FRAME_PONG = 10
};

struct frame {
    enum frame_op op;
    bool last;  /* FIN */
    char *data; /* unmasked in place; borrowed from what was read */
    size_t len;
    size_t used; /* bytes of the whole frame */
};

enum frame_read { FRAME_NEEDS_MORE, FRAME_WHOLE, FRAME_BAD, FRAME_TOO_LARGE };

/* Reads the frame that begins at text, of a client: masked, no extension, control frames short and whole. */
enum frame_read frame_parse(struct frame *f, char *text, size_t n);

/* Appends a server's frame. */
void frame_add(struct buf *b, enum frame_op op, bool last, const char *p, size_t n);
void frame_add_close(struct buf *b, unsigned code, const char *reason); /* reason: up to 123 bytes */

/* Sec-WebSocket-Accept for a Sec-WebSocket-Key; `out` holds 29 bytes. False: that is no key. */
bool frame_accept_key(const char *key, char *out);

#endif
