/* Tests of upstream/attempt.c: how an answer ends. What makes it whole, what takes that away, and what does
 * not. The upstream, the clock and the core are the fixture's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "fixture_call.h"

static void ask(void)
{
    world_ask(NULL, false);
}

static void ok(void)
{
    head(200, -1, "text/event-stream");
}

static void test_a_finish_reason_without_an_end_mark(void **state)
{
    (void)state;
    world_open(1, CONTINUE_NONE);
    ask();
    ok();
    delta("a");
    body("data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n");
    told("start fresh m-real@one; text a(1)");
    ended(TRANSPORT_RESET); /* complete at once, however it ended */
    told("end complete spent 1");
    ask();
    ok();
    delta("a");
    body("data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n");
    at(299);
    told("start fresh m-real@one; text a(1)");
    at(1); /* the connection stays open: usage and [DONE] had their time */
    told("end complete spent 1");
    assert_true(last()->finished);
    world_close();
}

/* No other clock strikes between the finish_reason and the end: the answer is whole. */
static void test_after_a_finish_reason_nothing_is_late(void **state)
{
    (void)state;
    world_open(1, CONTINUE_TRAILING_ASSISTANT);
    w.calls.limits.stalled_ms = w.calls.limits.between_tokens_ms = w.calls.limits.first_token_ms = 50;
    for (int text = 0; text < 2; text++) {
        ask();
        ok();
        if (text)
            delta("a");
        body("data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n");
        at(300);
        told(text ? "start fresh m-real@one; text a(1); end complete spent 1"
                  : "start fresh m@one; end complete");
    }
    assert_int_equal(w.sent_count, 2);
    world_close();
}

static void test_an_error_after_the_finish_reason_takes_nothing_back(void **state)
{
    static const char *const errors[] = {"data: {\"error\":{\"message\":\"x\",\"code\":500}}\n\n",
                                         "event: error\ndata: prose\n\n"};
    (void)state;
    for (size_t i = 0; i < sizeof errors / sizeof *errors; i++) {
        world_open(1, CONTINUE_TRAILING_ASSISTANT);
        ask();
        ok();
        delta("a");
        body("data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"length\"}]}\n\n");
        body(errors[i]);
        told("start fresh m-real@one; text a(1); end length spent 1");
        world_close();
    }
}

/* Some servers end the body right after their last line. */
static void test_the_last_event_without_its_empty_line(void **state)
{
    static const char *const ends[] = {"data: [DONE]", "data: [DONE]\n",
                                       "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}"};
    (void)state;
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        world_open(1, CONTINUE_NONE);
        ask();
        ok();
        delta("a");
        body(ends[i]);
        told("start fresh m-real@one; text a(1)");
        ended(TRANSPORT_OK);
        told("end complete spent 1");
        ask();
        ok();
        delta("a");
        body(ends[i]);
        ended(TRANSPORT_RESET); /* a torn body ends nothing */
        told("start fresh m-real@one; text a(1); retrying 0");
        call_cancel(w.call);
        world_close();
    }
}

static void test_an_end_mark_after_nothing_but_garbage(void **state)
{
    (void)state;
    world_open(1, CONTINUE_NONE);
    ask();
    ok();
    body("data: {\"choices\":[{\"del\n\ndata: [DONE]\n\n");
    told("retrying 0");
    retried();
    ok();
    body("data: {\"choices\":[{\"del\n\n");
    delta("a");
    finish("stop", 3, 2);
    told("start fresh m-real@one; text a(1); end complete 3/2 spent 2");
    world_close();
}

/* Nothing of a tool call is passed on, so an answer that is one was not answered. It is asked again nowhere.
 */
static void test_a_tool_call_is_no_answer(void **state)
{
    static const char call[] = "data: {\"choices\":[{\"delta\":{\"tool_calls\":[{\"index\":0}]}}]}\n\n";
    (void)state;
    world_open(2, CONTINUE_TRAILING_ASSISTANT);
    ask();
    ok();
    body(call);
    finish("tool_calls", 3, 9);
    told("end error UPSTREAM_ERROR spent 9");
    ask();
    ok();
    body(call);
    finish("stop", 3, 9); /* as some servers end it */
    told("end error UPSTREAM_ERROR spent 9");
    ask();
    ok();
    delta("I look that up.");
    body(call);
    finish("tool_calls", 3, 9);
    told("start fresh m-real@one; text I look that up.(1); end truncated UPSTREAM_ERROR spent 9");
    assert_int_equal(w.sent_count, 3);
    world_close();
}

/* It takes its time, and each piece of it is a sign of life. */
static void test_a_long_tool_call_is_not_late(void **state)
{
    (void)state;
    world_open(1, CONTINUE_NONE);
    ask();
    ok();
    for (int i = 0; i < 5; i++) {
        at(4000);
        body("data: {\"choices\":[{\"delta\":{\"tool_calls\":[{\"index\":0}]}}]}\n\n");
    }
    assert_false(last()->cancelled);
    delta("a");
    finish("stop", 3, 1);
    assert_int_equal(w.result.outcome, CALL_COMPLETE);
    world_close();
}

static void test_usage_after_the_finish_reason_is_the_end(void **state)
{
    (void)state;
    world_open(1, CONTINUE_NONE);
    ask();
    ok();
    delta("a");
    body("data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n"
         "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":7,\"completion_tokens\":1}}\n\n");
    told("start fresh m-real@one; text a(1); end complete 7/1 spent 1");
    world_close();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_finish_reason_without_an_end_mark),
        cmocka_unit_test(test_after_a_finish_reason_nothing_is_late),
        cmocka_unit_test(test_an_error_after_the_finish_reason_takes_nothing_back),
        cmocka_unit_test(test_the_last_event_without_its_empty_line),
        cmocka_unit_test(test_an_end_mark_after_nothing_but_garbage),
        cmocka_unit_test(test_a_tool_call_is_no_answer),
        cmocka_unit_test(test_a_long_tool_call_is_not_late),
        cmocka_unit_test(test_usage_after_the_finish_reason_is_the_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
