/* Tests of upstream/call.c and attempt.c: the faults of an upstream, and what the core is told about each.
 * The upstream, the clock and the core are the fixture's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "fixture_call.h"

#define SSE "text/event-stream"
#define JSON "application/json"

static void ask(void)
{
    world_ask(NULL, false);
}

static void ok(void)
{
    head(200, -1, SSE);
}

static void refuse(int status, int64_t retry_after_ms, const char *code)
{
    struct buf b = {0};
    buf_printf(&b, "{\"error\":{\"message\":\"no\",\"type\":\"t\",\"code\":\"%s\"}}", code);
    head(status, retry_after_ms, JSON);
    body(buf_cstr(&b));
    ended(TRANSPORT_OK);
    buf_free(&b);
}

/* ------------------------------------------------------------ nothing is wrong */

static void test_a_whole_answer(void **state)
{
    (void)state;
    world_open(1, CONTINUE_NONE);
    ask();
    assert_string_equal(last()->path, "/chat/completions");
    assert_string_equal(last()->site, "one");
    assert_non_null(strstr(last()->body, "\"stream\":true"));
    ok();
    body("data: {\"choices\":[{\"delta\":{\"role\":\"assistant\",\"content\":\"\"}}]}\n\n");
    told("");
    delta("Hel");
    delta("lo");
    finish("stop", 3, 2);
    told("start fresh m-real@one; text Hel(1); text lo(1); end complete 3/2 spent 2");
    assert_true(last()->finished);
    world_close();
}

static void test_what_one_read_brought_comes_at_once(void **state)
{
    (void)state;
    world_open(1, CONTINUE_NONE);
    ask();
    ok();
    body("data: {\"choices\":[{\"delta\":{\"reasoning_content\":\"a\"}}]}\n\n"
         "data: {\"choices\":[{\"delta\":{\"reasoning_content\":\"b\"}}]}\n\n"
         "data: {\"choices\":[{\"delta\":{\"content\":\"c\"}}]}\n\n"
         "data: {\"choices\":[{\"delta\":{\"content\":\"d\"}}]}\n\n"
         "data: {\"choices\":[{\"delta\":{\"content\":\"e\"}}]}\n\n");
    told("start fresh m@one; reasoning ab(2); text cde(3)");
    finish("stop", -1, -1);
    told("end complete spent 5");
    world_close();
}

static void test_an_answer_that_is_no_stream(void **state)
{
    (void)state;
    world_open(1, CONTINUE_NONE);
    ask();
    head(200, -1, JSON);
    body("{\"model\":\"x\",\"choices\":[{\"message\":{\"content\":\"whole ");
    body("text\"},\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":1,\"completion_tokens\":2}}");
    told("");
    ended(TRANSPORT_OK);
    told("start fresh x@one; text whole text(1); end complete 1/2 spent 2");
    world_close();
}

static void test_length_and_empty(void **state)
{
    (void)state;
    world_open(1, CONTINUE_NONE);
    ask();
    ok();
    delta("a");
    finish("length", 3, 1);
    told("start fresh m-real@one; text a(1); end length 3/1 spent 1");
    ask();
    ok();
    finish("stop", 3, 0);
    told("start fresh m@one; end complete 3/0");
    world_close();
}

/* ------------------------------------------------------------ refusals (s01 to s04, s12, s13) */

static void test_429_with_retry_after_is_waited_for(void **state)
{
    (void)state;
    world_open(1, CONTINUE_NONE);
    ask();
    refuse(429, 1500, "rate_limit_exceeded");
    told("retrying 0");
    at(1499);
    assert_int_equal(w.sent_count, 1);
    at(100);
    assert_int_equal(w.sent_count, 2);
    ok();
    delta("a");
    finish("stop", 3, 1);
    told("start fresh m-real@one; text a(1); end complete 3/1 spent 1");
    world_close();
}

