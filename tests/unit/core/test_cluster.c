/* Several nodes on one session store: whoever produces, everybody reads the same. */
#include "fixture.h"

#include "base/metrics.h"
#include "core/recall.h"

static struct client *asked_at(int node, const char *gen)
{
    struct client *c = client_hello_at(node);
    client_send(c, gen);
    client_expect(c, "accepted");
    return c;
}

/* Reads on until a message of that type; everything else is passed over. */
static json_t *until(struct client *c, const char *type)
{
    json_t *m;
    while ((m = client_hear(c)))
        if (strcmp(str(m, "type"), type) == 0)
            return m;
    fail_msg("no %s came", type);
    return NULL;
}

/* The text a client holds after all that waits for it was read; done is noted. */
struct heard {
    char text[4096];
    char state[16];
    int rewinds, errors, starts;
    long long epoch;
    bool persisted;
};

static void listen_to(struct client *c, struct heard *h)
{
    json_t *m;
    while ((m = client_hear(c))) {
        const char *type = str(m, "type");
        if (strcmp(type, "delta") == 0) {
            assert_int_equal(num(m, "off"), strlen(h->text));
            strcat(h->text, str(m, "text"));
            assert_string_equal(str(m, "crc"), crc_of(h->text));
            h->epoch = num(m, "epoch");
        } else if (strcmp(type, "rewind") == 0) {
            assert_true((size_t)num(m, "off") <= strlen(h->text));
            h->text[num(m, "off")] = 0;
            h->rewinds++;
        } else if (strcmp(type, "done") == 0) {
            assert_string_equal(str(m, "crc"), crc_of(h->text));
            snprintf(h->state, sizeof h->state, "%s", str(m, "state"));
            h->persisted = json_is_true(json_object_get(m, "persisted"));
            h->epoch = num(m, "epoch");
        } else if (strcmp(type, "error") == 0) {
            h->errors++;
        } else if (strcmp(type, "start") == 0) {
            h->starts++;
        }
    }
}

static void speak(const char *text)
{
    upstream_says(0, text);
    world_pass(0);
}

static void begin(void)
{
    upstream_starts(0, START_FRESH);
}

static void test_a_stream_is_the_same_everywhere(void **state)
{
    (void)state;
    struct heard a = {0}, b = {0}, late = {0};
    struct client *one = asked_at(0, GEN1), *two = client_hello_at(1);
    begin();
    speak("Hel");
    client_resume(two, GEN1, "");
    speak("lo");
    speak(" there");
    listen_to(one, &a);
    listen_to(two, &b);
    assert_string_equal(a.text, "Hello there");
    assert_string_equal(b.text, "Hello there");
    upstream_ends(0, CALL_COMPLETE);
    world_pass(100);
    listen_to(one, &a);
    listen_to(two, &b);
    assert_string_equal(a.state, "complete");
    assert_string_equal(b.state, "complete");
    assert_true(a.persisted);
    assert_true(b.persisted); /* a relay waits for history too */
    assert_string_equal(history_state(GEN1), "complete");
    assert_string_equal(history_text(GEN1), "Hello there");
    struct client *three = client_hello_at(2);
    client_resume(three, GEN1, "Hello");
    strcpy(late.text, "Hello");
    listen_to(three, &late);
    assert_string_equal(late.text, "Hello there");
    assert_string_equal(late.state, "complete");
    assert_int_equal(late.rewinds, 0);
}

static void found(void *ctx, struct generation *g, const struct err *e)
{
    (void)e;
    snprintf(ctx, 16, "%s", g ? generation_wire_state(g) : "");
}

static void test_an_end_that_was_read_is_an_end(void **state)
{
    (void)state;
    char was[16] = "";
    struct uuid gen;
    asked_at(0, GEN1);
    begin();
    speak("all");
    upstream_ends(0, CALL_COMPLETE);
    world_pass(300);
    client_hello_at(1);
    assert_true(uuid_parse(&gen, GEN1, strlen(GEN1)));
    history_hold(true); /* it is still asked whether it has the end */
    struct node *n = world_node_at(1);
    recall_start(n, n->owners, &gen, found, was);
    world_pass(0);
    assert_string_equal(was, "complete");
    struct client *c = client_at(1);
    client_say(c, "{\"type\":\"hello\"}");
    assert_int_equal(json_array_size(json_object_get(client_expect(c, "welcome"), "active")), 0);
    history_hold(false);
}

