/* Tests of upstream/anthropic_*.c: what is asked, in that service's shape, and what its streams say. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "upstream/anthropic.h"
#include "upstream/openai.h"

/* ------------------------------------------------------------ requests */

static struct ask plain(const char *messages)
{
    return (struct ask){
        .model = "m", .messages = messages, .messages_len = strlen(messages), .max_tokens = 4096};
}

/* `want`: a JSON object; `stream` and `model`, which are always there, need not be in it. */
static void check(const struct ask *a, const char *want)
{
    struct buf b = {0};
    anthropic_build(&b, a);
    json_t *got = json_loadb(b.data, b.len, 0, NULL), *wanted = json_loads(want, 0, NULL);
    assert_non_null(wanted);
    json_object_set_new(wanted, "stream", json_true());
    json_object_set_new(wanted, "model", json_string("m"));
    if (!json_equal(got, wanted))
        fail_msg("%s\nis not\n%s", buf_cstr(&b), want);
    json_decref(got);
    json_decref(wanted);
    buf_free(&b);
}

#define TEXT(t) "{\"type\":\"text\",\"text\":\"" t "\"}"
#define HI "{\"role\":\"user\",\"content\":[" TEXT("hi") "]}"

static void test_head(void **state)
{
    struct buf b = {0};
    (void)state;
    anthropic_head(&b, "k");
    assert_string_equal(buf_cstr(&b), "anthropic-version: 2023-06-01\r\nx-api-key: k\r\n");
    b.len = 0;
    anthropic_head(&b, "");
    assert_string_equal(buf_cstr(&b), "anthropic-version: 2023-06-01\r\n");
    buf_free(&b);
}

static void test_roles_alternate_and_the_system_stands_apart(void **state)
{
    (void)state;
    struct ask a =
        plain("[{\"role\":\"system\",\"content\":\"one\"},{\"role\":\"assistant\",\"content\":\"lost\"},"
              "{\"role\":\"user\",\"content\":\"a\"},{\"role\":\"assistant\",\"content\":\"\"},"
              "{\"role\":\"user\",\"content\":[" TEXT("b") "," TEXT(
                  "") "]},"
                      "{\"role\":\"developer\",\"content\":[" TEXT(
                          "two") "]},"
                                 "{\"role\":\"assistant\",\"content\":\"c\"},{\"role\":\"user\",\"content\":"
                                 "\"d\"}]");
    check(&a, "{\"max_tokens\":4096,\"system\":\"one\\n\\ntwo\",\"messages\":["
              "{\"role\":\"user\",\"content\":[" TEXT("a") "," TEXT(
                  "b") "]},"
                       "{\"role\":\"assistant\",\"content\":[" TEXT(
                           "c") "]},"
                                "{\"role\":\"user\",\"content\":[" TEXT("d") "]}]}");
}

static void test_pictures(void **state)
{
    (void)state;
    struct ask a = plain("[{\"role\":\"user\",\"content\":[{\"type\":\"image_url\",\"image_url\":{\"url\":"
                         "\"https://x/y.png\"}},"
                         "{\"type\":\"image_url\",\"image_url\":{\"url\":\"data:image/png;base64,AAAA\"}},"
                         "{\"type\":\"document\",\"source\":{}}]}]");
    check(&a, "{\"max_tokens\":4096,\"messages\":[{\"role\":\"user\",\"content\":["
              "{\"type\":\"image\",\"source\":{\"type\":\"url\",\"url\":\"https://x/y.png\"}},"
              "{\"type\":\"image\",\"source\":{\"type\":\"base64\",\"media_type\":\"image/"
              "png\",\"data\":\"AAAA\"}},"
              "{\"type\":\"document\",\"source\":{}}]}]}");
}

static void test_parameters_by_their_names_there(void **state)
{
    struct ask a = plain("[{\"role\":\"user\",\"content\":\"hi\"}]");
    json_t *params =
        json_loads("{\"temperature\":1.7,\"top_p\":0.5,\"stop\":\"x\",\"seed\":1,\"user\":\"u\",\"n\":1,"
                   "\"max_completion_tokens\":9,\"logprobs\":null,\"top_k\":null,\"tools\":[1],"
                   "\"model\":\"other\",\"stream\":false}",
                   0, NULL);
    json_t *body = json_loads("{\"top_p\":0.9,\"metadata\":{\"user_id\":\"op\"}}", 0, NULL);
    (void)state;
    a.params = params;
    check(&a, "{\"max_tokens\":9,\"temperature\":1,\"top_p\":0.5,\"stop_sequences\":[\"x\"],\"tools\":[1],"
              "\"messages\":[" HI "]}");
    a.body = body; /* the operator's words go over the client's, and as they are */
    check(&a, "{\"max_tokens\":9,\"temperature\":1,\"top_p\":0.9,\"stop_sequences\":[\"x\"],\"tools\":[1],"
              "\"metadata\":{\"user_id\":\"op\"},\"messages\":[" HI "]}");
    json_decref(params);
    json_decref(body);
}

