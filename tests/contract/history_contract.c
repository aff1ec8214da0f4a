/* history_contract: recording: sends, parents, contexts, ends, checkpoints, edits, restarts. */
#include "contract/history_contract.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "contract/history_suites.h"
#include "contract/history_world.h"

#define FIELDS " model=served request={\"n\":1} outcome={\"o\":1}"

/* ---- begin */

static void test_begin_records_question_and_answer(void **state)
{
    struct world *w = *state;
    begin(w, (struct ask){.gen = 1, .chat = 1, .input = "hi"});
    heard(w, "ok user=11 context=[user:hi]");
    answer(w, ALICE, 1);
    heard(w, "ok acme/alice gen=1 chat=1 message=12 parent=11 running epoch=0 seq=0 crc=0 text= model=m "
             "request={\"n\":1} outcome=");
}

static void test_begin_again_gives_the_recorded_answer(void **state)
{
    struct world *w = *state;
    talk(w, 1, 1, "hi", "hello");
    begin(w, (struct ask){.gen = 1, .chat = 7, .input = "other"});
    heard(w, "exists acme/alice gen=1 chat=1 message=12 parent=11 complete epoch=1 seq=5 crc=fffffffe "
             "text=hello" FIELDS);
    tree(w, ALICE, 7);
    heard(w, "not_found");
}

static void test_keys_are_within_their_owner(void **state)
{
    struct world *w = *state;
    talk(w, 1, 1, "hers", "for her");
    begin(w, (struct ask){.owner = BOB, .gen = 1, .chat = 1, .input = "his"});
    heard(w, "ok user=11 context=[user:his]");
    finish(w, (struct end){.owner = BOB, .gen = 1, .text = "for him"});
    answer(w, ALICE, 1);
    assert_true(heard_part(w, "text=for her"));
    answer(w, BOB, 1);
    assert_true(heard_part(w, "acme/bob gen=1"));
    assert_true(heard_part(w, "text=for him"));
    edit(w, BOB, 1, NULL);
    answer(w, ALICE, 1);
    assert_true(heard_part(w, "text=for her"));
}

static void test_unknown_and_foreign_look_alike(void **state)
{
    struct world *w = *state;
    talk(w, 1, 1, "hi", "hello");
    answer(w, BOB, 1);
    heard(w, "not_found");
    answer(w, ALICE, 2);
    heard(w, "not_found");
    tree(w, BOB, 1);
    heard(w, "not_found");
    context(w, BOB, 1, 11, 1000);
    heard(w, "not_found");
    finish(w, (struct end){.owner = BOB, .gen = 1, .text = "forged"});
    heard(w, "not_found");
    edit(w, BOB, 1, "forged");
    heard(w, "not_found");
    edit(w, BOB, 1, NULL);
    heard(w, "not_found");
    tree(w, ALICE, 1);
    heard(w, "ok 1 - (2) hi | 11<0 user hi | 12<11 assistant hello (1 complete)");
}

/* ---- parents */

static void test_newest_follows_what_was_recorded_last(void **state)
{
    struct world *w = *state;
    talk(w, 1, 1, "one", "1");
    talk(w, 2, 1, "two", "2");
    begin(w, (struct ask){.gen = 3, .chat = 1, .input = "branch", .parent = 12});
    heard(w, "ok user=31 context=[user:one|assistant:1|user:branch]");
    finish(w, (struct end){.gen = 3, .text = "3"});
    begin(w, (struct ask){.gen = 4, .chat = 1, .input = "on"});
    heard(w, "ok user=41 context=[user:one|assistant:1|user:branch|assistant:3|user:on]");
}

static void test_root_begins_a_new_branch(void **state)
{
    struct world *w = *state;
    talk(w, 1, 1, "one", "1");
    begin(w, (struct ask){.gen = 2, .chat = 1, .input = "anew", .parent = ROOT});
    heard(w, "ok user=21 context=[user:anew]");
    tree(w, ALICE, 1);
    heard(
        w,
        "ok 1 - (4) one | 11<0 user one | 12<11 assistant 1 (1 complete) | 21<0 user anew | 22<21 assistant "
        " (2 running)");
}

static void test_question_is_answered_again(void **state)
{
    struct world *w = *state;
    talk(w, 1, 1, "one", "1");
    begin(w, (struct ask){.gen = 2, .chat = 1, .parent = 11});
    heard(w, "ok user=11 context=[user:one]");
    answer(w, ALICE, 2);
    assert_true(heard_part(w, "message=22 parent=11"));
    tree(w, ALICE, 1);
    assert_true(heard_part(w, "(3) one | 11<0"));
    assert_true(heard_part(w, "| 22<11 assistant"));
}