static void test_nothing_is_shown_before_it_is_appended(void **state)
{
    (void)state;
    struct client *c = asked_at(0, GEN1);
    begin();
    upstream_says(0, "not yet"); /* no turn has passed since: the store has not answered */
    for (json_t *m; (m = client_hear(c));)
        assert_string_not_equal(str(m, "type"), "delta");
    world_pass(0);
    assert_string_equal(str(until(c, "delta"), "text"), "not yet");
}

static void test_a_dead_gateways_answer_is_taken_over(void **state)
{
    (void)state;
    struct heard h = {0};
    asked_at(0, GEN1);
    struct client *c = client_hello_at(1);
    client_resume(c, GEN1, "");
    begin();
    speak("one two ");
    world_kill(0);
    assert_int_equal(upstream_count(), 0);
    world_pass(4000);
    assert_int_equal(upstream_count(), 1); /* within the lease and a second */
    assert_true(upstream_resumes(0));
    upstream_starts(0, START_PREFIX);
    speak("three");
    upstream_ends(0, CALL_COMPLETE);
    world_pass(300);
    listen_to(c, &h);
    assert_string_equal(h.text, "one two three");
    assert_int_equal(h.epoch, 2);
    assert_string_equal(h.state, "complete");
    assert_string_equal(history_text(GEN1), "one two three");
}

static void test_whoever_comes_first_takes_over(void **state)
{
    (void)state;
    struct heard h = {0};
    asked_at(0, GEN1);
    begin();
    speak("half");
    world_kill(0);
    world_pass(10000); /* nobody follows it */
    struct client *c = client_hello_at(2);
    client_resume(c, GEN1, "ha");
    strcpy(h.text, "ha");
    world_pass(2000);
    assert_int_equal(upstream_count(), 1);
    upstream_starts(0, START_RESTART);
    speak("whole");
    upstream_ends(0, CALL_COMPLETE);
    world_pass(300);
    listen_to(c, &h);
    assert_string_equal(h.text, "whole");
    assert_int_equal(h.rewinds, 1);
}

static void test_an_answer_that_nobody_awaits_is_ended(void **state)
{
    (void)state;
    client_gone(asked_at(0, GEN1));
    begin();
    speak("one two ");
    world_kill(0);
    world_pass(4000); /* the lease, and a look; nobody is connected anywhere */
    assert_int_equal(upstream_count(), 1);
    upstream_starts(0, START_PREFIX);
    speak("three");
    upstream_ends(0, CALL_COMPLETE);
    world_pass(300);
    assert_string_equal(history_state(GEN1), "complete");
    assert_string_equal(history_text(GEN1), "one two three");
    world_pass(20000);
    assert_int_equal(upstream_count(), 0);
}

static void test_what_waits_its_turn_is_ended_too(void **state)
{
    (void)state;
    struct client *c = asked_at(0, GEN1);
    client_say(c, "{\"type\":\"send\",\"gen\":\"" GEN3 "\",\"chat\":\"" CHAT1
                  "\",\"input\":\"later\",\"if_busy\":\"queue\"}");
    begin();
    speak("first");
    client_gone(c);
    world_kill(0);
    world_kill(1);
    world_pass(5000);
    assert_int_equal(upstream_count(), 1); /* one chat, in order */
    upstream_ends(0, CALL_COMPLETE);
    world_pass(1000);
    assert_int_equal(upstream_count(), 1);
    assert_string_equal(upstream_prompt(0), "user:hi|assistant:first|user:later");
    speak("second");
    upstream_ends(0, CALL_COMPLETE);
    world_pass(500);
    assert_string_equal(history_state(GEN1), "complete");
    assert_string_equal(history_text(GEN3), "second");
    assert_string_equal(history_state(GEN3), "complete");
}

static bool is_finished;

static void lease_is_had(void *ctx, const struct lease_result *result)
{
    (void)ctx;
    assert_int_equal(result->status, STORE_OK);
    is_finished = result->finished;
}

