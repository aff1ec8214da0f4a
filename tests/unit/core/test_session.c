/* The protocol as a client meets it: opening, asking, following, resuming, cancelling, leaving. No sockets,
 * no sleep. */
#include "fixture.h"

/* Reads through live, start and delta until the message of that type; the text of the deltas goes to `text`.
 */
static json_t *read_until(struct client *c, const char *type, struct buf *text)
{
    json_t *m;
    while ((m = client_hear(c))) {
        if (strcmp(str(m, "type"), "delta") == 0) {
            assert_int_equal(num(m, "off"), text->len);
            buf_add_str(text, str(m, "text"));
            assert_string_equal(str(m, "crc"), crc_of(buf_cstr(text)));
        }
        if (strcmp(str(m, "type"), "rewind") == 0)
            text->len = (size_t)num(m, "off");
        if (strcmp(str(m, "type"), type) == 0)
            return m;
    }
    fail_msg("no %s came", type);
    return NULL;
}

static void run_to_done(struct client *c, const char *gen, const char *text)
{
    client_send(c, gen);
    upstream_starts(0, START_FRESH);
    upstream_says(0, text);
    upstream_ends(0, CALL_COMPLETE);
    world_pass(0);
    struct buf have = {0};
    json_t *done = read_until(c, "done", &have);
    assert_string_equal(str(done, "state"), "complete");
    assert_string_equal(buf_cstr(&have), text);
    buf_free(&have);
}

/* ------------------------------------------------------------------ opening */

static void hello_comes_first(void **state)
{
    (void)state;
    struct client *c = client_new();
    client_say(c, "{\"type\":\"ack\",\"gen\":\"" GEN1 "\",\"off\":1}");
    assert_int_equal(client_closed(c), 4506);
    c = client_new();
    client_say(c, "[1]");
    assert_int_equal(client_closed(c), 4500);
    c = client_new();
    client_say(c, "not json");
    assert_int_equal(client_closed(c), 4500);
    c = client_new();
    world_pass((uint64_t)world_config()->limits_hello_ms - 100);
    assert_int_equal(client_closed(c), 0);
    world_pass(200);
    assert_int_equal(client_closed(c), 4506);
}

static void hello_twice_is_refused_and_the_connection_lives(void **state)
{
    (void)state;
    struct client *c = client_hello(NULL);
    client_say(c, "{\"type\":\"hello\"}");
    assert_string_equal(str(client_expect(c, "error"), "code"), "BAD_REQUEST");
    client_send(c, GEN1);
    client_expect(c, "accepted");
}

static void credentials(void **state)
{
    (void)state;
    struct client *c = client_new();
    client_say(c, "{\"type\":\"hello\",\"token\":\"bad\"}");
    assert_string_equal(str(client_expect(c, "error"), "code"), "UNAUTHORIZED");
    assert_int_equal(client_closed(c), 4501);
    c = client_hello(NULL);
    client_say(c, "{\"type\":\"auth\",\"token\":\"bad2\"}");
    assert_string_equal(str(client_expect(c, "error"), "code"), "UNAUTHORIZED");
    client_say(c, "{\"type\":\"auth\",\"token\":\"fresh\"}");
    client_silent(c);
    assert_int_equal(client_closed(c), 0);
    client_say(c, "{\"type\":\"auth\",\"token\":\"other\"}");
    assert_int_equal(client_closed(c), 4503);
}

static void an_expired_credential_is_closed_with_4005(void **state)
{
    (void)state;
    struct client *c = client_new(), *d = client_new(), *e = client_new();
    client_say(c, "{\"type\":\"hello\",\"token\":\"for 5000\"}");
    client_say(d, "{\"type\":\"hello\",\"token\":\"for 5000\"}");
    client_say(e, "{\"type\":\"hello\",\"token\":\"bad since long\"}");
    assert_int_equal(client_closed(e), 4005);
    client_expect(c, "welcome"), client_expect(d, "welcome");
    world_pass(3000);
    client_say(d, "{\"type\":\"auth\",\"token\":\"for 10000\"}"); /* renewed in place, and silently */
    client_silent(d);
    world_pass(1900);
    assert_int_equal(client_closed(c), 0);
    world_pass(1200);
    assert_int_equal(client_closed(c), 4005);
    assert_int_equal(client_closed(d), 0);
    client_say(d, "{\"type\":\"auth\",\"token\":\"bad\"}"); /* the old one stands, and still ends */
    assert_string_equal(str(client_expect(d, "error"), "code"), "UNAUTHORIZED");
    world_pass(6000);
    assert_int_equal(client_closed(d), 0);
    world_pass(2000);
    assert_int_equal(client_closed(d), 4005);
}

