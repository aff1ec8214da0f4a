/* The events of a log: what they are, and that after each of them exactly the rest can be had, however the
 * log is cut. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "core/owner.h"
#include "edge/response_events.h"

#define EVENTS_MAX 64

static struct generation g;
static struct follower f;
static struct response_events events;

struct event {
    const char *type;
    json_t *json;
    uint64_t number;
};
static struct event got[EVENTS_MAX];
static size_t count;

static int setup(void **state)
{
    (void)state;
    g = (struct generation){.outcome = outcome_none, .created_ms = 1700000000000};
    f = (struct follower){.generation = &g};
    events = (struct response_events){0};
    tokenlog_init(&g.log, 1);
    tokenlog_start(&g.log, LOG_FRESH, "m");
    return 0;
}

static void forget(void)
{
    for (; count > 0; count--)
        json_decref(got[count - 1].json);
}

static int teardown(void **state)
{
    (void)state;
    forget();
    tokenlog_free(&g.log);
    response_events_free(&events);
    return 0;
}

static void add(enum log_part part, const char *text)
{
    tokenlog_append(&g.log, part, text, strlen(text));
}

static void finish(const char *state)
{
    g.outcome = (struct outcome){.state = state, .prompt_tokens = 1, .completion_tokens = 2};
    tokenlog_finish(&g.log);
}

/* All there is now. */
static void read_on(void)
{
    struct buf out = {0};
    const char *type;
    while ((type = response_events_next(&events, &f, &out))) {
        struct event *e = &got[count++];
        assert_true(count < EVENTS_MAX);
        e->type = type;
        e->json = json_loadb(out.data, out.len, 0, NULL);
        assert_non_null(e->json);
        assert_string_equal(json_string_value(json_object_get(e->json, "type")), type);
        e->number = (uint64_t)json_integer_value(json_object_get(e->json, "sequence_number"));
        buf_clear(&out);
    }
    buf_free(&out);
}

static const char *string_of(const struct event *e, const char *name)
{
    const char *text = json_string_value(json_object_get(e->json, name));
    return text ? text : "";
}

static void from_the_start(void)
{
    response_events_free(&events);
    events = (struct response_events){0};
    f.cursor = tokenlog_seek(&g.log, 0);
    forget();
}

static void two_of_each(void)
{
    add(LOG_PART_REASONING, "h\xc3\xa4");
    add(LOG_PART_REASONING, "m");
    add(LOG_PART_TEXT, "one ");
    add(LOG_PART_TEXT, "two");
    add(LOG_PART_REASONING, "again");
    add(LOG_PART_TEXT, "\xf0\x9f\x98\x80");
    finish("complete");
}

static void test_the_events(void **state)
{
    (void)state;
    static const char *const types[] = {"response.created",
                                        "response.in_progress",
                                        "response.output_item.added",
                                        "response.content_part.added",
                                        "response.reasoning_text.delta",
                                        "response.reasoning_text.done",
                                        "response.content_part.done",
                                        "response.output_item.done",
                                        "response.output_item.added",
                                        "response.content_part.added",
                                        "response.output_text.delta",
                                        "response.output_text.done",
                                        "response.content_part.done",
                                        "response.output_item.done"};
    two_of_each();
    from_the_start();
    read_on();
    assert_int_equal(count, 2 + 4 * 6 + 1);
    for (size_t i = 0; i < count - 1; i++)
        assert_string_equal(got[i].type, i < 2 ? types[i] : types[2 + (i - 2) % 12]);
    assert_string_equal(got[count - 1].type, "response.completed");
    assert_true(events.ended);
    for (size_t i = 1; i < count; i++)
        assert_true(got[i].number > got[i - 1].number);
    assert_int_equal(got[0].number, 0);
    assert_int_equal(json_integer_value(json_object_get(got[14].json, "output_index")), 2);
    assert_string_equal(string_of(&got[10], "delta"), "one two");
    json_t *response = json_object_get(got[count - 1].json, "response");
    assert_int_equal(json_array_size(json_object_get(response, "output")), 4);
    assert_string_equal(json_string_value(json_object_get(response, "status")), "completed");
    assert_int_equal(json_integer_value(json_object_get(json_object_get(response, "usage"), "total_tokens")),
                     3);
}

