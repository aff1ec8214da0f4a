/* The session store on a Redis that dies, is silent, forgets, is full, or is not a master: every call is
 * answered, in time, and what stands afterwards is what was said to stand. */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "contract/redis_bed.h"
#include "store/redis.h"

static const char *const durable[] = {"--appendonly", "yes", "--appendfsync", "always", NULL};

static void bed_on(struct bed *b, const char *const *arguments)
{
    memset(b, 0, sizeof(*b));
    b->world.server_count = 1;
    redis_server_prepare(&b->world.servers[0], arguments);
    redis_server_start(&b->world.servers[0]);
    snprintf(b->url, sizeof(b->url), "redis://127.0.0.1:%d", b->world.servers[0].port);
    b->s = bed_open(b, b->url, "a");
    until_up(b);
}

static struct redis_server *server(struct bed *b)
{
    return &b->world.servers[0];
}

/* ---- gone */

static void test_killed_in_an_append(void **state)
{
    struct bed b;
    (void)state;
    bed_on(&b, durable);
    acquired(&b, "ok epoch=1 seq=0 off=0");
    appended(&b, "Hello", "ok");
    int before = b.completions;
    begin_append(&b, ", world");
    redis_server_kill(server(&b));
    until_done(&b, before); /* nobody knows whether it is there */
    heard_it(&b, "unavailable");
    assert_false(b.s->ops->healthy(b.s));
    redis_server_start(server(&b));
    until_up(&b);
    assert_string_equal(buf_cstr(&b.events), "up; down; up; ");
    before = b.completions;
    begin_again(&b);
    until_done(&b, before);
    heard_it(&b, "ok");
    appended(&b, "!", "ok");
    read_back(&b, "ok Hello, world!");
    bed_close(&b);
}

static void test_while_it_is_gone_calls_are_answered_at_once(void **state)
{
    struct bed b;
    (void)state;
    bed_on(&b, NULL);
    redis_server_kill(server(&b));
    until_down(&b);
    uint64_t from = link_now_ms();
    appended(&b, "a", "unavailable");
    for (int i = 0; i < 100; i++)
        appended(&b, "a", "unavailable");
    assert_true(link_now_ms() - from < TIMEOUT_MS);
    bed_close(&b);
}

static void test_opened_before_there_is_a_server(void **state)
{
    struct bed b;
    (void)state;
    memset(&b, 0, sizeof(b));
    b.world.server_count = 1;
    redis_server_prepare(server(&b), NULL);
    snprintf(b.url, sizeof(b.url), "redis://localhost:%d", server(&b)->port); /* a name */
    b.s = bed_open(&b, b.url, "a");
    acquired(&b, "unavailable");
    assert_false(b.s->ops->healthy(b.s));
    redis_server_start(server(&b));
    until_up(&b);
    assert_string_equal(buf_cstr(&b.events), "up; ");
    acquired(&b, "ok epoch=1 seq=0 off=0");
    bed_close(&b);
}

static void test_what_was_lost_is_made_good(void **state)
{
    struct bed b;
    (void)state;
    bed_on(&b, NULL); /* keeps nothing */
    acquired(&b, "ok epoch=1 seq=0 off=0");
    appended(&b, "Hello", "ok");
    redis_server_kill(server(&b));
    until_down(&b);
    redis_server_start(server(&b));
    until_up(&b);
    appended(&b, "?", "not_found");
    reclaimed(&b, "ok epoch=1 seq=0 off=0");
    b.seq = 0;
    b.text.len = 0;
    appended(&b, "Hello, world", "ok");
    read_back(&b, "ok Hello, world");
    bed_close(&b);
}

/* ---- silent */

static void test_silent_in_an_append(void **state)
{
    struct bed b;
    (void)state;
    bed_on(&b, NULL);
    acquired(&b, "ok epoch=1 seq=0 off=0");
    int before = b.completions;
    kill(server(&b)->pid, SIGSTOP);
    uint64_t from = link_now_ms();
    begin_append(&b, "Hello");
    until_done(&b, before);
    heard_it(&b, "unavailable");
    assert_in_range(link_now_ms() - from, TIMEOUT_MS, TIMEOUT_MS + 1000);
    from = link_now_ms();
    appended(&b, "x", "unavailable"); /* a new connection is accepted, and as silent */
    assert_true(link_now_ms() - from < TIMEOUT_MS + 1000);
    kill(server(&b)->pid, SIGCONT);
    until_up(&b);
    b.text.len = 5;
    b.seq = 1;
    reclaimed(&b, "ok epoch=1 seq=1 off=5"); /* it had it in its buffer */
    before = b.completions;
    begin_again(&b);
    until_done(&b, before);
    heard_it(&b, "wrong_position"); /* last_from is the x's */
    read_back(&b, "ok Hello");
    bed_close(&b);
}

