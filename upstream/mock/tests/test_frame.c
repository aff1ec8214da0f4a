/* WebSocket frames: whole, cut at every byte, and every kind that must be refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "frame.h"

/* A client's frame: as frame_add writes it, masked. */
static void add_masked(struct buf *b, enum frame_op op, bool last, const char *p, size_t n)
{
    static const unsigned char mask[4] = {0x12, 0x34, 0x56, 0xF8};
    struct buf plain = {0};
    frame_add(&plain, op, last, p, n);
    size_t head = plain.len - n;
    plain.data[1] = (char)(plain.data[1] | (char)0x80);
    buf_add(b, plain.data, head);
    buf_add(b, mask, 4);
    for (size_t i = 0; i < n; i++)
        buf_add_char(b, (char)(p[i] ^ (char)mask[i & 3]));
    buf_free(&plain);
}

static void test_every_length_cut_at_every_byte(void **state)
{
    (void)state;
    static const size_t lengths[] = {0, 1, 125, 126, 127, 65535, 65536};
    for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
        struct buf b = {0};
        struct frame f;
        char *text = mem_alloc(lengths[i] + 1);
        memset(text, 'x', lengths[i]);
        add_masked(&b, FRAME_TEXT, true, text, lengths[i]);
        for (size_t n = 0; n < b.len; n += n < 300 ? 1 : 997)
            assert_int_equal(frame_parse(&f, b.data, n), FRAME_NEEDS_MORE);
        assert_int_equal(frame_parse(&f, b.data, b.len), FRAME_WHOLE);
        assert_int_equal(f.len, lengths[i]);
        assert_int_equal(f.used, b.len);
        assert_true(f.last && f.op == FRAME_TEXT);
        assert_memory_equal(f.data, text, f.len);
        buf_free(&b);
        mem_free(text);
    }
}

static void expect(const char *bytes, size_t n, enum frame_read want)
{
    struct frame f;
    char *copy = mem_memdup(bytes, n); /* exactly n bytes for the sanitizer to watch */
    assert_int_equal(frame_parse(&f, copy, n), want);
    mem_free(copy);
}

static void test_bad_frames(void **state)
{
    (void)state;
    expect("\x81\x01x", 3, FRAME_BAD);                           /* unmasked */
    expect("\xC1\x81\0\0\0\0x", 7, FRAME_BAD);                   /* reserved bit */
    expect("\x83\x81\0\0\0\0x", 7, FRAME_BAD);                   /* unknown opcode */
    expect("\x8B\x81\0\0\0\0x", 7, FRAME_BAD);                   /* unknown control */
    expect("\x09\x80\0\0\0\0", 6, FRAME_BAD);                    /* ping in fragments */
    expect("\x89\xFE\0\x7E\0\0\0\0", 8, FRAME_BAD);              /* ping of 126 bytes */
    expect("\x81\xFF\x80\0\0\0\0\0\0\0\0\0\0\0", 14, FRAME_BAD); /* negative length */
    expect("\x81\xFF\0\0\0\0\x7F\0\0\0\0\0\0\0", 14, FRAME_TOO_LARGE);
}

static void test_accept_key_of_the_rfc(void **state)
{
    (void)state;
    char out[32];
    assert_true(frame_accept_key("dGhlIHNhbXBsZSBub25jZQ==", out));
    assert_string_equal(out, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    assert_false(frame_accept_key("", out));
    assert_false(frame_accept_key("dGhlIHNhbXBsZSBub25jZQ", out));
    assert_false(frame_accept_key("!!!!!!!!!!!!!!!!!!!!!!==", out));
}

static void test_close_holds_code_and_reason(void **state)
{
    (void)state;
    struct buf b = {0};
    frame_add_close(&b, 1009, "large");
    assert_int_equal(b.len, 9);
    assert_memory_equal(b.data, "\x88\x07\x03\xF1large", 9);
    buf_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_length_cut_at_every_byte),
        cmocka_unit_test(test_bad_frames),
        cmocka_unit_test(test_accept_key_of_the_rfc),
        cmocka_unit_test(test_close_holds_code_and_reason),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
