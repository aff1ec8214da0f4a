/* key: what an API key looks like, and what only nearly does. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/key.h"

static void written_and_read(void **state)
{
    (void)state;
    uint8_t chance[40];
    char text[KEY_TEXT + 1], id[KEY_ID_DIGITS + 1];
    uint64_t number;
    for (size_t i = 0; i < sizeof chance; i++)
        chance[i] = (uint8_t)(255 - i);
    key_write(chance, text);
    /* base64url of f7 to d8, by another program */
    assert_string_equal(text, "lwk_fffefdfcfbfaf9f8_9_b19PPy8fDv7u3s6-rp6Ofm5eTj4uHg397d3Nva2dg");
    assert_true(key_parse(text, id, &number));
    assert_string_equal(id, "fffefdfcfbfaf9f8");
    assert_true(number == 0xfffefdfcfbfaf9f8u && key_number(id) == number);
    memset(chance, 0, sizeof chance);
    key_write(chance, text);
    assert_true(key_parse(text, id, &number) && number != 0);
}

static void only_nearly(void **state)
{
    (void)state;
    static const char *const wrong[] = {"",
                                        "lwk_",
                                        "lwk_fffefdfcfbfaf9f8",
                                        "lwk_fffefdfcfbfaf9f8_",
                                        "lwk_fffefdfcfbfaf9f8_9_b19PPy8fDv7u3s6-rp6Ofm5eTj4uHg397d3Nva2d",
                                        "lwk_fffefdfcfbfaf9f8_9_b19PPy8fDv7u3s6-rp6Ofm5eTj4uHg397d3Nva2dgg",
                                        "lwk_FFFEFDFCFBFAF9F8_9_b19PPy8fDv7u3s6-rp6Ofm5eTj4uHg397d3Nva2dg",
                                        "lwk_fffefdfcfbfaf9f8_9/b19PPy8fDv7u3s6+rp6Ofm5eTj4uHg397d3Nva2dg",
                                        "LWK_fffefdfcfbfaf9f8_9_b19PPy8fDv7u3s6-rp6Ofm5eTj4uHg397d3Nva2dg"};
    char id[KEY_ID_DIGITS + 1];
    uint64_t number;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_false(key_parse(wrong[i], id, &number));
    assert_true(key_is_id("0123456789abcdef"));
    assert_false(key_is_id("0123456789abcde") || key_is_id("0123456789abcdef0") ||
                 key_is_id("0123456789abcdeF"));
    assert_true(key_number("x") == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(written_and_read), cmocka_unit_test(only_nearly)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
