/* session_contract_mend: several records in one append, and taking up a lease again after an outage. */
#include <string.h>

#include "base/buf.h"
#include "contract/session_world.h"

/* ---- several records at once */

static void test_many_are_appended_in_order(void **state)
{
    struct pair *w = *state;
    struct writer x = {.gen = 1, .epoch = 1};
    struct log_record r[3];
    acquire(w, 0, 1, 3000);
    r[0] = next_mark(&x, LOG_KIND_START, "{}");
    r[1] = next_text(&x, "Hel");
    r[2] = next_text(&x, "lo");
    r[2].part = 1;
    append_many(w, 0, 1, r, 3);
    heard(w, "ok");
    append_many(w, 0, 1, r, 3); /* a repeat of the very last */
    heard(w, "ok");
    append_many(w, 0, 1, r + 1, 2);
    heard(w, "ok");
    append_many(w, 0, 1, r, 2);
    heard(w, "wrong_position");
    read_log(w, 1, key(1), 0, 1000);
    heard(w, "ok 1:start/1@0 {} 2:text/1@3 Hel 3:text/1@5 lo part=1");
    buf_free(&x.text);
}

static void test_of_many_one_wrong_refuses_all(void **state)
{
    struct pair *w = *state;
    struct writer x = {.gen = 1, .epoch = 1};
    struct log_record good[3], bad[3];
    acquire(w, 0, 1, 3000);
    for (int i = 0; i < 3; i++)
        good[i] = next_text(&x, "abc");
    for (int i = 0; i < 3; i++) {
        memcpy(bad, good, sizeof(bad));
        bad[i].crc ^= 1;
        append_many(w, 0, 1, bad, 3);
        heard(w, "wrong_position");
        memcpy(bad, good, sizeof(bad));
        bad[i].seq++;
        append_many(w, 0, 1, bad, 3);
        heard(w, "wrong_position");
        memcpy(bad, good, sizeof(bad));
        bad[i].off++;
        append_many(w, 0, 1, bad, 3);
        heard(w, "wrong_position");
    }
    memcpy(bad, good, sizeof(bad));
    bad[2].kind = LOG_KIND_DONE;
    append_many(w, 0, 1, bad, 3);
    heard(w, "wrong_position");
    append_many(w, 0, 1, good, 0);
    heard(w, "wrong_position");
    memcpy(bad, good, sizeof(bad));
    bad[0].epoch = bad[1].epoch = bad[2].epoch = 2;
    append_many(w, 0, 1, bad, 3);
    heard(w, "fenced");
    read_log(w, 1, key(1), 0, 1000);
    heard(w, "ok");
    append_many(w, 0, 1, good, 3);
    heard(w, "ok");
    good[1].data = "xyz"; /* not the very records */
    append_many(w, 0, 1, good, 3);
    heard(w, "wrong_position");
    buf_free(&x.text);
}

static void test_many_may_begin_with_a_rewind(void **state)
{
    struct pair *w = *state;
    struct writer x = {.gen = 1, .epoch = 1};
    struct log_record r[3];
    acquire(w, 0, 1, 3000);
    append(w, 0, 1, next_text(&x, "abcdef"));
    r[0] = next_rewind(&x, 4);
    r[1] = next_mark(&x, LOG_KIND_START, "{}");
    r[2] = next_text(&x, "XY");
    append_many(w, 0, 1, r, 3);
    heard(w, "ok");
    append_many(w, 0, 1, r, 3);
    heard(w, "ok");
    r[0] = next_text(&x, "Z");
    r[1] = next_rewind(&x, 0);
    append_many(w, 0, 1, r, 2); /* not the first */
    heard(w, "wrong_position");
    read_log(w, 1, key(1), 1, 1000);
    heard(w, "ok 2:rewind/1@4 {} 3:start/1@4 {} 4:text/1@6 XY");
    buf_free(&x.text);
}

static void test_the_most_at_once(void **state)
{
    struct pair *w = *state;
    struct writer x = {.gen = 1, .epoch = 1};
    struct log_record r[APPEND_MAX + 1];
    acquire(w, 0, 1, 3000);
    for (int i = 0; i < APPEND_MAX + 1; i++)
        r[i] = next_text(&x, "ab");
    append_many(w, 0, 1, r, APPEND_MAX + 1);
    heard(w, "wrong_position");
    append_many(w, 0, 1, r, APPEND_MAX);
    heard(w, "ok");
    append(w, 0, 1, r[APPEND_MAX]);
    heard(w, "ok");
    buf_free(&x.text);
}

static void test_followers_of_many_are_told_the_last(void **state)
{
    struct pair *w = *state;
    struct writer x = {.gen = 1, .epoch = 1};
    struct gen_key k = key(1);
    acquire(w, 0, 1, 3000);
    w->side[1].s->ops->follow(w->side[1].s, &k);
    pass(w, 0);
    struct log_record r[2];
    r[0] = next_text(&x, "a");
    r[1] = next_text(&x, "b");
    append_many(w, 0, 1, r, 2);
    told(w, 1, "grown 1 to 2; ");
    buf_free(&x.text);
}

/* ---- a lease taken up again */