/* A gateway that died with nothing in the log but its lease. */
static void lease_by_one_that_is_gone(const char *gen)
{
    struct session_store *s = session_memory_store(world_memory(), "gone", true, NULL, NULL, NULL);
    struct uuid id, chat;
    assert_true(uuid_parse(&id, gen, strlen(gen)) && uuid_parse(&chat, CHAT1, strlen(CHAT1)));
    s->ops->acquire(s, &(struct gen_key){"default/local", id}, &chat, 1000, lease_is_had, NULL);
    s->ops->turn(s, 0);
    s->ops->close(s);
}

static void test_an_empty_log_is_ended_as_history_knows_it(void **state)
{
    (void)state;
    struct client *c = client_hello_at(0);
    world_store(0, FLAKY_AWAY);
    client_send(c, GEN1);
    world_kill(0);
    lease_by_one_that_is_gone(GEN1);
    assert_false(is_finished);
    world_pass(5000);
    assert_int_equal(upstream_count(), 1);
    assert_string_equal(upstream_prompt(0), "user:hi");
    upstream_starts(0, START_FRESH);
    speak("all");
    upstream_ends(0, CALL_COMPLETE);
    world_pass(500);
    assert_string_equal(history_state(GEN1), "complete");
    assert_string_equal(history_text(GEN1), "all");
}

static void test_a_log_that_history_does_not_know_is_ended(void **state)
{
    (void)state;
    lease_by_one_that_is_gone(GEN1);
    assert_false(is_finished);
    world_pass(5000);
    assert_int_equal(upstream_count(), 0);
    lease_by_one_that_is_gone(GEN1);
    assert_true(is_finished);
}

static void test_one_of_many_takes_over(void **state)
{
    (void)state;
    asked_at(0, GEN1);
    struct client *b = client_hello_at(1), *c = client_hello_at(2);
    struct heard hb = {0}, hc = {0};
    client_resume(b, GEN1, "");
    client_resume(c, GEN1, "");
    begin();
    speak("x");
    world_kill(0);
    world_pass(4500);
    assert_int_equal(upstream_count(), 1);
    upstream_starts(0, START_PREFIX);
    speak("y");
    upstream_ends(0, CALL_COMPLETE);
    world_pass(300);
    listen_to(b, &hb);
    listen_to(c, &hc);
    assert_string_equal(hb.text, "xy");
    assert_string_equal(hc.text, "xy");
    assert_string_equal(hb.state, "complete");
    assert_string_equal(hc.state, "complete");
}

static void test_cancel_reaches_the_owner(void **state)
{
    (void)state;
    struct heard h = {0};
    struct client *a = asked_at(0, GEN1), *b = client_hello_at(1);
    begin();
    speak("enough");
    client_resume(b, GEN1, "");
    client_say(b, "{\"type\":\"cancel\",\"gen\":\"" GEN1 "\"}");
    assert_int_equal(upstream_count(), 0);
    world_pass(100);
    listen_to(b, &h);
    assert_string_equal(h.state, "cancelled");
    assert_string_equal(h.text, "enough");
    (void)a;
}

static void test_who_reads_elsewhere_has_not_left(void **state)
{
    (void)state;
    struct client *a = client_hello_at(0), *b = client_hello_at(1);
    client_say(a, "{\"type\":\"send\",\"gen\":\"" GEN1 "\",\"chat\":\"" CHAT1
                  "\",\"input\":\"hi\",\"on_disconnect\":\"cancel\"}");
    begin();
    speak("x");
    client_resume(b, GEN1, "");
    client_gone(a);
    world_pass(30000);
    assert_int_equal(upstream_count(), 1);
    client_gone(b);
    world_pass(30000);
    assert_int_equal(upstream_count(), 0);
    assert_string_equal(history_state(GEN1), "cancelled");
}

