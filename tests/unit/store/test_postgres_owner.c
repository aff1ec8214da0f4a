/* What is remembered of the owners that wrote lately, and what holds for those that were forgotten. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>

#include "store/postgres_owner.h"

static void test_each_has_its_own(void **state)
{
    struct pgowners o;
    (void)state;
    pgowners_init(&o);
    pgowners_wrote(&o, "acme/alice", 1, 0);
    pgowners_wrote(&o, "acme/bob", 2, 0);
    pgowners_wrote(&o, "acme/alice", 3, 0);
    assert_int_equal(pgowners_order(&o, "acme/alice"), 3);
    assert_int_equal(pgowners_order(&o, "acme/bob"), 2);
    assert_int_equal(pgowners_order(&o, "acme/carol"), 0);
    pgowners_reached(&o, "acme/alice", 1000);
    assert_int_equal(pgowners_lsn(&o, "acme/alice"), 1000);
    assert_int_equal(pgowners_lsn(&o, "acme/bob"), 0);
    pgowners_reached(&o, "acme/bob", LSN_UNKNOWN);
    assert_int_equal(pgowners_lsn(&o, "acme/bob"), LSN_UNKNOWN);
    pgowners_reached(&o, "acme/bob", 2000);
    assert_int_equal(pgowners_lsn(&o, "acme/bob"), 2000);
    pgowners_free(&o);
}

static void test_the_forgotten_are_covered(void **state)
{
    struct pgowners o;
    char name[32];
    (void)state;
    pgowners_init(&o);
    o.max = 10;
    for (uint64_t i = 1; i <= 30; i++) {
        snprintf(name, sizeof(name), "acme/%u", (unsigned)i);
        pgowners_wrote(&o, name, i, i - 1);
        pgowners_reached(&o, name, i * 100);
    }
    assert_int_equal(o.table.count, 10);
    assert_int_equal(pgowners_order(&o, "acme/20"), 0);
    assert_int_equal(pgowners_lsn(&o, "acme/20"), 2000); /* as far as the farthest of the forgotten */
    assert_int_equal(pgowners_lsn(&o, "acme/1"), 2000);
    assert_int_equal(pgowners_lsn(&o, "acme/nobody"), 2000);
    assert_int_equal(pgowners_lsn(&o, "acme/25"), 2500);
    pgowners_wrote(&o, "acme/1", 31, 30); /* is back: not less than what it wrote before */
    assert_true(pgowners_lsn(&o, "acme/1") >= 2000);
    pgowners_free(&o);
}

static void test_an_unknown_outcome_is_forgotten_as_the_latest(void **state)
{
    struct pgowners o;
    (void)state;
    pgowners_init(&o);
    o.max = 1;
    pgowners_wrote(&o, "acme/alice", 1, 0);
    pgowners_reached(&o, "acme/alice", LSN_UNKNOWN);
    pgowners_wrote(&o, "acme/bob", 2, 1);
    assert_int_equal(pgowners_lsn(&o, "acme/alice"), 0); /* nothing was reached at all so far */
    pgowners_reached(&o, "acme/bob", 500);
    pgowners_reached(&o, "acme/bob", LSN_UNKNOWN);
    pgowners_wrote(&o, "acme/carol", 3, 2);
    assert_int_equal(pgowners_lsn(&o, "acme/bob"), 500);
    pgowners_free(&o);
}

static void test_writes_on_their_way_are_not_forgotten(void **state)
{
    struct pgowners o;
    char name[32];
    (void)state;
    pgowners_init(&o);
    o.max = 4;
    for (uint64_t i = 1; i <= 20; i++) {
        snprintf(name, sizeof(name), "acme/%u", (unsigned)i);
        pgowners_wrote(&o, name, i, 0);
    }
    assert_int_equal(pgowners_order(&o, "acme/1"), 1);
    pgowners_wrote(&o, "acme/21", 21, 20);
    assert_int_equal(o.table.count, 4);
    assert_int_equal(pgowners_order(&o, "acme/17"), 0);
    assert_int_equal(pgowners_order(&o, "acme/18"), 18);
    pgowners_free(&o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_has_its_own),
        cmocka_unit_test(test_the_forgotten_are_covered),
        cmocka_unit_test(test_an_unknown_outcome_is_forgotten_as_the_latest),
        cmocka_unit_test(test_writes_on_their_way_are_not_forgotten),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
