#include "fixture.h"

#include "base/mem.h"
#include "core/session.h"

/* ------------------------------------------------------------------ HTTP */

static void test_a_request_and_another(void **state)
{
    (void)state;
    struct connection *c = connection_open(&edge, -1, false);
    edge_request(c, HTTP_GET, "/livez", NULL, NULL);
    assert_true(edge_said("HTTP/1.1 200 OK\r\n"));
    assert_true(edge_said("content-length: 15\r\n"));
    assert_true(edge_said("x-content-type-options: nosniff\r\n"));
    assert_true(edge_said("cache-control: no-store\r\n"));
    assert_true(edge_said("x-request-id: "));
    assert_false(edge_said("connection: close"));
    assert_int_equal(wire.sends, 1);
    assert_int_equal(c->state, CONNECTION_BETWEEN);
    edge_flush(&edge);
    assert_int_equal(c->state, CONNECTION_IDLE);
    edge_forget();
    edge_request(c, HTTP_HEAD, "/livez", NULL, NULL);
    assert_true(edge_said("content-length: 15\r\n"));
    assert_false(edge_said("status"));
    edge_flush(&edge);
    edge_pass(59000);
    assert_int_equal(wire.killed, 0);
    edge_pass(2000);
    assert_int_equal(wire.killed, 1);
}

static void test_pipelining_ends_the_connection(void **state)
{
    (void)state;
    struct connection *c = connection_open(&edge, -1, false);
    wire.pipelined = true;
    edge_request(c, HTTP_GET, "/livez", NULL, NULL);
    assert_true(edge_said("200 OK"));
    edge_flush(&edge);
    assert_int_equal(wire.killed, 1);
}

static void test_pipelining_behind_a_slow_answer(void **state)
{
    (void)state;
    struct connection *c = connection_open(&edge, -1, false);
    wire.pipelined = true;
    wire.room = 10;
    edge_request(c, HTTP_GET, "/livez", NULL, NULL);
    assert_int_equal(c->state, CONNECTION_ANSWERING);
    edge_flush(&edge);
    assert_int_equal(wire.killed, 1);
}

static void test_a_head_that_does_not_come(void **state)
{
    (void)state;
    connection_open(&edge, -1, false);
    edge_pass((uint64_t)edge_config()->limits_header_ms - 100);
    assert_int_equal(wire.sends, 0);
    edge_pass(200);
    assert_true(edge_said("HTTP/1.1 408 Request Timeout\r\n"));
    assert_true(edge_said("connection: close\r\n"));
    assert_true(wire.finished && wire.paused);
    assert_int_equal(wire.killed, 0);
    edge_pass(1100);
    assert_int_equal(wire.killed, 1);
}

static void test_lingering_ends_when_the_peer_closes(void **state)
{
    (void)state;
    struct connection *c = connection_open(&edge, -1, false);
    edge_request(c, HTTP_POST, "/v1/x", "-5", NULL);
    assert_true(edge_said("HTTP/1.1 400 "));
    assert_int_equal(c->state, CONNECTION_LINGERING);
    edge_pass(100);
    assert_int_equal(wire.killed, 0);
    wire.drained = true;
    edge_pass(50);
    assert_int_equal(wire.killed, 1);
}

static void test_a_body_that_does_not_come(void **state)
{
    (void)state;
    struct connection *c = connection_open(&edge, -1, false);
    edge_request(c, HTTP_POST, "/v1/x", "100", NULL);
    assert_true(connection_reads_body(c));
    connection_body(c, "half", 4);
    edge_pass((uint64_t)edge_config()->limits_header_ms + 100);
    assert_true(edge_said("HTTP/1.1 408 "));
    assert_int_equal(c->state, CONNECTION_LINGERING);
}

