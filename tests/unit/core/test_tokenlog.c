/* tokenlog against a naive model: the text as one string, cut at each rewind. Seeded; every prefix of every
 * log is resumed from, and each cursor must end with exactly the log's bytes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/crc32c.h"
#include "base/json.h"
#include "core/tokenlog.h"

static uint32_t rng_state;

static uint32_t rng(uint32_t below)
{
    rng_state = rng_state * 1664525u + 1013904223u;
    return (rng_state >> 8) % below;
}

static const char *const words[] = {"a", "the ", "né ", "日本", "🙂", "\n", "plain words and more of them ",
                                    "é"};

/* A reader that holds what a client would hold. */
struct reader {
    struct log_cursor cursor;
    struct buf have;
    uint64_t seq;
    bool done;
};

static void reader_take(struct reader *r, const struct tokenlog *log, size_t max, int steps)
{
    struct log_item item;
    while (steps-- && tokenlog_next(log, &r->cursor, max, &item) != LOG_ITEM_NONE) {
        assert_false(r->done);
        if (item.kind == LOG_ITEM_REWIND) {
            assert_true(item.off < r->have.len);
            r->have.len = item.off;
            r->seq = 0;
        } else if (item.kind == LOG_ITEM_TEXT) {
            assert_int_equal(item.off, r->have.len);
            assert_true(item.len > 0 && item.len <= max && utf8_valid(item.text, item.len));
            assert_true(item.seq >= r->seq);
            r->seq = item.seq;
            buf_add(&r->have, item.text, item.len);
        } else if (item.kind == LOG_ITEM_START) {
            assert_int_equal(item.off, r->have.len);
        } else {
            r->done = true;
            assert_int_equal(item.seq, log->seq);
        }
        assert_int_equal(item.crc, crc32c(0, r->have.data, r->have.len));
        assert_int_equal(item.off + (item.kind == LOG_ITEM_TEXT ? item.len : 0), r->cursor.off);
    }
}

static void write_some(struct tokenlog *log, struct buf *model)
{
    uint32_t what = rng(100);
    if (what == 0 && model->len) {
        uint64_t off = utf8_floor(model->data, rng((uint32_t)model->len));
        if (rng(3) == 0)
            tokenlog_set_epoch(log, log->epoch + 1);
        tokenlog_rewind(log, off, LOG_RESTARTED);
        model->len = off;
        tokenlog_start(log, LOG_RESTART, "m");
    } else if (what == 1) {
        tokenlog_start(log, LOG_PREFIX, "m");
    } else {
        const char *text = words[rng(8)];
        for (uint32_t n = rng(20) == 0 ? 400 : 1; n > 0; n--) {
            tokenlog_append(log, rng(50) == 0 ? LOG_PART_REASONING : LOG_PART_TEXT, text, strlen(text));
            buf_add_str(model, text);
        }
    }
    assert_int_equal(tokenlog_end(log), model->len);
    assert_int_equal(log->crc, crc32c(0, model->data, model->len));
}

static void assert_same(const struct buf *a, const struct buf *b)
{
    assert_int_equal(a->len, b->len);
    if (a->len)
        assert_memory_equal(a->data, b->data, a->len);
}

static void live_and_lagging_readers_agree(void **state)
{
    (void)state;
    for (uint32_t seed = 1; seed <= 150; seed++) {
        rng_state = seed;
        struct tokenlog log;
        struct buf model = {0};
        struct reader live = {0}, lagging = {0};
        tokenlog_init(&log, 1);
        tokenlog_start(&log, LOG_FRESH, "m");
        live.cursor = lagging.cursor = tokenlog_seek(&log, 0);
        for (int i = 0; i < 300; i++) {
            write_some(&log, &model);
            reader_take(&live, &log, 65536, 1000);
            if (rng(9) == 0)
                reader_take(&lagging, &log, 4 + rng(300), (int)rng(5));
            assert_same(&live.have, &model);
        }
        tokenlog_finish(&log);
        reader_take(&live, &log, 65536, 1000);
        reader_take(&lagging, &log, 65536, 100000);
        assert_true(live.done && lagging.done);
        assert_same(&lagging.have, &model);
        buf_free(&live.have);
        buf_free(&lagging.have);
        buf_free(&model);
        tokenlog_free(&log);
    }
}

