#include "fixture.h"

#include "base/mem.h"
#include "core/session.h"

/* ------------------------------------------------------------------ HTTP */

static void test_a_request_and_another(void **state)
{
    (void)state;
    struct connection *c = connection_open(&edge, -1, false);
    edge_request(c, "GET /livez", "");
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
    edge_request(c, "HEAD /livez", "");
    assert_true(edge_said("content-length: 15\r\n"));
    assert_false(edge_said("status"));
    edge_flush(&edge);
    edge_pass(59000);
    assert_int_equal(wire.killed, 0);
    edge_pass(2000);
    assert_int_equal(wire.killed, 1);
}

/* How often `part` was sent. */
static int said_times(const char *part)
{
    int n = 0;
    for (const char *at = edge_sent(); (at = strstr(at, part)); at++)
        n++;
    return n;
}

static void test_pipelined_requests_are_answered_in_their_order(void **state)
{
    (void)state;
    struct connection *c = connection_open(&edge, -1, false);
    edge_bytes(
        c, "GET /livez HTTP/1.1\r\nHost: x\r\n\r\n"
           "\r\nPOST /v1/nothing HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc"
           "POST /v1/nothing HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"
           "GET /livez HTTP/1.1\r\nHost: x\r\n\r\nGET /li");
    assert_int_equal(said_times("HTTP/1.1 "), 1); /* one after the other, so that all others get their turn */
    while (edge_flush(&edge))
        ;
    assert_int_equal(said_times("HTTP/1.1 200"), 2);
    assert_int_equal(said_times("HTTP/1.1 404"), 2);
    assert_int_equal(c->state, CONNECTION_HEAD);
    assert_false(wire.paused);
    edge_bytes(c, "vez HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_int_equal(said_times("HTTP/1.1 200"), 3);
}

static void test_what_follows_waits_unread_behind_a_slow_answer(void **state)
{
    (void)state;
    struct connection *c = connection_open(&edge, -1, false);
    wire.room = 10;
    edge_bytes(c, "GET /livez HTTP/1.1\r\nHost: x\r\n\r\nGET /livez HTTP/1.1\r\nHost: x\r\n\r\n");
    edge_flush(&edge);
    assert_int_equal(c->state, CONNECTION_ANSWERING);
    assert_true(wire.paused);
    assert_int_equal(said_times("HTTP/1.1 "), 1);
    edge_take(c, SIZE_MAX / 2);
    edge_flush(&edge);
    assert_int_equal(said_times("HTTP/1.1 200"), 2);
}

static void test_a_request_that_ends_too_early(void **state)
{
    (void)state;
    static const char *const pieces[] = {"GET /li",
                                         "POST /v1/x HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nhalf"};
    for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++) {
        struct connection *c = connection_open(&edge, -1, false);
        edge_forget();
        edge_bytes(c, pieces[i]);
        connection_input_end(c);
        assert_true(edge_said("HTTP/1.1 400 "));
        assert_int_equal(c->state, CONNECTION_LINGERING);
    }
    edge_forget();
    struct connection *silent = connection_open(&edge, -1, false);
    connection_input_end(silent);
    assert_int_equal(silent->state, CONNECTION_DEAD);
    assert_int_equal(wire.sends, 0);
}

/* The next head has its own time, from its first byte. */
static void test_a_further_head_that_does_not_come(void **state)
{
    (void)state;
    struct connection *c = connection_open(&edge, -1, false);
    edge_request(c, "GET /livez", "");
    edge_pass(2 * (uint64_t)edge_config()->limits_header_ms);
    assert_int_equal(c->state, CONNECTION_IDLE);
    edge_forget();
    edge_bytes(c, "GET /");
    edge_pass((uint64_t)edge_config()->limits_header_ms - 100);
    assert_int_equal(wire.sends, 0);
    edge_pass(200);
    assert_true(edge_said("HTTP/1.1 408 "));
}

static void test_heads_that_are_none(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *status;
    } cases[] = {{"BREW /coffee HTTP/1.1\r\nHost: x\r\n\r\n", "501"},
                 {"\x16\x03\x01", "400"},
                 {"GET / HTTP/1.1\n", "400"},
                 {"GET /%zz HTTP/1.1\r\nHost: x\r\n\r\n", "400"},
                 {"x\r\n\r\n", "400"},
                 {"GET / HTTP/3\r\n\r\n", "505"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct connection *c = connection_open(&edge, -1, false);
        edge_forget();
        edge_bytes(c, cases[i].text);
        assert_memory_equal(edge_sent() + 9, cases[i].status, 3);
        assert_true(edge_said("connection: close\r\n"));
        assert_int_equal(c->state, CONNECTION_LINGERING);
    }
}