static void test_running_ones_are_in_welcome_everywhere(void **state)
{
    (void)state;
    asked_at(0, GEN1);
    begin();
    speak("x");
    struct client *b = client_at(1);
    client_say(b, "{\"type\":\"hello\"}");
    json_t *active = json_object_get(client_expect(b, "welcome"), "active");
    assert_int_equal(json_array_size(active), 1);
    assert_string_equal(str(json_array_get(active, 0), "gen"), GEN1);
    assert_string_equal(str(json_array_get(active, 0), "state"), "running");
    upstream_ends(0, CALL_COMPLETE);
    world_pass(300);
    json_t *m = client_expect(b, "active");
    assert_string_equal(str(m, "state"), "complete");
    client_silent(b);
}

static void test_what_is_said_before_welcome_is_held(void **state)
{
    (void)state;
    struct client *c = client_at(1);
    client_says_at_once(c, "{\"type\":\"hello\"}"); /* the store has not answered yet */
    client_send(c, GEN1);
    client_expect(c, "welcome");
    client_expect(c, "accepted");
}

static void test_a_chat_is_busy_everywhere(void **state)
{
    (void)state;
    asked_at(0, GEN1);
    begin();
    struct client *b = client_hello_at(1);
    client_send(b, GEN2);
    assert_string_equal(str(client_expect(b, "error"), "code"), "BUSY");
    client_say(b, "{\"type\":\"send\",\"gen\":\"" GEN3 "\",\"chat\":\"" CHAT1
                  "\",\"input\":\"later\",\"if_busy\":\"queue\"}");
    until(b, "accepted");
    assert_string_equal(str(until(b, "status"), "state"), "queued");
    assert_int_equal(upstream_count(), 1);
    speak("first");
    upstream_ends(0, CALL_COMPLETE);
    world_pass(500);
    assert_int_equal(upstream_count(), 1);
    assert_string_equal(upstream_prompt(0), "user:hi|assistant:first|user:later");
    speak("second");
    upstream_ends(0, CALL_COMPLETE);
    world_pass(500);
    assert_string_equal(history_state(GEN3), "complete");
}

static void test_interrupt_reaches_the_owner(void **state)
{
    (void)state;
    struct heard h = {0};
    struct client *a = asked_at(0, GEN1);
    begin();
    speak("long and ");
    struct client *b = client_hello_at(1);
    client_say(b, "{\"type\":\"send\",\"gen\":\"" GEN2 "\",\"chat\":\"" CHAT1
                  "\",\"input\":\"stop\",\"if_busy\":\"interrupt\"}");
    world_pass(500);
    listen_to(a, &h);
    assert_string_equal(h.state, "cancelled");
    assert_int_equal(upstream_count(), 1);
    upstream_ends(0, CALL_COMPLETE);
    world_pass(500);
    assert_string_equal(history_state(GEN2), "complete");
}

static void test_a_repeated_send_elsewhere_is_the_same_answer(void **state)
{
    (void)state;
    struct heard h = {0};
    asked_at(0, GEN1);
    begin();
    speak("once");
    struct client *b = client_hello_at(1);
    client_send(b, GEN1);
    client_expect(b, "accepted");
    assert_int_equal(upstream_count(), 1);
    upstream_ends(0, CALL_COMPLETE);
    world_pass(300);
    listen_to(b, &h);
    assert_string_equal(h.text, "once");
    assert_string_equal(h.state, "complete");
    struct client *c = client_hello_at(2);
    client_say(c, "{\"type\":\"send\",\"gen\":\"" GEN1 "\",\"chat\":\"" CHAT1 "\",\"input\":\"other\"}");
    assert_string_equal(str(client_expect(c, "error"), "code"), "CONFLICT");
}

/* ------------------------------------------------------------------ the store is away */

static void test_a_store_that_is_away_stops_nobody(void **state)
{
    (void)state;
    struct heard a = {0}, b = {0};
    struct client *one = asked_at(0, GEN1), *two = client_hello_at(1);
    begin();
    client_resume(two, GEN1, "");
    speak("one ");
    world_store(0, FLAKY_AWAY);
    speak("two ");
    speak("three ");
    listen_to(one, &a);
    assert_string_equal(a.text, "one two three ");
    assert_int_equal(a.errors, 1); /* told once */
    listen_to(two, &b);
    assert_string_equal(b.text, "one ");
    world_store(0, FLAKY_NOT);
    world_pass(1000);
    speak("four");
    listen_to(one, &a);
    listen_to(two, &b);
    assert_string_equal(a.text, "one two three four");
    assert_string_equal(b.text, "one two three four");
    assert_int_equal(a.rewinds + b.rewinds, 0);
    upstream_ends(0, CALL_COMPLETE);
    world_pass(300);
    listen_to(two, &b);
    assert_string_equal(b.state, "complete");
}

