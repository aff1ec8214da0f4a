/* History is away: prompts are accepted all the same, and history has each of them once when it is back. */
#include "fixture.h"

#include "base/metrics.h"

static char chat_a[UUID_TEXT + 1], chat_b[UUID_TEXT + 1];

/* Ids as clients mint them: they say when. */
static void mint(char out[UUID_TEXT + 1], uint64_t age_ms, uint8_t salt)
{
    uint8_t random[10] = {salt};
    struct uuid id = uuid_v7(world_node()->unix_ms - age_ms, random);
    uuid_format(&id, out);
}

static int setup(void **state)
{
    int failed = world_setup_cluster(state);
    mint(chat_a, 1000, 1);
    mint(chat_b, 1000, 2);
    return failed;
}

static void ask(struct client *c, const char *gen, const char *chat, const char *input, const char *more)
{
    client_say(c, "{\"type\":\"send\",\"gen\":\"%s\",\"chat\":\"%s\",\"input\":\"%s\"%s}", gen, chat, input,
               more);
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

static void refused(struct client *c)
{
    json_t *m = until(c, "error");
    assert_string_equal(str(m, "code"), "STORE_DEGRADED");
}

static json_t *answered(struct client *c, const char *text)
{
    upstream_starts(0, START_FRESH);
    upstream_says(0, text);
    upstream_ends(0, CALL_COMPLETE);
    world_pass(300);
    return until(c, "done");
}

static void history_returns(void)
{
    history_away(false);
    world_pass(5000);
}

static void test_a_new_chat_goes_on(void **state)
{
    (void)state;
    struct client *c = client_hello_at(0);
    history_away(true);
    ask(c, GEN1, chat_a, "hi", "");
    client_expect(c, "accepted");
    assert_string_equal(upstream_prompt(0), "user:hi");
    json_t *done = answered(c, "hello");
    assert_string_equal(str(done, "state"), "complete");
    assert_false(json_is_true(json_object_get(done, "persisted")));
    ask(c, GEN2, chat_a, "and?", "");
    until(c, "accepted");
    assert_string_equal(upstream_prompt(0), "user:hi|assistant:hello|user:and?");
    answered(c, "more");
    assert_int_equal(history_count(), 0);
    history_returns();
    assert_int_equal(history_count(), 2);
    assert_string_equal(history_path(GEN2), "hi|hello|and?");
    assert_string_equal(history_text(GEN2), "more");
    assert_string_equal(history_state(GEN1), "complete");
    assert_string_equal(history_state(GEN2), "complete");
    ask(c, GEN3, chat_a, "now?", ""); /* by history's own word again */
    until(c, "accepted");
    assert_string_equal(upstream_prompt(0), "user:hi|assistant:hello|user:and?|assistant:more|user:now?");
    answered(c, "yes");
}

static void test_another_gateway_goes_on_with_it(void **state)
{
    (void)state;
    struct client *a = client_hello_at(0), *b = client_hello_at(1);
    history_away(true);
    ask(a, GEN1, chat_a, "hi", "");
    until(a, "accepted");
    answered(a, "hello");
    ask(b, GEN2, chat_a, "and?", "");
    until(b, "accepted");
    assert_string_equal(upstream_prompt(0), "user:hi|assistant:hello|user:and?");
    answered(b, "more");
    history_returns();
    assert_string_equal(history_path(GEN2), "hi|hello|and?");
}

static void test_an_old_chat_goes_on_where_it_is_known(void **state)
{
    (void)state;
    struct client *a = client_hello_at(0), *b = client_hello_at(1);
    ask(a, GEN1, CHAT1, "old", "");
    until(a, "accepted");
    answered(a, "times");
    history_away(true);
    ask(b, GEN2, CHAT1, "and?", ""); /* this one has never seen it */
    refused(b);
    ask(a, GEN2, CHAT1, "and?", "");
    until(a, "accepted");
    assert_string_equal(upstream_prompt(0), "user:old|assistant:times|user:and?");
    answered(a, "new");
    history_returns();
    assert_string_equal(history_path(GEN2), "old|times|and?");
    assert_int_equal(history_count(), 2);
}

static void test_what_went_on_elsewhere_is_not_forked(void **state)
{
    (void)state;
    struct client *a = client_hello_at(0), *b = client_hello_at(1);
    ask(a, GEN1, CHAT1, "one", "");
    until(a, "accepted");
    answered(a, "1");
    ask(b, GEN2, CHAT1, "two", "");
    until(b, "accepted");
    answered(b, "2");
    history_away(true);
    ask(a, GEN3, CHAT1, "three", ""); /* what it remembers is not the newest */
    refused(a);
    ask(b, GEN3, CHAT1, "three", "");
    until(b, "accepted");
    assert_string_equal(upstream_prompt(0), "user:one|assistant:1|user:two|assistant:2|user:three");
    answered(b, "3");
    history_returns();
    assert_string_equal(history_path(GEN3), "one|1|two|2|three");
}

static void test_an_unknown_chat_is_refused(void **state)
{
    (void)state;
    struct client *c = client_hello_at(0);
    history_away(true);
    ask(c, GEN1, CHAT1, "hi", ""); /* made long ago: history may have it */
    refused(c);
    ask(c, GEN1, CHAT1, "hi", ",\"parent\":null"); /* whatever there is, this stands beside it */
    until(c, "accepted");
    assert_string_equal(upstream_prompt(0), "user:hi");
    answered(c, "hello");
    history_returns();
    assert_string_equal(history_state(GEN1), "complete");
}

static void test_a_repeated_send_is_the_same_answer(void **state)
{
    (void)state;
    struct client *a = client_hello_at(0), *b = client_hello_at(1), *c = client_hello_at(2);
    history_away(true);
    ask(a, GEN1, chat_a, "hi", "");
    until(a, "accepted");
    ask(b, GEN1, chat_a, "hi", "");
    until(b, "accepted");
    ask(c, GEN1, chat_a, "other", "");
    assert_string_equal(str(until(c, "error"), "code"), "CONFLICT");
    assert_int_equal(upstream_count(), 1);
    answered(a, "hello");
    assert_string_equal(str(until(b, "delta"), "text"), "hello");
    history_returns();
    assert_int_equal(history_count(), 1);
}

static void test_a_prompt_whose_answer_was_lost_runs_once(void **state)
{
    (void)state;
    struct client *c = client_hello_at(0);
    history_away(true);
    world_store(0, FLAKY_MUTE);
    ask(c, GEN1, chat_a, "hi", "");
    refused(c);
    world_store(0, FLAKY_NOT);
    ask(c, GEN1, chat_a, "hi", "");
    world_pass(6000);
    until(c, "accepted");
    assert_int_equal(upstream_count(), 1);
    answered(c, "hello");
    history_returns();
    assert_int_equal(history_count(), 1);
    assert_string_equal(history_text(GEN1), "hello");
}

static void test_a_queued_prompt_sees_what_it_waited_for(void **state)
{
    (void)state;
    struct client *c = client_hello_at(0);
    history_away(true);
    ask(c, GEN1, chat_a, "hi", "");
    until(c, "accepted");
    ask(c, GEN2, chat_a, "and?", ",\"if_busy\":\"queue\"");
    until(c, "accepted");
    assert_int_equal(upstream_count(), 1);
    upstream_says(0, "hello");
    upstream_ends(0, CALL_COMPLETE);
    world_pass(500);
    assert_int_equal(upstream_count(), 1);
    assert_string_equal(upstream_prompt(0), "user:hi|assistant:hello|user:and?");
    upstream_says(0, "more");
    upstream_ends(0, CALL_COMPLETE);
    world_pass(500);
    history_returns();
    assert_string_equal(history_path(GEN2), "hi|hello|and?");
    assert_string_equal(history_text(GEN2), "more");
}

static void test_a_queued_prompt_of_before_waits(void **state)
{
    (void)state;
    struct client *c = client_hello_at(0);
    ask(c, GEN1, CHAT1, "hi", "");
    ask(c, GEN2, CHAT1, "and?", ",\"if_busy\":\"queue\"");
    history_away(true);
    upstream_says(0, "hello");
    upstream_ends(0, CALL_COMPLETE);
    world_pass(3000);
    assert_int_equal(upstream_count(), 0);
    history_returns();
    assert_int_equal(upstream_count(), 1);
    assert_string_equal(upstream_prompt(0), "user:hi|assistant:hello|user:and?");
    upstream_ends(0, CALL_COMPLETE);
    world_pass(500);
}

static void test_a_dead_gateways_answer_is_taken_over(void **state)
{
    (void)state;
    struct client *a = client_hello_at(0), *b = client_hello_at(1);
    history_away(true);
    ask(a, GEN1, chat_a, "hi", "");
    until(a, "accepted");
    answered(a, "hello");
    ask(a, GEN2, chat_a, "and?", "");
    upstream_starts(0, START_FRESH);
    upstream_says(0, "ha");
    world_pass(0);
    client_resume(b, GEN2, "");
    world_kill(0);
    world_pass(5000);
    assert_int_equal(upstream_count(), 1);
    assert_string_equal(upstream_prompt(0), "user:hi|assistant:hello|user:and?");
    upstream_starts(0, START_PREFIX);
    upstream_says(0, "lf");
    upstream_ends(0, CALL_COMPLETE);
    world_pass(500);
    assert_string_equal(str(until(b, "done"), "state"), "complete");
    history_returns();
    world_pass(40000); /* the dead one may have held entries */
    assert_string_equal(history_text(GEN2), "half");
    assert_string_equal(history_path(GEN2), "hi|hello|and?");
    assert_string_equal(history_state(GEN1), "complete");
}

static void test_a_slow_history_is_not_waited_for(void **state)
{
    (void)state;
    struct client *c = client_hello_at(0);
    history_hold(true);
    ask(c, GEN1, chat_a, "hi", "");
    world_pass(1000);
    until(c, "accepted");
    answered(c, "hello");
    history_hold(false);
    world_pass(3000); /* both ways lead there; it has it once */
    assert_int_equal(history_count(), 1);
    assert_string_equal(history_state(GEN1), "complete");
}

static void test_without_both_it_is_refused(void **state)
{
    (void)state;
    struct client *c = client_hello_at(0);
    history_away(true);
    world_store(0, FLAKY_AWAY);
    ask(c, GEN1, chat_a, "hi", "");
    refused(c);
    world_store(0, FLAKY_NOT);
    history_returns();
    assert_int_equal(history_count(), 0);
    ask(c, GEN1, chat_a, "hi", ""); /* the gen is not used up */
    until(c, "accepted");
    answered(c, "hello");
}

static void test_memory_for_conversations_is_bounded(void **state)
{
    (void)state;
    struct client *c = client_hello_at(0);
    world_config()->history_recent_bytes = 4096;
    for (int i = 0; i < 40; i++) {
        char gen[UUID_TEXT + 1], chat[UUID_TEXT + 1];
        mint(gen, 0, (uint8_t)(100 + i));
        mint(chat, 0, (uint8_t)(10 + i));
        ask(c, gen, chat, "hi", "");
        until(c, "accepted");
        answered(c, "hello");
    }
    assert_true(world_node()->memo_bytes > 0);
    assert_in_range(world_node()->memo_bytes, 1, 4096);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, world_teardown)
    const struct CMUnitTest tests[] = {T(test_a_new_chat_goes_on),
                                       T(test_another_gateway_goes_on_with_it),
                                       T(test_an_old_chat_goes_on_where_it_is_known),
                                       T(test_what_went_on_elsewhere_is_not_forked),
                                       T(test_an_unknown_chat_is_refused),
                                       T(test_a_repeated_send_is_the_same_answer),
                                       T(test_a_prompt_whose_answer_was_lost_runs_once),
                                       T(test_a_queued_prompt_sees_what_it_waited_for),
                                       T(test_a_queued_prompt_of_before_waits),
                                       T(test_a_dead_gateways_answer_is_taken_over),
                                       T(test_a_slow_history_is_not_waited_for),
                                       T(test_without_both_it_is_refused),
                                       T(test_memory_for_conversations_is_bounded)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
