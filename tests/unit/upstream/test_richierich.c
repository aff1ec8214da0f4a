/* Tests of upstream/richierich.c: the path and prompt that are asked, and what each message means. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "upstream/richierich.h"

static struct buf got;

static void flush(struct gather *g, void *owner)
{
    (void)owner;
    buf_add(&got, g->text.data, g->text.len);
    g->tokens = 0;
    g->text.len = 0;
}

static void test_path(void **state)
{
    struct buf b = {0};
    struct ask a = {.model = "richie rich/1"};
    (void)state;
    richierich_path(&b, &a);
    assert_string_equal(buf_cstr(&b), "/stream?model=richie%20rich%2F1");
    b.len = 0;
    json_t *params =
        json_loads("{\"seed\":7,\"rate\":0.5,\"fault\":\"a&b=c é\",\"temperature\":1,\"max_tokens\":5,"
                   "\"stop\":[\"x\"],\"tools\":[],\"flag\":true,\"nothing\":null}",
                   0, NULL);
    json_t *body = json_loads("{\"seed\":9,\"tokens\":3}", 0, NULL);
    a.params = params;
    a.body = body;
    a.prefix = "text";
    a.prefix_len = 4;
    richierich_path(&b, &a);
    assert_string_equal(buf_cstr(&b),
                        "/stream?model=richie%20rich%2F1&offset=4&rate=0.5&fault=a%26b%3Dc%20%C3%A9&flag=true"
                        "&seed=9&tokens=3");
    json_decref(params);
    json_decref(body);
    buf_free(&b);
}

static void prompt(const char *messages, const char *want)
{
    struct buf b = {0};
    struct ask a = {.messages = messages, .messages_len = strlen(messages)};
    richierich_build(&b, &a);
    assert_string_equal(buf_cstr(&b), want);
    buf_free(&b);
}

static void test_the_last_user_message_is_the_prompt(void **state)
{
    (void)state;
    prompt("[{\"role\":\"user\",\"content\":\"a\"},{\"role\":\"assistant\",\"content\":\"b\"},"
           "{\"role\":\"user\",\"content\":\"c \\u00e9\"},{\"role\":\"assistant\",\"content\":\"d\"}]",
           "c é");
    prompt("[{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"x\"},{\"type\":\"image_url\"},"
           "{\"type\":\"text\",\"text\":\"y\"}]}]",
           "xy");
    prompt("[{\"role\":\"system\",\"content\":\"s\"}]", "");
    prompt("[]", "");
    prompt("[nonsense]", "");
}

static void feed(struct gather *g, struct answer *a, const char *message)
{
    richierich_feed(g, a, message, strlen(message));
    if (g->tokens)
        flush(g, NULL);
}

static void test_messages(void **state)
{
    struct gather g = {.flush = flush};
    struct answer a = {0};
    (void)state;
    feed(&g, &a, "<response>");
    feed(&g, &a, "");
    feed(&g, &a, "\xff");
    feed(&g, &a, "{\"error\":");
    feed(&g, &a, "{\"error\":{\"code\":\"x\"},\"more\":1}");
    feed(&g, &a, "[DONE] ");
    assert_string_equal(buf_cstr(&got),
                        "<response>{\"error\":{\"error\":{\"code\":\"x\"},\"more\":1}[DONE] ");
    assert_int_equal(a.malformed, 1);
    assert_int_equal(a.failure, FAIL_NONE);
    assert_false(a.done);
    feed(&g, &a, "[DONE]");
    assert_true(a.done);
    feed(&g, &a, "late");
    assert_int_equal(a.events, 6);
    buf_free(&got);
    buf_free(&g.text);
}

static void test_errors(void **state)
{
    static const struct {
        const char *message;
        enum failure failure;
    } cases[] = {{"{\"error\":{\"message\":\"x\",\"code\":\"server_error\"}}", FAIL_IN_STREAM},
                 {"{\"error\":{\"code\":\"content_filter\"}}", FAIL_FILTER},
                 {"{\"error\":{}}", FAIL_IN_STREAM}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct gather g = {.flush = flush};
        struct answer a = {0};
        feed(&g, &a, cases[i].message);
        assert_int_equal(a.failure, cases[i].failure);
        buf_free(&g.text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_path),
        cmocka_unit_test(test_the_last_user_message_is_the_prompt),
        cmocka_unit_test(test_messages),
        cmocka_unit_test(test_errors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
