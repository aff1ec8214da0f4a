/* Tests of upstream/keys.c: one after the other, resting where they were refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "upstream/keys.h"

static void test_one_key_never_rests(void **state)
{
    struct keys k = {.count = 1};
    (void)state;
    assert_int_equal(keys_failed(&k, 0, FAIL_AUTH, -1, 1000), 0);
    assert_int_equal(keys_failed(&k, 0, FAIL_RATE_LIMIT, 5000, 1000), 0);
    assert_int_equal(keys_pick(&k, 1000), 0);
    assert_true(keys_fresh(&k, 1000));
}

static void test_the_next_takes_over_and_stays(void **state)
{
    struct keys k = {.count = 3};
    (void)state;
    assert_int_equal(keys_pick(&k, 0), 0);
    assert_int_equal(keys_failed(&k, 0, FAIL_RATE_LIMIT, 500, 0), 500);
    assert_int_equal(keys_pick(&k, 0), 1);
    assert_int_equal(keys_pick(&k, 499), 1);
    assert_int_equal(keys_pick(&k, 500), 1); /* no reason to go back */
    assert_int_equal(keys_failed(&k, 1, FAIL_AUTH, -1, 500), 600000);
    assert_int_equal(keys_pick(&k, 500), 2);
    assert_int_equal(keys_failed(&k, 2, FAIL_RATE_LIMIT, -1, 500), 10000);
    assert_true(keys_fresh(&k, 500)); /* the first has rested */
    assert_int_equal(keys_pick(&k, 500), 0);
}

static void test_all_rest(void **state)
{
    struct keys k = {.count = 2};
    (void)state;
    keys_failed(&k, 0, FAIL_QUOTA, -1, 0);
    keys_failed(&k, 1, FAIL_RATE_LIMIT, 2000, 0);
    assert_false(keys_fresh(&k, 1999));
    assert_int_equal(keys_pick(&k, 1999), 1); /* the one that has rested soonest */
    assert_true(keys_fresh(&k, 2000));
    assert_int_equal(keys_pick(&k, 2000), 1);
}

static void test_what_says_nothing_of_a_key(void **state)
{
    struct keys k = {.count = 2};
    (void)state;
    for (enum failure f = FAIL_NONE; f < FAILURES; f++)
        if (f != FAIL_AUTH && f != FAIL_QUOTA && f != FAIL_RATE_LIMIT)
            assert_int_equal(keys_failed(&k, 0, f, 5000, 0), 0);
    assert_int_equal(keys_pick(&k, 0), 0);
    assert_int_equal(keys_failed(&k, 0, FAIL_RATE_LIMIT, 86400000, 0), 600000); /* and not for a day */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_key_never_rests),
        cmocka_unit_test(test_the_next_takes_over_and_stays),
        cmocka_unit_test(test_all_rest),
        cmocka_unit_test(test_what_says_nothing_of_a_key),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
