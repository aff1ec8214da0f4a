/* Tests of upstream/upstream.c over real sockets: asking for models, a call from start to end, a reload under
 * a running call, and closing with everything running. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/metrics.h"
#include "upstream/upstream.h"

#include "fixture_server.h"

#define EVENT(text) "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"" text "\"}}]}\n\n"
#define HEAD "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n"
#define END "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n"
#define MODELS                                                                                               \
    "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 32\r\n\r\n"                        \
    "{\"data\":[{\"id\":\"m\"},{\"id\":\"n\"}]}"

static struct ev_loop *loop;
static struct upstream *upstream;
static struct config *config;
static struct buf text;
static struct call_result result;
static char served_by[32];
static int ends;

static uint32_t chance(void)
{
    return 1u << 31;
}

static struct config *configured_as(const char *name, const char *dialect, int port, const char *more)
{
    char yaml[512];
    struct config_error e;
    snprintf(yaml, sizeof yaml, "upstreams:\n  - name: %s\n    url: http://127.0.0.1:%d\n    dialect: %s\n%s",
             name, port, dialect, more);
    struct config *c = config_parse(yaml, strlen(yaml), NULL, &e);
    if (!c)
        fail_msg("%s", e.text);
    return c;
}

static struct config *configured(const char *name, int port, const char *more)
{
    return configured_as(name, "openai", port, more);
}

static int open_all(void **state)
{
    (void)state;
    log_open(-1, LOG_LEVEL_ERROR, "test");
    loop = ev_loop_new(0);
    server_open(loop);
    server.replies[0] = MODELS;
    config = configured("one", server.port, "");
    upstream = upstream_open(config, loop, chance);
    ends = 0;
    return 0;
}

static int close_all(void **state)
{
    (void)state;
    upstream_close(upstream);
    config_free(config);
    server_close();
    ev_loop_destroy(loop);
    buf_free(&text);
    for (int k = 0; k < MEM_KINDS; k++)
        assert_int_equal(mem_alive((enum mem_kind)k), 0);
    return 0;
}

static void on_start(void *ctx, enum start_mode mode, const char *model, const char *name)
{
    (void)ctx;
    (void)mode;
    (void)model;
    snprintf(served_by, sizeof served_by, "%s", name);
}

static void on_text(void *ctx, enum answer_part part, const char *p, size_t len, unsigned tokens)
{
    (void)ctx;
    (void)part;
    (void)tokens;
    buf_add(&text, p, len);
}

static void on_status(void *ctx, enum call_status status, uint64_t idle_ms)
{
    (void)ctx;
    (void)status;
    (void)idle_ms;
}

static void on_end(void *ctx, const struct call_result *r)
{
    (void)ctx;
    result = *r;
    ends++;
}

static void text_so_far(void *ctx, const char **p, size_t *len, bool *only_text)
{
    (void)ctx;
    *p = text.data;
    *len = text.len;
    *only_text = true;
}

static struct call *ask(const char *model, struct err *e)
{
    static const struct call_events events = {on_start, on_text, on_status, on_end, text_so_far};
    struct prompt_message m = {.role = PROMPT_USER, .text = "hi", .len = 2};
    struct prompt p = {.model = model, .messages = &m, .count = 1};
    text.len = 0;
    return upstream->ops->start(upstream, &p, false, &events, NULL, e);
}

static bool ready(void)
{
    return upstream_ready(upstream);
}

static bool over(void)
{
    return ends > 0;
}

static bool text_came(void)
{
    return text.len > 0;
}

static bool nobody_connected(void)
{
    return server.open == 0;
}

static void test_models_then_an_answer(void **state)
{
    const char *const *names;
    struct err e = {0};
    (void)state;
    assert_false(upstream_ready(upstream));
    assert_null(ask("m", &e));
    assert_int_equal(e.code, ERR_UPSTREAM_UNAVAILABLE);
    run_until(ready);
    assert_int_equal(upstream->ops->models(upstream, &names), 2);
    assert_string_equal(names[1], "n");
    assert_true(upstream->ops->knows(upstream, "", &e));
    assert_false(upstream->ops->knows(upstream, "z", &e));
    assert_int_equal(e.code, ERR_NOT_FOUND);
    server.replies[1] = HEAD EVENT("Hel") EVENT("lo") END SERVER_CLOSE;
    assert_non_null(ask("m", &e));
    assert_int_equal(ends, 0);
    run_until(over);
    assert_int_equal(result.outcome, CALL_COMPLETE);
    assert_string_equal(buf_cstr(&text), "Hello");
    assert_int_equal(metric_get(METRIC_UPSTREAM_RUNNING, "one"), 0);
}

static void test_a_reload_under_a_running_call(void **state)
{
    struct err e = {0};
    (void)state;
    run_until(ready);
    server.replies[1] = HEAD EVENT("Hel");
    assert_non_null(ask("m", &e));
    run_until(text_came);
    struct config *next = configured("two", server.port, "    models: [other]\n");
    upstream_reload(upstream, next);
    config_free(config);
    config = next;
    assert_false(upstream->ops->knows(upstream, "m", &e));
    assert_true(upstream->ops->knows(upstream, "other", &e));
    server_say(EVENT("lo") END);
    run_until(over);
    assert_int_equal(result.outcome, CALL_COMPLETE);
    assert_string_equal(buf_cstr(&text), "Hello");
    assert_string_equal(served_by, "one");
    ends = 0;
    server.replies[2] = HEAD EVENT("new") END SERVER_CLOSE;
    assert_non_null(ask("other", &e));
    run_until(over);
    assert_string_equal(served_by, "two");
}

/* What a reload does not change keeps its models: nothing is asked twice. */
static void test_a_reload_of_the_same(void **state)
{
    (void)state;
    run_until(ready);
    struct config *next = configured("one", server.port, "");
    upstream_reload(upstream, next);
    config_free(config);
    config = next;
    assert_true(upstream_ready(upstream));
}

