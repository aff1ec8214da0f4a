/* config_lists, config_routes, config_body: upstreams, keys and routes, taken and refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/config.h"

#define UP "upstreams: [{name: a, url: \"http://h\"}, {name: b, url: \"http://h\"}]\n"
#define AUTH UP "auth: {mode: keys}\n"

static struct config *must_parse(const char *yaml)
{
    struct config_error error;
    struct config *c = config_parse(yaml, strlen(yaml), NULL, &error);
    if (!c)
        fail_msg("%s", error.text);
    return c;
}

static void must_refuse(const char *yaml, const char *first, const char *second)
{
    struct config_error error;
    struct config *c = config_parse(yaml, strlen(yaml), NULL, &error);
    if (c)
        fail_msg("taken: %s", yaml);
    if (!strstr(error.text, first) || !strstr(error.text, second))
        fail_msg("\"%s\" or \"%s\" is not in \"%s\"", first, second, error.text);
}

static void upstreams_are_read(void **state)
{
    (void)state;
    struct config *c = must_parse("upstreams:\n"
                                  "  - name: a.b_c-1\n"
                                  "    url: https://api.example:8443/v1//\n"
                                  "    dialect: richierich\n"
                                  "    key: secret words\n"
                                  "    continue: continue_final_message\n"
                                  "    models: [\"m 1\", m/2]\n"
                                  "    private: true\n"
                                  "    max_tokens: 100000\n"
                                  "    first_token_ms: 100\n"
                                  "    between_tokens_ms: 3600000\n"
                                  "  - {name: b, url: \"http://[::1]\", continue: prefix}\n"
                                  "  - {name: c, url: \"http://h\", continue: trailing_assistant}\n");
    assert_int_equal(c->upstream_count, 3);
    const struct config_upstream *u = c->upstreams;
    assert_string_equal(u[0].name, "a.b_c-1");
    assert_string_equal(u[0].url, "https://api.example:8443/v1");
    assert_string_equal(u[0].dialect, "richierich");
    assert_string_equal(u[0].key, "secret words");
    assert_int_equal(u[0].continuation, CONTINUE_FINAL_MESSAGE);
    assert_int_equal(u[0].models.count, 2);
    assert_string_equal(u[0].models.items[1], "m/2");
    assert_int_equal(u[0].max_tokens, 100000);
    assert_int_equal(u[1].max_tokens, 4096);
    assert_true(u[0].private_too);
    assert_false(u[1].private_too);
    assert_int_equal(u[0].first_token_ms, 100);
    assert_int_equal(u[0].between_tokens_ms, 3600000);
    assert_string_equal(u[1].dialect, "openai");
    assert_string_equal(u[1].key, "");
    assert_int_equal(u[1].continuation, CONTINUE_PREFIX_FLAG);
    assert_int_equal(u[1].models.count, 0);
    assert_int_equal(u[2].continuation, CONTINUE_TRAILING_ASSISTANT);
    config_free(c);
}

static void wrong_upstreams_are_refused(void **state)
{
    (void)state;
    must_refuse("upstreams: [{url: \"http://h\"}]", "upstreams[0].name: line 1:", "is missing");
    must_refuse("upstreams:\n - {name: a}", "upstreams[0].url: line 2:", "is missing");
    must_refuse("upstreams: [{name: A, url: \"http://h\"}]", "upstreams[0].name: line 1:", "a-z 0-9");
    must_refuse("upstreams:\n - {name: a, url: \"http://h\"}\n - {name: a, url: \"http://h\"}",
                "upstreams[1].name: line 3:", "taken by upstreams[0]");
    must_refuse("upstreams: [{name: a, url: \"http://h\", dialect: x}]",
                "upstreams[0].dialect: line 1:", "\"x\" is not openai, anthropic or richierich");
    must_refuse("upstreams: [{name: a, url: \"http://h\", continue: x}]", "upstreams[0].continue",
                "none, trailing_assistant, continue_final_message or prefix");
    must_refuse("upstreams: [{name: a, url: \"http://h\", first_token_ms: 3600001}]",
                "upstreams[0].first_token_ms", "too large");
    must_refuse("upstreams: [{name: a, url: \"http://h\", private: maybe}]", "upstreams[0].private",
                "\"maybe\" is not false or true");
    must_refuse("upstreams: [{name: a, url: \"http://h\", max_tokens: 0}]", "upstreams[0].max_tokens",
                "too small");
    must_refuse("upstreams: [{name: a, url: \"http://h\", models: [\"\"]}]", "upstreams[0].models[0]",
                "empty");
    must_refuse("upstreams: [{name: a, url: \"http://h\", key: \"\"}]", "upstreams[0].key", "empty");
}

static void urls_are_checked(void **state)
{
    (void)state;
    static const char *const bad[][2] = {
        {"h", "begin"},
        {"ftp://h", "begin"},
        {"HTTP://h", "begin"},
        {"http://", "no host"},
        {"http:///p", "no host"},
        {"http://:80", "no host"},
        {"http://u:p@h", "user information"},
        {"http://h:0", "port"},
        {"http://h:65536", "port"},
        {"http://h:", "port"},
        {"http://h:8x", "characters"},
        {"http://h?q=1", "query"},
        {"http://h/p#f", "fragment"},
        {"http://h/a b", "percent"},
        {"http://[::g]/", "IPv6"},
        {"http://[::1", "IPv6"},
        {"http://[::1]x", "characters"},
        {"http://h!/", "characters"},
        {"http://h/\xC3\xA9", "percent"},
    };
    char yaml[300];
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        snprintf(yaml, sizeof yaml, "upstreams: [{name: a, url: '%s'}]", bad[i][0]);
        must_refuse(yaml, "upstreams[0].url: line 1:", bad[i][1]);
    }
    static const char *const good[] = {"http://h:1", "https://h.example.com:65535/a/b%20c"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        snprintf(yaml, sizeof yaml, "upstreams: [{name: a, url: '%s'}]", good[i]);
        struct config *c = must_parse(yaml);
        assert_string_equal(c->upstreams[0].url, good[i]);
        config_free(c);
    }
}

static void keys_are_read(void **state)
{
    (void)state;
    struct config *c = must_parse(AUTH "keys:\n"
                                       "  - {name: one, owner: alice@example.com, key: k1}\n"
                                       "  - {name: two, owner: T-1/bob_b.b, key: k2}\n");
    assert_int_equal(c->key_count, 2);
    assert_string_equal(c->keys[0].owner, "default/alice@example.com");
    assert_string_equal(c->keys[1].owner, "T-1/bob_b.b");
    assert_string_equal(c->keys[1].key, "k2");
    config_free(c);
}

static void wrong_keys_are_refused(void **state)
{
    (void)state;
    static const char *const owners[] = {"\"\"",    "/a",           "a/",   "a/b/c",
                                         "\"a b\"", "\"\xC3\xA9\"", "a//b", "\"*\""};
    for (size_t i = 0; i < sizeof owners / sizeof *owners; i++) {
        char yaml[300];
        snprintf(yaml, sizeof yaml, AUTH "keys: [{name: n, owner: %s, key: k}]", owners[i]);
        must_refuse(yaml, "keys[0].owner: line 3:", "");
    }
    must_refuse(AUTH "keys: [{owner: o, key: k}]", "keys[0].name", "is missing");
    must_refuse(AUTH "keys: [{name: n, key: k}]", "keys[0].owner", "is missing");
    must_refuse(AUTH "keys: [{name: n, owner: o}]", "keys[0].key", "is missing");
    must_refuse(AUTH "keys: [{name: n, owner: o, key: k, key_file: f}]", "keys[0].key_file", "beside");
    must_refuse(AUTH "keys: [{name: n, owner: o, key: \"a b\"}]", "keys[0].key", "visible ASCII");
    must_refuse(AUTH "keys: [{name: n, owner: o, key: k}, {name: n, owner: o, key: l}]", "keys[1].name",
                "taken");
    must_refuse(AUTH "keys: [{name: n, owner: o, key: sesame}, {name: m, owner: p, key: sesame}]",
                "keys[1].key", "same key as keys[0]");
    struct config_error error;
    static const char yaml[] =
        AUTH "keys: [{name: n, owner: o, key: sesame}, {name: m, owner: p, key: sesame}]";
    assert_null(config_parse(yaml, sizeof yaml - 1, NULL, &error));
    assert_null(strstr(error.text, "sesame"));
}

static void several_keys_of_an_upstream_are_read(void **state)
{
    struct config_error error;
    char yaml[256], paths[2][40] = {"/tmp/lastword-test-XXXXXX", "/tmp/lastword-test-XXXXXX"};
    (void)state;
    for (int i = 0; i < 2; i++) {
        int fd = mkstemp(paths[i]);
        assert_true(fd >= 0);
        assert_int_equal(write(fd, i ? "k-2\n" : "k-1", i ? 4 : 3), i ? 4 : 3);
        close(fd);
    }
    snprintf(yaml, sizeof yaml, "upstreams: [{name: a, url: \"http://h\", key_files: [%s, %s]}]", paths[0],
             paths[1]);
    struct config *c = config_parse(yaml, strlen(yaml), NULL, &error);
    assert_non_null(c);
    struct buf none = {0}, out = {0};
    struct config *copy = config_reload(c, c, &none);
    config_free(c); /* the copy has its own */
    assert_string_equal(copy->upstreams[0].key, "k-1");
    assert_int_equal(copy->upstreams[0].more_keys.count, 1);
    assert_string_equal(copy->upstreams[0].more_keys.items[0], "k-2");
    config_print(copy, &out);
    assert_null(strstr(buf_cstr(&out), "k-"));
    config_free(copy);
    buf_free(&out);
    unlink(paths[1]);
    must_refuse(yaml, "upstreams[0].key_files[1]: line 1:", paths[1]);
    unlink(paths[0]);
    must_refuse("upstreams: [{name: a, url: \"http://h\", key: k, key_files: [f]}]", "upstreams[0].key_files",
                "beside key");
}

