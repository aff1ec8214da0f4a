/* config_lists: `upstreams:` and `keys:`.
 *
 *     upstreams:                              keys:
 *       - name: local                           - name: alice
 *         url: http://127.0.0.1:8000              owner: default/alice    (alice: default/alice)
 *         dialect: openai                         key_file: /run/secrets/alice
 * key_file: /run/secrets/upstream         (key: the key itself; key_files: [a, b])
 *         continue: none
 *         private: false
 *         models: [a, b]
 *         max_tokens: 4096
 *         first_token_ms: 0
 *         between_tokens_ms: 0
 *
 * A key is never part of an error. */
#include <string.h>

#include "base/config_internal.h"

const char *const config_dialects[] = {"openai", "anthropic", "richierich"};
const size_t config_dialect_count = sizeof config_dialects / sizeof *config_dialects;

const char *const config_continue_names[] = {
    [CONTINUE_NONE] = "none",
    [CONTINUE_TRAILING_ASSISTANT] = "trailing_assistant",
    [CONTINUE_FINAL_MESSAGE] = "continue_final_message",
    [CONTINUE_PREFIX_FLAG] = "prefix",
};
static const char *const booleans[] = {"false", "true"};
#define MAX_TOKENS 4096 /* of an answer that nobody limits, where the dialect wants a limit */
#define CONTINUES (sizeof config_continue_names / sizeof *config_continue_names)

enum {
    U_NAME,
    U_URL,
    U_DIALECT,
    U_KEY,
    U_KEY_FILE,
    U_KEY_FILES,
    U_CONTINUE,
    U_PRIVATE,
    U_MODELS,
    U_MAX,
    U_FIRST,
    U_BETWEEN,
    U_FIELDS
};
static const char *const upstream_fields[U_FIELDS] = {
    "name",     "url",     "dialect", "key",        "key_file",       "key_files",
    "continue", "private", "models",  "max_tokens", "first_token_ms", "between_tokens_ms"};

/* Where one entry of a list stands, for the errors of its fields. */
struct entry {
    struct config_loader *l;
    char path[CONFIG_PATH_MAX];
    yaml_node_t *node;
    yaml_node_t **fields;
    const char *const *names;
    char key[CONFIG_PATH_MAX]; /* of the field last asked for */
};

static const char *field_key(struct entry *e, int field)
{
    snprintf(e->key, sizeof e->key, "%.100s.%s", e->path, e->names[field]);
    return e->key;
}

static bool needed(struct entry *e, int field)
{
    if (e->fields[field])
        return true;
    return config_fail(e->l, field_key(e, field), config_place_of(e->node), "is missing");
}

static bool text_field(struct entry *e, int field, int64_t max, const char **out)
{
    return config_node_string(e->l, field_key(e, field), e->fields[field], 1, max, out);
}

/* One of a list of words; *index is left alone when the field is not given. */
static bool choice_field(struct entry *e, int field, const char *const *words, size_t n, size_t *index)
{
    const char *text;
    if (!e->fields[field])
        return true;
    if (!text_field(e, field, 64, &text))
        return false;
    for (size_t i = 0; i < n; i++)
        if (strcmp(text, words[i]) == 0) {
            *index = i;
            return true;
        }
    struct buf allowed = {0};
    for (size_t i = 0; i < n; i++)
        buf_printf(&allowed, "%s%s", i == 0 ? "" : i + 1 == n ? " or " : ", ", words[i]);
    char q[48];
    config_fail(e->l, field_key(e, field), config_place_of(e->fields[field]), "\"%s\" is not %s",
                config_quote(q, text), buf_cstr(&allowed));
    buf_free(&allowed);
    return false;
}

static bool key_field(struct entry *e, int key, int key_file, const char **out)
{
    *out = "";
    if (e->fields[key] && e->fields[key_file])
        return config_fail(e->l, field_key(e, key_file), config_place_of(e->fields[key_file]),
                           "stands beside key; give one of them");
    if (e->fields[key])
        return text_field(e, key, CONFIG_KEY_MAX, out);
    const char *path;
    if (!e->fields[key_file])
        return true;
    return text_field(e, key_file, 4096, &path) &&
           config_read_secret(e->l, field_key(e, key_file), config_place_of(e->fields[key_file]), path, 1,
                              CONFIG_KEY_MAX, out);
}

