/* session_contract_nodes: what nodes tell each other, the outbox, and the contract of asynchronous calls. */
#include <string.h>

#include "contract/session_world.h"

/* ---- following */

static void test_followers_are_told(void **state)
{
    struct pair *w = *state;
    struct writer x = {.gen = 1, .epoch = 1};
    struct gen_key k = key(1);
    struct session_store *b = w->side[1].s;
    acquire(w, 0, 1, 3000);
    append(w, 0, 1, next_text(&x, "a"));
    told(w, 1, "");
    b->ops->follow(b, &k);
    b->ops->follow(b, &k);
    told(w, 1, ""); /* not of what was there before */
    append(w, 0, 1, next_text(&x, "b"));
    told(w, 1, "grown 1 to 2; ");
    append(w, 0, 1, next_rewind(&x, 1));
    told(w, 1, "grown 1 to 3; ");
    finish(w, 0, 1, next_mark(&x, LOG_KIND_DONE, "{}"), "e", 1000);
    told(w, 1, "grown 1 to 4; ");
    told(w, 0, "");
    buf_free(&x.text);
}

static void test_growth_in_one_turn_is_told_at_least_once(void **state)
{
    struct pair *w = *state;
    struct writer x = {.gen = 1, .epoch = 1};
    struct gen_key k = key(1);
    struct session_store *b = w->side[1].s;
    acquire(w, 0, 1, 3000);
    b->ops->follow(b, &k);
    pass(w, 0); /* it has no completion */
    for (int i = 0; i < 50; i++)
        start_append(w, 0, 1, next_text(&x, "token "));
    pass(w, 0);
    const char *events = buf_cstr(&w->side[1].events);
    assert_non_null(strstr(events, "grown 1 to 50; "));
    buf_clear(&w->side[1].events);
    buf_free(&x.text);
}

static void test_unfollow_ends_it(void **state)
{
    struct pair *w = *state;
    struct writer x = {.gen = 1, .epoch = 1};
    struct gen_key k = key(1), unknown = key(9);
    struct session_store *b = w->side[1].s;
    acquire(w, 0, 1, 3000);
    b->ops->follow(b, &k);
    start_append(w, 0, 1, next_text(&x, "a"));
    b->ops->unfollow(b, &k);
    b->ops->unfollow(b, &k);
    b->ops->unfollow(b, &unknown);
    told(w, 1, "");
    b->ops->follow(b, &k);
    pass(w, 0);
    append(w, 0, 1, next_text(&x, "b"));
    told(w, 1, "grown 1 to 2; ");
    buf_free(&x.text);
}

static void test_another_nodes_following_is_known(void **state)
{
    struct pair *w = *state;
    struct gen_key k = key(1), unknown = key(9);
    struct session_store *a = w->side[0].s, *b = w->side[1].s;
    acquire(w, 0, 1, 3000);
    heard(w, "ok epoch=1 seq=0 off=0 crc=00000000");
    followed(w, 0, k);
    heard(w, "ok alone");
    a->ops->follow(a, &k); /* its own does not count */
    b->ops->follow(b, &k);
    pass(w, 0);
    followed(w, 0, k);
    heard(w, "ok followed");
    b->ops->unfollow(b, &k);
    pass(w, 0);
    followed(w, 0, k);
    heard(w, "ok alone");
    followed(w, 0, unknown);
    heard(w, "ok alone");
}

static void test_a_lease_let_go_is_told(void **state)
{
    struct pair *w = *state;
    struct writer x = {.gen = 1, .epoch = 1};
    struct gen_key k = key(1);
    struct session_store *b = w->side[1].s;
    acquire(w, 0, 1, 3000);
    append(w, 0, 1, next_text(&x, "a"));
    b->ops->follow(b, &k);
    told(w, 1, "");
    renew(w, 0, 1, 1, 0);
    told(w, 1, "grown 1 to 1; ");
    buf_clear(&w->said);
    acquire(w, 1, 1, 3000);
    heard(w, "ok epoch=2 seq=1 off=1 crc=c1d04330");
    buf_free(&x.text);
}

static void test_a_refused_append_tells_nobody(void **state)
{
    struct pair *w = *state;
    struct writer x = {.gen = 1, .epoch = 1};
    struct gen_key k = key(1);
    acquire(w, 0, 1, 3000);
    w->side[1].s->ops->follow(w->side[1].s, &k);
    pass(w, 0);
    struct log_record r = next_text(&x, "a");
    r.crc ^= 1;
    append(w, 0, 1, r);
    told(w, 1, "");
    buf_free(&x.text);
}

/* ---- cancel */

