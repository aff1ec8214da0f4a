#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "edge/response_request.h"

static struct response_request r;
static struct err e;

static bool take(const char *body)
{
    e = (struct err){0};
    return response_request_read(body, strlen(body), &r, &e);
}

static void assert_json(json_t *v, const char *expected)
{
    char *text = json_dumps(v, JSON_COMPACT | JSON_SORT_KEYS);
    assert_string_equal(text, expected);
    free(text);
}

static void test_the_least(void **state)
{
    (void)state;
    assert_true(take("{\"input\":\"hi\"}"));
    assert_true(r.plain);
    assert_false(r.stream || r.background || r.has_previous || r.has_conversation);
    assert_string_equal(json_string_value(r.last_user), "hi");
    assert_json(r.messages, "[{\"content\":\"hi\",\"role\":\"user\"}]");
    assert_json(r.params, "{}");
    assert_json(r.note, "{}");
    response_request_free(&r);
}

#define ID "0193e2c4-0000-7000-8000-000000000001"

static void test_everything(void **state)
{
    (void)state;
    assert_true(take(
        "{\"model\":\"m\",\"input\":\"hi\",\"instructions\":\"be short\",\"stream\":true,\"background\":true,"
        "\"temperature\":0.5,\"top_p\":null,\"max_output_tokens\":7,\"metadata\":{\"a\":\"b\"},\"store\":"
        "true,"
        "\"previous_response_id\":\"resp_" ID "\",\"reasoning\":{\"effort\":\"low\",\"summary\":null},"
        "\"tools\":[],\"tool_choice\":\"auto\",\"include\":[],\"truncation\":\"disabled\",\"top_logprobs\":0,"
        "\"text\":{\"format\":{\"type\":\"json_schema\",\"name\":\"n\",\"schema\":{}},\"verbosity\":\"low\"},"
        "\"parallel_tool_calls\":true,\"user\":\"u\",\"x_y\":[1]}"));
    assert_string_equal(r.model, "m");
    assert_true(r.stream && r.background && r.has_previous);
    assert_string_equal(json_string_value(r.instructions), "be short");
    assert_json(
        r.params,
        "{\"max_tokens\":7,\"reasoning_effort\":\"low\",\"response_format\":{\"json_schema\":{\"name\":"
        "\"n\",\"schema\":{}},\"type\":\"json_schema\"},\"temperature\":0.5,\"user\":\"u\",\"verbosity\":"
        "\"low\",\"x_y\":[1]}");
    assert_json(json_object_get(r.note, "metadata"), "{\"a\":\"b\"}");
    assert_int_equal(json_integer_value(json_object_get(r.note, "max_output_tokens")), 7);
    response_request_free(&r);
    assert_true(take("{\"input\":\"hi\",\"conversation\":{\"id\":\"conv_" ID "\"}}"));
    assert_true(r.has_conversation);
    response_request_free(&r);
}

static void test_a_list(void **state)
{
    (void)state;
    assert_true(
        take("{\"input\":[{\"role\":\"developer\",\"content\":\"d\"},"
             "{\"type\":\"message\",\"role\":\"user\",\"content\":[{\"type\":\"input_text\",\"text\":\"a\"},"
             "{\"type\":\"input_text\",\"text\":\"b\"}]},{\"type\":\"reasoning\",\"summary\":[]},"
             "{\"id\":\"msg_1\",\"type\":\"message\",\"role\":\"assistant\",\"status\":\"completed\","
             "\"content\":[{\"type\":\"output_text\",\"text\":\"c\",\"annotations\":[]},"
             "{\"type\":\"refusal\",\"refusal\":\"!\"}]}]}"));
    assert_false(r.plain);
    assert_string_equal(json_string_value(r.last_user), "ab");
    assert_json(r.messages,
                "[{\"content\":\"d\",\"role\":\"developer\"},{\"content\":\"ab\",\"role\":\"user\"},"
                "{\"content\":\"c!\",\"role\":\"assistant\"}]");
    response_request_free(&r);
    assert_true(take("{\"input\":[{\"role\":\"user\",\"content\":\"one\"}]}"));
    assert_true(r.plain);
    response_request_free(&r);
    assert_true(take("{\"input\":[{\"role\":\"system\",\"content\":\"only\"}]}"));
    assert_false(r.plain);
    assert_string_equal(json_string_value(r.last_user), "only");
    response_request_free(&r);
}

