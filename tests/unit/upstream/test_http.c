/* Tests of upstream/http.c and upstream/plain.c over real sockets: a server of the test's own, in the same
 * loop. Every test is run on both. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "upstream/http.h"
#include "upstream/plain.h"

#include "fixture_server.h"

#define OK_HEAD "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
#define OK_SHORT "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

static struct ev_loop *loop;
static struct http *http;
static struct plain *plain;
static const struct transport *transport; /* the one under test */
static void *site;

/* What became of the last request. */
static struct {
    struct transfer *transfer;
    int heads, bodies, ends, reads, status;
    int64_t retry_after_ms;
    char type[64];
    struct buf body;
    enum transport_result result;
    bool started;  /* start has returned */
    int cancel_in; /* 1: in on_head, 2: in on_body */
    bool again_in_body;
} r;

static void on_read(void *ctx)
{
    (void)ctx;
    r.reads++;
}

static bool is_plain(void)
{
    return transport == &plain_transport;
}

static void *open_site(const struct http_options *o)
{
    return is_plain() ? (void *)plain_site_open(plain, o) : (void *)http_site_open(http, o);
}

static void close_site(void)
{
    if (is_plain())
        plain_site_close(site);
    else
        http_site_close(site);
}

static int open_all(void **state)
{
    char url[64];
    (void)state;
    loop = ev_loop_new(0);
    server_open(loop);
    http = http_open(loop, on_read, NULL);
    plain = plain_open(loop, on_read, NULL);
    snprintf(url, sizeof url, "http://127.0.0.1:%d/", server.port);
    struct http_options o = {
        .url = url, .head = "Authorization: Bearer sesame\r\n", .connect_ms = 2000, .total_ms = 20000};
    site = open_site(&o);
    assert_non_null(site);
    memset(&r, 0, sizeof r);
    return 0;
}

static int close_all(void **state)
{
    (void)state;
    close_site();
    http_close(http);
    plain_close(plain);
    server_close();
    ev_loop_destroy(loop);
    buf_free(&r.body);
    assert_int_equal(mem_alive(MEM_HTTP_TRANSFER), 0);
    return 0;
}

static void start(const char *path, const char *body);

static void on_head(void *ctx, int status, int64_t retry_after_ms, const char *type)
{
    (void)ctx;
    assert_true(r.started);
    r.heads++;
    r.status = status;
    r.retry_after_ms = retry_after_ms;
    snprintf(r.type, sizeof r.type, "%s", type);
    if (r.cancel_in == 1)
        transport->cancel(r.transfer);
}

static void on_body(void *ctx, const char *bytes, size_t len)
{
    (void)ctx;
    r.bodies++;
    buf_add(&r.body, bytes, len);
    if (r.cancel_in == 2)
        transport->cancel(r.transfer);
    if (r.again_in_body) {
        r.again_in_body = false;
        start("/second", "");
    }
}

static void on_end(void *ctx, enum transport_result result, const char *reason)
{
    (void)ctx;
    assert_non_null(reason);
    r.ends++;
    r.result = result;
}

static const struct transport_handlers handlers = {on_head, on_body, on_end};

static void start(const char *path, const char *body)
{
    struct transport_request q = {.path = path};
    buf_add_str(&q.body, body);
    r.transfer = transport->start(site, &q, &handlers, NULL);
    assert_non_null(r.transfer);
    r.started = true;
}

static bool is_over(void)
{
    return r.ends > 0;
}

static void ask(const char *path, const char *body)
{
    r.heads = r.ends = r.status = 0;
    r.body.len = 0;
    start(path, body);
    run_until(is_over);
    assert_int_equal(r.ends, 1);
}

static void body_is(const char *want)
{
    assert_string_equal(buf_cstr(&r.body), want);
}

/* ------------------------------------------------------------ requests and responses */