static void test_cancel_reaches_the_owner(void **state)
{
    struct pair *w = *state;
    acquire(w, 0, 1, 3000);
    cancel(w, 1, key(1));
    heard(w, "ok");
    told(w, 0, "cancel 1; ");
    told(w, 1, "");
    cancel(w, 0, key(1)); /* also from itself */
    told(w, 0, "cancel 1; ");
    pass(w, 3001);
    acquire(w, 1, 1, 3000);
    cancel(w, 0, key(1));
    told(w, 0, "");
    told(w, 1, "cancel 1; ");
}

static void test_cancel_of_nothing_is_well(void **state)
{
    struct pair *w = *state;
    struct writer x = {.gen = 1, .epoch = 1};
    cancel(w, 0, key(1));
    heard(w, "ok");
    acquire(w, 0, 1, 3000);
    cancel(w, 1, key_of(BOB, 1));
    heard(w, "ok");
    finish(w, 0, 1, next_mark(&x, LOG_KIND_DONE, "{}"), "e", 1000);
    cancel(w, 1, key(1));
    heard(w, "ok");
    told(w, 0, "");
    told(w, 1, "");
}

/* ---- active */

static void test_active_is_known_on_all_nodes(void **state)
{
    struct pair *w = *state;
    watch(w, ALICE);
    watch(w, ALICE);
    publish(w, 0, ALICE, 1, "queued", 0);
    told(w, 0, "active 1 in 101 queued 0; ");
    told(w, 1, "active 1 in 101 queued 0; ");
    publish(w, 1, ALICE, 2, "running", 7);
    publish(w, 0, ALICE, 1, "running", 3);
    publish(w, 0, BOB, 3, "running", 9);
    pass(w, 0); /* what two nodes do at once is in no order */
    active(w, 1, ALICE);
    heard(w, "ok 1 in 101 running 3 2 in 102 running 7");
    active(w, 0, BOB);
    heard(w, "ok 3 in 103 running 9");
    publish(w, 0, ALICE, 1, "complete", 12);
    pass(w, 0);
    active(w, 1, ALICE);
    heard(w, "ok 2 in 102 running 7");
    publish(w, 0, ALICE, 2, "cancelled", 12);
    pass(w, 0);
    active(w, 1, ALICE);
    heard(w, "ok");
}

static void test_a_node_sees_its_own_publishing_first(void **state)
{
    struct pair *w = *state;
    publish(w, 0, ALICE, 1, "running", 0);
    active(w, 0, ALICE);
    heard(w, "ok 1 in 101 running 0");
}

static void test_what_a_crashed_node_ran_stays_listed(void **state)
{
    struct pair *w = *state;
    acquire(w, 0, 1, 3000);
    publish(w, 0, ALICE, 1, "running", 0);
    pass(w, 0);
    node_close(w, 0);
    active(w, 1, ALICE);
    heard(w, "ok 1 in 101 running 0");
    acquire(w, 1, 1, 3000);
    heard(w, "held"); /* the lease outlives the node */
    cancel(w, 1, key(1));
    heard(w, "ok");
    pass(w, 3001);
    acquire(w, 1, 1, 3000);
    heard(w, "ok epoch=2 seq=0 off=0 crc=00000000");
}

/* ---- outbox */

static void end_one(struct pair *w, int gen, const char *entry)
{
    struct writer x = {.gen = gen, .epoch = 1};
    acquire(w, 0, gen, 3000);
    finish(w, 0, gen, next_mark(&x, LOG_KIND_DONE, "{}"), entry, 1000);
    heard(w, "ok");
}

static void test_outbox_gives_in_order_until_acknowledged(void **state)
{
    struct pair *w = *state;
    take(w, 0, 10);
    heard(w, "ok");
    end_one(w, 1, "one");
    end_one(w, 2, "two");
    end_one(w, 3, "three");
    take(w, 0, 2);
    heard(w, "ok one two");
    take(w, 0, 2); /* not acknowledged: again */
    heard(w, "ok one two");
    ack(w, 0, 1);
    heard(w, "ok");
    take(w, 0, 10);
    heard(w, "ok two three");
    ack(w, 0, 2);
    ack(w, 0, 2); /* acknowledged twice: no harm */
    heard(w, "ok");
    take(w, 0, 10);
    heard(w, "ok");
}

static void test_outbox_gives_an_entry_to_one_consumer(void **state)
{
    struct pair *w = *state;
    end_one(w, 1, "one");
    end_one(w, 2, "two");
    take(w, 0, 1);
    heard(w, "ok one");
    take(w, 1, 10);
    heard(w, "ok two");
    node_close(w, 0); /* what it held goes back */
    pass(w, 60 * 1000);
    take(w, 1, 10);
    heard(w, "ok one two");
}

/* ---- prompts that history could not be told */

