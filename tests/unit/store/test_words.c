/* words: splitting, folding, matching and cutting, at every byte. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "base/json.h"
#include "store/words.h"

static bool match(const char *words, const char *text)
{
    struct words w;
    words_parse(&w, words, strlen(words));
    return words_match(&w, text, strlen(text), NULL);
}

static void test_words_match_anywhere_in_any_case(void **state)
{
    (void)state;
    assert_true(match("ell", "Hello"));
    assert_true(match("HELLO wor", "say hello, World"));
    assert_true(match("wor  \t hello", "say hello, World"));
    assert_false(match("hello word", "say hello, World"));
    assert_true(match("学习", "机器学习"));
    assert_true(match("学习\u3000机器", "机器学习"));
    assert_false(match("习学", "机器学习"));
    assert_true(match("STRASSE", "Straße und Strasse"));
    assert_true(match("öä", "ÖÄ"));
    assert_true(match("ΣΊΣΥΦΟΣ", "ΣΊσυφος"));
    assert_true(match("ёжик", "ЁЖИК"));
    assert_true(match("žluťoučký", "ŽLUŤOUČKÝ"));
    assert_false(match("", "anything"));
    assert_false(match(" ", "anything"));
    assert_false(match("a", ""));
}

static void test_folding(void **state)
{
    (void)state;
    const uint32_t pairs[][2] = {
        {'A', 'a'},     {'z', 'z'},     {0xD6, 0xF6},   {0xD7, 0xD7},     {0xDF, 0xDF},   {0x100, 0x101},
        {0x101, 0x101}, {0x130, 0x130}, {0x139, 0x13a}, {0x13a, 0x13a},   {0x147, 0x148}, {0x148, 0x148},
        {0x149, 0x149}, {0x14a, 0x14b}, {0x178, 0x178}, {0x179, 0x17a},   {0x17d, 0x17e}, {0x3a3, 0x3c3},
        {0x3c2, 0x3c3}, {0x401, 0x451}, {0x42F, 0x44F}, {0x4e2d, 0x4e2d}, {'[', '['},     {0x1F600, 0x1F600}};
    for (size_t i = 0; i < sizeof(pairs) / sizeof(*pairs); i++)
        assert_int_equal(words_fold(pairs[i][0]), pairs[i][1]);
}

static void test_limits(void **state)
{
    struct words w;
    char text[2000];
    (void)state;
    memset(text, 'a', sizeof(text));
    words_parse(&w, text, sizeof(text));
    assert_int_equal(w.count, 1);
    assert_int_equal(w.item[0].len, WORD_CHARS);
    for (size_t i = 1; i < sizeof(text); i += 2)
        text[i] = ' ';
    words_parse(&w, text, sizeof(text));
    assert_int_equal(w.count, WORDS_MAX);
}

/* Cut anywhere, text and words may end within a character: nothing is read beyond the end (ASan watches). */
static void test_any_cut_is_safe(void **state)
{
    static const char text[] = "x 学\xF0\x9F\x98\x80ß\xC3";
    (void)state;
    for (size_t from = 0; from < sizeof(text); from++) {
        for (size_t to = from; to < sizeof(text); to++) {
            char exact[sizeof(text)];
            struct words w;
            size_t at;
            memcpy(exact, text + from, to - from);
            words_parse(&w, exact, to - from);
            words_match(&w, exact, to - from, &at);
        }
    }
}

static void test_snippets_are_whole_characters_around_the_match(void **state)
{
    char text[3000];
    size_t len = 0;
    (void)state;
    while (len + 3 < sizeof(text)) {
        memcpy(text + len, "学", 3);
        len += 3;
    }
    for (size_t at = 0; at < len; at += 3) {
        struct history_text s = words_snippet((struct history_text){text, len}, at);
        assert_true(s.data <= text + at && text + at < s.data + s.len);
        assert_true(s.len <= 200);
        assert_true(utf8_valid(s.data, s.len));
    }
    struct history_text all = words_snippet((struct history_text){"short", 5}, 3);
    assert_int_equal(all.len, 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_words_match_anywhere_in_any_case),
        cmocka_unit_test(test_folding),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_any_cut_is_safe),
        cmocka_unit_test(test_snippets_are_whole_characters_around_the_match),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
