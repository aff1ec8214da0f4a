/* config: what is read, what is refused and with which words, and what SIGHUP may change. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/config.h"

#define UP "upstreams: [{name: a, url: \"http://127.0.0.1:9\"}]\n"

static struct config *must_parse(const char *yaml)
{
    struct config_error error;
    struct config *c = config_parse(yaml, strlen(yaml), NULL, &error);
    if (!c)
        fail_msg("%s", error.text);
    return c;
}

/* Refused, and each of the words is in the sentence. */
static void must_refuse(const char *yaml, const char *const *words, size_t n)
{
    struct config_error error;
    struct config *c = config_parse(yaml, strlen(yaml), NULL, &error);
    if (c)
        fail_msg("taken: %s", yaml);
    for (size_t i = 0; i < n; i++)
        if (!strstr(error.text, words[i]))
            fail_msg("\"%s\" is not in \"%s\"", words[i], error.text);
    if (strchr(error.text, '\n'))
        fail_msg("more than a line: %s", error.text);
}
#define REFUSE(yaml, ...)                                                                                    \
    must_refuse(yaml, (const char *const[]){__VA_ARGS__},                                                    \
                sizeof((const char *const[]){__VA_ARGS__}) / sizeof(const char *))

static void defaults_are_the_table(void **state)
{
    (void)state;
    struct config_error error;
    struct config *c = config_load(NULL, NULL, &error);
    assert_non_null(c);
#define EXPECT_INT(field, def) assert_int_equal(field, def)
#define EXPECT_BOOL(field, def) assert_int_equal(field, def)
#define EXPECT_STR(field, def) assert_string_equal(field, def)
#define EXPECT_SECRET(field, def) assert_string_equal(field, def)
#define EXPECT_LIST(field, def) assert_int_equal((field).count, (const char *)(def) ? 1 : 0)
#define X(kind, section, name, def, min, max, reload, help) EXPECT_##kind(c->section##_##name, def);
#include "base/config.def"
#undef X
    assert_int_equal(c->upstream_count, 0);
    config_free(c);
    config_free(NULL);
}

static void sections_are_read(void **state)
{
    (void)state;
    struct config *c = must_parse("# a comment\n"
                                  "%YAML 1.1\n---\n" UP "listen:\n"
                                  "  host: \"::1\"\n"
                                  "  port: 0\n"
                                  "  node: 'b\xC3\xA9 1'\n"
                                  "  origins: [\"https://a.example\", \"http://b.example:8080\", \"*\"]\n"
                                  "  proxy: [10.0.0.0/8, \"::1/128\"]\n"
                                  "log: {level: warn}\n"
                                  "page:\n"
                                  "history: {fsync: on, path: /x y/z.db, queue: \"16\"}\n");
    assert_string_equal(c->listen_host, "::1");
    assert_int_equal(c->listen_port, 0);
    assert_string_equal(c->listen_node, "b\xC3\xA9 1");
    assert_int_equal(c->listen_origins.count, 3);
    assert_int_equal(c->listen_proxy.count, 2);
    assert_string_equal(c->listen_proxy.items[1], "::1/128");
    assert_string_equal(c->listen_origins.items[1], "http://b.example:8080");
    assert_string_equal(c->log_level, "warn");
    assert_true(c->history_fsync);
    assert_string_equal(c->history_path, "/x y/z.db");
    assert_int_equal(c->history_queue, 16);
    assert_int_equal(c->history_done_wait_ms, 250);
    config_free(c);
}

static void unknown_keys_name_the_nearest(void **state)
{
    (void)state;
    REFUSE(UP "listen:\n  prot: 1\n", "listen.prot: line 3:", "unknown key", "did you mean port?");
    REFUSE(UP "lisTen: {}\n", "lisTen: line 2:", "did you mean listen?");
    REFUSE(UP "upstream:\n  xyzzy: 1\n", "upstream.xyzzy: line 3:", "known are default_model, connect_ms");
    REFUSE(UP "nonsense_of_mine: 1\n",
           "nonsense_of_mine: line 2:", "known are upstreams, routes, keys, listen");
    REFUSE("upstreams: [{name: a, ur: x}]", "upstreams[0].ur: line 1:", "did you mean url?");
    REFUSE(UP "\"a\\nb\": 1\n", "a?b: line 2:");
    REFUSE(UP "listen: {\"port\\0\": 1}\n", "unknown key");
}

