/* One following takes another's place: what still comes of the old one, and what does not. No sockets, no
 * sleep. */
#include "fixture.h"

#define RESUME(off, crc)                                                                                     \
    "{\"type\":\"resume\",\"gen\":\"" GEN1 "\",\"epoch\":1,\"off\":" off ",\"crc\":\"" crc "\"}"

static struct client *with_hel(void)
{
    struct client *c = client_hello(NULL);
    client_send(c, GEN1);
    client_expect(c, "accepted");
    upstream_starts(0, START_FRESH);
    upstream_says(0, "Hel");
    client_expect(c, "start");
    client_expect(c, "delta");
    return c;
}

static void a_refused_send_leaves_the_following_alone(void **state)
{
    (void)state;
    struct client *c = with_hel();
    client_say(c, "{\"type\":\"send\",\"gen\":\"" GEN1 "\",\"chat\":\"" CHAT1 "\",\"input\":\"other\"}");
    assert_string_equal(str(client_expect(c, "error"), "code"), "CONFLICT");
    upstream_says(0, "lo");
    json_t *m = client_expect(c, "delta");
    assert_int_equal(num(m, "off"), 3);
    assert_string_equal(str(m, "text"), "lo");
    upstream_ends(0, CALL_COMPLETE);
    world_pass(0);
    client_expect(c, "done");
}

static void a_repeated_send_begins_again_from_nothing(void **state)
{
    (void)state;
    struct client *c = with_hel();
    client_send(c, GEN1);
    client_expect(c, "accepted");
    client_expect(c, "start");
    assert_int_equal(num(client_expect(c, "delta"), "off"), 0);
    client_expect(c, "live");
    upstream_says(0, "lo");
    assert_int_equal(num(client_expect(c, "delta"), "off"), 3);
    client_silent(c);
}

static void of_two_resumes_only_the_second_is_heard(void **state)
{
    (void)state;
    struct client *c = with_hel();
    client_say(c, RESUME("2", "deadbeef"));
    client_say(c, RESUME("3", "6e619d79"));
    assert_int_equal(num(client_expect(c, "live"), "off"), 3);
    client_say(c, RESUME("3", "6e619d79"));
    client_say(c, RESUME("2", "deadbeef"));
    json_t *m = client_expect(c, "rewind");
    assert_int_equal(num(m, "off"), 0);
    assert_string_equal(str(m, "crc"), "00000000");
    client_expect(c, "start");
    assert_int_equal(num(client_expect(c, "delta"), "off"), 0);
    client_expect(c, "live");
    client_silent(c);
}

static void a_send_is_answered_though_it_is_followed_no_more(void **state)
{
    (void)state;
    struct client *c = client_hello(NULL);
    history_hold(true);
    client_send(c, GEN1);
    client_say(c, "{\"type\":\"unfollow\",\"gen\":\"" GEN1 "\"}");
    history_hold(false);
    world_pass(0);
    client_expect(c, "accepted");
    assert_string_equal(str(client_expect(c, "active"), "state"), "running");
    upstream_starts(0, START_FRESH);
    upstream_says(0, "unheard");
    client_silent(c);
    history_hold(true);
    history_fail(STORE_FULL, STORE_OK);
    client_say(c, "{\"type\":\"send\",\"gen\":\"" GEN2 "\",\"chat\":\"" CHAT2 "\",\"input\":\"x\"}");
    client_say(c, "{\"type\":\"unfollow\",\"gen\":\"" GEN2 "\"}");
    history_hold(false);
    world_pass(0);
    json_t *m = client_expect(c, "error");
    assert_string_equal(str(m, "code"), "STORE_DEGRADED");
    assert_string_equal(str(m, "gen"), GEN2);
}

static void a_send_that_must_be_looked_up_is_answered_too(void **state)
{
    (void)state;
    struct client *c = with_hel();
    history_hold(true);
    client_send(c, GEN2); /* BUSY, unless history knows it */
    client_say(c, "{\"type\":\"unfollow\",\"gen\":\"" GEN2 "\"}");
    client_send(c, GEN2);
    client_silent(c);
    history_hold(false);
    world_pass(0);
    for (int i = 0; i < 2; i++) {
        json_t *m = client_expect(c, "error");
        assert_string_equal(str(m, "code"), "BUSY");
        assert_string_equal(str(m, "gen"), GEN2);
    }
    client_silent(c);
}

