/* session_world: see session_world.h. */
#include "contract/session_world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/crc32c.h"
#include "base/mem.h"

static const struct session_factory *factory_used;

void pair_use(const struct session_factory *factory)
{
    factory_used = factory;
}

static struct uuid id(uint64_t n)
{
    struct uuid u = {{0}};
    for (int i = 0; i < 8; i++)
        u.b[15 - i] = (uint8_t)(n >> (8 * i));
    return u;
}

static unsigned number(const struct uuid *u)
{
    return (unsigned)(u->b[14] << 8 | u->b[15]);
}

struct gen_key key_of(const char *owner, int n)
{
    return (struct gen_key){.owner = owner, .gen = id((uint64_t)n)};
}

struct gen_key key(int n)
{
    return key_of(ALICE, n);
}

/* ---- events */

static void say_owner(struct buf *b, const char *owner)
{
    if (strcmp(owner, ALICE) != 0)
        buf_printf(b, "%s ", owner);
}

static void on_cancel(void *ctx, const struct gen_key *k)
{
    struct side *side = ctx;
    assert_false(side->pair->inside);
    buf_add_lit(&side->events, "cancel ");
    say_owner(&side->events, k->owner);
    buf_printf(&side->events, "%u; ", number(&k->gen));
}

static void on_grown(void *ctx, const struct gen_key *k, uint64_t seq)
{
    struct side *side = ctx;
    assert_false(side->pair->inside);
    buf_add_lit(&side->events, "grown ");
    say_owner(&side->events, k->owner);
    buf_printf(&side->events, "%u to %llu; ", number(&k->gen), (unsigned long long)seq);
}

static void on_active(void *ctx, const char *owner, const struct uuid *gen, const struct uuid *chat,
                      const char *state, uint64_t off)
{
    struct side *side = ctx;
    assert_false(side->pair->inside);
    buf_add_lit(&side->events, "active ");
    say_owner(&side->events, owner);
    buf_printf(&side->events, "%u in %u %s %llu; ", number(gen), number(chat), state,
               (unsigned long long)off);
}

static void wake(void *ctx)
{
    ((struct side *)ctx)->woken = true;
}

/* ---- life */

void node_open(struct pair *w, int node)
{
    struct side *side = &w->side[node];
    struct session_store_events events = {
        .on_cancel = on_cancel, .on_grown = on_grown, .on_active = on_active, .ctx = side};
    side->pair = w;
    side->s = w->factory->open(w->factory->ctx, node ? "b" : "a", &events, wake, side);
    assert_non_null(side->s);
}

void node_close(struct pair *w, int node)
{
    w->side[node].s->ops->close(w->side[node].s);
    w->side[node].s = NULL;
}

int pair_setup(void **state)
{
    struct pair *w = mem_alloc(sizeof(*w));
    w->factory = factory_used;
    w->factory->clean(w->factory->ctx);
    w->now_ms = 1000000;
    for (int i = 0; i < SESSION_NODES; i++)
        node_open(w, i);
    pass(w, 0);
    *state = w;
    return 0;
}

int pair_teardown(void **state)
{
    struct pair *w = *state;
    for (int i = 0; i < SESSION_NODES; i++) {
        if (w->side[i].s)
            node_close(w, i);
        buf_free(&w->side[i].events);
    }
    buf_free(&w->said);
    mem_free(w);
    factory_used->clean(factory_used->ctx);
    return mem_alive(MEM_STORE_OP) != 0;
}

void pass(struct pair *w, uint64_t ms)
{
    bool more = true;
    w->now_ms += ms;
    w->factory->pass(w->factory->ctx, ms);
    for (int i = 0; i < SESSION_NODES; i++)
        w->side[i].woken = true;
    while (more) {
        more = w->factory->settle(w->factory->ctx);
        for (int i = 0; i < SESSION_NODES; i++) {
            struct side *side = &w->side[i];
            if (!side->s || !side->woken)
                continue;
            side->woken = false;
            side->s->ops->turn(side->s, w->now_ms);
            more = true;
        }
    }
}

void heard(struct pair *w, const char *what)
{
    assert_string_equal(buf_cstr(&w->said), what);
}

void told(struct pair *w, int node, const char *events)
{
    pass(w, 0);
    assert_string_equal(buf_cstr(&w->side[node].events), events);
    buf_clear(&w->side[node].events);
}

/* ---- records */

static struct log_record next_record(struct writer *x, enum log_kind kind, const char *data, size_t len)
{
    return (struct log_record){.seq = ++x->seq,
                               .epoch = x->epoch,
                               .off = x->off,
                               .crc = x->crc,
                               .kind = kind,
                               .data = data,
                               .len = len};
}

