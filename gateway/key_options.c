/* key_options: see key_options.h. */
#include "key_options.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/key.h"

#define OWNER_CHARS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._@-"
#define DAY_MS 86400000ull
#define YEARS_MAX_MS (100 * 366 * DAY_MS)

struct given {
    const char *name, *tenant, *user, *models, *limits, *expires, *config;
};

static bool bad(struct err *e, const char *option, const char *what)
{
    return err_set(e, ERR_BAD_REQUEST, "%s %s", option, what);
}

static bool is_word(const char *text, size_t most)
{
    size_t len = strspn(text, OWNER_CHARS);
    return len >= 1 && len <= most && !text[len];
}

/* ------------------------------------------------------------------ one by one */

/* "30d", "12h", "90m" from now; or 2027-01-31, its beginning in UTC. */
static bool read_expires(const char *text, uint64_t now_ms, uint64_t *out, struct err *e)
{
    static const char wrong[] =
        "must be never, a time from now as 30d, 12h or 90m, or a date to come as 2027-01-31";
    struct tm day = {0};
    char *end;
    *out = 0;
    if (!text || strcmp(text, "never") == 0)
        return true;
    const char *rest = strptime(text, "%Y-%m-%d", &day);
    if (rest && !*rest) {
        *out = (uint64_t)timegm(&day) * 1000;
        return *out > now_ms || bad(e, "--expires", wrong);
    }
    unsigned long long count = strtoull(text, &end, 10);
    uint64_t unit = *end == 'd' ? DAY_MS : *end == 'h' ? DAY_MS / 24 : *end == 'm' ? DAY_MS / 1440 : 0;
    if (*text < '1' || *text > '9' || !unit || end[1] || count > YEARS_MAX_MS / unit)
        return bad(e, "--expires", wrong);
    *out = now_ms + count * unit;
    return true;
}

static bool read_owner(const struct given *g, struct key_options *o, struct err *e)
{
    const char *tenant = g->tenant ? g->tenant : "default";
    if (!g->user)
        return bad(e, "--user", "is missing");
    if (!is_word(g->user, OWNER_MAX))
        return bad(e, "--user", "must be of A-Z a-z 0-9 . _ @ -");
    if (!is_word(tenant, OWNER_MAX))
        return bad(e, "--tenant", "must be of A-Z a-z 0-9 . _ @ -");
    if (strlen(tenant) + 1 + strlen(g->user) > OWNER_MAX)
        return bad(e, "--tenant", "and --user are longer than 127 bytes together");
    snprintf(o->owner, sizeof o->owner, "%s/%s", tenant, g->user);
    return true;
}

static bool read_models(const char *text, struct key_options *o, struct err *e)
{
    if (!text)
        return true;
    if (!*text || strlen(text) > KEY_MODELS || *text == ',' || strstr(text, ",,") ||
        text[strlen(text) - 1] == ',')
        return bad(e, "--models", "must be names with commas between them, at most 1024 bytes");
    for (const char *p = text; *p; p++)
        if ((unsigned char)*p <= ' ' || *p == 127)
            return bad(e, "--models", "must be names with commas between them, without spaces");
    strcpy(o->models, text);
    return true;
}

static bool read_limits(const char *text, struct key_options *o, struct err *e)
{
    o->limits = text ? text : "{}";
    json_t *root =
        strlen(o->limits) <= KEY_LIMITS ? json_loads(o->limits, JSON_REJECT_DUPLICATES, NULL) : NULL;
    bool good = json_is_object(root);
    json_decref(root);
    return good || bad(e, "--limits", "must be a JSON object of at most 1024 bytes");
}

static bool read_name(const char *name, struct err *e)
{
    if (!name)
        return bad(e, "--name", "is missing");
    if (!is_word(name, KEY_NAME))
        return bad(e, "--name", "must be 1 to 64 of A-Z a-z 0-9 . _ @ -");
    if (key_is_id(name))
        return bad(e, "--name", "looks like the id of a key");
    return true;
}

/* ------------------------------------------------------------------ the whole */

static bool read_option(int argc, char **argv, int *i, struct given *g, struct key_options *o, struct err *e)
{
    const struct {
        const char *name;
        const char **to;
    } options[] = {{"--config", &g->config},  {"--name", &g->name},     {"--tenant", &g->tenant},
                   {"--user", &g->user},      {"--models", &g->models}, {"--limits", &g->limits},
                   {"--expires", &g->expires}};
    if (o->verb == KEY_LIST && strcmp(argv[*i], "--json") == 0)
        return o->json = true;
    for (size_t k = 0; k < (o->verb == KEY_CREATE ? sizeof options / sizeof *options : 1); k++) {
        size_t len = strlen(options[k].name);
        if (strncmp(argv[*i], options[k].name, len) != 0 || (argv[*i][len] && argv[*i][len] != '='))
            continue;
        if (*options[k].to)
            return bad(e, options[k].name, "is given twice");
        if (argv[*i][len] == '=')
            *options[k].to = argv[*i] + len + 1;
        else if (*i + 1 < argc)
            *options[k].to = argv[++*i];
        else
            return bad(e, options[k].name, "needs a value");
        return true;
    }
    if (o->verb != KEY_REVOKE || o->name || *argv[*i] == '-')
        return err_set(e, ERR_BAD_REQUEST, "unknown argument: %.64s", argv[*i]);
    o->name = argv[*i];
    return true;
}

static bool read_verb(const char *word, enum key_verb *out)
{
    static const char *const verbs[] = {
        [KEY_CREATE] = "create", [KEY_LIST] = "list", [KEY_REVOKE] = "revoke"};
    for (int v = KEY_CREATE; v <= KEY_REVOKE; v++)
        if (strcmp(word, verbs[v]) == 0) {
            *out = (enum key_verb)v;
            return true;
        }
    return false;
}

bool key_options_read(int argc, char **argv, uint64_t now_ms, struct key_options *o, struct err *e)
{
    struct given g = {0};
    *o = (struct key_options){.limits = "{}"};
    if (argc < 1 || !read_verb(argv[0], &o->verb))
        return err_set(e, ERR_BAD_REQUEST, "key wants create, list or revoke");
    for (int i = 1; i < argc; i++)
        if (!read_option(argc, argv, &i, &g, o, e))
            return false;
    o->config = g.config;
    if (o->verb == KEY_REVOKE)
        return o->name || err_set(e, ERR_BAD_REQUEST, "revoke wants the name or the id of a key");
    if (o->verb == KEY_LIST)
        return true;
    o->name = g.name;
    return read_name(g.name, e) && read_owner(&g, o, e) && read_models(g.models, o, e) &&
           read_limits(g.limits, o, e) && read_expires(g.expires, now_ms, &o->expires_ms, e);
}