static void every_position_can_be_resumed(void **state)
{
    (void)state;
    for (uint32_t seed = 1; seed <= 12; seed++) {
        rng_state = seed * 77;
        struct tokenlog log;
        struct buf model = {0};
        tokenlog_init(&log, 1);
        for (int i = 0; i < 120; i++)
            write_some(&log, &model);
        tokenlog_finish(&log);
        for (size_t off = 0; off <= model.len; off += 1 + model.len / 700) {
            bool boundary = utf8_is_boundary(model.data, model.len, off);
            uint32_t crc = crc32c(0, model.data, off);
            assert_int_equal(tokenlog_agrees(&log, off, crc), boundary);
            assert_false(tokenlog_agrees(&log, off, crc ^ 1));
            if (!boundary)
                continue;
            struct reader r = {.cursor = tokenlog_seek(&log, off)};
            assert_int_equal(r.cursor.crc, crc);
            buf_add(&r.have, model.data, off);
            reader_take(&r, &log, 65536, 100000);
            assert_true(r.done);
            assert_same(&r.have, &model);
            buf_free(&r.have);
        }
        assert_false(tokenlog_agrees(&log, model.len + 1, 0));
        buf_free(&model);
        tokenlog_free(&log);
    }
}

/* Live, seq is of the last record carried: 1, 2, 3 for three appends read one by one and 3 for a late reader.
 */
static void seq_is_of_the_last_record(void **state)
{
    (void)state;
    struct tokenlog log;
    struct log_item item;
    tokenlog_init(&log, 1);
    struct log_cursor live = tokenlog_seek(&log, 0);
    for (uint64_t i = 1; i <= 3; i++) {
        tokenlog_append(&log, LOG_PART_TEXT, "ab", 2);
        assert_int_equal(tokenlog_next(&log, &live, 100, &item), LOG_ITEM_TEXT);
        assert_int_equal(item.seq, i);
    }
    struct log_cursor late = tokenlog_seek(&log, 0);
    assert_int_equal(tokenlog_next(&log, &late, 4, &item), LOG_ITEM_TEXT);
    assert_int_equal(item.seq, 2);
    assert_int_equal(tokenlog_next(&log, &late, 4, &item), LOG_ITEM_TEXT);
    assert_int_equal(item.seq, 3);
    tokenlog_rewind(&log, 3, LOG_RESTARTED);
    assert_int_equal(log.seq, 4);
    tokenlog_append(&log, LOG_PART_TEXT, "z", 1);
    assert_int_equal(tokenlog_next(&log, &late, 100, &item), LOG_ITEM_REWIND);
    assert_int_equal(item.seq, 4);
    assert_int_equal(tokenlog_next(&log, &late, 100, &item), LOG_ITEM_TEXT);
    assert_int_equal(item.seq, 5);
    struct log_cursor again = tokenlog_seek(&log, 0);
    assert_int_equal(tokenlog_next(&log, &again, 100, &item),
                     LOG_ITEM_TEXT); /* a b a, cut back to record 2 */
    assert_int_equal(item.len, 3);
    assert_int_equal(item.seq, 2);
    assert_int_equal(tokenlog_next(&log, &again, 100, &item), LOG_ITEM_TEXT);
    assert_int_equal(item.seq, 5);
    tokenlog_free(&log);
}

/* What came from history counts as one record for every reader, and what follows does not fall behind it. */
static void recalled_text_has_one_seq(void **state)
{
    (void)state;
    static char text[20000];
    memset(text, 'x', sizeof text);
    struct tokenlog log;
    struct log_item item;
    tokenlog_init(&log, 1);
    tokenlog_recall(&log, LOG_PART_REASONING, text, sizeof text, 7);
    tokenlog_recall(&log, LOG_PART_TEXT, text, sizeof text, 7);
    tokenlog_append(&log, LOG_PART_TEXT, "new", 3);
    for (size_t off = 0; off < 40000; off += 999) {
        struct log_cursor c = tokenlog_seek(&log, off);
        uint64_t at = off;
        for (; at < 40000; at += item.len) {
            assert_int_equal(tokenlog_next(&log, &c, 3000, &item), LOG_ITEM_TEXT);
            assert_int_equal(item.off, at);
            assert_int_equal(item.seq, 7);
        }
        assert_int_equal(tokenlog_next(&log, &c, 3000, &item), LOG_ITEM_TEXT);
        assert_int_equal(item.seq, 8);
    }
    tokenlog_rewind(&log, 30000, LOG_RESTARTED);
    tokenlog_append(&log, LOG_PART_TEXT, "again", 5);
    struct log_cursor c = tokenlog_seek(&log, 29000);
    assert_int_equal(tokenlog_next(&log, &c, 1000, &item), LOG_ITEM_TEXT);
    assert_int_equal(item.seq, 7);
    assert_int_equal(tokenlog_next(&log, &c, 1000, &item), LOG_ITEM_TEXT);
    assert_int_equal(item.seq, 10);
    tokenlog_free(&log);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(live_and_lagging_readers_agree),
        cmocka_unit_test(every_position_can_be_resumed),
        cmocka_unit_test(seq_is_of_the_last_record),
        cmocka_unit_test(recalled_text_has_one_seq),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
