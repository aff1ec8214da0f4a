#include "fixture_head.h"

#include "base/buf.h"
#include "edge/request.h"

static struct request_plan plan;
static struct err error;

static int check(const char *line, const char *fields)
{
    struct head head = head_of(line, fields);
    error = (struct err){0};
    int status = request_check(&head, 1000, &plan, &error);
    head_free(&head);
    return status;
}

#define POST "POST /v1/x HTTP/1.1"
#define GET "GET /v1/x HTTP/1.1"

static int check_length(const char *length)
{
    char field[64];
    snprintf(field, sizeof field, "Content-Length: %s\r\n", length);
    return check(POST, field);
}

static void test_lengths(void **state)
{
    (void)state;
    assert_int_equal(check_length("1000"), 0);
    assert_int_equal(plan.framing, REQUEST_LENGTH);
    assert_int_equal(plan.length, 1000);
    assert_true(plan.keep_alive);
    assert_int_equal(check_length("0"), 0);
    assert_int_equal(plan.framing, REQUEST_NO_BODY);
    assert_int_equal(check_length("0007"), 0);
    assert_int_equal(plan.length, 7);
    assert_int_equal(check_length("1001"), 413);
    assert_int_equal(error.code, ERR_TOO_LARGE);
    static const char *const bad[] = {"",    "-1",  "+1",  "1 1", "1,1", "0x1",
                                      "1e3", "1.0", "one", "?",   "1;1", "99999999999999999999"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(check_length(bad[i]), 400);
        assert_string_equal(error.param, "content-length");
    }
    assert_int_equal(check(POST, ""), 0); /* none: no body */
    assert_int_equal(plan.framing, REQUEST_NO_BODY);
    assert_int_equal(check(GET, "Content-Length: 5\r\n"), 0); /* of no meaning, but there */
    assert_int_equal(plan.length, 5);
}

static void test_framings_that_two_readers_would_see_differently(void **state)
{
    (void)state;
#define CHUNKED "Transfer-Encoding: chunked\r\n"
    assert_int_equal(check(POST, "Content-Length: 5\r\nContent-Length: 5\r\n"), 400);
    assert_int_equal(check(POST, "Content-Length: 5\r\n" CHUNKED), 400);
    assert_int_equal(check(POST, CHUNKED "Content-Length: 0\r\n"), 400);
    assert_int_equal(check(POST, CHUNKED), 0);
    assert_int_equal(plan.framing, REQUEST_CHUNKED);
    assert_true(plan.keep_alive);
    assert_int_equal(check(POST, "TRANSFER-ENCODING: CHUNKED\r\n"), 0);
    assert_int_equal(check(GET, CHUNKED), 400);
    assert_int_equal(check("POST /v1/x HTTP/1.0", CHUNKED), 400);
    static const char *const codings[] = {
        "gzip, chunked", "chunked, chunked", "identity", "xchunked", "chunked;q=1", "?", ""};
    for (size_t i = 0; i < sizeof codings / sizeof *codings; i++) {
        char field[64];
        snprintf(field, sizeof field, "Transfer-Encoding: %s\r\n", codings[i]);
        assert_int_equal(check(POST, field), 501);
    }
    assert_int_equal(check(POST, CHUNKED CHUNKED), 501);
}

static void test_hosts(void **state)
{
    (void)state;
    assert_int_equal(check(GET, "Host: y\r\n"), 400);
    assert_string_equal(error.param, "host");
    static const char *const without[] = {"GET / HTTP/1.1\r\n\r\n", "GET / HTTP/1.0\r\n\r\n"};
    for (size_t i = 0; i < 2; i++) {
        struct head head;
        assert_int_equal(head_parse(without[i], strlen(without[i]), &head, &error), 0);
        assert_int_equal(request_check(&head, 1000, &plan, &error), i ? 0 : 400);
        head_free(&head);
    }
}

