/* site: one configured upstream: how to reach it, what it serves, how it has been doing.
 *
 * Counted: the routes hold it, and every call that may use it, so that a reload leaves running calls alone.
 */
#ifndef LASTWORD_UPSTREAM_SITE_H
#define LASTWORD_UPSTREAM_SITE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/config.h"
#include "base/list.h"
#include "upstream/breaker.h"
#include "upstream/dialect.h"
#include "upstream/keys.h"
#include "upstream/transport.h"

/* The circuit of one model there; made at its first failure. */
struct circuit {
    struct list node;
    char *model;
    struct breaker breaker;
};

struct site {
    char *name, *url; /* owned */
    const struct dialect *dialect;
    const struct transport *transport;
    void *wires[KEYS_MAX]; /* what the transport opened, one for each key; owned: closed by `close_wire` */
    struct keys keys;
    void (*close_wire)(void *wire);
    enum config_continue continuation;
    int64_t max_tokens;                        /* of an answer, where the dialect wants a limit */
    int64_t first_token_ms, between_tokens_ms; /* 0: the general setting */
    char **models;                             /* owned, asked from it or configured */
    size_t model_count;
    bool models_known;
    bool asks; /* without configured models: it is asked */
    struct breaker breaker;
    struct breaker_limits limits;
    struct list circuits;
    size_t circuit_count;
    int refs;
};

/* One reference, the caller's. Everything is copied. */
struct site *site_new(const struct config_upstream *u, const struct breaker_limits *limits);
void site_hold(struct site *s);
void site_drop(struct site *s); /* the last one frees it */

void site_set_models(struct site *s, const char *const *names, size_t count); /* copies */
/* {"data":[{"id":…},…]}: false when it is not that (nothing changes). At most 1024 names of 1..255 bytes. */
bool site_parse_models(struct site *s, const char *body, size_t len);

/* How long until a request for `model` may pass; 0: now. */
int64_t site_wait(const struct site *s, const char *model, uint64_t now_ms);
/* A request passes. Remember the result for site_ok/failed/forget: bits of who made it his probe. */
unsigned site_enter(struct site *s, const char *model, uint64_t now_ms);
void site_ok(struct site *s, const char *model);
void site_failed(struct site *s, const char *model, enum breaker_scope scope, uint64_t now_ms);
/* A request with that key failed. True: it rests now, and another key may be used at once. */
bool site_key_failed(struct site *s, unsigned key, enum failure f, int64_t retry_after_ms, uint64_t now_ms);
void site_forget(struct site *s, const char *model, unsigned probe);

#endif