/* What it was asked while it stood still it does when it goes on, and by then every lease has lapsed. */
static void test_a_lease_is_not_given_to_who_has_gone(void **state)
{
    struct bed b;
    (void)state;
    bed_on(&b, NULL);
    acquired(&b, "ok epoch=1 seq=0 off=0");
    struct session_store *owner = b.s, *other = bed_open(&b, b.url, "b");
    b.s = other;
    until_up(&b);
    acquired(&b, "held");
    kill(server(&b)->pid, SIGSTOP);
    acquired(&b, "unavailable"); /* it lies in the server's buffer */
    atomic_fetch_add(server(&b)->clock_us, (int64_t)60 * 1000 * 1000);
    kill(server(&b)->pid, SIGCONT);
    b.s = owner;
    until_up(&b);
    reclaimed(&b, "ok epoch=1 seq=0 off=0");
    b.s = other;
    until_up(&b);
    acquired(&b, "held");
    atomic_fetch_add(server(&b)->clock_us, (int64_t)60 * 1000 * 1000);
    acquired(&b, "held"); /* by the clock of the last answer it is late */
    acquired(&b, "ok epoch=2 seq=0 off=0");
    other->ops->close(other);
    b.s = owner;
    bed_close(&b);
}

static void test_silent_while_nothing_is_asked(void **state)
{
    struct bed b;
    (void)state;
    bed_on(&b, NULL);
    kill(server(&b)->pid, SIGSTOP);
    uint64_t from = link_now_ms();
    until_down(&b);
    assert_true(link_now_ms() - from <= TIMEOUT_MS + 1000);
    kill(server(&b)->pid, SIGCONT);
    until_up(&b);
    acquired(&b, "ok epoch=1 seq=0 off=0");
    bed_close(&b);
}

/* Stopped ourselves, we judge nobody. */
static void test_a_pause_of_ours_is_not_the_servers(void **state)
{
    struct bed b;
    (void)state;
    bed_on(&b, NULL);
    acquired(&b, "ok epoch=1 seq=0 off=0");
    int before = b.completions;
    begin_append(&b, "Hello");
    ev_run(b.world.loop, EVRUN_NOWAIT); /* sent */
    uint64_t until = link_now_ms() + 2 * TIMEOUT_MS + 200;
    while (link_now_ms() < until)
        redis_server_ask(server(&b), "PING");
    until_done(&b, before);
    heard_it(&b, "ok");
    assert_string_equal(buf_cstr(&b.events), "up; ");
    bed_close(&b);
}

/* ---- changed */

static void test_functions_that_are_gone_are_loaded_again(void **state)
{
    struct bed b;
    (void)state;
    bed_on(&b, NULL);
    acquired(&b, "ok epoch=1 seq=0 off=0");
    redis_server_ask(server(&b), "FUNCTION FLUSH");
    appended(&b, "Hello", "ok");
    redis_server_ask(server(&b), "FUNCTION FLUSH");
    read_back(&b, "ok Hello");
    assert_string_equal(buf_cstr(&b.events), "up; ");
    bed_close(&b);
}

static void test_a_full_memory_refuses_text(void **state)
{
    struct bed b;
    (void)state;
    bed_on(&b, NULL);
    acquired(&b, "ok epoch=1 seq=0 off=0");
    redis_server_ask(server(&b), "CONFIG SET maxmemory 1");
    appended(&b, "Hello", "full");
    b.seq = 0;
    b.text.len = 0;
    redis_server_ask(server(&b), "CONFIG SET maxmemory 0");
    appended(&b, "Hello", "ok");
    bed_close(&b);
}

static bool has_tried(void *ctx)
{
    const struct bed *b = ctx;
    return redis_self(b->s)->servers[0]->link.failures >= 4;
}

static void test_a_master_that_becomes_a_replica_is_left(void **state)
{
    struct bed b;
    (void)state;
    bed_on(&b, NULL);
    acquired(&b, "ok epoch=1 seq=0 off=0");
    redis_server_ask(server(&b), "REPLICAOF 127.0.0.1 1");
    appended(&b, "Hello", "unavailable");
    redis_world_until(&b.world, has_tried, &b);
    assert_string_equal(buf_cstr(&b.events), "up; down; "); /* and not taken for one again */
    redis_server_ask(server(&b), "REPLICAOF NO ONE");
    until_up(&b);
    int before = b.completions;
    begin_again(&b);
    until_done(&b, before);
    heard_it(&b, "ok");
    bed_close(&b);
}

static void test_a_running_script_is_not_the_end(void **state)
{
    struct bed b;
    (void)state;
    bed_on(&b, NULL);
    acquired(&b, "ok epoch=1 seq=0 off=0");
    redis_server_ask(server(&b), "CONFIG SET min-replicas-to-write 1");
    appended(&b, "Hello", "unavailable"); /* NOREPLICAS: refused, and the connection stays */
    redis_server_ask(server(&b), "CONFIG SET min-replicas-to-write 0");
    int before = b.completions;
    begin_again(&b);
    until_done(&b, before);
    heard_it(&b, "ok");
    assert_string_equal(buf_cstr(&b.events), "up; ");
    bed_close(&b);
}

