/* history_contract_async: exactly one completion, never before the starting call has returned, none after
 * cancel; and the order in which calls take effect. */
#include <string.h>

#include "contract/history_suites.h"
#include "contract/history_world.h"

/* That no completion comes inside the starting call is checked by every completion of every test: hear(). */

static struct store_op *start_nth(struct world *w, int n)
{
    static const uint64_t from = 0;
    const struct end tail = {.gen = 1, .text = "x"};
    switch (n) {
    case 0:
        return start_begin(w, (struct ask){.gen = 2, .chat = 2, .input = "hi"});
    case 1:
        return start_answer(w, ALICE, 1);
    case 2:
        return start_running(w, NULL, 0, 10);
    case 3:
        return start_context(w, ALICE, 1, 11, 100);
    case 4:
        return start_list(w, ALICE, 10, NULL, NULL);
    case 5:
        return start_tree(w, ALICE, 1);
    case 6:
        return start_edit(w, ALICE, 1, "T");
    case 7:
        return start_finish(w, (struct end){.gen = 1, .text = "end"});
    case 8:
        return w->h->checkpoint ? start_save(w, &tail, &from, 1) : NULL;
    default:
        return NULL;
    }
}

static void test_every_call_completes_once(void **state)
{
    struct world *w = *state;
    begin(w, (struct ask){.gen = 1, .chat = 1, .input = "hi"});
    int n = 0;
    while (start_nth(w, n))
        n++;
    assert_true(n >= 8);
    assert_int_equal(w->completions, 1);
    wait_for(w, 1 + n);
    nothing_more(w, 1 + n);
}

static void test_none_after_cancel(void **state)
{
    struct world *w = *state;
    struct store_op *op;
    begin(w, (struct ask){.gen = 1, .chat = 1, .input = "hi"});
    for (int n = 0; (op = start_nth(w, n)); n++)
        w->h->ops->cancel_op(w->h, op);
    tree(w, ALICE, 1); /* what comes after is not harmed */
    nothing_more(w, 2);
}

struct chain {
    struct world *w;
    struct store_op *other;
    bool cancelled; /* other */
    int left;
};

/* It may come first where a store reads several things at once, but not after its cancel. */
static void on_other(void *ctx, const struct history_tree *tree)
{
    struct chain *c = ctx;
    assert_int_equal(tree->status, STORE_OK);
    assert_false(c->cancelled);
    c->other = NULL;
}

static void on_link(void *ctx, enum store_status status, const struct history_answer *answers, size_t n)
{
    struct chain *c = ctx;
    struct gen_key key = {.owner = ALICE, .gen = id(1)};
    assert_int_equal(status, STORE_OK);
    assert_int_equal(n, 1);
    assert_string_equal(answers[0].owner, ALICE);
    if (c->other) {
        c->w->h->ops->cancel_op(c->w->h, c->other);
        c->cancelled = true;
    }
    c->other = NULL;
    c->w->completions++;
    if (--c->left)
        c->w->h->ops->answer(c->w->h, &key, on_link, c);
}

static void test_a_completion_may_start_and_cancel(void **state)
{
    struct world *w = *state;
    struct chain c = {.w = w, .left = 5};
    struct gen_key key = {.owner = ALICE, .gen = id(1)};
    begin(w, (struct ask){.gen = 1, .chat = 1, .input = "hi"});
    w->h->ops->answer(w->h, &key, on_link, &c);
    c.other = w->h->ops->tree(w->h, ALICE, &key.gen, on_other, &c); /* in the same batch, if not cancelled */
    wait_for(w, 6);
    nothing_more(w, 6);
}

static void test_a_read_sees_the_writes_before_it(void **state)
{
    struct world *w = *state;
    for (int i = 1; i <= 40; i++) {
        begin(w, (struct ask){.gen = 1000 + i, .chat = 1000 + i, .input = "warm"});
        start_begin(w, (struct ask){.gen = i, .chat = 1, .input = "q"});
        start_finish(w, (struct end){.gen = i, .text = "the answer"});
        start_answer(w, ALICE, i);
        wait_for(w, w->completions + 3);
        assert_true(heard_part(w, "text=the answer "));
        start_edit(w, ALICE, 1000 + i, NULL);
        start_tree(w, ALICE, 1000 + i);
        wait_for(w, w->completions + 2);
        heard(w, "not_found");
    }
}

