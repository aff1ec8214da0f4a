#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "edge/upgrade.h"

static const struct config_strings nobody;
static struct err error;

static struct upgrade_request good(void)
{
    return (struct upgrade_request){.is_get = true,
                                    .path = "/v1/ws",
                                    .version = "HTTP/1.1",
                                    .connection = "Upgrade",
                                    .websocket_version = "13",
                                    .key = "dGhlIHNhbXBsZSBub25jZQ==",
                                    .protocols = "lastword.v1.json",
                                    .host = "chat.example:8080",
                                    .key_count = 1,
                                    .version_count = 1};
}

static int check(const struct upgrade_request *r)
{
    memset(&error, 0, sizeof error);
    return upgrade_check(r, &nobody, &error);
}

static void test_good(void **state)
{
    (void)state;
    struct upgrade_request r = good();
    assert_int_equal(check(&r), 0);
    r.connection = "keep-alive, UPGRADE";
    r.protocols = "a, b,lastword.v1.json ,c";
    r.origin = "http://CHAT.example:8080";
    assert_int_equal(check(&r), 0);
}

static void test_each_fault(void **state)
{
    (void)state;
#define REFUSED(status, change)                                                                              \
    do {                                                                                                     \
        struct upgrade_request r = good();                                                                   \
        change;                                                                                              \
        assert_int_equal(check(&r), status);                                                                 \
    } while (0)
    REFUSED(404, r.path = "/v1/ws2");
    REFUSED(404, r.path = "/");
    REFUSED(400, r.is_get = false);
    REFUSED(400, r.version = "HTTP/1.0");
    REFUSED(400, r.connection = "");
    REFUSED(400, r.connection = "close");
    REFUSED(426, r.websocket_version = "12");
    REFUSED(426, r.websocket_version = "");
    REFUSED(426, r.websocket_version = "013");
    REFUSED(426, r.version_count = 2);
    REFUSED(400, r.key_count = 0);
    REFUSED(400, r.key_count = 2);
    REFUSED(400, r.host = "");
    REFUSED(400, r.protocols = "");
    REFUSED(400, r.protocols = "lastword.v2.json");
    REFUSED(400, r.protocols = "xlastword.v1.json");
    REFUSED(403, r.origin = "https://evil.example");
    REFUSED(403, r.origin = "");
    REFUSED(403, r.origin = "null");
    REFUSED(403, r.origin = "http://chat.example"); /* another port is another origin */
}

static void test_keys(void **state)
{
    (void)state;
    static const char *const bad[] = {"",
                                      "?",
                                      "dGhlIHNhbXBsZSBub25jZQ=",
                                      "dGhlIHNhbXBsZSBub25jZQ===",
                                      "dGhlIHNhbXBsZSBub25jZR==",
                                      "dGhlIHNhbXBsZSBub25jZ===",
                                      "dGhlIHNhbXBsZSBub25jZQQQ",
                                      "dGhlIHNhbXBsZSBub25j",
                                      "dGhl IHNhbXBsZSBub25jZQ==",
                                      "dGhl-HNhbXBsZSBub25jZQ=="};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct upgrade_request r = good();
        r.key = bad[i];
        assert_int_equal(check(&r), 400);
        assert_string_equal(error.param, "sec-websocket-key");
    }
}

/* What the library could not read back has to be refused before it tries. */
static void test_long_lists(void **state)
{
    (void)state;
    char list[200];
    memset(list, 'x', sizeof list);
    memcpy(list + 150, ", lastword.v1.json", 19);
    struct upgrade_request r = good();
    r.protocols = list;
    assert_int_equal(check(&r), 400);
    memset(list, 'x', sizeof list);
    memcpy(list + 62, ", lastword.v1.json", 19);
    assert_int_equal(check(&r), 400);
    memcpy(list + 58, ", lastword.v1.json", 19);
    assert_int_equal(check(&r), 0);
    memset(list, ' ', sizeof list);
    memcpy(list + 150, "upgrade", 8);
    r = good();
    r.connection = list;
    assert_int_equal(check(&r), 400);
}

static void test_origins(void **state)
{
    (void)state;
    const char *items[] = {"https://a.example", "http://localhost:5173"};
    const struct config_strings list = {items, 2};
    assert_true(upgrade_origin_allowed(NULL, "x", &list));
    assert_true(upgrade_origin_allowed("https://A.example", "x", &list));
    assert_true(upgrade_origin_allowed("http://localhost:5173", "x", &list));
    assert_false(upgrade_origin_allowed("http://a.example", "a.example", &list));
    assert_false(upgrade_origin_allowed("https://a.example.evil", "x", &list));
    assert_false(upgrade_origin_allowed("", "x", &list));
    const char *star[] = {"*"};
    const struct config_strings all = {star, 1};
    assert_true(upgrade_origin_allowed("null", "x", &all));
    assert_true(upgrade_origin_allowed("http://x", "x", &nobody));
    assert_true(upgrade_origin_allowed("https://X", "x", &nobody));
    assert_false(upgrade_origin_allowed("http://", "", &nobody));
    assert_false(upgrade_origin_allowed("x", "x", &nobody));
    assert_false(upgrade_origin_allowed("http://x.evil", "x", &nobody));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good),       cmocka_unit_test(test_each_fault), cmocka_unit_test(test_keys),
        cmocka_unit_test(test_long_lists), cmocka_unit_test(test_origins),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
