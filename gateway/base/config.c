/* config: the life of one struct config.
 *
 *     defaults <- file <- environment <- cross checks -> struct config (constant from here on)
 *
 * Everything a config points at lies in its arena, a chain of blocks freed in one go. */
#include "base/config.h"

#include <string.h>

#include "base/config_internal.h"
#include "base/mem.h"

struct block {
    struct block *next;
    size_t used, size;
    _Alignas(max_align_t) char bytes[];
};
#define BLOCK_BYTES 4096

void *config_alloc(struct config *c, size_t size)
{
    size = (size + sizeof(max_align_t) - 1) / sizeof(max_align_t) * sizeof(max_align_t);
    struct block *b = c->arena;
    if (!b || b->size - b->used < size) {
        size_t room = size > BLOCK_BYTES ? size : BLOCK_BYTES;
        b = mem_alloc(sizeof *b + room);
        b->size = room;
        b->next = c->arena;
        c->arena = b;
    }
    void *p = b->bytes + b->used;
    b->used += size;
    return p;
}

const char *config_strdup(struct config *c, const char *text, size_t len)
{
    char *copy = config_alloc(c, len + 1);
    if (len)
        memcpy(copy, text, len);
    return copy;
}

static struct config *config_new(void)
{
    struct config *c = mem_alloc(sizeof *c);
    config_defaults(c);
    return c;
}

/* Keys pass through here: what is freed is overwritten first. */
void config_free(struct config *c)
{
    if (!c)
        return;
    for (struct block *b = c->arena, *next; b; b = next) {
        next = b->next;
        explicit_bzero(b->bytes, b->used);
        mem_free(b);
    }
    mem_free(c);
}

static struct config *build(const char *yaml, size_t len, char *const *env, struct config_error *error)
{
    struct config_loader l = {.config = config_new(), .error = error};
    error->text[0] = '\0';
    if ((yaml && !config_read_yaml(&l, yaml, len)) || (env && !config_apply_env(&l, env)) ||
        !config_check(&l, yaml != NULL)) {
        config_free(l.config);
        return NULL;
    }
    return l.config;
}

struct config *config_parse(const char *yaml, size_t len, char *const *env, struct config_error *error)
{
    return build(yaml ? yaml : "", len, env, error);
}

struct config *config_load(const char *path, char *const *env, struct config_error *error)
{
    if (!path)
        return build(NULL, 0, env, error);
    struct config_loader l = {.error = error};
    struct buf text = {0};
    struct config *c = NULL;
    if (config_read_file(&l, "config", (struct config_place){0}, path, CONFIG_FILE_MAX, &text))
        c = build(buf_cstr(&text), text.len, env, error);
    if (text.data)
        explicit_bzero(text.data, text.len);
    buf_free(&text);
    return c;
}

static struct config_strings copy_strings(struct config *c, const struct config_strings *from)
{
    struct config_strings to = {.count = from->count};
    to.items = config_alloc(c, from->count * sizeof *to.items);
    for (size_t i = 0; i < from->count; i++)
        to.items[i] = config_strdup(c, from->items[i], strlen(from->items[i]));
    return to;
}

static const char *copy_text(struct config *c, const char *s)
{
    return config_strdup(c, s, strlen(s));
}

static bool same_strings(const struct config_strings *a, const struct config_strings *b)
{
    if (a->count != b->count)
        return false;
    for (size_t i = 0; i < a->count; i++)
        if (strcmp(a->items[i], b->items[i]) != 0)
            return false;
    return true;
}

static bool same_setting(const struct config *a, const struct config *b, enum config_id id)
{
    const void *x = config_slot_const(a, id), *y = config_slot_const(b, id);
    switch (config_settings[id].kind) {
    case CONFIG_INT:
        return *(const int64_t *)x == *(const int64_t *)y;
    case CONFIG_BOOL:
        return *(const bool *)x == *(const bool *)y;
    case CONFIG_STR:
    case CONFIG_SECRET:
        return strcmp(*(const char *const *)x, *(const char *const *)y) == 0;
    case CONFIG_LIST:
        break;
    }
    return same_strings(x, y);
}

static void copy_setting(struct config *to, const struct config *from, enum config_id id)
{
    void *x = config_slot(to, id);
    const void *y = config_slot_const(from, id);
    switch (config_settings[id].kind) {
    case CONFIG_INT:
        *(int64_t *)x = *(const int64_t *)y;
        return;
    case CONFIG_BOOL:
        *(bool *)x = *(const bool *)y;
        return;
    case CONFIG_STR:
    case CONFIG_SECRET:
        *(const char **)x = copy_text(to, *(const char *const *)y);
        return;
    case CONFIG_LIST:
        *(struct config_strings *)x = copy_strings(to, y);
        return;
    }
}

static void copy_upstreams_and_keys(struct config *to, const struct config *from)
{
    to->upstream_count = from->upstream_count;
    to->upstreams = config_alloc(to, from->upstream_count * sizeof *to->upstreams);
    for (size_t i = 0; i < from->upstream_count; i++) {
        struct config_upstream *u = &to->upstreams[i];
        *u = from->upstreams[i];
        u->name = copy_text(to, u->name);
        u->url = copy_text(to, u->url);
        u->dialect = copy_text(to, u->dialect);
        u->key = copy_text(to, u->key);
        u->more_keys = copy_strings(to, &from->upstreams[i].more_keys);
        u->models = copy_strings(to, &from->upstreams[i].models);
    }
    to->key_count = from->key_count;
    to->keys = config_alloc(to, from->key_count * sizeof *to->keys);
    for (size_t i = 0; i < from->key_count; i++)
        to->keys[i] = (struct config_key){.name = copy_text(to, from->keys[i].name),
                                          .owner = copy_text(to, from->keys[i].owner),
                                          .key = copy_text(to, from->keys[i].key)};
}

static void copy_routes(struct config *to, const struct config *from)
{
    to->route_count = from->route_count;
    to->routes = config_alloc(to, from->route_count * sizeof *to->routes);
    for (size_t i = 0; i < from->route_count; i++) {
        const struct config_route *have = &from->routes[i];
        struct config_route *r = &to->routes[i];
        r->model = copy_text(to, have->model);
        r->target_count = have->target_count;
        r->targets = config_alloc(to, have->target_count * sizeof *r->targets);
        for (size_t k = 0; k < have->target_count; k++) {
            r->targets[k] = have->targets[k];
            r->targets[k].model = copy_text(to, have->targets[k].model);
            r->targets[k].body = copy_text(to, have->targets[k].body);
        }
    }
}

struct config *config_reload(const struct config *now, const struct config *next, struct buf *restart)
{
    struct config *c = config_new();
    char name[CONFIG_PATH_MAX];
    for (int i = 0; i < CONFIG_SETTINGS; i++) {
        enum config_id id = (enum config_id)i;
        bool fixed = !config_settings[id].reload;
        copy_setting(c, fixed ? now : next, id);
        if (fixed && !same_setting(now, next, id))
            buf_printf(restart, "%s\n", config_key_name(id, name));
    }
    copy_upstreams_and_keys(c, next);
    copy_routes(c, next);
    return c;
}
