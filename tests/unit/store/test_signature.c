/* The signatures of texts: whatever a text holds, its signature lets pass; most of what it does not, it
 * stops. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/signature.h"

static struct history_text text_of(const char *s)
{
    return (struct history_text){s, strlen(s)};
}

static int level_of(size_t bytes)
{
    int level = 0;
    while (((size_t)SIGNATURE_BITS_MIN << level) < bytes * 8)
        level++;
    assert_int_equal((size_t)SIGNATURE_BITS_MIN << level, bytes * 8);
    return level;
}

/* As the server does. */
static bool may_hold(struct history_text text, const char *search)
{
    struct words words;
    struct buf signature = {0}, mask = {0};
    words_parse(&words, search, strlen(search));
    signature_of(text, &signature);
    signature_mask(&words, level_of(signature.len), &mask);
    assert_int_equal(signature.len, mask.len);
    bool all = true;
    for (size_t i = 0; i < mask.len; i++)
        all = all && (signature.data[i] & mask.data[i]) == mask.data[i];
    buf_free(&signature);
    buf_free(&mask);
    return all;
}

static void test_what_is_there_passes(void **state)
{
    static const char text[] = "Grüße aus ÖSTERREICH, Привет, МИР; 机器学习是什么? 100% of a_b";
    static const char *const words[] = {"grüße",    "österreich", "reich",     "ПРИВЕТ мир", "机器学习",
                                        "学习是什", "什么?",      "100%",      "a_b",        "aus",
                                        "ü",        "",           "of a_b 10", "us",         "РИВ"};
    (void)state;
    for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++) {
        if (!may_hold(text_of(text), words[i]))
            fail_msg("\"%s\" is stopped", words[i]);
    }
    static const char nul[] = "before\0behind";
    assert_true(may_hold((struct history_text){nul, sizeof(nul) - 1}, "behind"));
}

/* Random text of few letters, any piece of it, of any length, in any case. */
static void test_every_piece_passes(void **state)
{
    char text[3000], piece[80];
    (void)state;
    srand(7);
    for (int round = 0; round < 300; round++) {
        size_t len = 3 + (size_t)rand() % (sizeof(text) - 4);
        for (size_t i = 0; i < len; i++)
            text[i] = (char)("abcdefghij ABC,.-"[rand() % 17]);
        size_t at = (size_t)rand() * len / ((size_t)RAND_MAX + 1), n = 1 + (size_t)rand() % 64;
        n = n < len - at ? n : len - at;
        for (size_t i = 0; i < n; i++)
            piece[i] = (char)(rand() % 2 ? text[at + i] : (char)words_fold((unsigned char)text[at + i]));
        piece[n] = '\0';
        if (!may_hold((struct history_text){text, len}, piece))
            fail_msg("\"%s\" is stopped", piece);
    }
}

static void test_most_of_the_rest_is_stopped(void **state)
{
    struct buf text = {0};
    char word[8];
    int passed = 0;
    (void)state;
    srand(11);
    while (text.len < 2000) /* some hundred different words */
        buf_printf(&text, "%c%c%c%c%c ", 'a' + rand() % 26, 'a' + rand() % 20, 'a' + rand() % 26,
                   'a' + rand() % 20, 'a' + rand() % 26);
    for (int i = 0; i < 1000; i++) {
        snprintf(word, sizeof(word), "%c%c%c%c%c%c%c", 'a' + rand() % 26, 'a' + rand() % 20,
                 'a' + rand() % 26, 'a' + rand() % 20, 'a' + rand() % 26, 'a' + rand() % 20,
                 'a' + rand() % 26);
        passed += may_hold((struct history_text){text.data, text.len}, word);
    }
    assert_in_range(passed, 0, 150); /* as good as no run comes twice: hardly ever is a text so bad */
    buf_free(&text);
}

static void test_sizes(void **state)
{
    static const struct {
        size_t text, signature;
    } sizes[] = {{0, 0},    {1, 16},     {127, 16},   {128, 32},     {255, 32},
                 {256, 64}, {2047, 256}, {2048, 512}, {16384, 4096}, {1000000, 4096}};
    char *text = calloc(1, 1000000);
    struct buf out = {0};
    (void)state;
    for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
        buf_clear(&out);
        signature_of((struct history_text){text, sizes[i].text}, &out);
        assert_int_equal(out.len, sizes[i].signature);
    }
    buf_free(&out);
    free(text);
}

/* They are stored: another version of the program must make the same. */
static void test_the_bits_are_for_ever(void **state)
{
    static const unsigned char want[] = {0x80, 0x02, 0x00, 0x48, 0x00, 0x08, 0x10, 0x00,
                                         0x00, 0x00, 0x00, 0x80, 0x00, 0x00, 0x00, 0x00};
    struct buf out = {0};
    (void)state;
    signature_of(text_of("Für immer"), &out);
    assert_int_equal(out.len, sizeof(want));
    assert_memory_equal(out.data, want, sizeof(want));
    buf_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_there_passes),        cmocka_unit_test(test_every_piece_passes),
        cmocka_unit_test(test_most_of_the_rest_is_stopped), cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_the_bits_are_for_ever),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
