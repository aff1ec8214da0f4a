/* What a refusal must leave as it was, and what it must say. No sockets, no sleep. */
#include "fixture.h"

#define SEND(gen, more)                                                                                      \
    "{\"type\":\"send\",\"gen\":\"" gen "\",\"chat\":\"" CHAT1 "\",\"input\":\"hi\"" more "}"

/* ------------------------------------------------------------------ what jansson would not read */

static void an_object_that_cannot_be_held_is_refused_with_its_gen(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "{\"type\":\"send\",\"gen\":\"" GEN1 "\",\"chat\":\"" CHAT1 "\",\"input\":\"\\ud83d\"}",
        SEND(GEN1, ",\"params\":{\"seed\":99999999999999999999}"),
        SEND(GEN1, ",\"params\":{\"temperature\":1e999}"),
        SEND(GEN1, ",\"a\\u0000b\":1"),
        SEND(GEN1, ",\"params\":7"),
    };
    struct client *c = client_hello(NULL);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        client_say(c, "%s", bad[i]);
        json_t *m = client_expect(c, "error");
        assert_string_equal(str(m, "code"), "BAD_REQUEST");
        assert_string_equal(str(m, "gen"), GEN1);
    }
    client_say(c, "{\"type\":\"pong\",\"a\":1e999,}");
    assert_int_equal(client_closed(c), 4500);
}

static void a_hello_that_cannot_be_held_is_a_bad_hello(void **state)
{
    (void)state;
    struct client *c = client_new();
    client_say(c, "{\"type\":\"hello\",\"client\":\"\\ud83d\"}");
    assert_string_equal(str(client_expect(c, "error"), "code"), "BAD_REQUEST");
    assert_int_equal(client_closed(c), 0);
    client_say(c, "{\"type\":\"hello\"}");
    client_expect(c, "welcome");
}

static void words_with_a_nul_are_other_words(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "{\"type\":\"pong\\u0000\"}",
        "{\"type\":\"send\\u0000x\",\"gen\":\"" GEN1 "\",\"chat\":\"" CHAT1 "\",\"input\":\"hi\"}",
        SEND(GEN1, ",\"if_busy\":\"queue\\u0000\""),
        SEND(GEN1, ",\"on_disconnect\":\"cancel\\u0000\""),
    };
    struct client *c = client_hello(NULL);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        client_say(c, "%s", bad[i]);
        assert_string_equal(str(client_expect(c, "error"), "code"), "BAD_REQUEST");
    }
    c = client_new();
    client_say(c, "{\"type\":\"hello\\u0000\"}");
    assert_int_equal(client_closed(c), 4506);
}

/* ------------------------------------------------------------------ more than one connection can follow */

static void a_hello_with_too_many_resumes_is_still_a_hello(void **state)
{
    (void)state;
    world_config()->limits_follows = 1;
    struct client *c = client_new();
    client_say(c, "{\"type\":\"hello\",\"resume\":["
                  "{\"gen\":\"" GEN1 "\",\"epoch\":1,\"off\":0,\"crc\":\"00000000\"},"
                  "{\"gen\":\"" GEN2 "\",\"epoch\":1,\"off\":0,\"crc\":\"00000000\"}]}");
    client_expect(c, "welcome");
    json_t *m = client_expect(c, "error"); /* the first is still being looked up */
    assert_string_equal(str(m, "code"), "RATE_LIMITED");
    assert_string_equal(str(m, "gen"), GEN2);
    m = client_expect(c, "error");
    assert_string_equal(str(m, "code"), "NOT_FOUND");
    assert_string_equal(str(m, "gen"), GEN1);
}

/* ------------------------------------------------------------------ who interrupts */

static void only_an_accepted_send_interrupts(void **state)
{
    (void)state;
    struct client *c = client_hello(NULL);
    client_send(c, GEN1);
    client_expect(c, "accepted");
    history_fail(STORE_NO_PARENT, STORE_OK);
    client_say(c, SEND(GEN2, ",\"if_busy\":\"interrupt\""));
    assert_string_equal(str(client_expect(c, "error"), "code"), "NOT_FOUND");
    assert_int_equal(upstream_cancels(), 0);
    history_fail(STORE_OK, STORE_OK);
    client_say(c, SEND(GEN2, ",\"if_busy\":\"interrupt\""));
    client_expect(c, "accepted");
    assert_int_equal(upstream_cancels(), 1);
    json_t *m = client_expect(c, "done");
    assert_string_equal(str(m, "gen"), GEN1);
    assert_string_equal(str(m, "state"), "cancelled");
    assert_int_equal(upstream_count(), 1);
}

static void a_send_that_history_knows_interrupts_nobody(void **state)
{
    (void)state;
    struct client *c = client_hello(NULL);
    client_say(c, SEND(GEN1, ",\"if_busy\":\"interrupt\""));
    client_expect(c, "accepted");
    upstream_starts(0, START_FRESH);
    upstream_ends(0, CALL_COMPLETE);
    world_pass(0);
    world_pass((uint64_t)world_config()->log_store_keep_s * 1000 + 1000);
    client_gone(c);
    c = client_hello(NULL);
    client_send(c, GEN2);
    client_expect(c, "accepted");
    client_say(c, SEND(GEN1, ",\"if_busy\":\"interrupt\""));
    assert_string_equal(str(client_expect(c, "accepted"), "gen"), GEN1);
    assert_int_equal(upstream_cancels(), 0);
}

static void an_interrupt_reaches_those_that_are_still_being_recorded(void **state)
{
    (void)state;
    struct client *c = client_hello(NULL);
    history_hold(true);
    client_send(c, GEN1);
    client_say(c, SEND(GEN2, ",\"if_busy\":\"queue\""));
    client_say(c, SEND(GEN3, ",\"if_busy\":\"interrupt\""));
    history_hold(false);
    world_pass(0);
    assert_string_equal(history_state(GEN1), "cancelled");
    assert_string_equal(history_state(GEN2), "cancelled");
    assert_string_equal(history_state(GEN3), "running");
    assert_int_equal(upstream_count(), 1);
}

#define T(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(an_object_that_cannot_be_held_is_refused_with_its_gen),
        T(a_hello_that_cannot_be_held_is_a_bad_hello),
        T(words_with_a_nul_are_other_words),
        T(a_hello_with_too_many_resumes_is_still_a_hello),
        T(only_an_accepted_send_interrupts),
        T(a_send_that_history_knows_interrupts_nobody),
        T(an_interrupt_reaches_those_that_are_still_being_recorded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