static void test_a_post(void **state)
{
    (void)state;
    server.replies[0] = OK_HEAD "5\r\nhello\r\n6\r\n world\r\n0\r\nTrailer: x\r\n\r\n";
    ask("/chat/completions", "{\"a\":1}");
    assert_int_equal(r.result, TRANSPORT_OK);
    assert_int_equal(r.heads, 1);
    assert_int_equal(r.status, 200);
    assert_string_equal(r.type, "text/event-stream");
    body_is("hello world");
    const char *q = buf_cstr(&server.last);
    assert_true(!strncmp(q, "POST /v1/chat/completions HTTP/1.1\r\n", 36));
    assert_non_null(strstr(q, "\r\nAuthorization: Bearer sesame\r\n"));
    assert_non_null(strstr(q, "\r\nContent-Type: application/json\r\n"));
    assert_non_null(strstr(q, "\r\n\r\n{\"a\":1}"));
    assert_null(strstr(q, "Expect:"));
    assert_true(r.reads > 0);
}

static void test_a_large_post(void **state)
{
    struct buf b = {0};
    (void)state;
    for (int i = 0; i < 3000000; i++)
        buf_add_char(&b, (char)('a' + i % 26));
    server.replies[0] = OK_SHORT;
    ask("/x", buf_cstr(&b));
    assert_int_equal(r.result, TRANSPORT_OK);
    assert_true(server.last.len > b.len);
    assert_memory_equal(server.last.data + server.last.len - b.len, b.data, b.len);
    buf_free(&b);
}

static void test_a_get_and_a_kept_connection(void **state)
{
    (void)state;
    server.replies[0] = OK_SHORT;
    for (int i = 0; i < 20; i++)
        ask("/models", "");
    assert_true(!strncmp(buf_cstr(&server.last), "GET /v1/models HTTP/1.1\r\n", 25));
    assert_int_equal(server.requests, 20);
    assert_int_equal(server.accepted, 1);
}

static void test_heads(void **state)
{
    (void)state;
    server.replies[0] = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 429 Slow\r\nretry-after: 7\r\n"
                        "Content-Type:application/json; charset=utf-8\r\nContent-Length: 0\r\n\r\n";
    server.replies[1] =
        "HTTP/1.1 503 No\r\nRetry-After: Sun, 06 Nov 1994 08:49:37 GMT\r\nContent-Length: 0\r\n\r\n";
    server.replies[2] =
        "HTTP/1.1 429 No\r\nretry-after-ms: 250\r\nRetry-After: 9\r\nContent-Length: 0\r\n\r\n";
    server.replies[3] = "HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n";
    ask("/x", "b");
    assert_int_equal(r.status, 429);
    assert_int_equal(r.retry_after_ms, 7000);
    assert_string_equal(r.type, "application/json; charset=utf-8");
    assert_int_equal(r.heads, 1);
    ask("/x", "b");
    assert_int_equal(r.retry_after_ms, 0);
    assert_string_equal(r.type, "");
    ask("/x", "b");
    assert_int_equal(r.retry_after_ms, 250);
    ask("/x", "b");
    assert_int_equal(r.status, 302); /* told, not followed */
    assert_int_equal(server.requests, 4);
    assert_int_equal(r.retry_after_ms, -1);
}

/* ------------------------------------------------------------ what goes wrong */

static void test_broken_connections(void **state)
{
    static const struct {
        const char *reply;
        enum transport_result result;
        int heads;
    } cases[] = {
        {SERVER_RESET, TRANSPORT_RESET, 0},
        {SERVER_CLOSE, TRANSPORT_RESET, 0},
        {"HTTP/1.1 200" SERVER_CLOSE, TRANSPORT_RESET, 0},
        {"nonsense\r\n\r\n" SERVER_CLOSE, TRANSPORT_RESET, 0},
        {OK_HEAD "5\r\nhel" SERVER_CLOSE, TRANSPORT_RESET, 1},
        {OK_HEAD "5\r\nhello\r\n" SERVER_CLOSE, TRANSPORT_RESET, 1},
        {OK_HEAD "zz\r\n" SERVER_CLOSE, TRANSPORT_RESET, 1},
        {"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc" SERVER_CLOSE, TRANSPORT_RESET, 1},
        {"HTTP/1.1 200 OK\r\n\r\nto the end" SERVER_CLOSE, TRANSPORT_OK, 1},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        server.requests = 0;
        server.replies[0] = cases[i].reply;
        ask("/x", "b");
        assert_int_equal(r.result, cases[i].result);
        assert_int_equal(r.heads, cases[i].heads);
    }
}

