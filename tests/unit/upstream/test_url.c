/* Tests of the transports' small parts: url.c, head.c, wake.c, sockets.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <ev.h>
#include <sys/socket.h>
#include <unistd.h>

#include "upstream/head.h"
#include "upstream/sockets.h"
#include "upstream/url.h"
#include "upstream/wake.h"

static void test_urls(void **state)
{
    static const struct {
        const char *text, *base, *host, *authority, *path;
        int port;
        bool tls;
    } good[] = {
        {"http://a", "http://a/v1", "a", "a", "/v1", 80, false},
        {"http://a:8000/", "http://a:8000/v1", "a", "a:8000", "/v1", 8000, false},
        {"https://api.example.org/v1///", "https://api.example.org/v1", "api.example.org", "api.example.org",
         "/v1", 443, true},
        {"HTTPS://x/api/v3", "HTTPS://x/api/v3", "x", "x", "/api/v3", 443, true},
        {"http://[::1]:8000/v1", "http://[::1]:8000/v1", "::1", "[::1]:8000", "/v1", 8000, false},
        {"https://[fe80::2]", "https://[fe80::2]/v1", "fe80::2", "[fe80::2]", "/v1", 443, true},
    };
    static const char *const bad[] = {"",
                                      "x",
                                      "ftp://x",
                                      "http://",
                                      "http:///",
                                      "http:///v1",
                                      "https://:80",
                                      "http://a:0",
                                      "http://a:65536",
                                      "http://a:x",
                                      "http://a:80x",
                                      "http://a:",
                                      "http://[::1",
                                      "http://[]:80",
                                      "http://[::1]80",
                                      "http://[::1]:",
                                      "file:///etc/passwd"};
    struct url u;
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        assert_true(url_parse(&u, good[i].text));
        assert_string_equal(u.base, good[i].base);
        assert_string_equal(u.host, good[i].host);
        assert_string_equal(u.authority, good[i].authority);
        assert_string_equal(u.path, good[i].path);
        assert_int_equal(u.port, good[i].port);
        assert_int_equal(u.tls, good[i].tls);
        url_free(&u);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(url_parse(&u, bad[i]));
}

static bool line(struct head *h, const char *text)
{
    size_t len = strlen(text);
    char *copy = malloc(len ? len : 1); /* of its own size: it is not a C string */
    memcpy(copy, text, len);
    bool done = head_line(h, copy, len, 0);
    free(copy);
    return done;
}

static void test_heads(void **state)
{
    struct head h = {.retry_after_ms = -1};
    (void)state;
    assert_false(line(&h, "\r\n")); /* nothing came yet */
    assert_false(line(&h, "HTTP/1.1 103 Early\r\n"));
    assert_false(line(&h, "Retry-After: 5\r\n"));
    assert_false(line(&h, "\r\n"));
    assert_false(line(&h, "HTTP/2 429 \r\n"));
    assert_int_equal(h.retry_after_ms, -1);
    assert_false(line(&h, "content-TYPE:   text/event-stream\r\n"));
    assert_false(line(&h, "retry-after:7\r\n"));
    assert_int_equal(h.retry_after_ms, 7000);
    assert_false(line(&h, "Retry-After-Ms: 120\r\n"));
    assert_int_equal(h.retry_after_ms, 120);
    assert_false(line(&h, "Retry-After: 9\r\n"));
    assert_int_equal(h.retry_after_ms, 120);
    assert_false(line(&h, "Retry-After-Ms: soon\r\n"));
    assert_int_equal(h.retry_after_ms, 120);
    assert_true(line(&h, "\r\n"));
    assert_int_equal(h.status, 429);
    assert_string_equal(h.type, "text/event-stream");
    assert_false(line(&h, "HTTP/1.1\r\n"));
    assert_false(line(&h, "\r\n"));
    assert_false(line(&h, "HTTP/1.1 99999999999999999999\r\n"));
    assert_true(h.status < 10000);
    assert_false(
        line(&h, "Content-Type: 0123456789012345678901234567890123456789012345678901234567890123456789\r\n"));
    assert_int_equal(strlen(h.type), sizeof h.type - 1);
}

