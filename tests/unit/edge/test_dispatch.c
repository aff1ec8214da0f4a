#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "edge/routes.h"

static void test_patterns(void **state)
{
    (void)state;
    assert_true(route_matches("/v1/models", "/v1/models"));
    assert_false(route_matches("/v1/models", "/v1/models/"));
    assert_false(route_matches("/v1/models", "/v1/model"));
    assert_true(route_matches("/v1/models/*", "/v1/models/a/b"));
    assert_false(route_matches("/v1/models/*", "/v1/models/"));
    assert_true(route_matches("/a/{x}", "/a/b"));
    assert_false(route_matches("/a/{x}", "/a/"));
    assert_false(route_matches("/a/{x}", "/a/b/"));
    assert_false(route_matches("/a/{x}", "/a/b/c"));
    assert_true(route_matches("/a/{x}/c", "/a/b/c"));
    assert_false(route_matches("/a/{x}/c", "/a//c"));
    assert_false(route_matches("/a/{x}/c", "/a/b"));
}

static void test_who_needs_an_owner(void **state)
{
    (void)state;
    static const char *const need[] = {"/v1",     "/v1/",    "/v1/models", "/v1/chat/completions",
                                       "/v1/ws/", "/v1/none"};
    static const char *const free_for_all[] = {
        "/", "/livez", "/metrics", "/v1/ws", "/v1/ai/ws", "/v1/tanstack/ws", "/v11", "/v2/x", "/assets/v1/"};
    for (size_t i = 0; i < sizeof need / sizeof *need; i++)
        assert_true(http_needs_owner(need[i]));
    for (size_t i = 0; i < sizeof free_for_all / sizeof *free_for_all; i++)
        assert_false(http_needs_owner(free_for_all[i]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_patterns),
        cmocka_unit_test(test_who_needs_an_owner),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