static void test_parents_that_are_not_there(void **state)
{
    struct world *w = *state;
    talk(w, 1, 1, "one", "1");
    talk(w, 2, 2, "elsewhere", "2");
    const struct ask wrong[] = {
        {.gen = 3, .chat = 1, .input = "x", .parent = 999}, /* nowhere */
        {.gen = 3, .chat = 1, .input = "x", .parent = 21},  /* in another chat */
        {.gen = 3, .chat = 9, .input = "x", .parent = 11},  /* the chat is new */
        {.gen = 3, .chat = 1, .parent = 12},                /* again, of an answer */
        {.gen = 3, .chat = 1},                              /* again, and the newest is an answer */
        {.gen = 3, .chat = 9},                              /* again, in a new chat */
        {.gen = 3, .chat = 1, .parent = ROOT},              /* again, of nothing */
        {.owner = BOB, .gen = 3, .chat = 1, .input = "x", .parent = 11},
    };
    for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
        begin(w, wrong[i]);
        heard(w, "no_parent");
    }
    answer(w, ALICE, 3);
    heard(w, "not_found");
    tree(w, ALICE, 9);
    heard(w, "not_found");
    begin(w, (struct ask){.gen = 3, .chat = 1, .input = "the gen is not used up"});
    assert_true(heard_part(w, "ok user=31"));
}

/* ---- context */

static void test_context_leaves_out_empty_answers_and_reasoning(void **state)
{
    static const struct history_part parts[] = {{1, 0, 6}, {0, 6, 4}, {1, 10, 3}, {0, 13, 2}};
    struct world *w = *state;
    talk(w, 1, 1, "one", "");
    begin(w, (struct ask){.gen = 2, .chat = 1, .input = "two"});
    heard(w, "ok user=21 context=[user:one|user:two]");
    finish(w, (struct end){.gen = 2, .text = "hm, soyes.ok?!!", .parts = parts, .part_count = 4});
    begin(w, (struct ask){.gen = 3, .chat = 1, .input = "three"});
    heard(w, "ok user=31 context=[user:one|user:two|assistant:yes.!!|user:three]");
    answer(w, ALICE, 2);
    assert_true(heard_part(w, "text=hm, soyes.ok?!! 1@0+6 0@6+4 1@10+3 0@13+2"));
}

static void test_context_is_the_newest_that_fits(void **state)
{
    struct world *w = *state;
    talk(w, 1, 1, "aaaa", "bbbb");
    talk(w, 2, 1, "cccc", "dddd");
    begin(w, (struct ask){.gen = 3, .chat = 1, .input = "eeee", .context = 12});
    heard(w, "ok user=31 context=[user:cccc|assistant:dddd|user:eeee]");
    context(w, ALICE, 1, 31, 11);
    heard(w, "ok user=31 context=[assistant:dddd|user:eeee]");
    context(w, ALICE, 1, 31, 1);
    heard(w, "ok user=31 context=[user:eeee]"); /* the question always goes */
    context(w, ALICE, 1, 31, 1000);
    assert_true(heard_part(w, "[user:aaaa|assistant:bbbb|user:cccc"));
    context(w, ALICE, 1, 32, 1000);
    heard(w, "not_found"); /* not a question */
    context(w, ALICE, 2, 31, 1000);
    heard(w, "not_found"); /* not in that chat */
}

static void test_context_has_at_most_a_thousand_messages(void **state)
{
    struct world *w = *state;
    const int turns = 505;
    for (int i = 1; i <= turns; i++) {
        start_begin(w, (struct ask){.gen = i, .chat = 1, .input = "q", .context = 1});
        start_finish(w, (struct end){.gen = i, .text = "a"});
    }
    wait_for(w, 2 * turns);
    begin(w, (struct ask){.gen = turns + 1, .chat = 1, .input = "q"});
    size_t messages = 0;
    for (const char *p = buf_cstr(&w->said); (p = strchr(p, ':')); p++)
        messages++;
    assert_int_equal(messages, 1000);
}

/* ---- finish */

