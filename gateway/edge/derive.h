/* derive: a UUID that stands for a text of a client's. Pure.
 *
 * The same for the same owner on every gateway, so that a repeated request is the same generation, and
 * another owner's text is another UUID. */
#ifndef LASTWORD_EDGE_DERIVE_H
#define LASTWORD_EDGE_DERIVE_H

#include <stddef.h>

#include "base/uuid.h"

/* Version 8 (RFC 9562), of the SHA-256 of what it is for ("gen", "chat"), the owner's name and the text. */
struct uuid derive_uuid(const char *what, const char *owner, const void *text, size_t len);
/* The text itself where it is a UUID. */
struct uuid derive_id(const char *what, const char *owner, const char *text);

#endif