static void a_revoked_key_ends_its_sessions(void **state)
{
    (void)state;
    struct client *c = client_new(), *d = client_new();
    client_say(c, "{\"type\":\"hello\",\"token\":\"key 7\"}");
    client_say(d, "{\"type\":\"hello\",\"token\":\"key 8\"}");
    client_expect(c, "welcome"), client_expect(d, "welcome");
    world_revoke(7);
    assert_int_equal(client_closed(c), 4501);
    assert_int_equal(client_closed(d), 0);
    world_revoke(0);
    assert_int_equal(client_closed(d), 0);
}

static void a_ticket_is_good_once(void **state)
{
    (void)state;
    struct client *c = client_new(), *d = client_new();
    client_say(c, "{\"type\":\"hello\",\"token\":\"ticket a\"}");
    client_expect(c, "welcome");
    client_say(d, "{\"type\":\"hello\",\"token\":\"ticket a\"}");
    assert_string_equal(str(client_expect(d, "error"), "code"), "UNAUTHORIZED");
    assert_int_equal(client_closed(d), 4501);
    client_say(c, "{\"type\":\"auth\",\"token\":\"ticket a\"}");
    assert_string_equal(str(client_expect(c, "error"), "code"), "UNAUTHORIZED");
    client_say(c, "{\"type\":\"auth\",\"token\":\"ticket b\"}");
    client_silent(c);
    assert_int_equal(client_closed(c), 0);
    d = client_new();
    client_say(d, "{\"type\":\"hello\",\"token\":\"ticket b\"}");
    assert_int_equal(client_closed(d), 4501);
    d = client_new();
    client_says_at_once(d, "{\"type\":\"hello\",\"token\":\"ticket c\"}");
    client_gone(d); /* before the store has answered */
    world_pass(100);
}

static void only_the_models_of_the_credential(void **state)
{
    (void)state;
    struct client *c = client_new();
    client_say(c, "{\"type\":\"hello\",\"token\":\"ask some,other\"}");
    client_expect(c, "welcome");
    client_send(c, GEN1); /* the default model, which is neither */
    json_t *e = client_expect(c, "error");
    assert_string_equal(str(e, "code"), "FORBIDDEN");
    assert_string_equal(str(e, "gen"), GEN1);
    client_say(c, "{\"type\":\"auth\",\"token\":\"fresh\"}");
    client_send(c, GEN1);
    client_expect(c, "accepted");
}

static void bad_messages_are_told_and_survived(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "{}",
        "{\"type\":7}",
        "{\"type\":\"nonsense\"}",
        "{\"type\":\"send\"}",
        "{\"type\":\"send\",\"gen\":\"" GEN1 "\",\"chat\":\"" CHAT1 "\"}",
        "{\"type\":\"send\",\"gen\":\"" GEN1 "\",\"chat\":\"" CHAT1 "\",\"input\":5}",
        "{\"type\":\"send\",\"gen\":\"ABC\",\"chat\":\"" CHAT1 "\",\"input\":\"x\"}",
        "{\"type\":\"send\",\"gen\":\"" GEN1 "\",\"chat\":\"" CHAT1 "\",\"input\":\"\\ud800\"}",
        "{\"type\":\"send\",\"gen\":\"" GEN1 "\",\"chat\":\"" CHAT1
        "\",\"input\":\"x\",\"if_busy\":\"never\"}",
        "{\"type\":\"send\",\"gen\":\"" GEN1 "\",\"chat\":\"" CHAT1
        "\",\"input\":\"x\",\"params\":{\"temperature\":\"hot\"}}",
        "{\"type\":\"resume\",\"gen\":\"" GEN1 "\",\"epoch\":1,\"off\":-1,\"crc\":\"00000000\"}",
        "{\"type\":\"resume\",\"gen\":\"" GEN1 "\",\"epoch\":1,\"off\":0,\"crc\":\"0000000G\"}",
        "{\"type\":\"resume\",\"gen\":\"" GEN1
        "\",\"epoch\":1,\"off\":9007199254740992,\"crc\":\"00000000\"}",
        "{\"type\":\"resume\",\"gen\":\"" GEN1
        "\",\"epoch\":1,\"off\":99999999999999999999,\"crc\":\"00000000\"}",
        "{\"type\":\"ack\",\"gen\":\"" GEN1 "\",\"off\":\"1\"}",
        "{\"type\":\"auth\"}",
    };
    struct client *c = client_hello(NULL);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        client_say(c, "%s", bad[i]);
        json_t *e = client_expect(c, "error");
        assert_string_equal(str(e, "code"), "BAD_REQUEST");
        assert_string_equal(str(e, "retry"), "never");
        assert_int_equal(client_closed(c), 0);
    }
    assert_int_equal(upstream_count(), 0);
    client_say(c, "{\"type\":\"pong\",\"extra\":[1,2,{}]}");
    client_silent(c);
}

