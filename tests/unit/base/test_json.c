/* json: the fast ways against slow ones: every byte at every place of strings up to 70 bytes (so that each
 * width of the scan ends on it), and jansson as the judge. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "base/json.h"

/* The plain way, a byte at a time. */
static void slow_string(struct buf *b, const char *text, size_t len)
{
    buf_add_char(b, '"');
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)text[i];
        const char *at = c ? strchr("\b\t\n\f\r", c) : NULL;
        if (c == '"' || c == '\\')
            buf_printf(b, "\\%c", c);
        else if (at)
            buf_printf(b, "\\%c", "btnfr"[at - "\b\t\n\f\r"]);
        else if (c < 0x20)
            buf_printf(b, "\\u%04x", c);
        else
            buf_add_char(b, (char)c);
    }
    buf_add_char(b, '"');
}

static void check_string(const char *text, size_t len)
{
    struct buf fast = {0}, slow = {0};
    json_add_string(&fast, text, len);
    slow_string(&slow, text, len);
    assert_int_equal(fast.len, slow.len);
    assert_memory_equal(fast.data, slow.data, slow.len);
    buf_free(&fast);
    buf_free(&slow);
}

static void every_byte_at_every_place(void **state)
{
    (void)state;
    for (size_t len = 0; len <= 70; len++) {
        char *text = malloc(len ? len : 1); /* exact, so that a read past the end is seen */
        memset(text, 'a', len);
        check_string(text, len);
        for (size_t at = 0; at < len; at++) {
            for (int c = 0; c < 256; c++) {
                text[at] = (char)c;
                check_string(text, len);
            }
            text[at] = 'a';
        }
        free(text);
    }
}

static void many_escapes_grow_the_buffer(void **state)
{
    (void)state;
    for (size_t len = 0; len < 200; len++) {
        char text[200];
        memset(text, 1, len);
        check_string(text, len);
        for (size_t i = 0; i < len; i += 3)
            text[i] = 'x';
        check_string(text, len);
    }
}

static void jansson_reads_it_back(void **state)
{
    (void)state;
    static const char text[] =
        "h\xC3\xA9llo \xE4\xB8\xAD\xE6\x96\x87 \xF0\x9F\x98\x80 \"q\" \\ / \b\f\n\r\t\x01\x1f\x7f <&> \0 end";
    struct buf b = {0};
    json_add_string(&b, text, sizeof text - 1);
    json_t *read = json_loadb(b.data, b.len, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
    assert_non_null(read);
    assert_int_equal(json_string_length(read), sizeof text - 1);
    assert_memory_equal(json_string_value(read), text, sizeof text - 1);
    json_decref(read);
    buf_free(&b);
}

static void strings_are_appended(void **state)
{
    (void)state;
    struct buf b = {0};
    json_add_string(&b, NULL, 0);
    json_add_cstring(&b, "a\nb");
    json_add_cstring(&b, NULL);
    assert_string_equal(buf_cstr(&b), "\"\"\"a\\nb\"null");
    buf_free(&b);
}

/* Code point by code point, so that it shares no reasoning with the fast way. */
static bool slow_valid(const char *text, size_t len)
{
    const unsigned char *p = (const unsigned char *)text;
    for (size_t i = 0; i < len;) {
        int n = p[i] < 0x80             ? 1
                : (p[i] & 0xE0) == 0xC0 ? 2
                : (p[i] & 0xF0) == 0xE0 ? 3
                : (p[i] & 0xF8) == 0xF0 ? 4
                                        : 0;
        static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000}, bits[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
        if (n == 0 || len - i < (size_t)n)
            return false;
        uint32_t cp = p[i] & bits[n];
        for (int k = 1; k < n; k++) {
            if ((p[i + (size_t)k] & 0xC0) != 0x80)
                return false;
            cp = cp << 6 | (p[i + (size_t)k] & 0x3Fu);
        }
        if (cp < least[n] || cp > 0x10FFFF || (cp >= 0xD800 && cp <= 0xDFFF))
            return false;
        i += (size_t)n;
    }
    return true;
}

static void every_two_and_three_bytes(void **state)
{
    (void)state;
    char text[4];
    for (uint32_t v = 0; v < 1u << 24; v += v < 1u << 16 ? 1 : 7) {
        text[0] = (char)(v >> 16), text[1] = (char)(v >> 8), text[2] = (char)v;
        if (utf8_valid(text, 3) != slow_valid(text, 3))
            fail_msg("%02x %02x %02x", v >> 16, v >> 8 & 255, v & 255);
    }
    static const unsigned char edges[] = {0, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xff};
    for (int a = 0xEE; a < 256; a++)
        for (size_t k = 0; k < 1000; k++) {
            text[0] = (char)a, text[1] = (char)edges[k / 100], text[2] = (char)edges[k / 10 % 10],
            text[3] = (char)edges[k % 10];
            assert_int_equal(utf8_valid(text, 4), slow_valid(text, 4));
        }
}

static void validity_at_every_place(void **state)
{
    (void)state;
    static const char *const pieces[] = {"\xC3\xA9", "\xE4\xB8\xAD", "\xF0\x9F\x98\x80",
                                         "\xC0\x80", "\xED\xA0\x80", "\xF4\x90\x80\x80",
                                         "\x80",     "\xE4\xB8"};
    for (size_t len = 0; len < 60; len++)
        for (size_t p = 0; p < sizeof pieces / sizeof *pieces; p++)
            for (size_t at = 0; at + strlen(pieces[p]) <= len; at++) {
                char *text = malloc(len);
                memset(text, 'a', len);
                memcpy(text + at, pieces[p], strlen(pieces[p]));
                assert_int_equal(utf8_valid(text, len), p < 3);
                assert_int_equal(slow_valid(text, len), p < 3);
                free(text);
            }
}

static void floor_never_cuts_a_sequence(void **state)
{
    (void)state;
    static const char text[] = "a\xC3\xA9\xE4\xB8\xAD\xF0\x9F\x98\x80z";
    static const size_t want[] = {0, 1, 1, 3, 3, 3, 6, 6, 6, 6, 10, 11};
    for (size_t n = 0; n < sizeof text; n++) {
        assert_int_equal(utf8_floor(text, n), want[n]);
        assert_int_equal(utf8_is_boundary(text, sizeof text - 1, n), want[n] == n);
    }
    assert_false(utf8_is_boundary(text, 3, 4));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_byte_at_every_place),   cmocka_unit_test(many_escapes_grow_the_buffer),
        cmocka_unit_test(jansson_reads_it_back),       cmocka_unit_test(strings_are_appended),
        cmocka_unit_test(every_two_and_three_bytes),   cmocka_unit_test(validity_at_every_place),
        cmocka_unit_test(floor_never_cuts_a_sequence),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