/* A key from a file with these bytes; the config or NULL. */
static struct config *with_key_file(const char *bytes, size_t len, struct config_error *error)
{
    char path[] = "/tmp/lastword-test-XXXXXX", yaml[300];
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes, len), len);
    close(fd);
    snprintf(yaml, sizeof yaml, AUTH "keys: [{name: n, owner: o, key_file: %s}]", path);
    struct config *c = config_parse(yaml, strlen(yaml), NULL, error);
    if (!c)
        assert_non_null(strstr(error->text, "keys[0].key_file: line 3:"));
    remove(path);
    return c;
}

static void secrets_come_from_files(void **state)
{
    (void)state;
    struct config_error error;
    struct config *c = with_key_file("sk-1\r\n\n", 7, &error);
    assert_non_null(c);
    assert_string_equal(c->keys[0].key, "sk-1");
    config_free(c);
    assert_null(with_key_file("", 0, &error));
    assert_non_null(strstr(error.text, "is empty"));
    assert_null(with_key_file("\n", 1, &error));
    assert_null(with_key_file("a\nb\n", 4, &error));
    assert_null(with_key_file("a\0b", 3, &error));
    static char big[65537];
    memset(big, 'k', sizeof big);
    assert_null(with_key_file(big, sizeof big, &error));
    assert_non_null(strstr(error.text, "larger than 65536"));
    assert_null(with_key_file(big, 5000, &error));
    must_refuse(AUTH "keys: [{name: n, owner: o, key_file: /no/such}]",
                "keys[0].key_file: line 3:", "cannot open /no/such: No such file");
}

