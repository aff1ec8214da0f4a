/* head: the head of an HTTP/1 request (RFC 9112), from bytes to fields. Pure.
 *
 *     bytes, cut anywhere -> head_find_end -> where it ends, or that it will never be one
 *     all of it           -> head_parse    -> method, path, query, version, fields; or the error to answer
 *
 * Strict where two readers could see two different requests: CRLF alone ends a line, no folded lines, no
 * space before a colon, no control characters. It refuses to judge what the fields say: request.c and
 * upgrade.c do. */
#ifndef LASTWORD_EDGE_HEAD_H
#define LASTWORD_EDGE_HEAD_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "edge/http.h"

#define HEAD_MAX 16384 /* bytes of a whole head */
#define HEAD_FIELDS_MAX 256
#define HEAD_PATH_MAX 2048 /* decoded */
#define HEAD_QUERY_MAX 4096

struct head {
    enum http_method method;
    const char *path;    /* decoded, begins with '/', no NUL; or "*" of OPTIONS */
    const char *query;   /* raw, "" if none */
    const char *version; /* "HTTP/1.1" */
    struct http_field
        *fields; /* names in lower case; owned, with the text behind them, where all else points */
    size_t count;
};

enum head_verdict { HEAD_MORE, HEAD_WHOLE, HEAD_WRONG };
/* Looks on from *at (0 at first), which moves forward. HEAD_WHOLE: *at is the length of the head. HEAD_WRONG:
 * no head begins like this. */
enum head_verdict head_find_end(const char *bytes, size_t len, size_t *at);

/* `len` bytes as head_find_end found them. 0 and *head, to be freed by head_free; or the status to answer
 * with *e, and *head is empty. */
int head_parse(const char *bytes, size_t len, struct head *head, struct err *e);
void head_free(struct head *head);

/* The first field of that name (lower case), without the space around it; NULL: none. */
const char *head_value(const struct head *head, const char *name);
/* How many fields have that name. */
unsigned head_count(const struct head *head, const char *name);
/* Is `token` in the list that the fields of that name make together? Letters of either case. */
bool head_has_token(const struct head *head, const char *name, const char *token);

#endif
