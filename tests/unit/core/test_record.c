/* Records of the shared log: what one node writes another reads, and what does not follow is not taken. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/record.h"

static struct tokenlog writer, reader;
static struct buf stored[32]; /* the data of each record */
static struct log_record records[32];
static size_t count;

static const struct log_record *last(void)
{
    static const struct log_record none = {.epoch = 1};
    return count ? &records[count - 1] : &none;
}

static void put(enum log_kind kind, uint8_t part, const char *data, size_t len)
{
    stored[count] = (struct buf){0};
    buf_add(&stored[count], data, len);
    records[count] = record_after(last(), kind, part, stored[count].data, len);
    count++;
}

static void put_json(enum log_kind kind, struct buf *json)
{
    put(kind, 0, json->data, json->len);
    buf_free(json);
}

static struct record_ask ask_of_test(void)
{
    struct record_ask ask = {.created_ms = 1732000000000};
    memset(ask.chat.b, 1, 16);
    memset(ask.message.b, 2, 16);
    memset(ask.user_message.b, 3, 16);
    for (uint8_t i = 0; i < 32; i++)
        ask.digest[i] = (uint8_t)(i * 9);
    return ask;
}

static void put_ask(void)
{
    struct buf json = {0};
    struct record_ask ask = ask_of_test();
    record_write_ask(&json, &ask);
    put_json(LOG_KIND_START, &json);
    writer.seq++;
}

static void put_start(enum log_mode mode)
{
    struct buf json = {0};
    record_write_start(&json, mode, "a \"model\"");
    put_json(LOG_KIND_START, &json);
    writer.seq++;
    tokenlog_start(&writer, mode, "a \"model\"");
}

static void put_text(enum log_part part, const char *text)
{
    put(LOG_KIND_TEXT, (uint8_t)part, text, strlen(text));
    tokenlog_append(&writer, part, text, strlen(text));
}

static void put_rewind(uint64_t off)
{
    struct buf json = {0};
    tokenlog_rewind(&writer, off, LOG_RESTARTED);
    record_write_rewind(&json, LOG_RESTARTED);
    put_json(LOG_KIND_REWIND, &json);
    records[count - 1].off = off;
    records[count - 1].crc = writer.crc;
}

static void put_done(void)
{
    struct buf json = {0};
    const struct outcome o = {
        .state = "complete", .prompt_tokens = 3, .completion_tokens = 5, .ttft_ms = 7, .total_ms = -1};
    record_write_done(&json, &o);
    put_json(LOG_KIND_DONE, &json);
}

static enum record_verdict apply(size_t i)
{
    struct record_ask ask;
    struct outcome outcome;
    return record_apply(&reader, &records[i], &ask, &outcome);
}

static int begin(void **state)
{
    (void)state;
    count = 0;
    tokenlog_init(&writer, 1);
    tokenlog_init(&reader, 1);
    put_ask();
    put_start(LOG_FRESH);
    put_text(LOG_PART_REASONING, "hm ");
    put_text(LOG_PART_TEXT, "wrong");
    put_rewind(3);
    put_start(LOG_RESTART);
    put_text(LOG_PART_TEXT, "ri");
    put_text(LOG_PART_TEXT, "ght é");
    return 0;
}

static int end(void **state)
{
    (void)state;
    for (size_t i = 0; i < count; i++)
        buf_free(&stored[i]);
    tokenlog_free(&writer);
    tokenlog_free(&reader);
    return 0;
}

static void test_a_reader_ends_with_the_writers_log(void **state)
{
    (void)state;
    struct record_ask ask, want = ask_of_test();
    struct outcome outcome;
    put_done();
    assert_int_equal(record_apply(&reader, &records[0], &ask, &outcome), RECORD_ASK);
    assert_memory_equal(&ask, &want, sizeof ask);
    for (size_t i = 1; i + 1 < count; i++)
        assert_int_equal(apply(i), RECORD_APPLIED);
    assert_int_equal(record_apply(&reader, &records[count - 1], &ask, &outcome), RECORD_DONE);
    assert_string_equal(outcome.state, "complete");
    assert_int_equal(outcome.completion_tokens, 5);
    assert_int_equal(outcome.total_ms, -1);
    assert_int_equal(reader.text.len, writer.text.len);
    assert_memory_equal(reader.text.data, writer.text.data, writer.text.len);
    assert_int_equal(reader.crc, writer.crc);
    assert_int_equal(reader.seq, writer.seq);
    assert_int_equal(reader.event_count, writer.event_count);
}

