#include "fixture.h"

#include <stdio.h>

#include "base/mem.h"
#include "core/owner.h"
#include "core/session.h"
#include "edge/guest.h"

struct played_wire wire;
struct edge edge;
static struct node node;
static struct config *config;
static size_t kept; /* bytes the wire has not got rid of */

/* ------------------------------------------------------------------ the wire */

static bool wire_send(struct connection *c, void *bytes, size_t len)
{
    (void)c;
    if (wire.dead)
        return false;
    assert_int_equal(kept, 0); /* nobody may send to a busy wire */
    buf_add(&wire.sent, bytes, len);
    wire.sends++;
    size_t now = len < wire.room ? len : wire.room;
    wire.room -= now;
    wire.taken += now;
    kept = len - now;
    return true;
}

static bool wire_busy(const struct connection *c)
{
    (void)c;
    return kept > 0;
}

static void wire_want_write(struct connection *c)
{
    (void)c;
    wire.asked++;
}

static void wire_pause(struct connection *c, bool paused)
{
    (void)c;
    wire.paused = paused;
}

static void wire_finish(struct connection *c)
{
    (void)c;
    wire.finished = true;
}

static bool wire_drained(struct connection *c)
{
    (void)c;
    return wire.drained;
}

static bool wire_closing(const struct connection *c)
{
    (void)c;
    return false;
}

static bool wire_peer_gone(const struct connection *c)
{
    (void)c;
    return wire.peer_left;
}

static uint64_t wire_taken(const struct connection *c)
{
    (void)c;
    return wire.taken;
}

static void wire_upgrade(struct connection *c)
{
    (void)c;
    wire.upgrades++;
}

static void wire_kill(struct connection *c)
{
    wire.killed++;
    kept = 0;
    connection_gone(c);
}

static const struct wire played = {
    .send = wire_send,
    .busy = wire_busy,
    .want_write = wire_want_write,
    .pause = wire_pause,
    .finish = wire_finish,
    .drained = wire_drained,
    .closing = wire_closing,
    .peer_gone = wire_peer_gone,
    .taken = wire_taken,
    .upgrade = wire_upgrade,
    .kill = wire_kill,
};

/* ------------------------------------------------------------------ the node */

static void count_up(void *out, size_t len)
{
    static unsigned char next;
    for (unsigned char *p = out; len; len--)
        *p++ = next++;
}

static bool authenticate(void *ctx, const char *token, uint64_t unix_ms, struct credential *out)
{
    (void)ctx, (void)unix_ms;
    if (token && strcmp(token, "wrong") == 0)
        return false;
    memcpy(out->owner, "t/u", 4);
    return true;
}

static struct store_op *touch(struct session_store *s, const char *owner, const struct uuid *session,
                              uint64_t ttl_ms, store_touch_fn done, void *ctx)
{
    (void)s, (void)owner, (void)session, (void)ttl_ms, (void)done, (void)ctx;
    return NULL;
}

static const struct session_store_ops session_ops = {.touch = touch};
static struct session_store sessions = {.ops = &session_ops};

int edge_setup(void **state)
{
    (void)state;
    static const char yaml[] = "upstreams: [{name: u, url: \"http://127.0.0.1:1/v1\", dialect: openai}]";
    struct config_error error;
    config = config_parse(yaml, sizeof yaml - 1, NULL, &error);
    assert_non_null(config);
    wire = (struct played_wire){.room = SIZE_MAX};
    kept = 0;
    node = (struct node){.config = config,
                         .sessions = &sessions,
                         .random = count_up,
                         .authenticate = authenticate,
                         .now_us = 1000000,
                         .unix_ms = 1700000000000};
    node_init(&node);
    edge_init(&edge, &node, &played);
    return 0;
}

int edge_teardown(void **state)
{
    (void)state;
    edge_close(&edge, 4001, "going away");
    for (int i = 0; i < 100 && edge.connections; i++)
        edge_pass(100);
    assert_int_equal(edge.connections, 0);
    node_turn(&node, node.now_us + 1, node.unix_ms);
    for (int kind = 0; kind < MEM_KINDS; kind++)
        assert_int_equal(mem_alive((enum mem_kind)kind), 0);
    edge_free(&edge);
    buf_free(&wire.sent);
    config_free(config);
    return 0;
}

struct config *edge_config(void)
{
    return config;
}

void edge_pass(uint64_t ms)
{
    for (uint64_t end = node.now_us + ms * 1000; node.now_us < end;) {
        node_turn(&node, node.now_us + 50000, node.unix_ms + 50);
        sessions_tick(&node);
        guests_tick(&node);
        edge_tick(&edge);
        edge_flush(&edge);
    }
}

enum connection_next edge_take(struct connection *c, size_t bytes)
{
    size_t now = bytes < kept ? bytes : kept;
    kept -= now;
    wire.taken += now;
    wire.room = bytes - now;
    return kept ? NEXT_GO_ON : connection_writable(c);
}

/* ------------------------------------------------------------------ what clients do */

void edge_bytes(struct connection *c, const char *text)
{
    connection_input(c, text, strlen(text));
}

void edge_request(struct connection *c, const char *line, const char *fields)
{
    char text[1024];
    snprintf(text, sizeof text, "%s HTTP/1.1\r\nHost: x\r\n%s\r\n", line, fields);
    edge_bytes(c, text);
}

struct connection *edge_session(void)
{
    struct connection *c = connection_open(&edge, -1, false);
    edge_request(c, "GET /v1/ws", EDGE_UPGRADE);
    assert_int_equal(c->state, CONNECTION_UPGRADING);
    connection_upgraded(c);
    edge_message(c, "{\"type\":\"hello\"}");
    assert_true(edge_said("\"welcome\""));
    edge_forget();
    return c;
}

void edge_message(struct connection *c, const char *text)
{
    const struct message_piece piece = {.data = text, .len = strlen(text), .final = true};
    connection_piece(c, &piece);
}

const char *edge_sent(void)
{
    return wire.sent.len ? buf_cstr(&wire.sent) : "";
}

bool edge_said(const char *part)
{
    return wire.sent.len && memmem(wire.sent.data, wire.sent.len, part, strlen(part)) != NULL;
}

void edge_forget(void)
{
    buf_clear(&wire.sent);
    wire.sends = wire.asked = 0;
}
