/* signature: see signature.h. */
#include "store/signature.h"

#include <string.h>

#define RUN 3

/* Multiplication by an odd constant, the high bits folded down: enough to spread, and for ever the same. */
static uint32_t hash(const uint32_t *run)
{
    uint64_t v = run[0] | (uint64_t)run[1] << 21 | (uint64_t)run[2] << 42;
    v = (v ^ v >> 31) * 0x9E3779B97F4A7C15u;
    v = (v ^ v >> 29) * 0xBF58476D1CE4E5B9u;
    return (uint32_t)(v >> 32);
}

/* As Postgres numbers the bits of a bit string: the first is the highest of the first byte. */
static void set_bit(unsigned char *bits, size_t count, uint32_t h)
{
    size_t at = h & (count - 1);
    bits[at / 8] = (unsigned char)(bits[at / 8] | 0x80u >> at % 8);
}

static unsigned char *add_zeros(struct buf *out, size_t bytes)
{
    buf_reserve(out, bytes);
    unsigned char *bits = (unsigned char *)out->data + out->len;
    memset(bits, 0, bytes);
    out->len += bytes;
    return bits;
}

void signature_of(struct history_text text, struct buf *out)
{
    size_t count = SIGNATURE_BITS_MIN, n = 0;
    uint32_t run[RUN] = {0};
    if (!text.len)
        return;
    while (count <= text.len && count < (size_t)SIGNATURE_BYTES_MAX * 8)
        count *= 2;
    unsigned char *bits = add_zeros(out, count / 8);
    for (size_t i = 0, used; i < text.len; i += used) {
        run[0] = run[1];
        run[1] = run[2];
        run[2] = words_char(text.data + i, text.len - i, &used);
        if (++n >= RUN)
            set_bit(bits, count, hash(run));
    }
}

void signature_mask(const struct words *words, int level, struct buf *out)
{
    size_t count = (size_t)SIGNATURE_BITS_MIN << level;
    unsigned char *bits = add_zeros(out, count / 8);
    for (size_t w = 0; w < words->count; w++) {
        for (size_t i = 0; i + RUN <= words->item[w].len; i++)
            set_bit(bits, count, hash(&words->item[w].chars[i]));
    }
}
