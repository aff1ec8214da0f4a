/* config_body: the `body` of a route's target: a YAML mapping, or a text that is a JSON object; kept as
 * compact JSON. Plain words become JSON the way YAML 1.2 reads them: null, true, false, numbers; quoted ones
 * stay text. Nesting was limited before (config_yaml.c), so recursion here is bounded. */
#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/config_internal.h"
#include "base/json.h"

struct body {
    struct config_loader *l;
    const char *key;
};

static json_t *convert(const struct body *b, yaml_node_t *node);

static json_t *refuse(const struct body *b, const yaml_node_t *node, const char *what)
{
    config_fail(b->l, b->key, config_place_of(node), "%s", what);
    return NULL;
}

/* [-+]? ( digits [. digits*] | . digits ) ( [eE] [-+]? digits )? */
static bool is_real(const char *s)
{
    static const char digits[] = "0123456789";
    s += *s == '-' || *s == '+';
    size_t whole = strspn(s, digits);
    s += whole;
    size_t part = 0;
    if (*s == '.') {
        part = strspn(s + 1, digits);
        s += 1 + part;
    }
    if (whole + part == 0)
        return false;
    if (*s == 'e' || *s == 'E') {
        s++;
        s += *s == '-' || *s == '+';
        size_t exponent = strspn(s, digits);
        if (exponent == 0)
            return false;
        s += exponent;
    }
    return !*s;
}

static json_t *convert_number(const struct body *b, const yaml_node_t *node, const char *s)
{
    if (!strpbrk(s, ".eE")) {
        errno = 0;
        long long v = strtoll(s, NULL, 10);
        return errno ? refuse(b, node, "holds a whole number that is too large") : json_integer(v);
    }
    double v = strtod(s, NULL);
    return isfinite(v) ? json_real(v) : refuse(b, node, "holds a number that is too large");
}

static json_t *convert_scalar(const struct body *b, const yaml_node_t *node)
{
    const char *s = (const char *)node->data.scalar.value;
    size_t len = node->data.scalar.length;
    if (!utf8_valid(s, len) || strlen(s) != len)
        return refuse(b, node, "holds a NUL character or invalid UTF-8");
    if (node->data.scalar.style != YAML_PLAIN_SCALAR_STYLE)
        return json_stringn(s, len);
    if (!*s || strcmp(s, "~") == 0 || strcmp(s, "null") == 0)
        return json_null();
    if (strcmp(s, "true") == 0 || strcmp(s, "false") == 0)
        return json_boolean(*s == 't');
    if (is_real(s))
        return convert_number(b, node, s);
    if (strcasecmp(s, ".nan") == 0 || strcasecmp(s + (*s == '-' || *s == '+'), ".inf") == 0)
        return refuse(b, node, "holds a number that JSON does not have");
    return json_stringn(s, len);
}

static json_t *convert_sequence(const struct body *b, const yaml_node_t *node)
{
    json_t *array = json_array();
    for (const yaml_node_item_t *i = node->data.sequence.items.start; i < node->data.sequence.items.top;
         i++) {
        json_t *item = convert(b, yaml_document_get_node(b->l->document, *i));
        if (!item || json_array_append_new(array, item) != 0) {
            json_decref(array);
            return NULL;
        }
    }
    return array;
}

static bool add_pair(const struct body *b, json_t *object, const yaml_node_pair_t *pair)
{
    const yaml_node_t *name = yaml_document_get_node(b->l->document, pair->key);
    if (name->type != YAML_SCALAR_NODE)
        return refuse(b, name, "a key must be a word");
    const char *s = (const char *)name->data.scalar.value;
    if (!utf8_valid(s, name->data.scalar.length) || strlen(s) != name->data.scalar.length)
        return refuse(b, name, "holds a NUL character or invalid UTF-8");
    if (json_object_get(object, s)) {
        char q[48];
        return config_fail(b->l, b->key, config_place_of(name), "%s is given twice", config_quote(q, s));
    }
    json_t *value = convert(b, yaml_document_get_node(b->l->document, pair->value));
    return value && json_object_set_new(object, s, value) == 0;
}

static json_t *convert_mapping(const struct body *b, const yaml_node_t *node)
{
    json_t *object = json_object();
    for (const yaml_node_pair_t *p = node->data.mapping.pairs.start; p < node->data.mapping.pairs.top; p++)
        if (!add_pair(b, object, p)) {
            json_decref(object);
            return NULL;
        }
    return object;
}

static json_t *convert(const struct body *b, yaml_node_t *node)
{
    switch (node->type) {
    case YAML_SEQUENCE_NODE:
        return convert_sequence(b, node);
    case YAML_MAPPING_NODE:
        return convert_mapping(b, node);
    default:
        return convert_scalar(b, node);
    }
}

static json_t *parse(const struct body *b, yaml_node_t *node)
{
    const char *text;
    size_t len;
    json_error_t fault;
    if (!config_node_scalar(b->l, b->key, node, &text, &len))
        return NULL;
    json_t *object = json_loadb(text, len, JSON_REJECT_DUPLICATES, &fault);
    if (!object)
        config_fail(b->l, b->key, config_place_of(node), "is not JSON: %s", fault.text);
    return object;
}

bool config_read_body(struct config_loader *l, const char *key, yaml_node_t *node, const char **out)
{
    const struct body b = {l, key};
    json_t *object = node->type == YAML_SCALAR_NODE ? parse(&b, node) : convert(&b, node);
    if (!object)
        return false;
    bool ok = json_is_object(object) ||
              config_fail(l, key, config_place_of(node), "must be a mapping, or a text with a JSON object");
    /* ASCII alone: what print-config writes is read back whatever the characters. */
    char *text = ok ? json_dumps(object, JSON_COMPACT | JSON_ENSURE_ASCII) : NULL;
    json_decref(object);
    if (!text)
        return false;
    if (strlen(text) > CONFIG_BODY_MAX)
        ok = config_fail(l, key, config_place_of(node), "is longer than %d bytes", CONFIG_BODY_MAX);
    else
        *out = config_strdup(l->config, text, strlen(text));
    free(text);
    return ok;
}
