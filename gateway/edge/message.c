/* message: see message.h. */
#include "edge/message.h"

#include "base/json.h"

#define CODES_END 5000 /* no close code is that high; the library takes them all */

static bool is_flood(struct message *m, const struct message_piece *piece)
{
    if (piece->rest)
        return false; /* the frame goes on */
    m->frames++;
    if (!piece->len && !piece->final)
        m->empty++;
    return m->frames > MESSAGE_FRAMES_MAX || m->empty > MESSAGE_EMPTY_MAX;
}

enum message_verdict message_add(struct message *m, const struct message_piece *piece, size_t max,
                                 const char **text, size_t *len)
{
    if (piece->binary)
        return MESSAGE_BINARY;
    size_t have = m->text.len;
    if (have > max || piece->len > max - have || piece->rest > max - have - piece->len)
        return MESSAGE_TOO_LARGE;
    if (is_flood(m, piece))
        return MESSAGE_FLOOD;

    bool whole = piece->final && !piece->rest;
    if (whole && !have) { /* the usual case: one frame, one read, no copy */
        *text = piece->data;
        *len = piece->len;
    } else {
        if (!have)
            buf_reserve(&m->text, piece->len + piece->rest);
        buf_add(&m->text, piece->data, piece->len);
        *text = m->text.data;
        *len = m->text.len;
    }
    if (!whole)
        return MESSAGE_MORE;
    return utf8_valid(*text, *len) ? MESSAGE_WHOLE : MESSAGE_NOT_UTF8;
}

void message_clear(struct message *m)
{
    buf_free(&m->text);
    m->frames = m->empty = 0;
}

unsigned message_close_fault(const char *payload, size_t len)
{
    if (len == 1 || (len >= 2 && ((unsigned char)payload[0] << 8 | (unsigned char)payload[1]) >= CODES_END))
        return 1002;
    return len > 2 && !utf8_valid(payload + 2, len - 2) ? 1007 : 0;
}
