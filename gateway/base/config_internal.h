/* config_internal: what the files config*.c share, and nobody else includes.
 *
 *     config.c        load, parse, reload, free            config_env.c    LASTWORD_* environment
 *     config_value.c  the settings' table, text -> value   config_check.c  settings that cannot work together
 *     config_yaml.c   file -> nodes -> settings            config_text.c   words, urls, names
 *     config_node.c   typed reading of one node            config_file.c   files and secrets
 *     config_lists.c  upstreams, keys                      config_print.c  print-config
 *     config_routes.c routes                               config_body.c   YAML mapping -> JSON object
 *
 * Every function here that can fail returns false after config_fail has put the first problem into the
 * loader's error. Strings and arrays come from the arena and live as long as the config. */
#ifndef LASTWORD_BASE_CONFIG_INTERNAL_H
#define LASTWORD_BASE_CONFIG_INTERNAL_H

#include <yaml.h>

#include "base/config.h"

#define CONFIG_FILE_MAX 1048576
#define CONFIG_SECRET_FILE_MAX 65536
#define CONFIG_UPSTREAMS_MAX 256
#define CONFIG_ROUTES_MAX 1024
#define CONFIG_TARGETS_MAX 64
#define CONFIG_KEYS_MAX 4096
#define CONFIG_MODELS_MAX 256
#define CONFIG_MODEL_MAX 255
#define CONFIG_BODY_MAX 65536
#define CONFIG_KEY_MAX 4096
#define CONFIG_PATH_MAX 160

enum config_kind { CONFIG_INT, CONFIG_BOOL, CONFIG_STR, CONFIG_SECRET, CONFIG_LIST };

enum config_id {
#define X(kind, section, name, def, min, max, reload, help) CONFIG_ID_##section##_##name,
#include "base/config.def"
#undef X
    CONFIG_SETTINGS
};

struct config_setting {
    enum config_kind kind;
    const char *section, *name;
    size_t offset; /* in struct config */
    int64_t number;
    const char *text; /* default of STR, SECRET and LIST */
    int64_t min, max;
    bool reload;
    const char *help;
};
extern const struct config_setting config_settings[CONFIG_SETTINGS];

/* Where a value came from: a line of the file, or the name of an environment variable. */
struct config_place {
    size_t line;     /* 0: not from the file */
    const char *env; /* NULL: not from the environment; else borrowed from the arena */
};

struct config_loader {
    struct config *config;
    struct config_error *error;
    yaml_document_t *document; /* while the file is read */
    struct config_place places[CONFIG_SETTINGS];
    struct config_place keys_place; /* of the list keys: */
};

/* config.c. Arena memory is zeroed. */
void *config_alloc(struct config *c, size_t size);
const char *config_strdup(struct config *c, const char *text, size_t len);

/* config_value.c */
bool config_fail(struct config_loader *l, const char *key, struct config_place at, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
void config_defaults(struct config *c);
void *config_slot(struct config *c, enum config_id id);
const void *config_slot_const(const struct config *c, enum config_id id);
/* "listen.port"; CONFIG_PATH_MAX bytes in out. */
const char *config_key_name(enum config_id id, char *out);
/* Sets anything but a LIST from its text. */
bool config_set_text(struct config_loader *l, enum config_id id, struct config_place at, const char *text,
                     size_t len);
/* Strict decimal between min and max. */
bool config_whole_number(struct config_loader *l, const char *key, struct config_place at, const char *text,
                         int64_t min, int64_t max, int64_t *out);
/* A string of min to max bytes, printable, copied into the arena. `secret`: the length is all that is told.
 */
bool config_string(struct config_loader *l, const char *key, struct config_place at, const char *text,
                   size_t len, int64_t min, int64_t max, const char **out);

/* config_text.c. They look at text and allocate nothing. */
bool config_printable(const char *text, size_t len); /* UTF-8 without controls and line ends */
/* `text` made safe for one line of an error, at most 40 bytes of it; returns out. */
const char *config_quote(char out[48], const char *text);
/* Appends what is allowed in place of `given`: the nearest of the names, or all of them. */
void config_suggest(struct buf *out, const char *given, const char *const *names, size_t n);
const char *config_url_fault(const char *url);                     /* NULL: fine; else what is wrong */
const char *config_origin_fault(const char *origin);               /* the same */
bool config_word(const char *text, const char *extra, size_t max); /* [a-z0-9] and extra, 1 to max bytes */

/* config_file.c. `text` is appended; the message of a failure names the path. */
bool config_read_file(struct config_loader *l, const char *key, struct config_place at, const char *path,
                      size_t max, struct buf *text);
/* The secret in a file, line ends at its end taken off, not empty; copied into the arena. */
bool config_read_secret(struct config_loader *l, const char *key, struct config_place at, const char *path,
                        int64_t min, int64_t max, const char **out);

/* config_env.c */
bool config_apply_env(struct config_loader *l, char *const *env);

/* config_yaml.c */
bool config_read_yaml(struct config_loader *l, const char *text, size_t len);

/* config_node.c. `key` is the path shown in errors. */
struct config_place config_place_of(const yaml_node_t *node);
/* Sorts the pairs of a mapping into `out`, one place for each name (NULL where it is not given). Refuses
 * anything but a mapping (nothing at all counts as an empty one), unknown names, and a name given twice. */
bool config_fields(struct config_loader *l, const char *key, yaml_node_t *node, const char *const *names,
                   size_t n, yaml_node_t **out);
bool config_node_string(struct config_loader *l, const char *key, yaml_node_t *node, int64_t min, int64_t max,
                        const char **out);
bool config_node_number(struct config_loader *l, const char *key, yaml_node_t *node, int64_t min, int64_t max,
                        int64_t *out);
bool config_node_scalar(struct config_loader *l, const char *key, yaml_node_t *node, const char **text,
                        size_t *len);
/* A sequence of at most max nodes; *count of them, read with config_item. NULL node: none. */
bool config_node_list(struct config_loader *l, const char *key, yaml_node_t *node, size_t max, size_t *count);
yaml_node_t *config_item(struct config_loader *l, yaml_node_t *sequence, size_t i);
bool config_node_strings(struct config_loader *l, const char *key, yaml_node_t *node, size_t max,
                         int64_t longest, struct config_strings *out);

/* config_lists.c, config_routes.c, config_body.c. A NULL node means the list is not there. */
bool config_read_upstreams(struct config_loader *l, yaml_node_t *node);
bool config_read_keys(struct config_loader *l, yaml_node_t *node);
bool config_read_routes(struct config_loader *l, yaml_node_t *node);
bool config_read_body(struct config_loader *l, const char *key, yaml_node_t *node, const char **out);
extern const char *const config_dialects[];
extern const size_t config_dialect_count;
extern const char *const config_continue_names[];

/* config_check.c. `lists`: upstreams must be there (not for the defaults alone). */
bool config_check(struct config_loader *l, bool lists);

#endif
