/* err: the one table of errors (err.def), and the value that carries one.
 * It refuses to format anything for a wire: protocol.c and the HTTP routes do that. */
#ifndef LASTWORD_BASE_ERR_H
#define LASTWORD_BASE_ERR_H

#include <stdint.h>

enum err_retry { RETRY_NOW, RETRY_BACKOFF, RETRY_NEVER };

enum err_code {
    ERR_NONE = 0,
#define X(id, wire, http, retry, sentence) ERR_##id,
#include "err.def"
#undef X
    ERR_COUNT
};

/* An error on its way to the one who caused it. Plain value, no ownership.
 * `message` says what was wrong and where; empty means the table's sentence.
 * It never holds prompt text, keys or tokens. */
struct err {
    enum err_code code;
    int64_t after_ms;  /* when to try again; 0: not said */
    const char *param; /* static string: the field at fault, or NULL */
    char message[200];
};

const char *err_wire(enum err_code code);     /* "BAD_REQUEST"; static */
const char *err_sentence(enum err_code code); /* static */
int err_http_status(enum err_code code);
enum err_retry err_retry(enum err_code code);
const char *err_retry_name(enum err_retry retry); /* "now", "backoff", "never" */

/* Fills *e and returns false, so that a parser can `return err_set(e, ...)`. Truncates to the buffer.
 * `fmt` NULL takes the table's sentence. */
_Bool err_set(struct err *e, enum err_code code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* The sentence to show: e->message, or the table's when that is empty. Borrowed from e. */
const char *err_message(const struct err *e);

#endif
