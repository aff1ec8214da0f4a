#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "edge/auth.h"

static struct config_key keys[] = {
    {"a", "t/a", "key-of-a"}, {"b", "t/b", "key-of-b"}, {"c", "t/a", "second-of-a"}};

static struct auth *make(const char *mode)
{
    const struct config config = {.auth_mode = mode, .keys = keys, .key_count = 3};
    return auth_new(&config);
}

static void test_none_is_everyone(void **state)
{
    (void)state;
    struct auth *a = make("none");
    char owner[OWNER_MAX + 1];
    static const char *const tokens[] = {NULL, "", "anything", "key-of-a"};
    for (size_t i = 0; i < 4; i++) {
        assert_true(auth_owner(a, tokens[i], owner));
        assert_string_equal(owner, AUTH_LOCAL_OWNER);
    }
    auth_free(a);
}

static void test_keys(void **state)
{
    (void)state;
    struct auth *a = make("keys");
    char owner[OWNER_MAX + 1];
    assert_true(auth_owner(a, "key-of-a", owner));
    assert_string_equal(owner, "t/a");
    assert_true(auth_owner(a, "key-of-b", owner));
    assert_string_equal(owner, "t/b");
    assert_true(auth_owner(a, "second-of-a", owner));
    assert_string_equal(owner, "t/a");
    static const char *const wrong[] = {NULL,       "",  "key-of-", "key-of-aa",
                                        "KEY-OF-A", "a", "t/a",     " key-of-a"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_false(auth_owner(a, wrong[i], owner));
    auth_free(a);
}

static void test_no_keys_at_all(void **state)
{
    (void)state;
    const struct config config = {.auth_mode = "keys"};
    struct auth *a = auth_new(&config);
    char owner[OWNER_MAX + 1];
    assert_false(auth_owner(a, "x", owner));
    auth_free(a);
    auth_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_none_is_everyone),
        cmocka_unit_test(test_keys),
        cmocka_unit_test(test_no_keys_at_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