/* ------------------------------------------------------------------ asking */

static void an_answer_from_send_to_done(void **state)
{
    (void)state;
    struct client *c = client_hello(NULL);
    client_send(c, GEN1);
    json_t *m = client_expect(c, "accepted");
    assert_string_equal(str(m, "gen"), GEN1);
    assert_string_equal(str(m, "chat"), CHAT1);
    assert_string_equal(upstream_prompt(0), "user:hi");
    client_silent(c);
    upstream_starts(0, START_FRESH);
    upstream_says(0, "Hel");
    m = client_expect(c, "start");
    assert_string_equal(str(m, "mode"), "fresh");
    assert_string_equal(str(m, "model"), "m-served");
    assert_string_equal(str(m, "crc"), "00000000");
    m = client_expect(c, "delta");
    assert_string_equal(str(m, "text"), "Hel");
    assert_string_equal(str(m, "crc"), "6e619d79");
    assert_int_equal(num(m, "seq"), 1);
    assert_int_equal(num(m, "epoch"), 1);
    upstream_says(0, "l");
    upstream_says(0, "o");
    m = client_expect(c, "delta"); /* two that waited are one frame */
    assert_string_equal(str(m, "text"), "lo");
    assert_int_equal(num(m, "seq"), 3);
    upstream_ends(0, CALL_COMPLETE);
    world_pass(0);
    m = client_expect(c, "done");
    assert_string_equal(str(m, "state"), "complete");
    assert_int_equal(num(m, "off"), 5);
    assert_int_equal(num(m, "seq"), 4);
    assert_true(json_is_true(json_object_get(m, "persisted")));
    assert_int_equal(num(json_object_get(m, "usage"), "prompt_tokens"), 3);
    assert_int_equal(num(json_object_get(m, "usage"), "completion_tokens"), 3);
    client_silent(c);
    assert_string_equal(history_text(GEN1), "Hello");
    assert_string_equal(history_state(GEN1), "complete");
}

static void the_next_prompt_brings_the_conversation(void **state)
{
    (void)state;
    struct client *c = client_hello(NULL);
    run_to_done(c, GEN1, "Hello");
    client_say(c, "{\"type\":\"send\",\"gen\":\"" GEN2 "\",\"chat\":\"" CHAT1
                  "\",\"input\":\"more\",\"params\":{\"system\":\"be kind\"}}");
    assert_string_equal(upstream_prompt(0), "system:be kind|user:hi|assistant:Hello|user:more");
}

static void a_repeated_send_runs_once(void **state)
{
    (void)state;
    struct client *c = client_hello(NULL), *d = client_hello(NULL);
    client_send(c, GEN1);
    char message[40];
    strcpy(message, str(client_expect(c, "accepted"), "message"));
    upstream_starts(0, START_FRESH);
    upstream_says(0, "Hel");
    assert_string_equal(str(client_expect(d, "active"), "state"), "running");
    client_send(d, GEN1);
    json_t *m = client_expect(d, "accepted");
    assert_string_equal(str(m, "message"), message);
    client_expect(d, "start");
    assert_string_equal(str(client_expect(d, "delta"), "text"), "Hel");
    client_expect(d, "live");
    assert_int_equal(upstream_count(), 1);
    client_say(d, "{\"type\":\"send\",\"gen\":\"" GEN1 "\",\"chat\":\"" CHAT1 "\",\"input\":\"other\"}");
    m = client_expect(d, "error");
    assert_string_equal(str(m, "code"), "CONFLICT");
    assert_string_equal(str(m, "gen"), GEN1);
}