/* The same JSON, but for deltas, of which only the text counts. */
static void add_to(struct buf *all, const struct event *e)
{
    char *text = json_dumps(e->json, JSON_SORT_KEYS);
    if (strstr(e->type, ".delta"))
        buf_add_str(all, string_of(e, "delta"));
    else
        buf_add_str(all, text);
    free(text);
}

static struct buf what_follows(uint64_t number)
{
    struct buf all = {0};
    for (size_t i = 0; i < count; i++)
        if (got[i].number > number)
            add_to(&all, &got[i]);
    return all;
}

/* Read as it grows, record by record, then from each number on in one go. */
static void test_after_each_event_exactly_the_rest(void **state)
{
    (void)state;
    static const struct {
        enum log_part part;
        const char *text;
    } records[] = {{LOG_PART_REASONING, "h\xc3\xa4"},
                   {LOG_PART_REASONING, "m"},
                   {LOG_PART_TEXT, "one "},
                   {LOG_PART_TEXT, "two"},
                   {LOG_PART_TEXT, " three"},
                   {LOG_PART_REASONING, "again"},
                   {LOG_PART_TEXT, "\xf0\x9f\x98\x80"}};
    from_the_start();
    for (size_t i = 0; i < sizeof records / sizeof *records; i++) {
        add(records[i].part, records[i].text);
        read_on();
    }
    finish("complete");
    read_on();
    size_t all = count;
    uint64_t numbers[EVENTS_MAX];
    struct buf rest[EVENTS_MAX];
    for (size_t i = 0; i < all; i++) {
        numbers[i] = got[i].number;
        rest[i] = what_follows(numbers[i]);
    }
    for (size_t i = 0; i < all; i++) {
        struct response_place p;
        char digits[24];
        snprintf(digits, sizeof digits, "%llu", (unsigned long long)numbers[i]);
        assert_true(response_place_read(digits, &p));
        from_the_start();
        assert_true(response_events_seek(&events, &f, &p));
        read_on();
        struct buf again = what_follows(numbers[i]);
        assert_true(events.ended);
        assert_string_equal(buf_cstr(&again), buf_cstr(&rest[i]));
        buf_free(&again);
        buf_free(&rest[i]);
    }
}

static struct response_place place_after(const char *text, enum response_slot slot)
{
    struct tokenlog other;
    tokenlog_init(&other, 1);
    tokenlog_append(&other, LOG_PART_TEXT, text, strlen(text));
    struct response_place p = {strlen(text), slot, other.crc};
    char digits[24];
    snprintf(digits, sizeof digits, "%llu", (unsigned long long)response_place_number(&p));
    assert_true(response_place_read(digits, &p));
    tokenlog_free(&other);
    return p;
}

static void test_another_text_is_noticed(void **state)
{
    (void)state;
    add(LOG_PART_TEXT, "hello world");
    const struct response_place good = place_after("hello", SLOT_DELTA),
                                bad = place_after("hallo", SLOT_DELTA),
                                closed = place_after("hello", SLOT_TEXT_DONE),
                                opened = place_after("hello", SLOT_REASONING_PART);
    f.cursor = tokenlog_seek(&g.log, 0);
    assert_true(response_events_seek(&events, &f, &good));
    read_on();
    assert_string_equal(string_of(&got[0], "delta"), " world");
    assert_false(response_events_seek(&events, &f, &bad));
    assert_false(response_events_seek(&events, &f, &closed)); /* the item goes on */
    assert_false(response_events_seek(&events, &f, &opened));
    finish("complete");
    const struct response_place beyond = place_after("hello world!", SLOT_DELTA),
                                ended = place_after("hello world", SLOT_END);
    assert_false(response_events_seek(&events, &f, &beyond));
    forget();
    assert_true(response_events_seek(&events, &f, &ended));
    read_on();
    assert_int_equal(count, 0);
    assert_true(events.ended);
}

/* A gateway that died had told more than was saved: the same text comes again, or another. */
static void test_ahead_of_the_log(void **state)
{
    (void)state;
    add(LOG_PART_TEXT, "he");
    const struct response_place p = place_after("hello", SLOT_DELTA);
    from_the_start();
    assert_true(response_events_seek(&events, &f, &p));
    read_on();
    assert_true(events.awaiting && count == 0);
    add(LOG_PART_TEXT, "llo wor");
    read_on();
    assert_string_equal(string_of(&got[0], "delta"), " wor");
    tokenlog_rewind(&g.log, 2, LOG_RESTARTED);
    from_the_start();
    assert_true(response_events_seek(&events, &f, &p));
    add(LOG_PART_TEXT, "lmet");
    read_on();
    assert_string_equal(got[0].type, "error");
    assert_true(events.ended);
}

