/* Tests of upstream/sse.c: each stream whole, and split at every byte, must give the same events. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "upstream/sse.h"

#define MAX_EVENT 4096

/* All events as "name|data;" one after the other; "!" for too large. */
static void collect(struct sse *s, struct buf *out, const char *p, size_t len)
{
    /* A copy of its own size, so that a read past the end is seen by the sanitizer. */
    char *copy = malloc(len ? len : 1);
    memcpy(copy, p, len);
    struct sse_read r = sse_read(copy, len);
    struct sse_event e;
    enum sse_next got;
    while ((got = sse_next(s, &r, &e)) == SSE_EVENT) {
        buf_add(out, e.name, e.name_len);
        buf_add_char(out, '|');
        buf_add(out, e.data, e.data_len);
        buf_add_char(out, ';');
    }
    if (got == SSE_TOO_LARGE)
        buf_add_char(out, '!');
    free(copy);
}

static void check_cut(const char *stream, size_t len, size_t cut, const char *want)
{
    struct sse s;
    struct buf out = {0};
    sse_init(&s, MAX_EVENT);
    collect(&s, &out, stream, cut);
    collect(&s, &out, stream + cut, len - cut);
    assert_string_equal(buf_cstr(&out), want);
    sse_free(&s);
    buf_free(&out);
}

static void check(const char *stream, const char *want)
{
    size_t len = strlen(stream);
    struct sse s;
    struct buf out = {0};
    for (size_t cut = 0; cut <= len; cut++)
        check_cut(stream, len, cut, want);
    sse_init(&s, MAX_EVENT);
    for (size_t i = 0; i < len; i++)
        collect(&s, &out, stream + i, 1);
    assert_string_equal(buf_cstr(&out), want);
    sse_free(&s);
    buf_free(&out);
}

static void test_line_ends(void **state)
{
    (void)state;
    check("data: a\n\ndata: b\n\n", "|a;|b;");
    check("data: a\r\n\r\ndata: b\r\n\r\n", "|a;|b;");
    check("data: a\r\rdata: b\r\r", "|a;|b;");
    check("data: a\n\r\ndata: b\r\n\ndata: c\r\n\r", "|a;|b;|c;");
    check("\n\n\r\n\r\rdata: a\n\n\n\n", "|a;");
}

static void test_fields(void **state)
{
    (void)state;
    check("event: error\ndata: x\n\ndata: y\n\n", "error|x;|y;");
    check("data:x\n\ndata:  y\n\n", "|x;| y;");
    check("data: a\ndata: b\ndata:\ndata: c\n\n", "|a\nb\n\nc;");
    check("data\n\n", "|;");
    check("data:\n\n", "|;");
    check("data:\ndata:\n\n", "|\n;");
    check("event: a\nevent: b\ndata: 1\n\n", "b|1;");
    check("datas: 1\nDATA: 2\nfoo\nfoo: bar\ndata: 3\n\n", "|3;");
    check(" data: 1\n\ndata: 2\n\n", "|2;");
}

static void test_without_data_there_is_no_event(void **state)
{
    (void)state;
    check("event: x\n\ndata: 1\n\n", "|1;");
    check(": only a comment\n\n:\n\nid: 4\n\nretry: 3\n\n", "");
    check("data: cut off", "");
    check("data: cut off\n", "");
}

static void test_comments(void **state)
{
    (void)state;
    check(": OPENROUTER PROCESSING\n\ndata: a\n\n: OPENROUTER PROCESSING\n\ndata: b\n: mid\ndata: c\n\n",
          "|a;|b\nc;");
}

static void test_byte_order_mark(void **state)
{
    (void)state;
    check("\xEF\xBB\xBF"
          "data: a\n\n",
          "|a;");
    check("\xEF\xBB"
          "data: a\n\ndata: b\n\n",
          "|b;"); /* half a mark belongs to the field's name */
    check("data: \xEF\xBB\xBFz\n\n", "|\xEF\xBB\xBFz;");
    check("\n\xEF\xBB\xBF"
          "data: a\n\ndata: b\n\n",
          "|b;");
}

static void test_id_and_retry(void **state)
{
    static const char stream[] = "id: 7\nretry: 1500\ndata: a\n\nid\nretry: x1\nretry: 2x\nretry:\n\n";
    struct sse s;
    struct buf out = {0};
    (void)state;
    sse_init(&s, MAX_EVENT);
    collect(&s, &out, stream, 26);
    assert_int_equal(s.id.len, 1);
    assert_memory_equal(s.id.data, "7", 1);
    assert_int_equal(s.retry_ms, 1500);
    collect(&s, &out, stream + 26, strlen(stream + 26));
    assert_int_equal(s.id.len, 0);
    assert_int_equal(s.retry_ms, 1500);
    collect(&s, &out, "id: a\0b\nretry: 99999999999999999999\n", 36);
    assert_int_equal(s.id.len, 0);
    assert_int_equal(s.retry_ms, 1500);
    sse_free(&s);
    buf_free(&out);
}