static void refusals_leave_the_gen_unused(void **state)
{
    (void)state;
    struct client *c = client_hello(NULL);
    client_say(c, "{\"type\":\"send\",\"gen\":\"" GEN1 "\",\"chat\":\"" CHAT1
                  "\",\"input\":\"x\",\"model\":\"nope\"}");
    json_t *m = client_expect(c, "error");
    assert_string_equal(str(m, "code"), "NOT_FOUND");
    history_fail(STORE_FULL, STORE_OK);
    client_send(c, GEN1);
    m = client_expect(c, "error");
    assert_string_equal(str(m, "code"), "STORE_DEGRADED");
    assert_string_equal(str(m, "gen"), GEN1);
    history_fail(STORE_NO_PARENT, STORE_OK);
    client_send(c, GEN1);
    assert_string_equal(str(client_expect(c, "error"), "code"), "NOT_FOUND");
    history_fail(STORE_OK, STORE_OK);
    world_config()->limits_prompt_bytes = 1;
    client_send(c, GEN1);
    assert_string_equal(str(client_expect(c, "error"), "code"), "TOO_LARGE");
    world_config()->limits_prompt_bytes = 1000;
    client_send(c, GEN1);
    client_expect(c, "accepted");
}

/* ------------------------------------------------------------------ busy */

static void busy_is_rejected_queued_or_interrupted(void **state)
{
    (void)state;
    struct client *c = client_hello(NULL);
    client_send(c, GEN1);
    client_expect(c, "accepted");
    client_send(c, GEN2);
    assert_string_equal(str(client_expect(c, "error"), "code"), "BUSY");
    client_say(c, "{\"type\":\"send\",\"gen\":\"" GEN2 "\",\"chat\":\"" CHAT1
                  "\",\"input\":\"two\",\"if_busy\":\"queue\"}");
    client_expect(c, "accepted");
    assert_string_equal(str(client_expect(c, "status"), "state"), "queued");
    assert_int_equal(upstream_count(), 1);
    upstream_starts(0, START_FRESH);
    upstream_says(0, "one");
    upstream_ends(0, CALL_COMPLETE);
    world_pass(0);
    assert_int_equal(upstream_count(), 1);
    assert_string_equal(upstream_prompt(0), "user:hi|assistant:one|user:two");
    client_say(c, "{\"type\":\"send\",\"gen\":\"" GEN3 "\",\"chat\":\"" CHAT1
                  "\",\"input\":\"three\",\"if_busy\":\"interrupt\"}");
    assert_int_equal(upstream_cancels(), 1);
    assert_int_equal(upstream_count(), 1);
    assert_string_equal(history_state(GEN2), "cancelled");
}

static void a_queued_one_cancelled_never_starts(void **state)
{
    (void)state;
    struct client *c = client_hello(NULL);
    client_send(c, GEN1);
    client_expect(c, "accepted");
    client_say(c, "{\"type\":\"send\",\"gen\":\"" GEN2 "\",\"chat\":\"" CHAT1
                  "\",\"input\":\"two\",\"if_busy\":\"queue\"}");
    client_expect(c, "accepted");
    client_expect(c, "status");
    client_say(c, "{\"type\":\"cancel\",\"gen\":\"" GEN2 "\"}");
    json_t *m = client_expect(c, "done");
    assert_string_equal(str(m, "state"), "cancelled");
    assert_int_equal(num(m, "off"), 0);
    assert_int_equal(upstream_count(), 1);
}

/* ------------------------------------------------------------------ resume */

static void resume_at_every_position(void **state)
{
    (void)state;
    static const char text[] = "Grüße, 世界 🙂!";
    struct client *c = client_hello(NULL);
    run_to_done(c, GEN1, text);
    for (size_t off = 0; off <= strlen(text); off++) {
        char have[64] = {0};
        memcpy(have, text, off);
        client_resume(c, GEN1, have);
        bool boundary = utf8_valid(have, off);
        struct buf got = {0};
        buf_add(&got, have, off);
        if (!boundary)
            assert_string_equal(str(client_expect(c, "rewind"), "reason"), "diverged"), got.len = 0;
        read_until(c, "live", &got);
        json_t *done = client_expect(c, "done");
        assert_int_equal(num(done, "off"), strlen(text));
        assert_string_equal(buf_cstr(&got), text);
        client_silent(c);
        buf_free(&got);
    }
}

