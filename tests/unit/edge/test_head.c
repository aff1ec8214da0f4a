/* head: whole and split at every byte; what must be refused, and with what. */
#include "fixture_head.h"

static struct err error;

/* The verdict of `text`, looked at whole and byte by byte: both must agree, and *at too. */
static enum head_verdict verdict_of(const char *text, size_t len, size_t *at)
{
    *at = 0;
    enum head_verdict whole = head_find_end(text, len, at);
    size_t step = 0;
    enum head_verdict split = HEAD_MORE;
    for (size_t n = 0; n <= len && split == HEAD_MORE; n++)
        split = head_find_end(text, n, &step);
    assert_int_equal(split, whole);
    if (whole == HEAD_WHOLE)
        assert_int_equal(step, *at);
    return whole;
}

static enum head_verdict verdict(const char *text)
{
    size_t at;
    return verdict_of(text, strlen(text), &at);
}

static void test_where_it_ends(void **state)
{
    (void)state;
    size_t at;
    static const char head[] = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
    assert_int_equal(verdict_of(head, sizeof head - 1, &at), HEAD_WHOLE);
    assert_int_equal(at, sizeof head - 1);
    static const char more[] = "GET / HTTP/1.1\r\n\r\nGET / HTTP/1.1\r\n\r\n";
    assert_int_equal(verdict_of(more, sizeof more - 1, &at), HEAD_WHOLE);
    assert_int_equal(at, 18);
    static const char *const unfinished[] = {"",
                                             "G",
                                             "GET / HTTP/1.1",
                                             "GET / HTTP/1.1\r",
                                             "GET / HTTP/1.1\r\n",
                                             "GET / HTTP/1.1\r\nA: b\r\n\r",
                                             "\t",
                                             "\xff\x80"};
    for (size_t i = 0; i < sizeof unfinished / sizeof *unfinished; i++)
        assert_int_equal(verdict(unfinished[i]), HEAD_MORE);
}

static void test_what_is_no_text(void **state)
{
    (void)state;
    static const char *const wrong[] = {"GET / HTTP/1.1\n",          "\n",         "GET / HTTP/1.1\r\r\n",
                                        "GET / HTTP/1.1\rHost: x",   "\x16\x03",   "GET /\x01",
                                        "GET / HTTP/1.1\r\nA: \x7f", "A: b\r\n\n", "A: \x1b[2J"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_int_equal(verdict(wrong[i]), HEAD_WRONG);
    size_t at;
    assert_int_equal(verdict_of("GET /\0 HTTP/1.1\r\n", 17, &at), HEAD_WRONG);
}

static void test_a_head(void **state)
{
    (void)state;
    struct head h = head_of("POST /v1/%6dodels/a%2Fb?x=1&y=%20 HTTP/1.0",
                            "CONTENT-type:  text/plain \t\r\nEmpty:\r\nA: 1\r\na:2\r\nDots: a:b: c\r\n");
    assert_int_equal(h.method, HTTP_POST);
    assert_string_equal(h.path, "/v1/models/a/b");
    assert_string_equal(h.query, "x=1&y=%20");
    assert_string_equal(h.version, "HTTP/1.0");
    assert_int_equal(h.count, 6);
    assert_string_equal(head_value(&h, "host"), "x");
    assert_string_equal(head_value(&h, "content-type"), "text/plain");
    assert_string_equal(head_value(&h, "empty"), "");
    assert_string_equal(head_value(&h, "dots"), "a:b: c");
    assert_string_equal(head_value(&h, "a"), "1");
    assert_int_equal(head_count(&h, "a"), 2);
    assert_null(head_value(&h, "b"));
    head_free(&h);
}

static void test_targets(void **state)
{
    (void)state;
    static const struct {
        const char *line, *path, *query;
    } cases[] = {{"GET / HTTP/1.1", "/", ""},
                 {"GET /? HTTP/1.1", "/", ""},
                 {"GET /a&b;c?d?e HTTP/1.1", "/a&b;c", "d?e"},
                 {"GET /a/../b HTTP/1.1", "/a/../b", ""}, /* as it stands: it names no file here */
                 {"GET //a HTTP/1.1", "//a", ""},
                 {"GET /\xe5\x8c\x97 HTTP/1.1", "/\xe5\x8c\x97", ""},
                 {"GET /%e5%8C%97%25 HTTP/1.1", "/\xe5\x8c\x97%", ""},
                 {"GET http://host:1/a?b HTTP/1.1", "/a", "b"},
                 {"GET HTTPS://host HTTP/1.1", "/", ""},
                 {"OPTIONS * HTTP/1.1", "*", ""}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct head h = head_of(cases[i].line, "");
        assert_string_equal(h.path, cases[i].path);
        assert_string_equal(h.query, cases[i].query);
        head_free(&h);
    }
}

static void test_methods(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        enum http_method method;
    } cases[] = {{"GET", HTTP_GET},     {"HEAD", HTTP_HEAD},     {"POST", HTTP_POST},
                 {"PATCH", HTTP_PATCH}, {"DELETE", HTTP_DELETE}, {"OPTIONS", HTTP_OPTIONS},
                 {"PUT", HTTP_OTHER},   {"TRACE", HTTP_OTHER},   {"CONNECT", HTTP_OTHER}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char line[64];
        snprintf(line, sizeof line, "%s / HTTP/1.1", cases[i].name);
        struct head h = head_of(line, "");
        assert_int_equal(h.method, cases[i].method);
        head_free(&h);
    }
}