static void test_a_head_without_end(void **state)
{
    (void)state;
    struct connection *c = connection_open(&edge, -1, false);
    edge_bytes(c, "GET / HTTP/1.1\r\nHost: x\r\nX: ");
    for (int i = 0; i < 300 && c->state == CONNECTION_HEAD; i++)
        edge_bytes(c, "0123456789012345678901234567890123456789012345678901234567890123");
    assert_true(edge_said("HTTP/1.1 431 "));
    assert_int_equal(c->state, CONNECTION_LINGERING);
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
    edge_request(c, "POST /v1/x", "Content-Length: -5\r\n");
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
    edge_request(c, "POST /v1/x", "Content-Length: 100\r\n");
    assert_int_equal(c->state, CONNECTION_BODY);
    edge_bytes(c, "half");
    edge_pass((uint64_t)edge_config()->limits_header_ms + 100);
    assert_true(edge_said("HTTP/1.1 408 "));
    assert_int_equal(c->state, CONNECTION_LINGERING);
}

static void test_bodies_with_a_length(void **state)
{
    (void)state;
    struct connection *c = connection_open(&edge, -1, false);
    edge_request(c, "POST /v1/nothing", "Content-Length: 10\r\n");
    edge_bytes(c, "01234");
    assert_int_equal(wire.sends, 0);
    assert_int_equal(c->exchange->body.len, 5);
    edge_bytes(c, "56789");
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
        edge_request(c, "POST /v1/nothing", "Transfer-Encoding: chunked\r\n");
        connection_input(c, body, cut);
        assert_int_equal(wire.sends, 0);
        connection_input(c, body + cut, sizeof body - 1 - cut);
        assert_true(edge_said("HTTP/1.1 404 "));
        edge_flush(&edge);
        assert_int_equal(c->state, CONNECTION_IDLE);
    }
}

static void test_too_large_while_it_comes(void **state)
{
    (void)state;
    edge_config()->limits_http_body_bytes = 1024;
    struct connection *c = connection_open(&edge, -1, false);
    edge_request(c, "POST /v1/nothing", "Transfer-Encoding: chunked\r\n");
    edge_bytes(c, "401\r\n");
    assert_true(edge_said("HTTP/1.1 413 "));
    edge_forget();
    edge_bytes(c, "more of it");
    assert_int_equal(wire.sends, 0);
    c = connection_open(&edge, -1, false);
    edge_request(c, "POST /v1/nothing", "Content-Length: 1025\r\n");
    assert_true(edge_said("HTTP/1.1 413 "));
}

static void test_a_socket_that_takes_little(void **state)
{
    (void)state;
    struct connection *c = connection_open(&edge, -1, false);
    wire.room = 10;
    edge_request(c, "GET /livez", "");
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
    edge_request(c, "GET /livez", "");
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
    edge_request(c, "GET /livez", "");
    assert_int_equal(c->state, CONNECTION_DEAD);
    assert_int_equal(wire.killed, 0);
    edge_flush(&edge);
    assert_int_equal(wire.killed, 1);
}

static void test_too_many_connections(void **state)
{
    (void)state;
    struct connection *c = connection_open(&edge, -1, true);
    edge_request(c, "GET /livez", "");
    assert_true(edge_said("HTTP/1.1 503 "));
    assert_true(edge_said("retry-after: 2\r\n"));
    assert_int_equal(c->state, CONNECTION_LINGERING);
}

static void test_a_bad_credential(void **state)
{
    (void)state;
    edge_request(connection_open(&edge, -1, false), "GET /v1/conversations",
                 "Authorization: Bearer wrong\r\n");
    assert_true(edge_said("HTTP/1.1 401 "));
    assert_true(edge_said("www-authenticate: Bearer\r\n"));
}

