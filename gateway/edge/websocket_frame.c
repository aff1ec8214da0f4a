/* websocket_frame: see websocket_frame.h. Nearly every message is 126 to 65535 bytes long, so the room is
 * that of its head; the others move. */
#include "edge/websocket_frame.h"

#define ROOM 4
#define FINAL_TEXT 0x81
#define FINAL_PING 0x89

size_t websocket_frame_begin(struct buf *out)
{
    size_t mark = out->len;
    buf_reserve(out, ROOM);
    out->len += ROOM;
    return mark;
}

void websocket_frame_drop(struct buf *out, size_t mark)
{
    out->len = mark;
}

void websocket_frame_ping(struct buf *out, size_t mark)
{
    out->data[mark] = (char)FINAL_PING;
    out->data[mark + 1] = 0;
    out->len = mark + 2;
}

/* Lets the message begin `head` bytes after the mark instead of ROOM. */
static unsigned char *make_head(struct buf *out, size_t mark, size_t head, size_t len)
{
    if (head > ROOM)
        buf_reserve(out, head - ROOM);
    memmove(out->data + mark + head, out->data + mark + ROOM, len);
    out->len = mark + head + len;
    return (unsigned char *)out->data + mark;
}

void websocket_frame_end(struct buf *out, size_t mark)
{
    size_t len = out->len - mark - ROOM;
    unsigned char *p = (unsigned char *)out->data + mark;
    if (len < 126) {
        p = make_head(out, mark, 2, len);
        p[1] = (unsigned char)len;
    } else if (len <= 0xFFFF) {
        p[1] = 126;
        p[2] = (unsigned char)(len >> 8);
        p[3] = (unsigned char)len;
    } else {
        p = make_head(out, mark, 10, len);
        p[1] = 127;
        for (int i = 0; i < 8; i++)
            p[2 + i] = (unsigned char)((uint64_t)len >> (56 - 8 * i));
    }
    p[0] = FINAL_TEXT;
}
