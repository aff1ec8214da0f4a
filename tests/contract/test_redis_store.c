/* What the Redis store does beyond the contract: how it lies there, what it costs, what it takes from
 * strangers. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "contract/redis_bed.h"
#include "store/redis.h"

static struct redis_server *server(struct bed *b)
{
    return &b->world.servers[0];
}

static int setup(void **state)
{
    struct bed *b = calloc(1, sizeof(*b));
    assert_non_null(b);
    b->world.server_count = 1;
    redis_server_prepare(server(b), NULL);
    redis_server_start(server(b));
    snprintf(b->url, sizeof(b->url), "unix://%s/s", server(b)->folder);
    b->s = bed_open(b, b->url, "a");
    until_up(b);
    acquired(b, "ok epoch=1 seq=0 off=0");
    buf_clear(&b->events);
    *state = b;
    return 0;
}

static int teardown(void **state)
{
    bed_close(*state);
    free(*state);
    return 0;
}

/* The answer to a command about one key of generation 1. */
static const char *ask_key(struct bed *b, const char *command, char what)
{
    char key[REDIS_KEY_MAX], line[400];
    struct gen_key k = bed_key(1);
    redis_key_gen(key, what, &k);
    snprintf(line, sizeof(line), "%s %s", command, key);
    return redis_server_ask(server(b), line);
}

static void pass_ms(struct bed *b, int64_t ms)
{
    atomic_fetch_add(server(b)->clock_us, ms * 1000);
}

/* ---- how it lies there */

static void test_how_a_log_lies_there(void **state)
{
    struct bed *b = *state;
    appended(b, "Hello", "ok");
    assert_string_equal(ask_key(b, "GET", 's'), "$14\r\n1 1 5 81d90e1b\r\n");
    assert_non_null(strstr(redis_server_ask(server(b), "FUNCTION LIST"), "lastword_"));
    char line[400], key[REDIS_KEY_MAX];
    struct gen_key k = bed_key(1);
    redis_key_gen(key, 'l', &k);
    snprintf(line, sizeof(line), "XRANGE %s - +", key);
    assert_string_equal(redis_server_ask(server(b), line),
                        "*1\r\n*2\r\n$3\r\n0-1\r\n*2\r\n$1\r\nr\r\n$21\r\nt0 1 5 81d90e1b Hello\r\n");
}

static void test_an_abandoned_log_goes_away(void **state)
{
    struct bed *b = *state;
    appended(b, "Hello", "ok");
    pass_ms(b, 3000 + REDIS_ABANDONED_MS - 1);
    for (const char *what = "slm"; *what; what++)
        assert_string_equal(ask_key(b, "EXISTS", *what), ":1\r\n");
    pass_ms(b, 2);
    for (const char *what = "slm"; *what; what++)
        assert_string_equal(ask_key(b, "EXISTS", *what), ":0\r\n");
    read_back(b, "not_found ");
}

static long fcalls(struct bed *b)
{
    const char *at = strstr(redis_server_ask(server(b), "INFO commandstats"), "cmdstat_fcall:calls=");
    return at ? atol(strchr(at, '=') + 1) : 0;
}

static void count(void *ctx, enum store_status status)
{
    assert_int_equal(status, STORE_OK);
    ++*(int *)ctx;
}

static bool all_in(void *ctx)
{
    return *(int *)ctx == 100;
}

static void count_lease(void *ctx, const struct lease_result *r)
{
    count(ctx, r->status);
}

static void test_appends_of_one_turn_are_few_calls(void **state)
{
    struct bed *b = *state;
    int done = 0;
    const struct log_record r = {.seq = 1, .epoch = 1, .kind = LOG_KIND_START, .data = "{}", .len = 2};
    for (int i = 0; i < 100; i++) {
        struct gen_key k = bed_key(i + 10);
        b->s->ops->acquire(b->s, &k, &k.gen, 3000, count_lease, &done);
    }
    redis_world_until(&b->world, all_in, &done);
    redis_server_ask(server(b), "CONFIG RESETSTAT");
    done = 0;
    for (int i = 0; i < 100; i++) {
        struct gen_key k = bed_key(i + 10);
        b->s->ops->append(b->s, &k, &r, count, &done);
    }
    redis_world_until(&b->world, all_in, &done);
    assert_in_range(fcalls(b), 1, 3);
}

/* ---- following */

static void follow(struct bed *b)
{
    struct gen_key k = bed_key(1);
    b->s->ops->follow(b->s, &k);
    until_up(b); /* it has no completion, but it is under way */
}