static void test_bodies_with_a_length(void **state)
{
    (void)state;
    struct connection *c = connection_open(&edge, -1, false);
    edge_request(c, HTTP_POST, "/v1/nothing", "10", NULL);
    connection_body(c, "01234", 5);
    assert_int_equal(wire.sends, 0);
    connection_body(c, "56789 and more than was announced", 33);
    assert_int_equal(c->exchange->body.len, 10);
    connection_body_end(c);
    assert_true(edge_said("HTTP/1.1 404 "));
    edge_flush(&edge);
    assert_int_equal(c->state, CONNECTION_IDLE);
}

static void test_chunked_bodies_cut_anywhere(void **state)
{
    (void)state;
    static const char body[] = "4\r\nwiki\r\n0\r\n\r\n";
    for (size_t cut = 0; cut < sizeof body - 1; cut++) {
        struct connection *c = connection_open(&edge, -1, false);
        edge_forget();
        edge_request(c, HTTP_POST, "/v1/nothing", NULL, "chunked");
        connection_body(c, body, cut);
        connection_body(c, body + cut, sizeof body - 1 - cut);
        assert_true(edge_said("HTTP/1.1 404 "));
        assert_true(edge_said("connection: close\r\n"));
        assert_int_equal(c->state, CONNECTION_LINGERING);
    }
}

static void test_too_large_while_it_comes(void **state)
{
    (void)state;
    edge_config()->limits_http_body_bytes = 1024;
    struct connection *c = connection_open(&edge, -1, false);
    edge_request(c, HTTP_POST, "/v1/nothing", NULL, "chunked");
    connection_body(c, "401\r\n", 5);
    assert_true(edge_said("HTTP/1.1 413 "));
    edge_forget();
    connection_body(c, "more of it", 10);
    assert_int_equal(wire.sends, 0);
    c = connection_open(&edge, -1, false);
    edge_request(c, HTTP_POST, "/v1/nothing", "1025", NULL);
    assert_true(edge_said("HTTP/1.1 413 "));
}

static void test_a_socket_that_takes_little(void **state)
{
    (void)state;
    struct connection *c = connection_open(&edge, -1, false);
    wire.room = 10;
    edge_request(c, HTTP_GET, "/livez", NULL, NULL);
    assert_int_equal(c->state, CONNECTION_ANSWERING);
    assert_int_equal(edge_take(c, 20), NEXT_GO_ON);
    assert_int_equal(c->state, CONNECTION_ANSWERING);
    assert_int_equal(edge_take(c, SIZE_MAX / 2), NEXT_GO_ON);
    edge_flush(&edge);
    assert_int_equal(c->state, CONNECTION_IDLE);
    assert_int_equal(wire.sends, 1);
}

static void test_a_socket_that_takes_nothing(void **state)
{
    (void)state;
    connection_open(&edge, -1, false);
    struct connection *c = list_entry(edge.by_state[CONNECTION_HEAD].next, struct connection, state_link);
    wire.room = 0;
    edge_request(c, HTTP_GET, "/livez", NULL, NULL);
    edge_pass((uint64_t)edge_config()->limits_slow_ms - 1000);
    assert_int_equal(wire.killed, 0);
    edge_pass(2000);
    assert_int_equal(wire.killed, 1);
}

static void test_a_dead_socket(void **state)
{
    (void)state;
    struct connection *c = connection_open(&edge, -1, false);
    wire.dead = true;
    edge_request(c, HTTP_GET, "/livez", NULL, NULL);
    assert_int_equal(c->state, CONNECTION_DEAD);
    assert_int_equal(wire.killed, 0);
    edge_flush(&edge);
    assert_int_equal(wire.killed, 1);
}

static void test_garbage(void **state)
{
    (void)state;
    struct connection *c = connection_open(&edge, -1, false);
    connection_garbage(c, "BREW /coffee HTTP/1.1\r\n", 23);
    assert_true(edge_said("HTTP/1.1 501 "));
    edge_forget();
    connection_garbage(c, "more", 4);
    assert_int_equal(wire.sends, 0);
    connection_garbage(connection_open(&edge, -1, false), "\x16\x03\x01", 3);
    assert_true(edge_said("HTTP/1.1 400 "));
}

