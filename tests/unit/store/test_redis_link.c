/* A connection to a server of the test's own making, on the same loop, that says what it is told to: nothing,
 * nonsense, LOADING, and in pieces. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/log.h"
#include "store/redis_link.h"
#include "store/redis_reply.h"

#define LIMIT_MS 150
#define PATIENCE_MS 10000

struct world {
    struct ev_loop *loop;
    char folder[64], path[80];
    int listener, conn; /* conn -1: none */
    struct ev_io accepting, reading;
    size_t received;
    int accepted;
    const char *hello, *answer; /* at once; to each thing that comes */
    bool drop;                  /* the next answer drops the link */
    struct link link;
    int opened, lost;
    struct ev_timer tick;
    struct buf said; /* what requests were answered */
};

struct request {
    struct link_request request;
    struct world *w;
};

/* ---- the server */

static void hang_up(struct world *w)
{
    if (w->conn < 0)
        return;
    ev_io_stop(w->loop, &w->reading);
    close(w->conn);
    w->conn = -1;
}

static void say(struct world *w, const char *text)
{
    if (text && write(w->conn, text, strlen(text)) != (ssize_t)strlen(text))
        assert_int_equal(errno, EPIPE); /* the link has left */
}

static void on_bytes(struct ev_loop *loop, struct ev_io *io, int events)
{
    struct world *w = io->data;
    static char bytes[65536];
    (void)loop, (void)events;
    ssize_t n = read(w->conn, bytes, sizeof(bytes));
    if (n <= 0) {
        hang_up(w);
        return;
    }
    w->received += (size_t)n;
    say(w, w->answer);
}

static void on_connection(struct ev_loop *loop, struct ev_io *io, int events)
{
    struct world *w = io->data;
    (void)events;
    hang_up(w);
    w->conn = accept4(w->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    assert_true(w->conn >= 0);
    w->accepted++;
    ev_io_init(&w->reading, on_bytes, w->conn, EV_READ);
    w->reading.data = w;
    ev_io_start(loop, &w->reading);
    say(w, w->hello);
}

static void listen_at(struct world *w)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    snprintf(at.sun_path, sizeof(at.sun_path), "%s", w->path);
    unlink(w->path);
    w->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(w->listener, (struct sockaddr *)&at, sizeof(at)), 0);
    assert_int_equal(listen(w->listener, 8), 0);
    ev_io_init(&w->accepting, on_connection, w->listener, EV_READ);
    w->accepting.data = w;
    ev_io_start(w->loop, &w->accepting);
}

/* ---- the link's owner */

static bool where(struct link *l, struct redis_address *out)
{
    const struct world *w = l->owner.ctx;
    snprintf(out->host, sizeof(out->host), "%s", w->path);
    out->port = 0;
    return true;
}

static void opened(struct link *l)
{
    ((struct world *)l->owner.ctx)->opened++;
    link_ready(l);
}

static void lost(struct link *l)
{
    ((struct world *)l->owner.ctx)->lost++;
}

static void on_tick(struct ev_loop *loop, struct ev_timer *timer, int events)
{
    struct world *w = timer->data;
    (void)loop, (void)events;
    link_tick(&w->link, link_now_ms());
}

static void on_answer(struct link_request *request, const struct redisReply *reply)
{
    struct request *r = (struct request *)request;
    buf_printf(&r->w->said, "%s; ", reply ? reply_text(reply, NULL) : "lost");
    if (r->w->drop && reply)
        link_drop(&r->w->link, "of our own will");
    free(r);
}

static bool ask(struct world *w, const char *command, size_t len)
{
    struct request *r = calloc(1, sizeof(*r));
    assert_non_null(r);
    r->request.on_answer = on_answer;
    r->w = w;
    bool sent = link_send(&w->link, &r->request, command, len);
    if (!sent)
        free(r);
    link_flush(&w->link);
    return sent;
}

#define ASK(w) assert_true(ask(w, "*1\r\n$4\r\nPING\r\n", 14))