struct log_record next_text(struct writer *x, const char *text)
{
    size_t len = strlen(text);
    x->off += len;
    x->crc = crc32c(x->crc, text, len);
    buf_add(&x->text, text, len);
    return next_record(x, LOG_KIND_TEXT, text, len);
}

struct log_record next_rewind(struct writer *x, uint64_t off)
{
    x->off = off;
    x->text.len = (size_t)off;
    x->crc = crc32c(0, x->text.data, (size_t)off);
    return next_record(x, LOG_KIND_REWIND, "{}", 2);
}

struct log_record next_mark(struct writer *x, enum log_kind kind, const char *json)
{
    return next_record(x, kind, json, strlen(json));
}

/* ---- completions in words */

static void hear(struct pair *w, enum store_status status)
{
    assert_false(w->inside);
    w->completions++;
    buf_clear(&w->said);
    buf_add_str(&w->said, store_status_name(status));
}

static void on_done(void *ctx, enum store_status status)
{
    hear(ctx, status);
}

static void on_touch(void *ctx, enum store_status status, bool existed)
{
    struct pair *w = ctx;
    hear(w, status);
    buf_add_str(&w->said, existed ? " existed" : " new");
}

static void on_lease(void *ctx, const struct lease_result *r)
{
    struct pair *w = ctx;
    hear(w, r->status);
    w->held_ms = r->held_ms;
    if (r->status != STORE_OK)
        return;
    buf_printf(&w->said, " epoch=%llu seq=%llu off=%llu crc=%08x%s", (unsigned long long)r->epoch,
               (unsigned long long)r->seq, (unsigned long long)r->off, r->crc,
               r->finished ? " finished" : "");
}

static void on_read(void *ctx, enum store_status status, const struct log_record *records, size_t n)
{
    static const char *const kinds[] = {"text", "rewind", "start", "done"};
    struct pair *w = ctx;
    hear(w, status);
    for (size_t i = 0; i < n; i++) {
        const struct log_record *r = &records[i];
        buf_printf(&w->said, " %llu:%s/%llu@%llu ", (unsigned long long)r->seq, kinds[r->kind],
                   (unsigned long long)r->epoch, (unsigned long long)r->off);
        buf_add(&w->said, r->data, r->len < 40 ? r->len : 40);
        if (r->part)
            buf_printf(&w->said, " part=%u", r->part);
    }
}

static void on_actives(void *ctx, enum store_status status, const struct active_entry *entries, size_t n)
{
    struct pair *w = ctx;
    hear(w, status);
    for (size_t i = 0; i < n; i++)
        buf_printf(&w->said, " %u in %u %s %llu", number(&entries[i].gen), number(&entries[i].chat),
                   entries[i].state, (unsigned long long)entries[i].off);
}

static int by_name(const void *a, const void *b)
{
    const struct lapsed_entry *x = a, *y = b;
    int order = strcmp(x->owner, y->owner);
    return order ? order : memcmp(&x->gen, &y->gen, sizeof(x->gen));
}

static void on_lapsed(void *ctx, enum store_status status, const struct lapsed_entry *entries, size_t n)
{
    struct pair *w = ctx;
    struct lapsed_entry sorted[16];
    hear(w, status);
    assert_true(n <= 16);
    memcpy(sorted, entries, n * sizeof(*sorted));
    qsort(sorted, n, sizeof(*sorted), by_name);
    for (size_t i = 0; i < n; i++)
        buf_printf(&w->said, " %s/%u in %u", sorted[i].owner, number(&sorted[i].gen),
                   number(&sorted[i].chat));
}

static void on_take(void *ctx, enum store_status status, const struct outbox_entry *entries, size_t n)
{
    struct pair *w = ctx;
    hear(w, status);
    w->outbox_count = n;
    for (size_t i = 0; i < n; i++) {
        buf_add_char(&w->said, ' ');
        buf_add(&w->said, entries[i].data, entries[i].len);
        if (i < 8)
            snprintf(w->outbox_id[i], sizeof(w->outbox_id[i]), "%s", entries[i].id);
    }
}

/* The lowest gen above `after`; NULL: none. */
static const struct outbox_turn *turn_after(const struct outbox_turn *turns, size_t n, unsigned after)
{
    const struct outbox_turn *next = NULL;
    for (size_t i = 0; i < n; i++)
        if (number(&turns[i].gen) > after && (!next || number(&turns[i].gen) < number(&next->gen)))
            next = &turns[i];
    return next;
}

