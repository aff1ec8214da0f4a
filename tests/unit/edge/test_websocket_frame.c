#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "edge/websocket_frame.h"

/* Makes a frame of `len` bytes after whatever is in `out`. */
static void add_frame(struct buf *out, size_t len)
{
    size_t mark = websocket_frame_begin(out);
    for (size_t i = 0; i < len; i++)
        buf_add_char(out, (char)('a' + i % 26));
    websocket_frame_end(out, mark);
}

/* Reads the frame at p back; where the next begins. */
static const unsigned char *check_frame(const unsigned char *p, size_t len)
{
    assert_int_equal(p[0], 0x81);
    uint64_t size = p[1];
    size_t head = 2;
    if (p[1] == 126) {
        size = (uint64_t)p[2] << 8 | p[3];
        head = 4;
        assert_true(size >= 126);
    } else if (p[1] == 127) {
        size = 0;
        for (int i = 2; i < 10; i++)
            size = size << 8 | p[i];
        head = 10;
        assert_true(size > 0xFFFF);
    }
    assert_int_equal(size, len);
    for (size_t i = 0; i < len; i++)
        assert_int_equal(p[head + i], 'a' + i % 26);
    return p + head + len;
}

static const size_t lengths[] = {0, 1, 125, 126, 127, 300, 65535, 65536, 65537, 200000};
#define COUNT (sizeof lengths / sizeof *lengths)

static void test_each_length(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT; i++) {
        struct buf out = {0};
        add_frame(&out, lengths[i]);
        const unsigned char *p = (unsigned char *)out.data;
        assert_ptr_equal(check_frame(p, lengths[i]), p + out.len);
        buf_free(&out);
    }
}

static void test_many_in_one_buffer(void **state)
{
    (void)state;
    struct buf out = {0};
    for (size_t i = 0; i < 3 * COUNT; i++)
        add_frame(&out, lengths[(i * 7) % COUNT]);
    const unsigned char *p = (unsigned char *)out.data;
    for (size_t i = 0; i < 3 * COUNT; i++)
        p = check_frame(p, lengths[(i * 7) % COUNT]);
    assert_ptr_equal(p, out.data + out.len);
    buf_free(&out);
}

static void test_room_is_taken_back(void **state)
{
    (void)state;
    struct buf out = {0};
    add_frame(&out, 200);
    size_t before = out.len;
    websocket_frame_drop(&out, websocket_frame_begin(&out));
    assert_int_equal(out.len, before);
    buf_free(&out);
}

static void test_ping(void **state)
{
    (void)state;
    struct buf out = {0};
    add_frame(&out, 5);
    websocket_frame_ping(&out, websocket_frame_begin(&out));
    add_frame(&out, 7);
    const unsigned char *p = check_frame((unsigned char *)out.data, 5);
    assert_memory_equal(p, "\x89", 2);
    assert_ptr_equal(check_frame(p + 2, 7), out.data + out.len);
    buf_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_length),
        cmocka_unit_test(test_many_in_one_buffer),
        cmocka_unit_test(test_room_is_taken_back),
        cmocka_unit_test(test_ping),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