static int setup(void **state)
{
    struct world *w = calloc(1, sizeof(*w));
    const struct link_limits limits = {.connect_ms = LIMIT_MS, .timeout_ms = LIMIT_MS};
    const struct link_owner owner = {.where = where, .opened = opened, .lost = lost, .ctx = w};
    assert_non_null(w);
    signal(SIGPIPE, SIG_IGN);
    log_set_level(LOG_LEVEL_ERROR);
    snprintf(w->folder, sizeof(w->folder), "%.40s/link-XXXXXX", getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp");
    assert_non_null(mkdtemp(w->folder));
    snprintf(w->path, sizeof(w->path), "%s/s", w->folder);
    w->loop = ev_loop_new(EVFLAG_AUTO);
    w->conn = w->listener = -1;
    w->answer = "+PONG\r\n";
    link_init(&w->link, w->loop, &limits, &owner);
    ev_timer_init(&w->tick, on_tick, 0., 0.01);
    w->tick.data = w;
    ev_timer_start(w->loop, &w->tick);
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;
    link_close(&w->link);
    hang_up(w);
    if (w->listener >= 0)
        close(w->listener);
    unlink(w->path);
    rmdir(w->folder);
    ev_loop_destroy(w->loop);
    buf_free(&w->said);
    free(w);
    return 0;
}

#define UNTIL(w, condition)                                                                                  \
    do {                                                                                                     \
        uint64_t give_up_ = link_now_ms() + PATIENCE_MS;                                                     \
        while (!(condition)) {                                                                               \
            ev_run((w)->loop, EVRUN_ONCE);                                                                   \
            link_flush(&(w)->link);                                                                          \
            if (link_now_ms() > give_up_)                                                                    \
                fail_msg("waited in vain for " #condition);                                                  \
        }                                                                                                    \
    } while (0)

static void connected(struct world *w)
{
    listen_at(w);
    UNTIL(w, w->link.state == LINK_READY);
}

/* ---- */

static void test_answers_come_in_order(void **state)
{
    struct world *w = *state;
    w->answer = NULL;
    connected(w);
    for (int i = 0; i < 3; i++)
        ASK(w);
    UNTIL(w, w->received == 42);
    say(w, "+one\r\n$3\r\ntw");
    UNTIL(w, w->said.len == 5);
    say(w, "o\r\n+three\r\n");
    UNTIL(w, w->said.len == 17);
    assert_string_equal(buf_cstr(&w->said), "one; two; three; ");
    assert_int_equal(w->lost, 0);
}

static void test_what_is_awaited_when_it_closes_is_lost(void **state)
{
    struct world *w = *state;
    w->answer = NULL;
    connected(w);
    ASK(w);
    ASK(w);
    UNTIL(w, w->received == 28);
    say(w, "+one\r\n");
    hang_up(w);
    UNTIL(w, w->lost == 1);
    assert_string_equal(buf_cstr(&w->said), "one; lost; ");
    UNTIL(w, w->opened == 2); /* and it is there again */
}

static void test_nothing_can_be_sent_without_a_connection(void **state)
{
    struct world *w = *state;
    assert_false(ask(w, "*1\r\n$4\r\nPING\r\n", 14));
    UNTIL(w, w->link.failures > 2); /* nobody listens */
    assert_false(ask(w, "*1\r\n$4\r\nPING\r\n", 14));
    connected(w);
    ASK(w);
    UNTIL(w, w->said.len == 6);
}

static void test_silence_is_death(void **state)
{
    struct world *w = *state;
    w->answer = NULL;
    connected(w);
    uint64_t from = link_now_ms();
    ASK(w);
    UNTIL(w, w->lost == 1);
    assert_in_range(link_now_ms() - from, LIMIT_MS, LIMIT_MS + 1000);
    assert_string_equal(buf_cstr(&w->said), "lost; ");
    assert_string_equal(w->link.why, "no answer in time");
}

static void test_an_idle_connection_is_asked(void **state)
{
    struct world *w = *state;
    connected(w);
    UNTIL(w, w->received >= 28); /* twice */
    assert_int_equal(w->lost, 0);
    w->answer = NULL;
    uint64_t from = link_now_ms();
    UNTIL(w, w->lost == 1);
    assert_true(link_now_ms() - from < LIMIT_MS + 1000);
}

static void test_a_server_that_loads_is_left(void **state)
{
    struct world *w = *state;
    w->answer = "-LOADING Redis is loading the dataset in memory\r\n";
    connected(w);
    UNTIL(w, w->lost == 1);
    w->answer = "+PONG\r\n";
    UNTIL(w, w->link.state == LINK_READY && w->received > 50);
}

static void test_nonsense_ends_it(void **state)
{
    struct world *w = *state;
    w->answer = "!!!\r\n";
    connected(w);
    ASK(w);
    UNTIL(w, w->lost == 1);
    assert_string_equal(buf_cstr(&w->said), "lost; ");
}

static void test_a_refusal_instead_of_a_welcome(void **state)
{
    struct world *w = *state;
    w->hello = "-ERR max number of clients reached\r\n";
    w->answer = NULL;
    listen_at(w);
    UNTIL(w, w->lost > 2);
    assert_int_equal(w->link.failures, w->lost); /* so it waits longer each time */
    w->hello = NULL;
    w->answer = "+PONG\r\n";
    UNTIL(w, w->link.state == LINK_READY && w->received > 0);
}

static void test_a_large_command_goes_in_pieces(void **state)
{
    struct world *w = *state;
    struct buf b = {0};
    size_t len = (size_t)4 << 20;
    char *body = malloc(len);
    assert_non_null(body);
    memset(body, 'x', len);
    w->answer = NULL;
    connected(w);
    buf_printf(&b, "*2\r\n$4\r\nECHO\r\n$%zu\r\n", len);
    buf_add(&b, body, len);
    buf_add_lit(&b, "\r\n");
    assert_true(ask(w, b.data, b.len));
    UNTIL(w, w->received == b.len);
    say(w, "+all\r\n");
    UNTIL(w, w->said.len == 5);
    assert_int_equal(w->lost, 0);
    free(body);
    buf_free(&b);
}

static void test_closed_with_requests_out(void **state)
{
    struct world *w = *state;
    w->answer = NULL;
    connected(w);
    ASK(w);
    link_close(&w->link);
    assert_string_equal(buf_cstr(&w->said), "lost; ");
    assert_int_equal(w->lost, 0);
}

static void test_dropped(void **state)
{
    struct world *w = *state;
    connected(w);
    ASK(w);
    link_drop(&w->link, "of our own will");
    assert_string_equal(buf_cstr(&w->said), "lost; ");
    assert_int_equal(w->lost, 1);
    UNTIL(w, w->link.state == LINK_READY);
    assert_int_equal(w->accepted, 2);
}

static void test_dropped_from_within_an_answer(void **state)
{
    struct world *w = *state;
    w->drop = true;
    w->answer = "+one\r\n+two\r\n";
    connected(w);
    ASK(w);
    ASK(w);
    ASK(w);
    UNTIL(w, w->lost == 1);
    assert_string_equal(buf_cstr(&w->said), "one; two; lost; "); /* what had come is answered */
    w->drop = false;
    UNTIL(w, w->link.state == LINK_READY);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_answers_come_in_order),
        T(test_what_is_awaited_when_it_closes_is_lost),
        T(test_nothing_can_be_sent_without_a_connection),
        T(test_silence_is_death),
        T(test_an_idle_connection_is_asked),
        T(test_a_server_that_loads_is_left),
        T(test_nonsense_ends_it),
        T(test_a_refusal_instead_of_a_welcome),
        T(test_a_large_command_goes_in_pieces),
        T(test_closed_with_requests_out),
        T(test_dropped),
        T(test_dropped_from_within_an_answer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