/* Every lease lapses, and the gateway that finds the store first is not the one that produces. */
static void test_a_store_away_from_all_moves_nothing(void **state)
{
    (void)state;
    struct heard a = {0}, b = {0};
    struct client *one = asked_at(0, GEN1), *two = client_hello_at(1);
    begin();
    client_resume(two, GEN1, "");
    speak("one ");
    for (int i = 0; i < WORLD_NODES; i++) {
        world_store(i, FLAKY_AWAY);
        cluster_events(world_node_at(i)).on_health(world_node_at(i), false);
    }
    world_pass(10000);
    speak("two ");
    for (int i = WORLD_NODES - 1; i >= 0; i--) {
        world_store(i, FLAKY_NOT);
        cluster_events(world_node_at(i)).on_health(world_node_at(i), true);
        world_pass(1000);
    }
    assert_int_equal(upstream_count(), 1);
    speak("three");
    world_pass(4000);
    listen_to(one, &a);
    listen_to(two, &b);
    assert_string_equal(a.text, "one two three");
    assert_string_equal(b.text, "one two three");
    assert_int_equal(a.rewinds + b.rewinds, 0);
    assert_int_equal(upstream_count(), 1);
}

/* The end of it was told alone; it gets into the log by the one who told it. */
static void test_an_end_told_alone_is_its_owners_to_write(void **state)
{
    (void)state;
    struct heard a = {0}, b = {0};
    struct client *one = asked_at(0, GEN1), *two = client_hello_at(1);
    begin();
    speak("all ");
    for (int i = 0; i < WORLD_NODES; i++) {
        world_store(i, FLAKY_AWAY);
        cluster_events(world_node_at(i)).on_health(world_node_at(i), false);
    }
    world_pass(5000);
    speak("of it");
    upstream_ends(0, CALL_COMPLETE);
    world_pass(500);
    for (int i = WORLD_NODES - 1; i >= 0; i--) {
        world_store(i, FLAKY_NOT);
        cluster_events(world_node_at(i)).on_health(world_node_at(i), true);
        world_pass(700);
    }
    world_pass(8000);
    listen_to(one, &a);
    assert_string_equal(a.state, "complete");
    client_resume(two, GEN1, "all");
    strcpy(b.text, "all");
    listen_to(two, &b);
    assert_string_equal(b.text, "all of it");
    assert_int_equal(b.epoch, 1);
    assert_int_equal(upstream_count(), 0);
}

static void test_an_answer_that_is_lost_is_no_loss(void **state)
{
    (void)state;
    struct heard a = {0}, b = {0};
    struct client *one = asked_at(0, GEN1), *two = client_hello_at(1);
    begin();
    speak("one ");
    world_store(0, FLAKY_MUTE); /* it is appended, and nobody says so */
    speak("two ");
    world_store(0, FLAKY_NOT);
    world_pass(1000);
    speak("three");
    client_resume(two, GEN1, "");
    listen_to(one, &a);
    listen_to(two, &b);
    assert_string_equal(a.text, "one two three");
    assert_string_equal(b.text, "one two three");
}

static void test_an_end_while_the_store_is_away(void **state)
{
    (void)state;
    struct heard a = {0}, b = {0};
    struct client *one = asked_at(0, GEN1);
    begin();
    speak("all ");
    world_store(0, FLAKY_AWAY);
    speak("of it");
    upstream_ends(0, CALL_COMPLETE);
    world_pass(500);
    listen_to(one, &a);
    assert_string_equal(a.state, "complete");
    assert_true(a.persisted);
    world_store(0, FLAKY_NOT);
    world_pass(1500);
    struct client *two = client_hello_at(1);
    client_resume(two, GEN1, "all");
    strcpy(b.text, "all");
    listen_to(two, &b);
    assert_string_equal(b.text, "all of it");
    assert_string_equal(b.state, "complete");
}