static void on_chat(void *ctx, enum store_status status, const struct uuid *newest_id,
                    const struct outbox_turn *turns, size_t n)
{
    struct pair *w = ctx;
    hear(w, status);
    buf_printf(&w->said, " newest=%u", number(newest_id));
    for (const struct outbox_turn *t = turn_after(turns, n, 0); t;
         t = turn_after(turns, n, number(&t->gen))) {
        buf_printf(&w->said, " %u:%.*s", number(&t->gen), (int)t->len, (const char *)t->entry);
        if (t->ended)
            buf_printf(&w->said, "=%.*s", (int)t->text_len, (const char *)t->text);
    }
}

/* ---- calls */

#define S(node) (w->side[node].s)
#define STARTED(call)                                                                                        \
    do {                                                                                                     \
        w->inside = true;                                                                                    \
        struct store_op *op_ = (call);                                                                       \
        w->inside = false;                                                                                   \
        assert_non_null(op_);                                                                                \
        return op_;                                                                                          \
    } while (0)

struct store_op *start_touch(struct pair *w, int node, const char *owner, int session, uint64_t ttl_ms)
{
    struct uuid u = id((uint64_t)session);
    STARTED(S(node)->ops->touch(S(node), owner, &u, ttl_ms, on_touch, w));
}

struct store_op *start_acquire(struct pair *w, int node, int gen, uint64_t lease_ms)
{
    struct gen_key k = key(gen);
    struct uuid chat = id((uint64_t)gen + 100);
    STARTED(S(node)->ops->acquire(S(node), &k, &chat, lease_ms, on_lease, w));
}

struct store_op *start_renew(struct pair *w, int node, int gen, uint64_t epoch, uint64_t lease_ms)
{
    struct gen_key k = key(gen);
    STARTED(S(node)->ops->renew(S(node), &k, epoch, lease_ms, on_done, w));
}

struct store_op *start_reclaim(struct pair *w, int node, int gen, uint64_t epoch, uint64_t lease_ms)
{
    struct gen_key k = key(gen);
    struct uuid chat = id((uint64_t)gen + 100);
    STARTED(S(node)->ops->reclaim(S(node), &k, &chat, epoch, lease_ms, on_lease, w));
}

struct store_op *start_append_many(struct pair *w, int node, int gen, const struct log_record *r, size_t n)
{
    struct gen_key k = key(gen);
    STARTED(S(node)->ops->append_many(S(node), &k, r, n, on_done, w));
}

struct store_op *start_append(struct pair *w, int node, int gen, struct log_record r)
{
    struct gen_key k = key(gen);
    STARTED(S(node)->ops->append(S(node), &k, &r, on_done, w));
}

struct store_op *start_finish(struct pair *w, int node, int gen, struct log_record r, const char *entry,
                              uint64_t keep_ms)
{
    struct gen_key k = key(gen);
    STARTED(S(node)->ops->finish(S(node), &k, &r, entry, strlen(entry), keep_ms, on_done, w));
}

struct store_op *start_read(struct pair *w, int node, struct gen_key k, uint64_t after, size_t max)
{
    STARTED(S(node)->ops->read(S(node), &k, after, max, on_read, w));
}

static void on_followed(void *ctx, enum store_status status, bool followed)
{
    struct pair *w = ctx;
    hear(w, status);
    buf_add_str(&w->said, followed ? " followed" : " alone");
}

struct store_op *start_followed(struct pair *w, int node, struct gen_key k)
{
    STARTED(S(node)->ops->followed(S(node), &k, on_followed, w));
}

struct store_op *start_cancel(struct pair *w, int node, struct gen_key k)
{
    STARTED(S(node)->ops->cancel_generation(S(node), &k, on_done, w));
}

struct store_op *start_active(struct pair *w, int node, const char *owner)
{
    STARTED(S(node)->ops->active(S(node), owner, on_actives, w));
}

struct store_op *start_lapsed(struct pair *w, int node, size_t max)
{
    STARTED(S(node)->ops->lapsed(S(node), max, on_lapsed, w));
}

struct store_op *start_take(struct pair *w, int node, size_t max)
{
    STARTED(w->factory->outbox->take(S(node), max, on_take, w));
}

struct store_op *start_ack(struct pair *w, int node, size_t n)
{
    const char *ids[8];
    for (size_t i = 0; i < n && i < 8; i++)
        ids[i] = w->outbox_id[i];
    STARTED(w->factory->outbox->ack(S(node), ids, n, on_done, w));
}