static void test_what_is_whole_is_lent(void **state)
{
    static const char stream[] = "data: {\"a\":1}\n\ndata: x\ndata: y\n\n";
    struct sse s;
    struct sse_read r = sse_read(stream, strlen(stream));
    struct sse_event e;
    (void)state;
    sse_init(&s, MAX_EVENT);
    assert_int_equal(sse_next(&s, &r, &e), SSE_EVENT);
    assert_ptr_equal(e.data, stream + 6);
    assert_null(s.data.data);
    assert_false(sse_at_start(&s));
    sse_settle(&s);
    assert_true(sse_at_start(&s));
    assert_int_equal(sse_next(&s, &r, &e), SSE_EVENT);
    assert_int_equal(sse_next(&s, &r, &e), SSE_MORE);
    sse_free(&s);
}

/* Whoever takes bytes himself may do so only between events. */
static void test_at_start(void **state)
{
    struct sse s;
    struct buf out = {0};
    (void)state;
    sse_init(&s, MAX_EVENT);
    assert_false(sse_at_start(&s)); /* a byte order mark could come */
    collect(&s, &out, "data: a\n\n", 9);
    assert_true(sse_at_start(&s));
    collect(&s, &out, "d", 1);
    assert_false(sse_at_start(&s));
    collect(&s, &out, "ata: b\n", 7);
    assert_false(sse_at_start(&s));
    collect(&s, &out, "\r", 1);
    sse_settle(&s);
    assert_false(sse_at_start(&s)); /* an LF would belong to that CR */
    collect(&s, &out, "\n", 1);
    assert_true(sse_at_start(&s));
    sse_free(&s);
    buf_free(&out);
}

static void fill(struct buf *b, const char *head, size_t n, const char *tail)
{
    buf_add_str(b, head);
    for (size_t i = 0; i < n; i++)
        buf_add_char(b, 'x');
    buf_add_str(b, tail);
}

/* What the end of the body finds unended, wherever the reads were cut; the second end finds nothing. */
static void end_of(const char *stream, const char *want)
{
    size_t len = strlen(stream);
    for (size_t cut = 0; cut <= len; cut++) {
        struct sse s;
        struct sse_event e;
        struct buf out = {0};
        sse_init(&s, MAX_EVENT);
        collect(&s, &out, stream, cut);
        collect(&s, &out, stream + cut, len - cut);
        out.len = 0;
        if (sse_end(&s, &e)) {
            buf_add(&out, e.name, e.name_len);
            buf_add_char(&out, '|');
            buf_add(&out, e.data, e.data_len);
        }
        assert_string_equal(buf_cstr(&out), want);
        assert_false(sse_end(&s, &e));
        sse_free(&s);
        buf_free(&out);
    }
}

static void test_an_event_at_the_end_of_the_body(void **state)
{
    (void)state;
    end_of("", "");
    end_of("data: a\n\n", "");
    end_of("data: a\n\n: comment", "");
    end_of("data: a\n\nevent: x\n", "");
    end_of("data: a\n\ndata: b", "|b");
    end_of("data: a\n\ndata: b\n", "|b");
    end_of("data: a\n\ndata: b\r", "|b");
    end_of("event: x\ndata: a\ndata: b\r\n", "x|a\nb");
    end_of("event: x\ndata: a\nda", "x|a");
}

static void test_too_large(void **state)
{
    struct buf b = {0}, out = {0};
    struct sse s;
    (void)state;
    /* One line, several lines, a line that never ends, a name. */
    fill(&b, "data: ", MAX_EVENT + 1, "\n\n");
    check_cut(buf_cstr(&b), b.len, 0, "!");
    check_cut(buf_cstr(&b), b.len, 100, "!");
    b.len = 0;
    fill(&b, "data: ", MAX_EVENT / 2, "\n");
    fill(&b, "data: ", MAX_EVENT / 2 + 10, "\n\n");
    check_cut(buf_cstr(&b), b.len, 0, "!");
    b.len = 0;
    fill(&b, "event: ", MAX_EVENT + 1, "\n");
    check_cut(buf_cstr(&b), b.len, 0, "!");
    sse_init(&s, MAX_EVENT);
    for (int i = 0; i < MAX_EVENT + 2; i++)
        collect(&s, &out, "y", 1);
    assert_int_equal(out.data[0], '!');
    assert_true(s.line.cap < 4 * MAX_EVENT);
    sse_free(&s);
    b.len = out.len = 0;
    fill(&b, "data: ", MAX_EVENT - 100, "\n\ndata: small\n\n");
    sse_init(&s, MAX_EVENT);
    collect(&s, &out, b.data, 50);
    collect(&s, &out, b.data + 50, b.len - 50);
    assert_int_equal(out.data[out.len - 1], ';');
    assert_memory_equal(out.data + out.len - 7, "|small;", 7);
    sse_free(&s);
    buf_free(&b);
    buf_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_line_ends),
        cmocka_unit_test(test_fields),
        cmocka_unit_test(test_without_data_there_is_no_event),
        cmocka_unit_test(test_comments),
        cmocka_unit_test(test_byte_order_mark),
        cmocka_unit_test(test_id_and_retry),
        cmocka_unit_test(test_what_is_whole_is_lent),
        cmocka_unit_test(test_at_start),
        cmocka_unit_test(test_an_event_at_the_end_of_the_body),
        cmocka_unit_test(test_too_large),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
