/* proxy: headers whole and cut at every byte, and lengths that lie. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/crc32c.h"
#include "edge/proxy.h"

#define V4 "\xC0\x00\x02\x01\x0A\x00\x00\x01\x13\x88\x1F\x90" /* 192.0.2.1:5000 -> 10.0.0.1:8080 */
#define V6 "\x20\x01\x0D\xB8\0\0\0\0\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x02\x13\x88\x1F\x90"

static struct buf header;

static int clear(void **state)
{
    (void)state;
    buf_free(&header);
    return 0;
}

/* A header of this command and family, `len` bytes of body, its length field saying `says`. */
static void make(unsigned char command, unsigned char family, const void *body, size_t len, size_t says)
{
    buf_clear(&header);
    buf_add_lit(&header, "\r\n\r\n\0\r\nQUIT\n");
    buf_add_char(&header, (char)command);
    buf_add_char(&header, (char)family);
    buf_add_char(&header, (char)(says >> 8));
    buf_add_char(&header, (char)says);
    buf_add(&header, body, len);
}

static bool parse(struct proxy_header *out)
{
    size_t len = proxy_needs(header.data, header.len);
    *out = (struct proxy_header){0};
    if (len != header.len)
        return false;
    void *exact = malloc(len); /* so that a byte too far is seen */
    memcpy(exact, header.data, len);
    bool good = proxy_parse(exact, len, out);
    free(exact);
    return good;
}

static void check_client(const char *want)
{
    struct proxy_header h;
    char text[ADDRESS_TEXT];
    assert_true(parse(&h));
    assert_true(h.told);
    assert_string_equal(address_text(&h.client, text), want);
}

/* Each beginning asks for more, and the same beginning never asks for less than one before it. */
static void check_cuts(void)
{
    for (size_t have = 0; have < header.len; have++) {
        void *exact = malloc(have ? have : 1);
        if (have)
            memcpy(exact, header.data, have);
        assert_int_equal(proxy_needs(exact, have), have < PROXY_HEAD ? PROXY_HEAD : header.len);
        struct proxy_header h;
        assert_false(proxy_parse(exact, have, &h));
        free(exact);
    }
    assert_int_equal(proxy_needs(header.data, header.len), header.len);
}

static void the_client_is_told(void **state)
{
    (void)state;
    make(0x21, 0x11, V4, 12, 12);
    check_client("192.0.2.1:5000");
    check_cuts();
    make(0x21, 0x21, V6, 36, 36);
    check_client("[2001:db8::1]:5000");
    check_cuts();
    make(0x21, 0x21,
         "\0\0\0\0\0\0\0\0\0\0\xFF\xFF\xC0\x00\x02\x01\0\0\0\0\0\0\0\0\0\0\xFF\xFF\x0A\0\0\x01\0\x50\0\x50",
         36, 36);
    check_client("192.0.2.1:80");
}

static void nobody_is_told(void **state)
{
    (void)state;
    struct proxy_header h;
    make(0x20, 0x00, "", 0, 0); /* HAProxy's health check */
    assert_true(parse(&h) && !h.told);
    check_cuts();
    make(0x20, 0x11, V4, 12, 12);
    assert_true(parse(&h) && !h.told);
    make(0x20, 0x99, "any", 3, 3);
    assert_true(parse(&h) && !h.told);
    make(0x21, 0x00, "", 0, 0);
    assert_true(parse(&h) && !h.told);
    make(0x21, 0x00, "what comes", 10, 10);
    assert_true(parse(&h) && !h.told);
}

static void what_is_no_header(void **state)
{
    (void)state;
    static const char *const starts[] = {"PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\n", "GET / HTTP/1.1\r\n",
                                         "\r\n\r\n\r", "\r\n\r\n\x01"};
    for (size_t i = 0; i < sizeof starts / sizeof *starts; i++)
        assert_int_equal(proxy_needs(starts[i], strlen(starts[i])), 0);
    assert_int_equal(proxy_needs("P", 1), 0);
    for (int command = 0; command < 256; command++) {
        make((unsigned char)command, 0x11, V4, 12, 12);
        assert_int_equal(proxy_needs(header.data, header.len) != 0, command == 0x20 || command == 0x21);
        assert_int_equal(proxy_needs(header.data, 13) != 0, command == 0x20 || command == 0x21);
    }
    for (size_t i = 0; i < 12; i++) {
        make(0x21, 0x11, V4, 12, 12);
        header.data[i] ^= 1;
        assert_int_equal(proxy_needs(header.data, header.len), 0);
        assert_int_equal(proxy_needs(header.data, i + 1), 0);
    }
}

