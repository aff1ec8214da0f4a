/* The grammar of model names, and what options refuse. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "model.h"

static void test_plain_names(void **state)
{
    (void)state;
    struct model m;
    assert_true(model_find("richierich", &m));
    assert_true(m.defaults.rate == 50 && m.defaults.tokens == 200 && m.family == FAMILY_MARKDOWN);
    assert_true(model_find("richierich-slow", &m));
    assert_true(m.defaults.rate == 10 && m.defaults.tokens == 300);
    assert_true(model_find("richierich-fast", &m));
    assert_true(m.defaults.rate == 0 && m.defaults.tokens == 2000);
    assert_true(model_find("richierich-long", &m));
    assert_true(m.defaults.rate == 0 && m.defaults.tokens == 100000);
}

static void test_fault_names(void **state)
{
    (void)state;
    struct model m;
    assert_true(model_find("richierich-s08", &m));
    assert_true(m.defaults.fault == FAULT_S08 && m.defaults.fail_attempts == FAIL_UNSET);
    assert_true(model_find("richierich-s08-rst-forever", &m));
    assert_true(m.defaults.fault == FAULT_S08 && m.defaults.mode == MODE_RST &&
                m.defaults.fail_attempts == -1);
    assert_true(model_find("richierich-inband-error-event-once", &m));
    assert_true(m.defaults.fault == FAULT_INBAND_ERROR && m.defaults.mode == MODE_EVENT);
    assert_int_equal(m.defaults.fail_attempts, 1);
    assert_true(model_find("richierich-s07", &m));
    assert_int_equal(m.defaults.first_token_ms, 3000);
}

static void test_options_in_the_name(void **state)
{
    (void)state;
    struct model m;
    assert_true(model_find("richierich-s08@tokens=60,rate=0,fault_after=5", &m));
    assert_true(m.defaults.tokens == 60 && m.defaults.rate == 0 && m.defaults.fault_after == 5);
    assert_string_equal(m.base, "richierich-s08");
    assert_string_equal(m.name, "richierich-s08@tokens=60,rate=0,fault_after=5");
}

static void test_refused(void **state)
{
    (void)state;
    static const char *const names[] = {"",
                                        "richie",
                                        "richierich-",
                                        "richierich-none",
                                        "richierich-s17",
                                        "@",
                                        "richierich-once",
                                        "richierich-s08-never",
                                        "richierich@",
                                        "gpt-4",
                                        "richierich@tokens",
                                        "richierich@tokens=x",
                                        "richierich@what=1",
                                        "richierich@rate=-1",
                                        "richierich@rate=nan",
                                        "richierich@tokens=1e9",
                                        "richierich@jitter=2",
                                        "richierich@fault=s99",
                                        "richierichs01"};
    struct model m;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (model_find(names[i], &m) != !strcmp(names[i], "richierich@"))
            fail_msg("%s", names[i]);
    char huge[1000];
    memset(huge, 'x', sizeof(huge) - 1);
    huge[sizeof(huge) - 1] = '\0';
    assert_false(model_find(huge, &m));
}

static void test_every_listed_name_is_found(void **state)
{
    (void)state;
    char name[MODEL_NAME_MAX + 1];
    struct model m;
    unsigned i = 0;
    for (; model_name_at(i, name); i++)
        assert_true(model_find(name, &m));
    assert_int_equal(i, 7 + 3 * (FAULTS - 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plain_names),
        cmocka_unit_test(test_fault_names),
        cmocka_unit_test(test_options_in_the_name),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_every_listed_name_is_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