static void test_finish_is_idempotent_and_fenced(void **state)
{
    struct world *w = *state;
    begin(w, (struct ask){.gen = 1, .chat = 1, .input = "hi"});
    finish(w, (struct end){.gen = 1, .text = "second", .epoch = 2, .state = "truncated"});
    heard(w, "ok");
    finish(w, (struct end){.gen = 1, .text = "second", .epoch = 2, .state = "truncated"});
    heard(w, "ok");
    finish(w, (struct end){.gen = 1, .text = "zombie", .epoch = 1});
    heard(w, "fenced");
    answer(w, ALICE, 1);
    heard(w, "ok acme/alice gen=1 chat=1 message=12 parent=11 truncated epoch=2 seq=5 crc=fffffffe "
             "text=second" FIELDS);
    finish(w, (struct end){.gen = 1, .text = "third", .epoch = 3});
    heard(w, "ok");
    answer(w, ALICE, 1);
    assert_true(heard_part(w, "complete epoch=3"));
    assert_true(heard_part(w, "text=third"));
    finish(w, (struct end){.gen = 9, .text = "of nothing"});
    heard(w, "not_found");
}

static void keeps(struct world *w, int gen, const char *bytes, size_t len)
{
    begin(w, (struct ask){.gen = gen, .chat = gen, .bytes = bytes, .len = len, .context = 100 << 20});
    assert_true(heard_part(w, "ok "));
    finish(w, (struct end){.gen = gen, .bytes = bytes, .len = len});
    heard(w, "ok");
    tree(w, ALICE, gen);
    struct buf want = {0};
    if (len <= 100)
        buf_add(&want, bytes, len);
    else
        buf_printf(&want, "(%zu bytes)", len);
    const char *first = memmem(w->said.data, w->said.len, want.data, want.len);
    assert_non_null(first);
    size_t left = w->said.len - (size_t)(first - w->said.data) - 1;
    assert_non_null(memmem(first + 1, left, want.data, want.len));
    buf_free(&want);
}

static void test_any_text_is_kept(void **state)
{
    struct world *w = *state;
    static const char nul[] = "before\0after\0";
    char *big = mem_alloc(3 << 20);
    memset(big, 'z', 3 << 20);
    keeps(w, 1, nul, sizeof(nul));
    keeps(w, 2, "'; DROP TABLE messages; -- \"%s\\", 31);
    keeps(w, 3, "Grüße, 世界 \xF0\x9F\x98\x80", 20);
    keeps(w, 4, "?", 1);
    keeps(w, 5, big, 3 << 20);
    mem_free(big);
}

static void test_a_conversation_has_a_limit(void **state)
{
    struct world *w = *state;
    const size_t piece = 8 << 20;
    char *big = mem_alloc(piece);
    memset(big, 'z', piece);
    for (int i = 1; i <= 8; i++) {
        begin(w, (struct ask){.gen = i, .chat = 1, .bytes = big, .len = piece, .context = 1});
        assert_true(heard_part(w, "ok "));
    }
    begin(w, (struct ask){.gen = 9, .chat = 1, .input = "one more"});
    heard(w, "full");
    begin(w, (struct ask){.gen = 9, .chat = 2, .input = "elsewhere"});
    assert_true(heard_part(w, "ok "));
    assert_true(w->h->ops->healthy(w->h));
    mem_free(big);
}

/* ---- running and checkpoints */

static void test_running_lists_what_has_not_ended(void **state)
{
    struct world *w = *state;
    for (int i = 1; i <= 5; i++)
        begin(w, (struct ask){.owner = i % 2 ? ALICE : BOB, .gen = i / 2 + 1, .chat = i, .input = "q"});
    running(w, NULL, 0, 2);
    assert_true(heard_part(w, "ok acme/alice gen=1 chat=1"));
    assert_true(heard_part(w, "| acme/bob gen=2 chat=2"));
    running(w, BOB, 2, 2); /* Alice has a generation of that name too */
    assert_true(heard_part(w, "ok acme/alice gen=2 chat=3"));
    assert_true(heard_part(w, "| acme/bob gen=3 chat=4"));
    finish(w, (struct end){.owner = BOB, .gen = 3, .text = ""});
    running(w, BOB, 3, 2);
    assert_true(heard_part(w, "ok acme/alice gen=3 chat=5"));
    assert_false(heard_part(w, "|"));
    running(w, ALICE, 3, 2);
    heard(w, "ok");
    running(w, ALICE, 77, 2);
    heard(w, "not_found");
}

static void test_checkpoints_add_up(void **state)
{
    static const struct history_part parts[] = {{1, 0, 3}, {0, 3, 5}};
    struct world *w = *state;
    if (!w->h->checkpoint)
        skip();
    begin(w, (struct ask){.gen = 1, .chat = 1, .input = "q"});
    save(w, (struct end){.gen = 1, .text = "abc"}, 0);
    heard(w, "ok");
    save(w, (struct end){.gen = 1, .text = "defgh", .epoch = 2, .parts = parts, .part_count = 2}, 3);
    heard(w, "ok");
    world_restart(w);
    running(w, NULL, 0, 10);
    heard(w,
          "ok acme/alice gen=1 chat=1 message=12 parent=11 running epoch=2 seq=5 crc=fffffffe text=abcdefgh "
          "1@0+3 0@3+5 model=m request={\"n\":1} outcome=");
    tree(w, ALICE, 1);
    assert_true(heard_part(w, "assistant abcdefgh (1 running)"));
    begin(w, (struct ask){.gen = 1, .chat = 1, .input = "q"});
    assert_true(heard_part(w, "exists"));
    assert_true(heard_part(w, "text=abcdefgh"));
}