static void test_too_many_connections(void **state)
{
    (void)state;
    struct connection *c = connection_open(&edge, -1, true);
    edge_request(c, HTTP_GET, "/livez", NULL, NULL);
    assert_true(edge_said("HTTP/1.1 503 "));
    assert_true(edge_said("retry-after: 2\r\n"));
    assert_int_equal(c->state, CONNECTION_LINGERING);
}

static void test_a_bad_credential(void **state)
{
    (void)state;
    wire.authorization = "Bearer wrong";
    edge_request(connection_open(&edge, -1, false), HTTP_GET, "/v1/conversations", NULL, NULL);
    assert_true(edge_said("HTTP/1.1 401 "));
    assert_true(edge_said("www-authenticate: Bearer\r\n"));
}

static void test_leaving(void **state)
{
    (void)state;
    struct connection *idle = connection_open(&edge, -1, false);
    edge_request(idle, HTTP_GET, "/livez", NULL, NULL);
    edge_flush(&edge);
    struct connection *young = connection_open(&edge, -1, false);
    edge_leave(&edge);
    assert_int_equal(wire.killed, 1);
    edge_forget();
    edge_request(young, HTTP_GET, "/livez", NULL, NULL);
    assert_true(edge_said("200 OK"));
    assert_true(edge_said("connection: close\r\n"));
    assert_int_equal(young->state, CONNECTION_LINGERING);
}

/* ------------------------------------------------------------------ a stream of one's own */

static int to_give, closed;

static bool give(struct http_exchange *x, struct buf *out)
{
    (void)x;
    if (!to_give)
        return false;
    to_give--;
    buf_add_lit(out, "data: x\n\n");
    return to_give > 0;
}

static void on_closed(struct http_exchange *x)
{
    (void)x;
    closed++;
}

/* A connection whose request waits for its route, which then begins a stream. */
static struct connection *stream(void)
{
    static const struct http_ops ops = {.next = give, .closed = on_closed};
    static const struct http_field type = {"content-type", "text/event-stream"};
    struct connection *c = connection_open(&edge, -1, false);
    edge_request(c, HTTP_POST, "/v1/nothing", "1", NULL);
    struct http_exchange *x = &c->exchange->x;
    connection_move(c, CONNECTION_ANSWERING);
    to_give = closed = 0;
    c->exchange->plan.keep_alive = true;
    x->ops = &ops;
    http_stream_begin(x, 200, &type, 1);
    return c;
}

static void test_a_stream(void **state)
{
    (void)state;
    struct connection *c = stream();
    to_give = 2;
    edge_flush(&edge);
    assert_true(edge_said("transfer-encoding: chunked\r\n\r\n00000012\r\ndata: x\n\ndata: x\n\n\r\n"));
    assert_int_equal(wire.sends, 1);
    edge_forget();
    edge_flush(&edge);
    assert_int_equal(wire.sends, 0);
    to_give = 1;
    http_wake(&c->exchange->x);
    edge_flush(&edge);
    assert_string_equal(edge_sent(), "00000009\r\ndata: x\n\n\r\n");
    edge_forget();
    to_give = 1;
    http_stream_end(&c->exchange->x);
    edge_flush(&edge);
    assert_string_equal(edge_sent(), "00000009\r\ndata: x\n\n\r\n0\r\n\r\n");
    assert_int_equal(closed, 1);
    assert_int_equal(c->state, CONNECTION_IDLE);
}

static void test_a_stream_into_a_slow_socket(void **state)
{
    (void)state;
    struct connection *c = stream();
    edge_flush(&edge);
    edge_forget();
    wire.room = 3;
    to_give = 1;
    http_wake(&c->exchange->x);
    edge_flush(&edge);
    to_give = 1000;
    http_wake(&c->exchange->x);
    edge_flush(&edge);
    assert_int_equal(wire.sends, 1); /* the rest waits with the route, not here */
    assert_int_equal(to_give, 1000);
    edge_take(c, SIZE_MAX / 2);
    assert_int_equal(to_give, 0);
    assert_int_equal(wire.sends, 2);
    http_stream_end(&c->exchange->x);
    edge_flush(&edge);
    assert_int_equal(closed, 1);
}