/* key_files: the first is the key, the others take over from it. */
static bool keys_field(struct entry *e, struct config_upstream *u)
{
    char path[CONFIG_PATH_MAX];
    struct config_strings files;
    yaml_node_t *list = e->fields[U_KEY_FILES];
    if (!list)
        return key_field(e, U_KEY, U_KEY_FILE, &u->key);
    if (e->fields[U_KEY] || e->fields[U_KEY_FILE])
        return config_fail(e->l, field_key(e, U_KEY_FILES), config_place_of(list),
                           "stands beside key or key_file; give one of them");
    if (!config_node_strings(e->l, field_key(e, U_KEY_FILES), list, CONFIG_MORE_KEYS_MAX + 1, 4096, &files))
        return false;
    u->key = "";
    u->more_keys.items = config_alloc(e->l->config, (files.count + 1) * sizeof *u->more_keys.items);
    for (size_t i = 0; i < files.count; i++) {
        const char **to = i ? &u->more_keys.items[u->more_keys.count++] : &u->key;
        snprintf(path, sizeof path, "%.100s.key_files[%zu]", e->path, i);
        if (!config_read_secret(e->l, path, config_place_of(config_item(e->l, list, i)), files.items[i], 1,
                                CONFIG_KEY_MAX, to))
            return false;
    }
    return true;
}

static bool url_field(struct entry *e, const char **out)
{
    const char *url;
    if (!needed(e, U_URL) || !text_field(e, U_URL, CONFIG_KEY_MAX, &url))
        return false;
    const char *fault = config_url_fault(url);
    if (fault)
        return config_fail(e->l, field_key(e, U_URL), config_place_of(e->fields[U_URL]),
                           "%s (http or https://host[:port][/path])", fault);
    /* Codecs append a path: one slash, not two. */
    size_t len = strlen(url);
    while (url[len - 1] == '/')
        len--;
    *out = config_strdup(e->l->config, url, len);
    return true;
}

static bool upstream_name(struct entry *e, size_t i, const char **out)
{
    if (!needed(e, U_NAME) || !text_field(e, U_NAME, 255, out))
        return false;
    struct config_place at = config_place_of(e->fields[U_NAME]);
    if (!config_word(*out, "_.-", 64))
        return config_fail(e->l, field_key(e, U_NAME), at, "must be 1 to 64 of a-z 0-9 _ . -");
    for (size_t k = 0; k < i; k++)
        if (strcmp(e->l->config->upstreams[k].name, *out) == 0)
            return config_fail(e->l, field_key(e, U_NAME), at, "%s is taken by upstreams[%zu]", *out, k);
    return true;
}

/* *out is left alone when the field is not given. */
static bool number_field(struct entry *e, int field, int64_t min, int64_t max, int64_t *out)
{
    return !e->fields[field] ||
           config_node_number(e->l, field_key(e, field), e->fields[field], min, max, out);
}

static bool optional_ms(struct entry *e, int field, int64_t *out)
{
    return number_field(e, field, 0, 3600000, out);
}

static bool read_upstream(struct config_loader *l, yaml_node_t *node, size_t i)
{
    yaml_node_t *fields[U_FIELDS];
    struct entry e = {.l = l, .node = node, .fields = fields, .names = upstream_fields};
    struct config_upstream *u = &l->config->upstreams[i];
    size_t dialect = 0, continuation = CONTINUE_NONE, private_too = 0;
    u->max_tokens = MAX_TOKENS;
    snprintf(e.path, sizeof e.path, "upstreams[%zu]", i);
    if (!config_fields(l, e.path, node, upstream_fields, U_FIELDS, fields) ||
        !upstream_name(&e, i, &u->name) || !url_field(&e, &u->url) ||
        !choice_field(&e, U_DIALECT, config_dialects, config_dialect_count, &dialect) ||
        !choice_field(&e, U_CONTINUE, config_continue_names, CONTINUES, &continuation) ||
        !choice_field(&e, U_PRIVATE, booleans, 2, &private_too) || !keys_field(&e, u) ||
        !config_node_strings(l, field_key(&e, U_MODELS), fields[U_MODELS], CONFIG_MODELS_MAX,
                             CONFIG_MODEL_MAX, &u->models) ||
        !number_field(&e, U_MAX, 1, 10000000, &u->max_tokens) ||
        !optional_ms(&e, U_FIRST, &u->first_token_ms) || !optional_ms(&e, U_BETWEEN, &u->between_tokens_ms))
        return false;
    u->dialect = config_dialects[dialect];
    u->continuation = (enum config_continue)continuation;
    u->private_too = private_too;
    return true;
}

