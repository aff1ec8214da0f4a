/* session_contract_lapsed: logs that nobody holds any more, of which every node is told. */
#include <string.h>

#include "contract/session_world.h"

static void test_a_lease_that_runs_is_not_told(void **state)
{
    struct pair *w = *state;
    acquire(w, 0, 1, 3000);
    lapsed(w, 1, 10);
    heard(w, "ok");
    pass(w, 2000);
    renew(w, 0, 1, 1, 3000);
    pass(w, 2000);
    lapsed(w, 1, 10);
    heard(w, "ok");
    pass(w, 1001);
    lapsed(w, 1, 10);
    heard(w, "ok acme/alice/1 in 101");
}

static void test_every_node_is_told_until_one_acquires(void **state)
{
    struct pair *w = *state;
    acquire(w, 0, 1, 3000);
    acquire(w, 0, 3, 9000);
    node_close(w, 0); /* killed, as far as the store can see */
    pass(w, 3001);
    node_open(w, 0); /* another life under the same name changes nothing */
    lapsed(w, 0, 10);
    heard(w, "ok acme/alice/1 in 101");
    lapsed(w, 1, 10);
    heard(w, "ok acme/alice/1 in 101");
    acquire(w, 1, 1, 3000);
    heard(w, "ok epoch=2 seq=0 off=0 crc=00000000");
    lapsed(w, 0, 10);
    heard(w, "ok");
    pass(w, 6001); /* and again, with the other one */
    lapsed(w, 0, 10);
    heard(w, "ok acme/alice/1 in 101 acme/alice/3 in 103");
}

static void test_one_that_was_let_go_is_told_at_once(void **state)
{
    struct pair *w = *state;
    acquire(w, 0, 1, 3000);
    renew(w, 0, 1, 1, 0);
    heard(w, "ok");
    lapsed(w, 1, 10);
    heard(w, "ok acme/alice/1 in 101");
}

static void test_one_that_was_reclaimed_is_held(void **state)
{
    struct pair *w = *state;
    acquire(w, 0, 1, 3000);
    pass(w, 3001);
    lapsed(w, 1, 10);
    heard(w, "ok acme/alice/1 in 101");
    reclaim(w, 0, 1, 1, 3000);
    lapsed(w, 1, 10);
    heard(w, "ok");
    reclaim(w, 0, 2, 5, 3000); /* a log that is gone is made anew */
    pass(w, 3001);
    lapsed(w, 1, 10);
    heard(w, "ok acme/alice/1 in 101 acme/alice/2 in 102");
}

static void test_what_has_ended_is_not_told(void **state)
{
    struct pair *w = *state;
    struct writer x = {.gen = 1, .epoch = 1};
    acquire(w, 0, 1, 3000);
    finish(w, 0, 1, next_mark(&x, LOG_KIND_DONE, "{}"), "e", 60000);
    heard(w, "ok");
    pass(w, 3001);
    lapsed(w, 1, 10);
    heard(w, "ok");
    acquire(w, 1, 1, 3000); /* takes nothing */
    pass(w, 3001);
    lapsed(w, 1, 10);
    heard(w, "ok");
}

static void test_what_was_abandoned_is_forgotten(void **state)
{
    struct pair *w = *state;
    acquire(w, 0, 1, 3000);
    pass(w, 3000 + 3600 * 1000 + 1000);
    lapsed(w, 1, 10);
    heard(w, "ok");
}

static void test_no_more_are_told_than_were_asked_for(void **state)
{
    struct pair *w = *state;
    for (int gen = 1; gen <= 12; gen++)
        acquire(w, 0, gen, 1000);
    pass(w, 1001);
    lapsed(w, 1, 5);
    const char *said = buf_cstr(&w->said);
    int count = 0;
    for (const char *at = said; (at = strstr(at, " in ")); at++)
        count++;
    assert_int_equal(count, 5);
    for (int gen = 1; gen <= 12; gen++) /* whoever takes what he is told comes to the rest */
        acquire(w, 1, gen, 1000);
    lapsed(w, 1, 5);
    heard(w, "ok");
}

#define T(f) cmocka_unit_test_setup_teardown(f, pair_setup, pair_teardown)

int session_contract_lapsed(void)
{
    const struct CMUnitTest tests[] = {
        T(test_a_lease_that_runs_is_not_told),        T(test_every_node_is_told_until_one_acquires),
        T(test_one_that_was_let_go_is_told_at_once),  T(test_one_that_was_reclaimed_is_held),
        T(test_what_has_ended_is_not_told),           T(test_what_was_abandoned_is_forgotten),
        T(test_no_more_are_told_than_were_asked_for),
    };
    return cmocka_run_group_tests_name("sessions: lapsed", tests, NULL, NULL);
}
