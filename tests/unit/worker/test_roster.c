/* roster: who is started when, played with a clock that only counts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "roster.h"

/* Starts whoever is due; how many. */
static int start_all(struct roster *r, uint64_t now)
{
    int count = 0;
    for (int slot; (slot = roster_due(r, now)) >= 0; count++)
        roster_started(r, slot, now);
    return count;
}

/* Three workers that serve since 100. */
static struct roster three(void)
{
    struct roster r;
    roster_init(&r, 3);
    assert_int_equal(start_all(&r, 0), 1);
    assert_false(roster_serving(&r, 0));
    assert_int_equal(start_all(&r, 100), 2);
    assert_false(roster_serving(&r, 2));
    assert_true(roster_serving(&r, 1));
    assert_int_equal(roster_wait_ms(&r, 100), -1);
    return r;
}

static void the_first_starts_alone(void **state)
{
    (void)state;
    struct roster r;
    roster_init(&r, 3);
    assert_int_equal(roster_wait_ms(&r, 0), 0);
    assert_int_equal(roster_due(&r, 0), 0);
    roster_started(&r, 0, 0);
    assert_int_equal(roster_due(&r, 5000), -1);
    assert_int_equal(roster_wait_ms(&r, 5000), -1);
    assert_false(roster_serving(&r, 0));
    assert_int_equal(roster_wait_ms(&r, 5000), 0);
    assert_int_equal(roster_due(&r, 5000), 1);
}

static void all_serve_once(void **state)
{
    (void)state;
    struct roster r = three();
    assert_false(roster_serving(&r, 1)); /* again: nothing new */
    assert_false(roster_over(&r));
}

static void one_that_cannot_start_ends_all(void **state)
{
    (void)state;
    struct roster r;
    roster_init(&r, 2);
    start_all(&r, 0);
    assert_true(roster_ended(&r, 0, false));
    assert_true(roster_over(&r));
    assert_int_equal(r.exit_code, 1);
    assert_int_equal(roster_due(&r, 100000), -1);
}

static void so_does_a_later_one(void **state)
{
    (void)state;
    struct roster r;
    roster_init(&r, 3);
    start_all(&r, 0);
    roster_serving(&r, 0);
    start_all(&r, 0);
    assert_true(roster_ended(&r, 1, true)); /* it did not serve, however well it ended */
    assert_false(roster_over(&r));
    assert_false(roster_ended(&r, 0, true));
    assert_false(roster_serving(&r, 2)); /* too late to be told to anybody */
    assert_false(roster_ended(&r, 2, true));
    assert_true(roster_over(&r));
    assert_int_equal(r.exit_code, 1);
}

static void one_that_served_is_started_again(void **state)
{
    (void)state;
    struct roster r;
    roster_init(&r, 2);
    start_all(&r, 0);
    roster_serving(&r, 0);
    start_all(&r, 10);
    assert_false(roster_ended(&r, 0, false)); /* before the other has served */
    assert_int_equal(roster_due(&r, 999), -1);
    assert_int_equal(roster_wait_ms(&r, 999), 1);
    assert_int_equal(roster_due(&r, 1000), 0);
    roster_started(&r, 0, 1000);
    assert_true(roster_serving(&r, 1)); /* both have served, if not at once */
    assert_false(roster_serving(&r, 0));
}

static void at_most_once_a_second(void **state)
{
    (void)state;
    struct roster r = three();
    int starts = 0;
    for (uint64_t now = 2000; now < 12000; now++)
        if (r.slots[1].state == ROSTER_WAITING) {
            starts += start_all(&r, now);
        } else {
            assert_false(roster_ended(&r, 1, now % 2)); /* at once, each time, whether it says why or not */
        }
    assert_int_equal(starts, 10);
    assert_int_equal(r.slots[0].state, ROSTER_SERVING);
}

static void one_that_lived_long_is_back_at_once(void **state)
{
    (void)state;
    struct roster r = three();
    assert_false(roster_ended(&r, 2, false));
    assert_int_equal(roster_wait_ms(&r, 100000), 0);
    assert_int_equal(roster_due(&r, 100000), 2);
}

static void the_end(void **state)
{
    (void)state;
    struct roster r = three();
    assert_false(roster_ended(&r, 1, false)); /* waits to be started */
    roster_end(&r);
    assert_int_equal(roster_due(&r, 100000), -1);
    assert_int_equal(roster_wait_ms(&r, 100000), -1);
    assert_false(roster_ended(&r, 0, true));
    assert_false(roster_over(&r));
    assert_false(roster_ended(&r, 2, true));
    assert_true(roster_over(&r));
    assert_int_equal(r.exit_code, 0);
}

static void an_end_that_was_not_well(void **state)
{
    (void)state;
    struct roster r = three();
    roster_end(&r);
    roster_ended(&r, 0, true);
    roster_ended(&r, 1, false);
    roster_ended(&r, 2, true);
    assert_true(roster_over(&r));
    assert_int_equal(r.exit_code, 1);
}

static void an_end_before_the_beginning(void **state)
{
    (void)state;
    struct roster r;
    roster_init(&r, ROSTER_MAX);
    start_all(&r, 0);
    roster_end(&r);
    assert_false(roster_over(&r));
    assert_false(roster_ended(&r, 0, true));
    assert_true(roster_over(&r));
    assert_int_equal(r.exit_code, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_starts_alone),
        cmocka_unit_test(all_serve_once),
        cmocka_unit_test(one_that_cannot_start_ends_all),
        cmocka_unit_test(so_does_a_later_one),
        cmocka_unit_test(one_that_served_is_started_again),
        cmocka_unit_test(at_most_once_a_second),
        cmocka_unit_test(one_that_lived_long_is_back_at_once),
        cmocka_unit_test(the_end),
        cmocka_unit_test(an_end_that_was_not_well),
        cmocka_unit_test(an_end_before_the_beginning),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