static void wrong_types_are_refused(void **state)
{
    (void)state;
    REFUSE(UP "listen: 8080\n", "listen: line 2:", "must be a mapping", "a single value");
    REFUSE(UP "listen: [1]\n", "listen: line 2:", "a list");
    REFUSE(UP "listen: {port: [1]}\n", "listen.port: line 2:", "must be a single value, not a list");
    REFUSE(UP "listen: {port: {a: 1}}\n", "listen.port: line 2:", "not a mapping");
    REFUSE(UP "listen: {origins: x}\n", "listen.origins: line 2:", "must be a list");
    REFUSE(UP "listen: {origins: [[x]]}\n", "listen.origins[0]: line 2:", "must be a single value");
    REFUSE(UP "listen: {[a]: 1}\n", "listen: line 2:", "a key must be a word");
    REFUSE(UP "listen: {host: }\n", "listen.host: line 2:", "has no value");
    REFUSE(UP "listen: {host: ~}\n", "has no value");
    REFUSE("upstreams: {name: a}\n", "upstreams: line 1:", "must be a list");
    REFUSE("upstreams: [a]\n", "upstreams[0]: line 1:", "must be a mapping");
    REFUSE("- a\n", "config: line 1:", "must be a mapping");
    REFUSE("word\n", "config: line 1:", "must be a mapping");
}

static void numbers_are_strict(void **state)
{
    (void)state;
    static const char *const bad[] = {"x",   "1x",   "1.0", "1e3", "0x10", "010",    "+1",  "1_000",
                                      "64k", " 1 2", "-",   "--1", "\"\"", "\" 1\"", "true"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char yaml[200];
        snprintf(yaml, sizeof yaml, UP "listen: {port: %s}\n", bad[i]);
        REFUSE(yaml, "listen.port: line 2:", "is not a whole number (0 to 65535)");
    }
    REFUSE(UP "listen: {port: 70000}\n", "listen.port: line 2: 70000 is too large (0 to 65535)");
    REFUSE(UP "listen: {port: -1}\n", "-1 is too small (0 to 65535)");
    REFUSE(UP "listen: {port: 99999999999999999999999}\n", "is too large");
    REFUSE(UP "listen: {port: -99999999999999999999999}\n", "is too small");
    /* A client acknowledges each 64 KiB: with no more than that out, both could wait for each other. */
    REFUSE(UP "limits: {unacked_bytes: 65536}\n", "limits.unacked_bytes", "too small (131072 to 16777216)");
    REFUSE(UP "history: {fsync: maybe}\n", "history.fsync: line 2:", "\"maybe\"",
           "true, false, yes, no, on or off");
    REFUSE(UP "history: {fsync: 1}\n", "history.fsync");
    REFUSE(UP "history: {fsync: TRUE}\n", "history.fsync");
}

static void strings_are_held_to_their_limits(void **state)
{
    (void)state;
    char yaml[400], name[300];
    memset(name, 'n', 65);
    name[65] = '\0';
    snprintf(yaml, sizeof yaml, UP "listen: {node: %s}\n", name);
    REFUSE(yaml, "listen.node: line 2:", "65 bytes long (at most 64)");
    REFUSE(UP "listen: {host: \"\"}\n", "listen.host: line 2:", "may not be empty");
    REFUSE(UP "listen: {node: \"a\\nb\"}\n", "control character");
    REFUSE(UP "listen: {node: \"a\\0b\"}\n", "NUL");
    REFUSE(UP "listen: {node: \"a\\Lb\"}\n", "line end");
    REFUSE(UP "listen: {node: \"a\\x7fb\"}\n", "control character");
}

static void doubles_are_refused(void **state)
{
    (void)state;
    REFUSE(UP "listen:\n  port: 1\n  host: x\n  port: 2\n",
           "listen: line 5: port is given twice (first in line 3)");
    REFUSE(UP "listen: {}\nlog: {}\nlisten: {}\n", "listen is given twice");
    REFUSE(UP UP, "upstreams is given twice");
}