static void on_read(void *ctx, enum store_status status, const struct log_record *records, size_t n)
{
    struct bed *b = ctx;
    b->completions++;
    buf_clear(&b->said);
    buf_add_str(&b->said, store_status_name(status));
    for (size_t i = 0; i < n; i++) {
        buf_printf(&b->said, " %llu/%llu:", (unsigned long long)records[i].seq,
                   (unsigned long long)records[i].off);
        buf_add(&b->said, records[i].data, records[i].len < 20 ? records[i].len : 20);
    }
}

static void read_after(struct bed *b, uint64_t after, size_t max, const char *what)
{
    struct gen_key k = bed_key(1);
    int before = b->completions;
    b->s->ops->read(b->s, &k, after, max, on_read, b);
    until_done(b, before);
    heard_it(b, what);
}

static void test_what_messages_brought_is_not_read_again(void **state)
{
    struct bed *b = *state;
    appended(b, "a", "ok");
    follow(b);
    appended(b, "b", "ok");
    appended(b, "cc", "ok");
    until_told(b, "grown 1 to 3; ");
    kill(server(b)->pid, SIGSTOP); /* so whatever is answered now is not from there */
    read_after(b, 1, 1000, "ok 2/2:b 3/4:cc");
    read_after(b, 1, 1000, "ok 2/2:b 3/4:cc"); /* what was read stays until something later is asked for */
    read_after(b, 1, 1, "ok 2/2:b");
    read_after(b, 2, 0, "ok 3/4:cc");
    kill(server(b)->pid, SIGCONT);
    read_after(b, 0, 1000, "ok 1/1:a 2/2:b 3/4:cc");
    read_after(b, 3, 1000, "ok");
    appended(b, "d", "ok");
    until_told(b, "grown 1 to 4; ");
    read_after(b, 3, 1000, "ok 4/5:d");
}

static void test_what_is_kept_is_no_older_than_the_connection(void **state)
{
    struct bed *b = *state;
    follow(b);
    appended(b, "a", "ok");
    until_told(b, "grown 1 to 1; ");
    redis_server_ask(server(b), "FLUSHALL");
    redis_server_ask(server(b), "CLIENT KILL TYPE pubsub");
    until_told(b, "grown 1 to 1; ");
    redis_settle_begin(b->s); /* finds out */
    until_up(b);
    read_after(b, 0, 1000, "not_found");
}

static void test_records_too_large_for_a_message_are_read(void **state)
{
    struct bed *b = *state;
    static char big[70000];
    memset(big, 'z', sizeof(big) - 1);
    follow(b);
    appended(b, big, "ok");
    until_told(b, "grown 1 to 1; ");
    read_after(b, 0, 1000, "ok 1/69999:zzzzzzzzzzzzzzzzzzzz");
    appended(b, "a", "ok");
    until_told(b, "grown 1 to 2; ");
    read_after(b, 1, 1000, "ok 2/70000:a");
}

static void test_a_follower_is_noted_and_forgotten(void **state)
{
    struct bed *b = *state;
    struct gen_key k = bed_key(1);
    follow(b);
    assert_non_null(strstr(ask_key(b, "GET", 's'), ",lw:0:n:a\r\n"));
    b->s->ops->unfollow(b->s, &k);
    until_up(b);
    assert_string_equal(ask_key(b, "GET", 's'), "$14\r\n1 0 0 00000000\r\n");
    follow(b);
    appended(b, "Hello", "ok");
    until_told(b, "grown 1 to 1; ");
    pass_ms(b, 31000); /* it does not say that it is there still */
    appended(b, ", world", "ok");
    until_up(b);
    assert_null(strstr(ask_key(b, "GET", 's'), "+"));
    assert_null(strstr(buf_cstr(&b->events), "grown 1 to 2; "));
}

/* ---- strangers */

static void test_nonsense_on_our_channels_is_passed_over(void **state)
{
    static const char *const nonsense[] = {
        "\"\"",
        "g",
        "c",
        "\"g \"",
        "\"g 1\"",
        "\"g 1 1 4 acme\"",
        "\"g 1 0 47 acme/alice/00000000-0000-0000-0000-00000000000\"",
        "\"g 1 0 47 acme/alice/00000000-0000-0000-0000-00000000000x\"",
        "\"g 99999999999999999999999 0 47 acme/alice/00000000-0000-0000-0000-000000000001\"",
        "\"g 1 65 47 acme/alice/00000000-0000-0000-0000-000000000001\"",
        "\"g 1 2 47 acme/alice/00000000-0000-0000-0000-0000000000011 a\"",
        "\"g 5 1 47 acme/alice/00000000-0000-0000-0000-00000000000199999 a\"",
        "\"g 5 1 47 acme/alice/00000000-0000-0000-0000-0000000000013\"",
        "\"c \"",
        "\"c acme\"",
        "\"c 00000000-0000-0000-0000-000000000001\"",
        "p",
        "\"g \\x00\\x00\"",
    };
    struct bed *b = *state;
    follow(b);
    b->s->ops->watch(b->s, OWNER);
    for (size_t i = 0; i < sizeof(nonsense) / sizeof(*nonsense); i++) {
        char line[400];
        snprintf(line, sizeof(line), "PUBLISH lw:0:n:a %s", nonsense[i]);
        assert_string_equal(redis_server_ask(server(b), line), ":1\r\n");
        snprintf(line, sizeof(line), "PUBLISH lw:0:o:%s %s", OWNER, nonsense[i]);
        redis_server_ask(server(b), line);
    }
    until_up(b);
    assert_string_equal(buf_cstr(&b->events), "");
    appended(b, "a", "ok");
    until_told(b, "grown 1 to 1; ");
}

