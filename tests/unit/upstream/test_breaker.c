/* Tests of upstream/breaker.c, retry_after.c and timers.c: small and pure, time handed in. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "upstream/breaker.h"
#include "upstream/retry_after.h"
#include "upstream/timers.h"

static const struct breaker_limits limits = {.failures = 3, .wait_ms = 1000};

static void open_it(struct breaker *b, uint64_t now)
{
    for (int i = 0; i < 3; i++)
        breaker_failed(b, &limits, now);
    assert_int_equal(b->state, BREAKER_OPEN);
}

static void test_failures_in_a_row_open_it(void **state)
{
    struct breaker b = {0};
    (void)state;
    breaker_failed(&b, &limits, 0);
    breaker_failed(&b, &limits, 0);
    breaker_ok(&b);
    breaker_failed(&b, &limits, 0);
    breaker_failed(&b, &limits, 0);
    assert_int_equal(breaker_wait(&b, 0), 0);
    assert_false(breaker_enter(&b, 0));
    breaker_failed(&b, &limits, 0);
    assert_int_equal(breaker_wait(&b, 0), 1000);
    assert_int_equal(breaker_wait(&b, 999), 1);
}

static void test_one_probe_at_a_time(void **state)
{
    struct breaker b = {0};
    (void)state;
    open_it(&b, 0);
    assert_int_equal(breaker_wait(&b, 1000), 0);
    assert_true(breaker_enter(&b, 1000));
    assert_true(breaker_wait(&b, 1001) > 0); /* others wait for its result */
    breaker_ok(&b);
    assert_int_equal(breaker_wait(&b, 1002), 0);
    assert_int_equal(b.state, BREAKER_CLOSED);
}

static void test_the_wait_grows_and_stays_short(void **state)
{
    struct breaker b = {0};
    uint64_t now = 0;
    static const int64_t waits[] = {1000, 2000, 4000, 4000, 4000};
    (void)state;
    open_it(&b, 0);
    for (size_t i = 0; i < 5; i++) {
        assert_int_equal(breaker_wait(&b, now), waits[i]);
        now += (uint64_t)waits[i];
        assert_true(breaker_enter(&b, now));
        breaker_failed(&b, &limits, now);
    }
    breaker_ok(&b);
    open_it(&b, now);
    assert_int_equal(breaker_wait(&b, now), 1000);
}

static void test_a_probe_given_up_passes_to_the_next(void **state)
{
    struct breaker b = {0};
    (void)state;
    open_it(&b, 5000);
    breaker_enter(&b, 6000);
    breaker_forget(&b);
    assert_int_equal(breaker_wait(&b, 6000), 0);
    assert_true(breaker_enter(&b, 6000));
    breaker_forget(&b);
    breaker_forget(&b); /* harmless when it is not probing */
    assert_true(breaker_enter(&b, 6000));
    assert_int_equal(breaker_wait(&b, 6000 + 60000),
                     0); /* a probe that never ends is not waited for for ever */
}

static void test_late_failures_change_nothing(void **state)
{
    struct breaker b = {0};
    (void)state;
    open_it(&b, 0);
    breaker_failed(&b, &limits, 900); /* of an attempt that began before */
    assert_int_equal(breaker_wait(&b, 900), 100);
}

/* ------------------------------------------------------------ retry_after */

static int64_t after(const char *v, int64_t now_s)
{
    return retry_after_ms(v, strlen(v), now_s * 1000);
}

static void test_retry_after(void **state)
{
    (void)state;
    assert_int_equal(after("0", 0), 0);
    assert_int_equal(after(" 12\r\n", 0), 12000);
    assert_int_equal(after("1.25", 0), 1250);
    assert_int_equal(after("99999999999999999999", 0), 86400000);
    /* 784111777 is Sun, 06 Nov 1994 08:49:37 GMT, in the three forms of RFC 9110. */
    assert_int_equal(after("Sun, 06 Nov 1994 08:49:37 GMT", 784111777 - 30), 30000);
    assert_int_equal(after("Sunday, 06-Nov-94 08:49:37 GMT", 784111777 - 30), 30000);
    assert_int_equal(after("Sun Nov  6 08:49:37 1994", 784111777 - 30), 30000);
    assert_int_equal(after("Sun, 06 Nov 1994 08:49:37 GMT", 784111777 + 5), 0);
    assert_int_equal(after("", 0), -1);
    assert_int_equal(after("soon", 0), -1);
    assert_int_equal(after("-5", 0), -1);
    assert_int_equal(after("5 s", 0), -1);
    assert_int_equal(after("Sun, 06 Nov 1994 08:49:37 GMT and then some more text to be too long", 0), -1);
}

/* ------------------------------------------------------------ timers */

#define COUNT 500

static void test_timers_come_in_order(void **state)
{
    struct timers h = {0};
    static struct timer t[COUNT];
    (void)state;
    assert_true(timers_next_ms(&h) == TIMER_NEVER);
    memset(t, 0, sizeof t);
    srand(7);
    for (int i = 0; i < COUNT; i++)
        timer_set(&h, &t[i], (uint64_t)(rand() % 1000));
    for (int i = 0; i < COUNT; i += 3) /* moved to and fro */
        timer_set(&h, &t[i], (uint64_t)(rand() % 1000));
    for (int i = 0; i < COUNT; i += 5)
        timer_clear(&h, &t[i]);
    timer_clear(&h, &t[0]);
    assert_int_equal(h.count, COUNT - COUNT / 5);
    uint64_t last = 0;
    for (struct timer *first; (first = timers_first(&h));) {
        assert_true(first->at_ms >= last);
        last = first->at_ms;
        timer_clear(&h, first);
        assert_int_equal(first->slot, 0);
    }
    timers_free(&h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_failures_in_a_row_open_it),
        cmocka_unit_test(test_one_probe_at_a_time),
        cmocka_unit_test(test_the_wait_grows_and_stays_short),
        cmocka_unit_test(test_a_probe_given_up_passes_to_the_next),
        cmocka_unit_test(test_late_failures_change_nothing),
        cmocka_unit_test(test_retry_after),
        cmocka_unit_test(test_timers_come_in_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