static void a_wrong_position_falls_back_to_the_best_mark(void **state)
{
    (void)state;
    struct client *c = client_hello(NULL);
    run_to_done(c, GEN1, "abcdefghij");
    client_say(c,
               "{\"type\":\"resume\",\"gen\":\"" GEN1 "\",\"epoch\":1,\"off\":8,\"crc\":\"deadbeef\","
               "\"marks\":[[2,\"%s\"],[5,\"%s\"],[7,\"00000000\"],[99,\"%s\"]]}",
               crc_of("ab"), crc_of("abcde"), crc_of("x"));
    json_t *m = client_expect(c, "rewind");
    assert_string_equal(str(m, "reason"), "diverged");
    assert_int_equal(num(m, "off"), 5);
    assert_string_equal(str(m, "crc"), crc_of("abcde"));
    assert_string_equal(str(client_expect(c, "delta"), "text"), "fghij");
    client_expect(c, "live");
    client_expect(c, "done");
    client_say(c, "{\"type\":\"resume\",\"gen\":\"" GEN1 "\",\"epoch\":1,\"off\":11,\"crc\":\"00000000\"}");
    assert_int_equal(num(client_expect(c, "rewind"), "off"), 0);
    client_say(c,
               "{\"type\":\"resume\",\"gen\":\"" GEN1 "\",\"epoch\":1,\"off\":4,\"crc\":\"deadbeef\","
               "\"marks\":[[2,\"%s\"],[5,\"%s\"]]}",
               crc_of("ab"), crc_of("abcde")); /* it cannot go back to where it has not been */
    m = client_hear(c);
    while (strcmp(str(m, "type"), "rewind") != 0)
        m = client_hear(c);
    assert_int_equal(num(m, "off"), 2);
}

static void hello_resumes_what_a_lost_socket_followed(void **state)
{
    (void)state;
    struct client *c = client_hello(NULL);
    client_send(c, GEN1);
    client_expect(c, "accepted");
    upstream_starts(0, START_FRESH);
    upstream_says(0, "Hel");
    client_gone(c);
    upstream_says(0, "lo");
    c = client_new();
    client_say(c, "{\"type\":\"hello\",\"resume\":[{\"gen\":\"" GEN1
                  "\",\"epoch\":1,\"off\":3,\"crc\":\"6e619d79\"}]}");
    json_t *m = client_expect(c, "welcome");
    assert_int_equal(json_array_size(json_object_get(m, "active")), 1);
    assert_string_equal(str(json_array_get(json_object_get(m, "active"), 0), "gen"), GEN1);
    m = client_expect(c, "delta");
    assert_string_equal(str(m, "text"), "lo");
    assert_string_equal(str(m, "crc"), "81d90e1b");
    client_expect(c, "live");
    upstream_ends(0, CALL_COMPLETE);
    world_pass(0);
    client_expect(c, "done");
}

static void unknown_and_anothers_look_alike(void **state)
{
    (void)state;
    struct client *c = client_hello(NULL);
    run_to_done(c, GEN1, "secret");
    struct client *d = client_new();
    client_say(d, "{\"type\":\"hello\",\"token\":\"other\"}");
    client_expect(d, "welcome");
    client_resume(d, GEN1, "");
    char first[512];
    json_t *m = client_expect(d, "error");
    assert_string_equal(str(m, "code"), "NOT_FOUND");
    json_object_del(m, "gen");
    strcpy(first, str(m, "message"));
    client_resume(d, GEN2, "");
    assert_string_equal(str(client_expect(d, "error"), "message"), first);
    client_say(d, "{\"type\":\"cancel\",\"gen\":\"" GEN1 "\"}");
    assert_string_equal(str(client_expect(d, "error"), "code"), "NOT_FOUND");
}

static void an_old_answer_comes_back_from_history(void **state)
{
    (void)state;
    struct client *c = client_hello(NULL);
    run_to_done(c, GEN1, "Hello");
    world_pass((uint64_t)world_config()->log_store_keep_s * 1000 + 1000);
    struct client *d = client_hello(NULL);
    client_resume(d, GEN1, "Hel");
    json_t *m = client_expect(d, "rewind");
    assert_int_equal(num(m, "off"), 0);
    client_expect(d, "start");
    assert_string_equal(str(client_expect(d, "delta"), "text"), "Hello");
    client_expect(d, "live");
    m = client_expect(d, "done");
    assert_int_equal(num(m, "off"), 5);
    assert_int_equal(num(m, "seq"), 2);
    assert_string_equal(str(m, "state"), "complete");
    assert_int_equal(num(json_object_get(m, "usage"), "prompt_tokens"), 3);
}