static void families_that_are_not_taken(void **state)
{
    (void)state;
    struct proxy_header h;
    char body[216] = {0};
    for (int family = 0; family < 256; family++) {
        make(0x21, (unsigned char)family, body, sizeof body, sizeof body);
        assert_int_equal(parse(&h), family == 0x00 || family == 0x11 || family == 0x21);
    }
}

static void lengths_that_lie(void **state)
{
    (void)state;
    struct proxy_header h;
    for (size_t len = 0; len < 12; len++) {
        make(0x21, 0x11, V4, len, len);
        assert_false(parse(&h));
    }
    for (size_t len = 0; len < 36; len++) {
        make(0x21, 0x21, V6, len, len);
        assert_false(parse(&h));
    }
    make(0x21, 0x11, "", 0, PROXY_MAX - PROXY_HEAD);
    assert_int_equal(proxy_needs(header.data, header.len), PROXY_MAX);
    make(0x21, 0x11, "", 0, PROXY_MAX - PROXY_HEAD + 1);
    assert_int_equal(proxy_needs(header.data, header.len), 0);
    make(0x20, 0x00, "", 0, 0xFFFF);
    assert_int_equal(proxy_needs(header.data, header.len), 0);
    make(0x21, 0x11, V4 "GET / HTTP/1.1", 26, 12); /* what follows is not the header's */
    assert_int_equal(proxy_needs(header.data, header.len), 28);
    assert_false(proxy_parse(header.data, header.len, &h));
}

static void values_after_the_addresses(void **state)
{
    (void)state;
    struct proxy_header h;
    make(0x21, 0x11,
         V4 "\x04\0\0\x05\0\x03"
            "abc",
         21, 21);
    check_client("192.0.2.1:5000");
    check_cuts();
    for (size_t len = 1; len < 9; len++) { /* cut within: all but after the first whole one */
        make(0x21, 0x11,
             V4 "\x04\0\0\x05\0\x03"
                "abc",
             12 + len, 12 + len);
        assert_int_equal(parse(&h), len == 3);
    }
    make(0x21, 0x11,
         V4 "\x05\xFF\xFF"
            "abc",
         18, 18);
    assert_false(parse(&h));
    char most[PROXY_MAX - PROXY_HEAD] = V4;
    most[12] = 0x05;
    most[13] = (char)((sizeof most - 15) >> 8);
    most[14] = (char)(sizeof most - 15);
    make(0x21, 0x11, most, sizeof most, sizeof most);
    check_client("192.0.2.1:5000");
}

static void the_checksum(void **state)
{
    (void)state;
    struct proxy_header h;
    make(0x21, 0x11, V4 "\x03\0\x04\0\0\0\0\x04\0\0", 22, 22);
    assert_false(parse(&h));
    uint32_t crc = crc32c(0, header.data, header.len);
    for (int i = 0; i < 4; i++)
        header.data[31 + i] = (char)(crc >> (24 - 8 * i));
    check_client("192.0.2.1:5000");
    header.data[20] ^= 1;
    assert_false(parse(&h));
    make(0x21, 0x11, V4 "\x03\0\x03\0\0\0", 18, 18);
    assert_false(parse(&h));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(the_client_is_told, clear),
        cmocka_unit_test_teardown(nobody_is_told, clear),
        cmocka_unit_test_teardown(what_is_no_header, clear),
        cmocka_unit_test_teardown(families_that_are_not_taken, clear),
        cmocka_unit_test_teardown(lengths_that_lie, clear),
        cmocka_unit_test_teardown(values_after_the_addresses, clear),
        cmocka_unit_test_teardown(the_checksum, clear),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
