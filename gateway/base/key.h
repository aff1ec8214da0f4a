/* key: what an API key looks like: "lwk_", 16 hex digits that name it, "_", and 43 of base64url that are 256
 * bits of chance. Only its SHA-256 is ever kept. Pure. */
#ifndef LASTWORD_BASE_KEY_H
#define LASTWORD_BASE_KEY_H

#include <stdbool.h>
#include <stdint.h>

#define KEY_ID_DIGITS 16
#define KEY_TEXT 64 /* bytes of a key, NUL excluded */

/* Writes the key that `chance` makes; its first 8 bytes become the id, which is not 0. */
void key_write(const uint8_t chance[40], char out[KEY_TEXT + 1]);
/* Is it shaped like one? Then its id, as digits and as a number. */
bool key_parse(const char *text, char id[KEY_ID_DIGITS + 1], uint64_t *number);
/* Exactly 16 lower-case hex digits. */
bool key_is_id(const char *text);
/* The number of an id; 0 for what is none. */
uint64_t key_number(const char *id);

#endif
