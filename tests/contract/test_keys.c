/* API keys in either database: made, listed, revoked, and what a watching gateway sees of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "contract/postgres_server.h"
#include "store/keys.h"

static struct pgserver server;
static char folder[] = "/tmp/lastword-keys-XXXXXX", path[64];
static char error[512];

static struct key_source source_of(void **state)
{
    bool postgres = *(const char *)*state == 'p';
    return (struct key_source){.sqlite = postgres ? NULL : path,
                               .postgres = postgres ? server.conninfo : NULL};
}

static struct key_store *open_store(void **state, bool write)
{
    const struct key_source source = source_of(state);
    struct key_store *s = key_store_open(&source, write, error, sizeof error);
    if (!s)
        fail_msg("%s", error);
    return s;
}

static struct key_record record(const char *id, const char *name)
{
    struct key_record k = {.name = name,
                           .owner = "t/u'; --",
                           .models = "a,b",
                           .limits = "{\"x\":1}",
                           .created_ms = 7,
                           .expires_ms = 9};
    strcpy(k.id, id);
    for (size_t i = 0; i < sizeof k.digest; i++)
        k.digest[i] = (uint8_t)(i * 9);
    return k;
}

struct seen {
    size_t count;
    bool good, revoked;
};

static void see(void *ctx, const struct key_record *k)
{
    struct seen *s = ctx;
    const struct key_record want = record("00000000000000a1", "ann");
    s->count++;
    if (strcmp(k->id, want.id) != 0)
        return;
    s->good = memcmp(k->digest, want.digest, sizeof k->digest) == 0 && strcmp(k->name, "ann") == 0 &&
              strcmp(k->owner, want.owner) == 0 && strcmp(k->models, "a,b") == 0 &&
              strcmp(k->limits, want.limits) == 0 && k->created_ms == 7 && k->expires_ms == 9;
    s->revoked = k->revoked_ms == 11;
}

static void made_listed_and_revoked(void **state)
{
    struct key_store *s = open_store(state, true);
    struct key_record ann = record("00000000000000a1", "ann"), again = record("00000000000000a2", "ann"),
                      same = record("00000000000000a1", "bob");
    struct seen seen = {0};
    int64_t first = key_store_revision(s);
    assert_true(first >= 0);
    assert_int_equal(key_store_add(s, &ann), STORE_OK);
    assert_true(key_store_revision(s) != first);
    assert_int_equal(key_store_add(s, &again), STORE_EXISTS);
    assert_int_equal(key_store_add(s, &same), STORE_EXISTS);
    assert_int_equal(key_store_list(s, see, &seen), STORE_OK);
    assert_true(seen.count == 1 && seen.good && !seen.revoked);
    int64_t second = key_store_revision(s);
    assert_int_equal(key_store_revoke(s, "nobody", 11), STORE_NOT_FOUND);
    assert_int_equal(key_store_revoke(s, "ann", 11), STORE_OK);
    assert_int_equal(key_store_revoke(s, "ann", 12), STORE_NOT_FOUND);
    assert_true(key_store_revision(s) != second);
    assert_int_equal(key_store_add(s, &again), STORE_OK); /* the name is free again */
    assert_int_equal(key_store_revoke(s, again.id, 13), STORE_OK);
    seen = (struct seen){0};
    assert_int_equal(key_store_list(s, see, &seen), STORE_OK);
    assert_true(seen.count == 2 && seen.good && seen.revoked);
    key_store_close(s);
}

/* Waits until the thread has brought a table; fails after a while. */
static struct key_table *taken(struct key_watch *w)
{
    const struct timespec moment = {.tv_nsec = 2000000};
    for (int i = 0; i < 5000; i++) {
        struct key_table *t = key_watch_take(w);
        if (t)
            return t;
        nanosleep(&moment, NULL);
    }
    fail_msg("no keys came");
    return NULL;
}

static void a_gateway_sees_each_change(void **state)
{
    const struct key_source source = source_of(state);
    struct key_store *s = open_store(state, true);
    struct key_watch *w = key_watch_open(&source, 20);
    struct key_table *t = taken(w);
    size_t before = key_table_count(t);
    key_table_free(t);
    assert_null(key_watch_take(w)); /* once: nothing has changed since */
    struct key_record eve = record("00000000000000e1", "eve");
    assert_int_equal(key_store_add(s, &eve), STORE_OK);
    t = taken(w);
    assert_int_equal(key_table_count(t), before + 1);
    assert_non_null(key_table_find(t, eve.id));
    assert_true(key_table_find(t, eve.id)->revoked_ms == 0);
    assert_null(key_table_find(t, "00000000000000e2"));
    key_table_free(t);
    assert_int_equal(key_store_revoke(s, "eve", 5), STORE_OK);
    t = taken(w);
    assert_true(key_table_find(t, eve.id)->revoked_ms == 5);
    key_table_free(t);
    assert_int_equal(key_watch_trouble(w), STORE_OK);
    key_watch_close(w);
    key_store_close(s);
}

static void a_database_that_is_away(void **state)
{
    (void)state;
    const struct key_source source = {.postgres = "host=/no/such/folder"};
    struct key_store *s = key_store_open(&source, false, error, sizeof error);
    struct seen seen = {0};
    assert_int_equal(key_store_revision(s), -1);
    assert_int_equal(key_store_list(s, see, &seen), STORE_UNAVAILABLE);
    assert_true(strlen(key_store_message(s)) > 0);
    key_store_close(s);
    assert_null(key_store_open(&source, true, error, sizeof error));
}

static int setup(void **state)
{
    (void)state;
    if (!mkdtemp(folder))
        return -1;
    snprintf(path, sizeof path, "%s/x.db", folder);
    return pgserver_make(&server) ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    char command[128];
    pgserver_drop(&server);
    snprintf(command, sizeof command, "rm -rf %s", folder);
    return system(command);
}

int main(void)
{
    static char sqlite[] = "s", postgres[] = "p";
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_prestate(made_listed_and_revoked, sqlite),
        cmocka_unit_test_prestate(a_gateway_sees_each_change, sqlite),
        cmocka_unit_test_prestate(made_listed_and_revoked, postgres),
        cmocka_unit_test_prestate(a_gateway_sees_each_change, postgres),
        cmocka_unit_test(a_database_that_is_away),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
