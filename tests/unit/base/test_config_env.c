/* config_env: the environment over the file, secrets from files, and no variable of ours that means nothing.
 */
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

static const char yaml[] = "upstreams: [{name: a, url: \"http://h\"}]\n"
                           "listen: {port: 1, host: 127.0.0.9}\n";

static struct config_error error;

static struct config *with(const char *first, const char *second)
{
    char *env[] = {(char *)(uintptr_t)first, (char *)(uintptr_t)second, NULL};
    return config_parse(yaml, sizeof yaml - 1, env, &error);
}

static void must_refuse(const char *first, const char *second, const char *word, const char *other)
{
    struct config *c = with(first, second);
    if (c)
        fail_msg("taken: %s", first);
    if (!strstr(error.text, word) || !strstr(error.text, other))
        fail_msg("\"%s\" or \"%s\" is not in \"%s\"", word, other, error.text);
}

static void environment_wins(void **state)
{
    (void)state;
    struct config *c = with("LASTWORD_LISTEN_PORT=7", "LASTWORD_LOG_STORE_KEEP_S=5");
    assert_non_null(c);
    assert_int_equal(c->listen_port, 7);
    assert_int_equal(c->log_store_keep_s, 5);
    assert_string_equal(c->listen_host, "127.0.0.9");
    config_free(c);
    c = with("LASTWORD_LISTEN_ORIGINS=http://a, http://b,,", "LASTWORD_HISTORY_FSYNC=yes");
    assert_non_null(c);
    assert_int_equal(c->listen_origins.count, 2);
    assert_string_equal(c->listen_origins.items[1], "http://b");
    assert_true(c->history_fsync);
    config_free(c);
    c = with("LASTWORD_LISTEN_ORIGINS=", "LASTWORD_LISTEN_NODE=");
    assert_non_null(c);
    assert_int_equal(c->listen_origins.count, 0);
    config_free(c);
}

static void bad_values_name_the_variable(void **state)
{
    (void)state;
    must_refuse("LASTWORD_LISTEN_PORT=x", NULL, "listen.port: LASTWORD_LISTEN_PORT: \"x\"", "(0 to 65535)");
    must_refuse("LASTWORD_LISTEN_HOST=", NULL, "listen.host: LASTWORD_LISTEN_HOST:", "empty");
    must_refuse("LASTWORD_LISTEN_HOST=\xff", NULL, "listen.host: LASTWORD_LISTEN_HOST:", "UTF-8");
    must_refuse("LASTWORD_LISTEN_WORKERS=2", NULL,
                "listen.workers: LASTWORD_LISTEN_WORKERS:", "session.store");
    must_refuse("LASTWORD_LISTEN_ORIGINS=nonsense", NULL,
                "listen.origins: LASTWORD_LISTEN_ORIGINS:", "nonsense");
}

static void unknown_variables_are_refused(void **state)
{
    (void)state;
    must_refuse("LASTWORD_LISTEN_PROT=1", NULL, "LASTWORD_LISTEN_PROT is no setting",
                "did you mean LASTWORD_LISTEN_PORT?");
    must_refuse("LASTWORD_LISTEN_NOTHING_LIKE_IT=1", NULL, "LASTWORD_LISTEN_NOTHING_LIKE_IT", "print-config");
    must_refuse("LASTWORD_LISTN_PORT=1", NULL, "LASTWORD_LISTN_PORT", "did you mean");
    must_refuse("LASTWORD_listen_port=1", NULL, "LASTWORD_listen_port", "");
    must_refuse("LASTWORD_LISTEN_PORT_FILE=/x", NULL, "LASTWORD_LISTEN_PORT_FILE", "no setting");
    char name[600] = "LASTWORD_LISTEN_";
    memset(name + 16, 'A', 500);
    strcpy(name + 516, "=1");
    must_refuse(name, NULL, "LASTWORD_LISTEN_AAAAA", "...");
}

static void other_variables_are_none_of_ours(void **state)
{
    (void)state;
    static const char *const others[] = {"LASTWORD_PORT=x",
                                         "LASTWORD_DATA=x",
                                         "LASTWORD_UPSTREAM_URL=x",
                                         "LASTWORD_UPSTREAM_KEY_FILE=x",
                                         "LASTWORD_BIN=x",
                                         "LASTWORD_CONFIG=x",
                                         "LASTWORD_PORT_8080_TCP=tcp://10.0.0.1:8080",
                                         "LASTWORD_SERVICE_HOST=10.0.0.1",
                                         "PATH=/bin",
                                         "LASTWORDS=1",
                                         "xLASTWORD_LISTEN_PORT=x",
                                         "LASTWORD_LISTEN_PORT"};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        struct config *c = with(others[i], NULL);
        if (!c)
            fail_msg("%s: %s", others[i], error.text);
        assert_int_equal(c->listen_port, 1);
        config_free(c);
    }
}

static void values_come_from_files(void **state)
{
    (void)state;
    char variable[100], *path = variable + sprintf(variable, "LASTWORD_LISTEN_HOST_FILE=");
    strcpy(path, "/tmp/lastword-test-XXXXXX");
    int fd = mkstemp(path);
    assert_int_equal(write(fd, "127.0.0.3\n", 10), 10);
    close(fd);
    struct config *c = with(variable, NULL);
    assert_non_null(c);
    assert_string_equal(c->listen_host, "127.0.0.3");
    config_free(c);
    must_refuse(variable, "LASTWORD_LISTEN_HOST=x", "stands beside", "LASTWORD_LISTEN_HOST_FILE");
    must_refuse("LASTWORD_LISTEN_HOST=x", variable, "stands beside LASTWORD_LISTEN_HOST", "listen.host");
    remove(path);
    must_refuse(variable, NULL, "cannot open", path);
}

static void defaults_take_the_environment(void **state)
{
    (void)state;
    char port[] = "LASTWORD_LISTEN_PORT=9";
    char *env[] = {port, NULL};
    struct config *c = config_load(NULL, env, &error);
    assert_non_null(c);
    assert_int_equal(c->listen_port, 9);
    config_free(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(environment_wins),
        cmocka_unit_test(bad_values_name_the_variable),
        cmocka_unit_test(unknown_variables_are_refused),
        cmocka_unit_test(other_variables_are_none_of_ours),
        cmocka_unit_test(values_come_from_files),
        cmocka_unit_test(defaults_take_the_environment),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
