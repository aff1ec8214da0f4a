/* A prompt as an entry of the outbox: out and back, and what is none. */
#include "fixture.h"

#include "core/asked.h"

static struct history_send send_of(const char *input, size_t len)
{
    struct history_send s = {.owner = "acme/alice",
                             .parent_kind = PARENT_MESSAGE,
                             .has_input = input != NULL,
                             .input = {input, len},
                             .model = "m \"x\"",
                             .request = {"{\"params\":{}}", 13},
                             .unix_ms = 1732000000000};
    for (int i = 0; i < 16; i++) {
        s.gen.b[i] = (uint8_t)i;
        s.chat.b[i] = (uint8_t)(i + 20);
        s.user_message.b[i] = (uint8_t)(i + 40);
        s.answer_message.b[i] = (uint8_t)(i + 60);
        s.parent.b[i] = (uint8_t)(i + 80);
    }
    for (int i = 0; i < 32; i++)
        s.digest[i] = (uint8_t)(255 - i);
    return s;
}

static struct asked *there_and_back(const struct history_send *s)
{
    struct buf out = {0};
    struct asked *a = asked_new(s);
    a->after = s->parent;
    asked_write(&out, a);
    asked_free(a);
    struct asked *b = asked_parse(out.data, out.len);
    buf_free(&out);
    assert_non_null(b);
    return b;
}

static void test_there_and_back(void **state)
{
    (void)state;
    struct history_send s = send_of("a\0\"\xc3\xa9", 5);
    struct asked *a = there_and_back(&s);
    assert_string_equal(a->send.owner, s.owner);
    assert_string_equal(a->send.model, s.model);
    assert_true(a->send.has_input);
    assert_int_equal(a->send.input.len, 5);
    assert_memory_equal(a->send.input.data, s.input.data, 5);
    assert_int_equal(a->send.request.len, s.request.len);
    assert_memory_equal(a->send.request.data, s.request.data, s.request.len);
    assert_int_equal(a->send.parent_kind, PARENT_MESSAGE);
    assert_int_equal(a->send.unix_ms, s.unix_ms);
    assert_memory_equal(a->send.digest, s.digest, 32);
    assert_memory_equal(&a->send.gen, &s.gen, 16);
    assert_memory_equal(&a->send.chat, &s.chat, 16);
    assert_memory_equal(&a->send.user_message, &s.user_message, 16);
    assert_memory_equal(&a->send.answer_message, &s.answer_message, 16);
    assert_memory_equal(&a->send.parent, &s.parent, 16);
    assert_memory_equal(&a->after, &s.parent, 16);
    asked_free(a);
}

static void test_no_input_is_not_an_empty_one(void **state)
{
    (void)state;
    struct history_send none = send_of(NULL, 0), empty = send_of("", 0);
    struct asked *a = there_and_back(&none), *b = there_and_back(&empty);
    assert_false(a->send.has_input);
    assert_true(b->send.has_input);
    asked_free(a);
    asked_free(b);
}

static void test_what_is_none_is_refused(void **state)
{
    (void)state;
    struct history_send s = send_of("hi", 2);
    struct buf out = {0};
    struct asked *a = asked_new(&s);
    asked_write(&out, a);
    asked_free(a);
    for (size_t len = 0; len < out.len; len++)
        assert_null(asked_parse(out.data, len));
    assert_null(asked_parse("{}", 2));
    assert_null(asked_parse("{\"prompt\":{\"kind\":0}}", 21));
    buf_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_there_and_back),
                                       cmocka_unit_test(test_no_input_is_not_an_empty_one),
                                       cmocka_unit_test(test_what_is_none_is_refused)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