struct store_op *start_prompt(struct pair *w, int node, int gen, int chat_number, const char *entry)
{
    struct gen_key k = key(gen);
    struct uuid in = id((uint64_t)chat_number), message = id((uint64_t)gen + 500);
    STARTED(w->factory->outbox->prompt(S(node), &k, &in, &message, entry, strlen(entry), on_done, w));
}

struct store_op *start_chat(struct pair *w, int node, const char *owner, int chat_number)
{
    struct uuid in = id((uint64_t)chat_number);
    STARTED(w->factory->outbox->chat(S(node), owner, &in, on_chat, w));
}

struct store_op *start_forget(struct pair *w, int node, int gen, int chat_number)
{
    struct gen_key k = key(gen);
    struct uuid in = id((uint64_t)chat_number);
    STARTED(w->factory->outbox->forget(S(node), &k, &in, on_done, w));
}

/* ---- and their completion */

static void settle(struct pair *w, int before)
{
    pass(w, 0);
    assert_int_equal(w->completions, before + 1);
}

#define WAITED(call)                                                                                         \
    do {                                                                                                     \
        int before_ = w->completions;                                                                        \
        call;                                                                                                \
        settle(w, before_);                                                                                  \
    } while (0)

void touch(struct pair *w, int node, const char *owner, int session, uint64_t ttl_ms)
{
    WAITED(start_touch(w, node, owner, session, ttl_ms));
}

void acquire(struct pair *w, int node, int gen, uint64_t lease_ms)
{
    WAITED(start_acquire(w, node, gen, lease_ms));
}

void renew(struct pair *w, int node, int gen, uint64_t epoch, uint64_t lease_ms)
{
    WAITED(start_renew(w, node, gen, epoch, lease_ms));
}

void reclaim(struct pair *w, int node, int gen, uint64_t epoch, uint64_t lease_ms)
{
    WAITED(start_reclaim(w, node, gen, epoch, lease_ms));
}

void append_many(struct pair *w, int node, int gen, const struct log_record *r, size_t n)
{
    WAITED(start_append_many(w, node, gen, r, n));
}

void append(struct pair *w, int node, int gen, struct log_record r)
{
    WAITED(start_append(w, node, gen, r));
}

void finish(struct pair *w, int node, int gen, struct log_record r, const char *entry, uint64_t keep_ms)
{
    WAITED(start_finish(w, node, gen, r, entry, keep_ms));
}

void read_log(struct pair *w, int node, struct gen_key k, uint64_t after, size_t max)
{
    WAITED(start_read(w, node, k, after, max));
}

void followed(struct pair *w, int node, struct gen_key k)
{
    WAITED(start_followed(w, node, k));
}

void cancel(struct pair *w, int node, struct gen_key k)
{
    WAITED(start_cancel(w, node, k));
}

void active(struct pair *w, int node, const char *owner)
{
    WAITED(start_active(w, node, owner));
}

void publish(struct pair *w, int node, const char *owner, int gen, const char *state, uint64_t off)
{
    struct active_entry e = {
        .gen = id((uint64_t)gen), .chat = id((uint64_t)gen + 100), .state = state, .off = off};
    w->inside = true;
    S(node)->ops->publish(S(node), owner, &e);
    w->inside = false;
}

void watch(struct pair *w, const char *owner)
{
    for (int i = 0; i < SESSION_NODES; i++)
        S(i)->ops->watch(S(i), owner);
    pass(w, 0);
}

void lapsed(struct pair *w, int node, size_t max)
{
    WAITED(start_lapsed(w, node, max));
}

void take(struct pair *w, int node, size_t max)
{
    WAITED(start_take(w, node, max));
}

void ack(struct pair *w, int node, size_t n)
{
    WAITED(start_ack(w, node, n));
}

void prompt(struct pair *w, int node, int gen, int chat_number, const char *entry)
{
    WAITED(start_prompt(w, node, gen, chat_number, entry));
}

void answered(struct pair *w, int node, int gen, int chat_number, const char *text)
{
    struct gen_key k = key(gen);
    struct uuid in = id((uint64_t)chat_number);
    w->factory->outbox->answered(S(node), &k, &in, text, strlen(text));
    pass(w, 0);
}

void newest(struct pair *w, int node, int chat_number, int message, uint64_t keep_ms)
{
    struct uuid in = id((uint64_t)chat_number), m = id((uint64_t)message);
    w->factory->outbox->newest(S(node), ALICE, &in, &m, keep_ms);
    pass(w, 0);
}

void chat(struct pair *w, int node, const char *owner, int chat_number)
{
    WAITED(start_chat(w, node, owner, chat_number));
}

void forget(struct pair *w, int node, int gen, int chat_number)
{
    WAITED(start_forget(w, node, gen, chat_number));
}
