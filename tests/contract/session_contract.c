/* session_contract: sessions, and one log: leases, appends, reads, ends. */
#include "contract/session_contract.h"

#include <string.h>

#include "base/mem.h"
#include "contract/session_world.h"

/* ---- sessions */

static void test_sessions_expire(void **state)
{
    struct pair *w = *state;
    touch(w, 0, ALICE, 1, 1000);
    heard(w, "ok new");
    pass(w, 999);
    touch(w, 1, ALICE, 1, 1000); /* on any node; and it is renewed */
    heard(w, "ok existed");
    pass(w, 999);
    touch(w, 0, ALICE, 1, 1000);
    heard(w, "ok existed");
    pass(w, 1001);
    touch(w, 0, ALICE, 1, 1000);
    heard(w, "ok new");
}

static void test_sessions_are_within_their_owner(void **state)
{
    struct pair *w = *state;
    touch(w, 0, ALICE, 1, 1000);
    touch(w, 0, BOB, 1, 1000);
    heard(w, "ok new");
    touch(w, 0, ALICE, 1, 1000);
    heard(w, "ok existed");
    touch(w, 0, ALICE, 2, 1000);
    heard(w, "ok new");
}

/* ---- leases */

static void test_acquire_counts_epochs(void **state)
{
    struct pair *w = *state;
    acquire(w, 0, 1, 3000);
    heard(w, "ok epoch=1 seq=0 off=0 crc=00000000");
    acquire(w, 0, 1, 3000); /* its own */
    heard(w, "ok epoch=2 seq=0 off=0 crc=00000000");
    acquire(w, 1, 1, 3000);
    heard(w, "held");
    acquire(w, 1, 2, 3000);
    heard(w, "ok epoch=1 seq=0 off=0 crc=00000000");
}

static void test_a_lapsed_lease_can_be_taken(void **state)
{
    struct pair *w = *state;
    struct writer x = {.gen = 1, .epoch = 1};
    acquire(w, 0, 1, 3000);
    append(w, 0, 1, next_text(&x, "Hel"));
    pass(w, 2000);
    renew(w, 0, 1, 1, 3000);
    heard(w, "ok");
    pass(w, 2000);
    acquire(w, 1, 1, 3000);
    heard(w, "held");
    assert_int_equal(w->held_ms, 1000);
    pass(w, 1001);
    acquire(w, 1, 1, 3000);
    heard(w, "ok epoch=2 seq=1 off=3 crc=6e619d79");
    renew(w, 0, 1, 1, 3000);
    heard(w, "fenced");
    append(w, 0, 1, next_text(&x, "zombie"));
    heard(w, "fenced");
    buf_free(&x.text);
}

static void test_renew_needs_a_log(void **state)
{
    struct pair *w = *state;
    renew(w, 0, 1, 1, 3000);
    heard(w, "not_found");
    acquire(w, 0, 1, 3000);
    renew(w, 0, 1, 2, 3000);
    heard(w, "fenced");
}

static void test_a_lapsed_lease_nobody_took_can_be_renewed(void **state)
{
    struct pair *w = *state;
    acquire(w, 0, 1, 100);
    pass(w, 500);
    renew(w, 0, 1, 1, 3000);
    heard(w, "ok");
    acquire(w, 1, 1, 3000);
    heard(w, "held");
}

static void test_of_two_at_once_one_gets_it(void **state)
{
    struct pair *w = *state;
    acquire(w, 0, 1, 100);
    pass(w, 101);
    start_acquire(w, 1, 1, 3000);
    pass(w, 0);
    heard(w, "ok epoch=2 seq=0 off=0 crc=00000000");
    start_acquire(w, 0, 1, 3000);
    pass(w, 0);
    heard(w, "held");
}

/* ---- appends */

static void test_append_and_read_back(void **state)
{
    struct pair *w = *state;
    struct writer x = {.gen = 1, .epoch = 1};
    acquire(w, 0, 1, 3000);
    append(w, 0, 1, next_mark(&x, LOG_KIND_START, "{\"mode\":\"fresh\"}"));
    heard(w, "ok");
    append(w, 0, 1, next_text(&x, "Hel"));
    struct log_record thought = next_text(&x, "hm");
    thought.part = 1;
    append(w, 0, 1, thought);
    read_log(w, 1, key(1), 0, 1000);
    heard(w, "ok 1:start/1@0 {\"mode\":\"fresh\"} 2:text/1@3 Hel 3:text/1@5 hm part=1");
    read_log(w, 1, key(1), 2, 1000);
    heard(w, "ok 3:text/1@5 hm part=1");
    read_log(w, 1, key(1), 3, 1000);
    heard(w, "ok");
    read_log(w, 1, key(1), 77, 1000);
    heard(w, "ok");
    buf_free(&x.text);
}

