#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "edge/derive.h"

static const char *text_of(struct uuid id)
{
    static char text[UUID_TEXT + 1];
    return uuid_format(&id, text);
}

static void test_a_uuid_stands_for_itself(void **state)
{
    (void)state;
    static const char id[] = "0193a1b2-0000-7000-8000-000000000001";
    assert_string_equal(text_of(derive_id("gen", "t/u", id)), id);
}

/* printf 'chat\0t/u\0a text' | sha256sum, with version and variant set: other people's programs can do the
 * same. */
static void test_another_text_has_one_of_its_own(void **state)
{
    (void)state;
    struct uuid one = derive_id("chat", "t/u", "a text");
    assert_string_equal(text_of(one), "623fe761-5b05-8561-b9b2-f631c2244a41");
    struct uuid others[] = {derive_id("chat", "t/u", "a text "), derive_id("gen", "t/u", "a text"),
                            derive_id("chat", "t/v", "a text"), derive_id("chat", "t/u", "A TEXT")};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        assert_false(uuid_equal(&one, &others[i]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_uuid_stands_for_itself),
        cmocka_unit_test(test_another_text_has_one_of_its_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