static void test_a_prompt_is_an_entry_and_a_turn(void **state)
{
    struct pair *w = *state;
    chat(w, 1, ALICE, 9);
    heard(w, "ok newest=0");
    prompt(w, 0, 1, 9, "one");
    heard(w, "ok");
    prompt(w, 1, 2, 9, "two");
    heard(w, "ok");
    prompt(w, 0, 3, 8, "elsewhere");
    heard(w, "ok");
    chat(w, 1, ALICE, 9);
    heard(w, "ok newest=502 1:one 2:two");
    chat(w, 1, BOB, 9); /* another's */
    heard(w, "ok newest=0");
    take(w, 0, 10);
    heard(w, "ok one two elsewhere"); /* in order, whatever the chat */
    ack(w, 0, 3);
    chat(w, 0, ALICE, 9); /* history has not said so */
    heard(w, "ok newest=502 1:one 2:two");
    forget(w, 0, 1, 9);
    heard(w, "ok");
    forget(w, 1, 1, 9); /* twice: no harm */
    heard(w, "ok");
    chat(w, 1, ALICE, 9);
    heard(w, "ok newest=502 2:two");
}

static void test_a_prompt_comes_before_its_end(void **state)
{
    struct pair *w = *state;
    for (int gen = 1; gen <= 6; gen++) {
        prompt(w, 0, gen, 200 + gen, "prompt"); /* in a shard of its own */
        end_one(w, gen, "end");
    }
    take(w, 0, 20);
    heard(w, "ok prompt end prompt end prompt end prompt end prompt end prompt end");
}

static void test_a_repeated_prompt_is_one(void **state)
{
    struct pair *w = *state;
    prompt(w, 0, 1, 9, "one");
    prompt(w, 0, 1, 9, "one");
    heard(w, "ok");
    prompt(w, 1, 1, 9, "another");
    heard(w, "exists");
    chat(w, 0, ALICE, 9);
    heard(w, "ok newest=501 1:one");
    take(w, 0, 10);
    heard(w, "ok one");
}

static void test_an_answer_belongs_to_its_turn(void **state)
{
    struct pair *w = *state;
    answered(w, 0, 1, 9, "too soon");
    prompt(w, 0, 1, 9, "one");
    chat(w, 1, ALICE, 9);
    heard(w, "ok newest=501 1:one");
    answered(w, 0, 1, 9, "hello");
    prompt(w, 0, 2, 9, "two");
    answered(w, 1, 2, 9, "");
    chat(w, 1, ALICE, 9);
    heard(w, "ok newest=502 1:one=hello 2:two=");
    forget(w, 0, 1, 9);
    answered(w, 0, 1, 9, "too late");
    chat(w, 1, ALICE, 9);
    heard(w, "ok newest=502 2:two=");
}

static void test_the_newest_message_is_remembered_for_a_while(void **state)
{
    struct pair *w = *state;
    newest(w, 0, 9, 77, 60 * 1000);
    chat(w, 1, ALICE, 9);
    heard(w, "ok newest=77");
    pass(w, 61 * 1000);
    chat(w, 1, ALICE, 9);
    heard(w, "ok newest=0");
    prompt(w, 0, 1, 9, "one"); /* waits for history, however long that takes */
    newest(w, 1, 9, 78, 1000);
    pass(w, 3600 * 1000);
    chat(w, 1, ALICE, 9);
    heard(w, "ok newest=78 1:one");
}

/* ---- asynchronous */

static struct store_op *start_nth(struct pair *w, int n)
{
    static const struct log_record one = {
        .seq = 1, .epoch = 1, .off = 0, .kind = LOG_KIND_START, .data = "{}", .len = 2};
    static const struct log_record two = {
        .seq = 2, .epoch = 1, .off = 0, .kind = LOG_KIND_DONE, .data = "{}", .len = 2};
    switch (n) {
    case 0:
        return start_touch(w, 0, ALICE, 1, 1000);
    case 1:
        return start_acquire(w, 0, 1, 1000);
    case 2:
        return start_renew(w, 0, 1, 1, 1000);
    case 3:
        return start_append(w, 0, 1, one);
    case 4:
        return start_finish(w, 0, 1, two, "entry", 1000);
    case 5:
        return start_read(w, 0, key(1), 0, 100);
    case 6:
        return start_cancel(w, 0, key(1));
    case 7:
        return start_active(w, 0, ALICE);
    case 8:
        return start_take(w, 0, 10);
    case 9:
        return start_ack(w, 0, 0);
    case 10:
        return start_append_many(w, 0, 1, &one, 1);
    case 11:
        return start_reclaim(w, 0, 1, 1, 1000);
    case 12:
        return start_lapsed(w, 0, 10);
    case 13:
        return start_prompt(w, 0, 1, 9, "entry");
    case 14:
        return start_chat(w, 0, ALICE, 9);
    case 15:
        return start_forget(w, 0, 1, 9);
    default:
        return NULL;
    }
}

