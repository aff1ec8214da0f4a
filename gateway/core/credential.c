/* credential: see credential.h. */
#include "core/credential.h"

#include <string.h>

#include "base/mem.h"

struct grant *grant_new(const struct credential *c)
{
    if (!c->expires_ms && !c->key && !*c->models && uuid_is_nil(&c->ticket))
        return NULL;
    size_t len = strlen(c->models);
    struct grant *g = mem_alloc(sizeof *g + len + 1);
    g->expires_ms = c->expires_ms;
    g->key = c->key;
    g->ticket = c->ticket;
    memcpy(g->models, c->models, len);
    return g;
}

bool grant_allows(const struct grant *g, const char *model)
{
    if (!g || !*g->models)
        return true;
    size_t want = strlen(model);
    for (const char *at = g->models; *at;) {
        size_t len = strcspn(at, ",");
        if (len == want && memcmp(at, model, len) == 0)
            return true;
        at += len + (at[len] == ',');
    }
    return false;
}

bool grant_check(const struct grant *g, const char *model, struct err *e)
{
    if (grant_allows(g, model))
        return true;
    e->param = "model";
    return err_set(e, ERR_FORBIDDEN, "This credential may not ask \"%.64s\"; it may ask %.200s.", model,
                   g->models);
}
