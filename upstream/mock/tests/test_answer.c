/* The deterministic text: the same again, exactly as long as asked, whole characters, everything in it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "answer.h"
#include "base/crc32c.h"
#include "base/json.h"
#include "base/mem.h"

#define SEEDS 300u

static struct answer *get(enum family family, const char *input, uint64_t seed, uint32_t tokens,
                          uint32_t size)
{
    return answer_get(family, input, strlen(input), seed, tokens, size);
}

static void is_sound(const struct answer *a)
{
    assert_true(utf8_valid(a->text.data, a->text.len));
    size_t before = 0;
    for (uint32_t i = 0; i < a->count; i++) {
        assert_true(a->end[i] > before);
        assert_true(utf8_is_boundary(a->text.data, a->text.len, a->end[i]));
        before = a->end[i];
    }
    assert_int_equal(before, a->text.len);
}

static void test_same_again_after_it_was_forgotten(void **state)
{
    (void)state;
    struct answer *a = get(FAMILY_MARKDOWN, "hello", 7, 200, 0);
    char *copy = mem_memdup(a->text.data, a->text.len);
    answer_put(a);
    answer_forget_all();
    a = get(FAMILY_MARKDOWN, "hello", 7, 200, 0);
    assert_string_equal(copy, a->text.data);
    answer_put(a);
    mem_free(copy);
}

/* Golden: a change of the text breaks every recorded expectation, so it must be meant. */
static void test_text_is_the_recorded_one(void **state)
{
    (void)state;
    struct answer *a = get(FAMILY_MARKDOWN, "hi", 0, 200, 0), *r = get(FAMILY_RRML, "hi", 0, 200, 0);
    assert_int_equal(crc32c(0, a->text.data, a->text.len), 0xbea782ccu);
    assert_int_equal(crc32c(0, r->text.data, r->text.len), 0x200755bcu);
    answer_put(a);
    answer_put(r);
}

static void test_input_seed_and_family_change_it(void **state)
{
    (void)state;
    struct answer *a[] = {get(FAMILY_MARKDOWN, "a", 0, 50, 0), get(FAMILY_MARKDOWN, "b", 0, 50, 0),
                          get(FAMILY_MARKDOWN, "a", 1, 50, 0), get(FAMILY_RRML, "a", 0, 50, 0)};
    for (int i = 0; i < 4; i++)
        for (int k = 0; k < i; k++)
            assert_string_not_equal(a[i]->text.data, a[k]->text.data);
    for (int i = 0; i < 4; i++)
        answer_put(a[i]);
}

static void test_exactly_as_many_tokens_as_asked(void **state)
{
    (void)state;
    static const uint32_t counts[] = {0, 1, 2, 3, 7, 40, 199, 200, 300, 2000}, sizes[] = {0, 1, 2, 5, 64};
    for (size_t c = 0; c < sizeof(counts) / sizeof(counts[0]); c++)
        for (size_t z = 0; z < sizeof(sizes) / sizeof(sizes[0]); z++)
            for (int f = FAMILY_MARKDOWN; f <= FAMILY_RRML; f++) {
                struct answer *a = get((enum family)f, "count", c, counts[c], sizes[z]);
                assert_int_equal(a->count, counts[c]);
                is_sound(a);
                answer_put(a);
            }
}

static void test_two_hundred_tokens_hold_every_kind_of_markdown(void **state)
{
    (void)state;
    static const char *const kinds[] = {
        "# ", "\n- ", "\n|---|---|\n", "\n```", "](https://example.org/", "\n\n> ", "1. ",
        "**", "`",    " and "};
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        struct answer *a = get(FAMILY_MARKDOWN, "kinds", seed, 200, 0);
        for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
            assert_non_null(strstr(a->text.data, kinds[i]));
        int fences = 0, wide = 0, emoji = 0;
        for (const char *p = a->text.data; (p = strstr(p, "```")); p += 3)
            fences++;
        for (size_t i = 0; i < a->text.len; i++) {
            wide += ((unsigned char)a->text.data[i] & 0xF0) == 0xE0;
            emoji += (unsigned char)a->text.data[i] == 0xF0 || (unsigned char)a->text.data[i] == 0xE2;
        }
        assert_true(fences >= 2 && fences % 2 == 0);
        assert_true(wide > 5 && emoji > 0);
        answer_put(a);
    }
}