static void test_refused(void **state)
{
    (void)state;
    static const struct {
        const char *body, *param, *says;
    } bad[] = {
        {"", NULL, "JSON"},
        {"[]", NULL, "object"},
        {"{}", "input", "missing"},
        {"{\"input\":7}", "input", "string or an array"},
        {"{\"input\":[]}", "input", "hold a message"},
        {"{\"input\":[{\"type\":\"reasoning\"}]}", "input", "hold a message"},
        {"{\"input\":[7]}", "input", "input[0]: must be an object"},
        {"{\"input\":[{\"role\":\"tool\",\"content\":\"\"}]}", "input", "role"},
        {"{\"input\":[{\"type\":\"function_call_output\"}]}", "input", "type"},
        {"{\"input\":[{\"type\":7}]}", "input", "type"},
        {"{\"input\":[{\"role\":\"user\",\"content\":[{\"type\":\"input_image\"}]}]}", "input", "only text"},
        {"{\"input\":[{\"role\":\"user\",\"content\":[{\"type\":\"input_text\"}]}]}", "input", "string text"},
        {"{\"input\":[{\"role\":\"user\",\"content\":[]}]}", "input", "content"},
        {"{\"input\":\"x\",\"model\":\"\"}", "model", "model"},
        {"{\"input\":\"x\",\"instructions\":[]}", "instructions", "string"},
        {"{\"input\":\"x\",\"stream\":1}", "stream", "true or false"},
        {"{\"input\":\"x\",\"background\":\"\"}", "background", "true or false"},
        {"{\"input\":\"x\",\"store\":false}", "store", "recorded"},
        {"{\"input\":\"x\",\"tools\":[{\"type\":\"function\"}]}", "tools", "none here"},
        {"{\"input\":\"x\",\"tool_choice\":\"required\"}", "tool_choice", "no tools"},
        {"{\"input\":\"x\",\"prompt\":{\"id\":\"p\"}}", "prompt", "prompt"},
        {"{\"input\":\"x\",\"n\":2}", "n", "one answer"},
        {"{\"input\":\"x\",\"system\":\"s\"}", "system", "instructions"},
        {"{\"input\":\"x\",\"messages\":[]}", "messages", "input"},
        {"{\"input\":\"x\",\"max_tokens\":5}", "max_tokens", "max_output_tokens"},
        {"{\"input\":\"x\",\"include\":[\"a\"]}", "include", "include"},
        {"{\"input\":\"x\",\"truncation\":\"auto\"}", "truncation", "disabled"},
        {"{\"input\":\"x\",\"top_logprobs\":3}", "top_logprobs", "not supported"},
        {"{\"input\":\"x\",\"generate\":false}", "generate", "warmed"},
        {"{\"input\":\"x\",\"previous_response_id\":\"abc\"}", "previous_response_id", "resp_"},
        {"{\"input\":\"x\",\"conversation\":\"abc\"}", "conversation", "conv_"},
        {"{\"input\":\"x\",\"conversation\":\"" ID "\",\"previous_response_id\":\"resp_" ID "\"}",
         "previous_response_id", "beside"},
        {"{\"input\":\"x\",\"metadata\":{\"a\":1}}", "metadata", "strings"},
        {"{\"input\":\"x\",\"text\":{\"format\":{\"type\":\"grammar\"}}}", "text.format", "json_schema"},
        {"{\"input\":\"x\",\"reasoning\":{\"summary\":\"auto\"}}", "reasoning", "effort"},
        {"{\"input\":\"x\",\"temperature\":\"hot\"}", "temperature", "temperature: must be"},
        {"{\"input\":\"x\",\"max_output_tokens\":0}", "max_output_tokens", "max_output_tokens: must be"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        if (take(bad[i].body))
            fail_msg("taken: %s", bad[i].body);
        assert_int_equal(e.code, ERR_BAD_REQUEST);
        if (!bad[i].param ? e.param != NULL : !e.param || strcmp(e.param, bad[i].param) != 0)
            fail_msg("%s: param %s", bad[i].body, e.param ? e.param : "NULL");
        if (!strstr(err_message(&e), bad[i].says))
            fail_msg("%s: %s", bad[i].body, err_message(&e));
        response_request_free(&r);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_least),
        cmocka_unit_test(test_everything),
        cmocka_unit_test(test_a_list),
        cmocka_unit_test(test_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