static void test_a_stream_whose_reader_left(void **state)
{
    (void)state;
    stream();
    edge_flush(&edge);
    edge_pass(1000);
    assert_int_equal(closed, 0);
    wire.peer_left = true;
    edge_pass(1000);
    assert_int_equal(closed, 1);
    assert_int_equal(wire.killed, 1);
}

static void test_a_stream_whose_socket_closed(void **state)
{
    (void)state;
    struct connection *c = stream();
    http_wake(&c->exchange->x);
    connection_gone(c);
    assert_int_equal(closed, 1);
    edge_flush(&edge);
}

/* ------------------------------------------------------------------ WebSocket */

static void test_many_messages_are_one_write(void **state)
{
    (void)state;
    struct connection *c = edge_session();
    for (int i = 0; i < 10; i++)
        session_goaway(c->session, i, 0);
    assert_int_equal(wire.sends, 0);
    edge_flush(&edge);
    assert_int_equal(wire.sends, 1);
    for (const char *p = edge_sent(), *end = p + wire.sent.len; p < end; p += 2 + (unsigned char)p[1])
        assert_int_equal((unsigned char)*p, 0x81);
}

static void test_an_answer_goes_out_at_once(void **state)
{
    (void)state;
    struct connection *c = edge_session();
    edge_message(c, "{\"type\":\"nonsense\"}");
    assert_true(edge_said("BAD_REQUEST"));
    assert_true(list_empty(&edge.ready));
}

static void test_closing_says_the_rest_first(void **state)
{
    (void)state;
    struct connection *c = edge_session();
    session_goaway(c->session, 0, 0);
    session_close(c->session, 4002, "overloaded");
    assert_int_equal(c->state, CONNECTION_CLOSING);
    edge_flush(&edge);
    assert_true(edge_said("goaway"));
    assert_int_equal(wire.asked, 1);
    assert_int_equal(connection_writable(c), NEXT_CLOSE);
    assert_int_equal(c->close_code, 4002);
    assert_string_equal(c->close_reason, "overloaded");
    edge_message(c, "{\"type\":\"pong\"}"); /* nobody listens any more */
    edge_pass(900);
    assert_int_equal(wire.killed, 0);
    edge_pass(300);
    assert_int_equal(wire.killed, 1);
}

static void test_closing_a_stuck_socket(void **state)
{
    (void)state;
    struct connection *c = edge_session();
    wire.room = 1;
    session_goaway(c->session, 0, 0);
    edge_flush(&edge);
    assert_true(c->blocked);
    session_close(c->session, 4003, "too slow");
    edge_flush(&edge);
    assert_int_equal(wire.asked, 0);
    edge_pass(2500);
    assert_int_equal(wire.killed, 1);
}

static void test_bad_messages(void **state)
{
    (void)state;
    const struct {
        struct message_piece piece;
        unsigned code;
    } cases[] = {
        {{.data = "x", .len = 1, .final = true, .binary = true}, 4500},
        {{.data = "\xff", .len = 1, .final = true}, 1007},
        {{.data = "x", .len = 1, .rest = 1 << 30}, 1009},
        {{.data = "[]", .len = 2, .final = true}, 4500},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct connection *c = edge_session();
        connection_piece(c, &cases[i].piece);
        assert_int_equal(c->state, CONNECTION_CLOSING);
        assert_int_equal(c->close_code, cases[i].code);
        assert_int_equal(connection_writable(c), NEXT_CLOSE);
    }
}

static void test_a_ping_is_life(void **state)
{
    (void)state;
    edge_config()->heartbeat_ping_ms = 100;
    edge_config()->heartbeat_grace_ms = 100;
    struct connection *c = edge_session();
    for (int i = 0; i < 20; i++) {
        edge_pass(100);
        assert_int_equal(connection_writable(c), NEXT_GO_ON); /* unasked: the library sent a pong */
    }
    assert_int_equal(c->state, CONNECTION_SESSION);
    edge_pass(400);
    assert_int_equal(wire.asked, 1);
    assert_int_equal(c->close_code, 4004);
}

