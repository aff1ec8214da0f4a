/* Tests of upstream/response.c: each response whole, and split at every byte, must say the same. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "upstream/response.h"

#define CHUNKED "HTTP/1.1 200 OK\r\nContent-Type: a/b\r\nTransfer-Encoding: chunked\r\n\r\n"

static void on_head(void *ctx, const struct head *head)
{
    buf_printf(ctx, "%d %s %lld|", head->status, head->type, (long long)head->retry_after_ms);
}

static void on_body(void *ctx, const char *bytes, size_t len)
{
    buf_add(ctx, bytes, len);
}

static const struct response_handlers handlers = {on_head, on_body};

/* A copy of its own size, so that a read past the end is seen by the sanitizer. */
static enum response_verdict feed(struct response *r, struct buf *out, const char *p, size_t len)
{
    char *copy = malloc(len ? len : 1);
    memcpy(copy, p, len);
    enum response_verdict v = len ? response_feed(r, copy, len, &handlers, out) : RESPONSE_MORE;
    free(copy);
    return v;
}

/* `step`: bytes of each piece after the first. The end of the connection follows. */
static void check_cut(const char *bytes, size_t first, size_t step, const char *want,
                      enum response_verdict verdict)
{
    struct response *r = response_new();
    struct buf out = {0};
    size_t len = strlen(bytes);
    enum response_verdict v = feed(r, &out, bytes, first);
    for (size_t at = first; v == RESPONSE_MORE && at < len; at += step)
        v = feed(r, &out, bytes + at, len - at < step ? len - at : step);
    if (v == RESPONSE_MORE)
        v = response_end(r);
    assert_string_equal(buf_cstr(&out), want);
    assert_int_equal(v, verdict);
    response_free(r);
    buf_free(&out);
}

static void check(const char *bytes, const char *want, enum response_verdict verdict)
{
    size_t len = strlen(bytes);
    for (size_t cut = 0; cut <= len; cut++)
        check_cut(bytes, cut, len, want, verdict);
    check_cut(bytes, 0, 1, want, verdict);
}

static void test_bodies(void **state)
{
    (void)state;
    check("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", "200  -1|hello", RESPONSE_KEEP);
    check("HTTP/1.1 204 No\r\n\r\n", "204  -1|", RESPONSE_KEEP);
    check(CHUNKED "5\r\nhello\r\n6;x=y\r\n world\r\n0\r\nT: x\r\n\r\n", "200 a/b -1|hello world",
          RESPONSE_KEEP);
    check(CHUNKED "A\r\n0123456789\r\n00\r\n\r\n", "200 a/b -1|0123456789", RESPONSE_KEEP);
    check("HTTP/1.1 200 OK\r\n\r\nto the end", "200  -1|to the end", RESPONSE_CLOSE);
    check("HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok", "200  -1|ok", RESPONSE_CLOSE);
    check("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok", "200  -1|ok",
          RESPONSE_CLOSE);
    check("HTTP/1.1 200 OK\r\nContent-Length: 9\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
          "200  -1|ok", RESPONSE_KEEP);
}

static void test_heads(void **state)
{
    (void)state;
    check("HTTP/1.1 429 No\r\nRetry-After:  3 \r\nCONTENT-TYPE:x/y\r\nContent-Length: 0\r\n\r\n",
          "429 x/y 3000|", RESPONSE_KEEP);
    check("HTTP/1.1 100 Go\r\nRetry-After: 9\r\n\r\nHTTP/1.1 103 E\r\nContent-Type: q\r\n\r\n"
          "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
          "200  -1|", RESPONSE_KEEP);
    check("HTTP/1.1 200\r\nContent-Length: 1\r\n\r\nx", "200  -1|x", RESPONSE_KEEP);
    /* An interim one has no body, though it says so. */
    check("HTTP/1.1 103 E\r\nTransfer-Encoding: chunked\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx",
          "200  -1|x", RESPONSE_KEEP);
}

static void test_what_is_wrong(void **state)
{
    (void)state;
    check("", "", RESPONSE_BAD);
    check("HTTP/1.1 200 OK\r\nContent-Le", "", RESPONSE_BAD);
    check("nonsense\r\n\r\n", "", RESPONSE_BAD);
    check("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel", "200  -1|hel", RESPONSE_BAD);
    check("HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n", "", RESPONSE_BAD);
    check("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n", "", RESPONSE_BAD);
    check(CHUNKED "5\r\nhello\r\n", "200 a/b -1|hello", RESPONSE_BAD);
    check(CHUNKED "5\r\nhelloX", "200 a/b -1|hello", RESPONSE_BAD);
    check(CHUNKED "zz\r\n", "200 a/b -1|", RESPONSE_BAD);
    check(CHUNKED "fffffffffffffffff\r\n", "200 a/b -1|", RESPONSE_BAD);
    check("HTTP/1.1 101 Switching\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\nraw", "", RESPONSE_BAD);
}

/* Who has said more than was asked for is not asked again on this connection. */
static void test_too_much(void **state)
{
    (void)state;
    const char *more = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 500 X\r\n\r\n";
    check_cut(more, strlen(more), 1, "200  -1|ok", RESPONSE_CLOSE);
}

/* ------------------------------------------------------------ the pieces of one read */

static int pieces;

static void count_body(void *ctx, const char *bytes, size_t len)
{
    pieces++;
    buf_add(ctx, bytes, len);
}

/* `count` chunks of 1, 1 + step, 1 + 2 * step... bytes in one read: in their order, in `want` pieces. */
static void check_pieces(int count, int step, int want)
{
    static const struct response_handlers counting = {on_head, count_body};
    struct response *r = response_new();
    struct buf out = {0}, in = {0}, expected = {0};
    buf_add_lit(&in, CHUNKED);
    buf_add_lit(&expected, "200 a/b -1|");
    for (int i = 0; i < count; i++) {
        int len = 1 + i * step;
        buf_printf(&in, "%x\r\n%0*d\r\n", (unsigned)len, len, i % 10);
        buf_printf(&expected, "%0*d", len, i % 10);
    }
    pieces = 0;
    assert_int_equal(response_feed(r, in.data, in.len, &counting, &out), RESPONSE_MORE);
    assert_int_equal(pieces, want);
    assert_string_equal(buf_cstr(&out), buf_cstr(&expected));
    response_free(r);
    buf_free(&in);
    buf_free(&out);
    buf_free(&expected);
}

static void test_pieces(void **state)
{
    (void)state;
    check_pieces(300, 1, 1);            /* small ones are put together */
    check_pieces(5, 4000, 5);           /* large ones come by themselves */
    check_pieces(20, 150, 20 - 14 + 1); /* the first fourteen are small: under 2048 */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bodies),   cmocka_unit_test(test_heads),  cmocka_unit_test(test_what_is_wrong),
        cmocka_unit_test(test_too_much), cmocka_unit_test(test_pieces),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
