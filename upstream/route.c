/* route: see route.h. */
#include "upstream/route.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"

void routes_init(struct routes *r, const struct config *config, struct site **sites, size_t count)
{
    *r = (struct routes){.config = config, .sites = sites, .site_count = count, .names_stale = true};
}

void routes_free(struct routes *r)
{
    for (size_t i = 0; i < r->site_count; i++)
        site_drop(r->sites[i]);
    mem_free(r->sites);
    mem_free(r->names);
    *r = (struct routes){0};
}

void routes_changed(struct routes *r)
{
    r->names_stale = true;
}

/* ------------------------------------------------------------ names */

static void add_name(struct routes *r, const char *name, size_t *cap)
{
    for (size_t i = 0; i < r->name_count; i++)
        if (!strcmp(r->names[i], name))
            return;
    if (r->name_count == *cap) {
        *cap = *cap ? *cap * 2 : 32;
        r->names = mem_realloc(r->names, *cap * sizeof *r->names);
    }
    r->names[r->name_count++] = name;
}

size_t routes_names(struct routes *r, const char *const **names)
{
    if (r->names_stale) {
        size_t cap = 0;
        mem_free(r->names);
        r->names = NULL;
        r->name_count = 0;
        for (size_t i = 0; i < r->config->route_count; i++)
            add_name(r, r->config->routes[i].model, &cap);
        for (size_t i = 0; i < r->site_count; i++)
            for (size_t k = 0; k < r->sites[i]->model_count; k++)
                add_name(r, r->sites[i]->models[k], &cap);
        r->names_stale = false;
    }
    if (names)
        *names = r->names;
    return r->name_count;
}

static const char *default_model(struct routes *r)
{
    if (*r->config->upstream_default_model)
        return r->config->upstream_default_model;
    const char *const *names;
    return routes_names(r, &names) ? names[0] : "";
}

static bool unknown(struct routes *r, struct err *e)
{
    for (size_t i = 0; i < r->site_count; i++)
        if (!r->sites[i]->models_known) {
            err_set(e, ERR_UPSTREAM_UNAVAILABLE, "The models of upstream %s are not known yet.",
                    r->sites[i]->name);
            e->after_ms = 1000;
            return false;
        }
    const char *const *names;
    size_t count = routes_names(r, &names);
    err_set(e, ERR_NOT_FOUND, "%s", "There is no such model. Known:");
    e->param = "model";
    size_t len = strlen(e->message), i = 0;
    for (; i < count && len + strlen(names[i]) + 8 < sizeof e->message; i++)
        len += (size_t)snprintf(e->message + len, sizeof e->message - len, "%s %s", i ? "," : "", names[i]);
    snprintf(e->message + len, sizeof e->message - len, i < count ? ", ..." : ".");
    return false;
}

/* ------------------------------------------------------------ finding */

struct candidate {
    struct site *site;
    const char *model, *body;
    int64_t order, weight;
};

struct candidates {
    struct candidate list[LADDER_TARGETS];
    size_t count;
};

static void candidate(struct candidates *c, struct candidate one)
{
    if (c->count < LADDER_TARGETS)
        c->list[c->count++] = one;
}

static void of_route(struct routes *r, const struct config_route *route, struct candidates *c)
{
    for (size_t i = 0; i < route->target_count; i++) {
        const struct config_target *t = &route->targets[i];
        if (t->upstream >= r->site_count)
            continue;
        candidate(c, (struct candidate){.site = r->sites[t->upstream],
                                        .model = *t->model ? t->model : route->model,
                                        .body = t->body,
                                        .order = t->order,
                                        .weight = t->weight});
    }
}

/* Without a route, the upstreams that have the model, in the order of the configuration. */
static void of_sites(struct routes *r, const char *model, struct candidates *c)
{
    for (size_t i = 0; i < r->site_count; i++)
        for (size_t k = 0; k < r->sites[i]->model_count; k++)
            if (!strcmp(r->sites[i]->models[k], model)) {
                candidate(c, (struct candidate){.site = r->sites[i],
                                                .model = r->sites[i]->models[k],
                                                .body = "",
                                                .order = (int64_t)i,
                                                .weight = 1});
                break;
            }
}

static void find(struct routes *r, const char *model, struct candidates *c)
{
    c->count = 0;
    if (!*model)
        model = default_model(r);
    for (size_t i = 0; i < r->config->route_count; i++)
        if (!strcmp(r->config->routes[i].model, model)) {
            of_route(r, &r->config->routes[i], c);
            return;
        }
    of_sites(r, model, c);
}

/* Takes one of the lowest order, by weight; weight 0 only when nothing else is left of its order. */
static size_t draw(const struct candidates *c, uint32_t random)
{
    int64_t low = INT64_MAX, sum = 0;
    for (size_t i = 0; i < c->count; i++)
        if (c->list[i].order < low)
            low = c->list[i].order;
    size_t first = 0;
    for (size_t i = c->count; i-- > 0;)
        if (c->list[i].order == low) {
            sum += c->list[i].weight > 0 ? c->list[i].weight : 0;
            first = i;
        }
    int64_t at = (int64_t)(((uint64_t)random * (uint64_t)sum) >> 32);
    for (size_t i = 0; i < c->count && sum; i++) {
        if (c->list[i].order != low || c->list[i].weight <= 0)
            continue;
        at -= c->list[i].weight;
        if (at < 0)
            return i;
    }
    return first;
}

bool route_knows(struct routes *r, const char *model, struct err *e)
{
    struct candidates c;
    find(r, model, &c);
    return c.count || unknown(r, e);
}

bool route_find(struct routes *r, const char *model, uint32_t (*random)(void), struct pick *out,
                struct err *e)
{
    struct candidates c;
    find(r, model, &c);
    out->count = 0;
    if (!c.count)
        return unknown(r, e);
    while (c.count) {
        size_t i = draw(&c, random());
        struct target *t = &out->targets[out->count++];
        t->site = c.list[i].site;
        site_hold(t->site);
        t->model = mem_strdup(c.list[i].model);
        t->body = c.list[i].body && *c.list[i].body ? json_loads(c.list[i].body, 0, NULL) : NULL;
        memmove(&c.list[i], &c.list[i + 1], (c.count - i - 1) * sizeof *c.list);
        c.count--;
    }
    return true;
}

void target_free(struct target *t)
{
    site_drop(t->site);
    mem_free(t->model);
    json_decref(t->body);
}

void pick_free(struct pick *p)
{
    for (size_t i = 0; i < p->count; i++)
        target_free(&p->targets[i]);
    p->count = 0;
}