static void test_every_call_completes_once(void **state)
{
    struct pair *w = *state;
    int n = 0;
    while (start_nth(w, n))
        n++;
    assert_int_equal(w->completions, 0);
    pass(w, 0);
    assert_int_equal(w->completions, n);
    pass(w, 10000);
    assert_int_equal(w->completions, n);
}

static void test_none_after_cancel(void **state)
{
    struct pair *w = *state;
    struct store_op *op;
    for (int n = 0; (op = start_nth(w, n)); n++)
        w->side[0].s->ops->cancel_op(w->side[0].s, op);
    pass(w, 0);
    assert_int_equal(w->completions, 0);
    touch(w, 0, ALICE, 7, 1000); /* what comes after is not harmed */
    heard(w, "ok new");
}

static void test_none_after_close(void **state)
{
    struct pair *w = *state;
    for (int n = 0; start_nth(w, n); n++) {
    }
    node_close(w, 0);
    pass(w, 1000);
    assert_int_equal(w->completions, 0);
}

struct chain {
    struct pair *w;
    struct store_op *other; /* until it completes or is cancelled */
    int left, completed, cancelled;
};

static void on_other(void *ctx, enum store_status status, const struct active_entry *entries, size_t n)
{
    struct chain *c = ctx;
    (void)entries, (void)n;
    assert_int_equal(status, STORE_OK);
    assert_non_null(c->other);
    c->other = NULL;
    c->completed++;
}

static void on_link(void *ctx, enum store_status status, bool existed)
{
    struct chain *c = ctx;
    struct session_store *s = c->w->side[0].s;
    struct uuid u = {{1}};
    (void)existed;
    assert_int_equal(status, STORE_OK);
    c->w->completions++;
    if (c->other) {
        s->ops->cancel_op(s, c->other);
        c->cancelled++;
    }
    c->other = NULL;
    if (--c->left)
        s->ops->touch(s, ALICE, &u, 1000, on_link, c);
}

static void test_a_completion_may_start_and_cancel(void **state)
{
    struct pair *w = *state;
    struct session_store *s = w->side[0].s;
    struct chain c = {.w = w, .left = 5};
    struct uuid u = {{1}};
    s->ops->touch(s, ALICE, &u, 1000, on_link, &c);
    c.other = s->ops->active(s, ALICE, on_other, &c);
    pass(w, 0);
    assert_int_equal(w->completions, 5);
    assert_int_equal(c.completed + c.cancelled, 1); /* which, is the store's order */
}

static void test_arguments_are_copied(void **state)
{
    struct pair *w = *state;
    struct writer x = {.gen = 1, .epoch = 1};
    char text[] = "Hel", owner[] = ALICE;
    acquire(w, 0, 1, 1000);
    struct log_record r = next_text(&x, text);
    struct gen_key k = key_of(owner, 1);
    start_append(w, 0, 1, r);
    memset(text, 'X', 3);
    start_read(w, 0, k, 0, 100);
    memset(owner, 'X', 4);
    pass(w, 0);
    heard(w, "ok 1:text/1@3 Hel");
    buf_free(&x.text);
}

#define T(f) cmocka_unit_test_setup_teardown(f, pair_setup, pair_teardown)

int session_contract_nodes(void)
{
    const struct CMUnitTest tests[] = {
        T(test_followers_are_told),
        T(test_growth_in_one_turn_is_told_at_least_once),
        T(test_unfollow_ends_it),
        T(test_another_nodes_following_is_known),
        T(test_a_lease_let_go_is_told),
        T(test_a_refused_append_tells_nobody),
        T(test_cancel_reaches_the_owner),
        T(test_cancel_of_nothing_is_well),
        T(test_active_is_known_on_all_nodes),
        T(test_a_node_sees_its_own_publishing_first),
        T(test_what_a_crashed_node_ran_stays_listed),
        T(test_outbox_gives_in_order_until_acknowledged),
        T(test_outbox_gives_an_entry_to_one_consumer),
        T(test_a_prompt_is_an_entry_and_a_turn),
        T(test_a_prompt_comes_before_its_end),
        T(test_a_repeated_prompt_is_one),
        T(test_an_answer_belongs_to_its_turn),
        T(test_the_newest_message_is_remembered_for_a_while),
        T(test_every_call_completes_once),
        T(test_none_after_cancel),
        T(test_none_after_close),
        T(test_a_completion_may_start_and_cancel),
        T(test_arguments_are_copied),
    };
    return cmocka_run_group_tests_name("sessions: nodes", tests, NULL, NULL);
}
