/* What may be read back of an exported conversation, and what is refused with its place. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/tokenlog.h"
#include "edge/import_file.h"

#define NOW 2000000000000u
#define Q "{\"role\":\"user\",\"text\":\"q\"}"
#define FILE_OF(messages) "{\"messages\":[" messages "]}"

static struct import_file f;
static struct err e;

static bool take(const char *body)
{
    const struct import_limits limits = {.prompt_bytes = 100, .text_bytes = 200, .now_ms = NOW};
    e = (struct err){0};
    return import_file_read(body, strlen(body), &limits, &f, &e);
}

static void refused(const char *body, const char *why)
{
    assert_false(take(body));
    if (!strstr(err_message(&e), why))
        fail_msg("%s: said %s", body, err_message(&e));
    assert_non_null(e.param);
    import_file_free(&f);
}

static void test_the_least(void **state)
{
    (void)state;
    assert_true(take(FILE_OF(Q ",{\"role\":\"assistant\",\"text\":\"123456789\"}")));
    assert_int_equal(f.count, 2);
    assert_null(f.title);
    assert_false(f.messages[0].answer);
    assert_true(f.messages[0].parent == IMPORT_ROOT && f.messages[1].parent == 0);
    assert_int_equal(f.messages[1].crc, 0xe3069283);
    assert_string_equal(f.messages[1].state, "complete");
    assert_int_equal(f.messages[1].part_count, 1);
    assert_true(f.messages[1].created_ms == NOW);
    import_file_free(&f);
}

static void test_all_that_an_answer_has(void **state)
{
    (void)state;
    assert_true(
        take("{\"title\":\"T\",\"messages\":["
             "{\"id\":\"a\",\"parent\":null,\"role\":\"user\",\"text\":\"q\\u0000\",\"created_ms\":5},"
             "{\"id\":\"b\",\"parent\":\"a\",\"role\":\"assistant\",\"text\":\"hm\\u00e9!\",\"model\":\"m\","
             "\"state\":\"length\",\"parts\":[[\"reasoning\",0,2],[\"text\",2,3]],\"error\":null,"
             "\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":null},\"timing\":{\"total_ms\":9},"
             "\"created_ms\":9999999999999}]}"));
    const struct import_message *m = &f.messages[1];
    assert_string_equal(f.title, "T");
    assert_int_equal(f.messages[0].text.len, 2);
    assert_true(f.messages[0].created_ms == 5 && m->created_ms == NOW);
    assert_string_equal(m->state, "length");
    assert_int_equal(m->parts[0].part, LOG_PART_REASONING);
    assert_true(m->parts[1].part == LOG_PART_TEXT && m->parts[1].off == 2 && m->parts[1].len == 3);
    assert_int_equal(m->total_ms, 9);
    assert_non_null(strstr(buf_cstr(&f.messages[1].outcome), "\"prompt_tokens\":3"));
    import_file_free(&f);
}

static void test_branches_and_what_still_ran(void **state)
{
    (void)state;
    assert_true(take(
        FILE_OF("{\"id\":\"1\",\"role\":\"user\",\"text\":\"q\"},"
                "{\"id\":\"2\",\"role\":\"assistant\",\"text\":\"x\"},"
                "{\"id\":\"3\",\"parent\":null,\"role\":\"user\",\"text\":\"edited\"},"
                "{\"id\":\"4\",\"parent\":\"1\",\"role\":\"assistant\",\"text\":\"\",\"state\":\"running\"},"
                "{\"id\":\"5\",\"parent\":\"3\",\"role\":\"assistant\",\"text\":\"y\"}")));
    assert_true(f.messages[2].parent == IMPORT_ROOT && f.messages[3].parent == 0 &&
                f.messages[4].parent == 2);
    assert_string_equal(f.messages[3].state, "truncated");
    assert_int_equal(f.messages[3].part_count, 0);
    import_file_free(&f);
}

static void test_what_is_no_conversation(void **state)
{
    (void)state;
    static const char *const nothing[] = {"", "x", "[]", "{}", "{\"messages\":{}}", "{\"messages\":[]}"};
    for (size_t i = 0; i < sizeof nothing / sizeof *nothing; i++)
        refused(nothing[i], "messages: must be an array");
    refused("{\"title\":7}", "title");
    refused("{\"title\":\" \"}", "title");
    refused(FILE_OF("7"), "messages[0]");
    refused(FILE_OF(Q), "messages[0].role: is a question without an answer");
    refused(FILE_OF("{\"role\":\"system\",\"text\":\"q\"}"), "messages[0].role");
    refused(FILE_OF("{\"role\":\"assistant\",\"text\":\"x\"}"), "messages[0].parent");
    refused(FILE_OF(Q "," Q), "messages[1].parent");
    refused(FILE_OF("{\"role\":\"user\",\"text\":\"q\",\"id\":\"a\",\"parent\":\"a\"}"),
            "messages[0].parent");
    refused(FILE_OF("{\"role\":\"user\",\"text\":\"\"}"), "messages[0].text");
    refused(FILE_OF("{\"role\":\"user\"}"), "messages[0].text");
    refused(FILE_OF("{\"role\":\"user\",\"text\":\"q\",\"created_ms\":-1}"), "messages[0].created_ms");
    refused(FILE_OF("{\"role\":\"user\",\"text\":\"q\",\"id\":\"a\"},{\"role\":\"assistant\",\"text\":\"\","
                    "\"id\":\"a\"}"),
            "messages[1].id");
}

static void test_what_is_no_answer(void **state)
{
    (void)state;
    static const char *const wrong[] = {"\"crc\":\"00000000\"",
                                        "\"crc\":1",
                                        "\"state\":\"done\"",
                                        "\"state\":1",
                                        "\"model\":[]",
                                        "\"usage\":[]",
                                        "\"error\":\"x\"",
                                        "\"parts\":[]",
                                        "\"parts\":\"text\"",
                                        "\"parts\":[[\"text\",0,2]]",
                                        "\"parts\":[[\"text\",0,4]]",
                                        "\"parts\":[[\"text\",1,2]]",
                                        "\"parts\":[[\"tool\",0,3]]",
                                        "\"parts\":[[\"text\",0,1],[\"text\",1,2]]",
                                        "\"parts\":[[\"text\",0,9223372036854775807]]"};
    char body[400];
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        snprintf(body, sizeof body, FILE_OF(Q ",{\"role\":\"assistant\",\"text\":\"\xc3\xa9!\",%s}"),
                 wrong[i]);
        refused(body, "messages[1].");
    }
}

static void test_limits(void **state)
{
    (void)state;
    char text[300], body[700];
    memset(text, 'x', sizeof text);
    text[101] = 0;
    snprintf(body, sizeof body, FILE_OF("{\"role\":\"user\",\"text\":\"%s\"}"), text);
    refused(body, "101 bytes, at most 100");
    assert_int_equal(e.code, ERR_TOO_LARGE);
    text[101] = 'x';
    text[201] = 0;
    snprintf(body, sizeof body, FILE_OF(Q ",{\"role\":\"assistant\",\"text\":\"%s\"}"), text);
    refused(body, "201 bytes, at most 200");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_least),
        cmocka_unit_test(test_all_that_an_answer_has),
        cmocka_unit_test(test_branches_and_what_still_ran),
        cmocka_unit_test(test_what_is_no_conversation),
        cmocka_unit_test(test_what_is_no_answer),
        cmocka_unit_test(test_limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
