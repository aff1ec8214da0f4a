#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "edge/chunked.h"

#define MAX 100

/* The verdict of `text`, fed whole and split at every byte: all must agree, and so must the body. */
static enum chunked_verdict verdict_of(const char *text, const char *want)
{
    size_t len = strlen(text);
    enum chunked_verdict first = CHUNKED_MORE;
    size_t end = 0;
    for (size_t cut = 0; cut <= len; cut++) {
        struct chunked c = {0};
        struct buf body = {0};
        size_t used, more = 0;
        enum chunked_verdict v = chunked_feed(&c, text, cut, &body, MAX, &used);
        if (v == CHUNKED_MORE)
            v = chunked_feed(&c, text + cut, len - cut, &body, MAX, &more);
        if (!cut) {
            first = v;
            end = more;
        }
        assert_int_equal(used + more, end);
        assert_int_equal(v, first);
        if (want) {
            assert_int_equal(body.len, strlen(want));
            if (body.len)
                assert_memory_equal(body.data, want, body.len);
        }
        buf_free(&body);
    }
    return first;
}

static void test_good(void **state)
{
    (void)state;
    assert_int_equal(verdict_of("0\r\n\r\n", ""), CHUNKED_DONE);
    assert_int_equal(verdict_of("5\r\nhello\r\n0\r\n\r\n", "hello"), CHUNKED_DONE);
    assert_int_equal(verdict_of("3\r\nhel\r\n2\r\nlo\r\n000\r\n\r\n", "hello"), CHUNKED_DONE);
    assert_int_equal(verdict_of("00A\r\n0123456789\r\n0\r\n\r\n", "0123456789"), CHUNKED_DONE);
    assert_int_equal(verdict_of("a;x=y;z=\"q\"\r\n0123456789\r\n0;last\r\n\r\n", "0123456789"), CHUNKED_DONE);
    assert_int_equal(verdict_of("1\r\nx\r\n0\r\nTrailer: 1\r\nMore: 2\r\n\r\n", "x"), CHUNKED_DONE);
    assert_int_equal(verdict_of("2\r\n\r\n\r\n0\r\n\r\n", "\r\n"), CHUNKED_DONE);
    assert_int_equal(verdict_of("1\r\nx\r\n0\r\n\r\nGET / HTTP/1.1", "x"), CHUNKED_DONE);
    struct chunked c = {0};
    struct buf body = {0};
    size_t used;
    assert_int_equal(chunked_feed(&c, "1\r\nx\r\n0\r\n\r\nGET /", 16, &body, MAX, &used), CHUNKED_DONE);
    assert_int_equal(used, 11); /* what follows is the next request's */
    buf_free(&body);
}

static void test_unfinished(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "", "5", "5\r", "5\r\n", "5\r\nhel", "5\r\nhello\r\n", "0\r\n", "0\r\nT: x\r\n"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        assert_int_equal(verdict_of(texts[i], NULL), CHUNKED_MORE);
}

static void test_bad(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "\r\n",     "x\r\n",           "-1\r\n",   "+1\r\n",        " 1\r\nx\r\n",
        "1 \r\n",   "0x1\r\n",         "1\n",      "1\rx",          "1\r\nxy",
        "1\r\nx\n", "1\r\nx\r1\r\n",   ";x\r\n",   "1;a\nb\r\n",    "fffffffffffff\r\n",
        "0\r\n\n",  "0\r\nT: x\n\r\n", "0\r\n\rx", "1\r\nx\r\n\r\n"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        assert_int_equal(verdict_of(texts[i], NULL), CHUNKED_BAD);
}

static void test_limits(void **state)
{
    (void)state;
    assert_int_equal(verdict_of("65\r\n", ""), CHUNKED_TOO_LARGE);
    assert_int_equal(verdict_of("ffffffffffff\r\n", ""), CHUNKED_TOO_LARGE);
    struct chunked c = {0};
    struct buf body = {0};
    size_t used;
    for (int i = 0; i < MAX; i++)
        assert_int_equal(chunked_feed(&c, "1\r\nx\r\n", 6, &body, MAX, &used), CHUNKED_MORE);
    assert_int_equal(chunked_feed(&c, "1\r\nx\r\n", 6, &body, MAX, &used), CHUNKED_TOO_LARGE);
    buf_free(&body);
}

static void test_extensions_and_trailers_are_bounded(void **state)
{
    (void)state;
    struct chunked c = {0};
    struct buf body = {0};
    size_t used;
    enum chunked_verdict v = chunked_feed(&c, "0\r\n", 3, &body, MAX, &used);
    for (int i = 0; i < 20000 && v == CHUNKED_MORE; i++)
        v = chunked_feed(&c, "T: x\r\n", 6, &body, MAX, &used);
    assert_int_equal(v, CHUNKED_BAD);
    struct chunked d = {0};
    v = chunked_feed(&d, "1;", 2, &body, MAX, &used);
    for (int i = 0; i < 20000 && v == CHUNKED_MORE; i++)
        v = chunked_feed(&d, "x", 1, &body, MAX, &used);
    assert_int_equal(v, CHUNKED_BAD);
    buf_free(&body);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good),
        cmocka_unit_test(test_unfinished),
        cmocka_unit_test(test_bad),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_extensions_and_trailers_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