static void a_known_send_that_is_looked_up_is_accepted_and_no_more(void **state)
{
    (void)state;
    struct client *c = with_hel();
    upstream_ends(0, CALL_COMPLETE);
    world_pass(0);
    client_expect(c, "done");
    world_pass((uint64_t)world_config()->log_store_keep_s * 1000 + 1000);
    client_gone(c);
    c = client_hello(NULL);
    client_send(c, GEN2);
    client_expect(c, "accepted");
    history_hold(true);
    client_send(c, GEN1); /* BUSY, but that history knows it */
    client_say(c, "{\"type\":\"unfollow\",\"gen\":\"" GEN1 "\"}");
    history_hold(false);
    world_pass(0);
    assert_string_equal(str(client_expect(c, "accepted"), "gen"), GEN1);
    client_silent(c);
}

static void a_send_is_answered_though_a_resume_took_its_place(void **state)
{
    (void)state;
    struct client *c = client_hello(NULL);
    history_hold(true);
    client_send(c, GEN1);
    client_say(c, RESUME("0", "00000000"));
    client_expect(c, "live");
    history_hold(false);
    world_pass(0);
    client_expect(c, "accepted");
    upstream_starts(0, START_FRESH);
    upstream_says(0, "once");
    client_expect(c, "start");
    client_expect(c, "delta");
    client_silent(c);
}

static void a_client_gone_before_the_answer_to_what_it_dropped(void **state)
{
    (void)state;
    struct client *c = client_hello(NULL);
    history_hold(true);
    client_send(c, GEN1);
    client_say(c, "{\"type\":\"unfollow\",\"gen\":\"" GEN1 "\"}");
    client_gone(c);
    history_hold(false);
    world_pass(0);
    assert_int_equal(upstream_count(), 1);
}

static void those_that_only_wait_for_their_answer_take_no_room(void **state)
{
    (void)state;
    world_config()->limits_follows = 1;
    struct client *c = client_hello(NULL);
    history_hold(true);
    client_send(c, GEN1);
    client_say(c, "{\"type\":\"unfollow\",\"gen\":\"" GEN1 "\"}");
    client_say(c, "{\"type\":\"send\",\"gen\":\"" GEN2 "\",\"chat\":\"" CHAT2 "\",\"input\":\"x\"}");
    client_silent(c);
    client_say(c, "{\"type\":\"send\",\"gen\":\"" GEN3 "\",\"chat\":\"" CHAT2 "\",\"input\":\"x\"}");
    assert_string_equal(str(client_expect(c, "error"), "code"), "RATE_LIMITED");
    history_hold(false);
    world_pass(0);
    client_expect(c, "accepted");
}

/* ------------------------------------------------------------------ what is told all the same */

static void who_cancels_is_answered_though_nobody_is_told(void **state)
{
    (void)state;
    world_config()->limits_active_fanout = 0;
    struct client *c = with_hel(), *d = client_hello(NULL), *e = client_hello(NULL);
    client_say(d, "{\"type\":\"cancel\",\"gen\":\"" GEN1 "\"}");
    assert_string_equal(str(client_expect(d, "active"), "state"), "cancelled");
    world_pass(0);
    client_say(d, "{\"type\":\"cancel\",\"gen\":\"" GEN1 "\"}");
    client_silent(d);
    client_silent(e);
    client_expect(c, "done");
}

static void an_answer_stops_at_its_limit_also_when_that_is_lowered(void **state)
{
    (void)state;
    struct client *c = with_hel();
    world_config()->limits_text_bytes = 2;
    upstream_says(0, "lo");
    world_pass(0);
    json_t *m = client_expect(c, "done");
    assert_string_equal(str(m, "state"), "length");
    assert_int_equal(num(m, "off"), 3);
    assert_int_equal(upstream_count(), 0);
}

#define T(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(a_refused_send_leaves_the_following_alone),
        T(a_repeated_send_begins_again_from_nothing),
        T(of_two_resumes_only_the_second_is_heard),
        T(a_send_is_answered_though_it_is_followed_no_more),
        T(a_send_that_must_be_looked_up_is_answered_too),
        T(a_known_send_that_is_looked_up_is_accepted_and_no_more),
        T(a_send_is_answered_though_a_resume_took_its_place),
        T(a_client_gone_before_the_answer_to_what_it_dropped),
        T(those_that_only_wait_for_their_answer_take_no_room),
        T(who_cancels_is_answered_though_nobody_is_told),
        T(an_answer_stops_at_its_limit_also_when_that_is_lowered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
