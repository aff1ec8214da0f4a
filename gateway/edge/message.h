/* message: puts one WebSocket message together from the pieces in which it arrives. Pure.
 *
 *     piece, piece, ... -> message_add -> whole text (valid UTF-8), or why not
 *
 * It bounds length and number of frames, and refuses binary. It knows no socket. */
#ifndef LASTWORD_EDGE_MESSAGE_H
#define LASTWORD_EDGE_MESSAGE_H

#include <stdbool.h>

#include "base/buf.h"

#define MESSAGE_FRAMES_MAX                                                                                   \
    4096                     /* frames of one message: a fragment a few hundred bytes long is no attack      \
                              */
#define MESSAGE_EMPTY_MAX 16 /* of them without payload */

/* Zeroed before the first use. */
struct message {
    struct buf text;
    uint32_t frames, empty;
};

/* A piece of a frame's payload. */
struct message_piece {
    const char *data; /* borrowed for the call */
    size_t len;
    size_t rest; /* bytes of the same frame still to come */
    bool final;  /* the frame is the last of its message */
    bool binary; /* the message's type */
};

enum message_verdict {
    MESSAGE_MORE,
    MESSAGE_WHOLE,
    MESSAGE_TOO_LARGE, /* close 1009 */
    MESSAGE_FLOOD,     /* close 4505 */
    MESSAGE_BINARY,    /* close 4500 */
    MESSAGE_NOT_UTF8   /* close 1007 */
};

/* MESSAGE_WHOLE: *text of *len bytes, borrowed until message_clear, which then must be called. `max` is the
 * longest message allowed; one that announces more is refused before its bytes are stored. */
enum message_verdict message_add(struct message *m, const struct message_piece *piece, size_t max,
                                 const char **text, size_t *len);
/* Ready for the next message; holds no memory. */
void message_clear(struct message *m);

/* What is wrong with the payload of a peer's close frame: 1002, 1007, or 0. */
unsigned message_close_fault(const char *payload, size_t len);

#endif
