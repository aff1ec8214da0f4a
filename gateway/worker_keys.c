/* worker_keys: the API keys of the database in a worker's memory. See store/keys.h.
 *
 *     key_watch (a thread) -> worker_keys_take, every tick -> auth, and the sessions of keys that were
 * revoked */
#include <string.h>

#include "base/log.h"
#include "core/session.h"
#include "worker_inner.h"

bool worker_keys_open(struct worker *w)
{
    const struct config *c = w->config;
    bool postgres = strcmp(c->history_store, "postgres") == 0;
    const struct key_source source = {.sqlite = postgres ? NULL : c->history_path,
                                      .postgres = postgres ? c->history_url : NULL};
    if (strcmp(c->auth_mode, "none") == 0)
        return true;
    w->node.revoked = auth_revoked;
    w->key_watch = key_watch_open(&source, (uint64_t)c->auth_keys_ms);
    return w->key_watch != NULL;
}

static void tell_trouble(struct worker *w)
{
    enum store_status trouble = key_watch_trouble(w->key_watch);
    if (trouble == w->keys_trouble)
        return;
    w->keys_trouble = trouble;
    if (trouble == STORE_OK)
        log_info("keys.recovered");
    else
        log_error("keys.unreadable", LF_STR("status", store_status_name(trouble)));
}

void worker_keys_take(struct worker *w)
{
    if (!w->key_watch)
        return;
    tell_trouble(w);
    struct key_table *fresh = key_watch_take(w->key_watch);
    if (!fresh)
        return;
    auth_set_keys(w->auth, fresh);
    key_table_free(w->keys);
    w->keys = fresh;
    log_info("keys.read", LF_INT("keys", key_table_count(fresh)));
    sessions_keys_changed(&w->node);
}

bool worker_keys_ready(const struct worker *w)
{
    return !w->key_watch || w->keys;
}

void worker_keys_close(struct worker *w)
{
    key_watch_close(w->key_watch);
    key_table_free(w->keys);
}
