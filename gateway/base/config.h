/* config: what the operator set. Read once at start (and again on SIGHUP), validated whole, then constant.
 *
 *     config.def defaults  <-  YAML file  <-  LASTWORD_SECTION_NAME environment  ->  struct config
 *
 * It refuses unknown keys, values out of range and settings that cannot work together, each with key, line,
 * what was wrong and what is allowed. It opens no socket and starts nothing. */
#ifndef LASTWORD_BASE_CONFIG_H
#define LASTWORD_BASE_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/buf.h"

typedef int64_t config_INT;
typedef bool config_BOOL;
typedef const char *config_STR; /* never NULL */
typedef const char *config_SECRET;

struct config_strings {
    const char **items;
    size_t count;
};
typedef struct config_strings config_LIST;

#define CONFIG_MORE_KEYS_MAX 15

/* How an upstream goes on from a given beginning of the answer. */
enum config_continue {
    CONTINUE_NONE,
    CONTINUE_TRAILING_ASSISTANT, /* llama.cpp, Ollama, the mock: the last message is the assistant's */
    CONTINUE_FINAL_MESSAGE,      /* vLLM: continue_final_message, add_generation_prompt false */
    CONTINUE_PREFIX_FLAG         /* Mistral, DeepSeek: "prefix": true on that message */
};

/* upstreams: - name, url, dialect (anthropic, openai, richierich), key or key_file, continue, models,
 * weight... */
struct config_upstream {
    const char *name;                /* [a-z0-9_.-]{1,64}, unique */
    const char *url;                 /* http(s)://host[:port][/path], no query */
    const char *dialect;             /* "anthropic", "openai" or "richierich" */
    const char *key;                 /* secret, "" for none */
    struct config_strings more_keys; /* secrets, used when the upstream refuses those before them */
    enum config_continue continuation;
    bool private_too;                          /* it may be reached at addresses of private networks */
    struct config_strings models;              /* empty: asked from the upstream */
    int64_t max_tokens;                        /* of an answer whose request names no limit: anthropic */
    int64_t first_token_ms, between_tokens_ms; /* 0: the upstream.* setting */
};

/* One target of a route. Targets of one order share by weight; a higher order is the fallback. */
struct config_target {
    size_t upstream;   /* index into upstreams */
    const char *model; /* "" : the name the client used */
    int64_t order, weight;
    const char *body; /* JSON object merged into the request, "" for none */
};

/* routes: - model, to: [{upstream, model, order, weight, body}] */
struct config_route {
    const char *model;
    struct config_target *targets;
    size_t target_count;
};

/* keys: - name, owner, key or key_file. Only with auth.mode keys. */
struct config_key {
    const char *name, *owner, *key;
};

struct config {
#define X(kind, section, name, def, min, max, reload, help) config_##kind section##_##name;
#include "base/config.def"
#undef X
    struct config_upstream *upstreams;
    size_t upstream_count;
    struct config_route *routes;
    size_t route_count;
    struct config_key *keys;
    size_t key_count;
    void *arena; /* owns every string and array above */
};

/* What was wrong: "listen.port: line 3: 70000 is too large (0 to 65535)". */
struct config_error {
    char text[512];
};

/* Reads `path` (NULL: defaults only), then the environment `env` (as environ(7); NULL: none). On failure
 * returns NULL and fills *error with the first problem. The result is owned by the caller: config_free. */
struct config *config_load(const char *path, char *const *env, struct config_error *error);
struct config *config_parse(const char *yaml, size_t len, char *const *env, struct config_error *error);
void config_free(struct config *c);

/* For SIGHUP. Copies the settings marked reloadable, and upstreams, routes and keys, from `next` into a new
 * config based on `now`; keys that differ but need a restart are appended to `restart`, one a line. The
 * caller owns the result and still owns both arguments. */
struct config *config_reload(const struct config *now, const struct config *next, struct buf *restart);

/* All keys with defaults and help, as a YAML file that config_load accepts. */
void config_print_defaults(struct buf *out);
/* The settings in force, secrets as "***". */
void config_print(const struct config *c, struct buf *out);

#endif
