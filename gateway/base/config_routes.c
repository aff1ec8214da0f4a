/* config_routes: `routes:`, from the name a client asks for to the upstreams that serve it.
 *
 *     routes:
 *       - model: best
 *         to:
 *           - {upstream: a, model: a-large, weight: 3}      order 1: shared 3 to 1
 *           - {upstream: b, model: b-large}
 *           - {upstream: c, order: 2, body: {top_k: 40}}    order 2: when order 1 fails */
#include <string.h>

#include "base/config_internal.h"

#define ORDER_MAX 100

enum { T_UPSTREAM, T_MODEL, T_ORDER, T_WEIGHT, T_BODY, T_FIELDS };
static const char *const target_fields[T_FIELDS] = {"upstream", "model", "order", "weight", "body"};
enum { R_MODEL, R_TO, R_FIELDS };
static const char *const route_fields[R_FIELDS] = {"model", "to"};

static bool find_upstream(struct config_loader *l, const char *key, yaml_node_t *node, size_t *out)
{
    const char *name;
    if (!config_node_string(l, key, node, 1, 64, &name))
        return false;
    const char *names[CONFIG_UPSTREAMS_MAX];
    for (size_t i = 0; i < l->config->upstream_count; i++) {
        names[i] = l->config->upstreams[i].name;
        if (strcmp(names[i], name) == 0) {
            *out = i;
            return true;
        }
    }
    struct buf words = {0};
    char q[48];
    config_suggest(&words, name, names, l->config->upstream_count);
    config_fail(l, key, config_place_of(node), "there is no upstream \"%s\"; %s", config_quote(q, name),
                buf_cstr(&words));
    buf_free(&words);
    return false;
}

static bool read_target(struct config_loader *l, const char *path, yaml_node_t *node, struct config_target *t)
{
    yaml_node_t *f[T_FIELDS];
    char key[T_FIELDS][CONFIG_PATH_MAX];
    if (!config_fields(l, path, node, target_fields, T_FIELDS, f))
        return false;
    for (int i = 0; i < T_FIELDS; i++)
        snprintf(key[i], sizeof key[i], "%.100s.%s", path, target_fields[i]);
    *t = (struct config_target){.model = "", .body = "", .order = 1, .weight = 1};
    if (!f[T_UPSTREAM])
        return config_fail(l, key[T_UPSTREAM], config_place_of(node), "is missing");
    return find_upstream(l, key[T_UPSTREAM], f[T_UPSTREAM], &t->upstream) &&
           (!f[T_MODEL] || config_node_string(l, key[T_MODEL], f[T_MODEL], 0, CONFIG_MODEL_MAX, &t->model)) &&
           (!f[T_ORDER] || config_node_number(l, key[T_ORDER], f[T_ORDER], 1, ORDER_MAX, &t->order)) &&
           (!f[T_WEIGHT] || config_node_number(l, key[T_WEIGHT], f[T_WEIGHT], 0, 1000000, &t->weight)) &&
           (!f[T_BODY] || config_read_body(l, key[T_BODY], f[T_BODY], &t->body));
}

/* Targets of one order share by weight; an order where nothing weighs anything would never be served. */
static bool check_weights(struct config_loader *l, const char *path, yaml_node_t *node,
                          const struct config_route *r)
{
    int64_t total[ORDER_MAX + 1] = {0};
    for (size_t i = 0; i < r->target_count; i++)
        total[r->targets[i].order] += r->targets[i].weight;
    for (size_t i = 0; i < r->target_count; i++)
        if (total[r->targets[i].order] == 0)
            return config_fail(l, path, config_place_of(node), "every target of order %lld has weight 0",
                               (long long)r->targets[i].order);
    return true;
}

static bool read_targets(struct config_loader *l, const char *path, yaml_node_t *node, struct config_route *r)
{
    char item[CONFIG_PATH_MAX];
    size_t count;
    if (!config_node_list(l, path, node, CONFIG_TARGETS_MAX, &count))
        return false;
    if (count == 0)
        return config_fail(l, path, config_place_of(node), "needs at least one target");
    r->targets = config_alloc(l->config, count * sizeof *r->targets);
    for (; r->target_count < count; r->target_count++) {
        snprintf(item, sizeof item, "%.100s[%zu]", path, r->target_count);
        if (!read_target(l, item, config_item(l, node, r->target_count), &r->targets[r->target_count]))
            return false;
    }
    return check_weights(l, path, node, r);
}

static bool read_route(struct config_loader *l, yaml_node_t *node, size_t i)
{
    yaml_node_t *f[R_FIELDS];
    char path[CONFIG_PATH_MAX], key[R_FIELDS][CONFIG_PATH_MAX];
    struct config_route *r = &l->config->routes[i];
    snprintf(path, sizeof path, "routes[%zu]", i);
    if (!config_fields(l, path, node, route_fields, R_FIELDS, f))
        return false;
    for (int k = 0; k < R_FIELDS; k++) {
        snprintf(key[k], sizeof key[k], "%.100s.%s", path, route_fields[k]);
        if (!f[k])
            return config_fail(l, key[k], config_place_of(node), "is missing");
    }
    if (!config_node_string(l, key[R_MODEL], f[R_MODEL], 1, CONFIG_MODEL_MAX, &r->model))
        return false;
    for (size_t k = 0; k < i; k++)
        if (strcmp(l->config->routes[k].model, r->model) == 0)
            return config_fail(l, key[R_MODEL], config_place_of(f[R_MODEL]),
                               "is the model of routes[%zu] too", k);
    return read_targets(l, key[R_TO], f[R_TO], r);
}

bool config_read_routes(struct config_loader *l, yaml_node_t *node)
{
    size_t count;
    if (!config_node_list(l, "routes", node, CONFIG_ROUTES_MAX, &count))
        return false;
    struct config *c = l->config;
    c->routes = config_alloc(c, count * sizeof *c->routes);
    for (; c->route_count < count; c->route_count++)
        if (!read_route(l, config_item(l, node, c->route_count), c->route_count))
            return false;
    return true;
}
