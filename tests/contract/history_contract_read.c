/* history_contract_read: lists, pages, trees, search. */
#include <stdio.h>
#include <string.h>

#include "contract/history_suites.h"
#include "contract/history_world.h"

static void test_list_is_newest_first(void **state)
{
    struct world *w = *state;
    list(w, ALICE, 10, NULL);
    heard(w, "ok");
    talk(w, 1, 1, "one", "1");
    talk(w, 2, 2, "two", "2");
    begin(w, (struct ask){.owner = BOB, .gen = 3, .chat = 3, .input = "not hers"});
    list(w, ALICE, 10, NULL);
    heard(w, "ok 2 - (2) two | 1 - (2) one");
    begin(w, (struct ask){.gen = 4, .chat = 1, .input = "again"});
    list(w, ALICE, 10, NULL);
    heard(w, "ok 1 - (4) one | 2 - (2) two");
    begin(w, (struct ask){.gen = 5, .chat = 2, .input = "more"});
    finish(w, (struct end){.gen = 4, .text = "."});
    list(w, ALICE, 10, NULL);
    heard(w, "ok 1 - (4) one | 2 - (4) two");
}

static void test_pages_join_without_gap(void **state)
{
    struct world *w = *state;
    char want[64];
    for (int i = 1; i <= 7; i++)
        begin(w, (struct ask){.gen = i, .chat = i, .input = "q"});
    for (int page = 0, next = 7; page < 4; page++) {
        char cursor[128];
        snprintf(cursor, sizeof(cursor), "%s", w->cursor);
        list(w, ALICE, 2, page ? cursor : NULL);
        if (next > 1)
            snprintf(want, sizeof(want), "ok %d - (2) q | %d - (2) q%s", next, next - 1, " ...");
        else
            snprintf(want, sizeof(want), "ok 1 - (2) q");
        heard(w, want);
        next -= 2;
        if (page == 0) /* what happens on earlier pages moves nothing on later ones */
            begin(w, (struct ask){.gen = 90, .chat = 90, .input = "new"});
    }
    list(w, ALICE, 100, NULL);
    assert_string_equal(w->cursor, "");
}

static void test_wrong_cursors(void **state)
{
    struct world *w = *state;
    static const char *const wrong[] = {"",
                                        "x",
                                        "0",
                                        "../../etc/passwd",
                                        "' OR 1=1 --",
                                        "zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz",
                                        "ffffffffffffffff00000000000000000000000000000000"};
    begin(w, (struct ask){.gen = 1, .chat = 1, .input = "q"});
    for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
        list(w, ALICE, 2, wrong[i]);
        heard(w, "not_found");
    }
}

static void test_snippet_is_cut_between_characters(void **state)
{
    struct world *w = *state;
    struct buf long_text = {0};
    for (int i = 0; i < 30; i++)
        buf_add_lit(&long_text, "Grüße 世界");
    begin(w, (struct ask){.gen = 1, .chat = 1, .bytes = long_text.data, .len = long_text.len});
    list(w, ALICE, 2, NULL);
    assert_true(heard_part(w, " bytes)") || heard_part(w, "Gr"));
    assert_false(heard_part(w, "\xEF\xBF\xBD"));
    buf_free(&long_text);
}

static void test_tree_shows_branches(void **state)
{
    struct world *w = *state;
    talk(w, 1, 1, "one", "1");
    begin(w, (struct ask){.gen = 2, .chat = 1, .parent = 11});
    begin(w, (struct ask){.gen = 3, .chat = 1, .input = "edit", .parent = ROOT});
    finish(w, (struct end){.gen = 3, .text = "3", .state = "cancelled"});
    tree(w, ALICE, 1);
    heard(w,
          "ok 1 - (5) one | 11<0 user one | 12<11 assistant 1 (1 complete) | 22<11 assistant  (2 running) | "
          "31<0 user edit | 32<31 assistant 3 (3 cancelled)");
}

/* ---- search */

static void found(struct world *w, const char *owner, const char *words, const char *chats)
{
    char have[256] = "";
    search(w, owner, words);
    assert_true(heard_part(w, "ok"));
    const char *p = buf_cstr(&w->said) + 2;
    while (*p) {
        int chat, used;
        if (sscanf(p, " %d%n", &chat, &used) == 1)
            snprintf(have + strlen(have), sizeof(have) - strlen(have), "%s%d", *have ? " " : "", chat);
        p = strstr(p + 1, " | ");
        if (!p)
            break;
        p += 2;
    }
    if (strcmp(have, chats) != 0)
        fail_msg("searched \"%s\": found \"%s\" and not \"%s\"", words, have, chats);
}

