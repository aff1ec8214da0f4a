/* dialect: a codec as the ladder sees it. Each is a constant; a stream is one response body of an attempt. */
#ifndef LASTWORD_UPSTREAM_DIALECT_H
#define LASTWORD_UPSTREAM_DIALECT_H

#include "upstream/answer.h"

struct dialect {
    const char *name;        /* as in the configuration */
    const char *models_path; /* after the base URL: where the list of models is; NULL: there is none */
    /* Header lines with the key ("" for none), each with its CRLF. */
    void (*head)(struct buf *out, const char *key);
    /* The path after the upstream's base URL, and the body. */
    void (*path)(struct buf *out, const struct ask *ask);
    void (*build)(struct buf *out, const struct ask *ask);
    /* So many bytes at the end of a prefix are not sent; what comes may begin with them again. NULL: none. */
    size_t (*unsent)(const char *prefix, size_t len);
    /* Owned by the caller, freed with `close`. content_type: "" for none. `unsent`: those bytes, copied. */
    void *(*open)(size_t max_event, const char *content_type, const struct buf *unsent);
    void (*feed)(void *stream, struct gather *g, struct answer *a, const char *p, size_t len);
    void (*end)(void *stream, struct gather *g, struct answer *a); /* the body ended properly */
    void (*close)(void *stream);
};

extern const struct dialect dialect_anthropic, dialect_openai, dialect_richierich;

/* NULL: there is no such dialect. */
const struct dialect *dialect_find(const char *name);

#endif