static void test_leaving(void **state)
{
    (void)state;
    struct connection *idle = connection_open(&edge, -1, false);
    edge_request(idle, "GET /livez", "");
    edge_flush(&edge);
    struct connection *young = connection_open(&edge, -1, false);
    edge_leave(&edge);
    assert_int_equal(wire.killed, 1);
    edge_forget();
    edge_request(young, "GET /livez", "");
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
    edge_request(c, "POST /v1/nothing", "Content-Length: 1\r\n");
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

/* Each read ends within a request: what is used must not be kept. */
static void test_input_that_never_ends_at_a_request_does_not_grow(void **state)
{
    (void)state;
    struct connection *c = connection_open(&edge, -1, false);
    edge_bytes(c, "GET /li");
    for (int i = 0; i < 10000; i++) {
        edge_bytes(c, "vez HTTP/1.1\r\nHost: x\r\n\r\nGET /li");
        while (edge_flush(&edge))
            ;
        edge_forget();
    }
    assert_int_equal(c->state, CONNECTION_HEAD);
    assert_in_range(c->input.cap, 1, 1024);
}

/* Who closes its half after the request looks like one who left. */
static void test_what_comes_soon_is_still_sent_to_a_half_closed_reader(void **state)
{
    (void)state;
    struct connection *c = stream();
    edge_flush(&edge);
    wire.peer_left = true;
    edge_pass(450);
    assert_int_equal(closed, 0);
    to_give = 1;
    http_stream_end(&c->exchange->x);
    edge_flush(&edge);
    assert_true(edge_said("data: x"));
    assert_int_equal(closed, 1);
    assert_int_equal(wire.killed, 0);
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
        session_goaway(c->talk, i, 0);
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
    session_goaway(c->talk, 0, 0);
    session_close(c->talk, 4002, "overloaded");
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
    session_goaway(c->talk, 0, 0);
    edge_flush(&edge);
    assert_true(c->blocked);
    session_close(c->talk, 4003, "too slow");
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

static struct connection *ask_upgrade(const char *fields, bool overload)
{
    struct connection *c = connection_open(&edge, -1, overload);
    edge_forget();
    edge_request(c, "GET /v1/ws", fields);
    return c;
}

static void test_refused_upgrades(void **state)
{
    (void)state;
    ask_upgrade(EDGE_UPGRADE "Authorization: Bearer wrong\r\n", false);
    assert_true(edge_said("HTTP/1.1 401 "));
    ask_upgrade(EDGE_UPGRADE "Sec-WebSocket-Version: 12\r\n", false);
    assert_true(edge_said("HTTP/1.1 426 "));
    assert_true(edge_said("sec-websocket-version: 13\r\n"));
    ask_upgrade(EDGE_UPGRADE "Content-Length: 4\r\n", false);
    assert_true(edge_said("HTTP/1.1 400 "));
    ask_upgrade("Connection: Upgrade\r\nUpgrade: foo\r\n", false);
    assert_true(edge_said("HTTP/1.1 400 "));
    ask_upgrade(EDGE_UPGRADE, true);
    assert_true(edge_said("HTTP/1.1 503 "));
    edge.leaving = true;
    struct connection *late = ask_upgrade(EDGE_UPGRADE, false);
    assert_true(edge_said("HTTP/1.1 503 "));
    assert_int_equal(late->state, CONNECTION_LINGERING);
    edge.leaving = false;
    assert_int_equal(wire.upgrades, 0);
}

static void test_an_upgrade_hands_on_what_came_with_it(void **state)
{
    (void)state;
    struct connection *c = connection_open(&edge, -1, false);
    edge_bytes(c, "GET /livez HTTP/1.1\r\nHost: x\r\n\r\n"
                  "GET /v1/ws HTTP/1.1\r\nHost: x\r\nX: y\r\nOrigin: http://x\r\n" EDGE_UPGRADE "\r\nframes");
    assert_int_equal(wire.upgrades, 0);
    edge_flush(&edge);
    assert_int_equal(wire.upgrades, 1);
    assert_int_equal(c->state, CONNECTION_UPGRADING);
    const char *first = buf_cstr(&c->input);
    assert_memory_equal(first, "GET /v1/ws HTTP/1.1\r\n", 21);
    assert_non_null(strstr(first, "sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n"));
    assert_null(strstr(first, "rigin")); /* our words, not the peer's */
    assert_string_equal(strstr(first, "\r\n\r\n"), "\r\n\r\nframes");
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
        TEST(test_pipelined_requests_are_answered_in_their_order),
        TEST(test_what_follows_waits_unread_behind_a_slow_answer),
        TEST(test_input_that_never_ends_at_a_request_does_not_grow),
        TEST(test_a_request_that_ends_too_early),
        TEST(test_a_further_head_that_does_not_come),
        TEST(test_heads_that_are_none),
        TEST(test_a_head_without_end),
        TEST(test_a_head_that_does_not_come),
        TEST(test_lingering_ends_when_the_peer_closes),
        TEST(test_a_body_that_does_not_come),
        TEST(test_bodies_with_a_length),
        TEST(test_chunked_bodies_cut_anywhere),
        TEST(test_too_large_while_it_comes),
        TEST(test_a_socket_that_takes_little),
        TEST(test_a_socket_that_takes_nothing),
        TEST(test_a_dead_socket),
        TEST(test_too_many_connections),
        TEST(test_a_bad_credential),
        TEST(test_leaving),
        TEST(test_a_stream),
        TEST(test_a_stream_into_a_slow_socket),
        TEST(test_a_stream_whose_reader_left),
        TEST(test_what_comes_soon_is_still_sent_to_a_half_closed_reader),
        TEST(test_a_stream_whose_socket_closed),
        TEST(test_many_messages_are_one_write),
        TEST(test_an_answer_goes_out_at_once),
        TEST(test_closing_says_the_rest_first),
        TEST(test_closing_a_stuck_socket),
        TEST(test_bad_messages),
        TEST(test_a_ping_is_life),
        TEST(test_a_writable_that_was_asked_for_is_no_life),
        TEST(test_refused_upgrades),
        TEST(test_an_upgrade_hands_on_what_came_with_it),
        TEST(test_closing_everything),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