static void test_an_answer_begun_without_the_store(void **state)
{
    (void)state;
    struct heard a = {0}, b = {0};
    struct client *one = client_hello_at(0);
    world_store(0, FLAKY_AWAY);
    client_send(one, GEN1);
    begin();
    speak("alone");
    listen_to(one, &a);
    assert_string_equal(a.text, "alone");
    world_store(0, FLAKY_NOT);
    world_pass(1000);
    struct client *two = client_hello_at(1);
    client_resume(two, GEN1, "");
    speak(" no more");
    listen_to(one, &a);
    listen_to(two, &b);
    assert_string_equal(a.text, "alone no more");
    assert_string_equal(b.text, "alone no more");
}

static void test_a_restart_while_the_store_is_away(void **state)
{
    (void)state;
    struct heard a = {0}, b = {0};
    struct client *one = asked_at(0, GEN1), *two = client_hello_at(1);
    begin();
    client_resume(two, GEN1, "");
    speak("wrong start");
    world_store(0, FLAKY_AWAY);
    upstream_starts(0, START_RESTART);
    speak("right ");
    world_store(0, FLAKY_NOT);
    world_pass(1000);
    speak("start");
    listen_to(one, &a);
    listen_to(two, &b);
    assert_string_equal(a.text, "right start");
    assert_string_equal(b.text, "right start");
}

/* ------------------------------------------------------------------ two who think it is theirs */

static void test_a_frozen_owner_is_fenced(void **state)
{
    (void)state;
    struct heard a = {0}, b = {0};
    struct client *one = asked_at(0, GEN1), *two = client_hello_at(1);
    begin();
    client_resume(two, GEN1, "");
    speak("shared ");
    listen_to(one, &a);
    world_freeze(0, true);
    world_pass(5000);
    assert_int_equal(upstream_count(), 2); /* the frozen one's, and the new one's */
    upstream_starts(1, START_PREFIX);
    upstream_says(1, "new");
    world_pass(0);
    upstream_says(0, "zombie"); /* it wakes up and does not know */
    world_freeze(0, false);
    world_pass(2000);
    assert_int_equal(upstream_count(), 1);
    upstream_says(0, "!");
    world_pass(0);
    listen_to(one, &a);
    listen_to(two, &b);
    assert_string_equal(a.text, "shared new!");
    assert_string_equal(b.text, "shared new!");
    assert_int_equal(a.rewinds, 0); /* the zombie's word was never shown */
}

static void test_an_owner_cut_off_from_the_store_is_rewound(void **state)
{
    (void)state;
    struct heard a = {0}, b = {0};
    struct client *one = asked_at(0, GEN1), *two = client_hello_at(1);
    begin();
    client_resume(two, GEN1, "");
    speak("shared ");
    world_store(0, FLAKY_AWAY);
    speak("old");
    world_pass(5000); /* the lease lapses, the other takes over */
    assert_int_equal(upstream_count(), 2);
    upstream_starts(1, START_PREFIX);
    upstream_says(1, "new");
    world_pass(0);
    listen_to(one, &a);
    assert_string_equal(a.text, "shared old");
    world_store(0, FLAKY_NOT);
    world_pass(2000);
    listen_to(one, &a);
    listen_to(two, &b);
    assert_string_equal(a.text, "shared new");
    assert_string_equal(b.text, "shared new");
    assert_int_equal(a.rewinds, 1);
    assert_int_equal(upstream_count(), 1);
}

static void test_a_gateway_that_leaves_hands_over(void **state)
{
    (void)state;
    struct heard b = {0};
    asked_at(0, GEN1);
    struct client *two = client_hello_at(1);
    begin();
    client_resume(two, GEN1, "");
    speak("kept ");
    node_drain(world_node_at(0));
    node_hand_over(world_node_at(0));
    world_pass(100); /* no lease to wait for */
    assert_int_equal(upstream_count(), 1);
    world_kill(0);
    upstream_starts(0, START_PREFIX);
    speak("going");
    listen_to(two, &b);
    assert_string_equal(b.text, "kept going");
}