static int status_of(const char *text)
{
    struct head head;
    size_t at = 0;
    error = (struct err){0};
    assert_int_equal(head_find_end(text, strlen(text), &at), HEAD_WHOLE);
    int status = head_parse(text, at, &head, &error);
    if (!status)
        head_free(&head);
    else
        assert_null(head.fields);
    return status;
}

static void test_refusals(void **state)
{
    (void)state;
    static const struct {
        int status;
        const char *text;
    } cases[] = {
        {400, "\r\n\r\n"},
        {400, "GET\r\n\r\n"},
        {400, "GET /\r\n\r\n"},
        {400, " GET / HTTP/1.1\r\n\r\n"},
        {400, "G(T / HTTP/1.1\r\n\r\n"},
        {400, "GET x HTTP/1.1\r\n\r\n"},
        {400, "GET * HTTP/1.1\r\n\r\n"},
        {400, "GET  / HTTP/1.1\r\n\r\n"},
        {400, "GET /# HTTP/1.1\r\n\r\n"},
        {400, "GET /% HTTP/1.1\r\n\r\n"},
        {400, "GET /%4 HTTP/1.1\r\n\r\n"},
        {400, "GET /%zz HTTP/1.1\r\n\r\n"},
        {400, "GET /%00 HTTP/1.1\r\n\r\n"},
        {400, "GET /%0d%0aX: HTTP/1.1\r\n\r\n"},
        {400, "GET http://h?x HTTP/1.1\r\n\r\n"},
        {400, "CONNECT h:443 HTTP/1.1\r\n\r\n"},
        {501, "BREW / HTTP/1.1\r\n\r\n"},
        {501, "get / HTTP/1.1\r\n\r\n"},
        {501, "PRI * HTTP/2.0\r\n\r\n"},
        {400, "GET / HTTP/1.1 x\r\n\r\n"},
        {505, "GET / http/1.1\r\n\r\n"},
        {505, "GET / HTTP/2.0\r\n\r\n"},
        {505, "GET / \r\n\r\n"},
        {400, "GET / HTTP/1.1\r\nA : b\r\n\r\n"},
        {400, "GET / HTTP/1.1\r\nA\r\n\r\n"},
        {400, "GET / HTTP/1.1\r\n: b\r\n\r\n"},
        {400, "GET / HTTP/1.1\r\nA: b\r\n c\r\n\r\n"},
        {400, "GET / HTTP/1.1\r\n\tA: b\r\n\r\n"},
        {400, "GET / HTTP/1.1\r\nA\xc3\xa4: b\r\n\r\n"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        if (status_of(cases[i].text) != cases[i].status)
            fail_msg("not %d: %s", cases[i].status, cases[i].text);
        assert_int_equal(error.code, ERR_BAD_REQUEST);
    }
}

static void test_limits(void **state)
{
    (void)state;
    static char text[HEAD_MAX];
    char *at = text + sprintf(text, "GET / HTTP/1.1\r\n");
    for (int i = 0; i < HEAD_FIELDS_MAX; i++)
        at += sprintf(at, "a: %d\r\n", i);
    strcpy(at, "\r\n");
    assert_int_equal(status_of(text), 0);
    strcpy(at, "b: 1\r\n\r\n");
    assert_int_equal(status_of(text), 431);
    char *path = text + sprintf(text, "GET /");
    memset(path, 'a', HEAD_PATH_MAX);
    strcpy(path + HEAD_PATH_MAX - 1, " HTTP/1.1\r\n\r\n");
    assert_int_equal(status_of(text), 0);
    strcpy(path + HEAD_PATH_MAX - 1, "a HTTP/1.1\r\n\r\n");
    assert_int_equal(status_of(text), 414);
    *path = '?';
    memset(path + 1, 'q', HEAD_QUERY_MAX);
    strcpy(path + 1 + HEAD_QUERY_MAX, " HTTP/1.1\r\n\r\n");
    assert_int_equal(status_of(text), 0);
    strcpy(path + 1 + HEAD_QUERY_MAX, "q HTTP/1.1\r\n\r\n");
    assert_int_equal(status_of(text), 414);
}

static void test_tokens(void **state)
{
    (void)state;
    struct head h =
        head_of("GET / HTTP/1.1", "Connection: keep-alive\r\nX: upgrade\r\nConnection: x , UPGRADE\r\n");
    assert_true(head_has_token(&h, "connection", "upgrade"));
    assert_true(head_has_token(&h, "connection", "keep-alive"));
    assert_false(head_has_token(&h, "connection", "close"));
    assert_false(head_has_token(&h, "nothing", "close"));
    head_free(&h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_where_it_ends), cmocka_unit_test(test_what_is_no_text),
        cmocka_unit_test(test_a_head),        cmocka_unit_test(test_targets),
        cmocka_unit_test(test_methods),       cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_limits),        cmocka_unit_test(test_tokens),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
