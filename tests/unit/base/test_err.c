/* err: the table is whole, and a message that is too long ends between characters. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/json.h"

static void table_is_whole(void **state)
{
    (void)state;
    for (int i = ERR_NONE + 1; i < ERR_COUNT; i++) {
        enum err_code code = (enum err_code)i;
        assert_true(strlen(err_wire(code)) > 2);
        assert_true(strlen(err_sentence(code)) > 10);
        assert_in_range(err_http_status(code), 400, 599);
        for (int k = ERR_NONE + 1; k < i; k++)
            assert_string_not_equal(err_wire(code), err_wire((enum err_code)k));
    }
}

static void rows_are_read(void **state)
{
    (void)state;
    assert_string_equal(err_wire(ERR_RATE_LIMITED), "RATE_LIMITED");
    assert_int_equal(err_http_status(ERR_RATE_LIMITED), 429);
    assert_string_equal(err_retry_name(err_retry(ERR_RATE_LIMITED)), "backoff");
    assert_string_equal(err_retry_name(err_retry(ERR_BAD_REQUEST)), "never");
    assert_string_equal(err_retry_name(RETRY_NOW), "now");
    assert_string_equal(err_wire((enum err_code)9999), "INTERNAL");
}

static void set_fills_and_returns_false(void **state)
{
    (void)state;
    struct err e;
    memset(&e, 0xff, sizeof e);
    assert_false(err_set(&e, ERR_BAD_REQUEST, "%s must be %d", "gen", 36));
    assert_int_equal(e.code, ERR_BAD_REQUEST);
    assert_string_equal(err_message(&e), "gen must be 36");
    assert_int_equal(e.after_ms, 0);
    assert_null(e.param);
    assert_false(err_set(&e, ERR_INTERNAL, NULL));
    assert_string_equal(err_message(&e), err_sentence(ERR_INTERNAL));
}

static void long_messages_end_between_characters(void **state)
{
    (void)state;
    char text[600];
    for (int shift = 0; shift < 4; shift++) {
        struct err e;
        memset(text, 'a', (size_t)shift);
        for (size_t i = (size_t)shift; i + 4 < sizeof text; i += 4)
            memcpy(text + i, "\xF0\x9F\x98\x80", 5);
        err_set(&e, ERR_BAD_REQUEST, "%s", text);
        assert_true(strlen(e.message) > sizeof e.message - 6);
        assert_true(utf8_valid(e.message, strlen(e.message)));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(table_is_whole),
        cmocka_unit_test(rows_are_read),
        cmocka_unit_test(set_fills_and_returns_false),
        cmocka_unit_test(long_messages_end_between_characters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