/* ------------------------------------------------------------------ ladder, as followers see it */

static void a_restart_rewinds_and_a_late_reader_sees_only_what_stands(void **state)
{
    (void)state;
    struct client *c = client_hello(NULL);
    client_send(c, GEN1);
    client_expect(c, "accepted");
    upstream_starts(0, START_FRESH);
    upstream_says(0, "wrong");
    client_expect(c, "start");
    client_expect(c, "delta");
    upstream_status(0, CALL_RETRYING, 0);
    upstream_starts(0, START_RESTART);
    upstream_says(0, "right");
    assert_string_equal(str(client_expect(c, "status"), "state"), "retrying");
    json_t *m = client_expect(c, "rewind");
    assert_string_equal(str(m, "reason"), "restarted");
    assert_int_equal(num(m, "off"), 0);
    assert_int_equal(num(m, "seq"), 2);
    assert_string_equal(str(client_expect(c, "start"), "mode"), "restart");
    assert_string_equal(str(client_expect(c, "delta"), "text"), "right");
    struct client *d = client_hello(NULL);
    client_resume(d, GEN1, "");
    client_expect(d, "start");
    client_expect(d, "start");
    assert_string_equal(str(client_expect(d, "delta"), "text"), "right");
    client_expect(d, "live");
    client_resume(d, GEN1, "wrong");
    assert_string_equal(str(client_expect(d, "rewind"), "reason"), "diverged");
}

static void a_gateway_started_again_takes_up_what_ran(void **state)
{
    (void)state;
    struct client *c = client_hello(NULL);
    client_send(c, GEN1);
    upstream_starts(0, START_FRESH);
    upstream_says(0, "Hello, ");
    world_pass((uint64_t)world_config()->history_checkpoint_ms + 100);
    upstream_says(0, "wor");
    world_restart();
    assert_int_equal(upstream_count(), 1);
    assert_true(upstream_resumes(0));
    assert_string_equal(upstream_prompt(0), "user:hi");
    c = client_hello("[{\"gen\":\"" GEN1 "\",\"epoch\":1,\"off\":7,\"crc\":\"58e3f2a6\"}]");
    json_t *m = client_hear(c); /* the crc above is wrong on purpose: it begins again from 0 */
    assert_string_equal(str(m, "type"), "rewind");
    client_resume(c, GEN1, "Hello, ");
    upstream_starts(0, START_PREFIX);
    upstream_says(0, "world");
    upstream_ends(0, CALL_COMPLETE);
    world_pass(0);
    struct buf have = {0};
    buf_add_str(&have, "Hello, ");
    while (strcmp(str(m = client_hear(c), "type"), "start") != 0)
        assert_true(strcmp(str(m, "type"), "status") == 0 || strcmp(str(m, "type"), "delta") == 0 ||
                    strcmp(str(m, "type"), "live") == 0);
    assert_string_equal(str(m, "mode"), "prefix");
    assert_int_equal(num(m, "epoch"), 2);
    assert_int_equal(num(m, "off") > 0, 1);
    m = client_expect(c, "delta");
    assert_string_equal(str(m, "text"), "world");
    client_expect(c, "live");
    m = client_expect(c, "done");
    assert_int_equal(num(m, "epoch"), 2);
    buf_free(&have);
}

/* ------------------------------------------------------------------ following */

static void several_connections_follow_and_others_are_told(void **state)
{
    (void)state;
    struct client *a = client_hello(NULL), *b = client_hello(NULL);
    client_send(a, GEN1);
    client_expect(a, "accepted");
    assert_string_equal(str(client_expect(b, "active"), "state"), "running");
    client_say(b, "{\"type\":\"cancel\",\"gen\":\"" GEN1 "\"}");
    assert_string_equal(str(client_expect(b, "active"), "state"), "cancelled");
    assert_string_equal(str(client_expect(a, "done"), "state"), "cancelled");
    assert_int_equal(upstream_count(), 0);
    client_say(b, "{\"type\":\"cancel\",\"gen\":\"" GEN1 "\"}");
    client_silent(b);
}

