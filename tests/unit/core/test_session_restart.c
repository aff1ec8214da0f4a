/* What a reader of before meets after a restart, or when the log is gone: numbers that never fall, no
 * producer that never was, the same done. No sockets, no sleep. */
#include "fixture.h"

static void save(void)
{
    world_pass((uint64_t)world_config()->history_checkpoint_ms + 100);
}

/* The next message of that type; those before it are read away. */
static json_t *skip_to(struct client *c, const char *type)
{
    json_t *m;
    while ((m = client_hear(c)))
        if (strcmp(str(m, "type"), type) == 0)
            return m;
    fail_msg("no %s came", type);
    return NULL;
}

static void sequence_numbers_never_fall(void **state)
{
    (void)state;
    struct client *c = client_hello(NULL);
    client_send(c, GEN1);
    upstream_starts(0, START_FRESH);
    for (int i = 0; i < 9; i++)
        upstream_says(0, "saved ");
    save();
    upstream_says(0, "on");
    upstream_says(0, "ly ");
    upstream_says(0, "heard");
    json_t *m;
    long long heard = 0;
    while ((m = client_hear(c)))
        heard = strcmp(str(m, "type"), "delta") == 0 ? num(m, "seq") : heard;
    assert_int_equal(heard, 12);
    world_crash();
    /* The upstream says in one piece what came in three; a client that held all of it goes on from there. */
    upstream_starts(0, START_PREFIX);
    upstream_says(0, "only heard");
    upstream_says(0, " and more");
    c = client_hello(NULL);
    client_resume(c, GEN1, "saved saved saved ");
    m = skip_to(c, "delta");
    assert_int_equal(num(m, "epoch"), 1);
    assert_true(num(m, "seq") >= heard);
    m = skip_to(c, "delta");
    assert_int_equal(num(m, "epoch"), 2);
    assert_true(num(m, "seq") >= heard);
    client_resume(c, GEN1, "saved saved saved saved saved saved saved saved saved only heard");
    assert_true(num(skip_to(c, "delta"), "seq") > heard);
}

static void each_life_has_an_epoch_of_its_own(void **state)
{
    (void)state;
    struct client *c = client_hello(NULL);
    client_send(c, GEN1);
    client_say(c, "{\"type\":\"send\",\"gen\":\"" GEN2 "\",\"chat\":\"" CHAT1
                  "\",\"input\":\"two\",\"if_busy\":\"queue\"}");
    upstream_starts(0, START_FRESH);
    upstream_says(0, "saved");
    save();
    upstream_says(0, ", lost");
    world_crash(); /* and again, before anything more is saved */
    upstream_starts(0, START_PREFIX);
    upstream_says(0, ", heard");
    c = client_hello(NULL);
    client_resume(c, GEN1, "saved");
    json_t *m = skip_to(c, "delta");
    assert_int_equal(num(m, "epoch"), 2);
    long long heard = num(m, "seq");
    world_crash();
    upstream_starts(0, START_PREFIX);
    upstream_says(0, ", heard again");
    c = client_hello(NULL);
    client_resume(c, GEN1, "saved");
    m = skip_to(c, "delta");
    assert_int_equal(num(m, "epoch"), 3);
    assert_true(num(m, "seq") > heard);
    upstream_ends(0, CALL_COMPLETE);
    world_pass(0);
    assert_string_equal(history_text(GEN1), "saved, heard again");
    client_resume(c, GEN2, "");
    upstream_starts(0, START_FRESH);
    assert_int_equal(num(skip_to(c, "start"), "epoch"), 3);
}