static void test_a_key_of_another_kind(void **state)
{
    struct bed b;
    struct gen_key k = bed_key(1);
    char key[REDIS_KEY_MAX], command[300];
    (void)state;
    bed_on(&b, NULL);
    acquired(&b, "ok epoch=1 seq=0 off=0");
    redis_key_gen(key, 'l', &k);
    snprintf(command, sizeof(command), "SET %s oops", key);
    redis_server_ask(server(&b), command);
    appended(&b, "Hello", "corrupt");
    bed_close(&b);
}

/* ---- the subscriber */

static void test_what_a_lost_subscriber_missed_is_found(void **state)
{
    struct bed b;
    struct gen_key k = bed_key(1);
    (void)state;
    bed_on(&b, NULL);
    acquired(&b, "ok epoch=1 seq=0 off=0");
    b.s->ops->follow(b.s, &k);
    b.s->ops->watch(b.s, OWNER);
    appended(&b, "a", "ok");
    until_told(&b, "grown 1 to 1; ");
    redis_server_ask(server(&b), "CLIENT KILL TYPE pubsub");
    uint64_t from = link_now_ms();
    appended(&b, "b", "ok"); /* while nobody listens, or just so */
    until_told(&b, "grown 1 to 2; ");
    assert_true(link_now_ms() - from < 5000); /* well before a registration is renewed */
    until_up(&b);
    appended(&b, "c", "ok");
    until_told(&b, "grown 1 to 3; ");
    const struct active_entry e = {.gen = k.gen, .chat = k.gen, .state = "running", .off = 3};
    b.s->ops->publish(b.s, OWNER, &e);
    until_told(&b, "active 1 running 3; ");
    read_back(&b, "ok abc");
    bed_close(&b);
}

/* ---- who one is */

static void test_a_wrong_password_keeps_it_down(void **state)
{
    static const char *const arguments[] = {"--requirepass", "right", NULL};
    struct bed b;
    (void)state;
    memset(&b, 0, sizeof(b));
    b.world.server_count = 1;
    redis_server_prepare(server(&b), arguments);
    b.world.servers[0].password = "right";
    redis_server_start(server(&b));
    snprintf(b.url, sizeof(b.url), "redis://:wrong@127.0.0.1:%d", server(&b)->port);
    b.s = bed_open(&b, b.url, "a");
    acquired(&b, "unavailable");
    assert_false(b.s->ops->healthy(b.s));
    b.s->ops->close(b.s);
    snprintf(b.url, sizeof(b.url), "redis://:right@127.0.0.1:%d", server(&b)->port);
    b.s = bed_open(&b, b.url, "a");
    until_up(&b);
    acquired(&b, "ok epoch=1 seq=0 off=0");
    bed_close(&b);
}

static void test_a_leaving_node_lets_go_of_all(void **state)
{
    struct bed b;
    struct gen_key k = bed_key(1);
    (void)state;
    bed_on(&b, NULL);
    acquired(&b, "ok epoch=1 seq=0 off=0");
    kill(server(&b)->pid, SIGSTOP);
    b.s->ops->follow(b.s, &k);
    for (int i = 0; i < 100; i++)
        begin_append(&b, "x");
    ev_run(b.world.loop, EVRUN_NOWAIT); /* some are on their way */
    for (int i = 0; i < 100; i++)
        begin_append(&b, "x");
    session_redis_outbox();
    bed_close(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_killed_in_an_append),
        cmocka_unit_test(test_while_it_is_gone_calls_are_answered_at_once),
        cmocka_unit_test(test_opened_before_there_is_a_server),
        cmocka_unit_test(test_what_was_lost_is_made_good),
        cmocka_unit_test(test_silent_in_an_append),
        cmocka_unit_test(test_a_lease_is_not_given_to_who_has_gone),
        cmocka_unit_test(test_silent_while_nothing_is_asked),
        cmocka_unit_test(test_a_pause_of_ours_is_not_the_servers),
        cmocka_unit_test(test_functions_that_are_gone_are_loaded_again),
        cmocka_unit_test(test_a_full_memory_refuses_text),
        cmocka_unit_test(test_a_master_that_becomes_a_replica_is_left),
        cmocka_unit_test(test_a_running_script_is_not_the_end),
        cmocka_unit_test(test_a_key_of_another_kind),
        cmocka_unit_test(test_what_a_lost_subscriber_missed_is_found),
        cmocka_unit_test(test_a_wrong_password_keeps_it_down),
        cmocka_unit_test(test_a_leaving_node_lets_go_of_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
