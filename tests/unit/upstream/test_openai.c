/* Tests of the openai codec: what is built, what refusals mean, and that the fast path is taken, proved, left
 * and learned again. Whole streams are in test_golden.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "upstream/openai.h"

/* ------------------------------------------------------------ building */

static char *built(const struct ask *ask)
{
    struct buf b = {0};
    openai_build(&b, ask);
    json_t *parsed = json_loadb(b.data, b.len, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(parsed); /* JSON, and no member twice */
    char *out = json_dumps(parsed, JSON_COMPACT | JSON_SORT_KEYS | JSON_REAL_PRECISION(15));
    json_decref(parsed);
    buf_free(&b);
    return out;
}

static void check(const struct ask *ask, const char *want)
{
    char *got = built(ask);
    assert_string_equal(got, want);
    free(got);
}

#define ALWAYS "\"stream\":true,\"stream_options\":{\"include_usage\":true}"
#define MESSAGES "[{\"role\":\"user\",\"content\":\"hi\"}]"
#define MESSAGES_SORTED "{\"content\":\"hi\",\"role\":\"user\"}"

static struct ask plain(void)
{
    return (struct ask){.model = "m", .messages = MESSAGES, .messages_len = strlen(MESSAGES)};
}

static void test_a_request(void **state)
{
    struct ask a = plain();
    (void)state;
    check(&a, "{\"messages\":[" MESSAGES_SORTED "],\"model\":\"m\"," ALWAYS "}");
}

static void test_parameters_are_merged(void **state)
{
    struct ask a = plain();
    (void)state;
    json_t *params =
        json_loads("{\"temperature\":0.7,\"seed\":5,\"stop\":[\"x\"],\"top_p\":1.0,\"model\":\"evil\","
                   "\"stream\":false,\"n\":3,\"messages\":[],\"stream_options\":null}",
                   0, NULL);
    json_t *target = json_loads("{\"temperature\":0.1,\"keep_alive\":\"5m\",\"n\":2}", 0, NULL);
    a.params = params;
    check(&a, "{\"messages\":[" MESSAGES_SORTED "],\"model\":\"m\",\"seed\":5,\"stop\":[\"x\"]," ALWAYS
              ",\"temperature\":0.7,\"top_p\":1.0}");
    a.body = target; /* the operator's word goes over the client's */
    check(&a, "{\"keep_alive\":\"5m\",\"messages\":[" MESSAGES_SORTED
              "],\"model\":\"m\",\"seed\":5,\"stop\":[\"x\"]," ALWAYS ",\"temperature\":0.1,\"top_p\":1.0}");
    json_decref(params);
    json_decref(target);
}

static void test_each_way_to_continue(void **state)
{
    struct ask a = plain();
    (void)state;
    a.prefix = "so \"far\"\n";
    a.prefix_len = strlen(a.prefix);
    a.continuation = CONTINUE_TRAILING_ASSISTANT;
#define SO_FAR "{\"content\":\"so \\\"far\\\"\\n\",\"role\":\"assistant\"}"
    check(&a, "{\"messages\":[" MESSAGES_SORTED "," SO_FAR "],\"model\":\"m\"," ALWAYS "}");
    a.continuation = CONTINUE_FINAL_MESSAGE;
    check(&a,
          "{\"add_generation_prompt\":false,\"continue_final_message\":true,\"messages\":[" MESSAGES_SORTED
          "," SO_FAR "],\"model\":\"m\"," ALWAYS "}");
    a.continuation = CONTINUE_PREFIX_FLAG;
    check(
        &a,
        "{\"messages\":[" MESSAGES_SORTED
        ",{\"content\":\"so \\\"far\\\"\\n\",\"prefix\":true,\"role\":\"assistant\"}],\"model\":\"m\"," ALWAYS
        "}");
    a.messages = "[ ]";
    a.messages_len = 3;
    a.continuation = CONTINUE_TRAILING_ASSISTANT;
    check(&a, "{\"messages\":[" SO_FAR "],\"model\":\"m\"," ALWAYS "}");
}

/* The client's own beginning is part of the answer that is continued. */
static void test_continuing_what_the_client_began(void **state)
{
    struct ask a = plain();
    (void)state;
    a.messages = "[{\"role\":\"user\",\"content\":\"hi\"},{\"role\":\"assistant\",\"content\":\"Once \"} ]";
    a.messages_len = strlen(a.messages);
#define HI "{\"messages\":[{\"content\":\"hi\",\"role\":\"user\"},{\"content\":\"Once "
    a.continuation = CONTINUE_TRAILING_ASSISTANT;
    check(&a, HI "\",\"role\":\"assistant\"}],\"model\":\"m\"," ALWAYS "}");
    a.prefix = "upon";
    a.prefix_len = 4;
    check(&a, HI "upon\",\"role\":\"assistant\"}],\"model\":\"m\"," ALWAYS "}");
    a.continuation = CONTINUE_PREFIX_FLAG;
    check(&a, HI "upon\",\"prefix\":true,\"role\":\"assistant\"}],\"model\":\"m\"," ALWAYS "}");
    a.messages = "[{\"role\":\"assistant\",\"content\":null}]"; /* a tool call: not text to go on from */
    a.messages_len = strlen(a.messages);
    a.continuation = CONTINUE_TRAILING_ASSISTANT;
    check(&a, "{\"messages\":[{\"content\":null,\"role\":\"assistant\"},{\"content\":\"upon\",\"role\":"
              "\"assistant\"}],\"model\":\"m\"," ALWAYS "}");
}

static void test_a_token_limit_shrinks_by_the_prefix(void **state)
{
    struct ask a = plain();
    json_t *params = json_loads("{\"max_tokens\":10,\"max_completion_tokens\":3}", 0, NULL);
    (void)state;
    a.params = params;
    a.produced = 4;
    check(&a, "{\"max_completion_tokens\":3,\"max_tokens\":10,\"messages\":[" MESSAGES_SORTED
              "],\"model\":\"m\"," ALWAYS "}");
    a.prefix = "x";
    a.prefix_len = 1;
    a.messages = "[]";
    a.messages_len = 2;
    check(&a, "{\"max_completion_tokens\":1,\"max_tokens\":6,\"messages\":[{\"content\":\"x\",\"role\":"
              "\"assistant\"}],"
              "\"model\":\"m\"," ALWAYS "}");
    json_decref(params);
}

static void test_messages(void **state)
{
    struct prompt_message m[] = {
        {PROMPT_SYSTEM, "be \"nice\"", 9}, {PROMPT_USER, "a\0b", 3}, {PROMPT_ASSISTANT, "", 0}};
    struct prompt p = {.model = "m", .messages = m, .count = 3};
    struct buf b = {0};
    (void)state;
    assert_true(openai_messages(&b, &p));
    assert_string_equal(
        buf_cstr(&b),
        "[{\"role\":\"system\",\"content\":\"be \\\"nice\\\"\"},"
        "{\"role\":\"user\",\"content\":\"a\\u0000b\"},{\"role\":\"assistant\",\"content\":\"\"}]");
    b.len = 0;
    p.messages_json = " \n[{\"role\":\"user\",\"content\":[{\"type\":\"image_url\"}]}]\t";
    assert_true(openai_messages(&b, &p));
    assert_string_equal(buf_cstr(&b), "[{\"role\":\"user\",\"content\":[{\"type\":\"image_url\"}]}]");
    static const char *const wrong[] = {"", " ", "[", "]", "{}", "null", "[1] x"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        p.messages_json = wrong[i];
        assert_false(openai_messages(&b, &p));
    }
    buf_free(&b);
}

/* ------------------------------------------------------------ refusals */

static void test_refusals(void **state)
{
    static const struct {
        int status;
        const char *body;
        enum failure failure;
        const char *detail;
    } cases[] = {
        {400,
         "{\"error\":{\"message\":\"This model's maximum context length is 4097 tokens\",\"type\":"
         "\"invalid_request_error\",\"param\":\"messages\",\"code\":\"context_length_exceeded\"}}",
         FAIL_CONTEXT, "context_length_exceeded"},
        {400,
         "{\"object\":\"error\",\"message\":\"This model's maximum context length is 2048 tokens.\",\"type\":"
         "\"BadRequestError\",\"param\":null,\"code\":400}",
         FAIL_CONTEXT, "400"}, /* vLLM */
        {400,
         "{\"error\":{\"code\":400,\"message\":\"the request exceeds the available context size\",\"type\":"
         "\"exceed_context_size_error\",\"n_prompt_tokens\":9}}",
         FAIL_CONTEXT, "400"}, /* llama.cpp */
        {400,
         "{\"error\":{\"message\":\"The response was filtered\",\"code\":\"content_filter\",\"status\":400}}",
         FAIL_FILTER, "content_filter"}, /* Azure */
        {429,
         "{\"error\":{\"message\":\"x\",\"type\":\"insufficient_quota\",\"code\":\"insufficient_quota\"}}",
         FAIL_QUOTA, "insufficient_quota"},
        {429, "{\"error\":{\"message\":\"x\",\"type\":\"tokens\",\"code\":\"rate_limit_exceeded\"}}",
         FAIL_RATE_LIMIT, "rate_limit_exceeded"},
        {404,
         "{\"error\":{\"message\":\"x\",\"type\":\"invalid_request_error\",\"code\":\"model_not_found\"}}",
         FAIL_NO_MODEL, "model_not_found"},
        {404, "{\"error\":{\"message\":\"model \\\"x\\\" not found\",\"type\":\"api_error\",\"code\":null}}",
         FAIL_NO_MODEL, "api_error"}, /* Ollama */
        {401, "{\"error\":{\"message\":\"Incorrect API key provided: sk-ab\",\"code\":\"invalid_api_key\"}}",
         FAIL_AUTH, "invalid_api_key"},
        {403, "<html>forbidden</html>", FAIL_AUTH, ""},
        {402, "{\"error\":{\"message\":\"Insufficient Balance\",\"code\":\"invalid_request_error\"}}",
         FAIL_QUOTA, "invalid_request_error"}, /* DeepSeek */
        {422, "{\"detail\":\"nope\"}", FAIL_REQUEST, ""},
        {413, "", FAIL_CONTEXT, ""},
        {408, "", FAIL_SERVER, ""},
        {500, "{\"error\":{\"message\":\"x\",\"type\":\"server_error\"}}", FAIL_SERVER, "server_error"},
        {502, "<html>Bad Gateway</html>", FAIL_SERVER, ""},
        {503, "{\"error\":{\"message\":\"Loading model\",\"type\":\"unavailable_error\",\"code\":503}}",
         FAIL_UNAVAILABLE, "503"},
        {529, "", FAIL_UNAVAILABLE, ""},
        {301, "", FAIL_SERVER, ""},
        {400, "[{\"error\":{\"code\":400,\"message\":\"x\",\"status\":\"INVALID_ARGUMENT\"}}]", FAIL_REQUEST,
         "400"},
        {400, "{\"error\":\"just prose\"}", FAIL_REQUEST, ""},
        {400, "{\"error\":{\"code\":\"prose with spaces\"}}", FAIL_REQUEST, ""},
        {400, "\xff\xfe", FAIL_REQUEST, ""},
    };
    char detail[ANSWER_DETAIL];
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        enum failure f = openai_refusal(cases[i].status, cases[i].body, strlen(cases[i].body), detail);
        assert_string_equal(failure_row(f)->name, failure_row(cases[i].failure)->name);
        assert_string_equal(detail, cases[i].detail);
    }
}

