/* uuid: the layout of version 7, and a text that is read only in its one form. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/uuid.h"

/* The example of RFC 9562, appendix A.6. */
static void version_seven(void **state)
{
    (void)state;
    static const uint8_t random[10] = {0x0c, 0xc3, 0x18, 0xc4, 0xdc, 0x0c, 0x0c, 0x07, 0x39, 0x8f};
    struct uuid u = uuid_v7(0x017F22E279B0, random);
    char text[UUID_TEXT + 1];
    assert_string_equal(uuid_format(&u, text), "017f22e2-79b0-7cc3-98c4-dc0c0c07398f");
    static const uint8_t ones[10] = {255, 255, 255, 255, 255, 255, 255, 255, 255, 255};
    u = uuid_v7(UINT64_MAX, ones);
    assert_string_equal(uuid_format(&u, text), "ffffffff-ffff-7fff-bfff-ffffffffffff");
}

static void later_is_greater(void **state)
{
    (void)state;
    static const uint8_t high[10] = {255, 255, 255, 255, 255, 255, 255, 255, 255, 255}, low[10] = {0};
    struct uuid a = uuid_v7(1700000000255, high), b = uuid_v7(1700000000256, low);
    assert_true(memcmp(a.b, b.b, 16) < 0);
}

static void round_trip(void **state)
{
    (void)state;
    struct uuid u, v;
    char text[UUID_TEXT + 1];
    for (int i = 0; i < 16; i++)
        u.b[i] = (uint8_t)(i * 17 + 3);
    assert_true(uuid_parse(&v, uuid_format(&u, text), UUID_TEXT));
    assert_true(uuid_equal(&u, &v));
    assert_false(uuid_is_nil(&u));
    assert_true(uuid_parse(&v, "00000000-0000-0000-0000-000000000000", UUID_TEXT));
    assert_true(uuid_is_nil(&v));
}

static void every_wrong_character_is_refused(void **state)
{
    (void)state;
    static const char good[] = "017f22e2-79b0-7cc3-98c4-dc0c0c07398f";
    struct uuid u;
    for (size_t len = 0; len < UUID_TEXT; len++)
        assert_false(uuid_parse(&u, good, len));
    assert_false(uuid_parse(&u, good, UUID_TEXT + 1));
    for (size_t at = 0; at < UUID_TEXT; at++)
        for (int c = 0; c < 256; c++) {
            char text[UUID_TEXT + 1];
            memcpy(text, good, sizeof text);
            text[at] = (char)c;
            bool hex = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
            assert_int_equal(uuid_parse(&u, text, UUID_TEXT), good[at] == '-' ? c == '-' : hex);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(version_seven),
        cmocka_unit_test(later_is_greater),
        cmocka_unit_test(round_trip),
        cmocka_unit_test(every_wrong_character_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