static void test_what_does_not_follow_is_not_taken(void **state)
{
    (void)state;
    assert_int_equal(apply(1), RECORD_ODD); /* not the next */
    assert_int_equal(apply(0), RECORD_ASK);
    assert_int_equal(apply(0), RECORD_ODD); /* again */
    assert_int_equal(apply(1), RECORD_APPLIED);
    struct log_record good = records[2];
    records[2].crc ^= 1;
    assert_int_equal(apply(2), RECORD_ODD);
    records[2] = good;
    records[2].off++;
    assert_int_equal(apply(2), RECORD_ODD);
    records[2] = good;
    records[2].part = 7;
    assert_int_equal(apply(2), RECORD_ODD);
    records[2] = good;
    assert_int_equal(apply(2), RECORD_APPLIED);
    reader.epoch = 2;
    assert_int_equal(apply(3), RECORD_ODD); /* of an epoch that is over */
    assert_int_equal(reader.seq, 3);
}

/* Every byte of every record's JSON, changed: whatever is read from it, nothing breaks. */
static void test_odd_json_breaks_nothing(void **state)
{
    (void)state;
    static const size_t jsons[] = {0, 1, 4};
    for (size_t k = 0; k < sizeof jsons / sizeof *jsons; k++) {
        struct buf *data = &stored[jsons[k]];
        for (size_t at = 0; at < data->len; at++) {
            char was = data->data[at];
            data->data[at] = at % 2 ? '"' : '\0';
            tokenlog_free(&reader);
            tokenlog_init(&reader, 1);
            for (size_t i = 0; i < count; i++)
                apply(i);
            data->data[at] = was;
        }
    }
}

/* A store that has only the first n is given the rest, record by record, whatever n is, if none was cut
 * since. */
static void test_the_missing_ones_are_those_that_were(void **state)
{
    (void)state;
    for (size_t have = 4; have < count; have++) {
        struct log_record at = records[have], got;
        for (size_t i = have + 1; i < count; i++) {
            struct buf json = {0};
            bool cut;
            assert_true(record_missing(&writer, &at, &json, &got, &cut));
            assert_int_equal(got.seq, records[i].seq);
            assert_int_equal(got.off, records[i].off);
            assert_int_equal(got.crc, records[i].crc);
            assert_int_equal(got.kind, records[i].kind);
            assert_int_equal(got.len, records[i].len);
            assert_memory_equal(got.data, records[i].data, got.len);
            at = records[i];
            buf_free(&json);
        }
        struct buf json = {0};
        bool cut;
        assert_false(record_missing(&writer, &at, &json, &got, &cut));
        assert_false(cut);
    }
}

static void test_what_was_cut_is_said_to_be(void **state)
{
    (void)state;
    struct buf json = {0};
    struct log_record got, at = records[3]; /* after "wrong", which does not stand */
    bool cut;
    assert_false(record_missing(&writer, &at, &json, &got, &cut));
    assert_true(cut);
    at = records[0]; /* text that stands, but records between are gone */
    assert_true(record_missing(&writer, &at, &json, &got, &cut));
    assert_int_equal(got.kind, LOG_KIND_START);
    buf_free(&json);
}

#define RECORD_TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        RECORD_TEST(test_a_reader_ends_with_the_writers_log),
        RECORD_TEST(test_what_does_not_follow_is_not_taken),
        RECORD_TEST(test_odd_json_breaks_nothing),
        RECORD_TEST(test_the_missing_ones_are_those_that_were),
        RECORD_TEST(test_what_was_cut_is_said_to_be),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
