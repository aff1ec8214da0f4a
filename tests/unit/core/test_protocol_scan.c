/* What is a JSON object and what is not, by the recogniser that has the last word on it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "core/protocol_scan.h"

static bool is_object(const char *text)
{
    struct scan_string type, gen;
    return protocol_scan(text, strlen(text), &type, &gen);
}

static void objects(void **state)
{
    (void)state;
    static const char *const good[] = {
        "{}",
        " {\t}\r\n",
        "{\"a\":1}",
        "{\"a\":-0.5e+10,\"b\":[1,2,[]],\"c\":{\"d\":{}},\"e\":null,\"f\":true,\"g\":false}",
        "{ \"a\" : [ { } , \"x\" ] , \"a\" : 2 }",
        "{\"\\ud800\":\"\\udfff\\u0000\\\"\\\\\\/\\b\\f\\n\\r\\t\"}",
        "{\"a\":1e999,\"b\":99999999999999999999}",
        "{\"a\\u0000b\":0}",
        "{\"\x7f\":\"\xc3\xa9\"}",
    };
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        if (!is_object(good[i]))
            fail_msg("%s", good[i]);
}

static void everything_else(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        "[]",
        "1",
        "\"{}\"",
        "{",
        "}",
        "{}{}",
        "{},",
        "{\"a\"}",
        "{\"a\":}",
        "{\"a\":1,}",
        "{,}",
        "{a:1}",
        "{'a':1}",
        "{\"a\" 1}",
        "{\"a\":01}",
        "{\"a\":1.}",
        "{\"a\":.5}",
        "{\"a\":+1}",
        "{\"a\":1e}",
        "{\"a\":-}",
        "{\"a\":[}",
        "{\"a\":[1,]}",
        "{\"a\":[1}",
        "{\"a\":1]}",
        "{\"a\":tru}",
        "{\"a\":nul}",
        "{\"a\":NaN}",
        "{\"a\":\"}",
        "{\"a\":\"\\x\"}",
        "{\"a\":\"\\ud80\"}",
        "{\"a\":\"\n\"}",
        "{\"a\":1 2}",
        "{\"a\":\"\\",
        "{\"a\":1e999,,,}",
        "{\"a\":\"\\ud800\"",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (is_object(bad[i]))
            fail_msg("%s", bad[i]);
    assert_false(protocol_scan("{}\0", 3, &(struct scan_string){0}, &(struct scan_string){0}));
}

static void cut_anywhere_it_is_none(void **state)
{
    (void)state;
    static const char text[] = "{\"a\":[1.5e3,{\"b\":\"\\u00e9\\n\"},true],\"c\":null}";
    struct scan_string type, gen;
    for (size_t len = 0; len < sizeof text - 1; len++)
        assert_false(protocol_scan(text, len, &type, &gen));
    assert_true(protocol_scan(text, sizeof text - 1, &type, &gen));
}

static void depth_is_no_limit(void **state)
{
    (void)state;
    size_t deep = 100000, len = 0;
    char *text = mem_alloc(2 * deep + 16);
    memcpy(text, "{\"a\":", 5);
    len = 5;
    memset(text + len, '[', deep);
    memset(text + len + deep, ']', deep);
    len += 2 * deep;
    text[len++] = '}';
    struct scan_string type, gen;
    assert_true(protocol_scan(text, len, &type, &gen));
    assert_false(protocol_scan(text, len - 2, &type, &gen));
    text[5 + deep] = '}';
    assert_false(protocol_scan(text, len, &type, &gen));
    mem_free(text);
}

static void members_of_the_object_itself(void **state)
{
    (void)state;
    static const char text[] = "{\"gen\":\"first\",\"x\":{\"type\":\"in\",\"gen\":\"in\"},\"type\":\"send\","
                               "\"gen\":\"last\",\"y\":[\"type\",\"gen\"]}";
    struct scan_string type, gen;
    assert_true(protocol_scan(text, sizeof text - 1, &type, &gen));
    assert_int_equal(type.len, 4);
    assert_memory_equal(type.at, "send", 4);
    assert_int_equal(gen.len, 4);
    assert_memory_equal(gen.at, "last", 4);
    static const char none[] = "{\"type\":\"send\",\"type\":{},\"gen\":7}";
    assert_true(protocol_scan(none, sizeof none - 1, &type, &gen));
    assert_int_equal(type.len, 0);
    assert_int_equal(gen.len, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(objects),
        cmocka_unit_test(everything_else),
        cmocka_unit_test(cut_anywhere_it_is_none),
        cmocka_unit_test(depth_is_no_limit),
        cmocka_unit_test(members_of_the_object_itself),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
