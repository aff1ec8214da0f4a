/* Parameters in Postgres' binary form, byte for byte. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "store/postgres_param.h"

static void is(const struct pgparams *p, int i, const char *bytes, size_t len)
{
    int have;
    const char *at = pgparam_at(p, i, &have);
    assert_non_null(at);
    assert_int_equal(have, len);
    assert_memory_equal(at, bytes, len);
}
#define IS(p, i, lit) is((p), (i), "" lit, sizeof(lit) - 1)

static void test_single_values(void **state)
{
    struct pgparams p = {.count = 0};
    struct uuid u = {{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}};
    int len;
    (void)state;
    pgparam_int(&p, 258);
    pgparam_int(&p, -2);
    pgparam_bool(&p, true);
    pgparam_str(&p, "acme/alice");
    pgparam_text(&p, "acme/alice", 4);
    pgparam_uuid(&p, &u);
    pgparam_bytes(&p, (struct history_text){"a\0b", 3});
    pgparam_bytes(&p, (struct history_text){NULL, 0});
    pgparam_bits(&p, (struct history_text){"\xf0\x01", 2});
    pgparam_copy(&p, (struct history_text){"copied", 6});
    pgparam_null(&p);
    pgparam_str(&p, NULL);
    assert_int_equal(p.count, 12);
    IS(&p, 0, "\0\0\0\0\0\0\1\2");
    IS(&p, 1, "\xff\xff\xff\xff\xff\xff\xff\xfe");
    IS(&p, 2, "\1");
    IS(&p, 3, "acme/alice");
    IS(&p, 4, "acme");
    IS(&p, 5, "\1\2\3\4\5\6\7\x8\x9\xa\xb\xc\xd\xe\xf\x10");
    IS(&p, 6, "a\0b");
    IS(&p, 7, "");
    IS(&p, 8, "\0\0\0\x10\xf0\1");
    IS(&p, 9, "copied");
    assert_null(pgparam_at(&p, 10, &len));
    assert_null(pgparam_at(&p, 11, &len));
    pgparams_clear(&p);
    assert_int_equal(p.count, 0);
    pgparam_bool(&p, false);
    IS(&p, 0, "\0");
    pgparams_free(&p);
}

static void test_arrays(void **state)
{
    struct pgparams p = {.count = 0};
    (void)state;
    pgarray_start(&p, PGTYPE_TEXT);
    pgarray_bytes(&p, "ab", 2);
    pgarray_bytes(&p, "", 0);
    pgarray_end(&p);
    pgarray_start(&p, PGTYPE_INT);
    pgarray_null(&p);
    pgarray_int(&p, 1);
    pgarray_end(&p);
    pgarray_start(&p, PGTYPE_BITS);
    pgarray_bits(&p, (struct history_text){"\x80", 1});
    pgarray_end(&p);
    pgarray_start(&p, PGTYPE_BYTES);
    pgarray_end(&p);
    pgparam_int(&p, 7);
    IS(&p, 0,
       "\0\0\0\1\0\0\0\0\0\0\0\x19\0\0\0\2\0\0\0\1\0\0\0\2"
       "ab\0\0\0\0");
    IS(&p, 1, "\0\0\0\1\0\0\0\1\0\0\0\x14\0\0\0\2\0\0\0\1\xff\xff\xff\xff\0\0\0\x8\0\0\0\0\0\0\0\1");
    IS(&p, 2, "\0\0\0\1\0\0\0\0\0\0\x6\x1a\0\0\0\1\0\0\0\1\0\0\0\5\0\0\0\x8\x80");
    IS(&p, 3, "\0\0\0\0\0\0\0\0\0\0\0\x11");
    IS(&p, 4, "\0\0\0\0\0\0\0\7");
    pgparams_free(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_single_values),
        cmocka_unit_test(test_arrays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
