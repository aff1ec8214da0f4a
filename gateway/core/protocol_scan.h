/* protocol_scan: is a text that jansson refuses a JSON object all the same?
 *
 * jansson does not hold a lone surrogate escape, a number out of range, a NUL in a member's name, or deep
 * nesting, and refuses them as it refuses broken JSON. The protocol tells them apart: an object is answered,
 * with the gen it was about; anything else closes the connection. Pure; it keeps no value. */
#ifndef LASTWORD_CORE_PROTOCOL_SCAN_H
#define LASTWORD_CORE_PROTOCOL_SCAN_H

#include <stdbool.h>
#include <stddef.h>

/* Between the quotes, escapes as they stand; borrowed from the text. len 0: not there, or no string. */
struct scan_string {
    const char *at;
    size_t len;
};

/* True if the text, valid UTF-8, is one JSON object (RFC 8259). Then *type and *gen are those members of it.
 */
bool protocol_scan(const char *text, size_t len, struct scan_string *type, struct scan_string *gen);

#endif