static void test_reclaim_keeps_the_epoch(void **state)
{
    struct pair *w = *state;
    struct writer x = {.gen = 1, .epoch = 2};
    acquire(w, 0, 1, 3000);
    acquire(w, 0, 1, 3000);
    append(w, 0, 1, next_text(&x, "Hel"));
    reclaim(w, 0, 1, 2, 3000);
    heard(w, "ok epoch=2 seq=1 off=3 crc=6e619d79");
    pass(w, 5000); /* lapsed, and nobody took it */
    reclaim(w, 0, 1, 2, 3000);
    heard(w, "ok epoch=2 seq=1 off=3 crc=6e619d79");
    acquire(w, 1, 1, 3000);
    heard(w, "held");
    append(w, 0, 1, next_text(&x, "lo"));
    heard(w, "ok");
    buf_free(&x.text);
}

static void test_reclaim_of_what_another_took_is_fenced(void **state)
{
    struct pair *w = *state;
    acquire(w, 0, 1, 1000);
    pass(w, 1001);
    acquire(w, 1, 1, 3000);
    heard(w, "ok epoch=2 seq=0 off=0 crc=00000000");
    reclaim(w, 0, 1, 1, 3000);
    heard(w, "fenced");
    reclaim(w, 0, 1, 2, 3000); /* the epoch alone is not enough */
    heard(w, "fenced");
    reclaim(w, 1, 1, 2, 3000);
    heard(w, "ok epoch=2 seq=0 off=0 crc=00000000");
}

static void test_reclaim_makes_a_lost_log_anew(void **state)
{
    struct pair *w = *state;
    struct writer x = {.gen = 1, .epoch = 3};
    reclaim(w, 0, 1, 3, 3000);
    heard(w, "ok epoch=3 seq=0 off=0 crc=00000000");
    acquire(w, 1, 1, 3000);
    heard(w, "held");
    append(w, 0, 1, next_text(&x, "Hello"));
    heard(w, "ok");
    pass(w, 3001);
    acquire(w, 1, 1, 3000);
    heard(w, "ok epoch=4 seq=1 off=5 crc=81d90e1b");
    buf_free(&x.text);
}

/* What a failover may do: the acquire that gave epoch 3 is lost, and with it whose the lease was. */
static void test_reclaim_raises_an_older_epoch(void **state)
{
    struct pair *w = *state;
    acquire(w, 1, 1, 3000);
    reclaim(w, 0, 1, 3, 3000);
    heard(w, "ok epoch=3 seq=0 off=0 crc=00000000");
    renew(w, 1, 1, 1, 3000);
    heard(w, "fenced");
}

static void test_reclaim_of_a_finished_log(void **state)
{
    struct pair *w = *state;
    struct writer x = {.gen = 1, .epoch = 1};
    acquire(w, 0, 1, 3000);
    finish(w, 0, 1, next_mark(&x, LOG_KIND_DONE, "{}"), "e", 1000);
    reclaim(w, 0, 1, 1, 3000);
    heard(w, "ok epoch=1 seq=1 off=0 crc=00000000 finished");
    acquire(w, 1, 1, 3000);
    heard(w, "ok epoch=1 seq=1 off=0 crc=00000000 finished");
}

/* ---- health and watching */

static void test_an_open_store_is_healthy(void **state)
{
    struct pair *w = *state;
    for (int i = 0; i < SESSION_NODES; i++)
        assert_true(w->side[i].s->ops->healthy(w->side[i].s));
}

static void test_nothing_is_missed_between_the_list_and_what_is_told(void **state)
{
    struct pair *w = *state;
    struct session_store *b = w->side[1].s;
    b->ops->watch(b, ALICE);
    active(w, 1, ALICE);
    heard(w, "ok");
    publish(w, 0, ALICE, 1, "running", 4);
    told(w, 1, "active 1 in 101 running 4; ");
}

static void test_unwatch_is_idempotent(void **state)
{
    struct pair *w = *state;
    struct session_store *b = w->side[1].s;
    b->ops->unwatch(b, ALICE);
    b->ops->watch(b, ALICE);
    b->ops->unwatch(b, ALICE);
    b->ops->unwatch(b, ALICE);
    pass(w, 0);
    b->ops->watch(b, ALICE);
    pass(w, 0);
    publish(w, 0, ALICE, 1, "running", 4);
    told(w, 1, "active 1 in 101 running 4; ");
}

#define T(f) cmocka_unit_test_setup_teardown(f, pair_setup, pair_teardown)

int session_contract_mend(void)
{
    const struct CMUnitTest tests[] = {
        T(test_many_are_appended_in_order),
        T(test_of_many_one_wrong_refuses_all),
        T(test_many_may_begin_with_a_rewind),
        T(test_the_most_at_once),
        T(test_followers_of_many_are_told_the_last),
        T(test_reclaim_keeps_the_epoch),
        T(test_reclaim_of_what_another_took_is_fenced),
        T(test_reclaim_makes_a_lost_log_anew),
        T(test_reclaim_raises_an_older_epoch),
        T(test_reclaim_of_a_finished_log),
        T(test_an_open_store_is_healthy),
        T(test_nothing_is_missed_between_the_list_and_what_is_told),
        T(test_unwatch_is_idempotent),
    };
    return cmocka_run_group_tests_name("sessions: mend", tests, NULL, NULL);
}
