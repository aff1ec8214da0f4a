#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "edge/request.h"

static struct request_plan plan;
static struct err error;

static struct request_head good(void)
{
    return (struct request_head){.method = HTTP_POST,
                                 .path = "/v1/x",
                                 .version = "HTTP/1.1",
                                 .host = "x",
                                 .host_count = 1,
                                 .connection = "",
                                 .content_length = "",
                                 .transfer_encoding = "",
                                 .expect = ""};
}

static int check(const struct request_head *head)
{
    memset(&error, 0, sizeof error);
    return request_check(head, 1000, &plan, &error);
}

static int check_length(const char *length)
{
    struct request_head head = good();
    head.content_length = length;
    head.length_count = 1;
    return check(&head);
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
    static const char *const bad[] = {"",    "-1",  "+1",  " 1", "1 ",  "1,1", "0x1",
                                      "1e3", "1.0", "one", "?",  "1\t", "1;1", "99999999999999999999"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(check_length(bad[i]), 400);
        assert_string_equal(error.param, "content-length");
    }
}

static void test_framings_that_two_readers_would_see_differently(void **state)
{
    (void)state;
    struct request_head head = good();
    head.content_length = "5";
    head.length_count = 2;
    assert_int_equal(check(&head), 400);
    head.length_count = 1;
    head.transfer_encoding = "chunked";
    assert_int_equal(check(&head), 400);
    head.length_count = 0;
    assert_int_equal(check(&head), 0);
    assert_int_equal(plan.framing, REQUEST_CHUNKED);
    assert_false(plan.keep_alive);
    head.method = HTTP_GET;
    assert_int_equal(check(&head), 400);
    head.method = HTTP_POST;
    head.version = "HTTP/1.0";
    assert_int_equal(check(&head), 400);
    head.version = "HTTP/1.1";
    static const char *const codings[] = {"gzip, chunked", "chunked, chunked", "identity",
                                          "xchunked",      "chunked;q=1",      "?"};
    for (size_t i = 0; i < sizeof codings / sizeof *codings; i++) {
        head.transfer_encoding = codings[i];
        assert_int_equal(check(&head), 501);
    }
}

static void test_lines(void **state)
{
    (void)state;
    static const char *const versions[] = {"",         "HTTP/2.0",  "HTTP/1.2", "HTTP/1.",
                                           "http/1.1", "HTTP/1.11", "?"};
    struct request_head head = good();
    for (size_t i = 0; i < sizeof versions / sizeof *versions; i++) {
        head.version = versions[i];
        assert_int_equal(check(&head), 505);
    }
    head = good();
    head.path = NULL;
    assert_int_equal(check(&head), 400);
    head.path_too_long = true;
    assert_int_equal(check(&head), 414);
    head = good();
    head.path = "x";
    assert_int_equal(check(&head), 400);
    head = good();
    head.host_count = 0;
    assert_int_equal(check(&head), 400);
    head.host_count = 2;
    assert_int_equal(check(&head), 400);
    head.host_count = 0;
    head.version = "HTTP/1.0";
    assert_int_equal(check(&head), 0);
}

static void test_keep_alive(void **state)
{
    (void)state;
    static const struct {
        const char *version, *connection;
        bool keep;
    } cases[] = {{"HTTP/1.1", "", true},          {"HTTP/1.1", "close", false},
                 {"HTTP/1.1", "Close", false},    {"HTTP/1.1", "keep-alive, close", false},
                 {"HTTP/1.1", "closed", true},    {"HTTP/1.0", "", false},
                 {"HTTP/1.0", "Keep-Alive", true}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct request_head head = good();
        head.method = HTTP_GET;
        head.version = cases[i].version;
        head.connection = cases[i].connection;
        assert_int_equal(check(&head), 0);
        assert_int_equal(plan.keep_alive, cases[i].keep);
    }
    struct request_head head = good(); /* a POST without a length: nobody can tell where the next begins */
    assert_int_equal(check(&head), 0);
    assert_false(plan.keep_alive);
}

static void test_expect(void **state)
{
    (void)state;
    struct request_head head = good();
    head.content_length = "5";
    head.length_count = 1;
    head.expect = "100-Continue";
    assert_int_equal(check(&head), 0);
    assert_true(plan.expects_continue);
    head.content_length = "0";
    assert_int_equal(check(&head), 0);
    assert_false(plan.expects_continue);
    head.expect = "wonders";
    assert_int_equal(check(&head), 417);
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
    struct buf out = {0};
    request_add_query(&out, "search=a b&c", 12);
    request_add_query(&out, "x", 1);
    request_add_query(&out, "e=1=2%\xc3\xa4\0", 9);
    assert_string_equal(buf_cstr(&out), "search=a%20b%26c&x&e=1%3D2%25%C3%A4%00");
    const struct http_exchange x = {.query = buf_cstr(&out)};
    char value[32];
    assert_true(http_query(&x, "search", value, sizeof value));
    assert_string_equal(value, "a b&c");
    assert_true(http_query(&x, "x", value, sizeof value));
    assert_string_equal(value, "");
    assert_false(http_query(&x, "e", value, sizeof value)); /* holds a NUL */
    assert_false(http_query(&x, "sear", value, sizeof value));
    assert_false(http_query(&x, "search", value, 5));
    buf_free(&out);
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
        cmocka_unit_test(test_lines),
        cmocka_unit_test(test_keep_alive),
        cmocka_unit_test(test_expect),
        cmocka_unit_test(test_tokens),
        cmocka_unit_test(test_queries),
        cmocka_unit_test(test_malformed_queries),
        cmocka_unit_test(test_ids_and_bearers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