/* A port where nobody answers: the kernel's queue of connections is full, so what else comes is dropped. */
struct deaf {
    int listener, guests[8];
    int port;
};

static void deaf_open(struct deaf *d)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof at;
    d->listener = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(d->listener, (struct sockaddr *)&at, n), 0);
    assert_int_equal(listen(d->listener, 0), 0);
    assert_int_equal(getsockname(d->listener, (struct sockaddr *)&at, &n), 0);
    d->port = ntohs(at.sin_port);
    for (int i = 0; i < 8; i++) {
        d->guests[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
        (void)connect(d->guests[i], (struct sockaddr *)&at, n);
    }
}

static void deaf_close(struct deaf *d)
{
    for (int i = 0; i < 8; i++)
        close(d->guests[i]);
    close(d->listener);
}

/* connect_ms may be changed while the gateway runs: for both transports, without losing the upstream. */
static void test_a_reload_of_connect_ms(void **state)
{
    static const char *const dialects[] = {"openai", "richierich"};
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct deaf d;
        struct err e = {0};
        char models[64];
        deaf_open(&d);
        for (int k = 0; k < 2; k++) { /* the same upstream twice, with a shorter time the second time */
            snprintf(models, sizeof models, "    models: [m]\nupstream: {attempts: 1, connect_ms: %d}\n",
                     k ? 50 : 60000);
            struct config *next = configured_as("deaf", dialects[i], d.port, models);
            upstream_reload(upstream, next);
            config_free(config);
            config = next;
        }
        ends = 0;
        assert_non_null(ask("m", &e));
        run_until(over);
        assert_int_equal(result.outcome, CALL_ERROR);
        assert_int_equal(result.error.code, ERR_UPSTREAM_UNAVAILABLE);
        deaf_close(&d);
    }
}

static void test_cancel_and_close_while_running(void **state)
{
    struct err e = {0};
    (void)state;
    run_until(ready);
    server.replies[1] = HEAD EVENT("Hel");
    struct call *c = ask("m", &e);
    run_until(text_came);
    upstream->ops->cancel(c);
    run_until(nobody_connected);
    assert_int_equal(ends, 0);
    assert_non_null(ask("m", &e));
    run_until(text_came);
    assert_non_null(ask("n", &e)); /* close_all must bear both */
    assert_int_equal(ends, 0);
}

#define OVER(f) cmocka_unit_test_setup_teardown(f, open_all, close_all)

int main(void)
{
    const struct CMUnitTest tests[] = {
        OVER(test_models_then_an_answer),          OVER(test_a_reload_under_a_running_call),
        OVER(test_a_reload_of_the_same),           OVER(test_a_reload_of_connect_ms),
        OVER(test_cancel_and_close_while_running),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