static void check_prefix(const char *messages, const char *prefix, const char *want)
{
    struct ask a = plain(messages);
    a.prefix = prefix;
    a.prefix_len = strlen(prefix);
    a.produced = 4090;
    a.continuation = CONTINUE_TRAILING_ASSISTANT;
    check(&a, want);
    a.produced = 5000; /* the limit was reached, as it seems: one is the least */
    json_t *one = json_loads(want, 0, NULL);
    json_object_set_new(one, "max_tokens", json_integer(1));
    char *text = json_dumps(one, 0);
    check(&a, text);
    free(text);
    json_decref(one);
}

static void test_going_on(void **state)
{
    static const char hi[] = "[{\"role\":\"user\",\"content\":\"hi\"}]";
    static const char begun[] =
        "[{\"role\":\"user\",\"content\":\"hi\"},{\"role\":\"assistant\",\"content\":\"Once \"}]";
    (void)state;
    check_prefix(hi, "so far",
                 "{\"max_tokens\":6,\"messages\":[" HI
                 ",{\"role\":\"assistant\",\"content\":[" TEXT("so far") "]}]}");
    check_prefix(hi, "so \n\n",
                 "{\"max_tokens\":6,\"messages\":[" HI
                 ",{\"role\":\"assistant\",\"content\":[" TEXT("so") "]}]}");
    check_prefix(hi, " \n", "{\"max_tokens\":6,\"messages\":[" HI "]}");
    check_prefix(begun, "upon ",
                 "{\"max_tokens\":6,\"messages\":[" HI
                 ",{\"role\":\"assistant\",\"content\":[" TEXT("Once upon") "]}]}");
}

static void test_what_is_no_array_of_messages(void **state)
{
    static const char *const odd[] = {"[]", "[1,null,\"x\",{}]", "[{\"role\":5,\"content\":{}}]", "[}]"};
    (void)state;
    for (size_t i = 0; i < sizeof odd / sizeof *odd; i++) {
        struct ask a = plain(odd[i]);
        check(&a, "{\"max_tokens\":4096,\"messages\":[]}");
    }
}

/* ------------------------------------------------------------ streams */

static struct buf parts[2];

static void flush(struct gather *g, void *owner)
{
    (void)owner;
    buf_add(&parts[g->part], g->text.data, g->text.len);
    g->tokens = 0;
    g->text.len = 0;
}

/* Events of one data line each, fed one by one. */
static struct answer decoded(const char *again, const char *const *events, size_t max)
{
    struct anthropic_stream s;
    struct gather g = {.flush = flush};
    struct answer a = {.prompt_tokens = -1, .completion_tokens = -1};
    parts[0].len = parts[1].len = 0;
    anthropic_stream_init(&s, max, again, strlen(again));
    for (; *events; events++) {
        struct buf b = {0};
        buf_printf(&b, "data: %s\n\n", *events);
        anthropic_feed(&s, &g, &a, b.data, b.len);
        buf_free(&b);
    }
    anthropic_end(&s, &g, &a);
    flush(&g, NULL);
    anthropic_stream_free(&s);
    buf_free(&g.text);
    mem_free(a.model);
    return a;
}

#define DELTA(t) "{\"type\":\"content_block_delta\",\"delta\":{\"type\":\"text_delta\",\"text\":\"" t "\"}}"

static void again(const char *unsent, const char *const *events, const char *want)
{
    decoded(unsent, events, 4096);
    assert_string_equal(buf_cstr(&parts[ANSWER_TEXT]), want);
}

static void test_white_space_that_was_there_does_not_come_twice(void **state)
{
    (void)state;
    again("\n\n", (const char *[]){DELTA("\\n\\nMore"), NULL}, "More");
    again("\n\n", (const char *[]){DELTA("\\n"), DELTA("\\n\\n"), DELTA("More"), NULL}, "\nMore");
    again("\n\n", (const char *[]){DELTA("More\\n\\n"), DELTA("\\n"), NULL}, "More\n\n\n");
    again("\n\n", (const char *[]){DELTA("\\n "), DELTA("\\n"), NULL}, " \n");
    again("", (const char *[]){DELTA("\\n "), NULL}, "\n ");
    assert_int_equal(anthropic_unsent("a \n\t", 4), 3);
    assert_int_equal(anthropic_unsent(" ", 1), 1);
    assert_int_equal(anthropic_unsent("a\0", 2), 0);
    assert_int_equal(anthropic_unsent("", 0), 0);
}

static enum finish reason(const char *stop_reason)
{
    char text[160];
    snprintf(text, sizeof text, "{\"type\":\"message_delta\",\"delta\":{\"stop_reason\":%s}}", stop_reason);
    return decoded("", (const char *[]){text, NULL}, 4096).finish;
}

