/* Tests of upstream/ladder.c: decisions only, time and chance handed in. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "upstream/ladder.h"

static const struct ladder_limits limits = {
    .attempts = 4, .total_ms = 60000, .spend_tokens = 1000, .backoff_ms = 200, .backoff_max_ms = 1000};

static struct ladder_news news(enum failure f)
{
    return (struct ladder_news){.failure = f, .retry_after_ms = -1, .random = UINT32_MAX};
}

static struct ladder_step lose(struct ladder *l, struct ladder_news n)
{
    ladder_began(l);
    return ladder_failed(l, &n);
}

static void test_one_target_gets_all_attempts(void **state)
{
    struct ladder l;
    (void)state;
    ladder_init(&l, &limits, 1, 0);
    int64_t waits[] = {200, 400, 800};
    for (size_t i = 0; i < 3; i++) {
        struct ladder_step s = lose(&l, news(FAIL_UNAVAILABLE));
        assert_int_equal(s.move, LADDER_RETRY);
        assert_int_equal(s.target, 0);
        assert_int_equal(s.wait_ms, waits[i]); /* the top of the jitter, doubling */
    }
    assert_int_equal(lose(&l, news(FAIL_UNAVAILABLE)).move, LADDER_END);
    assert_int_equal(l.attempts, 4);
}

static void test_jitter_is_full_and_bounded(void **state)
{
    struct ladder l;
    struct ladder_limits many = limits;
    (void)state;
    many.attempts = 100;
    ladder_init(&l, &many, 1, 0);
    struct ladder_news n = news(FAIL_RESET);
    n.random = 0;
    assert_int_equal(lose(&l, n).wait_ms, 0);
    for (int i = 0; i < 80; i++)
        assert_in_range(lose(&l, news(FAIL_RESET)).wait_ms, 0, limits.backoff_max_ms);
}

/* An upstream that is being restarted: the only one is waited for, others are not kept waiting for it. */
static void test_patience_with_the_unreachable(void **state)
{
    struct ladder l;
    struct ladder_news n = news(FAIL_CONNECT);
    (void)state;
    for (uint32_t luck = 0; luck < 2; luck++) {
        n.random = luck ? UINT32_MAX : 0;
        ladder_init(&l, &limits, 1, 0);
        assert_int_equal(lose(&l, n).wait_ms, luck ? 400 : 200);
        assert_int_equal(lose(&l, n).wait_ms, luck ? 800 : 400);
        assert_int_equal(lose(&l, n).wait_ms, luck ? 1600 : 800);
        ladder_init(&l, &limits, 2, 0);
        assert_int_equal(lose(&l, n).wait_ms, luck ? 200 : 0);
    }
}

static void test_each_target_gets_its_share(void **state)
{
    struct ladder l;
    (void)state;
    ladder_init(&l, &limits, 2, 0);
    assert_int_equal(lose(&l, news(FAIL_UNAVAILABLE)).move, LADDER_RETRY);
    struct ladder_step s = lose(&l, news(FAIL_UNAVAILABLE));
    assert_int_equal(s.move, LADDER_FALLBACK);
    assert_int_equal(s.target, 1);
    assert_int_equal(s.wait_ms, 0);
    assert_int_equal(lose(&l, news(FAIL_UNAVAILABLE)).move, LADDER_RETRY);
    assert_int_equal(lose(&l, news(FAIL_UNAVAILABLE)).move, LADDER_END);
    assert_int_equal(l.first, FAIL_UNAVAILABLE);
}

/* One wait for a first token is long enough where somebody else can be asked. */
static void test_no_token_goes_to_the_next(void **state)
{
    struct ladder l;
    (void)state;
    ladder_init(&l, &limits, 2, 0);
    struct ladder_step s = lose(&l, news(FAIL_NO_TOKEN));
    assert_int_equal(s.move, LADDER_FALLBACK);
    assert_int_equal(s.target, 1);
    assert_int_equal(lose(&l, news(FAIL_NO_TOKEN)).move, LADDER_RETRY); /* nobody else is left */
    assert_int_equal(lose(&l, news(FAIL_NO_TOKEN)).move, LADDER_RETRY);
    assert_int_equal(lose(&l, news(FAIL_NO_TOKEN)).move, LADDER_END);
    ladder_init(&l, &limits, 2, 0);
    struct ladder_news open = news(FAIL_NO_TOKEN);
    open.open = 1 << 1;
    assert_int_equal(lose(&l, open).move, LADDER_RETRY);
}

static void test_failures_that_no_repetition_helps(void **state)
{
    static const enum failure next_only[] = {FAIL_CONTEXT,  FAIL_AUTH,  FAIL_REQUEST,
                                             FAIL_NO_MODEL, FAIL_QUOTA, FAIL_TLS};
    (void)state;
    for (size_t i = 0; i < sizeof next_only / sizeof *next_only; i++) {
        struct ladder l;
        ladder_init(&l, &limits, 2, 0);
        assert_int_equal(lose(&l, news(next_only[i])).move, LADDER_FALLBACK);
        assert_int_equal(lose(&l, news(next_only[i])).move, LADDER_END);
        ladder_init(&l, &limits, 1, 0);
        assert_int_equal(lose(&l, news(next_only[i])).move, LADDER_END);
    }
}

