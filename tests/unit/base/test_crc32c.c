/* crc32c: the vectors of RFC 3720 B.4, and both ways against each other, split at every byte. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/crc32c.h"

static void known_vectors(void **state)
{
    (void)state;
    unsigned char p[32];
    assert_int_equal(crc32c(0, "123456789", 9), 0xe3069283);
    assert_int_equal(crc32c(0, "Hel", 3), 0x6e619d79);
    assert_int_equal(crc32c(0x6e619d79, "lo", 2), 0x81d90e1b);
    assert_int_equal(crc32c(0, NULL, 0), 0);
    memset(p, 0, sizeof p);
    assert_int_equal(crc32c(0, p, sizeof p), 0x8a9136aa);
    memset(p, 0xff, sizeof p);
    assert_int_equal(crc32c(0, p, sizeof p), 0x62a8ab43);
    for (int i = 0; i < 32; i++)
        p[i] = (unsigned char)i;
    assert_int_equal(crc32c(0, p, sizeof p), 0x46dd794e);
}

static void both_ways_agree_and_chain(void **state)
{
    (void)state;
    unsigned char p[300];
    for (size_t i = 0; i < sizeof p; i++)
        p[i] = (unsigned char)(i * 167 + 13);
    for (size_t len = 0; len < sizeof p - 8; len++) {
        size_t start = len % 8;
        uint32_t whole = crc32c(0, p + start, len);
        assert_int_equal(crc32c_portable(0, p + start, len), whole);
        for (size_t cut = 0; cut <= len; cut += 1 + len / 40) {
            assert_int_equal(crc32c(crc32c(0, p + start, cut), p + start + cut, len - cut), whole);
            assert_int_equal(crc32c_portable(crc32c(0, p + start, cut), p + start + cut, len - cut), whole);
        }
    }
}

static void what_was_before_is_found_again(void **state)
{
    (void)state;
    unsigned char p[300];
    for (size_t i = 0; i < sizeof p; i++)
        p[i] = (unsigned char)(i * 89 + 7);
    assert_int_equal(crc32c_before(0x81d90e1b, "lo", 2), 0x6e619d79);
    assert_int_equal(crc32c_before(0x81d90e1b, NULL, 0), 0x81d90e1b);
    for (size_t cut = 0; cut <= sizeof p; cut++)
        assert_int_equal(crc32c_before(crc32c(0, p, sizeof p), p + cut, sizeof p - cut), crc32c(0, p, cut));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_vectors),
        cmocka_unit_test(both_ways_agree_and_chain),
        cmocka_unit_test(what_was_before_is_found_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