static void test_429_for_ever_is_bounded_then_the_fallback(void **state)
{
    (void)state;
    world_open(2, CONTINUE_NONE);
    ask();
    refuse(429, -1, "rate_limit_exceeded");
    retried();
    refuse(429, -1, "rate_limit_exceeded");
    retried();
    assert_int_equal(w.sent_count, 3);
    assert_string_equal(last()->site, "two");
    ok();
    delta("a");
    finish("stop", 3, 1);
    told("retrying 0; retrying 0; start fresh m-real@two; text a(1); end complete 3/1 spent 1");
    world_close();
}

static void test_429_without_a_fallback_says_when(void **state)
{
    (void)state;
    world_open(1, CONTINUE_NONE);
    ask();
    refuse(429, 30000, "rate_limit_exceeded");
    told("end error RATE_LIMITED after 30000");
    ask();
    for (int i = 0; i < 4; i++) {
        if (i)
            retried();
        refuse(429, -1, "rate_limit_exceeded");
    }
    assert_int_equal(w.sent_count, 5);
    told("retrying 0; retrying 0; retrying 0; end error RATE_LIMITED");
    world_close();
}

static void test_500_once(void **state)
{
    (void)state;
    world_open(1, CONTINUE_NONE);
    ask();
    refuse(500, -1, "internal_error");
    retried();
    ok();
    delta("a");
    finish("stop", 3, 1);
    told("retrying 0; start fresh m-real@one; text a(1); end complete 3/1 spent 1");
    world_close();
}

static void test_503_for_ever_ends_with_the_first_cause(void **state)
{
    (void)state;
    world_open(2, CONTINUE_NONE);
    ask();
    refuse(503, -1, "x");
    retried();
    refuse(503, -1, "x");
    retried();
    refuse(500, -1, "y");
    retried();
    refuse(500, -1, "y");
    told("retrying 0; retrying 0; retrying 0; end error UPSTREAM_UNAVAILABLE");
    at(60000);
    assert_int_equal(w.sent_count, 4);
    world_close();
}

static void test_context_length_goes_to_the_fallback_at_once(void **state)
{
    (void)state;
    world_open(2, CONTINUE_NONE);
    ask();
    refuse(400, -1, "context_length_exceeded");
    retried();
    assert_string_equal(last()->site, "two");
    refuse(400, -1, "context_length_exceeded");
    told("retrying 0; end error TOO_LARGE");
    world_close();
}

static void test_a_filter_is_final(void **state)
{
    (void)state;
    world_open(2, CONTINUE_NONE);
    ask();
    refuse(400, -1, "content_filter");
    told("end filtered FILTERED");
    ask();
    ok();
    delta("some");
    finish("content_filter", 3, 1);
    told("start fresh m-real@one; text some(1); end filtered FILTERED 3/1 spent 1");
    assert_int_equal(w.sent_count, 2);
    world_close();
}