static void on_copied(void *ctx, const struct history_begin *r)
{
    struct world *w = ctx;
    assert_int_equal(r->status, STORE_OK);
    assert_int_equal(r->context_count, 1);
    assert_memory_equal(r->context[0].text.data, "question", 8);
    w->completions++;
}

static void test_arguments_are_copied(void **state)
{
    struct world *w = *state;
    char owner[] = ALICE, input[] = "question", model[] = "m", request[] = "{}";
    struct history_send s = {.owner = owner, .has_input = true, .unix_ms = 1, .context_bytes = 100};
    s.gen = id(1);
    s.chat = id(1);
    s.user_message = id(11);
    s.answer_message = id(12);
    s.input = text_of(input);
    s.model = model;
    s.request = text_of(request);
    s.digest[0] = 'd';
    s.digest[31] = 1;
    w->h->ops->begin(w->h, &s, on_copied, w);
    memset(owner, 'X', sizeof(owner) - 1);
    memset(input, 'X', sizeof(input) - 1);
    memset(model, 'X', sizeof(model) - 1);
    memset(request, 'X', sizeof(request) - 1);
    memset(&s, 0xff, sizeof(s));
    wait_for(w, 1);
    answer(w, ALICE, 1);
    heard(w, "ok acme/alice gen=1 chat=1 message=12 parent=11 running epoch=0 seq=0 crc=0 text= model=m "
             "request={} "
             "outcome=");
}

static void test_close_finishes_what_was_queued(void **state)
{
    struct world *w = *state;
    for (int i = 1; i <= 100; i++) {
        start_begin(w, (struct ask){.gen = i, .chat = i, .input = "q"});
        start_finish(w, (struct end){.gen = i, .text = "a"});
    }
    world_restart(w);
    nothing_more(w, 0);
    for (int i = 1; i <= 100; i++) {
        answer(w, ALICE, i);
        assert_true(heard_part(w, "text=a "));
    }
}

static void test_many_at_once(void **state)
{
    struct world *w = *state;
    enum { MANY = 600 };
    for (int i = 1; i <= MANY; i++) {
        start_begin(w, (struct ask){.owner = i % 2 ? ALICE : BOB, .gen = i, .chat = i % 7, .input = "q"});
        if (i % 5 == 0) /* one that is refused, among those that are not */
            start_begin(w, (struct ask){.gen = 9000 + i, .chat = 77, .input = "q", .parent = 5});
        start_finish(w, (struct end){.owner = i % 2 ? ALICE : BOB, .gen = i, .text = "a"});
    }
    wait_for(w, 2 * MANY + MANY / 5);
    running(w, NULL, 0, 10);
    heard(w, "ok");
    for (int i = 1; i <= MANY; i += 41) {
        answer(w, i % 2 ? ALICE : BOB, i);
        assert_true(heard_part(w, "complete epoch=1"));
    }
    tree(w, ALICE, 77);
    heard(w, "not_found");
}

static void test_an_owner_that_cannot_be(void **state)
{
    struct world *w = *state;
    char owner[OWNER_MAX + 2];
    memset(owner, 'o', OWNER_MAX + 1);
    owner[OWNER_MAX + 1] = '\0';
    begin(w, (struct ask){.owner = owner, .gen = 1, .chat = 1, .input = "q"});
    heard(w, "not_found");
    list(w, owner, 10, NULL);
    heard(w, "not_found");
    owner[OWNER_MAX] = '\0';
    begin(w, (struct ask){.owner = owner, .gen = 1, .chat = 1, .input = "q"});
    heard(w, "ok user=11 context=[user:q]");
}

#define T(f) cmocka_unit_test_setup_teardown(f, world_setup, world_teardown)

int history_contract_async(void)
{
    const struct CMUnitTest tests[] = {
        T(test_every_call_completes_once),
        T(test_none_after_cancel),
        T(test_a_completion_may_start_and_cancel),
        T(test_a_read_sees_the_writes_before_it),
        T(test_arguments_are_copied),
        T(test_close_finishes_what_was_queued),
        T(test_many_at_once),
        T(test_an_owner_that_cannot_be),
    };
    return cmocka_run_group_tests_name("history: asynchronous", tests, NULL, NULL);
}