static void unfollow_stops_the_reading_not_the_answer(void **state)
{
    (void)state;
    struct client *c = client_hello(NULL);
    client_send(c, GEN1);
    client_expect(c, "accepted");
    client_say(c, "{\"type\":\"unfollow\",\"gen\":\"" GEN1 "\"}");
    upstream_starts(0, START_FRESH);
    upstream_says(0, "unheard");
    client_silent(c);
    upstream_ends(0, CALL_COMPLETE);
    world_pass(0);
    assert_string_equal(str(client_expect(c, "active"), "state"), "complete");
}

static void on_disconnect_cancel_waits_its_time(void **state)
{
    (void)state;
    struct client *c = client_hello(NULL);
    client_say(c, "{\"type\":\"send\",\"gen\":\"" GEN1 "\",\"chat\":\"" CHAT1
                  "\",\"input\":\"hi\",\"on_disconnect\":\"cancel\"}");
    client_gone(c);
    world_pass((uint64_t)world_config()->limits_disconnect_ms - 200);
    assert_int_equal(upstream_count(), 1);
    c = client_hello(NULL);
    client_resume(c, GEN1, "");
    world_pass((uint64_t)world_config()->limits_disconnect_ms * 2);
    assert_int_equal(upstream_count(), 1);
    client_gone(c);
    world_pass((uint64_t)world_config()->limits_disconnect_ms + 200);
    assert_int_equal(upstream_count(), 0);
    assert_string_equal(history_state(GEN1), "cancelled");
}

static void unacknowledged_text_is_bounded(void **state)
{
    (void)state;
    static char block[50001];
    memset(block, 'x', sizeof block - 1);
    struct client *c = client_hello(NULL);
    client_send(c, GEN1);
    client_expect(c, "accepted");
    upstream_starts(0, START_FRESH);
    for (int i = 0; i < 10; i++)
        upstream_says(0, block);
    client_expect(c, "start");
    size_t got = 0;
    json_t *m;
    while ((m = client_hear(c))) {
        assert_string_equal(str(m, "type"), "delta");
        assert_true(json_string_length(json_object_get(m, "text")) <= 65536);
        got += json_string_length(json_object_get(m, "text"));
    }
    assert_int_equal(got, world_config()->limits_unacked_bytes);
    client_say(c, "{\"type\":\"ack\",\"gen\":\"" GEN1 "\",\"off\":%zu}", got + 1); /* odd: ignored */
    client_silent(c);
    client_say(c, "{\"type\":\"ack\",\"gen\":\"" GEN1 "\",\"off\":%zu}", got);
    while ((m = client_hear(c)))
        got += json_string_length(json_object_get(m, "text"));
    assert_int_equal(got, 500000);
}

static void a_reader_that_takes_nothing_is_closed(void **state)
{
    (void)state;
    struct client *c = client_hello(NULL);
    client_send(c, GEN1);
    client_stop_reading(c, true);
    world_pass((uint64_t)world_config()->limits_slow_ms - 200);
    assert_int_equal(client_closed(c), 0);
    world_pass(400);
    assert_int_equal(client_closed(c), 4003);
    assert_int_equal(upstream_count(), 1);
    upstream_ends(0, CALL_COMPLETE);
}

static void ping_and_silence(void **state)
{
    (void)state;
    struct client *c = client_hello(NULL);
    world_pass((uint64_t)world_config()->heartbeat_ping_ms + 100);
    client_expect(c, "ping");
    client_say(c, "{\"type\":\"pong\"}");
    world_pass((uint64_t)(world_config()->heartbeat_ping_ms + world_config()->heartbeat_grace_ms) - 200);
    assert_int_equal(client_closed(c), 0);
    world_pass(400);
    assert_int_equal(client_closed(c), 4004);
}

static void leaving_says_goaway_and_takes_nothing_new(void **state)
{
    (void)state;
    struct client *c = client_hello(NULL);
    node_drain(world_node());
    json_t *m = client_expect(c, "goaway");
    assert_int_equal(num(m, "spread_ms"), world_config()->drain_spread_ms);
    client_send(c, GEN1);
    assert_string_equal(str(client_expect(c, "error"), "code"), "UPSTREAM_UNAVAILABLE");
}

/* ------------------------------------------------------------------ history in trouble */