static void test_rewind(void **state)
{
    (void)state;
    add(LOG_PART_TEXT, "hello");
    from_the_start();
    read_on();
    assert_int_equal(count, 5);
    tokenlog_rewind(&g.log, 0, LOG_RESTARTED);
    tokenlog_start(&g.log, LOG_RESTART, "n");
    add(LOG_PART_TEXT, "other");
    read_on();
    assert_int_equal(count, 6);
    assert_string_equal(got[5].type, "error");
    assert_string_equal(string_of(&got[5], "code"), "RESUME_GONE");
    assert_int_equal(got[5].number, got[4].number);
    from_the_start();
    read_on();
    assert_string_equal(string_of(&got[4], "delta"), "other");
}

/* Between two events of one closing the text that they repeat may go. */
static void test_rewind_within_a_closing(void **state)
{
    (void)state;
    struct buf out = {0};
    add(LOG_PART_TEXT, "hello");
    add(LOG_PART_REASONING, "x");
    from_the_start();
    const char *type;
    do {
        buf_clear(&out);
        type = response_events_next(&events, &f, &out);
        assert_non_null(type);
    } while (strcmp(type, "response.output_text.done") != 0);
    tokenlog_rewind(&g.log, 0, LOG_RESTARTED);
    buf_clear(&out);
    assert_string_equal(response_events_next(&events, &f, &out), "error");
    buf_free(&out);
}

static void test_an_item_that_was_opened_in_vain(void **state)
{
    (void)state;
    struct buf out = {0};
    add(LOG_PART_REASONING, "hm");
    from_the_start();
    for (int i = 0; i < 4; i++)
        assert_non_null(response_events_next(&events, &f, &out));
    tokenlog_rewind(&g.log, 0, LOG_RESTARTED);
    add(LOG_PART_TEXT, "text");
    assert_string_equal(response_events_next(&events, &f, &out), "error");
    buf_free(&out);
}

static void test_ends(void **state)
{
    (void)state;
    static const char *const ends[][3] = {
        {"complete", "response.completed", "completed"},   {"length", "response.incomplete", "incomplete"},
        {"filtered", "response.incomplete", "incomplete"}, {"cancelled", "response.incomplete", "cancelled"},
        {"truncated", "response.failed", "failed"},        {"error", "response.failed", "failed"}};
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        teardown(NULL);
        setup(NULL);
        add(LOG_PART_TEXT, "x");
        finish(ends[i][0]);
        from_the_start();
        read_on();
        assert_string_equal(got[count - 1].type, ends[i][1]);
        const json_t *r = json_object_get(got[count - 1].json, "response");
        assert_string_equal(json_string_value(json_object_get(r, "status")), ends[i][2]);
        bool failed = strcmp(ends[i][2], "failed") == 0;
        assert_int_equal(json_is_object(json_object_get(r, "error")), failed);
        const json_t *item = json_array_get(json_object_get(r, "output"), 0);
        assert_string_equal(json_string_value(json_object_get(item, "status")),
                            i ? "incomplete" : "completed");
    }
}

static void test_numbers(void **state)
{
    (void)state;
    static const char *const bad[] = {"",
                                      "-1",
                                      "1.5",
                                      "x",
                                      "9007199254740992000",
                                      "12 ",
                                      "5",
                                      "2097152", /* something closed at 0 */
                                      "17825792" /* in progress at 1 */,
                                      "10485760" /* no such slot */};
    struct response_place p;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (response_place_read(bad[i], &p))
            fail_msg("taken: %s", bad[i]);
    assert_true(response_place_read("0", &p));
    assert_true(response_place_read("1048576", &p));
    assert_int_equal(p.slot, SLOT_IN_PROGRESS);
    const struct response_place far = {268435456, SLOT_END, 0xFFFFFFFF};
    assert_true(response_place_number(&far) < 1ull << 53);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_the_events),
        TEST(test_after_each_event_exactly_the_rest),
        TEST(test_another_text_is_noticed),
        TEST(test_ahead_of_the_log),
        TEST(test_rewind),
        TEST(test_rewind_within_a_closing),
        TEST(test_an_item_that_was_opened_in_vain),
        TEST(test_ends),
        TEST(test_numbers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