static void test_rrml_is_closed_and_has_every_tag(void **state)
{
    (void)state;
    static const char *const tags[] = {"<header>",
                                       "</header><subheader>",
                                       "</subheader><body>",
                                       "<card>",
                                       "</card>",
                                       "<link href=\"https://",
                                       "</link>"};
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        struct answer *a = get(FAMILY_RRML, "tags", seed, 200, 0);
        for (size_t i = 0; i < sizeof(tags) / sizeof(tags[0]); i++)
            assert_non_null(strstr(a->text.data, tags[i]));
        assert_memory_equal(a->text.data, "<response>", 10);
        assert_string_equal(a->text.data + a->text.len - 18, "</body></response>");
        answer_put(a);
    }
}

static void test_long_is_over_500_kb(void **state)
{
    (void)state;
    struct answer *a = get(FAMILY_MARKDOWN, "long", 0, 100000, 0);
    assert_int_equal(a->count, 100000);
    assert_true(a->text.len > 500000);
    is_sound(a);
    answer_put(a);
}

static void test_token_size_is_about_kept(void **state)
{
    (void)state;
    for (uint32_t size = 4; size <= 256; size *= 4) {
        struct answer *a = get(FAMILY_MARKDOWN, "size", 0, 2000, size);
        double mean = (double)a->text.len / a->count;
        assert_true(mean > 0.8 * size && mean < 1.25 * size);
        answer_put(a);
    }
}

static void test_echo_gives_the_input_back(void **state)
{
    (void)state;
    static const char *const inputs[] = {"",
                                         " ",
                                         "a",
                                         "two words",
                                         "héllo 日本語日本語日本語 👩‍🚀",
                                         "\n\n\t x",
                                         "averyverylongwordwithoutanyspaces"};
    for (size_t i = 0; i < sizeof(inputs) / sizeof(inputs[0]); i++) {
        struct answer *a = get(FAMILY_ECHO, inputs[i], 0, 0, 0);
        assert_string_equal(a->text.data, inputs[i]);
        is_sound(a);
        answer_put(a);
    }
}

static void test_token_at_every_offset(void **state)
{
    (void)state;
    struct answer *a = get(FAMILY_MARKDOWN, "offsets", 0, 100, 0);
    for (size_t off = 0; off < a->text.len; off++) {
        uint32_t t = answer_token_at(a, off);
        assert_true(answer_start(a, t) <= off && off < a->end[t]);
    }
    assert_int_equal(answer_token_at(a, a->text.len), a->count);
    answer_put(a);
}

static void test_escapes_are_those_of_each_token(void **state)
{
    (void)state;
    struct answer *a = get(FAMILY_ECHO, "say \"hi\"\n\\ there", 0, 0, 3);
    assert_int_equal(a->escaped_end[a->count - 1], a->escaped.len);
    assert_memory_equal(a->escaped.data, "say \\\"hi\\\"\\n\\\\ there", a->escaped.len);
    answer_put(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_same_again_after_it_was_forgotten),
        cmocka_unit_test(test_text_is_the_recorded_one),
        cmocka_unit_test(test_input_seed_and_family_change_it),
        cmocka_unit_test(test_exactly_as_many_tokens_as_asked),
        cmocka_unit_test(test_two_hundred_tokens_hold_every_kind_of_markdown),
        cmocka_unit_test(test_rrml_is_closed_and_has_every_tag),
        cmocka_unit_test(test_long_is_over_500_kb),
        cmocka_unit_test(test_token_size_is_about_kept),
        cmocka_unit_test(test_echo_gives_the_input_back),
        cmocka_unit_test(test_token_at_every_offset),
        cmocka_unit_test(test_escapes_are_those_of_each_token),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    answer_forget_all();
    return failed;
}