static void a_full_disk_at_the_end_loses_nothing(void **state)
{
    (void)state;
    struct client *c = client_hello(NULL);
    client_send(c, GEN1);
    client_expect(c, "accepted");
    history_fail(STORE_OK, STORE_FULL);
    upstream_starts(0, START_FRESH);
    upstream_says(0, "kept");
    upstream_ends(0, CALL_COMPLETE);
    world_pass(0);
    struct buf have = {0};
    json_t *m = read_until(c, "done", &have);
    assert_true(json_is_false(json_object_get(m, "persisted")));
    history_fail(STORE_OK, STORE_OK);
    world_pass(2500);
    assert_string_equal(history_text(GEN1), "kept");
    client_resume(c, GEN1, "kept");
    client_expect(c, "live");
    m = client_expect(c, "done");
    assert_true(json_is_true(json_object_get(m, "persisted")));
    buf_free(&have);
}

static void a_save_that_fails_is_made_up_for(void **state)
{
    (void)state;
    struct client *c = client_hello(NULL);
    client_send(c, GEN1);
    upstream_starts(0, START_FRESH);
    upstream_says(0, "one ");
    uint64_t interval = (uint64_t)world_config()->history_checkpoint_ms + 100;
    history_fail(STORE_OK, STORE_FULL);
    world_pass(interval);
    assert_string_equal(history_text(GEN1), "");
    history_fail(STORE_OK, STORE_OK);
    upstream_says(0, "two");
    world_pass(interval);
    assert_string_equal(history_text(GEN1), "one two");
}

static void done_does_not_wait_for_a_slow_history(void **state)
{
    (void)state;
    struct client *c = client_hello(NULL);
    client_send(c, GEN1);
    client_expect(c, "accepted");
    upstream_starts(0, START_FRESH);
    upstream_says(0, "x");
    history_hold(true);
    upstream_ends(0, CALL_COMPLETE);
    world_pass((uint64_t)world_config()->history_done_wait_ms + 100);
    struct buf have = {0};
    json_t *m = read_until(c, "done", &have);
    assert_true(json_is_false(json_object_get(m, "persisted")));
    buf_free(&have);
    history_hold(false);
}

static void a_client_gone_while_its_prompt_is_recorded(void **state)
{
    (void)state;
    struct client *c = client_hello(NULL);
    history_hold(true);
    client_send(c, GEN1);
    client_say(c, "{\"type\":\"cancel\",\"gen\":\"" GEN1 "\"}");
    client_say(c, "{\"type\":\"resume\",\"gen\":\"" GEN2 "\",\"epoch\":1,\"off\":0,\"crc\":\"00000000\"}");
    client_say(c, "{\"type\":\"cancel\",\"gen\":\"" GEN3 "\"}");
    client_gone(c);
    history_hold(false);
    world_pass(10);
    assert_int_equal(upstream_count(), 0);
    assert_string_equal(history_state(GEN1), "cancelled");
}

#define T(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(hello_comes_first),
        T(hello_twice_is_refused_and_the_connection_lives),
        T(credentials),
        T(an_expired_credential_is_closed_with_4005),
        T(a_revoked_key_ends_its_sessions),
        T(a_ticket_is_good_once),
        T(only_the_models_of_the_credential),
        T(bad_messages_are_told_and_survived),
        T(an_answer_from_send_to_done),
        T(the_next_prompt_brings_the_conversation),
        T(a_repeated_send_runs_once),
        T(refusals_leave_the_gen_unused),
        T(busy_is_rejected_queued_or_interrupted),
        T(a_queued_one_cancelled_never_starts),
        T(resume_at_every_position),
        T(a_wrong_position_falls_back_to_the_best_mark),
        T(hello_resumes_what_a_lost_socket_followed),
        T(unknown_and_anothers_look_alike),
        T(an_old_answer_comes_back_from_history),
        T(a_restart_rewinds_and_a_late_reader_sees_only_what_stands),
        T(a_gateway_started_again_takes_up_what_ran),
        T(several_connections_follow_and_others_are_told),
        T(unfollow_stops_the_reading_not_the_answer),
        T(on_disconnect_cancel_waits_its_time),
        T(unacknowledged_text_is_bounded),
        T(a_reader_that_takes_nothing_is_closed),
        T(ping_and_silence),
        T(leaving_says_goaway_and_takes_nothing_new),
        T(a_full_disk_at_the_end_loses_nothing),
        T(a_save_that_fails_is_made_up_for),
        T(done_does_not_wait_for_a_slow_history),
        T(a_client_gone_while_its_prompt_is_recorded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
