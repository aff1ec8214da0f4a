/* config_env: LASTWORD_SECTION_NAME over the file. A variable that looks like one of ours and is none is
 * refused: a typing mistake that silently leaves the default is the worst of answers. */
#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "base/config_internal.h"

#define PREFIX "LASTWORD_"
#define SEPARATORS ", \t"

/* Read by the scripts around the gateway, which is started with the same environment. */
static const char *const of_scripts[] = {"LASTWORD_PORT",         "LASTWORD_DATA",
                                         "LASTWORD_UPSTREAM_URL", "LASTWORD_UPSTREAM_KEY_FILE",
                                         "LASTWORD_BIN",          "LASTWORD_CONFIG"};

struct variable {
    char name[CONFIG_PATH_MAX];
    const char *value;
};

/* LASTWORD_LISTEN_PORT for listen.port. */
static void env_name(enum config_id id, const char *suffix, char out[CONFIG_PATH_MAX])
{
    snprintf(out, CONFIG_PATH_MAX, PREFIX "%s_%s%s", config_settings[id].section, config_settings[id].name,
             suffix);
    for (char *p = out; *p; p++)
        *p = (char)toupper((unsigned char)*p);
}

static bool takes_file(enum config_id id)
{
    return config_settings[id].kind == CONFIG_STR || config_settings[id].kind == CONFIG_SECRET;
}

static bool set_list(struct config_loader *l, enum config_id id, struct config_place at, const char *value)
{
    const struct config_setting *s = &config_settings[id];
    struct config_strings *list = config_slot(l->config, id);
    char key[CONFIG_PATH_MAX];
    config_key_name(id, key);
    l->places[id] = at;
    *list = (struct config_strings){.items = config_alloc(l->config, (size_t)s->max * sizeof *list->items)};
    for (const char *p = value + strspn(value, SEPARATORS); *p; p += strspn(p, SEPARATORS)) {
        size_t len = strcspn(p, SEPARATORS);
        if (list->count >= (size_t)s->max)
            return config_fail(l, key, at, "has more than %lld entries", (long long)s->max);
        if (!config_string(l, key, at, p, len, 1, CONFIG_KEY_MAX, &list->items[list->count++]))
            return false;
        p += len;
    }
    return true;
}

static bool set_from_file(struct config_loader *l, enum config_id id, struct config_place at,
                          const char *path)
{
    char key[CONFIG_PATH_MAX];
    config_key_name(id, key);
    if (l->places[id].env)
        return config_fail(l, key, at, "stands beside %s; give one of them", l->places[id].env);
    l->places[id] = at;
    return config_read_secret(l, key, at, path, config_settings[id].min, config_settings[id].max,
                              config_slot(l->config, id));
}

static bool set_plain(struct config_loader *l, enum config_id id, struct config_place at, const char *value)
{
    char key[CONFIG_PATH_MAX];
    if (l->places[id].env)
        return config_fail(l, config_key_name(id, key), at, "stands beside %s; give one of them",
                           l->places[id].env);
    if (config_settings[id].kind == CONFIG_LIST)
        return set_list(l, id, at, value);
    return config_set_text(l, id, at, value, strlen(value));
}

static bool names_section(const char *name)
{
    char section[CONFIG_PATH_MAX];
    for (int i = 0; i < CONFIG_SETTINGS; i++) {
        env_name((enum config_id)i, "", section);
        section[sizeof PREFIX + strlen(config_settings[i].section)] = '\0'; /* LASTWORD_LISTEN_ */
        if (strncasecmp(name, section, strlen(section)) == 0)
            return true;
    }
    return false;
}

/* Refused if it begins like a setting or is nearly one. The rest is somebody else's: a container platform
 * sets LASTWORD_PORT_8080_TCP for a service of that name. */
static bool refuse(struct config_loader *l, const char *name)
{
    static char names[CONFIG_SETTINGS][CONFIG_PATH_MAX];
    const char *list[CONFIG_SETTINGS];
    for (int i = 0; i < CONFIG_SETTINGS; i++) {
        env_name((enum config_id)i, "", names[i]);
        list[i] = names[i];
    }
    struct buf words = {0};
    config_suggest(&words, name, list, CONFIG_SETTINGS);
    char q[48];
    bool ours = names_section(name) || strncmp(buf_cstr(&words), "did you", 7) == 0;
    /* All names together would bury the message. */
    bool near = strncmp(buf_cstr(&words), "did you", 7) == 0;
    if (ours)
        config_fail(l, "environment", (struct config_place){0}, "%s is no setting; %s", config_quote(q, name),
                    near ? words.data : "LASTWORD_<SECTION>_<NAME> is, for each key of print-config");
    buf_free(&words);
    return !ours;
}

static bool apply(struct config_loader *l, const struct variable *v)
{
    for (size_t i = 0; i < sizeof of_scripts / sizeof *of_scripts; i++)
        if (strcmp(v->name, of_scripts[i]) == 0)
            return true;
    char name[CONFIG_PATH_MAX];
    for (int i = 0; i < CONFIG_SETTINGS; i++) {
        enum config_id id = (enum config_id)i;
        struct config_place at = {.env = config_strdup(l->config, v->name, strlen(v->name))};
        env_name(id, "", name);
        if (strcmp(v->name, name) == 0)
            return set_plain(l, id, at, v->value);
        env_name(id, "_FILE", name);
        if (takes_file(id) && strcmp(v->name, name) == 0)
            return set_from_file(l, id, at, v->value);
    }
    return refuse(l, v->name);
}

bool config_apply_env(struct config_loader *l, char *const *env)
{
    for (; *env; env++) {
        const char *equals = strchr(*env, '=');
        if (strncmp(*env, PREFIX, sizeof PREFIX - 1) != 0 || !equals)
            continue;
        struct variable v = {.value = equals + 1};
        size_t len = (size_t)(equals - *env);
        memcpy(v.name, *env, len < sizeof v.name ? len : sizeof v.name - 1);
        if (!apply(l, &v))
            return false;
    }
    return true;
}