static void test_checkpoints_rewind_and_repeat(void **state)
{
    struct world *w = *state;
    if (!w->h->checkpoint)
        skip();
    begin(w, (struct ask){.gen = 1, .chat = 1, .input = "q"});
    save(w, (struct end){.gen = 1, .text = "abc"}, 0);
    save(w, (struct end){.gen = 1, .text = "def"}, 3);
    save(w, (struct end){.gen = 1, .text = "def"}, 3);
    answer(w, ALICE, 1);
    assert_true(heard_part(w, "text=abcdef "));
    save(w, (struct end){.gen = 1, .text = "XY"}, 2); /* within a piece, over the next */
    answer(w, ALICE, 1);
    assert_true(heard_part(w, "text=abXY "));
    save(w, (struct end){.gen = 1, .text = ""}, 1); /* only cut */
    answer(w, ALICE, 1);
    assert_true(heard_part(w, "text=a "));
    save(w, (struct end){.gen = 1, .text = "new"}, 0);
    answer(w, ALICE, 1);
    assert_true(heard_part(w, "text=new "));
    save(w, (struct end){.gen = 1, .text = "?"}, 9);
    heard(w, "wrong_position");
    save(w, (struct end){.gen = 1, .text = "+", .epoch = 3}, 3);
    save(w, (struct end){.gen = 1, .text = "zombie", .epoch = 2}, 0);
    heard(w, "fenced");
    answer(w, ALICE, 1);
    assert_true(heard_part(w, "text=new+ "));
}

static void test_checkpoints_of_what_has_ended_are_nothing(void **state)
{
    struct world *w = *state;
    if (!w->h->checkpoint)
        skip();
    begin(w, (struct ask){.gen = 1, .chat = 1, .input = "q"});
    save(w, (struct end){.gen = 1, .text = "abc"}, 0);
    finish(w, (struct end){.gen = 1, .text = "the end"});
    save(w, (struct end){.gen = 1, .text = "late"}, 3);
    heard(w, "ok");
    save(w, (struct end){.gen = 2, .text = "unknown"}, 0);
    heard(w, "ok");
    answer(w, ALICE, 1);
    assert_true(heard_part(w, "complete epoch=1"));
    assert_true(heard_part(w, "text=the end "));
}

static void test_one_checkpoint_of_many(void **state)
{
    struct world *w = *state;
    if (!w->h->checkpoint)
        skip();
    enum { MANY = 300 };
    static struct end tails[MANY];
    static uint64_t from[MANY];
    for (int i = 0; i < MANY; i++) {
        start_begin(w, (struct ask){.gen = i + 1, .chat = i + 1, .input = "q"});
        tails[i] = (struct end){.gen = i + 1, .text = "tail"};
        from[i] = i == 7 ? 5 : 0; /* one that is out of place spoils no other */
    }
    wait_for(w, MANY);
    start_save(w, tails, from, MANY);
    wait_for(w, MANY + 1);
    heard(w, "wrong_position");
    for (int i = 0; i < MANY; i += 7) {
        answer(w, ALICE, i + 1);
        assert_int_equal(heard_part(w, "text=tail "), i != 7);
    }
    /* An end that comes right behind a checkpoint stands, whichever is written first; a read sees both. */
    for (int i = 0; i < MANY; i++)
        from[i] = i == 7 ? 0 : 4;
    start_save(w, tails, from, MANY);
    start_finish(w, (struct end){.gen = MANY, .text = "the end"});
    start_finish(w, (struct end){.gen = 1, .text = "the end"});
    start_answer(w, ALICE, MANY - 1);
    wait_for(w, w->completions + 4);
    assert_true(heard_part(w, "text=tailtail "));
    for (int i = 1; i <= MANY; i += MANY - 1) {
        answer(w, ALICE, i);
        assert_true(heard_part(w, "complete epoch=1"));
        assert_true(heard_part(w, "text=the end "));
    }
    world_restart(w);
    running(w, NULL, 0, 1000);
    assert_true(heard_part(w, "gen=2 "));
    assert_false(heard_part(w, "gen=1 "));
}

/* ---- edits and restarts */