/* ------------------------------------------------------------ the fast path */

static struct openai_stream s;
static struct answer a;
static struct gather g;
static struct buf got;

static void flush(struct gather *gather, void *owner)
{
    (void)owner;
    buf_add_char(&got, gather->part == ANSWER_TEXT ? 't' : 'r');
    buf_add(&got, gather->text.data, gather->text.len);
    gather->tokens = 0;
    gather->text.len = 0;
}

static int open_stream(void **state)
{
    (void)state;
    memset(&a, 0, sizeof a);
    a.prompt_tokens = a.completion_tokens = -1;
    g = (struct gather){.flush = flush};
    openai_stream_init(&s, 65536);
    openai_stream_type(&s, "text/event-stream; charset=utf-8");
    return 0;
}

static int close_stream(void **state)
{
    (void)state;
    openai_stream_free(&s);
    buf_free(&g.text);
    buf_free(&got);
    mem_free(a.model);
    return 0;
}

static void feed(const char *bytes)
{
    char *copy = malloc(strlen(bytes) ? strlen(bytes) : 1);
    memcpy(copy, bytes, strlen(bytes));
    openai_feed(&s, &g, &a, copy, strlen(bytes));
    free(copy);
    if (g.tokens)
        flush(&g, NULL);
}

static void expect(const char *want)
{
    assert_string_equal(buf_cstr(&got), want);
    got.len = 0;
}

