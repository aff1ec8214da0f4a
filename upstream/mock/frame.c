/* frame: see frame.h. */
#include "frame.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

bool frame_accept_key(const char *key, char *out)
{
    unsigned char raw[32], sha[EVP_MAX_MD_SIZE];
    char text[64];
    unsigned n = 0;
    /* 16 bytes in base64: 24 characters, of which EVP counts the padding as zeros */
    if (strlen(key) != 24 || key[22] != '=' || key[23] != '=' ||
        EVP_DecodeBlock(raw, (const unsigned char *)key, 24) != 18)
        return false;
    snprintf(text, sizeof(text), "%s258EAFA5-E914-47DA-95CA-C5AB0DC85B11", key);
    if (!EVP_Digest(text, strlen(text), sha, &n, EVP_sha1(), NULL))
        return false;
    EVP_EncodeBlock((unsigned char *)out, sha, (int)n);
    return true;
}

/* The payload's length and where it stands. False: more bytes are needed. */
static bool read_length(const unsigned char *p, size_t n, uint64_t *len, size_t *head)
{
    unsigned small = p[1] & 0x7F, bytes = small == 126 ? 2 : small == 127 ? 8 : 0;
    *head = 2 + bytes;
    *len = bytes ? 0 : small;
    if (n < *head)
        return false;
    for (unsigned i = 0; i < bytes; i++)
        *len = *len << 8 | p[2 + i];
    return true;
}

enum frame_read frame_parse(struct frame *f, char *text, size_t n)
{
    unsigned char *p = (unsigned char *)text;
    uint64_t len;
    size_t head;
    if (n < 2)
        return FRAME_NEEDS_MORE;
    f->op = (enum frame_op)(p[0] & 0x0F);
    f->last = p[0] & 0x80;
    bool control = f->op >= FRAME_CLOSE;
    if ((p[0] & 0x70) || !(p[1] & 0x80) || f->op > FRAME_PONG || (f->op > FRAME_BINARY && !control))
        return FRAME_BAD;
    if (control && (!f->last || (p[1] & 0x7F) > 125))
        return FRAME_BAD;
    if (!read_length(p, n, &len, &head))
        return FRAME_NEEDS_MORE;
    if (len >> 63)
        return FRAME_BAD;
    if (len > FRAME_MESSAGE_MAX)
        return FRAME_TOO_LARGE;
    if (n < head + 4 + len)
        return FRAME_NEEDS_MORE;
    for (size_t i = 0; i < len; i++)
        p[head + 4 + i] ^= p[head + (i & 3)];
    f->data = text + head + 4;
    f->len = (size_t)len;
    f->used = head + 4 + (size_t)len;
    return FRAME_WHOLE;
}

void frame_add(struct buf *b, enum frame_op op, bool last, const char *p, size_t n)
{
    char head[10] = {(char)((last ? 0x80 : 0) | (int)op)};
    size_t used = 2;
    if (n < 126) {
        head[1] = (char)n;
    } else {
        unsigned bytes = n < 65536 ? 2 : 8;
        head[1] = (char)(bytes == 2 ? 126 : 127);
        for (unsigned i = bytes; i-- > 0;)
            head[used++] = (char)((uint64_t)n >> (8 * i) & 0xFF);
    }
    buf_add(b, head, used);
    buf_add(b, p, n);
}

void frame_add_close(struct buf *b, unsigned code, const char *reason)
{
    char text[128];
    size_t n = strlen(reason) < 123 ? strlen(reason) : 123;
    text[0] = (char)(code >> 8);
    text[1] = (char)(code & 0xFF);
    memcpy(text + 2, reason, n);
    frame_add(b, FRAME_CLOSE, true, text, n + 2);
}