static void fill_for_search(struct world *w)
{
    talk(w, 1, 1, "What is a Zebra?", "An animal with stripes.");
    talk(w, 2, 2, "机器学习是什么", "机器学习是人工智能的一个分支。");
    talk(w, 3, 3, "Grüße aus ÖSTERREICH", "Привет, МИР");
    talk(w, 4, 4, "it's \"quoted\" AND (odd) * NEAR/2", "100% of a_b");
    begin(w, (struct ask){.owner = BOB, .gen = 5, .chat = 5, .input = "a zebra of Bob's"});
    edit(w, ALICE, 3, "Reisen nach Wien");
}

static void look_around(struct world *w)
{
    found(w, ALICE, "zebra", "1");
    found(w, ALICE, "ZEB", "1");
    found(w, ALICE, "stripes animal", "1"); /* both in one message, in any order */
    found(w, ALICE, "zebra stripes", "");   /* one in each */
    found(w, ALICE, "ebra", "1");
    found(w, ALICE, "学习", "2");
    found(w, ALICE, "人工智能", "2");
    found(w, ALICE, "智", "2");
    found(w, ALICE, "österreich", "3");
    found(w, ALICE, "привет мир", "3");
    found(w, ALICE, "wien", "3");
    found(w, ALICE, "reisen WIEN", "3");
    found(w, ALICE, "nothing", "");
    found(w, BOB, "zebra", "5");
    found(w, BOB, "stripes", "");
    found(w, "acme/nobody", "zebra", "");
}

static void test_search_finds_words(void **state)
{
    struct world *w = *state;
    fill_for_search(w);
    look_around(w);
    world_restart(w);
    look_around(w);
    search(w, ALICE, "stripes");
    heard(w, "ok 1 - (2) An animal with stripes.");
}

static void test_search_takes_words_as_they_are(void **state)
{
    struct world *w = *state;
    fill_for_search(w);
    found(w, ALICE, "\"quoted\"", "4");
    found(w, ALICE, "it's", "4");
    found(w, ALICE, "AND", "4");
    found(w, ALICE, "(odd) * NEAR/2", "4");
    found(w, ALICE, "100%", "4");
    found(w, ALICE, "a_b", "4");
    found(w, ALICE, "%%%", "");
    found(w, ALICE, "a?b", "");
    found(w, ALICE, "\"", "4");
    found(w, ALICE, "' OR 1=1 --", "");
    found(w, ALICE, "   ", "4 3 2 1"); /* no words: all */
}

static void test_search_follows_what_changes(void **state)
{
    struct world *w = *state;
    begin(w, (struct ask){.gen = 1, .chat = 1, .input = "question"});
    found(w, ALICE, "hippopotamus", "");
    finish(w, (struct end){.gen = 1, .text = "a hippopotamus", .state = "truncated"});
    found(w, ALICE, "hippopotamus", "1");
    finish(w, (struct end){.gen = 1, .text = "a rhinoceros", .epoch = 2});
    found(w, ALICE, "hippopotamus", "");
    found(w, ALICE, "rhinoceros", "1");
    edit(w, ALICE, 1, NULL);
    found(w, ALICE, "rhinoceros", "");
    found(w, ALICE, "question", "");
    talk(w, 2, 1, "giraffe", "ok");
    found(w, ALICE, "rhinoceros", "");
    found(w, ALICE, "giraffe", "1");
}

static void test_search_looks_behind_nul(void **state)
{
    struct world *w = *state;
    static const char nul[] = "before\0behind";
    begin(w, (struct ask){.gen = 1, .chat = 1, .bytes = nul, .len = sizeof(nul) - 1});
    found(w, ALICE, "behind", "1");
}

static void test_search_has_pages(void **state)
{
    struct world *w = *state;
    for (int i = 1; i <= 6; i++)
        begin(w, (struct ask){.gen = i, .chat = i, .input = i % 2 ? "odd number" : "even number"});
    start_list(w, ALICE, 2, NULL, "odd");
    wait_for(w, w->completions + 1);
    heard(w, "ok 5 - (2) odd number | 3 - (2) odd number ...");
    char cursor[128];
    snprintf(cursor, sizeof(cursor), "%s", w->cursor);
    start_list(w, ALICE, 2, cursor, "odd");
    wait_for(w, w->completions + 1);
    heard(w, "ok 1 - (2) odd number");
}

#define T(f) cmocka_unit_test_setup_teardown(f, world_setup, world_teardown)

int history_contract_read(void)
{
    const struct CMUnitTest tests[] = {
        T(test_list_is_newest_first),
        T(test_pages_join_without_gap),
        T(test_wrong_cursors),
        T(test_snippet_is_cut_between_characters),
        T(test_tree_shows_branches),
        T(test_search_finds_words),
        T(test_search_takes_words_as_they_are),
        T(test_search_follows_what_changes),
        T(test_search_looks_behind_nul),
        T(test_search_has_pages),
    };
    return cmocka_run_group_tests_name("history: read", tests, NULL, NULL);
}
