/* Tests of calls to an upstream with several keys: a refused one rests, the next is used at once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "fixture_call.h"

static char second[] = "second key";

static void open_with_two_keys(size_t targets)
{
    world_open(targets, CONTINUE_NONE);
    w.routes.sites[0]->keys.count = 2;
    w.routes.sites[0]->wires[1] = second;
}

static void refuse(int status, int64_t retry_after_ms)
{
    head(status, retry_after_ms, "application/json");
    body("{\"error\":{\"message\":\"no\",\"type\":\"t\",\"code\":null}}");
    ended(TRANSPORT_OK);
}

static void answer(void)
{
    head(200, -1, "text/event-stream");
    delta("a");
    finish("stop", 3, 1);
}

static void the_next_is_used(int status, int64_t retry_after_ms)
{
    open_with_two_keys(2);
    world_ask("", false);
    assert_string_equal(last()->site, "one");
    refuse(status, retry_after_ms);
    told("retrying 0");
    at(0);
    assert_int_equal(w.sent_count, 2);
    assert_string_equal(last()->site, second);
    answer();
    told("start fresh m-real@one; text a(1); end complete 3/1 spent 1");
    world_ask("", false); /* and the next call does not begin with the refused one */
    assert_string_equal(last()->site, second);
    answer();
    told("start fresh m-real@one; text a(1); end complete 3/1 spent 1");
    world_close();
}

static void test_a_refused_key_is_followed_by_the_next_at_once(void **state)
{
    (void)state;
    the_next_is_used(401, -1);
    the_next_is_used(402, -1);
    the_next_is_used(403, -1);
    the_next_is_used(429, -1);
    the_next_is_used(429, 1800);
}

static void test_with_all_refused_the_fallback_answers(void **state)
{
    (void)state;
    open_with_two_keys(2);
    world_ask("", false);
    refuse(401, -1);
    at(0);
    assert_string_equal(last()->site, second);
    refuse(401, -1);
    retried();
    assert_string_equal(last()->site, "two");
    told("retrying 0; retrying 0");
    answer();
    told("start fresh m-real@two; text a(1); end complete 3/1 spent 1");
    world_close();
}

static void test_keys_do_not_lift_the_bound_of_attempts(void **state)
{
    (void)state;
    open_with_two_keys(1);
    w.routes.sites[0]->keys.count = 6;
    for (unsigned i = 2; i < 6; i++)
        w.routes.sites[0]->wires[i] = second;
    world_ask("", false);
    for (int i = 0; i < 3; i++) {
        refuse(401, -1);
        at(0);
    }
    refuse(401, -1);
    assert_int_equal(w.sent_count, 4);
    assert_true(w.ended);
    told("retrying 0; retrying 0; retrying 0; end error UPSTREAM_ERROR");
    world_close();
}

static void test_another_failure_is_not_the_keys(void **state)
{
    (void)state;
    open_with_two_keys(1);
    world_ask("", false);
    refuse(503, -1);
    retried();
    assert_string_equal(last()->site, "one");
    answer();
    world_close();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_refused_key_is_followed_by_the_next_at_once),
        cmocka_unit_test(test_with_all_refused_the_fallback_answers),
        cmocka_unit_test(test_keys_do_not_lift_the_bound_of_attempts),
        cmocka_unit_test(test_another_failure_is_not_the_keys),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