static void test_read_keeps_to_its_bytes_but_gives_one(void **state)
{
    struct pair *w = *state;
    struct writer x = {.gen = 1, .epoch = 1};
    acquire(w, 0, 1, 3000);
    append(w, 0, 1, next_text(&x, "aaaa"));
    append(w, 0, 1, next_text(&x, "bbbb"));
    append(w, 0, 1, next_text(&x, "cccc"));
    read_log(w, 0, key(1), 0, 8);
    heard(w, "ok 1:text/1@4 aaaa 2:text/1@8 bbbb");
    read_log(w, 0, key(1), 1, 1);
    heard(w, "ok 2:text/1@8 bbbb");
    read_log(w, 0, key(1), 1, 0);
    heard(w, "ok 2:text/1@8 bbbb");
    buf_free(&x.text);
}

static void test_what_does_not_follow_is_refused(void **state)
{
    struct pair *w = *state;
    struct writer x = {.gen = 1, .epoch = 1};
    acquire(w, 0, 1, 3000);
    append(w, 0, 1, next_text(&x, "Hello"));
    struct log_record good = next_text(&x, " you"), r;
    r = good, r.seq = 3;
    append(w, 0, 1, r);
    heard(w, "wrong_position");
    r = good, r.off = 10;
    append(w, 0, 1, r);
    heard(w, "wrong_position");
    r = good, r.crc ^= 1;
    append(w, 0, 1, r);
    heard(w, "wrong_position");
    r = good, r.epoch = 2;
    append(w, 0, 1, r);
    heard(w, "fenced");
    append(w, 0, 2, good);
    heard(w, "not_found");
    append(w, 0, 1, good);
    heard(w, "ok");
    read_log(w, 0, key(1), 0, 1000);
    heard(w, "ok 1:text/1@5 Hello 2:text/1@9  you");
    buf_free(&x.text);
}

static void test_a_repeat_is_recognised(void **state)
{
    struct pair *w = *state;
    struct writer x = {.gen = 1, .epoch = 1};
    acquire(w, 0, 1, 3000);
    struct log_record one = next_text(&x, "one"), two = next_text(&x, "two");
    append(w, 0, 1, one);
    append(w, 0, 1, one);
    heard(w, "ok");
    append(w, 0, 1, two);
    append(w, 0, 1, two);
    heard(w, "ok");
    append(w, 0, 1, one); /* not the last any more */
    heard(w, "wrong_position");
    two.data = "TWO"; /* not the very record */
    append(w, 0, 1, two);
    heard(w, "wrong_position");
    read_log(w, 0, key(1), 0, 1000);
    heard(w, "ok 1:text/1@3 one 2:text/1@6 two");
    buf_free(&x.text);
}

static void test_rewinds_cut_back(void **state)
{
    struct pair *w = *state;
    struct writer x = {.gen = 1, .epoch = 1};
    acquire(w, 0, 1, 3000);
    append(w, 0, 1, next_text(&x, "abcdef"));
    append(w, 0, 1, next_text(&x, "ghijkl"));
    append(w, 0, 1, next_rewind(&x, 8));
    heard(w, "ok");
    append(w, 0, 1, next_text(&x, "XY"));
    heard(w, "ok");
    append(w, 0, 1, next_rewind(&x, 9)); /* within what came after the first cut */
    heard(w, "ok");
    append(w, 0, 1, next_rewind(&x, 3)); /* below it */
    heard(w, "ok");
    append(w, 0, 1, next_text(&x, "Z"));
    heard(w, "ok");
    append(w, 0, 1, next_rewind(&x, 0));
    heard(w, "ok");
    append(w, 0, 1, next_text(&x, "new"));
    heard(w, "ok");
    acquire(w, 0, 1, 3000);
    assert_non_null(strstr(buf_cstr(&w->said), "seq=9 off=3"));
    struct log_record beyond = {
        .seq = 10, .epoch = 2, .off = 4, .kind = LOG_KIND_REWIND, .data = "{}", .len = 2};
    append(w, 0, 1, beyond);
    heard(w, "wrong_position");
    beyond.off = 2;
    beyond.crc = 1;
    append(w, 0, 1, beyond);
    heard(w, "wrong_position");
    buf_free(&x.text);
}

static void test_big_and_odd_text(void **state)
{
    struct pair *w = *state;
    struct writer x = {.gen = 1, .epoch = 1};
    char *big = mem_alloc((64 << 10) + 1);
    memset(big, 'z', 64 << 10);
    acquire(w, 0, 1, 3000);
    struct log_record nul = next_text(&x, "a b");
    nul.data = "a\0b";
    nul.crc = 0;
    append(w, 0, 1, nul); /* the crc is held against the bytes */
    heard(w, "wrong_position");
    x = (struct writer){.gen = 1, .epoch = 1, .text = x.text};
    for (int i = 0; i < 16; i++) {
        append(w, 0, 1, next_text(&x, big));
        heard(w, "ok");
    }
    acquire(w, 0, 1, 3000);
    assert_non_null(strstr(buf_cstr(&w->said), "seq=16 off=1048576"));
    mem_free(big);
    buf_free(&x.text);
}

