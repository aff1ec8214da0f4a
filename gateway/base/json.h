/* json: the two things jansson is too slow for on the token path: writing a JSON string, and telling
 * whether bytes are whole UTF-8. Everything else about JSON is jansson's. */
#ifndef LASTWORD_BASE_JSON_H
#define LASTWORD_BASE_JSON_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

/* Appends `"…"` with the text escaped (RFC 8259 section 7: quote, backslash, controls; the rest as it is).
 * `text` is whole UTF-8 and may hold NUL. */
void json_add_string(struct buf *b, const char *text, size_t len);
void json_add_cstring(struct buf *b, const char *s); /* NULL writes null */

/* True if the bytes are whole, well-formed UTF-8 (RFC 3629: no surrogates, no overlong forms). */
bool utf8_valid(const char *p, size_t len);

/* The largest n <= len so that p[0..n) ends between whole sequences, p being valid UTF-8 from its start. */
size_t utf8_floor(const char *p, size_t len);

/* True if `off` is a boundary between sequences of the valid UTF-8 text p[0..len). */
static inline bool utf8_is_boundary(const char *p, size_t len, size_t off)
{
    return off == len || (off < len && ((unsigned char)p[off] & 0xC0) != 0x80);
}

#endif
