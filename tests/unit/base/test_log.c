/* log: each line is one JSON object, whatever is put in; nothing waits for a full pipe. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>

#include "base/log.h"

static int ends[2];

static int open_pipe(void **state)
{
    (void)state;
    return pipe2(ends, O_NONBLOCK);
}

static int close_pipe(void **state)
{
    (void)state;
    log_open(STDERR_FILENO, LOG_LEVEL_INFO, "");
    return close(ends[0]) | close(ends[1]);
}

/* The one line written since, parsed; NULL if there was none. */
static json_t *one_line(void)
{
    char text[65536];
    ssize_t n = read(ends[0], text, sizeof text);
    if (n <= 0)
        return NULL;
    assert_true(n <= 4096);
    assert_int_equal(text[n - 1], '\n');
    assert_ptr_equal(memchr(text, '\n', (size_t)n), text + n - 1);
    json_error_t fault;
    json_t *line = json_loadb(text, (size_t)n, JSON_REJECT_DUPLICATES, &fault);
    if (!line)
        fail_msg("%s: %.*s", fault.text, (int)n, text);
    return line;
}

static const char *str(const json_t *line, const char *key)
{
    return json_string_value(json_object_get(line, key));
}

static void fields_arrive(void **state)
{
    (void)state;
    struct uuid id = {{1, 2, 3}};
    log_open(ends[1], LOG_LEVEL_INFO, "node \"a\"");
    errno = ENOENT;
    log_info("generation.done", LF_UUID("gen", &id), LF_STR("state", "complete"), LF_INT("off", -7),
             LF_STR("nothing", NULL));
    assert_int_equal(errno, ENOENT);
    json_t *line = one_line();
    assert_non_null(line);
    assert_string_equal(str(line, "level"), "info");
    assert_string_equal(str(line, "event"), "generation.done");
    assert_string_equal(str(line, "node"), "node \"a\"");
    assert_string_equal(str(line, "gen"), "01020300-0000-0000-0000-000000000000");
    assert_string_equal(str(line, "state"), "complete");
    assert_int_equal(json_integer_value(json_object_get(line, "off")), -7);
    assert_true(json_is_null(json_object_get(line, "nothing")));
    const char *ts = str(line, "ts");
    assert_int_equal(strlen(ts), 24);
    assert_true(ts[4] == '-' && ts[10] == 'T' && ts[19] == '.' && ts[23] == 'Z');
    json_decref(line);
}

static void levels_are_held(void **state)
{
    (void)state;
    enum log_level level;
    log_open(ends[1], LOG_LEVEL_WARN, "n");
    log_info("quiet", LF_INT("x", 1));
    assert_null(one_line());
    log_set_level(LOG_LEVEL_DEBUG);
    log_debug("loud", LF_INT("x", 1));
    json_t *line = one_line();
    assert_string_equal(str(line, "level"), "debug");
    json_decref(line);
    assert_true(log_level_parse("error", &level));
    assert_int_equal(level, LOG_LEVEL_ERROR);
    assert_false(log_level_parse("ERROR", &level));
    assert_false(log_level_parse("", &level));
}

static void long_values_are_cut_between_characters(void **state)
{
    (void)state;
    log_open(ends[1], LOG_LEVEL_INFO, "n");
    for (int shift = 0; shift < 4; shift++) {
        char text[9000];
        memset(text, 'x', (size_t)shift);
        for (size_t i = (size_t)shift; i + 5 <= sizeof text; i += 4)
            memcpy(text + i, "\xF0\x9F\x98\x80", 5);
        log_info("long", LF_STR("v", text), LF_INT("after", 1));
        json_t *line = one_line();
        assert_in_range(json_string_length(json_object_get(line, "v")), 1000, 1024);
        assert_int_equal(json_integer_value(json_object_get(line, "after")), 1);
        json_decref(line);
    }
}

static void a_line_fits_a_pipe_write(void **state)
{
    (void)state;
    char text[2000];
    memset(text, 1, sizeof text); /* each becomes six bytes */
    text[sizeof text - 1] = '\0';
    log_open(ends[1], LOG_LEVEL_INFO, "n");
    log_info("wide", LF_INT("a", 1), LF_STR("b", text), LF_STR("c", text));
    json_t *line = one_line();
    assert_int_equal(json_integer_value(json_object_get(line, "a")), 1);
    assert_true(json_is_true(json_object_get(line, "cut")));
    json_decref(line);
    log_info(text, LF_INT("a", 1));
    json_decref(one_line());
}

static void bad_utf8_is_mended(void **state)
{
    (void)state;
    log_open(ends[1], LOG_LEVEL_INFO, "n\xFF");
    log_info("bad", LF_STR("v", "a\xC3(\xE4\xB8\xAD\xED\xA0\x80 \xF0\x9F"));
    json_t *line = one_line();
    assert_string_equal(str(line, "node"), "n\xEF\xBF\xBD");
    assert_string_equal(str(line, "v"), "a\xEF\xBF\xBD(\xE4\xB8\xAD\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD "
                                        "\xEF\xBF\xBD\xEF\xBF\xBD");
    json_decref(line);
}

static void a_full_pipe_drops_and_counts(void **state)
{
    (void)state;
    char drain[65536];
    log_open(ends[1], LOG_LEVEL_INFO, "n");
    int written = 0;
    for (; written < 100000; written++)
        log_info("fill", LF_INT("i", written));
    while (read(ends[0], drain, sizeof drain) > 0)
        ;
    log_info("after", LF_INT("i", 0));
    json_t *line = one_line();
    assert_in_range(json_integer_value(json_object_get(line, "dropped")), 1, 99999);
    json_decref(line);
    log_info("after", LF_INT("i", 0));
    line = one_line();
    assert_null(json_object_get(line, "dropped"));
    json_decref(line);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(fields_arrive, open_pipe, close_pipe),
        cmocka_unit_test_setup_teardown(levels_are_held, open_pipe, close_pipe),
        cmocka_unit_test_setup_teardown(long_values_are_cut_between_characters, open_pipe, close_pipe),
        cmocka_unit_test_setup_teardown(a_line_fits_a_pipe_write, open_pipe, close_pipe),
        cmocka_unit_test_setup_teardown(bad_utf8_is_mended, open_pipe, close_pipe),
        cmocka_unit_test_setup_teardown(a_full_pipe_drops_and_counts, open_pipe, close_pipe),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
