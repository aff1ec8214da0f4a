#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <jansson.h>

#include "edge/openai_write.h"

static const char text[] = "Hello \"\xe5\x8c\x97\"\n";
#define LEN (sizeof text - 1)

static struct openai_head head(bool usage_null)
{
    struct openai_head h = {.created_ms = 1700000000999, .model = "m\"1", .usage_null = usage_null};
    memset(h.gen.b, 0xAB, sizeof h.gen.b);
    return h;
}

/* What was written, as JSON; owned by the caller. */
static json_t *parse(struct buf *out)
{
    json_t *root = json_loadb(out->data, out->len, 0, NULL);
    assert_non_null(root);
    buf_free(out);
    return root;
}

static json_t *delta_of(json_t *chunk)
{
    return json_object_get(json_array_get(json_object_get(chunk, "choices"), 0), "delta");
}

static void test_positions(void **state)
{
    (void)state;
    struct openai_position in = {7, 1234, 0x0000beef}, out;
    struct buf b = {0};
    openai_event_open(&b, &in);
    assert_string_equal(buf_cstr(&b), "id: 7-1234-0000beef\ndata: ");
    buf_free(&b);
    assert_true(openai_position_read("7-1234-0000beef", &out));
    assert_true(out.epoch == 7 && out.off == 1234 && out.crc == 0xbeef);
    assert_true(openai_position_read("1-0-00000000", &out));
    assert_true(openai_position_read("1-9007199254740991-00000000", &out));
    static const char *const bad[] = {"",
                                      "-",
                                      "--",
                                      "1",
                                      "1-",
                                      "1-2",
                                      "1-2-",
                                      "1-2-3",
                                      "1-2-0000beefx",
                                      "1-2-0000BEEF",
                                      "0-2-00000000",
                                      "1-0-00000001",
                                      "+1-2-00000000",
                                      " 1-2-00000000",
                                      "1--2-00000000",
                                      "1-2-00000000-",
                                      "1-0x2-00000000",
                                      "1-9007199254740992-00000000",
                                      "1-99999999999999999-00000000"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(openai_position_read(bad[i], &out));
}

static void test_text(void **state)
{
    (void)state;
    for (int reasoning = 0; reasoning < 2; reasoning++) {
        struct openai_head h = head(reasoning);
        struct log_item item = {.kind = LOG_ITEM_TEXT,
                                .text = text,
                                .len = LEN,
                                .part = reasoning ? LOG_PART_REASONING : LOG_PART_TEXT};
        struct buf b = {0};
        openai_write_text(&b, &h, &item);
        json_t *chunk = parse(&b);
        assert_string_equal(json_string_value(json_object_get(chunk, "id")),
                            "chatcmpl-abababab-abab-abab-abab-abababababab");
        assert_int_equal(json_integer_value(json_object_get(chunk, "created")), 1700000000);
        assert_string_equal(json_string_value(json_object_get(chunk, "model")), "m\"1");
        const char *member = reasoning ? "reasoning_content" : "content";
        assert_string_equal(json_string_value(json_object_get(delta_of(chunk), member)), text);
        assert_int_equal(json_object_size(delta_of(chunk)), 1);
        assert_true(reasoning == json_is_null(json_object_get(chunk, "usage")));
        json_decref(chunk);
    }
}

static void test_role_and_finish(void **state)
{
    (void)state;
    struct openai_head h = head(false);
    struct buf b = {0};
    openai_write_role(&b, &h);
    json_t *chunk = parse(&b);
    assert_string_equal(json_string_value(json_object_get(delta_of(chunk), "role")), "assistant");
    json_decref(chunk);
    openai_write_finish(&b, &h, "stop");
    buf_add_char(&b, '}');
    chunk = parse(&b);
    json_t *choice = json_array_get(json_object_get(chunk, "choices"), 0);
    assert_string_equal(json_string_value(json_object_get(choice, "finish_reason")), "stop");
    json_decref(chunk);
}

static void test_usage(void **state)
{
    (void)state;
    struct outcome known = {.prompt_tokens = 3, .completion_tokens = 4};
    struct outcome unknown = {.prompt_tokens = -1, .completion_tokens = 4};
    struct openai_head h = head(true);
    struct buf b = {0};
    openai_write_usage_chunk(&b, &h, &known);
    json_t *chunk = parse(&b);
    json_t *usage = json_object_get(chunk, "usage");
    assert_int_equal(json_integer_value(json_object_get(usage, "total_tokens")), 7);
    assert_int_equal(json_array_size(json_object_get(chunk, "choices")), 0);
    json_decref(chunk);
    openai_write_usage(&b, &unknown);
    assert_string_equal(buf_cstr(&b), "null");
    buf_free(&b);
}

static void test_only_a_whole_answer_has_a_finish(void **state)
{
    (void)state;
    static const char *const pairs[][2] = {
        {"complete", "stop"}, {"length", "length"}, {"filtered", "content_filter"},
        {"truncated", NULL},  {"error", NULL},      {"cancelled", NULL}};
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        struct outcome o = {.state = pairs[i][0]};
        const char *finish = openai_finish(&o);
        if (pairs[i][1])
            assert_string_equal(finish, pairs[i][1]);
        else
            assert_null(finish);
    }
}

static void test_the_whole_answer_keeps_the_parts_apart(void **state)
{
    (void)state;
    struct generation g = {.outcome = {.state = "complete", .prompt_tokens = -1}};
    tokenlog_init(&g.log, 1);
    tokenlog_start(&g.log, LOG_FRESH, "served");
    tokenlog_append(&g.log, LOG_PART_REASONING, "hmm ", 4);
    tokenlog_append(&g.log, LOG_PART_TEXT, "a", 1);
    tokenlog_append(&g.log, LOG_PART_REASONING, "more", 4);
    tokenlog_append(&g.log, LOG_PART_TEXT, "b", 1);
    struct buf b = {0};
    openai_write_answer(&b, &g);
    json_t *root = parse(&b);
    json_t *message = json_object_get(json_array_get(json_object_get(root, "choices"), 0), "message");
    assert_string_equal(json_string_value(json_object_get(message, "content")), "ab");
    assert_string_equal(json_string_value(json_object_get(message, "reasoning_content")), "hmm more");
    assert_string_equal(json_string_value(json_object_get(root, "model")), "served");
    json_decref(root);
    tokenlog_free(&g.log);
}

static void test_the_model_that_serves_at_a_place(void **state)
{
    (void)state;
    char asked[] = "asked";
    struct generation g = {.model = asked};
    tokenlog_init(&g.log, 1);
    assert_string_equal(openai_model_at(&g, 0), "asked");
    tokenlog_start(&g.log, LOG_FRESH, "one");
    tokenlog_append(&g.log, LOG_PART_TEXT, "abc", 3);
    tokenlog_start(&g.log, LOG_PREFIX, "two");
    tokenlog_append(&g.log, LOG_PART_TEXT, "def", 3);
    assert_string_equal(openai_model_at(&g, 0), "one");
    assert_string_equal(openai_model_at(&g, 2), "one");
    assert_string_equal(openai_model_at(&g, 3), "two");
    assert_string_equal(openai_model_at(&g, 6), "two");
    tokenlog_free(&g.log);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_positions),
        cmocka_unit_test(test_text),
        cmocka_unit_test(test_role_and_finish),
        cmocka_unit_test(test_usage),
        cmocka_unit_test(test_only_a_whole_answer_has_a_finish),
        cmocka_unit_test(test_the_whole_answer_keeps_the_parts_apart),
        cmocka_unit_test(test_the_model_that_serves_at_a_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
