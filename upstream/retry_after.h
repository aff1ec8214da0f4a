/* retry_after: the header of that name (RFC 9110 section 10.2.3), seconds or a date. Pure. */
#ifndef LASTWORD_UPSTREAM_RETRY_AFTER_H
#define LASTWORD_UPSTREAM_RETRY_AFTER_H

#include <stddef.h>
#include <stdint.h>

/* Milliseconds to wait, 0 for a date gone by, -1 if the value is not understood. At most a day. */
int64_t retry_after_ms(const char *value, size_t len, int64_t now_unix_ms);

#endif
