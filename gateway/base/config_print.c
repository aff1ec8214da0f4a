/* config_print: the settings as YAML that can be read again. Secrets never pass. */
#include <string.h>

#include "base/config_internal.h"
#include "base/json.h"

static const char head[] =
    "# Settings of lastword, each with its default.\n"
    "# A setting is section.name here and LASTWORD_SECTION_NAME in the environment, which wins;\n"
    "# for a text, LASTWORD_SECTION_NAME_FILE names a file that holds it. Those marked (reload) are taken "
    "over "
    "on\n"
    "# SIGHUP, as are upstreams, routes and keys; the others need a restart.\n";

static const char examples[] =
    "\n# Who produces answers. At least one is needed.\n"
    "# upstreams:\n"
    "#   - name: local                    # a-z 0-9 _ . -\n"
    "#     url: http://127.0.0.1:8000     # http or https://host[:port][/path]\n"
    "#     dialect: openai                # openai, anthropic or richierich\n"
    "#     key_file: /run/secrets/key     # or key: the key itself; or key_files: [a, b], the next when one "
    "is\n"
    "#                                    # refused or has too much to do; or none\n"
    "#     continue: none                 # how it goes on from a given beginning: none, "
    "trailing_assistant,\n"
    "#                                    # continue_final_message or prefix\n"
    "#     private: false                 # true: it may be reached at private addresses (10.0.0.0/8, "
    "fd00::/8, …)\n"
    "#     models: [small, large]          # left out: the upstream is asked\n"
    "#     max_tokens: 4096               # anthropic: of an answer whose request names no limit\n"
    "#     first_token_ms: 0              # 0: upstream.first_token_ms\n"
    "#     between_tokens_ms: 0           # 0: upstream.between_tokens_ms\n"
    "\n# Names that clients ask for, and who serves them. A model without a route goes to the upstream that "
    "has "
    "it.\n"
    "# routes:\n"
    "#   - model: best\n"
    "#     to:\n"
    "#       - upstream: local\n"
    "#         model: large               # left out: the name the client used\n"
    "#         order: 1                   # 1 to 100; a higher order is the fallback\n"
    "#         weight: 1                  # 0 to 1000000; share among targets of one order\n"
    "#         body: {top_k: 40}          # merged into the request\n"
    "\n# Who may ask, with auth.mode keys.\n"
    "# keys:\n"
    "#   - name: alice\n"
    "#     owner: default/alice           # tenant/user; a user alone is of the tenant default\n"
    "#     key_file: /run/secrets/alice   # or key: the key itself\n";

static void add_list(struct buf *out, const struct config_strings *list)
{
    buf_add_char(out, '[');
    for (size_t i = 0; i < list->count; i++) {
        if (i)
            buf_add_lit(out, ", ");
        json_add_cstring(out, list->items[i]);
    }
    buf_add_char(out, ']');
}

/* JSON strings are YAML's double-quoted ones, given the characters config_printable lets in. */
static void add_value(struct buf *out, const struct config *c, enum config_id id)
{
    const void *slot = config_slot_const(c, id);
    const char *text;
    switch (config_settings[id].kind) {
    case CONFIG_INT:
        buf_add_i64(out, *(const int64_t *)slot);
        return;
    case CONFIG_BOOL:
        buf_add_str(out, *(const bool *)slot ? "true" : "false");
        return;
    case CONFIG_SECRET:
        text = *(const char *const *)slot;
        json_add_cstring(out, *text ? "***" : "");
        return;
    case CONFIG_STR:
        json_add_cstring(out, *(const char *const *)slot);
        return;
    case CONFIG_LIST:
        add_list(out, slot);
        return;
    }
}

static void add_help(struct buf *out, const struct config_setting *s)
{
    buf_printf(out, "  # %s", s->help);
    if (s->kind == CONFIG_INT)
        buf_printf(out, " [%lld to %lld]", (long long)s->min, (long long)s->max);
    else if (s->kind == CONFIG_SECRET)
        buf_printf(out, "; or %s_file", s->name);
    buf_add_str(out, s->reload ? " (reload)\n" : "\n");
}

static void add_settings(struct buf *out, const struct config *c, bool help)
{
    const char *section = "";
    for (int i = 0; i < CONFIG_SETTINGS; i++) {
        const struct config_setting *s = &config_settings[i];
        if (strcmp(section, s->section) != 0) {
            section = s->section;
            buf_printf(out, "%s%s:\n", help || i ? "\n" : "", section);
        }
        if (help)
            add_help(out, s);
        buf_printf(out, "  %s: ", s->name);
        add_value(out, c, (enum config_id)i);
        buf_add_char(out, '\n');
    }
}

void config_print_defaults(struct buf *out)
{
    struct config_error error;
    struct config *c = config_load(NULL, NULL, &error);
    if (!c)
        return; /* config.def contradicts itself; the tests would not let it pass */
    buf_add_str(out, head);
    add_settings(out, c, true);
    buf_add_str(out, examples);
    config_free(c);
}

static void add_field(struct buf *out, const char *name, const char *value)
{
    buf_printf(out, "%s: ", name);
    json_add_cstring(out, value);
    buf_add_char(out, '\n');
}

static void add_upstreams(struct buf *out, const struct config *c)
{
    buf_add_str(out, c->upstream_count ? "\nupstreams:\n" : "\nupstreams: []\n");
    for (size_t i = 0; i < c->upstream_count; i++) {
        const struct config_upstream *u = &c->upstreams[i];
        add_field(out, "  - name", u->name);
        add_field(out, "    url", u->url);
        add_field(out, "    dialect", u->dialect);
        if (u->key[0])
            add_field(out, "    key", "***");
        if (u->more_keys.count)
            buf_printf(out, "    # and %zu more\n", u->more_keys.count);
        add_field(out, "    continue", config_continue_names[u->continuation]);
        buf_printf(out, "    private: %s\n", u->private_too ? "true" : "false");
        buf_add_lit(out, "    models: ");
        add_list(out, &u->models);
        buf_printf(out, "\n    max_tokens: %lld\n    first_token_ms: %lld\n    between_tokens_ms: %lld\n",
                   (long long)u->max_tokens, (long long)u->first_token_ms, (long long)u->between_tokens_ms);
    }
}

static void add_routes(struct buf *out, const struct config *c)
{
    buf_add_str(out, c->route_count ? "\nroutes:\n" : "\nroutes: []\n");
    for (size_t i = 0; i < c->route_count; i++) {
        const struct config_route *r = &c->routes[i];
        add_field(out, "  - model", r->model);
        buf_add_lit(out, "    to:\n");
        for (size_t k = 0; k < r->target_count; k++) {
            const struct config_target *t = &r->targets[k];
            add_field(out, "      - upstream", c->upstreams[t->upstream].name);
            if (t->model[0])
                add_field(out, "        model", t->model);
            buf_printf(out, "        order: %lld\n        weight: %lld\n", (long long)t->order,
                       (long long)t->weight);
            if (t->body[0])
                add_field(out, "        body", t->body);
        }
    }
}

static void add_keys(struct buf *out, const struct config *c)
{
    buf_add_str(out, c->key_count ? "\nkeys:\n" : "\nkeys: []\n");
    for (size_t i = 0; i < c->key_count; i++) {
        add_field(out, "  - name", c->keys[i].name);
        add_field(out, "    owner", c->keys[i].owner);
        add_field(out, "    key", "***");
    }
}

void config_print(const struct config *c, struct buf *out)
{
    add_settings(out, c, false);
    add_upstreams(out, c);
    add_routes(out, c);
    add_keys(out, c);
}