static void yaml_faults_have_a_line(void **state)
{
    (void)state;
    REFUSE(UP "listen:\n\tport: 1\n", "line 3", "not YAML");
    REFUSE(UP "listen: {port: 1\n", "not YAML");
    REFUSE(UP "a: \"\xff\"\n", "not YAML", "byte");
    REFUSE(UP "a: \x01\n", "not YAML");
    struct config_error error;
    assert_null(config_parse("a\0b", 3, NULL, &error));
    assert_null(config_parse("\xff\xfe"
                             "a\0",
                             4, NULL, &error));
}

static void what_grows_is_refused(void **state)
{
    (void)state;
    REFUSE("a: &x [1]\nb: *x\n", "line 1", "anchors");
    REFUSE("a: *x\n", "line 1", "aliases");
    REFUSE("a: &x [*x]\n", "anchors");
    REFUSE("a: !!binary x\n", "tags");
    REFUSE(UP "---\n" UP, "line 2", "second document");
    char deep[4000];
    memset(deep, '[', sizeof deep - 1);
    deep[sizeof deep - 1] = '\0';
    REFUSE(deep, "nested more than 32 deep");
    size_t len = 1048577;
    char *big = malloc(len);
    memset(big, '#', len);
    struct config_error error;
    assert_null(config_parse(big, len, NULL, &error));
    assert_non_null(strstr(error.text, "larger than 1048576 bytes"));
    free(big);
}

static void settings_must_fit_together(void **state)
{
    (void)state;
    REFUSE("", "upstreams: at least one is needed");
    REFUSE("listen: {}\nupstreams: []\n", "upstreams: at least one is needed");
    REFUSE(UP "limits:\n  message_bytes: 65536\n  prompt_bytes: 65536\n",
           "limits.prompt_bytes: line 4:", "message_bytes - 4096 = 61440");
    REFUSE(UP "limits:\n  message_bytes: 65536\n", "limits.prompt_bytes: line 3:", "524288 is too large");
    REFUSE(UP "limits: {message_bytes: 8192, prompt_bytes: 100, hello_bytes: 8193}\n",
           "limits.hello_bytes: line 2:");
    REFUSE(UP "listen: {workers: 2}\n", "listen.workers: line 2:", "session.store");
    REFUSE(UP "session: {store: disk}\n", "session.store: line 2: \"disk\" is not memory or redis");
    REFUSE(UP "session: {store: redis}\n", "session.store: line 2: redis needs session.url");
    REFUSE(UP "history: {store: postgres, url: 'host=x'}\n",
           "history.store: line 2: postgres needs session.store redis, which knows who runs what");
    REFUSE(UP "session: {store: redis, url: 'redis://x'}\nhistory: {store: postgres}\n",
           "history.store: line 3: postgres needs history.url");
    REFUSE(UP "history: {store: oracle}\n", "history.store: line 2:", "is not sqlite");
    REFUSE(UP "log: {level: loud}\n", "log.level: line 2: \"loud\" is not debug, info, warn or error");
    REFUSE(UP "auth: {mode: maybe}\n", "auth.mode: line 2: \"maybe\" is not none, keys or jwt");
    REFUSE(UP "auth: {mode: jwt}\n", "auth.mode: line 2:", "jwt.jwks");
    REFUSE(UP "auth: {mode: jwt}\njwt: {jwks: x}\n", "auth.mode: line 2:", "jwt.issuer");
    REFUSE(UP "auth: {mode: jwt}\njwt: {jwks: x, issuer: y}\n", "auth.mode: line 2:", "jwt.audience");
    config_free(must_parse(UP "auth: {mode: keys}\n")); /* those of the database */
    REFUSE(UP "keys: [{name: a, owner: a, key: k}]\n", "keys: line 2:", "auth.mode");
    REFUSE(UP "listen: {origins: [a.example]}\n", "listen.origins: line 2:", "http://");
    REFUSE(UP "listen: {origins: [\"https://a.example/x\"]}\n", "scheme://host[:port]");
    REFUSE(UP "listen: {proxy: [10.0.0.0/33]}\n", "listen.proxy: line 2:", "10.0.0.0/33", "0 to 32");
    REFUSE(UP "listen: {proxy: [\"::1\", 10.0.0.1/8]}\n", "10.0.0.1/8", "beyond its length");
    REFUSE(UP "listen: {proxy: [localhost]}\n", "localhost", "no address");
}

static char *temp_file(const char *text, size_t len)
{
    static char path[64];
    strcpy(path, "/tmp/lastword-test-XXXXXX");
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    FILE *f = fdopen(fd, "w");
    assert_int_equal(fwrite(text, 1, len, f), len);
    fclose(f);
    return path;
}

