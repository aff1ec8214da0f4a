/* config_print: what is printed is read again and means the same; secrets do not pass. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/config.h"

static struct config_error error;

static struct config *must_parse(struct buf *yaml)
{
    struct config *c = config_parse(yaml->data, yaml->len, NULL, &error);
    if (!c)
        fail_msg("%s in:\n%s", error.text, buf_cstr(yaml));
    return c;
}

static void defaults_are_read_again(void **state)
{
    (void)state;
    struct buf text = {0}, again = {0}, plain = {0};
    config_print_defaults(&text);
    struct config *none = config_load(NULL, NULL, &error);
    config_print(none, &plain);
    config_free(none);
    assert_null(config_parse(text.data, text.len, NULL, &error));
    assert_non_null(strstr(error.text, "upstreams: at least one"));
    buf_add_lit(&text, "upstreams: [{name: a, url: \"http://h\"}]\n");
    struct config *c = must_parse(&text);
    c->upstream_count = 0;
    config_print(c, &again);
    assert_string_equal(buf_cstr(&again), buf_cstr(&plain));
    config_free(c);
    buf_free(&text);
    buf_free(&again);
    buf_free(&plain);
}

/* The commented examples, without their "# ", are a config too. */
static void examples_are_true(void **state)
{
    (void)state;
    struct buf text = {0}, bare = {0};
    config_print_defaults(&text);
    char *from = strstr(buf_cstr(&text), "# upstreams:");
    assert_non_null(from);
    buf_add_lit(&bare, "auth: {mode: keys}\n");
    for (char *save, *line = strtok_r(from, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
        if (strncmp(line, "#   ", 4) == 0 || strchr("urk", line[2])) {
            char *file = strstr(line, "key_file: /run/secrets/");
            if (file)
                memcpy(file, "key: xxxxxxxxxxxxxxxxxx", 23);
            buf_add_str(&bare, line + 2);
            buf_add_char(&bare, '\n');
        }
    struct config *c = must_parse(&bare);
    assert_int_equal(c->upstream_count, 1);
    assert_int_equal(c->route_count, 1);
    assert_int_equal(c->key_count, 1);
    config_free(c);
    buf_free(&text);
    buf_free(&bare);
}

static void every_setting_is_printed_with_its_help(void **state)
{
    (void)state;
    struct buf text = {0};
    config_print_defaults(&text);
    buf_cstr(&text);
#define X(kind, section, name, def, min, max, reload, help)                                                  \
    assert_non_null(strstr(text.data, "  # " help));                                                         \
    assert_non_null(strstr(text.data, "\n  " #name ": "));                                                   \
    assert_non_null(strstr(text.data, "\n" #section ":\n"));
#include "base/config.def"
#undef X
    buf_free(&text);
}

static void settings_survive_and_secrets_do_not(void **state)
{
    (void)state;
    struct buf text = {0}, once = {0}, twice = {0};
    buf_add_lit(&text,
                "listen: {node: 'q\" \\ \xC3\xA9 # : {', origins: [\"http://x\"]}\nauth: {mode: keys}\n"
                "upstreams:\n"
                "  - {name: a, url: \"http://h\", key: sesame-1, continue: prefix, models: [\"m: 1\"], "
                "first_token_ms: 7}\n"
                "routes: [{model: \"- r\", to: [{upstream: a, model: x, order: 3, weight: 9, body: {t: "
                "\"\\U0001F600'\\n\"}}]}]\n"
                "keys: [{name: n, owner: o, key: sesame-2}]\n");
    struct config *first = must_parse(&text);
    config_print(first, &once);
    assert_null(strstr(buf_cstr(&once), "sesame"));
    struct config *second = must_parse(&once);
    assert_string_equal(second->upstreams[0].key, "***");
    assert_string_equal(second->listen_node, first->listen_node);
    assert_string_equal(second->routes[0].targets[0].body, first->routes[0].targets[0].body);
    config_print(second, &twice);
    assert_string_equal(buf_cstr(&once), buf_cstr(&twice));
    config_free(first);
    config_free(second);
    buf_free(&text);
    buf_free(&once);
    buf_free(&twice);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults_are_read_again),
        cmocka_unit_test(examples_are_true),
        cmocka_unit_test(every_setting_is_printed_with_its_help),
        cmocka_unit_test(settings_survive_and_secrets_do_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
