#include "fixture_head.h"

#include "base/buf.h"
#include "edge/upgrade.h"

static const struct config_strings nobody;
static struct err error;
static const struct tongue *tongue;

#define LINE "GET /v1/ws HTTP/1.1"
#define CONNECTION "Connection: Upgrade\r\nUpgrade: websocket\r\n"
#define VERSION "Sec-WebSocket-Version: 13\r\n"
#define KEY "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
#define PROTOCOL "Sec-WebSocket-Protocol: lastword.v1.json\r\n"

static int check(const char *line, const char *fields)
{
    struct head head = head_of(line, fields);
    error = (struct err){0};
    int status = upgrade_check(&head, &nobody, &tongue, &error);
    head_free(&head);
    return status;
}

static void test_good(void **state)
{
    (void)state;
    assert_int_equal(check(LINE, CONNECTION VERSION KEY PROTOCOL), 0);
    assert_int_equal(check(LINE, "Connection: keep-alive, UPGRADE\r\nUpgrade: WebSocket\r\n" VERSION KEY
                                 "Sec-WebSocket-Protocol: a, b,lastword.v1.json ,c\r\nOrigin: http://X\r\n"),
                     0);
    assert_int_equal(check(LINE, "Connection: keep-alive\r\n" CONNECTION VERSION KEY
                                 "Sec-WebSocket-Protocol: a\r\n" PROTOCOL),
                     0);
}

static void test_each_fault(void **state)
{
    (void)state;
    static const struct {
        int status;
        const char *line, *fields;
    } cases[] = {
        {404, "GET /v1/ws2 HTTP/1.1", CONNECTION VERSION KEY PROTOCOL},
        {404, "GET / HTTP/1.1", CONNECTION VERSION KEY PROTOCOL},
        {400, "POST /v1/ws HTTP/1.1", CONNECTION VERSION KEY PROTOCOL},
        {400, "HEAD /v1/ws HTTP/1.1", CONNECTION VERSION KEY PROTOCOL},
        {400, "GET /v1/ws HTTP/1.0", CONNECTION VERSION KEY PROTOCOL},
        {400, LINE, "Upgrade: websocket\r\n" VERSION KEY PROTOCOL},
        {400, LINE, "Connection: close\r\nUpgrade: websocket\r\n" VERSION KEY PROTOCOL},
        {426, LINE, CONNECTION "Sec-WebSocket-Version: 12\r\n" KEY PROTOCOL},
        {426, LINE, CONNECTION "Sec-WebSocket-Version: 013\r\n" KEY PROTOCOL},
        {426, LINE, CONNECTION KEY PROTOCOL},
        {426, LINE, CONNECTION VERSION VERSION KEY PROTOCOL},
        {400, LINE, CONNECTION VERSION PROTOCOL},
        {400, LINE, CONNECTION VERSION KEY KEY PROTOCOL},
        {400, LINE, CONNECTION VERSION KEY},
        {400, LINE, CONNECTION VERSION KEY "Sec-WebSocket-Protocol: lastword.v2.json\r\n"},
        {400, LINE, CONNECTION VERSION KEY "Sec-WebSocket-Protocol: xlastword.v1.json\r\n"},
        {403, LINE, CONNECTION VERSION KEY PROTOCOL "Origin: https://evil.example\r\n"},
        {403, LINE, CONNECTION VERSION KEY PROTOCOL "Origin:\r\n"},
        {403, LINE, CONNECTION VERSION KEY PROTOCOL "Origin: null\r\n"},
        {403, LINE,
         CONNECTION VERSION KEY PROTOCOL "Origin: http://x:8080\r\n"}, /* another port: another origin */
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        if (check(cases[i].line, cases[i].fields) != cases[i].status)
            fail_msg("not %d: %s, %s", cases[i].status, cases[i].line, cases[i].fields);
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
        char fields[512];
        snprintf(fields, sizeof fields, CONNECTION VERSION PROTOCOL "Sec-WebSocket-Key: %s\r\n", bad[i]);
        assert_int_equal(check(LINE, fields), 400);
        assert_string_equal(error.param, "sec-websocket-key");
    }
}