/* A record that is none: a follower is told, and who reads it hears that it is corrupt. */
static void test_a_broken_record_is_corrupt(void **state)
{
    struct bed *b = *state;
    char line[400];
    follow(b);
    snprintf(line, sizeof(line),
             "PUBLISH lw:0:n:a \"g 1 1 47 acme/alice/00000000-0000-0000-0000-0000000000015 hello\"");
    redis_server_ask(server(b), line);
    until_told(b, "grown 1 to 1; ");
    read_after(b, 0, 1000, "corrupt");
}

/* ---- rights: what PRINCIPLES.md says a user needs */

static const char *const rights = "ACL SETUSER gw on >pw resetkeys ~lw:* resetchannels &lw:* -@all +@read "
                                  "+@write +@pubsub +fcall +function|load +time "
                                  "+role +ping +select +asking +client|setname +cluster|slots +cluster|info";

static void on_active(void *ctx, enum store_status status, const struct active_entry *entries, size_t n)
{
    (void)ctx, (void)entries;
    assert_int_equal(status, STORE_OK);
    assert_int_equal(n, 0);
}

static void test_a_user_with_just_the_rights(void **state)
{
    struct bed *b = *state;
    char url[512];
    redis_server_ask(server(b), "FUNCTION FLUSH");
    assert_string_equal(redis_server_ask(server(b), rights), "+OK\r\n");
    b->s->ops->close(b->s);
    snprintf(url, sizeof(url), "unix://gw:pw@%s/s", server(b)->folder);
    b->s = bed_open(b, url, "a");
    until_up(b);
    acquired(b, "ok epoch=2 seq=0 off=0");
    reclaimed(b, "fenced"); /* under epoch 1 */
    follow(b);
    b->s->ops->watch(b->s, OWNER);
    b->s->ops->active(b->s, OWNER, on_active, b);
    until_up(b);
    const struct active_entry e = {
        .gen = bed_key(1).gen, .chat = bed_key(1).gen, .state = "running", .off = 3};
    b->s->ops->publish(b->s, OWNER, &e);
    until_told(b, "active 1 running 3; ");
    assert_null(strstr(redis_server_ask(server(b), "ACL LOG"), "reason"));
}

/* ---- watching */

static int listed;

static void on_listed(void *ctx, enum store_status status, const struct active_entry *entries, size_t n)
{
    (void)ctx, (void)entries, (void)n;
    assert_int_equal(status, STORE_OK);
    listed++;
}

/* The server is stopped until all is written, and we are deaf to the subscriber until the other connection
 * has answered what was asked after the list. */
static void test_a_list_comes_when_what_follows_is_heard(void **state)
{
    struct bed *b = *state;
    struct ev_io *ear = &redis_self(b->s)->hearing.link.readable;
    kill(server(b)->pid, SIGSTOP);
    b->s->ops->watch(b->s, OWNER);
    b->s->ops->active(b->s, OWNER, on_listed, b);
    ev_run(b->world.loop, EVRUN_NOWAIT);
    ev_io_stop(b->world.loop, ear);
    kill(server(b)->pid, SIGCONT);
    listed = 0;
    appended(b, "Hello", "ok");
    assert_int_equal(listed, 0);
    ev_io_start(b->world.loop, ear);
    until_up(b);
    assert_int_equal(listed, 1);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_how_a_log_lies_there),
        T(test_an_abandoned_log_goes_away),
        T(test_appends_of_one_turn_are_few_calls),
        T(test_what_messages_brought_is_not_read_again),
        T(test_what_is_kept_is_no_older_than_the_connection),
        T(test_records_too_large_for_a_message_are_read),
        T(test_a_follower_is_noted_and_forgotten),
        T(test_nonsense_on_our_channels_is_passed_over),
        T(test_a_broken_record_is_corrupt),
        T(test_a_list_comes_when_what_follows_is_heard),
        T(test_a_user_with_just_the_rights),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