static void test_every_stop_reason(void **state)
{
    (void)state;
    assert_int_equal(reason("\"end_turn\""), FINISH_STOP);
    assert_int_equal(reason("\"stop_sequence\""), FINISH_STOP);
    assert_int_equal(reason("\"max_tokens\""), FINISH_LENGTH);
    assert_int_equal(reason("\"model_context_window_exceeded\""), FINISH_LENGTH);
    assert_int_equal(reason("\"refusal\""), FINISH_FILTERED);
    assert_int_equal(reason("\"tool_use\""), FINISH_TOOLS);
    assert_int_equal(reason("\"pause_turn\""), FINISH_TOOLS);
    assert_int_equal(reason("null"), FINISH_NONE);
}

static void test_a_ping_is_no_life_and_the_head_no_count(void **state)
{
    (void)state;
    struct answer a = decoded("", (const char *[]){"{\"type\":\"ping\"}", "{\"type\":\"new\"}", NULL}, 4096);
    assert_int_equal(a.events, 0);
    assert_int_equal(a.malformed, 0);
    a = decoded("",
                (const char *[]){"{\"type\":\"message_start\",\"message\":{\"usage\":{\"input_tokens\":7,"
                                 "\"cache_read_input_tokens\":-5,\"output_tokens\":1}}}",
                                 NULL},
                4096);
    assert_int_equal(a.prompt_tokens, 7);
    assert_int_equal(a.completion_tokens, -1);
}

static void test_what_is_no_event(void **state)
{
    static const char *const odd[] = {"[1]", "{", "\"x\"", "{\"type\":5}", "[DONE]", "null", NULL};
    (void)state;
    struct answer a = decoded("", odd, 4096);
    assert_int_equal(a.malformed, 6);
    assert_int_equal(a.failure, FAIL_NONE);
    a = decoded("", (const char *[]){DELTA("far too long for this limit, by some bytes"), NULL}, 64);
    assert_int_equal(a.failure, FAIL_GARBLED);
}

/* ------------------------------------------------------------ refusals */

static enum failure refused(int status, const char *type, const char *message)
{
    char text[256], detail[ANSWER_DETAIL];
    int n = snprintf(text, sizeof text, "{\"type\":\"error\",\"error\":{\"type\":\"%s\",\"message\":\"%s\"}}",
                     type, message);
    enum failure f = openai_refusal(status, text, (size_t)n, detail);
    assert_string_equal(detail, type);
    return f;
}

static void test_every_error_of_the_service(void **state)
{
    (void)state;
    assert_int_equal(refused(400, "invalid_request_error", "no"), FAIL_REQUEST);
    assert_int_equal(refused(400, "invalid_request_error", "prompt is too long: 9 tokens > 8 maximum"),
                     FAIL_CONTEXT);
    assert_int_equal(refused(400, "invalid_request_error", "Output blocked by content filtering policy"),
                     FAIL_FILTER);
    assert_int_equal(refused(400, "invalid_request_error", "Your credit balance is too low"), FAIL_QUOTA);
    assert_int_equal(refused(401, "authentication_error", "invalid x-api-key"), FAIL_AUTH);
    assert_int_equal(refused(403, "permission_error", "no"), FAIL_AUTH);
    assert_int_equal(refused(404, "not_found_error", "model: x"), FAIL_NO_MODEL);
    assert_int_equal(refused(413, "request_too_large", "no"), FAIL_CONTEXT);
    assert_int_equal(refused(429, "rate_limit_error", "no"), FAIL_RATE_LIMIT);
    assert_int_equal(refused(500, "api_error", "no"), FAIL_SERVER);
    assert_int_equal(refused(504, "timeout_error", "no"), FAIL_SERVER);
    assert_int_equal(refused(529, "overloaded_error", "Overloaded"), FAIL_UNAVAILABLE);
}

static int free_parts(void **state)
{
    (void)state;
    buf_free(&parts[0]);
    buf_free(&parts[1]);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_head),
        cmocka_unit_test(test_roles_alternate_and_the_system_stands_apart),
        cmocka_unit_test(test_pictures),
        cmocka_unit_test(test_parameters_by_their_names_there),
        cmocka_unit_test(test_going_on),
        cmocka_unit_test(test_what_is_no_array_of_messages),
        cmocka_unit_test(test_white_space_that_was_there_does_not_come_twice),
        cmocka_unit_test(test_every_stop_reason),
        cmocka_unit_test(test_a_ping_is_no_life_and_the_head_no_count),
        cmocka_unit_test(test_what_is_no_event),
        cmocka_unit_test(test_every_error_of_the_service),
    };
    return cmocka_run_group_tests(tests, NULL, free_parts);
}