#define EVENT(id, text)                                                                                      \
    "data: {\"id\":\"" id "\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"" text "\"}}]}\n\n"

/* How many events the template has taken: each eighth use earns a credit back. */
static unsigned uses(void)
{
    return s.fast.used;
}

static void test_the_template_is_used(void **state)
{
    (void)state;
    feed(EVENT("x", "a")); /* a byte order mark could have come first: the frame is not known */
    assert_non_null(s.fast.bytes);
    assert_int_equal(s.fast.before + s.fast.after, sizeof EVENT("x", "") - 9);
    feed(EVENT("x", "b") EVENT("x", "c"));
    assert_int_equal(s.fast.before + s.fast.after, sizeof EVENT("x", "") - 1);
    assert_int_equal(uses(), 2);
    feed("data: {\"id\":\"x\",\"choices\":[{\"index\":0,\"del");
    feed("ta\":{\"content\":\"d\"}}]}\n\n"); /* put together by sse, then matched */
    assert_int_equal(uses(), 3);
    expect("tatbctd");
    assert_int_equal(a.events, 4);
}

static void test_escapes_in_the_hole(void **state)
{
    (void)state;
    feed(EVENT("x", "a"));
    feed(EVENT("x", "\\\"\\\\\\/\\b\\f\\n\\r\\t\\u0041\\u00e9\\u20AC\\ud83c\\udf0A")
             EVENT("x", "é€🌊 long enough to take the wide road"));
    assert_int_equal(uses(), 2);
    expect("tat\"\\/\b\f\n\r\tAé€🌊é€🌊 long enough to take the wide road");
}

