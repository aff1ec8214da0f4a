/* config_value: the settings as rows of config.def, and one value made from text. */
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/config_internal.h"
#include "base/json.h"

#define DEFAULT_INT(def) .number = (def)
#define DEFAULT_BOOL(def) .number = (def)
#define DEFAULT_STR(def) .text = (def)
#define DEFAULT_SECRET(def) .text = (def)
#define DEFAULT_LIST(def) .text = (def)

const struct config_setting config_settings[CONFIG_SETTINGS] = {
#define X(k, s, n, def, low, high, again, words)                                                             \
    {.kind = CONFIG_##k,                                                                                     \
     .section = #s,                                                                                          \
     .name = #n,                                                                                             \
     .offset = offsetof(struct config, s##_##n),                                                             \
     DEFAULT_##k(def),                                                                                       \
     .min = (low),                                                                                           \
     .max = (high),                                                                                          \
     .reload = (again),                                                                                      \
     .help = (words)},
#include "base/config.def"
#undef X
};

void *config_slot(struct config *c, enum config_id id)
{
    return (char *)c + config_settings[id].offset;
}

const void *config_slot_const(const struct config *c, enum config_id id)
{
    return (const char *)c + config_settings[id].offset;
}

const char *config_key_name(enum config_id id, char *out)
{
    snprintf(out, CONFIG_PATH_MAX, "%s.%s", config_settings[id].section, config_settings[id].name);
    return out;
}

void config_defaults(struct config *c)
{
    for (int i = 0; i < CONFIG_SETTINGS; i++) {
        const struct config_setting *s = &config_settings[i];
        void *slot = config_slot(c, (enum config_id)i);
        switch (s->kind) {
        case CONFIG_INT:
            *(int64_t *)slot = s->number;
            break;
        case CONFIG_BOOL:
            *(bool *)slot = s->number != 0;
            break;
        case CONFIG_STR:
        case CONFIG_SECRET:
            *(const char **)slot = s->text;
            break;
        case CONFIG_LIST:
            if (s->text) {
                struct config_strings *list = slot;
                list->items = config_alloc(c, sizeof *list->items);
                list->items[0] = s->text;
                list->count = 1;
            }
            break;
        }
    }
}

bool config_fail(struct config_loader *l, const char *key, struct config_place at, const char *fmt, ...)
{
    struct buf text = {0};
    buf_printf(&text, "%s: ", key);
    if (at.env)
        buf_printf(&text, "%s: ", at.env);
    else if (at.line)
        buf_printf(&text, "line %zu: ", at.line);
    va_list args;
    va_start(args, fmt);
    char what[sizeof l->error->text];
    vsnprintf(what, sizeof what, fmt, args);
    va_end(args);
    buf_add_str(&text, what);
    size_t len = text.len;
    if (len >= sizeof l->error->text)
        len = utf8_floor(text.data, sizeof l->error->text - 1);
    memcpy(l->error->text, text.data, len);
    l->error->text[len] = '\0';
    buf_free(&text);
    return false;
}

/* An optional minus, no leading zeros (YAML 1.1 would read them as octal), nothing else. */
static bool looks_whole(const char *text)
{
    text += *text == '-';
    if (*text < '0' || *text > '9' || (*text == '0' && text[1]))
        return false;
    return text[strspn(text, "0123456789")] == '\0';
}

bool config_whole_number(struct config_loader *l, const char *key, struct config_place at, const char *text,
                         int64_t min, int64_t max, int64_t *out)
{
    char q[48];
    config_quote(q, text);
    if (!looks_whole(text))
        return config_fail(l, key, at, "\"%s\" is not a whole number (%lld to %lld)", q, (long long)min,
                           (long long)max);
    errno = 0;
    long long v = strtoll(text, NULL, 10);
    if ((errno == ERANGE && text[0] == '-') || (errno == 0 && v < min))
        return config_fail(l, key, at, "%s is too small (%lld to %lld)", q, (long long)min, (long long)max);
    if (errno == ERANGE || v > max)
        return config_fail(l, key, at, "%s is too large (%lld to %lld)", q, (long long)min, (long long)max);
    *out = v;
    return true;
}

static bool set_bool(struct config_loader *l, const char *key, struct config_place at, const char *text,
                     bool *out)
{
    static const char *const words[] = {"false", "true", "no", "yes", "off", "on"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strcmp(text, words[i]) == 0) {
            *out = i & 1;
            return true;
        }
    char q[48];
    return config_fail(l, key, at, "\"%s\" is not a truth value (true, false, yes, no, on or off)",
                       config_quote(q, text));
}

bool config_string(struct config_loader *l, const char *key, struct config_place at, const char *text,
                   size_t len, int64_t min, int64_t max, const char **out)
{
    if (len < (size_t)min)
        return len ? config_fail(l, key, at, "is %zu bytes long (%lld to %lld are allowed)", len,
                                 (long long)min, (long long)max)
                   : config_fail(l, key, at, "may not be empty");
    if (len > (size_t)max)
        return config_fail(l, key, at, "is %zu bytes long (at most %lld)", len, (long long)max);
    if (!config_printable(text, len))
        return config_fail(l, key, at, "holds a control character, a line end or invalid UTF-8");
    *out = config_strdup(l->config, text, len);
    return true;
}

bool config_set_text(struct config_loader *l, enum config_id id, struct config_place at, const char *text,
                     size_t len)
{
    const struct config_setting *s = &config_settings[id];
    void *slot = config_slot(l->config, id);
    char key[CONFIG_PATH_MAX];
    config_key_name(id, key);
    l->places[id] = at;
    if (s->kind == CONFIG_INT)
        return config_whole_number(l, key, at, text, s->min, s->max, slot);
    if (s->kind == CONFIG_BOOL)
        return set_bool(l, key, at, text, slot);
    /* For a SECRET the table's least length is 0 or 1 as it is for a STR. */
    return config_string(l, key, at, text, len, s->min, s->max, slot);
}