bool config_read_upstreams(struct config_loader *l, yaml_node_t *node)
{
    size_t count;
    if (!config_node_list(l, "upstreams", node, CONFIG_UPSTREAMS_MAX, &count))
        return false;
    struct config *c = l->config;
    c->upstreams = config_alloc(c, count * sizeof *c->upstreams);
    for (; c->upstream_count < count; c->upstream_count++)
        if (!read_upstream(l, config_item(l, node, c->upstream_count), c->upstream_count))
            return false;
    return true;
}

enum { K_NAME, K_OWNER, K_KEY, K_KEY_FILE, K_FIELDS };
static const char *const key_fields[K_FIELDS] = {"name", "owner", "key", "key_file"};

static size_t owner_part(const char *s)
{
    return strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._@-");
}

/* tenant/user; a user alone belongs to the tenant "default". */
static bool owner_field(struct entry *e, const char **out)
{
    const char *text;
    if (!needed(e, K_OWNER) || !text_field(e, K_OWNER, 128, &text))
        return false;
    size_t first = owner_part(text);
    if (first && !text[first]) {
        static const char tenant[] = "default/";
        char *full = config_alloc(e->l->config, sizeof tenant + first);
        memcpy(full, tenant, sizeof tenant - 1);
        memcpy(full + sizeof tenant - 1, text, first);
        *out = full;
        return true;
    }
    size_t second = text[first] == '/' ? owner_part(text + first + 1) : 0;
    if (!first || !second || text[first + 1 + second])
        return config_fail(e->l, field_key(e, K_OWNER), config_place_of(e->fields[K_OWNER]),
                           "must be tenant/user or user, of A-Z a-z 0-9 . _ @ -");
    *out = text;
    return true;
}

/* A key is sent in a header and in JSON: visible ASCII only. */
static bool key_value(struct entry *e, size_t i, const char **out)
{
    int field = e->fields[K_KEY_FILE] ? K_KEY_FILE : K_KEY;
    if (!e->fields[field])
        return config_fail(e->l, field_key(e, K_KEY), config_place_of(e->node),
                           "is missing (or give key_file)");
    if (!key_field(e, K_KEY, K_KEY_FILE, out))
        return false;
    for (const char *p = *out; *p; p++)
        if (*p <= ' ' || *p > '~')
            return config_fail(e->l, field_key(e, field), config_place_of(e->fields[field]),
                               "may hold visible ASCII characters only");
    for (size_t k = 0; k < i; k++)
        if (strcmp(e->l->config->keys[k].key, *out) == 0)
            return config_fail(e->l, field_key(e, field), config_place_of(e->fields[field]),
                               "is the same key as keys[%zu]", k);
    return true;
}

static bool read_key(struct config_loader *l, yaml_node_t *node, size_t i)
{
    yaml_node_t *fields[K_FIELDS];
    struct entry e = {.l = l, .node = node, .fields = fields, .names = key_fields};
    struct config_key *k = &l->config->keys[i];
    snprintf(e.path, sizeof e.path, "keys[%zu]", i);
    if (!config_fields(l, e.path, node, key_fields, K_FIELDS, fields) || !needed(&e, K_NAME) ||
        !text_field(&e, K_NAME, 64, &k->name) || !owner_field(&e, &k->owner) || !key_value(&e, i, &k->key))
        return false;
    for (size_t n = 0; n < i; n++)
        if (strcmp(l->config->keys[n].name, k->name) == 0)
            return config_fail(l, field_key(&e, K_NAME), config_place_of(fields[K_NAME]),
                               "%s is taken by keys[%zu]", k->name, n);
    return true;
}

bool config_read_keys(struct config_loader *l, yaml_node_t *node)
{
    size_t count;
    if (!config_node_list(l, "keys", node, CONFIG_KEYS_MAX, &count))
        return false;
    struct config *c = l->config;
    c->keys = config_alloc(c, count * sizeof *c->keys);
    for (; c->key_count < count; c->key_count++)
        if (!read_key(l, config_item(l, node, c->key_count), c->key_count))
            return false;
    return true;
}
