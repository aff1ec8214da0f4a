#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "edge/message.h"

static const char *text;
static size_t len;

/* Feeds `size` bytes of one frame in reads of at most `read` bytes. */
static enum message_verdict feed(struct message *m, const char *data, size_t size, size_t read, bool final,
                                 size_t max)
{
    size_t at = 0;
    do {
        size_t n = size - at < read ? size - at : read;
        struct message_piece piece = {.data = data + at, .len = n, .rest = size - at - n};
        at += n;
        piece.final = final && !piece.rest;
        enum message_verdict verdict = message_add(m, &piece, max, &text, &len);
        if (verdict != MESSAGE_MORE || at == size)
            return verdict;
    } while (true);
}

static const char sample[] = "{\"type\":\"hello\",\"client\":\"k\xc3\xa4se \xf0\x9f\xa7\x80\"}";
#define SIZE (sizeof sample - 1)

static void test_whole_in_one_piece_is_not_copied(void **state)
{
    (void)state;
    struct message m = {0};
    assert_int_equal(feed(&m, sample, SIZE, SIZE, true, 100), MESSAGE_WHOLE);
    assert_ptr_equal(text, sample);
    assert_int_equal(len, SIZE);
    assert_int_equal(m.text.cap, 0);
    message_clear(&m);
}

static void test_split_at_every_byte(void **state)
{
    (void)state;
    for (size_t cut = 0; cut <= SIZE; cut++)
        for (size_t read = 1; read <= SIZE; read += 3) {
            struct message m = {0};
            assert_int_equal(feed(&m, sample, cut, read, false, 100), MESSAGE_MORE);
            assert_int_equal(feed(&m, sample + cut, SIZE - cut, read, true, 100), MESSAGE_WHOLE);
            assert_int_equal(len, SIZE);
            assert_memory_equal(text, sample, SIZE);
            message_clear(&m);
            assert_int_equal(m.text.cap, 0);
        }
}

static void test_too_large_before_it_is_stored(void **state)
{
    (void)state;
    struct message m = {0};
    struct message_piece piece = {.data = sample, .len = 10, .rest = SIZE_MAX - 20};
    assert_int_equal(message_add(&m, &piece, 1000, &text, &len), MESSAGE_TOO_LARGE);
    assert_int_equal(m.text.cap, 0);
    piece.rest = 991;
    assert_int_equal(message_add(&m, &piece, 1000, &text, &len), MESSAGE_TOO_LARGE);
    piece.rest = 990;
    assert_int_equal(message_add(&m, &piece, 1000, &text, &len), MESSAGE_MORE);
    message_clear(&m);
    assert_int_equal(feed(&m, sample, SIZE, SIZE, true, SIZE), MESSAGE_WHOLE);
    assert_int_equal(feed(&m, sample, SIZE, SIZE, true, SIZE - 1), MESSAGE_TOO_LARGE);
    assert_int_equal(feed(&m, sample, 20, 20, false, SIZE), MESSAGE_MORE);
    assert_int_equal(feed(&m, sample, SIZE - 19, SIZE, true, SIZE), MESSAGE_TOO_LARGE);
    message_clear(&m);
}

static void test_a_smaller_limit_in_the_middle(void **state)
{
    (void)state;
    struct message m = {0};
    assert_int_equal(feed(&m, sample, 30, 30, false, 100), MESSAGE_MORE);
    assert_int_equal(feed(&m, sample, 1, 1, true, 10), MESSAGE_TOO_LARGE);
    message_clear(&m);
}

static void test_floods(void **state)
{
    (void)state;
    struct message m = {0};
    int empty = 0, small = 0;
    while (feed(&m, "", 0, 1, false, 1000000) == MESSAGE_MORE)
        empty++;
    assert_int_equal(empty, MESSAGE_EMPTY_MAX);
    message_clear(&m);
    while (feed(&m, "x", 1, 1, false, 1000000) == MESSAGE_MORE)
        small++;
    assert_int_equal(small, MESSAGE_FRAMES_MAX);
    message_clear(&m);
    /* One frame in many reads is one frame. */
    char *big = calloc(1, 100000);
    memset(big, 'x', 100000);
    assert_int_equal(feed(&m, big, 100000, 7, true, 1000000), MESSAGE_WHOLE);
    message_clear(&m);
    free(big);
}

static void test_binary_and_not_utf8(void **state)
{
    (void)state;
    struct message m = {0};
    struct message_piece piece = {.data = "{}", .len = 2, .final = true, .binary = true};
    assert_int_equal(message_add(&m, &piece, 100, &text, &len), MESSAGE_BINARY);
    static const char *const bad[] = {"\xff", "\xc3", "a\xc0\xaf", "\xed\xa0\x80", "\xf4\x90\x80\x80"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(feed(&m, bad[i], strlen(bad[i]), 1, true, 100), MESSAGE_NOT_UTF8);
        message_clear(&m);
    }
    /* A sequence cut between frames is whole in the end. */
    assert_int_equal(feed(&m, "\xe2\x82", 2, 2, false, 100), MESSAGE_MORE);
    assert_int_equal(feed(&m, "\xac", 1, 1, true, 100), MESSAGE_WHOLE);
    message_clear(&m);
}

static void test_empty_message(void **state)
{
    (void)state;
    struct message m = {0};
    assert_int_equal(feed(&m, "", 0, 1, true, 100), MESSAGE_WHOLE);
    assert_int_equal(len, 0);
    assert_int_equal(feed(&m, "", 0, 1, false, 100), MESSAGE_MORE);
    assert_int_equal(feed(&m, "", 0, 1, true, 100), MESSAGE_WHOLE);
    assert_int_equal(len, 0);
    message_clear(&m);
}

static void test_close_frames(void **state)
{
    (void)state;
    assert_int_equal(message_close_fault("", 0), 0);
    assert_int_equal(message_close_fault("\x03", 1), 1002);
    assert_int_equal(message_close_fault("\x03\xe8", 2), 0);
    assert_int_equal(message_close_fault("\x03\xe8"
                                         "bye",
                                         5),
                     0);
    assert_int_equal(message_close_fault("\x03\xe8\xff", 3), 1007);
    assert_int_equal(message_close_fault("\x13\x87", 2), 0); /* 4999 */
    assert_int_equal(message_close_fault("\x13\x88", 2), 1002);
    assert_int_equal(message_close_fault("\xff\xff", 2), 1002);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_whole_in_one_piece_is_not_copied),
        cmocka_unit_test(test_split_at_every_byte),
        cmocka_unit_test(test_too_large_before_it_is_stored),
        cmocka_unit_test(test_a_smaller_limit_in_the_middle),
        cmocka_unit_test(test_floods),
        cmocka_unit_test(test_binary_and_not_utf8),
        cmocka_unit_test(test_empty_message),
        cmocka_unit_test(test_close_frames),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
