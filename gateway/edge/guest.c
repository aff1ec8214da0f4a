/* guest: see guest.h. */
#include "edge/guest.h"

#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "core/owner.h"

static struct list guests = {&guests, &guests}; /* by last ping, oldest first */
static struct list slow = {&slow, &slow};

/* ------------------------------------------------------------------ birth and end */

void *guest_open(const struct guest_ops *ops, const struct tongue_caller *who)
{
    struct guest *g = mem_alloc(ops->size);
    mem_born(MEM_SESSION);
    g->ops = ops;
    g->node = who->node;
    g->io = who->io;
    g->conn = who->conn;
    g->owner = who->credential ? owner_get(who->node, who->credential->owner) : NULL;
    g->grant = who->credential ? grant_new(who->credential) : NULL;
    g->ping_us = g->heard_us = who->node->now_us;
    list_init(&g->link);
    list_init(&g->slow_link);
    list_init(&g->follows);
    list_init(&g->ready);
    list_init(&g->gone);
    list_add_tail(&guests, &g->link);
    char peer[ADDRESS_TEXT] = "";
    if (g->io->peer)
        g->io->peer(g->conn, peer);
    log_info("guest.open", LF_STR("peer", peer));
    if (ops->opened)
        ops->opened(g);
    return g;
}

static void sweep(struct guest *g)
{
    struct list *first;
    while ((first = list_first(&g->gone))) {
        list_del(first);
        mem_free(list_entry(first, struct guest_follow, link));
        mem_died(MEM_FOLLOW);
    }
}

static void end_follows(struct guest *g)
{
    struct list *first;
    while ((first = list_first(&g->follows)))
        guest_follow_end(list_entry(first, struct guest_follow, link));
}

void guest_closed(void *talk)
{
    struct guest *g = talk;
    g->closing = true;
    end_follows(g);
    sweep(g);
    if (g->ops->ended)
        g->ops->ended(g);
    list_del(&g->link);
    list_del(&g->slow_link);
    mem_free(g->grant);
    owner_put(g->owner);
    buf_free(&g->outbox);
    mem_free(g);
    mem_died(MEM_SESSION);
}

/* Other people's clients know the codes of RFC 6455 only. */
static unsigned standard_code(unsigned code)
{
    static const unsigned codes[][2] = {{4001, 1001}, {4002, 1013}, {4003, 1013}, {4004, 1001}, {4005, 1008},
                                        {4500, 1003}, {4501, 1008}, {4503, 1008}, {4505, 1008}};
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++)
        if (codes[i][0] == code)
            return codes[i][1];
    return code;
}

void guest_close(void *talk, unsigned code, const char *reason)
{
    struct guest *g = talk;
    if (g->closing)
        return;
    g->closing = true;
    end_follows(g);
    list_del(&g->link);
    list_del(&g->slow_link);
    g->io->close(g->conn, standard_code(code), reason);
}

bool guest_login(struct guest *g, const char *token)
{
    struct credential c = {0};
    struct node *n = g->node;
    if (!n->authenticate(n->authenticate_ctx, token, n->unix_ms, &c) || !uuid_is_nil(&c.ticket))
        return false;
    if (g->owner && strcmp(g->owner->name, c.owner) != 0)
        return false;
    if (!g->owner)
        g->owner = owner_get(n, c.owner);
    mem_free(g->grant);
    g->grant = grant_new(&c);
    return true;
}

/* ------------------------------------------------------------------ in */

size_t guest_message_max(const void *talk)
{
    const struct guest *g = talk;
    return (size_t)g->node->config->limits_message_bytes;
}

void guest_alive(void *talk)
{
    struct guest *g = talk;
    g->heard_us = g->node->now_us;
}

void guest_receive(void *talk, const char *text, size_t len)
{
    struct guest *g = talk;
    guest_alive(g);
    if (!g->closing)
        g->ops->message(g, text, len);
}

/* ------------------------------------------------------------------ out */

struct buf *guest_say(struct guest *g)
{
    static const char room[4];
    g->outbox_mark = g->outbox.len;
    buf_add(&g->outbox, room, sizeof room);
    return &g->outbox;
}

void guest_said(struct guest *g)
{
    uint32_t len = (uint32_t)(g->outbox.len - g->outbox_mark - sizeof len);
    memcpy(g->outbox.data + g->outbox_mark, &len, sizeof len);
    if (!g->reading)
        g->answers += len;
    g->io->wake(g->conn);
}

