/* The guests of a tongue that answers each message with itself, and reads a follow's lines one by one. */
#include "fixture.h"

#include "edge/guest.h"

struct lines {
    struct guest_follow base;
    int left;
};

static int ended, guests_ended;

static bool read_line(struct guest_follow *f)
{
    struct lines *l = (struct lines *)(void *)f;
    if (l->left == 0)
        return false;
    buf_printf(guest_say(f->guest), "line %d", l->left);
    guest_said(f->guest);
    if (--l->left == 0)
        guest_follow_end(f);
    return true;
}

static void line_refused(struct guest_follow *f, const struct err *e)
{
    buf_add_str(guest_say(f->guest), err_message(e));
    guest_said(f->guest);
}

static void line_ended(struct guest_follow *f)
{
    (void)f;
    ended++;
}

static const struct guest_follow_ops line_ops = {
    .size = sizeof(struct lines), .refused = line_refused, .read = read_line, .ended = line_ended};

static void follow(struct guest *g, unsigned char id, int lines)
{
    struct uuid gen = {{id}};
    struct err e = {0};
    struct guest_follow *f = guest_follow_new(g, &line_ops, &gen, &e);
    if (!f) {
        buf_add_str(guest_say(g), err_message(&e));
        guest_said(g);
        return;
    }
    assert_ptr_equal(guest_follow_find(g, &gen), f);
    ((struct lines *)(void *)f)->left = lines;
    guest_follow_ready(f);
}

static void on_message(struct guest *g, const char *text, size_t len)
{
    if (strcmp(text, "follow") == 0) {
        follow(g, 1, 2);
        follow(g, 2, 1);
        return;
    }
    buf_add(guest_say(g), text, len);
    guest_said(g);
}

static void on_ended(struct guest *g)
{
    (void)g;
    guests_ended++;
}

static const struct guest_ops ops = {.size = sizeof(struct guest), .message = on_message, .ended = on_ended};

static void *test_open(const struct tongue *t, const struct tongue_caller *who)
{
    (void)t;
    assert_string_equal(who->query, "a=b");
    return guest_open(&ops, who);
}

static const struct tongue test_tongue = {.path = "/v1/test", .open = test_open, GUEST_TONGUE};

static struct connection *connect_guest(void)
{
    struct connection *c = connection_open(&edge, -1, false);
    edge_request(c, "GET /v1/ws?a=b", EDGE_UPGRADE "Authorization: Bearer x\r\n");
    c->tongue = &test_tongue;
    connection_upgraded(c);
    edge_forget();
    return c;
}

static void test_answers(void **state)
{
    (void)state;
    struct connection *c = connect_guest();
    edge_message(c, "hello");
    assert_string_equal(edge_sent(), "\x81\x05hello");
    assert_string_equal(((struct guest *)c->talk)->owner->name, "t/u");
    guests_ended = 0;
    connection_gone(c);
    assert_int_equal(guests_ended, 1);
}

/* In turns, each to its end. */
static void test_follows(void **state)
{
    (void)state;
    struct connection *c = connect_guest();
    ended = 0;
    edge_message(c, "follow");
    assert_string_equal(edge_sent(), "\x81\x06line 2\x81\x06line 1\x81\x06line 1");
    assert_int_equal(ended, 2);
    assert_int_equal(((struct guest *)c->talk)->follow_count, 0);
}

/* What is followed is not said before the socket takes it. */
static void test_nothing_is_said_ahead(void **state)
{
    (void)state;
    struct connection *c = connect_guest();
    wire.room = 0;
    edge_message(c, "hello");
    edge_forget();
    edge_message(c, "follow");
    const struct guest *g = c->talk;
    assert_int_equal(g->outbox.len, 0);
    assert_int_equal(g->follow_count, 2);
    edge_take(c, SIZE_MAX);
    assert_true(edge_said("line 2"));
    assert_int_equal(g->follow_count, 0);
}

static void test_limit_of_follows(void **state)
{
    (void)state;
    edge_config()->limits_follows = 1;
    struct connection *c = connect_guest();
    edge_message(c, "follow");
    assert_true(edge_said("can follow 1 generations"));
}

static void test_ping(void **state)
{
    (void)state;
    struct connection *c = connect_guest();
    uint64_t ping_ms = (uint64_t)edge_config()->heartbeat_ping_ms;
    for (int i = 0; i < 3; i++) {
        edge_pass(ping_ms);
        assert_memory_equal(edge_sent(), "\x89", 2);
        edge_forget();
        edge_pass(100);
        connection_heard(c);
    }
    edge_pass(2 * ping_ms);
    assert_int_equal(c->state, CONNECTION_CLOSING);
    assert_int_equal(c->close_code, 1001);
}

static void test_full_socket(void **state)
{
    (void)state;
    struct connection *c = connect_guest();
    uint64_t slow_ms = (uint64_t)edge_config()->limits_slow_ms;
    wire.room = 0;
    edge_message(c, "hello");
    edge_pass(slow_ms - 1000);
    wire.taken++;
    edge_pass(slow_ms - 1000);
    assert_int_equal(c->state, CONNECTION_SESSION);
    edge_pass(2000);
    assert_int_equal(c->close_code, 1013);
}

static void test_talks_more_than_it_hears(void **state)
{
    (void)state;
    static char text[1001];
    memset(text, 'x', sizeof text - 1);
    edge_config()->limits_outbox_bytes = 5000;
    struct connection *c = connect_guest();
    wire.room = 0;
    for (int i = 0; i < 8; i++)
        edge_message(c, text);
    edge_take(c, SIZE_MAX);
    assert_int_equal(c->close_code, 1013);
    edge_config()->limits_outbox_bytes = 1 << 20;
}

static void test_leaving(void **state)
{
    (void)state;
    struct connection *c = connect_guest(), *busy = connect_guest();
    wire.room = 0;
    struct uuid gen = {{1}};
    struct err e = {0};
    struct guest_follow *f = guest_follow_new(busy->talk, &line_ops, &gen, &e);
    edge.node->draining = true;
    edge_pass(50);
    assert_int_equal(c->close_code, 1001);
    assert_int_equal(busy->state, CONNECTION_SESSION);
    guest_follow_end(f);
    edge_pass(50);
    assert_int_equal(busy->close_code, 1001);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, edge_setup, edge_teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_answers),
        TEST(test_follows),
        TEST(test_nothing_is_said_ahead),
        TEST(test_limit_of_follows),
        TEST(test_ping),
        TEST(test_full_socket),
        TEST(test_talks_more_than_it_hears),
        TEST(test_leaving),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