static void test_keep_alive(void **state)
{
    (void)state;
    static const struct {
        const char *line, *fields;
        bool keep;
    } cases[] = {{GET, "", true},
                 {GET, "Connection: close\r\n", false},
                 {GET, "Connection: Close\r\n", false},
                 {GET, "Connection: keep-alive, close\r\n", false},
                 {GET, "Connection: keep-alive\r\nConnection: close\r\n", false},
                 {GET, "Connection: closed\r\n", true},
                 {POST, "", true},
                 {"GET / HTTP/1.0", "", false},
                 {"GET / HTTP/1.0", "Connection: Keep-Alive\r\n", true}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(check(cases[i].line, cases[i].fields), 0);
        assert_int_equal(plan.keep_alive, cases[i].keep);
    }
}

static void test_expect(void **state)
{
    (void)state;
    assert_int_equal(check(POST, "Content-Length: 5\r\nExpect: 100-Continue\r\n"), 0);
    assert_true(plan.expects_continue);
    assert_int_equal(check(POST, "Content-Length: 0\r\nExpect: 100-continue\r\n"), 0);
    assert_false(plan.expects_continue);
    assert_int_equal(check(POST, "Content-Length: 5\r\nExpect: wonders\r\n"), 417);
}

static void test_tokens(void **state)
{
    (void)state;
    assert_true(request_has_token("Upgrade", "upgrade"));
    assert_true(request_has_token("keep-alive, Upgrade", "upgrade"));
    assert_true(request_has_token(" ,,\tupgrade \t,x", "upgrade"));
    assert_false(request_has_token("", "upgrade"));
    assert_false(request_has_token("upgraded", "upgrade"));
    assert_false(request_has_token("upgrad", "upgrade"));
    assert_false(request_has_token("not upgrade", "upgrade"));
}

static void test_queries(void **state)
{
    (void)state;
    const struct http_exchange x = {.query = "search=a%20b%26c&x&e=1%00"};
    char value[32];
    assert_true(http_query(&x, "search", value, sizeof value));
    assert_string_equal(value, "a b&c");
    assert_true(http_query(&x, "x", value, sizeof value));
    assert_string_equal(value, "");
    assert_false(http_query(&x, "e", value, sizeof value)); /* holds a NUL */
    assert_false(http_query(&x, "sear", value, sizeof value));
    assert_false(http_query(&x, "search", value, 5));
}

static void test_malformed_queries(void **state)
{
    (void)state;
    char value[32];
    static const char *const bad[] = {"a=%", "a=%4", "a=%zz", "a=%00", "b=1"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        const struct http_exchange x = {.query = bad[i]};
        assert_false(http_query(&x, "a", value, sizeof value));
    }
    const struct http_exchange plus = {.query = "&&a=1+2&a=3"};
    assert_true(http_query(&plus, "a", value, sizeof value));
    assert_string_equal(value, "1 2");
}

static void test_ids_and_bearers(void **state)
{
    (void)state;
    assert_true(request_id_is_sane("a.B_9-"));
    assert_false(request_id_is_sane(""));
    assert_false(request_id_is_sane("a b"));
    assert_false(request_id_is_sane("a\"b"));
    assert_false(request_id_is_sane("0123456789012345678901234567890123456789012345678901234567890123x"));
    assert_string_equal(request_bearer("Bearer abc"), "abc");
    assert_string_equal(request_bearer("bearer   abc"), "abc");
    assert_null(request_bearer("Basic abc"));
    assert_null(request_bearer("Bearer"));
    assert_string_equal(request_bearer("Bearer "), "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lengths),
        cmocka_unit_test(test_framings_that_two_readers_would_see_differently),
        cmocka_unit_test(test_hosts),
        cmocka_unit_test(test_keep_alive),
        cmocka_unit_test(test_expect),
        cmocka_unit_test(test_tokens),
        cmocka_unit_test(test_queries),
        cmocka_unit_test(test_malformed_queries),
        cmocka_unit_test(test_ids_and_bearers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
