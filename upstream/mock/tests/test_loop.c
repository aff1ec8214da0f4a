/* The heap of timers: fires in order, survives clearing and moving at random. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "loop.h"

#define TIMERS 2000u

static struct timer timers[TIMERS], stop;
static uint64_t last;
static unsigned fired;

static void on_fire(struct timer *t)
{
    assert_true(t->due >= last);
    last = t->due;
    fired++;
}

static void on_stop(struct timer *t)
{
    (void)t;
    loop_stop();
}

static bool nothing(void)
{
    return false;
}

static void test_timers_fire_in_order(void **state)
{
    (void)state;
    uint64_t base = loop_now(), random = 1;
    unsigned set = 0;
    for (unsigned round = 0; round < 5 * TIMERS; round++) {
        random = random * 6364136223846793005ull + 1442695040888963407ull;
        struct timer *t = &timers[(random >> 33) % TIMERS];
        t->fire = on_fire;
        if (random >> 62)
            timer_set(t, base + (random >> 20) % (5 * NS_PER_MS));
        else
            timer_clear(t);
    }
    for (unsigned i = 0; i < TIMERS; i++)
        set += timers[i].slot != 0;
    stop.fire = on_stop;
    timer_set(&stop, base + 6 * NS_PER_MS);
    loop_run(nothing);
    assert_true(set > TIMERS / 4);
    assert_int_equal(fired, set);
}

static unsigned turns;

static void on_again(struct timer *t)
{
    if (++turns < 100)
        timer_set(t, loop_now());
    else
        loop_stop();
}

static void test_a_timer_for_now_waits_for_the_next_turn(void **state)
{
    (void)state;
    struct timer t = {.fire = on_again};
    timer_set(&t, 0);
    loop_run(nothing);
    assert_int_equal(turns, 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_timers_fire_in_order),
                                       cmocka_unit_test(test_a_timer_for_now_waits_for_the_next_turn)};
    loop_open();
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    loop_close();
    return failed;
}