static void test_rename(void **state)
{
    struct world *w = *state;
    talk(w, 1, 1, "first words", "a");
    list(w, ALICE, 10, NULL);
    heard(w, "ok 1 - (2) first words");
    edit(w, ALICE, 1, "Titel 标题");
    heard(w, "ok");
    list(w, ALICE, 10, NULL);
    heard(w, "ok 1 Titel 标题 (2) first words");
    edit(w, ALICE, 9, "x");
    heard(w, "not_found");
}

static void test_delete_takes_all_with_it(void **state)
{
    struct world *w = *state;
    talk(w, 1, 1, "one", "1");
    talk(w, 2, 2, "two", "2");
    edit(w, ALICE, 1, NULL);
    heard(w, "ok");
    edit(w, ALICE, 1, NULL);
    heard(w, "not_found");
    answer(w, ALICE, 1);
    heard(w, "not_found");
    tree(w, ALICE, 1);
    heard(w, "not_found");
    list(w, ALICE, 10, NULL);
    heard(w, "ok 2 - (2) two");
    begin(w, (struct ask){.gen = 1, .chat = 1, .input = "again"}); /* both names are free */
    heard(w, "ok user=11 context=[user:again]");
    world_restart(w);
    tree(w, ALICE, 1);
    heard(w, "ok 1 - (2) again | 11<0 user again | 12<11 assistant  (1 running)");
}

static void test_delete_while_running(void **state)
{
    struct world *w = *state;
    begin(w, (struct ask){.gen = 1, .chat = 1, .input = "one"});
    if (w->h->checkpoint)
        save(w, (struct end){.gen = 1, .text = "half"}, 0);
    edit(w, ALICE, 1, NULL);
    if (w->h->checkpoint) {
        save(w, (struct end){.gen = 1, .text = "more"}, 4);
        heard(w, "ok");
    }
    finish(w, (struct end){.gen = 1, .text = "half an answer"});
    heard(w, "not_found");
    running(w, NULL, 0, 10);
    heard(w, "ok");
    list(w, ALICE, 10, NULL);
    heard(w, "ok");
    begin(w, (struct ask){.gen = 2, .chat = 1, .input = "two"});
    answer(w, ALICE, 2);
    assert_true(
        heard_part(w, "running epoch=0 seq=0 crc=0 text= ")); /* nothing of the old one sticks to it */
}

static void test_restart_keeps_everything(void **state)
{
    struct world *w = *state;
    talk(w, 1, 1, "one", "1");
    begin(w, (struct ask){.gen = 2, .chat = 1, .input = "two"});
    edit(w, ALICE, 1, "T");
    tree(w, ALICE, 1);
    char *before = mem_strdup(buf_cstr(&w->said));
    world_restart(w);
    tree(w, ALICE, 1);
    heard(w, before);
    mem_free(before);
    finish(w, (struct end){.gen = 2, .text = "2"});
    heard(w, "ok");
    begin(w, (struct ask){.gen = 3, .chat = 1, .input = "three"});
    heard(w, "ok user=31 context=[user:one|assistant:1|user:two|assistant:2|user:three]");
}

#define T(f) cmocka_unit_test_setup_teardown(f, world_setup, world_teardown)

int history_contract_record(void)
{
    const struct CMUnitTest tests[] = {
        T(test_begin_records_question_and_answer),
        T(test_begin_again_gives_the_recorded_answer),
        T(test_keys_are_within_their_owner),
        T(test_unknown_and_foreign_look_alike),
        T(test_newest_follows_what_was_recorded_last),
        T(test_root_begins_a_new_branch),
        T(test_question_is_answered_again),
        T(test_parents_that_are_not_there),
        T(test_context_leaves_out_empty_answers_and_reasoning),
        T(test_context_is_the_newest_that_fits),
        T(test_context_has_at_most_a_thousand_messages),
        T(test_finish_is_idempotent_and_fenced),
        T(test_any_text_is_kept),
        T(test_a_conversation_has_a_limit),
        T(test_running_lists_what_has_not_ended),
        T(test_checkpoints_add_up),
        T(test_checkpoints_rewind_and_repeat),
        T(test_checkpoints_of_what_has_ended_are_nothing),
        T(test_one_checkpoint_of_many),
        T(test_rename),
        T(test_delete_takes_all_with_it),
        T(test_delete_while_running),
        T(test_restart_keeps_everything),
    };
    return cmocka_run_group_tests_name("history: record", tests, NULL, NULL);
}

int history_contract(const struct history_factory *factory)
{
    world_use(factory);
    return history_contract_record() + history_contract_read() + history_contract_async();
}
