/* key: see key.h. */
#include "base/key.h"

#include <string.h>

#define PREFIX "lwk_"
#define SECRET 43

static const char hex[] = "0123456789abcdef";
static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

void key_write(const uint8_t chance[40], char out[KEY_TEXT + 1])
{
    const uint8_t *secret = chance + 8;
    char *at = out + sizeof PREFIX - 1;
    memcpy(out, PREFIX, sizeof PREFIX - 1);
    for (int i = 0; i < 8; i++) {
        uint8_t byte = i == 0 ? chance[0] | 1 : chance[i];
        *at++ = hex[byte >> 4];
        *at++ = hex[byte & 15];
    }
    *at++ = '_';
    uint32_t bits = 0;
    for (int i = 0, held = 0; i < 32; i++) {
        bits = bits << 8 | secret[i];
        for (held += 8; held >= 6; held -= 6)
            *at++ = digits[bits >> (held - 6) & 63];
    }
    *at++ = digits[bits << 2 & 63]; /* the last four bits */
    *at = '\0';
}

bool key_is_id(const char *text)
{
    return strspn(text, hex) == KEY_ID_DIGITS && !text[KEY_ID_DIGITS];
}

uint64_t key_number(const char *id)
{
    uint64_t number = 0;
    if (!key_is_id(id))
        return 0;
    for (; *id; id++)
        number = number << 4 | (uint64_t)(strchr(hex, *id) - hex);
    return number;
}

bool key_parse(const char *text, char id[KEY_ID_DIGITS + 1], uint64_t *number)
{
    if (strncmp(text, PREFIX, sizeof PREFIX - 1) != 0)
        return false;
    text += sizeof PREFIX - 1;
    if (strspn(text, hex) < KEY_ID_DIGITS || text[KEY_ID_DIGITS] != '_')
        return false;
    const char *secret = text + KEY_ID_DIGITS + 1;
    if (strspn(secret, digits) != SECRET || secret[SECRET])
        return false;
    memcpy(id, text, KEY_ID_DIGITS);
    id[KEY_ID_DIGITS] = '\0';
    *number = key_number(id);
    return true;
}