static void routes_are_read(void **state)
{
    (void)state;
    struct config *c = must_parse(
        "routes:\n"
        "  - model: best\n"
        "    to:\n"
        "      - {upstream: b, model: x, order: 2, weight: 0}\n"
        "      - {upstream: a, order: 2}\n"
        "      - upstream: a\n"
        "        body: {i: -3, r: .5, e: 1e2, s: \"4\", w: yes, t: true, n: , l: [1, {}], u: \xC3\xA9}\n"
        "      - {upstream: a, body: '{\"k\": [1.5, null]}'}\n" UP);
    const struct config_route *r = c->routes;
    assert_int_equal(c->route_count, 1);
    assert_string_equal(r->model, "best");
    assert_int_equal(r->target_count, 4);
    assert_int_equal(r->targets[0].upstream, 1);
    assert_string_equal(r->targets[0].model, "x");
    assert_int_equal(r->targets[0].order, 2);
    assert_int_equal(r->targets[0].weight, 0);
    assert_int_equal(r->targets[1].weight, 1);
    assert_int_equal(r->targets[2].order, 1);
    assert_string_equal(r->targets[2].model, "");
    assert_string_equal(r->targets[2].body,
                        "{\"i\":-3,\"r\":0.5,\"e\":100.0,\"s\":\"4\",\"w\":\"yes\",\"t\":true,"
                        "\"n\":null,\"l\":[1,{}],\"u\":\"\\u00E9\"}");
    assert_string_equal(r->targets[3].body, "{\"k\":[1.5,null]}");
    config_free(c);
}