/* A prompt that was under way when goaway left is no error: another goes on with its answer. */
static void test_a_gateway_that_leaves_takes_prompts_until_it_hands_over(void **state)
{
    (void)state;
    struct heard b = {0};
    struct client *one = client_hello_at(0), *two = client_hello_at(1);
    node_drain(world_node_at(0));
    client_expect(one, "goaway");
    client_send(one, GEN1);
    client_expect(one, "accepted");
    begin();
    speak("kept ");
    client_resume(two, GEN1, "");
    node_hand_over(world_node_at(0));
    client_send(one, GEN2);
    assert_string_equal(str(until(one, "error"), "code"), "UPSTREAM_UNAVAILABLE");
    world_pass(100);
    world_kill(0);
    upstream_starts(0, START_PREFIX);
    speak("going");
    listen_to(two, &b);
    assert_string_equal(b.text, "kept going");
}

/* ------------------------------------------------------------------ history is away */

static void test_history_away_loses_nothing(void **state)
{
    (void)state;
    struct heard a = {0};
    struct client *one = asked_at(0, GEN1);
    begin();
    speak("kept");
    history_fail(STORE_UNAVAILABLE, STORE_UNAVAILABLE);
    upstream_ends(0, CALL_COMPLETE);
    world_pass(1000);
    listen_to(one, &a);
    assert_string_equal(a.state, "complete");
    assert_false(a.persisted);
    world_kill(0); /* whoever lives drains the outbox */
    history_fail(STORE_OK, STORE_OK);
    world_pass(60000);
    assert_string_equal(history_state(GEN1), "complete");
    assert_string_equal(history_text(GEN1), "kept");
}

#define CLUSTER_TEST(f) cmocka_unit_test_setup_teardown(f, world_setup_cluster, world_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CLUSTER_TEST(test_a_stream_is_the_same_everywhere),
        CLUSTER_TEST(test_an_end_that_was_read_is_an_end),
        CLUSTER_TEST(test_nothing_is_shown_before_it_is_appended),
        CLUSTER_TEST(test_a_dead_gateways_answer_is_taken_over),
        CLUSTER_TEST(test_whoever_comes_first_takes_over),
        CLUSTER_TEST(test_an_answer_that_nobody_awaits_is_ended),
        CLUSTER_TEST(test_what_waits_its_turn_is_ended_too),
        CLUSTER_TEST(test_an_empty_log_is_ended_as_history_knows_it),
        CLUSTER_TEST(test_a_log_that_history_does_not_know_is_ended),
        CLUSTER_TEST(test_one_of_many_takes_over),
        CLUSTER_TEST(test_cancel_reaches_the_owner),
        CLUSTER_TEST(test_who_reads_elsewhere_has_not_left),
        CLUSTER_TEST(test_running_ones_are_in_welcome_everywhere),
        CLUSTER_TEST(test_what_is_said_before_welcome_is_held),
        CLUSTER_TEST(test_a_chat_is_busy_everywhere),
        CLUSTER_TEST(test_interrupt_reaches_the_owner),
        CLUSTER_TEST(test_a_repeated_send_elsewhere_is_the_same_answer),
        CLUSTER_TEST(test_a_store_that_is_away_stops_nobody),
        CLUSTER_TEST(test_a_store_away_from_all_moves_nothing),
        CLUSTER_TEST(test_an_end_told_alone_is_its_owners_to_write),
        CLUSTER_TEST(test_an_answer_that_is_lost_is_no_loss),
        CLUSTER_TEST(test_an_end_while_the_store_is_away),
        CLUSTER_TEST(test_an_answer_begun_without_the_store),
        CLUSTER_TEST(test_a_restart_while_the_store_is_away),
        CLUSTER_TEST(test_a_frozen_owner_is_fenced),
        CLUSTER_TEST(test_an_owner_cut_off_from_the_store_is_rewound),
        CLUSTER_TEST(test_a_gateway_that_leaves_hands_over),
        CLUSTER_TEST(test_a_gateway_that_leaves_takes_prompts_until_it_hands_over),
        CLUSTER_TEST(test_history_away_loses_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
