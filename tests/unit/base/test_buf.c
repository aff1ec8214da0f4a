/* buf: what is put in comes out, growth is by factors, numbers are right at their ends. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"

static void appends(void **state)
{
    (void)state;
    struct buf b = {0};
    buf_add(&b, NULL, 0);
    assert_int_equal(b.len, 0);
    buf_add_lit(&b, "ab");
    buf_add_char(&b, '\0');
    buf_add_str(&b, "cd");
    buf_printf(&b, "%s-%d", "e", 7);
    buf_printf(&b, "%s", "");
    assert_int_equal(b.len, 8);
    assert_memory_equal(buf_cstr(&b), "ab\0cde-7", 9);
    buf_free(&b);
    assert_null(b.data);
    assert_int_equal(b.cap, 0);
}

static void numbers_at_their_ends(void **state)
{
    (void)state;
    struct buf b = {0};
    buf_add_u64(&b, 0);
    buf_add_char(&b, ' ');
    buf_add_u64(&b, UINT64_MAX);
    buf_add_char(&b, ' ');
    buf_add_i64(&b, INT64_MIN);
    buf_add_char(&b, ' ');
    buf_add_i64(&b, INT64_MAX);
    buf_add_char(&b, ' ');
    buf_add_i64(&b, -1);
    buf_add_char(&b, ' ');
    buf_add_hex32(&b, 0);
    buf_add_char(&b, ' ');
    buf_add_hex32(&b, 0xe3069283);
    assert_string_equal(buf_cstr(&b), "0 18446744073709551615 -9223372036854775808 9223372036854775807 -1 "
                                      "00000000 e3069283");
    buf_free(&b);
}

static void eight_digits_are_printf_s(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < 100000; i++) {
        char want[9], got[9] = "";
        uint32_t v = i * 2654435761u;
        snprintf(want, sizeof want, "%08x", v);
        hex32(v, got);
        assert_string_equal(got, want);
    }
}

static void an_exact_reserve_is_exact(void **state)
{
    (void)state;
    struct buf b = {0};
    buf_reserve_exact(&b, 10);
    assert_int_equal(b.cap, 10);
    buf_add_lit(&b, "0123456789");
    assert_int_equal(b.cap, 10);
    buf_reserve_exact(&b, 0);
    assert_int_equal(b.cap, 10);
    buf_reserve_exact(&b, 3);
    assert_int_equal(b.cap, 13);
    assert_memory_equal(b.data, "0123456789", 10);
    buf_free(&b);
}

static void growth_is_by_factors(void **state)
{
    (void)state;
    struct buf b = {0};
    size_t cap = 0;
    int moves = 0;
    for (int i = 0; i < 8 << 20; i++) {
        buf_add_char(&b, (char)i);
        if (b.cap != cap) {
            assert_true(b.cap >= cap + cap / 2);
            assert_true(b.cap <= 64 || b.cap <= b.len * 2);
            cap = b.cap;
            moves++;
        }
    }
    assert_in_range(moves, 10, 30);
    for (int i = 0; i < 8 << 20; i += 4093)
        assert_int_equal(b.data[i], (char)i);
    buf_free(&b);
}

static void reserve_leaves_the_bytes(void **state)
{
    (void)state;
    struct buf b = {0};
    buf_add_lit(&b, "x");
    buf_reserve(&b, 100000);
    assert_true(b.cap - b.len >= 100000);
    assert_int_equal(b.len, 1);
    assert_int_equal(b.data[0], 'x');
    buf_free(&b);
}

static void drop_forgets_the_first(void **state)
{
    (void)state;
    struct buf b = {0};
    buf_drop(&b, 5);
    buf_add_lit(&b, "0123456789");
    buf_drop(&b, 0);
    buf_drop(&b, 3);
    assert_string_equal(buf_cstr(&b), "3456789");
    buf_drop(&b, 7);
    assert_int_equal(b.len, 0);
    buf_add_lit(&b, "z");
    buf_drop(&b, 100);
    assert_int_equal(b.len, 0);
    assert_string_equal(buf_cstr(&b), "");
    buf_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(appends),
        cmocka_unit_test(numbers_at_their_ends),
        cmocka_unit_test(eight_digits_are_printf_s),
        cmocka_unit_test(an_exact_reserve_is_exact),
        cmocka_unit_test(growth_is_by_factors),
        cmocka_unit_test(reserve_leaves_the_bytes),
        cmocka_unit_test(drop_forgets_the_first),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