/* What is odd is for jansson to judge: here all of it is malformed. */
static void test_what_is_odd_is_not_taken(void **state)
{
    static const char *const odd[] = {EVENT("x", "\\ud83c"),        EVENT("x", "\\udf0a"),
                                      EVENT("x", "\\ud83c\\u0041"), EVENT("x", "\\x41"),
                                      EVENT("x", "\\u00g1"),        EVENT("x", "\xff"),
                                      EVENT("x", "\xc3"),           EVENT("x", "\xed\xa0\x80"),
                                      EVENT("x", "tab\there"),      EVENT("x", "\xc0\x80")};
    (void)state;
    feed(EVENT("x", "a"));
    for (size_t i = 0; i < sizeof odd / sizeof *odd; i++)
        feed(odd[i]);
    feed(EVENT("x", "b"));
    expect("tatb");
    assert_int_equal(a.malformed, sizeof odd / sizeof *odd);
    assert_int_equal(a.events, 2);
}

static void test_an_empty_text_is_no_token(void **state)
{
    (void)state;
    feed(EVENT("x", "a"));
    feed(EVENT("x", "") EVENT("x", "b"));
    expect("tatb");
    assert_int_equal(a.events, 3);
}

static void test_it_is_learned_again(void **state)
{
    (void)state;
    feed(EVENT("x", "a") EVENT("x", "b"));
    feed(EVENT("y", "c") EVENT("y", "d"));
    expect("tabtcd");
    assert_non_null(memmem(s.fast.bytes, s.fast.before, "\"y\"", 3));
}

/* A stream whose events all differ costs a bounded number of learnings. */
static void test_learning_is_bounded(void **state)
{
    char event[128];
    (void)state;
    for (int i = 0; i < 50; i++) {
        snprintf(event, sizeof event, EVENT("%d", "z"), i);
        feed(event);
    }
    assert_int_equal(s.fast.credit, 0);
    assert_int_equal(a.events, 50);
    /* What was learned last still serves, and earns the right to learn. */
    for (int i = 0; i < 40; i++)
        feed(EVENT("7", "z"));
    assert_int_equal(s.fast.credit, 5);
}

