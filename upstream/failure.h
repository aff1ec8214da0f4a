/* failure: the ways an attempt can fail, as a table (failure.def). Pure; no text of a peer gets in here. */
#ifndef LASTWORD_UPSTREAM_FAILURE_H
#define LASTWORD_UPSTREAM_FAILURE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

enum failure {
    FAIL_NONE = 0,
#define X(id, name, error, same, next, breaker, sentence) FAIL_##id,
#include "upstream/failure.def"
#undef X
    FAILURES
};

enum breaker_scope { BREAKER_NONE, BREAKER_MODEL, BREAKER_SITE };

struct failure_row {
    const char *name, *sentence; /* static */
    enum err_code error;
    bool same, next;
    enum breaker_scope breaker;
};

const struct failure_row *failure_row(enum failure f); /* static; FAIL_NONE has an empty row */

/* What a service says of itself when it refuses: the HTTP status with the `code` and `type` of its error
 * object (either may be NULL). `message` is only searched for words, never kept. */
enum failure failure_of_status(int status, const char *code, const char *type, const char *message);

/* The same for an error object in mid-stream or in a 200 answer. Never FAIL_NONE. */
enum failure failure_of_error(const char *code, const char *type, const char *message);

#endif
