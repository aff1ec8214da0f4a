/* config_check: settings that are each in range and cannot work together, and words that mean nothing. */
#include <string.h>

#include "base/address.h"
#include "base/config_internal.h"
#include "base/log.h"

/* What a message needs around a prompt; PROTOCOL.md promises it to clients. */
#define AROUND_PROMPT 4096
#define NODE_MAX 61 /* WORKER_BASE_MAX of worker.h */

static bool fail_at(struct config_loader *l, enum config_id id, const char *what)
{
    char key[CONFIG_PATH_MAX];
    return config_fail(l, config_key_name(id, key), l->places[id], "%s", what);
}

static bool one_of(struct config_loader *l, enum config_id id, const char *const *words, size_t n)
{
    const char *value = *(const char *const *)config_slot(l->config, id);
    for (size_t i = 0; i < n; i++)
        if (strcmp(value, words[i]) == 0)
            return true;
    struct buf allowed = {0};
    char key[CONFIG_PATH_MAX], q[48];
    for (size_t i = 0; i < n; i++)
        buf_printf(&allowed, "%s%s", i == 0 ? "" : i + 1 == n ? " or " : ", ", words[i]);
    config_fail(l, config_key_name(id, key), l->places[id], "\"%s\" is not %s", config_quote(q, value),
                buf_cstr(&allowed));
    buf_free(&allowed);
    return false;
}
#define ONE_OF(l, id, ...)                                                                                   \
    one_of(l, CONFIG_ID_##id, (const char *const[]){__VA_ARGS__},                                            \
           sizeof((const char *const[]){__VA_ARGS__}) / sizeof(const char *))

static bool check_words(struct config_loader *l)
{
    return ONE_OF(l, log_level, "debug", "info", "warn", "error") &&
           ONE_OF(l, auth_mode, "none", "keys", "jwt") && ONE_OF(l, session_store, "memory", "redis") &&
           ONE_OF(l, history_store, "sqlite", "postgres");
}

static bool check_origins(struct config_loader *l)
{
    for (size_t i = 0; i < l->config->listen_origins.count; i++) {
        const char *fault = config_origin_fault(l->config->listen_origins.items[i]);
        char q[48];
        if (fault)
            return config_fail(l, "listen.origins", l->places[CONFIG_ID_listen_origins],
                               "\"%s\" %s (scheme://host[:port], or *)",
                               config_quote(q, l->config->listen_origins.items[i]), fault);
    }
    return true;
}

static bool check_proxy(struct config_loader *l)
{
    const struct config_strings *list = &l->config->listen_proxy;
    for (size_t i = 0; i < list->count; i++) {
        struct network network;
        const char *fault = network_parse(list->items[i], &network);
        char q[48];
        if (fault)
            return config_fail(l, "listen.proxy", l->places[CONFIG_ID_listen_proxy],
                               "\"%s\" %s (an address, or one and its length, as 10.0.0.0/8 or ::1/128)",
                               config_quote(q, list->items[i]), fault);
    }
    return true;
}

static bool check_limits(struct config_loader *l)
{
    const struct config *c = l->config;
    enum config_id blame = CONFIG_ID_limits_prompt_bytes;
    if (!l->places[blame].line && !l->places[blame].env)
        blame =
            CONFIG_ID_limits_message_bytes; /* the default no longer fits: whoever changed the other did it */
    if (c->limits_prompt_bytes > c->limits_message_bytes - AROUND_PROMPT)
        return config_fail(l, "limits.prompt_bytes", l->places[blame],
                           "%lld is too large: at most limits.message_bytes - %d = %lld",
                           (long long)c->limits_prompt_bytes, AROUND_PROMPT,
                           (long long)c->limits_message_bytes - AROUND_PROMPT);
    if (c->limits_hello_bytes > c->limits_message_bytes)
        return fail_at(l, CONFIG_ID_limits_hello_bytes, "is larger than limits.message_bytes");
    return true;
}

static bool check_stores(struct config_loader *l)
{
    const struct config *c = l->config;
    bool shared = strcmp(c->session_store, "redis") == 0,
         postgres = strcmp(c->history_store, "postgres") == 0;
    if (shared && !*c->session_url)
        return fail_at(l, CONFIG_ID_session_store, "redis needs session.url");
    if (postgres && !*c->history_url)
        return fail_at(l, CONFIG_ID_history_store, "postgres needs history.url");
    if (postgres && !shared) /* what runs is recorded as running there: whoever starts would take it up */
        return fail_at(l, CONFIG_ID_history_store,
                       "postgres needs session.store redis, which knows who runs what");
    return true;
}

/* A name may mean any address; listener.c looks again at the one that it got. */
static bool is_loopback(const char *host)
{
    struct network n;
    if (strcmp(host, "localhost") == 0)
        return true;
    if (strchr(host, '/') || network_parse(host, &n))
        return false;
    struct address a = {0};
    memcpy(a.ip, n.ip, sizeof a.ip);
    return address_is_loopback(&a);
}

/* A token for somebody else, or of somebody else, must not pass for want of a setting. */
static bool check_jwt(struct config_loader *l)
{
    const struct config *c = l->config;
    if (*c->auth_ticket_key && strlen(c->auth_ticket_key) < 32)
        return fail_at(l, CONFIG_ID_auth_ticket_key, "is shorter than 32 bytes");
    if (strcmp(c->auth_mode, "jwt") != 0)
        return true;
    if (!*c->jwt_jwks)
        return fail_at(l, CONFIG_ID_auth_mode, "jwt needs jwt.jwks");
    if (!*c->jwt_issuer)
        return fail_at(l, CONFIG_ID_auth_mode, "jwt needs jwt.issuer");
    return *c->jwt_audience || fail_at(l, CONFIG_ID_auth_mode, "jwt needs jwt.audience");
}

static bool check_open(struct config_loader *l)
{
    const struct config *c = l->config;
    if (strcmp(c->auth_mode, "none") != 0 || c->auth_open || is_loopback(c->listen_host))
        return true;
    char q[48];
    return config_fail(l, "listen.host", l->places[CONFIG_ID_listen_host],
                       "other machines may reach \"%s\", and auth.mode none lets in whoever comes: set "
                       "auth.mode, or auth.open: true where something else keeps strangers out",
                       config_quote(q, c->listen_host));
}

static bool check_together(struct config_loader *l, bool lists)
{
    const struct config *c = l->config;
    if (c->listen_workers > 1 && strcmp(c->session_store, "memory") == 0)
        return fail_at(l, CONFIG_ID_listen_workers,
                       "more than one worker needs a shared session.store; with memory it must be 1");
    if (c->listen_workers > 1 && strlen(c->listen_node) > NODE_MAX)
        return fail_at(l, CONFIG_ID_listen_node,
                       "is too long: with several workers at most 61 bytes, -1, -2 ... follow");
    if (lists && strcmp(c->auth_mode, "none") == 0 && c->key_count > 0)
        return config_fail(l, "keys", l->keys_place, "is only used with auth.mode keys, and that is none");
    if (lists && c->upstream_count == 0)
        return config_fail(l, "upstreams", (struct config_place){0}, "at least one is needed");
    return true;
}

bool config_check(struct config_loader *l, bool lists)
{
    return check_words(l) && check_jwt(l) && check_stores(l) && check_origins(l) && check_proxy(l) &&
           check_limits(l) && check_open(l) && check_together(l, lists);
}
