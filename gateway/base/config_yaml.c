/* config_yaml: the file, read twice.
 *
 *     text -> events: refuse what has no place here -> document -> sections -> settings
 *                                                               -> upstreams, keys, routes
 *
 * It refuses anchors and aliases (a short file can stand for gigabytes, or contain itself), tags, a second
 * document and deep nesting. Nothing is recursive before that is known. */
#include <string.h>

#include "base/config_internal.h"

#define DEPTH_MAX 32

static const char *const lists[] = {"upstreams", "routes", "keys"};
#define LISTS (sizeof lists / sizeof *lists)

static void open_parser(yaml_parser_t *parser, const char *text, size_t len)
{
    yaml_parser_initialize(parser);
    yaml_parser_set_encoding(parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(parser, (const unsigned char *)text, len);
}

static bool not_yaml(struct config_loader *l, const yaml_parser_t *parser)
{
    if (parser->error == YAML_READER_ERROR)
        return config_fail(l, "config", (struct config_place){0}, "not YAML: %s at byte %zu", parser->problem,
                           parser->problem_offset);
    return config_fail(l, "config", (struct config_place){.line = parser->problem_mark.line + 1},
                       "not YAML: %s%s%s", parser->problem ? parser->problem : "cannot be read",
                       parser->context ? " " : "", parser->context ? parser->context : "");
}

/* What is wrong with one event, or NULL. */
static const char *event_fault(const yaml_event_t *e, int *depth, int *documents)
{
    const yaml_char_t *anchor = NULL, *tag = NULL;
    switch (e->type) {
    case YAML_ALIAS_EVENT:
        return "aliases (*name) are not allowed";
    case YAML_DOCUMENT_START_EVENT:
        return ++*documents > 1 ? "a second document (---) is not allowed" : NULL;
    case YAML_SCALAR_EVENT:
        anchor = e->data.scalar.anchor;
        tag = e->data.scalar.tag;
        break;
    case YAML_SEQUENCE_START_EVENT:
        anchor = e->data.sequence_start.anchor;
        tag = e->data.sequence_start.tag;
        ++*depth;
        break;
    case YAML_MAPPING_START_EVENT:
        anchor = e->data.mapping_start.anchor;
        tag = e->data.mapping_start.tag;
        ++*depth;
        break;
    case YAML_SEQUENCE_END_EVENT:
    case YAML_MAPPING_END_EVENT:
        --*depth;
        return NULL;
    default:
        return NULL;
    }
    if (anchor)
        return "anchors (&name) are not allowed";
    if (tag)
        return "tags (!name) are not allowed";
    return *depth > DEPTH_MAX ? "is nested more than 32 deep" : NULL;
}

static bool scan(struct config_loader *l, const char *text, size_t len)
{
    yaml_parser_t parser;
    open_parser(&parser, text, len);
    int depth = 0, documents = 0;
    bool ok = true;
    for (bool more = true; ok && more;) {
        yaml_event_t event;
        if (!yaml_parser_parse(&parser, &event)) {
            ok = not_yaml(l, &parser);
            break;
        }
        const char *fault = event_fault(&event, &depth, &documents);
        if (fault)
            ok = config_fail(l, "config", (struct config_place){.line = event.start_mark.line + 1}, "%s",
                             fault);
        more = event.type != YAML_STREAM_END_EVENT;
        yaml_event_delete(&event);
    }
    yaml_parser_delete(&parser);
    return ok;
}

static bool set_list(struct config_loader *l, enum config_id id, const char *key, yaml_node_t *node)
{
    return config_node_strings(l, key, node, (size_t)config_settings[id].max, CONFIG_KEY_MAX,
                               config_slot(l->config, id));
}

static bool set_node(struct config_loader *l, enum config_id id, yaml_node_t *node)
{
    char key[CONFIG_PATH_MAX];
    config_key_name(id, key);
    l->places[id] = config_place_of(node);
    if (config_settings[id].kind == CONFIG_LIST)
        return set_list(l, id, key, node);
    const char *text;
    size_t len;
    return config_node_scalar(l, key, node, &text, &len) && config_set_text(l, id, l->places[id], text, len);
}

static bool set_secret_file(struct config_loader *l, enum config_id id, yaml_node_t *node)
{
    char key[CONFIG_PATH_MAX];
    const char *path;
    snprintf(key, sizeof key, "%s.%s_file", config_settings[id].section, config_settings[id].name);
    if (!config_node_string(l, key, node, 1, 4096, &path))
        return false;
    if (l->places[id].line)
        return config_fail(l, key, config_place_of(node), "stands beside %s; give one of them",
                           config_settings[id].name);
    l->places[id] = config_place_of(node);
    return config_read_secret(l, key, l->places[id], path, config_settings[id].min, config_settings[id].max,
                              config_slot(l->config, id));
}

/* The keys a section may have: its settings, and for a secret the file beside it. */
struct section_keys {
    const char *names[2 * CONFIG_SETTINGS];
    enum config_id ids[2 * CONFIG_SETTINGS];
    bool file[2 * CONFIG_SETTINGS];
    size_t count;
};

static void section_keys(struct config_loader *l, const char *section, struct section_keys *keys)
{
    keys->count = 0;
    for (int i = 0; i < CONFIG_SETTINGS; i++) {
        const struct config_setting *s = &config_settings[i];
        if (strcmp(s->section, section) != 0)
            continue;
        keys->ids[keys->count] = (enum config_id)i;
        keys->file[keys->count] = false;
        keys->names[keys->count++] = s->name;
        if (s->kind != CONFIG_SECRET)
            continue;
        size_t room = strlen(s->name) + sizeof "_file";
        char *name = config_alloc(l->config, room);
        snprintf(name, room, "%s_file", s->name);
        keys->ids[keys->count] = (enum config_id)i;
        keys->file[keys->count] = true;
        keys->names[keys->count++] = name;
    }
}

static bool read_section(struct config_loader *l, const char *section, yaml_node_t *node)
{
    struct section_keys keys;
    yaml_node_t *values[2 * CONFIG_SETTINGS];
    section_keys(l, section, &keys);
    if (!config_fields(l, section, node, keys.names, keys.count, values))
        return false;
    for (size_t i = 0; i < keys.count; i++) {
        if (!values[i])
            continue;
        if (keys.file[i] ? !set_secret_file(l, keys.ids[i], values[i]) : !set_node(l, keys.ids[i], values[i]))
            return false;
    }
    return true;
}

/* The three lists first, then each section once, in the order of config.def. */
static size_t top_names(const char *names[LISTS + CONFIG_SETTINGS])
{
    size_t n = 0;
    for (; n < LISTS; n++)
        names[n] = lists[n];
    for (int i = 0; i < CONFIG_SETTINGS; i++) {
        bool seen = false;
        for (size_t k = 0; k < n && !seen; k++)
            seen = strcmp(names[k], config_settings[i].section) == 0;
        if (!seen)
            names[n++] = config_settings[i].section;
    }
    return n;
}

static bool read_document(struct config_loader *l)
{
    yaml_node_t *root = yaml_document_get_root_node(l->document);
    if (!root)
        return true;
    const char *names[LISTS + CONFIG_SETTINGS];
    yaml_node_t *values[LISTS + CONFIG_SETTINGS];
    size_t n = top_names(names);
    if (!config_fields(l, "config", root, names, n, values))
        return false;
    for (size_t i = LISTS; i < n; i++)
        if (values[i] && !read_section(l, names[i], values[i]))
            return false;
    if (values[2])
        l->keys_place = config_place_of(values[2]);
    return config_read_upstreams(l, values[0]) && config_read_routes(l, values[1]) &&
           config_read_keys(l, values[2]);
}

bool config_read_yaml(struct config_loader *l, const char *text, size_t len)
{
    if (len > CONFIG_FILE_MAX)
        return config_fail(l, "config", (struct config_place){0}, "is larger than %d bytes", CONFIG_FILE_MAX);
    if (!scan(l, text, len))
        return false;
    yaml_parser_t parser;
    yaml_document_t document;
    open_parser(&parser, text, len);
    bool ok;
    if (yaml_parser_load(&parser, &document)) {
        l->document = &document;
        ok = read_document(l);
        l->document = NULL;
        yaml_document_delete(&document);
    } else {
        ok = not_yaml(l, &parser);
    }
    yaml_parser_delete(&parser);
    return ok;
}