static bool outbox_next(struct guest *g, struct buf *out)
{
    uint32_t len;
    if (g->outbox_read == g->outbox.len)
        return false;
    memcpy(&len, g->outbox.data + g->outbox_read, sizeof len);
    buf_add(out, g->outbox.data + g->outbox_read + sizeof len, len);
    g->outbox_read += sizeof len + len;
    if (g->outbox_read == g->outbox.len) {
        buf_free(&g->outbox); /* an idle connection holds none */
        g->outbox_read = g->answers = 0;
    }
    return true;
}

/* One that has read goes behind the others. */
static void read_ready(struct guest *g)
{
    while (!g->closing && g->outbox.len == 0 && !list_empty(&g->ready)) {
        struct guest_follow *f = list_entry(list_first(&g->ready), struct guest_follow, ready_link);
        list_del(&f->ready_link);
        g->reading = true;
        if (f->ops->read(f) && f->guest)
            list_move_tail(&g->ready, &f->ready_link);
        g->reading = false;
    }
}

enum tongue_frame guest_next(void *talk, struct buf *out)
{
    struct guest *g = talk;
    sweep(g);
    if (g->answers > (size_t)g->node->config->limits_outbox_bytes && !g->closing) {
        buf_free(&g->outbox);
        g->outbox_read = g->answers = 0;
        guest_close(g, 4003, "too slow");
    }
    if (g->ping_due && !g->closing) {
        g->ping_due = false;
        return TONGUE_PING;
    }
    if (g->ops->idle && list_empty(&g->follows) && !g->closing)
        g->ops->idle(g);
    read_ready(g);
    return outbox_next(g, out) ? TONGUE_TEXT : TONGUE_NOTHING;
}

void guest_blocked(void *talk, bool blocked)
{
    struct guest *g = talk;
    if (g->closing || blocked == !list_empty(&g->slow_link))
        return;
    g->progress_us = g->heard_us = g->node->now_us;
    g->unsent = g->io->unsent(g->conn);
    if (blocked)
        list_add_tail(&slow, &g->slow_link);
    else
        list_del(&g->slow_link);
}

/* ------------------------------------------------------------------ clocks */

static void tick_slow(struct node *n)
{
    uint64_t limit = (uint64_t)n->config->limits_slow_ms * 1000;
    list_each_safe (pos, tmp, &slow) {
        struct guest *g = list_entry(pos, struct guest, slow_link);
        uint64_t unsent = g->io->unsent(g->conn);
        if (unsent != g->unsent)
            g->progress_us = n->now_us;
        g->unsent = unsent;
        if (n->now_us - g->progress_us >= limit)
            guest_close(g, 4003, "too slow");
    }
}

static void tick_ping(struct node *n)
{
    uint64_t interval = (uint64_t)n->config->heartbeat_ping_ms * 1000;
    list_each_safe (pos, tmp, &guests) {
        struct guest *g = list_entry(pos, struct guest, link);
        if (n->now_us - g->ping_us < interval)
            break;
        if (g->ping_due || (g->heard_us < g->ping_us && list_empty(&g->slow_link))) {
            guest_close(g, 4004, "no pong");
            continue;
        }
        g->ping_us = n->now_us;
        g->ping_due = list_empty(&g->slow_link);
        list_move_tail(&guests, &g->link);
        g->io->wake(g->conn);
    }
}

/* A gateway that leaves cannot say so in their language; who follows nothing loses nothing by it. */
static void tick_leave(void)
{
    list_each_safe (pos, tmp, &guests) {
        struct guest *g = list_entry(pos, struct guest, link);
        if (list_empty(&g->follows) && g->outbox.len == 0)
            guest_close(g, 4001, "going away");
    }
}

/* As sessions_expire and sessions_keys_changed, once a second. */
static void tick_grants(struct node *n)
{
    list_each_safe (pos, tmp, &guests) {
        struct guest *g = list_entry(pos, struct guest, link);
        if (!g->grant || g->node != n)
            continue;
        if (g->grant->expires_ms && n->unix_ms >= g->grant->expires_ms)
            guest_close(g, 4005, "credential expired");
        else if (g->grant->key && n->revoked && n->revoked(n->authenticate_ctx, g->grant->key))
            guest_close(g, 4501, "key revoked");
    }
}

void guests_tick(struct node *n)
{
    static uint64_t looked_us;
    if (n->now_us - looked_us >= 1000000) {
        looked_us = n->now_us;
        tick_grants(n);
    }
    tick_slow(n);
    tick_ping(n);
    if (n->draining)
        tick_leave();
}