static void test_a_writable_that_was_asked_for_is_no_life(void **state)
{
    (void)state;
    edge_config()->heartbeat_ping_ms = 100;
    edge_config()->heartbeat_grace_ms = 100;
    struct connection *c = edge_session();
    for (int i = 0; i < 5 && c->state == CONNECTION_SESSION; i++) {
        c->asked_write = true;
        edge_pass(50);
        connection_writable(c);
    }
    assert_int_equal(c->close_code, 4004);
}

static void test_refused_upgrades(void **state)
{
    (void)state;
    struct upgrade_request r = {.is_get = true,
                                .path = "/v1/ws",
                                .version = "HTTP/1.1",
                                .connection = "Upgrade",
                                .websocket_version = "13",
                                .key = "dGhlIHNhbXBsZSBub25jZQ==",
                                .protocols = "lastword.v1.json",
                                .host = "x",
                                .key_count = 1,
                                .version_count = 1};
    struct connection *c = connection_open(&edge, -1, false);
    wire.authorization = "Bearer wrong";
    assert_false(connection_upgrade(c, &r));
    assert_true(edge_said("HTTP/1.1 401 "));
    wire.authorization = NULL;
    r.websocket_version = "12";
    assert_false(connection_upgrade(c, &r));
    assert_true(edge_said("HTTP/1.1 426 "));
    assert_true(edge_said("sec-websocket-version: 13\r\n"));
    r.websocket_version = "13";
    c->overload = true;
    assert_false(connection_upgrade(c, &r));
    assert_true(edge_said("HTTP/1.1 503 "));
    c->overload = false;
    edge_forget();
    edge.leaving = true;
    assert_false(connection_upgrade(c, &r));
    assert_true(edge_said("HTTP/1.1 503 "));
    edge.leaving = false;
    assert_true(connection_upgrade(c, &r));
    edge_pass((uint64_t)edge_config()->limits_header_ms + 100); /* the 101 never gets out */
    assert_int_equal(wire.killed, 1);
}

static void test_closing_everything(void **state)
{
    (void)state;
    struct connection *c = edge_session();
    connection_open(&edge, -1, false);
    edge_close(&edge, 4001, "going away");
    assert_int_equal(wire.killed, 1);
    assert_int_equal(edge.connections, 1);
    assert_int_equal(connection_writable(c), NEXT_CLOSE);
    assert_int_equal(c->close_code, 4001);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, edge_setup, edge_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_a_request_and_another),
        TEST(test_pipelining_ends_the_connection),
        TEST(test_pipelining_behind_a_slow_answer),
        TEST(test_a_head_that_does_not_come),
        TEST(test_lingering_ends_when_the_peer_closes),
        TEST(test_a_body_that_does_not_come),
        TEST(test_bodies_with_a_length),
        TEST(test_chunked_bodies_cut_anywhere),
        TEST(test_too_large_while_it_comes),
        TEST(test_a_socket_that_takes_little),
        TEST(test_a_socket_that_takes_nothing),
        TEST(test_a_dead_socket),
        TEST(test_garbage),
        TEST(test_too_many_connections),
        TEST(test_a_bad_credential),
        TEST(test_leaving),
        TEST(test_a_stream),
        TEST(test_a_stream_into_a_slow_socket),
        TEST(test_a_stream_whose_reader_left),
        TEST(test_a_stream_whose_socket_closed),
        TEST(test_many_messages_are_one_write),
        TEST(test_an_answer_goes_out_at_once),
        TEST(test_closing_says_the_rest_first),
        TEST(test_closing_a_stuck_socket),
        TEST(test_bad_messages),
        TEST(test_a_ping_is_life),
        TEST(test_a_writable_that_was_asked_for_is_no_life),
        TEST(test_refused_upgrades),
        TEST(test_closing_everything),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