static void test_parts_have_their_own_template(void **state)
{
    (void)state;
    feed("data: {\"choices\":[{\"delta\":{\"content\":null,\"reasoning_content\":\"r1\"}}]}\n\n"
         "data: {\"choices\":[{\"delta\":{\"content\":null,\"reasoning_content\":\"r2\"}}]}\n\n"
         "data: {\"choices\":[{\"delta\":{\"content\":\"t1\",\"reasoning_content\":null}}]}\n\n"
         "data: {\"choices\":[{\"delta\":{\"content\":\"t2\",\"reasoning_content\":null}}]}\n\n");
    expect("rr1r2tt1t2");
    assert_int_equal(uses(), 2);
}

/* The name of an event may come in a read of its own: what follows is not a plain delta. */
static void test_a_name_in_an_earlier_read_counts(void **state)
{
    (void)state;
    feed(EVENT("x", "a") EVENT("x", "b"));
    feed("event: error\n");
    feed(EVENT("x", "c"));
    expect("tab");
    assert_int_equal(a.failure, FAIL_IN_STREAM);
}

static void test_large_events_have_no_template(void **state)
{
    struct buf b = {0};
    (void)state;
    buf_add_lit(&b, "data: {\"pad\":\"");
    for (int i = 0; i < 3000; i++)
        buf_add_char(&b, 'p');
    buf_add_lit(&b, "\",\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\n");
    feed(buf_cstr(&b));
    assert_null(s.fast.bytes);
    expect("ta");
    buf_free(&b);
}

static void test_after_the_end_nothing_counts(void **state)
{
    (void)state;
    feed(EVENT("x", "a") "data: [DONE]\n\n" EVENT("x", "b"));
    feed(EVENT("x", "c"));
    expect("ta");
    assert_true(a.done);
}

static void test_shapes_without_a_content_type(void **state)
{
    (void)state;
    openai_stream_free(&s);
    openai_stream_init(&s, 65536);
    openai_stream_type(&s, "");
    feed(" \n");
    feed("{\"choices\":[{\"message\":{\"content\":\"whole\"},");
    feed("\"finish_reason\":\"stop\"}]}");
    openai_end(&s, &g, &a);
    flush(&g, NULL);
    expect("twhole");
    assert_true(a.done);
    openai_stream_free(&s);
    a.done = false;
    openai_stream_init(&s, 65536);
    feed(EVENT("x", "a"));
    expect("ta");
}

static void test_a_body_that_is_not_json(void **state)
{
    (void)state;
    openai_stream_type(&s, NULL);
    s.shape = OPENAI_WHOLE;
    feed("<html>");
    openai_end(&s, &g, &a);
    assert_int_equal(a.failure, FAIL_GARBLED);
}

#define STREAM_TEST(f) cmocka_unit_test_setup_teardown(f, open_stream, close_stream)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_request),
        cmocka_unit_test(test_parameters_are_merged),
        cmocka_unit_test(test_each_way_to_continue),
        cmocka_unit_test(test_continuing_what_the_client_began),
        cmocka_unit_test(test_a_token_limit_shrinks_by_the_prefix),
        cmocka_unit_test(test_messages),
        cmocka_unit_test(test_refusals),
        STREAM_TEST(test_the_template_is_used),
        STREAM_TEST(test_escapes_in_the_hole),
        STREAM_TEST(test_what_is_odd_is_not_taken),
        STREAM_TEST(test_an_empty_text_is_no_token),
        STREAM_TEST(test_it_is_learned_again),
        STREAM_TEST(test_learning_is_bounded),
        STREAM_TEST(test_parts_have_their_own_template),
        STREAM_TEST(test_a_name_in_an_earlier_read_counts),
        STREAM_TEST(test_large_events_have_no_template),
        STREAM_TEST(test_after_the_end_nothing_counts),
        STREAM_TEST(test_shapes_without_a_content_type),
        STREAM_TEST(test_a_body_that_is_not_json),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