static void test_a_filter_ends_everything(void **state)
{
    struct ladder l;
    (void)state;
    ladder_init(&l, &limits, 3, 0);
    assert_int_equal(lose(&l, news(FAIL_FILTER)).move, LADDER_END);
}

static void test_the_first_cause_stays(void **state)
{
    struct ladder l;
    (void)state;
    ladder_init(&l, &limits, 2, 0);
    lose(&l, news(FAIL_CUT));
    lose(&l, news(FAIL_CUT));
    struct ladder_step s = lose(&l, news(FAIL_PREFIX)); /* the fallback refuses to continue */
    assert_int_equal(s.move, LADDER_RETRY);
    assert_int_equal(s.target, 1);
    assert_int_equal(s.wait_ms, 0);
    assert_true(l.no_prefix >> 1 & 1);
    assert_int_equal(lose(&l, news(FAIL_REQUEST)).move, LADDER_END);
    assert_int_equal(l.first, FAIL_CUT);
}

/* A refused prefix is asked again at once even when the target's share is used up. */
static void test_a_refused_prefix_is_not_a_share(void **state)
{
    struct ladder l;
    (void)state;
    ladder_init(&l, &limits, 2, 0);
    lose(&l, news(FAIL_CUT));
    struct ladder_step s = lose(&l, news(FAIL_PREFIX));
    assert_int_equal(s.move, LADDER_RETRY);
    assert_int_equal(s.target, 0);
}

static void test_retry_after(void **state)
{
    struct ladder l;
    struct ladder_news n = news(FAIL_RATE_LIMIT);
    (void)state;
    ladder_init(&l, &limits, 1, 0);
    n.retry_after_ms = 900; /* waited for, and a little more */
    struct ladder_step s = lose(&l, n);
    assert_int_equal(s.move, LADDER_RETRY);
    assert_in_range(s.wait_ms, 900, 1100);
    n.retry_after_ms = 1001; /* longer than the longest wait, and nobody else to ask */
    s = lose(&l, n);
    assert_int_equal(s.move, LADDER_END);
    assert_int_equal(s.after_ms, 1001);
    ladder_init(&l, &limits, 2, 0);
    s = lose(&l, n);
    assert_int_equal(s.move, LADDER_FALLBACK);
}

static void test_time_and_spend_are_bounds(void **state)
{
    struct ladder l;
    struct ladder_news n = news(FAIL_CUT);
    (void)state;
    ladder_init(&l, &limits, 2, 1000);
    n.now_ms = 1000 + 59999;
    assert_int_equal(lose(&l, n).move, LADDER_END); /* the wait would go past the bound */
    ladder_init(&l, &limits, 2, 1000);
    n.now_ms = 1000 + 60000;
    assert_int_equal(lose(&l, n).move, LADDER_END);
    ladder_init(&l, &limits, 2, 1000);
    n.now_ms = 1000;
    l.spent = 1000;
    assert_int_equal(lose(&l, n).move, LADDER_END);
}

static void test_open_circuits(void **state)
{
    struct ladder l;
    struct ladder_news n = news(FAIL_UNAVAILABLE);
    (void)state;
    ladder_init(&l, &limits, 3, 0);
    n.open = 1 << 0 | 1 << 1;
    n.open_wait_ms = 700;
    struct ladder_step s = lose(&l, n); /* its own circuit opened: no second try, and 1 is passed over */
    assert_int_equal(s.move, LADDER_FALLBACK);
    assert_int_equal(s.target, 2);
    ladder_init(&l, &limits, 1, 0);
    n.open = 1;
    s = lose(&l, n); /* nobody else: wait until a probe may pass */
    assert_int_equal(s.move, LADDER_RETRY);
    assert_int_equal(s.wait_ms, 700);
    n.open_wait_ms = 5000;
    s = lose(&l, n);
    assert_int_equal(s.move, LADDER_END);
    assert_int_equal(s.after_ms, 5000);
}

static void test_many_targets(void **state)
{
    struct ladder l;
    (void)state;
    ladder_init(&l, &limits, 40, 0);
    assert_int_equal(l.targets, LADDER_TARGETS);
    for (int i = 0; i < 3; i++)
        assert_int_equal(lose(&l, news(FAIL_RESET)).move, LADDER_FALLBACK);
    assert_int_equal(lose(&l, news(FAIL_RESET)).move, LADDER_END);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_target_gets_all_attempts),
        cmocka_unit_test(test_jitter_is_full_and_bounded),
        cmocka_unit_test(test_patience_with_the_unreachable),
        cmocka_unit_test(test_each_target_gets_its_share),
        cmocka_unit_test(test_no_token_goes_to_the_next),
        cmocka_unit_test(test_failures_that_no_repetition_helps),
        cmocka_unit_test(test_a_filter_ends_everything),
        cmocka_unit_test(test_the_first_cause_stays),
        cmocka_unit_test(test_a_refused_prefix_is_not_a_share),
        cmocka_unit_test(test_retry_after),
        cmocka_unit_test(test_time_and_spend_are_bounds),
        cmocka_unit_test(test_open_circuits),
        cmocka_unit_test(test_many_targets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
