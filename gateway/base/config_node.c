/* config_node: one node of the file, read as what it should be, or refused by its key and line. */
#include <string.h>

#include "base/config_internal.h"

struct config_place config_place_of(const yaml_node_t *node)
{
    return (struct config_place){.line = node->start_mark.line + 1};
}

static const char *node_type(const yaml_node_t *node)
{
    switch (node->type) {
    case YAML_SEQUENCE_NODE:
        return "a list";
    case YAML_MAPPING_NODE:
        return "a mapping";
    default:
        return "a single value";
    }
}

/* A plain scalar that YAML reads as null: `key:` with nothing after it, ~ or null. */
static bool is_null(const yaml_node_t *node)
{
    if (node->type != YAML_SCALAR_NODE || node->data.scalar.style != YAML_PLAIN_SCALAR_STYLE)
        return false;
    const char *text = (const char *)node->data.scalar.value;
    return !*text || strcmp(text, "~") == 0 || strcmp(text, "null") == 0;
}

static bool unknown_key(struct config_loader *l, const char *key, const yaml_node_t *at, const char *given,
                        const char *const *names, size_t n)
{
    struct buf words = {0};
    char path[CONFIG_PATH_MAX], q[48];
    config_suggest(&words, given, names, n);
    config_quote(q, given);
    if (strcmp(key, "config") == 0)
        snprintf(path, sizeof path, "%s", q);
    else
        snprintf(path, sizeof path, "%.100s.%s", key, q);
    config_fail(l, path, config_place_of(at), "unknown key; %s", buf_cstr(&words));
    buf_free(&words);
    return false;
}

static bool take_pair(struct config_loader *l, const char *key, const yaml_node_pair_t *pair,
                      const char *const *names, size_t n, yaml_node_t **out)
{
    yaml_node_t *name = yaml_document_get_node(l->document, pair->key);
    if (name->type != YAML_SCALAR_NODE)
        return config_fail(l, key, config_place_of(name), "a key must be a word, not %s", node_type(name));
    const char *text = (const char *)name->data.scalar.value;
    for (size_t i = 0; i < n; i++) {
        if (strcmp(text, names[i]) != 0 || strlen(text) != name->data.scalar.length)
            continue;
        if (out[i])
            return config_fail(l, key, config_place_of(name), "%s is given twice (first in line %zu)", text,
                               config_place_of(out[i]).line);
        out[i] = yaml_document_get_node(l->document, pair->value);
        return true;
    }
    return unknown_key(l, key, name, text, names, n);
}

bool config_fields(struct config_loader *l, const char *key, yaml_node_t *node, const char *const *names,
                   size_t n, yaml_node_t **out)
{
    for (size_t i = 0; i < n; i++)
        out[i] = NULL;
    if (is_null(node))
        return true;
    if (node->type != YAML_MAPPING_NODE)
        return config_fail(l, key, config_place_of(node), "must be a mapping (key: value), not %s",
                           node_type(node));
    for (yaml_node_pair_t *p = node->data.mapping.pairs.start; p < node->data.mapping.pairs.top; p++)
        if (!take_pair(l, key, p, names, n, out))
            return false;
    return true;
}

bool config_node_scalar(struct config_loader *l, const char *key, yaml_node_t *node, const char **text,
                        size_t *len)
{
    if (node->type != YAML_SCALAR_NODE)
        return config_fail(l, key, config_place_of(node), "must be a single value, not %s", node_type(node));
    if (is_null(node))
        return config_fail(l, key, config_place_of(node), "has no value (write \"\" for an empty text)");
    *text = (const char *)node->data.scalar.value;
    *len = node->data.scalar.length;
    if (strlen(*text) != *len)
        return config_fail(l, key, config_place_of(node), "holds a NUL character");
    return true;
}

bool config_node_string(struct config_loader *l, const char *key, yaml_node_t *node, int64_t min, int64_t max,
                        const char **out)
{
    const char *text = NULL;
    size_t len = 0;
    return config_node_scalar(l, key, node, &text, &len) &&
           config_string(l, key, config_place_of(node), text, len, min, max, out);
}

bool config_node_number(struct config_loader *l, const char *key, yaml_node_t *node, int64_t min, int64_t max,
                        int64_t *out)
{
    const char *text = NULL;
    size_t len = 0;
    return config_node_scalar(l, key, node, &text, &len) &&
           config_whole_number(l, key, config_place_of(node), text, min, max, out);
}

bool config_node_list(struct config_loader *l, const char *key, yaml_node_t *node, size_t max, size_t *count)
{
    *count = 0;
    if (!node || is_null(node))
        return true;
    if (node->type != YAML_SEQUENCE_NODE)
        return config_fail(l, key, config_place_of(node), "must be a list (- item, or [item, item]), not %s",
                           node_type(node));
    *count = (size_t)(node->data.sequence.items.top - node->data.sequence.items.start);
    if (*count > max)
        return config_fail(l, key, config_place_of(node), "has %zu entries (at most %zu)", *count, max);
    return true;
}

yaml_node_t *config_item(struct config_loader *l, yaml_node_t *sequence, size_t i)
{
    return yaml_document_get_node(l->document, sequence->data.sequence.items.start[i]);
}

bool config_node_strings(struct config_loader *l, const char *key, yaml_node_t *node, size_t max,
                         int64_t longest, struct config_strings *out)
{
    char path[CONFIG_PATH_MAX];
    size_t count;
    *out = (struct config_strings){0};
    if (!config_node_list(l, key, node, max, &count))
        return false;
    out->items = config_alloc(l->config, count * sizeof *out->items);
    for (; out->count < count; out->count++) {
        snprintf(path, sizeof path, "%.100s[%zu]", key, out->count);
        if (!config_node_string(l, path, config_item(l, node, out->count), 1, longest,
                                &out->items[out->count]))
            return false;
    }
    return true;
}