static void a_queued_one_taken_over_was_never_started(void **state)
{
    (void)state;
    struct client *c = client_hello(NULL);
    client_send(c, GEN1);
    client_expect(c, "accepted");
    client_say(c, "{\"type\":\"send\",\"gen\":\"" GEN2 "\",\"chat\":\"" CHAT1
                  "\",\"input\":\"two\",\"if_busy\":\"queue\"}");
    client_say(c, "{\"type\":\"send\",\"gen\":\"" GEN3 "\",\"chat\":\"" CHAT1
                  "\",\"input\":\"three\",\"if_busy\":\"queue\"}");
    world_crash();
    assert_int_equal(upstream_count(), 1);
    c = client_hello(NULL);
    struct client *d = client_hello(NULL);
    client_resume(d, GEN1, "");
    assert_string_equal(str(client_expect(d, "status"), "state"), "taking_over");
    client_gone(d);
    client_resume(c, GEN2, "");
    assert_string_equal(str(client_expect(c, "status"), "state"), "queued");
    assert_int_equal(num(client_expect(c, "live"), "off"), 0);
    client_say(c, "{\"type\":\"cancel\",\"gen\":\"" GEN2 "\"}");
    json_t *m = client_expect(c, "done");
    assert_string_equal(str(m, "state"), "cancelled");
    assert_int_equal(num(m, "off"), 0);
    client_resume(c, GEN3, "");
    client_expect(c, "status");
    client_expect(c, "live");
    upstream_starts(0, START_FRESH);
    upstream_ends(0, CALL_COMPLETE);
    world_pass(0);
    upstream_starts(0, START_FRESH);
    assert_string_equal(str(skip_to(c, "start"), "mode"), "fresh");
    client_silent(c);
}

static void from_history_there_is_no_start_where_there_was_none(void **state)
{
    (void)state;
    struct client *c = client_hello(NULL);
    client_send(c, GEN1);
    client_expect(c, "accepted");
    upstream_ends(0, CALL_ERROR);
    world_pass(0);
    assert_string_equal(str(client_expect(c, "done"), "state"), "error");
    world_pass((uint64_t)world_config()->log_store_keep_s * 1000 + 1000);
    client_gone(c);
    c = client_hello(NULL);
    client_resume(c, GEN1, "");
    client_expect(c, "rewind");
    client_expect(c, "live");
    client_expect(c, "done");
    client_send(c, GEN2);
    client_expect(c, "accepted");
    upstream_starts(0, START_FRESH);
    upstream_ends(0, CALL_COMPLETE);
    world_pass(0);
    client_expect(c, "start");
    client_expect(c, "done");
    world_pass((uint64_t)world_config()->log_store_keep_s * 1000 + 1000);
    client_gone(c);
    c = client_hello(NULL);
    client_resume(c, GEN2, "");
    client_expect(c, "rewind");
    client_expect(c, "start");
    client_expect(c, "live");
    client_expect(c, "done");
}

static void done_has_its_number_whatever_the_records_were(void **state)
{
    (void)state;
    static char block[20001];
    memset(block, 'x', sizeof block - 1);
    struct client *c = client_hello(NULL);
    client_send(c, GEN1);
    client_expect(c, "accepted");
    upstream_starts(0, START_FRESH);
    upstream_says(0, block);
    upstream_ends(0, CALL_COMPLETE);
    world_pass(0);
    long long seq = num(skip_to(c, "done"), "seq");
    assert_int_equal(seq, 2);
    world_pass((uint64_t)world_config()->log_store_keep_s * 1000 + 1000);
    client_gone(c);
    c = client_hello(NULL);
    client_resume(c, GEN1, "");
    assert_int_equal(num(skip_to(c, "delta"), "seq"), 1);
    assert_int_equal(num(skip_to(c, "done"), "seq"), seq);
}

static void the_time_it_took_counts_from_its_beginning(void **state)
{
    (void)state;
    struct client *c = client_hello(NULL);
    client_send(c, GEN1);
    upstream_starts(0, START_FRESH);
    upstream_says(0, "begun ");
    world_pass(5000);
    world_crash();
    world_pass(2000);
    upstream_starts(0, START_PREFIX);
    upstream_says(0, "and ended");
    upstream_ends(0, CALL_COMPLETE);
    world_pass(0);
    c = client_hello(NULL);
    client_resume(c, GEN1, "begun and ended");
    json_t *timing = json_object_get(skip_to(c, "done"), "timing");
    assert_in_range(num(timing, "total_ms"), 7000, 7500);
    assert_true(json_is_null(json_object_get(timing, "ttft_ms")));
}

#define T(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(sequence_numbers_never_fall),
        T(each_life_has_an_epoch_of_its_own),
        T(a_queued_one_taken_over_was_never_started),
        T(from_history_there_is_no_start_where_there_was_none),
        T(done_has_its_number_whatever_the_records_were),
        T(the_time_it_took_counts_from_its_beginning),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
