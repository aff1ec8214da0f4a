#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "edge/openai_request.h"

static struct openai_request r;
static struct err e;

static bool take(const char *body)
{
    e = (struct err){0};
    return openai_request_read(body, strlen(body), &r, &e);
}

#define HI "\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]"

static void test_the_least(void **state)
{
    (void)state;
    assert_true(take("{" HI "}"));
    assert_string_equal(r.model, "");
    assert_false(r.stream);
    assert_int_equal(json_object_size(r.params), 0);
    assert_memory_equal(r.input.data, "hi", 2);
    assert_string_equal(r.messages_json, "[{\"role\":\"user\",\"content\":\"hi\"}]");
    openai_request_free(&r);
}

static void test_ours_are_taken_out_and_the_rest_is_kept(void **state)
{
    (void)state;
    assert_true(take("{\"model\":\"m\",\"stream\":true,\"stream_options\":{\"include_usage\":true},\"n\":1,"
                     "\"temperature\":0.5,\"seed\":null,\"tools\":[],\"x_y\":{\"z\":[1]}," HI "}"));
    assert_string_equal(r.model, "m");
    assert_true(r.stream && r.include_usage);
    assert_int_equal(json_object_size(r.params), 3);
    assert_non_null(json_object_get(r.params, "temperature"));
    assert_non_null(json_object_get(r.params, "tools"));
    assert_non_null(json_object_get(r.params, "x_y"));
    openai_request_free(&r);
}

static void test_the_input_is_the_last_message_of_the_user(void **state)
{
    (void)state;
    assert_true(take("{\"messages\":[{\"role\":\"user\",\"content\":\"first\"},"
                     "{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"a\\u0000\"},"
                     "{\"type\":\"text\",\"text\":\"b\"}]},{\"role\":\"assistant\",\"content\":null}]}"));
    assert_int_equal(r.input.len, 3);
    assert_memory_equal(r.input.data, "a\0b", 3);
    openai_request_free(&r);
    assert_true(take("{\"messages\":[{\"role\":\"system\",\"content\":\"only\"}]}"));
    assert_memory_equal(r.input.data, "only", 4);
    openai_request_free(&r);
}

static void test_refused(void **state)
{
    (void)state;
    static const struct {
        const char *body, *param, *says;
    } bad[] = {
        {"", NULL, "JSON"},
        {"{" HI, NULL, "JSON"},
        {"[]", NULL, "object"},
        {"{}", "messages", "missing"},
        {"{\"messages\":{}}", "messages", "array"},
        {"{\"messages\":[]}", "messages", "empty"},
        {"{\"messages\":[{\"role\":\"user\",\"content\":\"a\"},7]}", "messages", "messages[1]"},
        {"{\"messages\":[{\"role\":\"user\",\"content\":null}]}", "messages", "messages[0].content"},
        {"{\"messages\":[{\"role\":7,\"content\":\"\"}]}", "messages", "messages[0].role"},
        {"{\"messages\":[{\"role\":\"user\",\"content\":[7]}]}", "messages", "part"},
        {"{\"model\":{}," HI "}", "model", "model"},
        {"{\"model\":\"a\\u0000b\"," HI "}", "model", "model"},
        {"{\"stream\":1," HI "}", "stream", "stream"},
        {"{\"stream_options\":{\"include_usage\":true}," HI "}", "stream_options", "stream"},
        {"{\"n\":0," HI "}", "n", "n:"},
        {"{\"n\":1.0," HI "}", "n", "n:"},
        {"{\"max_tokens\":0," HI "}", NULL, "max_tokens"},
        {"{\"temperature\":[]," HI "}", NULL, "temperature"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_false(take(bad[i].body));
        assert_int_equal(e.code, ERR_BAD_REQUEST);
        if (bad[i].param)
            assert_string_equal(e.param, bad[i].param);
        assert_non_null(strstr(e.message, bad[i].says));
        openai_request_free(&r);
    }
}

static void test_too_many_messages(void **state)
{
    (void)state;
    struct buf body = {0};
    buf_add_lit(&body, "{\"messages\":[");
    for (int i = 0; i <= OPENAI_MESSAGES_MAX; i++)
        buf_printf(&body, "%s{\"role\":\"user\",\"content\":\"x\"}", i ? "," : "");
    buf_add_lit(&body, "]}");
    assert_false(openai_request_read(body.data, body.len, &r, &e));
    assert_string_equal(e.param, "messages");
    openai_request_free(&r);
    buf_free(&body);
}

/* Cut anywhere it is refused, and never read beyond its end. */
static void test_cut_at_every_byte(void **state)
{
    (void)state;
    static const char body[] = "{\"model\":\"m\",\"stop\":[\"a\"]," HI "}";
    for (size_t len = 0; len < sizeof body - 1; len++) {
        char *copy = malloc(len ? len : 1);
        memcpy(copy, body, len);
        assert_false(openai_request_read(copy, len, &r, &e));
        openai_request_free(&r);
        free(copy);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_least),
        cmocka_unit_test(test_ours_are_taken_out_and_the_rest_is_kept),
        cmocka_unit_test(test_the_input_is_the_last_message_of_the_user),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_too_many_messages),
        cmocka_unit_test(test_cut_at_every_byte),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