/* ------------------------------------------------------------ wake */

static int woken, others;
static struct wake wake;

static void on_wake(void *arg)
{
    assert_ptr_equal(arg, &woken);
    if (++woken < 1000)
        wake_in_us(&wake, 0); /* always more to do */
}

static void on_other(struct ev_loop *loop, ev_timer *t, int events)
{
    (void)loop;
    (void)t;
    (void)events;
    others++;
}

static void test_a_busy_wake_leaves_others_their_turn(void **state)
{
    struct ev_loop *loop = ev_loop_new(0);
    ev_timer other;
    (void)state;
    wake_init(&wake, loop, on_wake, &woken);
    ev_timer_init(&other, on_other, 0, 0);
    ev_timer_start(loop, &other);
    wake_in_us(&wake, 0);
    assert_int_equal(woken, 0); /* not from here */
    for (int i = 0; i < 5; i++)
        ev_run(loop, EVRUN_NOWAIT);
    assert_int_equal(others, 1);
    assert_in_range(woken, 2, 20);
    wake_stop(&wake);
    int was = woken;
    ev_run(loop, EVRUN_NOWAIT);
    assert_int_equal(woken, was);
    woken = 1000;
    wake_in_us(&wake, 1000);
    wake_in_us(&wake, 2000); /* in place of the first */
    ev_run(loop, 0);
    assert_int_equal(woken, 1001);
    ev_loop_destroy(loop);
}

/* ------------------------------------------------------------ sockets */

static int seen_fd, seen_events, seen;

static void on_event(void *owner, int fd, int events)
{
    assert_ptr_equal(owner, &seen);
    seen_fd = fd;
    seen_events = events;
    seen++;
}

static void test_sockets(void **state)
{
    struct ev_loop *loop = ev_loop_new(0);
    struct sockets s;
    int pair[2];
    (void)state;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    sockets_init(&s, loop, on_event);
    sockets_watch(&s, pair[0], &seen, 0); /* for nothing: no watcher is made */
    assert_int_equal(s.cap, 0);
    sockets_own(&s, pair[0], &seen);
    sockets_watch(&s, pair[0], &seen, EV_READ);
    ev_run(loop, EVRUN_NOWAIT);
    assert_int_equal(seen, 0);
    assert_int_equal(write(pair[1], "x", 1), 1);
    ev_run(loop, EVRUN_NOWAIT);
    assert_int_equal(seen_fd, pair[0]);
    assert_int_equal(seen_events, EV_READ);
    sockets_watch(&s, pair[0], &seen, 0);
    ev_run(loop, EVRUN_NOWAIT);
    assert_int_equal(seen, 1);
    assert_non_null(s.by_fd[pair[0]]); /* it is ours until it is closed */
    sockets_forget(&s, pair[0]);
    sockets_forget(&s, pair[0]);
    assert_null(s.by_fd[pair[0]]);
    sockets_watch(&s, pair[0], &seen, EV_WRITE); /* a stranger's */
    ev_run(loop, EVRUN_NOWAIT);
    assert_int_equal(seen_events, EV_WRITE);
    sockets_watch(&s, pair[0], &seen, 0);
    assert_null(s.by_fd[pair[0]]);
    sockets_watch(&s, pair[0], &seen, EV_WRITE);
    sockets_free(&s);
    ev_run(loop, EVRUN_NOWAIT);
    close(pair[0]);
    close(pair[1]);
    ev_loop_destroy(loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_urls),
        cmocka_unit_test(test_heads),
        cmocka_unit_test(test_a_busy_wake_leaves_others_their_turn),
        cmocka_unit_test(test_sockets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
