/* Records and ends as they stand in Redis: they come back as they were, and what does not follow is seen. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/crc32c.h"
#include "store/redis_record.h"
#include "store/redis_resp.h"

static struct log_record text(uint64_t seq, uint64_t off, uint32_t crc, const char *data)
{
    return (struct log_record){.seq = seq,
                               .epoch = 1,
                               .off = off,
                               .crc = crc,
                               .kind = LOG_KIND_TEXT,
                               .data = data,
                               .len = strlen(data)};
}

static void test_a_record_comes_back(void **state)
{
    (void)state;
    static const enum log_kind kinds[] = {LOG_KIND_TEXT, LOG_KIND_REWIND, LOG_KIND_START, LOG_KIND_DONE};
    for (size_t i = 0; i < 4; i++) {
        struct log_record r = {.epoch = UINT64_MAX,
                               .off = i * 77,
                               .crc = 0x00c0ffee,
                               .kind = kinds[i],
                               .part = (uint8_t)(i & 1),
                               .data = "a\0 b\r\n",
                               .len = 6},
                          back;
        struct buf b = {0};
        redis_record_word(&b, &r);
        const char *word = memchr(b.data, '\n', b.len) + 1;
        size_t len = b.len - (size_t)(word - b.data) - 2;
        assert_true(redis_record_parse(word, len, &back));
        assert_int_equal(back.kind, r.kind);
        assert_int_equal(back.part, r.part);
        assert_true(back.epoch == r.epoch && back.off == r.off && back.crc == r.crc);
        assert_int_equal(back.len, 6);
        assert_memory_equal(back.data, r.data, 6);
        buf_free(&b);
    }
}

static void test_words_have_their_length(void **state)
{
    (void)state;
    struct buf b = {0};
    struct log_record r = text(1, 5, 0x81d90e1b, "Hello");
    resp_head(&b, 4);
    redis_record_id_word(&b, 1234567890123);
    redis_record_word(&b, &r);
    resp_u64(&b, 0);
    resp_u64(&b, UINT64_MAX);
    assert_string_equal(buf_cstr(&b), "*4\r\n$15\r\n0-1234567890123\r\n$21\r\nt0 1 5 81d90e1b Hello\r\n"
                                      "$1\r\n0\r\n$20\r\n18446744073709551615\r\n");
    buf_free(&b);
}

static void test_what_is_no_record(void **state)
{
    (void)state;
    static const char *const bad[] = {"",
                                      "t",
                                      "t0",
                                      "t0 ",
                                      "x0 1 5 81d90e1b a",
                                      "t2 1 5 81d90e1b a",
                                      "t0 1 5 81d90e1b",
                                      "t0 1 5 81d90e1 a",
                                      "t0 1 5 81D90e1b a",
                                      "t0 1 81d90e1b a",
                                      "t0  5 81d90e1b a",
                                      "t0 1 -5 81d90e1b a",
                                      "t0 18446744073709551616 5 81d90e1b a"};
    struct log_record out;
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
        assert_false(redis_record_parse(bad[i], strlen(bad[i]), &out));
    assert_true(redis_record_parse("t0 1 5 81d90e1b ", 16, &out));
    assert_int_equal(out.len, 0);
}

static void test_ids(void **state)
{
    (void)state;
    uint64_t seq;
    assert_true(redis_record_id_parse("0-12", 4, &seq));
    assert_int_equal(seq, 12);
    assert_false(redis_record_id_parse("1-12", 4, &seq));
    assert_false(redis_record_id_parse("0-", 2, &seq));
    assert_false(redis_record_id_parse("0-1x", 4, &seq));
    assert_false(redis_record_id_parse("", 0, &seq));
}

static void test_ends(void **state)
{
    (void)state;
    char out[REDIS_END_MAX];
    struct redis_end end = {.epoch = 3, .seq = 12, .off = 99, .crc = 0xab};
    size_t n = redis_end_write(out, &end);
    assert_int_equal(n, strlen(out));
    assert_string_equal(out, "3 12 99 000000ab");
    end = (struct redis_end){UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT32_MAX};
    assert_int_equal(redis_end_write(out, &end), 20 * 3 + 3 + 8);
}

static void test_what_was_before_a_record(void **state)
{
    (void)state;
    struct redis_end before;
    struct log_record r = text(2, 5, 0x81d90e1b, "lo");
    assert_true(redis_record_before(&r, &before));
    assert_int_equal(before.seq, 1);
    assert_int_equal(before.off, 3);
    assert_int_equal(before.crc, 0x6e619d79); /* of "Hel" */
    r.kind = LOG_KIND_START;
    assert_true(redis_record_before(&r, &before));
    assert_int_equal(before.off, 5);
    assert_int_equal(before.crc, 0x81d90e1b);
    r.kind = LOG_KIND_REWIND;
    assert_false(redis_record_before(&r, &before));
    r = text(2, 1, 0, "lo");
    assert_false(redis_record_before(&r, &before));
    r = text(0, 2, 0, "lo");
    assert_false(redis_record_before(&r, &before));
}

static void test_a_chain(void **state)
{
    (void)state;
    struct log_record r[3];
    uint32_t crc = 0;
    for (uint64_t i = 0; i < 3; i++) {
        crc = crc32c(crc, "ab", 2);
        r[i] = text(i + 5, 2 * i + 2, crc, "ab");
    }
    assert_true(redis_records_chain(r, 3));
    assert_true(redis_records_chain(r, 1));
    assert_false(redis_records_chain(r, 0));
    r[0].kind = LOG_KIND_REWIND; /* leads anywhere, so it may be first */
    assert_true(redis_records_chain(r, 3));
    r[2].epoch = 2;
    assert_false(redis_records_chain(r, 3));
    r[2].epoch = 1;
    r[1].kind = LOG_KIND_REWIND;
    assert_false(redis_records_chain(r, 3));
    r[1].kind = LOG_KIND_TEXT;
    r[2].kind = LOG_KIND_DONE;
    assert_false(redis_records_chain(r, 3));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_record_comes_back),
        cmocka_unit_test(test_words_have_their_length),
        cmocka_unit_test(test_what_is_no_record),
        cmocka_unit_test(test_ids),
        cmocka_unit_test(test_ends),
        cmocka_unit_test(test_what_was_before_a_record),
        cmocka_unit_test(test_a_chain),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