static void wrong_routes_are_refused(void **state)
{
    (void)state;
    must_refuse(UP "routes: [{to: [{upstream: a}]}]", "routes[0].model: line 2:", "is missing");
    must_refuse(UP "routes: [{model: m}]", "routes[0].to: line 2:", "is missing");
    must_refuse(UP "routes: [{model: m, to: []}]", "routes[0].to: line 2:", "at least one");
    must_refuse(UP "routes: [{model: m, to: [{model: x}]}]", "routes[0].to[0].upstream", "is missing");
    must_refuse(UP "routes: [{model: m, to: [{upstream: q}]}]",
                "routes[0].to[0].upstream: line 2:", "there is no upstream \"q\"; did you mean a or b?");
    must_refuse(UP "routes: [{model: m, to: [{upstream: nowhere}]}]", "no upstream \"nowhere\"",
                "known are a, b");
    must_refuse(UP "routes:\n - {model: m, to: [{upstream: a}]}\n - {model: m, to: [{upstream: a}]}",
                "routes[1].model: line 4:", "routes[0] too");
    must_refuse(UP "routes: [{model: m, to: [{upstream: a, order: 101}]}]", "routes[0].to[0].order",
                "(1 to 100)");
    must_refuse(UP "routes: [{model: m, to: [{upstream: a, weight: 1000001}]}]", "routes[0].to[0].weight",
                "too large");
    must_refuse(UP "routes: [{model: m, to: [{upstream: a, weight: 0}, {upstream: b, order: 2}]}]",
                "routes[0].to", "order 1 has weight 0");
    must_refuse(UP "routes: [{model: m, to: [{upstream: a, wieght: 0}]}]", "routes[0].to[0].wieght",
                "did you mean weight?");
}

static void wrong_bodies_are_refused(void **state)
{
    (void)state;
    static const char *const bad[][2] = {
        {"[1]", "must be a mapping"},
        {"'[1]'", "must be a mapping"},
        {"'{'", "not JSON"},
        {"'{\"a\":1,\"a\":2}'", "not JSON"},
        {"{a: 1, a: 2}", "given twice"},
        {"{a: .inf}", "JSON does not have"},
        {"{a: 1e999}", "too large"},
        {"{a: 99999999999999999999}", "too large"},
        {"{a: \"x\\0y\"}", "NUL"},
        {"{[a]: 1}", "word"},
        {"{a: [{b: 1, b: 2}]}", "given twice"},
        {"5", "not JSON"},
        {"", "no value"},
    };
    char yaml[300];
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        snprintf(yaml, sizeof yaml, UP "routes: [{model: m, to: [{upstream: a, body: %s}]}]", bad[i][0]);
        must_refuse(yaml, "routes[0].to[0].body: line 2:", bad[i][1]);
    }
}

/* `count` entries of a list, through printf with their number. */
static void refuse_many(const char *head, const char *entry, int count, const char *tail, const char *word)
{
    struct buf yaml = {0};
    char item[200];
    buf_add_str(&yaml, head);
    for (int i = 0; i < count; i++) {
        const char *mark = strchr(entry, '#');
        snprintf(item, sizeof item, "%.*s%d%s", (int)(mark - entry), entry, i, mark + 1);
        buf_add_str(&yaml, item);
    }
    buf_add_str(&yaml, tail);
    must_refuse(buf_cstr(&yaml), word, "at most");
    buf_free(&yaml);
}

static void lists_have_limits(void **state)
{
    (void)state;
    refuse_many("upstreams:\n", "- {name: u#, url: \"http://h\"}\n", 257, "",
                "upstreams: line 2: has 257 entries");
    refuse_many(UP "routes:\n", "- {model: m#, to: [{upstream: a}]}\n", 1025, "",
                "routes: line 3: has 1025 entries");
    refuse_many(UP "routes:\n- model: m\n  to: [", "{upstream: a, model: m#},", 65, "]\n",
                "routes[0].to: line 4: has 65 entries");
    refuse_many("upstreams: [{name: u, url: \"http://h\", models: [", "m#,", 257, "]}]",
                "upstreams[0].models: line 1: has 257");
    refuse_many(UP "listen: {origins: [", "\"http://h#\",", 65, "]}", "listen.origins: line 2: has 65");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(upstreams_are_read),
        cmocka_unit_test(wrong_upstreams_are_refused),
        cmocka_unit_test(several_keys_of_an_upstream_are_read),
        cmocka_unit_test(urls_are_checked),
        cmocka_unit_test(keys_are_read),
        cmocka_unit_test(wrong_keys_are_refused),
        cmocka_unit_test(secrets_come_from_files),
        cmocka_unit_test(routes_are_read),
        cmocka_unit_test(wrong_routes_are_refused),
        cmocka_unit_test(wrong_bodies_are_refused),
        cmocka_unit_test(lists_have_limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
