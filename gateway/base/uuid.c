/* uuid: text and bytes. It takes time and randomness as arguments, so that tests can name every id. */
#include "base/uuid.h"

#include "base/buf.h"

/* Where byte i begins in the text: two digits each, a hyphen before bytes 4, 6, 8 and 10. */
static const uint8_t text_at[16] = {0, 2, 4, 6, 9, 11, 14, 16, 19, 21, 24, 26, 28, 30, 32, 34};

struct uuid uuid_v7(uint64_t unix_ms, const uint8_t random[10])
{
    struct uuid u;
    for (int i = 0; i < 6; i++)
        u.b[i] = (uint8_t)(unix_ms >> (40 - 8 * i));
    memcpy(u.b + 6, random, 10);
    u.b[6] = (uint8_t)(0x70 | (u.b[6] & 0x0f));
    u.b[8] = (uint8_t)(0x80 | (u.b[8] & 0x3f));
    return u;
}

static int digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return -1;
}

bool uuid_parse(struct uuid *u, const char *text, size_t len)
{
    if (len != UUID_TEXT || text[8] != '-' || text[13] != '-' || text[18] != '-' || text[23] != '-')
        return false;
    for (int i = 0; i < 16; i++) {
        int high = digit(text[text_at[i]]), low = digit(text[text_at[i] + 1]);
        if (high < 0 || low < 0)
            return false;
        u->b[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

static uint32_t word(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

char *uuid_format(const struct uuid *u, char out[UUID_TEXT + 1])
{
    char digits[32];
    for (int i = 0; i < 4; i++)
        hex32(word(u->b + 4 * i), digits + 8 * i);
    out[8] = out[13] = out[18] = out[23] = '-';
    memcpy(out, digits, 8);
    memcpy(out + 9, digits + 8, 4);
    memcpy(out + 14, digits + 12, 4);
    memcpy(out + 19, digits + 16, 4);
    memcpy(out + 24, digits + 20, 12);
    out[UUID_TEXT] = '\0';
    return out;
}