static void test_other_refusals(void **state)
{
    static const struct {
        int status;
        const char *code, *want;
    } cases[] = {
        {400, "invalid_temperature", "end error BAD_REQUEST"},
        {422, "x", "end error BAD_REQUEST"},
        {401, "invalid_api_key", "end error UPSTREAM_ERROR"}, /* never the client's fault */
        {403, "x", "end error UPSTREAM_ERROR"},
        {404, "model_not_found", "end error NOT_FOUND"},
        {429, "insufficient_quota", "end error UPSTREAM_ERROR"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        world_open(1, CONTINUE_NONE);
        ask();
        refuse(cases[i].status, -1, cases[i].code);
        told(cases[i].want);
        world_close();
    }
}

static void test_the_message_tells_identifiers_and_no_prose(void **state)
{
    (void)state;
    world_open(1, CONTINUE_NONE);
    ask();
    head(400, -1, JSON);
    body("{\"error\":{\"message\":\"your prompt hi is bad\",\"code\":\"bad_temperature\"}}");
    ended(TRANSPORT_OK);
    assert_string_equal(w.result.error.message, "The upstream refused the request. (bad_temperature)");
    ask();
    head(400, -1, JSON);
    body("{\"error\":{\"message\":\"x\",\"code\":\"your prompt hi is bad\"}}");
    ended(TRANSPORT_OK);
    assert_string_equal(w.result.error.message, "The upstream refused the request.");
    world_close();
}

/* ------------------------------------------------------------ connections (s05, s06, s07, s08) */

static void test_reset_before_the_head(void **state)
{
    (void)state;
    world_open(1, CONTINUE_NONE);
    ask();
    ended(TRANSPORT_RESET);
    retried();
    ok();
    delta("a");
    finish("stop", 3, 1);
    told("retrying 0; start fresh m-real@one; text a(1); end complete 3/1 spent 1");
    world_close();
}

static void test_no_answer_at_all(void **state)
{
    (void)state;
    world_open(1, CONTINUE_NONE);
    ask();
    at(9999);
    told("stalled 2000");
    assert_int_equal(w.sent_count, 1);
    at(1);
    told("retrying 10000");
    assert_true(w.sent[0]->cancelled);
    retried();
    assert_int_equal(w.sent_count, 2);
    ok();
    delta("a");
    finish("stop", 3, 1);
    told("start fresh m-real@one; text a(1); end complete 3/1 spent 1");
    world_close();
}

static void test_a_slow_first_token_is_no_fault(void **state)
{
    (void)state;
    world_open(1, CONTINUE_NONE);
    ask();
    ok();
    body("data: {\"choices\":[{\"delta\":{\"role\":\"assistant\"}}]}\n\n");
    at(9000);
    delta("a");
    finish("stop", 3, 1);
    told("stalled 2000; start fresh m-real@one; text a(1); end complete 3/1 spent 1");
    assert_int_equal(w.sent_count, 1);
    world_close();
}

/* Comments keep a connection alive; they are not an answer. */
static void test_comments_do_not_hide_a_stall(void **state)
{
    (void)state;
    world_open(1, CONTINUE_NONE);
    ask();
    ok();
    delta("a");
    for (int i = 0; i < 6; i++) {
        body(": PROCESSING\n\n");
        at(999);
    }
    told("start fresh m-real@one; text a(1); stalled 2000; retrying 5000");
    call_cancel(w.call);
    world_close();
}

static void test_refused_connection_and_refused_start(void **state)
{
    (void)state;
    world_open(2, CONTINUE_NONE);
    ask();
    ended(TRANSPORT_CONNECT);
    retried();
    w.refuse_start = true;
    told("retrying 0");
    ended(TRANSPORT_CONNECT);
    at(2000);
    told("retrying 0; retrying 0; end error UPSTREAM_UNAVAILABLE");
    w.refuse_start = false;
    ask();
    ended(TRANSPORT_TLS); /* the certificate does not get better */
    at(0);
    assert_string_equal(last()->site, "two");
    call_cancel(w.call);
    world_close();
}

/* ------------------------------------------------------------ cut in mid-answer (s08, s09, s14) */

static void test_a_cut_stream_goes_on_from_its_prefix(void **state)
{
    (void)state;
    world_open(1, CONTINUE_TRAILING_ASSISTANT);
    world_ask("{\"max_tokens\":10}", false);
    ok();
    delta("Hel");
    delta("lo ");
    ended(TRANSPORT_OK);
    told("start fresh m-real@one; text Hel(1); text lo (1); retrying 0");
    at(200);
    assert_non_null(strstr(last()->body, "{\"role\":\"assistant\",\"content\":\"Hello \"}]"));
    assert_non_null(strstr(last()->body, "\"max_tokens\":8"));
    ok();
    delta("world");
    finish("stop", 7, 1); /* the two tokens so far are in its prompt, and not in the user's */
    told("start prefix m-real@one; text world(1); end complete 5/3 spent 3");
    world_close();
}

static void test_a_cut_stream_begins_again_where_it_must(void **state)
{
    (void)state;
    world_open(1, CONTINUE_NONE);
    ask();
    ok();
    delta("Hel");
    ended(TRANSPORT_RESET);
    retried();
    assert_null(strstr(last()->body, "assistant"));
    ok();
    told(
        "start fresh m-real@one; text Hel(1); retrying 0"); /* the old text stands until there is a new one */
    delta("Hello");
    finish("stop", 3, 1);
    told("start restart m-real@one; text Hello(1); end complete 3/1 spent 2");
    world_close();
}

static void test_a_stall_and_its_status(void **state)
{
    (void)state;
    world_open(1, CONTINUE_TRAILING_ASSISTANT);
    ask();
    ok();
    delta("Hel");
    told("start fresh m-real@one; text Hel(1)");
    at(1999);
    told("");
    at(1);
    told("stalled 2000");
    delta("lo");
    at(2000);
    told("text lo(1); stalled 2000");
    at(3000);
    told("retrying 5000");
    assert_true(w.sent[0]->cancelled);
    retried();
    ok();
    delta("!");
    finish("stop", 5, 1);
    told("start prefix m-real@one; text !(1); end complete 3/3 spent 3");
    world_close();
}

static void test_past_the_bounds_it_is_truncated(void **state)
{
    (void)state;
    world_open(1, CONTINUE_TRAILING_ASSISTANT);
    ask();
    for (int i = 0; i < 4; i++) {
        ok();
        delta("x");
        ended(TRANSPORT_RESET);
        if (i < 3)
            retried();
    }
    assert_int_equal(w.sent_count, 4);
    assert_int_equal(w.result.outcome, CALL_TRUNCATED);
    assert_int_equal(w.result.error.code, ERR_UPSTREAM_ERROR);
    assert_int_equal(w.result.spent_tokens, 4);
    assert_int_equal(w.text.len, 4);
    world_close();
}

static void test_a_refused_prefix_begins_again(void **state)
{
    (void)state;
    world_open(2, CONTINUE_TRAILING_ASSISTANT);
    ask();
    ok();
    delta("a");
    ended(TRANSPORT_RESET);
    retried();
    ok();
    delta("b");
    ended(TRANSPORT_RESET);
    retried();
    assert_string_equal(last()->site, "two");
    assert_non_null(strstr(last()->body, "assistant"));
    refuse(400, -1, "prefix_not_supported");
    retried();
    assert_string_equal(last()->site, "two");
    assert_null(strstr(last()->body, "assistant"));
    ok();
    delta("new");
    finish("stop", 3, 1);
    told("start fresh m-real@one; text a(1); retrying 0; start prefix m-real@one; text b(1); retrying 0; "
         "retrying 0; start restart m-real@two; text new(1); end complete 3/1 spent 3");
    world_close();
}

static void test_a_refused_prefix_does_not_mask_the_first_error(void **state)
{
    (void)state;
    world_open(2, CONTINUE_TRAILING_ASSISTANT);
    ask();
    ok();
    delta("a");
    retried(); /* it stalls */
    ok();
    delta("b");
    ended(TRANSPORT_RESET);
    retried();
    refuse(400, -1, "prefix_not_supported");
    retried();
    refuse(400, -1, "whatever");
    assert_int_equal(w.result.outcome, CALL_TRUNCATED);
    assert_int_equal(w.result.error.code, ERR_UPSTREAM_STALLED);
    world_close();
}

static void test_reasoning_alone_cannot_be_continued(void **state)
{
    (void)state;
    world_open(1, CONTINUE_TRAILING_ASSISTANT);
    ask();
    ok();
    body("data: {\"choices\":[{\"delta\":{\"reasoning\":\"hm\"}}]}\n\n");
    ended(TRANSPORT_RESET);
    retried();
    assert_null(strstr(last()->body, "assistant"));
    ok();
    delta("a");
    told("start fresh m@one; reasoning hm(1); retrying 0; start restart m-real@one; text a(1)");
    call_cancel(w.call);
    world_close();
}

static void test_tool_calls_cannot_be_continued(void **state)
{
    (void)state;
    world_open(1, CONTINUE_TRAILING_ASSISTANT);
    ask();
    ok();
    delta("a");
    body("data: {\"choices\":[{\"delta\":{\"tool_calls\":[{\"index\":0}]}}]}\n\n");
    ended(TRANSPORT_RESET);
    retried();
    assert_null(strstr(last()->body, "assistant"));
    call_cancel(w.call);
    world_close();
}

static void test_what_the_core_cannot_give_back(void **state)
{
    (void)state;
    world_open(1, CONTINUE_TRAILING_ASSISTANT);
    w.only_text = false;
    ask();
    ok();
    delta("a");
    ended(TRANSPORT_RESET);
    retried();
    assert_null(strstr(last()->body, "assistant"));
    call_cancel(w.call);
    world_close();
}

/* ------------------------------------------------------------ inside the stream (s10, s11, in-band) */

static void test_a_malformed_event_is_skipped(void **state)
{
    (void)state;
    world_open(1, CONTINUE_NONE);
    ask();
    ok();
    delta("a");
    body("data: {\"choices\":[{\"delta\":{\"conte\n\n");
    delta("b");
    finish("stop", 3, 2);
    told("start fresh m-real@one; text a(1); text b(1); end complete 3/2 spent 2");
    world_close();
}

static void test_an_error_in_the_stream(void **state)
{
    static const char *const errors[] = {
        "data: {\"error\":{\"message\":\"x\",\"code\":500}}\n\n",
        "event: error\ndata: {\"message\":\"x\"}\n\n",
        "event: error\ndata: prose\n\n",
        "data: {\"error\":{\"message\":\"x\"}}\n\ndata: [DONE]\n\n",
        "data: {\"error\":\"x\"}\n\n",
        "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"error\"}]}\n\n",
    };
    (void)state;
    for (size_t i = 0; i < sizeof errors / sizeof *errors; i++) {
        world_open(1, CONTINUE_TRAILING_ASSISTANT);
        ask();
        ok();
        delta("a");
        body(errors[i]);
        assert_true(last()->cancelled);
        retried();
        ok();
        delta("b");
        finish("stop", 4, 1);
        told("start fresh m-real@one; text a(1); retrying 0; start prefix m-real@one; text b(1); "
             "end complete 3/2 spent 2");
        world_close();
    }
}

static void test_an_event_over_the_limit(void **state)
{
    (void)state;
    world_open(1, CONTINUE_NONE);
    ask();
    ok();
    struct buf b = {0};
    buf_add_lit(&b, "data: ");
    for (int i = 0; i < 70000; i++)
        buf_add_char(&b, 'x');
    body(buf_cstr(&b));
    buf_free(&b);
    told("retrying 0");
    assert_true(last()->cancelled);
    call_cancel(w.call);
    world_close();
}

/* ------------------------------------------------------------ bounds */

static void test_the_total_time(void **state)
{
    (void)state;
    world_open(1, CONTINUE_NONE);
    ask();
    ok();
    for (int i = 0; i < 200 && !w.ended; i++) {
        delta("x");
        at(1000);
    }
    assert_int_equal(w.result.outcome, CALL_TRUNCATED);
    assert_int_equal(w.result.error.code, ERR_UPSTREAM_STALLED);
    assert_int_equal(w.now_ms, 1000000 + 120000);
    world_close();
}

static void test_the_spend(void **state)
{
    (void)state;
    world_open(1, CONTINUE_NONE);
    w.calls.limits.ladder.spend_tokens = 2;
    ask();
    ok();
    delta("x");
    delta("x");
    ended(TRANSPORT_RESET);
    assert_int_equal(w.result.outcome, CALL_TRUNCATED);
    assert_int_equal(w.sent_count, 1);
    world_close();
}

static void test_per_token_no_timer_moves(void **state)
{
    (void)state;
    world_open(1, CONTINUE_NONE);
    ask();
    ok();
    uint64_t next = calls_next_ms(&w.calls);
    for (int i = 0; i < 50; i++) {
        w.now_ms += 10;
        delta("x");
        assert_true(calls_next_ms(&w.calls) == next);
    }
    call_cancel(w.call);
    world_close();
}

/* ------------------------------------------------------------ circuits */

static void fail_often(int times)
{
    for (int i = 0; i < times; i++) {
        ended(TRANSPORT_CONNECT);
        if (!w.ended)
            retried();
    }
}

static void test_an_open_circuit_is_passed_over(void **state)
{
    (void)state;
    world_open(2, CONTINUE_NONE);
    for (int i = 0; i < 3; i++) { /* two failures of "one" each, then "two" serves */
        ask();
        if (!strcmp(last()->site, "one"))
            fail_often(2);
        ok();
        delta("a");
        finish("stop", 3, 1);
        at(0);
    }
    w.told.len = 0;
    int before = w.sent_count;
    ask();
    assert_string_equal(last()->site, "two"); /* "one" rests */
    call_cancel(w.call);
    assert_int_equal(w.sent_count, before + 1);
    at(2000);
    ask();
    assert_string_equal(last()->site, "one"); /* the probe */
    struct call *probe = w.call;
    ask();
    assert_string_equal(last()->site, "two"); /* one probe at a time */
    call_cancel(w.call);
    call_cancel(probe);
    ask();
    assert_string_equal(last()->site, "one"); /* a probe given up is taken over */
    ok();
    delta("a");
    finish("stop", 3, 1);
    ask();
    assert_string_equal(last()->site, "one"); /* it is back */
    call_cancel(w.call);
    world_close();
}

static void test_with_no_circuit_closed_a_call_is_refused(void **state)
{
    (void)state;
    world_open(1, CONTINUE_NONE);
    ask();
    fail_often(4);
    ask();
    ended(TRANSPORT_CONNECT); /* the fifth in a row */
    call_cancel(w.call);
    w.told.len = 0;
    ask();
    assert_null(w.call);
    told("refused UPSTREAM_UNAVAILABLE after 2000");
    at(1999);
    ask();
    assert_null(w.call);
    told("refused UPSTREAM_UNAVAILABLE after 1");
    at(1);
    ask();
    assert_non_null(w.call);
    call_cancel(w.call);
    world_close();
}

/* Our own bound ends a probe: that says nothing, so the circuit stays open and the next one probes. */
static void test_the_total_time_closes_no_circuit(void **state)
{
    (void)state;
    world_open(1, CONTINUE_NONE);
    ask();
    fail_often(4);
    ask();
    ended(TRANSPORT_CONNECT); /* the fifth in a row */
    call_cancel(w.call);
    at(2000);
    w.calls.limits.ladder.total_ms = 1000;
    ask();
    at(1000);
    assert_int_equal(w.result.error.code, ERR_UPSTREAM_STALLED);
    ask();
    struct call *probe = w.call;
    assert_non_null(probe);
    ask();
    assert_null(w.call);
    call_cancel(probe);
    world_close();
}

/* ------------------------------------------------------------ resume and cancel */

static void test_resume_goes_on(void **state)
{
    (void)state;
    world_open(1, CONTINUE_TRAILING_ASSISTANT);
    buf_add_str(&w.text, "so far");
    world_ask(NULL, true);
    assert_int_equal(w.sent_count, 0); /* the core is asked only after call_start has returned */
    at(0);
    assert_non_null(strstr(last()->body, "\"so far\""));
    ok();
    delta(" so good");
    finish("stop", 9, 2);
    /* nobody counted what the other gateway got: neither the answer nor the prompt can be told apart */
    told("start prefix m-real@one; text  so good(1); end complete spent 2");
    world_close();
}

static void test_resume_that_cannot_go_on(void **state)
{
    (void)state;
    world_open(1, CONTINUE_NONE);
    buf_add_str(&w.text, "so far");
    world_ask(NULL, true);
    at(0);
    ok();
    delta("a");
    finish("stop", 9, 1);
    told("start restart m-real@one; text a(1); end complete 9/1 spent 1");
    w.text.len = 0;
    world_ask(NULL, true);
    at(0);
    ok();
    delta("a");
    finish("stop", 9, 1);
    told("start fresh m-real@one; text a(1); end complete 9/1 spent 1");
    world_close();
}

static void test_cancel_closes_at_once(void **state)
{
    (void)state;
    world_open(1, CONTINUE_NONE);
    ask();
    call_cancel(w.call);
    assert_true(last()->cancelled);
    ask();
    ok();
    delta("a");
    call_cancel(w.call);
    call_cancel(w.call); /* until the sweep, harmless */
    assert_true(last()->cancelled);
    ask();
    refuse(500, -1, "x");
    call_cancel(w.call); /* while it waits */
    at(60000);
    assert_int_equal(w.sent_count, 3);
    assert_true(calls_next_ms(&w.calls) == TIMER_NEVER);
    world_close();
}

/* A cancel inside any event is the last thing heard. */
static void test_cancel_inside_each_event(void **state)
{
    (void)state;
    for (int n = 1; n <= 12; n++) {
        world_open(1, CONTINUE_TRAILING_ASSISTANT);
        w.cancel_at = n;
        ask();
        ok();
        body("data: {\"choices\":[{\"delta\":{\"reasoning\":\"r\"}}]}\n\n"
             "data: {\"choices\":[{\"delta\":{\"content\":\"c\"}}]}\n\n"
             "data: {\"choices\":[{\"delta\":{\"reasoning\":\"r\"}}]}\n\n");
        if (!w.ended)
            at(2000);
        if (!w.ended)
            delta("x");
        if (!w.ended)
            ended(TRANSPORT_RESET);
        if (!w.ended) {
            retried();
            ok();
            delta("y");
        }
        if (!w.ended)
            finish("stop", 1, 1);
        assert_true(w.ended);
        at(1000);
        world_close();
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_whole_answer),
        cmocka_unit_test(test_what_one_read_brought_comes_at_once),
        cmocka_unit_test(test_an_answer_that_is_no_stream),
        cmocka_unit_test(test_length_and_empty),
        cmocka_unit_test(test_429_with_retry_after_is_waited_for),
        cmocka_unit_test(test_429_for_ever_is_bounded_then_the_fallback),
        cmocka_unit_test(test_429_without_a_fallback_says_when),
        cmocka_unit_test(test_500_once),
        cmocka_unit_test(test_503_for_ever_ends_with_the_first_cause),
        cmocka_unit_test(test_context_length_goes_to_the_fallback_at_once),
        cmocka_unit_test(test_a_filter_is_final),
        cmocka_unit_test(test_other_refusals),
        cmocka_unit_test(test_the_message_tells_identifiers_and_no_prose),
        cmocka_unit_test(test_reset_before_the_head),
        cmocka_unit_test(test_no_answer_at_all),
        cmocka_unit_test(test_a_slow_first_token_is_no_fault),
        cmocka_unit_test(test_comments_do_not_hide_a_stall),
        cmocka_unit_test(test_refused_connection_and_refused_start),
        cmocka_unit_test(test_a_cut_stream_goes_on_from_its_prefix),
        cmocka_unit_test(test_a_cut_stream_begins_again_where_it_must),
        cmocka_unit_test(test_a_stall_and_its_status),
        cmocka_unit_test(test_past_the_bounds_it_is_truncated),
        cmocka_unit_test(test_a_refused_prefix_begins_again),
        cmocka_unit_test(test_a_refused_prefix_does_not_mask_the_first_error),
        cmocka_unit_test(test_reasoning_alone_cannot_be_continued),
        cmocka_unit_test(test_tool_calls_cannot_be_continued),
        cmocka_unit_test(test_what_the_core_cannot_give_back),
        cmocka_unit_test(test_a_malformed_event_is_skipped),
        cmocka_unit_test(test_an_error_in_the_stream),
        cmocka_unit_test(test_an_event_over_the_limit),
        cmocka_unit_test(test_the_total_time),
        cmocka_unit_test(test_the_spend),
        cmocka_unit_test(test_per_token_no_timer_moves),
        cmocka_unit_test(test_an_open_circuit_is_passed_over),
        cmocka_unit_test(test_with_no_circuit_closed_a_call_is_refused),
        cmocka_unit_test(test_the_total_time_closes_no_circuit),
        cmocka_unit_test(test_resume_goes_on),
        cmocka_unit_test(test_resume_that_cannot_go_on),
        cmocka_unit_test(test_cancel_closes_at_once),
        cmocka_unit_test(test_cancel_inside_each_event),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