static void files_are_read(void **state)
{
    (void)state;
    struct config_error error;
    char *path = temp_file(UP, sizeof UP - 1);
    struct config *c = config_load(path, NULL, &error);
    remove(path);
    assert_non_null(c);
    assert_string_equal(c->upstreams[0].url, "http://127.0.0.1:9");
    config_free(c);
    assert_null(config_load(path, NULL, &error));
    assert_non_null(strstr(error.text, path));
    assert_non_null(strstr(error.text, "No such file"));
    assert_null(config_load("/", NULL, &error));
    assert_non_null(strstr(error.text, "cannot read /"));
    assert_null(config_load("/dev/zero", NULL, &error));
    assert_non_null(strstr(error.text, "larger than"));
}

static void reload_takes_what_it_may(void **state)
{
    (void)state;
    struct config *now =
        must_parse(UP "listen: {port: 1, origins: [\"http://x\"]}\nlimits: {slow_ms: 1000}\n");
    struct config *next = must_parse("upstreams: [{name: b, url: \"http://h/p\", key: k, models: [m]}]\n"
                                     "routes: [{model: r, to: [{upstream: b, body: {a: 1}}]}]\n"
                                     "auth: {mode: keys}\nkeys: [{name: n, owner: o, key: s}]\n"
                                     "listen: {port: 2, origins: [\"*\"]}\nlimits: {slow_ms: 2000}\n");
    struct buf restart = {0};
    struct config *c = config_reload(now, next, &restart);
    config_free(next);
    config_free(now);
    assert_string_equal(buf_cstr(&restart), "listen.port\nauth.mode\n");
    buf_free(&restart);
    assert_int_equal(c->listen_port, 1);
    assert_string_equal(c->auth_mode, "none");
    assert_int_equal(c->limits_slow_ms, 2000);
    assert_string_equal(c->listen_origins.items[0], "*");
    assert_string_equal(c->upstreams[0].name, "b");
    assert_string_equal(c->upstreams[0].models.items[0], "m");
    assert_string_equal(c->routes[0].targets[0].body, "{\"a\":1}");
    assert_string_equal(c->keys[0].owner, "default/o");
    config_free(c);
}

static void test_open_on_loopback_only(void **state)
{
    (void)state;
    static const char *const local[] = {"127.0.0.1", "127.9.9.9", "\"::1\"", "localhost",
                                        "\"::ffff:127.0.0.1\""};
    static const char *const others[] = {
        "0.0.0.0",   "\"::\"",  "192.0.2.1",           "example.org",
        "128.0.0.1", "\"::2\"", "\"::ffff:10.0.0.1\"", "127.0.0.1.example.org"};
    char yaml[512];
    for (size_t i = 0; i < sizeof local / sizeof *local; i++) {
        snprintf(yaml, sizeof yaml, UP "listen: {host: %s}\n", local[i]);
        config_free(must_parse(yaml));
    }
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        snprintf(yaml, sizeof yaml, UP "listen: {host: %s}\n", others[i]);
        REFUSE(yaml, "listen.host: line 2:", "auth.open");
        snprintf(yaml, sizeof yaml, UP "listen: {host: %s}\nauth: {open: true}\n", others[i]);
        config_free(must_parse(yaml));
        snprintf(yaml, sizeof yaml,
                 UP "listen: {host: %s}\nauth: {mode: keys}\nkeys: [{name: a, owner: a, key: k}]\n",
                 others[i]);
        config_free(must_parse(yaml));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_open_on_loopback_only),
        cmocka_unit_test(defaults_are_the_table),
        cmocka_unit_test(sections_are_read),
        cmocka_unit_test(unknown_keys_name_the_nearest),
        cmocka_unit_test(wrong_types_are_refused),
        cmocka_unit_test(numbers_are_strict),
        cmocka_unit_test(strings_are_held_to_their_limits),
        cmocka_unit_test(doubles_are_refused),
        cmocka_unit_test(yaml_faults_have_a_line),
        cmocka_unit_test(what_grows_is_refused),
        cmocka_unit_test(settings_must_fit_together),
        cmocka_unit_test(files_are_read),
        cmocka_unit_test(reload_takes_what_it_may),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
