/* key_command: see key_command.h. */
#include "key_command.h"

#include <jansson.h>
#include <openssl/crypto.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/config.h"
#include "base/key.h"
#include "clock.h"
#include "key_options.h"

const char key_command_usage[] =
    "  key create --name NAME --user USER [--tenant TENANT] [--models A,B] [--expires 30d|2027-01-31|never]\n"
    "             [--limits JSON]     make an API key; it is printed this once\n"
    "  key list [--json]              all keys, with what they may and until when; never the keys "
    "themselves\n"
    "  key revoke NAME|ID             end one; running gateways know within seconds\n";

static int fail(const char *what)
{
    fprintf(stderr, "lastword: %s\n", what);
    return 1;
}

/* ------------------------------------------------------------------ create */

static int create(struct key_store *store, const struct key_options *o)
{
    uint8_t chance[40];
    char text[KEY_TEXT + 1];
    uint64_t number;
    struct key_record key = {.name = o->name,
                             .owner = o->owner,
                             .models = o->models,
                             .limits = o->limits,
                             .created_ms = clock_unix_ms(),
                             .expires_ms = o->expires_ms};
    clock_random(chance, sizeof chance);
    key_write(chance, text);
    key_parse(text, key.id, &number);
    SHA256((const unsigned char *)text, strlen(text), key.digest);
    enum store_status status = key_store_add(store, &key);
    if (status == STORE_OK) {
        puts(text);
        fprintf(stderr, "%s is the key %s of %s. It is shown this once.\n", key.id, key.name, key.owner);
    }
    OPENSSL_cleanse(chance, sizeof chance);
    OPENSSL_cleanse(text, sizeof text);
    if (status == STORE_EXISTS)
        return fail("there is a key of that name; revoke it first, or take another");
    return status == STORE_OK ? 0 : fail(key_store_message(store));
}

/* ------------------------------------------------------------------ list */

static const char *state_of(const struct key_record *k, uint64_t now_ms)
{
    if (k->revoked_ms)
        return "revoked";
    return k->expires_ms && k->expires_ms <= now_ms ? "expired" : "good";
}

static const char *time_text(uint64_t unix_ms, char out[32])
{
    struct tm tm;
    time_t s = (time_t)(unix_ms / 1000);
    if (!unix_ms || !gmtime_r(&s, &tm) || !strftime(out, 32, "%Y-%m-%dT%H:%M:%SZ", &tm))
        strcpy(out, "never");
    return out;
}

static void print_row(void *ctx, const struct key_record *k)
{
    char created[32], expires[32];
    const uint64_t *now_ms = ctx;
    printf("%-16s  %-20s  %-24s  %-7s  %-20s  %-20s  %s\n", k->id, k->name, k->owner, state_of(k, *now_ms),
           time_text(k->created_ms, created), time_text(k->expires_ms, expires),
           *k->models ? k->models : "any");
}

static void print_json(void *ctx, const struct key_record *k)
{
    const uint64_t *now_ms = ctx;
    json_t *limits = json_loads(k->limits, 0, NULL);
    json_t *row = json_pack("{ss ss ss ss ss so sI sI sI}", "id", k->id, "name", k->name, "owner", k->owner,
                            "state", state_of(k, *now_ms), "models", k->models, "limits",
                            limits ? limits : json_object(), "created_ms", (json_int_t)k->created_ms,
                            "expires_ms", (json_int_t)k->expires_ms, "revoked_ms", (json_int_t)k->revoked_ms);
    if (row)
        json_dumpf(row, stdout, JSON_COMPACT);
    putchar('\n');
    json_decref(row);
}

static int list(struct key_store *store, const struct key_options *o)
{
    uint64_t now_ms = clock_unix_ms();
    if (!o->json)
        printf("%-16s  %-20s  %-24s  %-7s  %-20s  %-20s  %s\n", "ID", "NAME", "OWNER", "STATE", "CREATED",
               "EXPIRES", "MODELS");
    return key_store_list(store, o->json ? print_json : print_row, &now_ms) == STORE_OK
               ? 0
               : fail(key_store_message(store));
}

/* ------------------------------------------------------------------ revoke */

static int revoke(struct key_store *store, const struct key_options *o)
{
    enum store_status status = key_store_revoke(store, o->name, clock_unix_ms());
    if (status == STORE_NOT_FOUND)
        return fail("there is no such key, or it was revoked before");
    return status == STORE_OK ? 0 : fail(key_store_message(store));
}

/* ------------------------------------------------------------------ the whole */

static int run(const struct config *config, const struct key_options *o)
{
    char error[512];
    bool postgres = strcmp(config->history_store, "postgres") == 0;
    const struct key_source source = {.sqlite = postgres ? NULL : config->history_path,
                                      .postgres = postgres ? config->history_url : NULL};
    struct key_store *store = key_store_open(&source, true, error, sizeof error);
    if (!store)
        return fail(error);
    int code = o->verb == KEY_CREATE ? create(store, o)
               : o->verb == KEY_LIST ? list(store, o)
                                     : revoke(store, o);
    key_store_close(store);
    return fflush(stdout) == 0 ? code : 1;
}

int key_command_run(int argc, char **argv, char *const *env)
{
    struct key_options o;
    struct err e = {0};
    struct config_error error;
    if (!key_options_read(argc, argv, clock_unix_ms(), &o, &e)) {
        fprintf(stderr, "lastword: %s\n\n%s", err_message(&e), key_command_usage);
        return 2;
    }
    struct config *config = config_load(o.config, env, &error);
    if (!config)
        return fail(error.text);
    int code = run(config, &o);
    config_free(config);
    return code;
}