/* Closed in the very moment of the next request: nothing of it was answered, so it goes out once more. */
static void test_a_kept_connection_that_was_closed(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        server.requests = server.accepted = 0;
        server.replies[0] = OK_SHORT;
        server.replies[1] = i ? SERVER_RESET : SERVER_CLOSE;
        server.replies[2] = OK_SHORT SERVER_CLOSE;
        ask("/x", "a");
        ask("/x", "b");
        assert_int_equal(r.result, TRANSPORT_OK);
        assert_int_equal(server.requests, 3);
        assert_int_equal(server.accepted, 2);
        const char *q = buf_cstr(&server.last);
        assert_string_equal(q + strlen(q) - 5, "\r\n\r\nb");
    }
    if (!is_plain()) /* libcurl asks again also when a part of a line came */
        return;
    server.requests = 0;
    server.replies[1] = "HTTP/1.1 2" SERVER_CLOSE;
    ask("/x", "a");
    ask("/x", "b");
    assert_int_equal(r.result, TRANSPORT_RESET);
    assert_int_equal(server.requests, 2);
}

static void test_endless_headers(void **state)
{
    struct buf b = {0};
    (void)state;
    buf_add_lit(&b, "HTTP/1.1 200 OK\r\nX: ");
    for (int i = 0; i < 200000; i++)
        buf_add_char(&b, 'x');
    server.replies[0] = buf_cstr(&b);
    ask("/x", "b");
    assert_int_equal(r.result, TRANSPORT_RESET);
    buf_free(&b);
}

static void test_nobody_there(void **state)
{
    struct http_options o = {.url = "http://127.0.0.1:1", .head = "", .connect_ms = 2000, .total_ms = 20000};
    (void)state;
    close_site();
    site = open_site(&o);
    ask("/x", "b");
    assert_int_equal(r.result, TRANSPORT_CONNECT);
}

static void test_urls(void **state)
{
    static const char *const wrong[] = {"", "ftp://x", "http://", "https:///", "x", "file:///etc/passwd"};
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct http_options o = {.url = wrong[i], .head = "", .connect_ms = 100, .total_ms = 1000};
        assert_null(open_site(&o));
    }
    char url[64];
    snprintf(url, sizeof url, "http://127.0.0.1:%d/api/v3//", server.port);
    struct http_options o = {.url = url, .head = "", .connect_ms = 100, .total_ms = 1000};
    close_site();
    site = open_site(&o);
    server.replies[0] = OK_SHORT;
    ask("/models", "");
    assert_true(!strncmp(buf_cstr(&server.last), "GET /api/v3/models ", 19));
    assert_null(strstr(server.last.data, "Authorization"));
}

/* ------------------------------------------------------------ cancel and finish */

static bool body_came(void)
{
    return r.body.len > 0;
}

static bool requested(void)
{
    return server.requests > 0;
}

static bool none_open(void)
{
    return server.open == 0;
}

static void test_cancel_closes_the_connection(void **state)
{
    (void)state;
    server.replies[0] = OK_HEAD "5\r\nhello\r\n";
    start("/x", "b");
    run_until(body_came);
    assert_int_equal(server.open, 1);
    transport->cancel(r.transfer);
    run_until(none_open);
    server.replies[0] = SERVER_SILENT;
    server.requests = 0;
    start("/x", "b");
    run_until(requested);
    transport->cancel(r.transfer); /* before the head */
    run_until(none_open);
    start("/x", "b");
    transport->cancel(r.transfer); /* before the connection */
    assert_int_equal(r.ends, 0);
}