static void test_wishes(void **state)
{
    (void)state;
    static const struct {
        enum upgrade_wish wish;
        const char *fields;
    } cases[] = {
        {UPGRADE_NONE, ""},
        {UPGRADE_NONE, "Connection: Upgrade\r\nUpgrade:\r\n"},
        {UPGRADE_NONE, "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n"},
        {UPGRADE_NONE, "Upgrade: foo\r\n"}, /* of no hop of ours */
        {UPGRADE_WEBSOCKET, "Connection: Upgrade\r\nUpgrade: WEBSOCKET\r\n"},
        {UPGRADE_WEBSOCKET, "Connection: Upgrade\r\nUpgrade: foo, websocket\r\n"},
        {UPGRADE_WEBSOCKET, "Upgrade: websocket\r\n"},
        {UPGRADE_UNKNOWN, "Connection: Upgrade\r\nUpgrade: foo\r\n"},
        {UPGRADE_UNKNOWN, "Connection: Upgrade\r\nUpgrade: websocketx\r\n"},
        {UPGRADE_UNKNOWN, "Connection: Upgrade\r\nUpgrade: foo, h2c\r\n"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct head head = head_of(LINE, cases[i].fields);
        assert_int_equal(upgrade_wish(&head), cases[i].wish);
        head_free(&head);
    }
}

/* What is written for the library passes the same checks, and says nothing that the peer said. */
static void test_in_our_own_words(void **state)
{
    (void)state;
    struct head head = head_of(LINE, CONNECTION VERSION KEY "Sec-WebSocket-Protocol: a, lastword.v1.json\r\n"
                                                            "Origin: http://x\r\nCookie: c\r\n");
    struct buf out = {0};
    size_t at = 0;
    struct head again;
    upgrade_write(&out, &head, &tongue_native);
    assert_int_equal(head_find_end(out.data, out.len, &at), HEAD_WHOLE);
    assert_int_equal(at, out.len);
    assert_int_equal(head_parse(out.data, out.len, &again, &error), 0);
    assert_int_equal(upgrade_check(&again, &nobody, &tongue, &error), 0);
    assert_string_equal(head_value(&again, "sec-websocket-key"), "dGhlIHNhbXBsZSBub25jZQ==");
    assert_null(head_value(&again, "cookie"));
    head_free(&head);
    head_free(&again);
    buf_free(&out);
}

/* A tongue without a subprotocol: whatever is offered, none is chosen. */
static void test_other_tongues(void **state)
{
    (void)state;
    static const char *const offers[] = {"", PROTOCOL, "Sec-WebSocket-Protocol: a\r\n"};
    for (size_t i = 0; i < sizeof offers / sizeof *offers; i++) {
        char fields[512];
        snprintf(fields, sizeof fields, CONNECTION VERSION KEY "%s", offers[i]);
        struct head head = head_of("GET /v1/responses HTTP/1.1", fields);
        struct buf out = {0};
        assert_int_equal(upgrade_check(&head, &nobody, &tongue, &error), 0);
        assert_ptr_equal(tongue, &tongue_responses);
        upgrade_write(&out, &head, tongue);
        assert_null(strstr(buf_cstr(&out), "protocol"));
        assert_non_null(strstr(buf_cstr(&out), "GET /v1/responses HTTP/1.1\r\n"));
        head_free(&head);
        buf_free(&out);
    }
    assert_int_equal(check(LINE, CONNECTION VERSION KEY PROTOCOL), 0);
    assert_ptr_equal(tongue, &tongue_native);
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
        cmocka_unit_test(test_good),
        cmocka_unit_test(test_each_fault),
        cmocka_unit_test(test_keys),
        cmocka_unit_test(test_wishes),
        cmocka_unit_test(test_in_our_own_words),
        cmocka_unit_test(test_other_tongues),
        cmocka_unit_test(test_origins),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
