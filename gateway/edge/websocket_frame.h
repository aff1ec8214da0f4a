/* websocket_frame: frame heads of what the gateway sends (RFC 6455 section 5.2, unmasked text), so that many
 * messages become one write. It refuses to read frames: libwebsockets does.
 *
 *     begin -> [ 4 bytes of room ][ message, appended by somebody ] -> end -> [head][message] */
#ifndef LASTWORD_EDGE_WEBSOCKET_FRAME_H
#define LASTWORD_EDGE_WEBSOCKET_FRAME_H

#include "base/buf.h"

/* Leaves room for a head at the end of `out`; the mark is for websocket_frame_end. */
size_t websocket_frame_begin(struct buf *out);
/* Makes what was appended since then one final text frame. */
void websocket_frame_end(struct buf *out, size_t mark);
/* Nothing was appended: makes it an empty ping. */
void websocket_frame_ping(struct buf *out, size_t mark);
/* Nothing was appended: takes the room back. */
void websocket_frame_drop(struct buf *out, size_t mark);

#endif