static void test_cancel_inside_the_library(void **state)
{
    (void)state;
    for (r.cancel_in = 1; r.cancel_in <= 2; r.cancel_in++) {
        server.replies[0] = OK_HEAD "5\r\nhello\r\n5\r\nagain\r\n";
        server.requests = 0;
        r.body.len = 0;
        r.bodies = 0;
        start("/x", "b");
        run_until(requested);
        run_until(none_open);
        assert_int_equal(r.ends, 0);
        assert_int_equal(r.bodies, r.cancel_in == 1 ? 0 : 1); /* nothing after the cancel */
    }
}

static bool both_ended(void)
{
    return r.ends == 2;
}

static void test_a_request_from_inside_the_library(void **state)
{
    (void)state;
    r.again_in_body = true;
    server.replies[0] = OK_SHORT;
    start("/first", "");
    run_until(both_ended);
    assert_int_equal(server.requests, 2);
}

static bool second_request(void)
{
    return server.requests == 2;
}

/* What ends by itself keeps its connection. */
static void test_finish_keeps_the_connection(void **state)
{
    (void)state;
    server.replies[0] = OK_HEAD "5\r\nhello\r\n";
    server.replies[1] = OK_SHORT;
    start("/x", "b");
    run_until(body_came);
    transport->finish(r.transfer);
    server_say("0\r\n\r\n");
    for (int i = 0; i < 20; i++)
        ev_run(loop, EVRUN_NOWAIT);
    assert_int_equal(r.ends, 0);
    ask("/x", "b");
    assert_true(second_request());
    assert_int_equal(server.accepted, 1);
}

static void test_finish_is_not_for_ever(void **state)
{
    (void)state;
    server.replies[0] = OK_HEAD "5\r\nhello\r\n";
    start("/x", "b");
    run_until(body_came);
    transport->finish(r.transfer);
    run_until(none_open); /* the linger is over */
    assert_int_equal(r.ends, 0);
}

static void test_closing_with_requests_running(void **state)
{
    (void)state;
    server.replies[0] = OK_HEAD "5\r\nhello\r\n";
    for (int i = 0; i < 5; i++)
        start("/x", "b");
    run_until(body_came);
    start("/x", "b"); /* and close_all must bear it */
    transport->finish(r.transfer);
}

/* ------------------------------------------------------------ many */

#define MANY 300

static bool all_ended(void)
{
    return r.ends == MANY;
}

static void test_many_at_once(void **state)
{
    (void)state;
    server.replies[0] = OK_SHORT;
    for (int round = 0; round < 2; round++) {
        r.ends = 0;
        r.body.len = 0;
        r.started = true;
        for (int i = 0; i < MANY; i++) {
            struct transport_request q = {.path = "/x"};
            buf_add_str(&q.body, "b");
            assert_non_null(transport->start(site, &q, &handlers, NULL));
        }
        r.ends = 0;
        run_until(all_ended);
        assert_int_equal(r.result, TRANSPORT_OK);
    }
    assert_true(server.accepted <= MANY + 60); /* the second round found its connections kept */
}

#define OVER(f) cmocka_unit_test_setup_teardown(f, open_all, close_all)

static int run(const char *name, const struct transport *which)
{
    const struct CMUnitTest tests[] = {
        OVER(test_a_post),
        OVER(test_a_large_post),
        OVER(test_a_get_and_a_kept_connection),
        OVER(test_heads),
        OVER(test_broken_connections),
        OVER(test_a_kept_connection_that_was_closed),
        OVER(test_endless_headers),
        OVER(test_nobody_there),
        OVER(test_urls),
        OVER(test_cancel_closes_the_connection),
        OVER(test_cancel_inside_the_library),
        OVER(test_a_request_from_inside_the_library),
        OVER(test_finish_keeps_the_connection),
        OVER(test_finish_is_not_for_ever),
        OVER(test_closing_with_requests_running),
        OVER(test_many_at_once),
    };
    transport = which;
    return _cmocka_run_group_tests(name, tests, sizeof tests / sizeof *tests, NULL, NULL);
}

int main(void)
{
    return run("http", &http_transport) + run("plain", &plain_transport);
}