/* ---- the end */

static void test_finish_ends_a_log(void **state)
{
    struct pair *w = *state;
    struct writer x = {.gen = 1, .epoch = 1};
    acquire(w, 0, 1, 3000);
    append(w, 0, 1, next_text(&x, "Hello"));
    struct log_record done = next_mark(&x, LOG_KIND_DONE, "{\"state\":\"complete\"}");
    finish(w, 0, 1, done, "entry one", 1000);
    heard(w, "ok");
    finish(w, 0, 1, done, "entry one", 1000); /* a repeat makes no second entry */
    heard(w, "ok");
    read_log(w, 1, key(1), 1, 1000);
    heard(w, "ok 2:done/1@5 {\"state\":\"complete\"}");
    append(w, 0, 1, next_text(&x, "more"));
    heard(w, "fenced");
    renew(w, 0, 1, 1, 3000);
    heard(w, "fenced");
    acquire(w, 1, 1, 3000);
    heard(w, "ok epoch=1 seq=2 off=5 crc=81d90e1b finished");
    take(w, 0, 10);
    heard(w, "ok entry one");
    buf_free(&x.text);
}

static void test_a_finished_log_is_kept_for_a_while(void **state)
{
    struct pair *w = *state;
    struct writer x = {.gen = 1, .epoch = 1};
    acquire(w, 0, 1, 3000);
    finish(w, 0, 1, next_mark(&x, LOG_KIND_DONE, "{}"), "e", 5000);
    pass(w, 4999);
    read_log(w, 1, key(1), 0, 1000);
    heard(w, "ok 1:done/1@0 {}");
    pass(w, 2);
    read_log(w, 1, key(1), 0, 1000);
    heard(w, "not_found");
    acquire(w, 1, 1, 3000);
    heard(w, "ok epoch=1 seq=0 off=0 crc=00000000");
}

static void test_finish_is_checked_like_an_append(void **state)
{
    struct pair *w = *state;
    struct writer x = {.gen = 1, .epoch = 1};
    struct log_record done = next_mark(&x, LOG_KIND_DONE, "{}");
    finish(w, 0, 1, done, "e", 1000);
    heard(w, "not_found");
    acquire(w, 0, 1, 3000);
    done.off = 7;
    finish(w, 0, 1, done, "e", 1000);
    heard(w, "wrong_position");
    done.off = 0;
    done.epoch = 0;
    finish(w, 0, 1, done, "e", 1000);
    heard(w, "fenced");
    done.epoch = 1;
    append(w, 0, 1, done); /* only finish ends a log */
    heard(w, "wrong_position");
    take(w, 0, 10);
    heard(w, "ok");
    finish(w, 0, 1, done, "e", 1000);
    heard(w, "ok");
}

static void test_logs_are_within_their_owner(void **state)
{
    struct pair *w = *state;
    struct writer x = {.gen = 1, .epoch = 1};
    acquire(w, 0, 1, 3000);
    append(w, 0, 1, next_text(&x, "Hello"));
    read_log(w, 0, key_of(BOB, 1), 0, 1000);
    heard(w, "not_found");
    buf_free(&x.text);
}

#define T(f) cmocka_unit_test_setup_teardown(f, pair_setup, pair_teardown)

int session_contract_log(void)
{
    const struct CMUnitTest tests[] = {
        T(test_sessions_expire),
        T(test_sessions_are_within_their_owner),
        T(test_acquire_counts_epochs),
        T(test_a_lapsed_lease_can_be_taken),
        T(test_renew_needs_a_log),
        T(test_a_lapsed_lease_nobody_took_can_be_renewed),
        T(test_of_two_at_once_one_gets_it),
        T(test_append_and_read_back),
        T(test_read_keeps_to_its_bytes_but_gives_one),
        T(test_what_does_not_follow_is_refused),
        T(test_a_repeat_is_recognised),
        T(test_rewinds_cut_back),
        T(test_big_and_odd_text),
        T(test_finish_ends_a_log),
        T(test_a_finished_log_is_kept_for_a_while),
        T(test_finish_is_checked_like_an_append),
        T(test_logs_are_within_their_owner),
    };
    return cmocka_run_group_tests_name("sessions: log", tests, NULL, NULL);
}

int session_contract(const struct session_factory *factory)
{
    pair_use(factory);
    return session_contract_log() + session_contract_mend() + session_contract_nodes() +
           session_contract_lapsed();
}
