/* redis_op: an op on its way: built, sent to the server of its slot, answered.
 *
 *     op_submit ─> sent ─────────────────────> answered ─> op->answer, freed
 *        │  └────> gathered ─> ops_flush ─┘        │ moved, functions missing, server left: nothing was done
 *        ├────────> waiting <──────────────────────┘
 *        │             └─ ready: sent; hopeless or past its deadline: deferred UNAVAILABLE
 *        └────────> deferred: what is refused, and what was lost on the way: unknown outcome
 *
 * An op waits for a server only while the first attempt to reach it is under way: afterwards it is answered
 * at once, so that who can go on without is not held up. */
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/metrics.h"
#include "store/redis.h"
#include "store/redis_functions.h"
#include "store/redis_resp.h"

#define OPS_MAX 100000
#define BYTES_MAX ((size_t)256 << 20)
#define GATHER_MAX 64 /* appends of one call: Redis does nothing else meanwhile */
#define GATHER_BYTES (64 << 10)
#define RETRY_MS 20
#define COMPLAIN_MS 1000

/* ---- building */

struct store_op *op_new(struct redis_store *s, const char *function, const char *owner, op_answer_fn answer,
                        void *ctx)
{
    struct store_op *op = mem_alloc(sizeof(*op));
    mem_born(MEM_STORE_OP);
    op->s = s;
    op->function = function;
    op->answer = answer;
    op->ctx = ctx;
    list_init(&op->link);
    list_init(&op->request.link);
    op->deadline_ms = link_now_ms() + s->limits.timeout_ms;
    if (owner && strlen(owner) > OWNER_MAX)
        op->status = STORE_NOT_FOUND; /* no such owner can be */
    else if (owner)
        strcpy(op->owner, owner);
    s->op_count++;
    metric_add(METRIC_REDIS_CALLS, 1);
    return op;
}

void op_key(struct store_op *op, const char *key, size_t len)
{
    if (!op->keys)
        op->slot = redis_slot(key, len);
    resp_word(&op->words, key, len);
    op->keys++;
    op->key_bytes = op->words.len;
}

void op_key_inside(struct store_op *op, const char *key, size_t len)
{
    op->slot = redis_slot(key, len);
    op_arg(op, key, len);
}

void op_keys(struct store_op *op, const char *what, const struct gen_key *key)
{
    char text[REDIS_KEY_MAX];
    for (; *what && !op->status; what++)
        op_key(op, text, redis_key_gen(text, *what, key));
}

void op_arg(struct store_op *op, const void *p, size_t len)
{
    resp_word(&op->words, p, len);
    op->args++;
}

void op_arg_str(struct store_op *op, const char *s)
{
    op_arg(op, s, strlen(s));
}

void op_arg_u64(struct store_op *op, uint64_t v)
{
    resp_u64(&op->words, v);
    op->args++;
}

void op_arg_uuid(struct store_op *op, const struct uuid *u)
{
    char text[UUID_TEXT + 1];
    op_arg(op, uuid_format(u, text), UUID_TEXT);
}

void op_free(struct store_op *op)
{
    list_del(&op->link);
    op->s->op_count--;
    metric_add(METRIC_REDIS_CALLS, -1);
    op->s->op_bytes -= op->words.len;
    buf_free(&op->words);
    if (op->release)
        op->release(op->extra);
    mem_free(op);
    mem_died(MEM_STORE_OP);
}

/* ---- answering */

void op_defer(struct store_op *op, enum store_status status)
{
    op->status = status;
    list_move_tail(&op->s->deferred, &op->link);
    redis_wake(op->s);
}

static void op_finish(struct store_op *op, const struct redisReply *reply)
{
    op->answer(op, reply);
    op_free(op);
}

void ops_deliver(struct redis_store *s)
{
    struct list now;
    list_init(&now);
    while (!list_empty(&s->deferred))
        list_move_tail(&now, list_first(&s->deferred));
    while (!list_empty(&now)) {
        struct store_op *op = list_entry(list_first(&now), struct store_op, link);
        list_del(&op->link);
        op_finish(op, NULL);
    }
}

static void complain(struct redis_store *s, const struct store_op *op, const char *error)
{
    uint64_t now = link_now_ms();
    if (s->complained_ms && now - s->complained_ms < COMPLAIN_MS)
        return;
    s->complained_ms = now;
    log_error("redis.refused", LF_STR("function", op->function ? op->function : "command"),
              LF_STR("error", error));
}

/* Nothing was done: it may be sent again. */
static void op_again(struct store_op *op)
{
    op->retry_ms = link_now_ms() + RETRY_MS;
    list_move_tail(&op->s->waiting, &op->link);
}

static void send_alone(struct store_op *op, struct server *server, bool asking);

static void op_moved(struct store_op *op, const char *error)
{
    struct reply_move move;
    struct redis_store *s = op->s;
    if (s->url.kind != REDIS_CLUSTER || !reply_move_parse(error, &move)) {
        complain(s, op, "it is a cluster: its url is cluster://");
        op_defer(op, STORE_UNAVAILABLE);
        return;
    }
    struct server *to = server_at(s, &move.to);
    if (move.ask && to && to->link.state == LINK_READY) {
        send_alone(op, to, true);
        return;
    }
    scout_hurry(s);
    op_again(op);
}

static void op_refused(struct store_op *op, const char *error)
{
    enum reply_fault fault = reply_fault(error);
    switch (fault) {
    case FAULT_MOVED:
        op_moved(op, error);
        return;
    case FAULT_UNLOADED:
        server_reload(op->server);
        op_again(op);
        return;
    case FAULT_SERVER:
        link_drop(&op->server->link, error);
        op_again(op);
        return;
    case FAULT_LATER:
        op_again(op);
        return;
    case FAULT_FULL:
        op_defer(op, STORE_FULL);
        break;
    case FAULT_REFUSED:
    case FAULT_DENIED:
        op_defer(op, STORE_UNAVAILABLE);
        break;
    case FAULT_OTHER:
        op_defer(op, STORE_CORRUPT);
        break;
    }
    complain(op->s, op, error);
}

static void op_answered(struct store_op *op, const struct redisReply *reply)
{
    if (!reply || reply_is_error(reply))
        metric_add(METRIC_REDIS_ERRORS, 1);
    if (!reply)
        op_defer(op, STORE_UNAVAILABLE); /* hiredis is taking the connection down: not from here */
    else if (reply_is_error(reply))
        op_refused(op, reply_text(reply, NULL));
    else
        op_finish(op, reply);
}

static void on_answer(struct link_request *request, const struct redisReply *reply)
{
    op_answered(list_entry(request, struct store_op, request), reply);
}

enum store_status op_code(const struct redisReply *reply)
{
    static const enum store_status codes[] = {
        STORE_OK,   STORE_NOT_FOUND, STORE_FENCED,  STORE_WRONG_POSITION,
        STORE_HELD, STORE_FULL,      STORE_CORRUPT, STORE_EXISTS};
    int64_t code = reply_int(reply_is_list(reply) ? reply_at(reply, 0) : reply);
    return code >= 0 && code < (int64_t)(sizeof(codes) / sizeof(*codes)) ? codes[code] : STORE_CORRUPT;
}

/* ---- sending */

static void head(struct buf *b, const char *function, size_t keys, size_t args)
{
    char name[64];
    if (!function) {
        resp_head(b, keys + args);
        return;
    }
    snprintf(name, sizeof(name), "lw_%s_%s", redis_functions_version, function);
    resp_head(b, 3 + keys + args);
    resp_str(b, "FCALL");
    resp_str(b, name);
    resp_u64(b, keys);
}

/* Its answer says nothing that the next one does not. */
static void on_asking(struct link_request *request, const struct redisReply *reply)
{
    (void)reply;
    mem_free(request);
}

static void send_asking(struct server *server)
{
    static const char asking[] = "*1\r\n$6\r\nASKING\r\n";
    struct link_request *request = mem_alloc(sizeof(*request));
    request->on_answer = on_asking;
    if (!link_send(&server->link, request, asking, sizeof(asking) - 1))
        mem_free(request);
}

/* As long as its answer is waited for; 0: by a clock that is not known yet. */
static uint64_t meant_until(const struct store_op *op, const struct server *server)
{
    if (!server->clock_known)
        return 0;
    return (uint64_t)((int64_t)link_now_ms() + server->clock_ahead_ms) + op->s->limits.timeout_ms;
}

static void send_alone(struct store_op *op, struct server *server, bool asking)
{
    struct redis_store *s = op->s;
    if (asking)
        send_asking(server);
    buf_clear(&s->scratch);
    head(&s->scratch, op->function, op->keys, op->args + op->dated);
    buf_add(&s->scratch, op->words.data, op->words.len);
    if (op->dated)
        resp_u64(&s->scratch, meant_until(op, server));
    list_del(&op->link);
    op->server = server;
    op->request.on_answer = on_answer;
    if (!link_send(&server->link, &op->request, s->scratch.data, s->scratch.len))
        op_defer(op, STORE_UNAVAILABLE);
}

/* ---- appends in one call: in a cluster those of one slot. While calls of a server are out, what comes
 * meanwhile gathers: a round trip more at most, and the busier Redis is, the less each costs it. */

struct bundle {
    struct link_request request;
    struct server *server;
    size_t count, bytes, args;
    struct store_op *ops[GATHER_MAX];
};

static void on_bundle(struct link_request *request, const struct redisReply *reply)
{
    struct bundle *b = list_entry(request, struct bundle, request);
    bool each = reply_is_list(reply);
    b->server->bundles--;
    if (reply) /* by the clock that was read when it came: no other for any token */
        metric_observe_us(METRIC_REDIS_APPEND, b->server->link.heard_us - request->sent_us);
    for (size_t i = 0; i < b->count; i++)
        op_answered(b->ops[i], each ? reply_at(reply, i) : reply);
    mem_free(b);
}

/* Takes what goes with the first; in order, so that of one generation none overtakes another. */
static void bundle_fill(struct redis_store *s, struct bundle *b, const struct store_op *first)
{
    unsigned slot = first->slot;
    list_each_safe (pos, next, &s->gathered) {
        struct store_op *op = list_entry(pos, struct store_op, link);
        if (op->slot != slot && !server_single(s))
            continue;
        if (b->count == GATHER_MAX || (b->count && b->bytes + op->words.len > GATHER_BYTES))
            return;
        list_del(&op->link);
        b->ops[b->count++] = op;
        b->bytes += op->words.len;
        b->args += op->args;
    }
}

static void bundle_send(struct redis_store *s, struct bundle *b, struct server *server)
{
    buf_clear(&s->scratch);
    head(&s->scratch, "append", 2 * b->count, b->args);
    for (size_t i = 0; i < b->count; i++)
        buf_add(&s->scratch, b->ops[i]->words.data, b->ops[i]->key_bytes);
    for (size_t i = 0; i < b->count; i++) {
        struct store_op *op = b->ops[i];
        buf_add(&s->scratch, op->words.data + op->key_bytes, op->words.len - op->key_bytes);
        op->server = server;
    }
    b->server = server;
    b->request.on_answer = on_bundle;
    if (link_send(&server->link, &b->request, s->scratch.data, s->scratch.len)) {
        server->bundles++;
        return;
    }
    for (size_t i = 0; i < b->count; i++)
        op_defer(b->ops[i], STORE_UNAVAILABLE);
    mem_free(b);
}

/* One bundle; false when there is none to be sent now. */
static bool flush_one(struct redis_store *s)
{
    list_each (pos, &s->gathered) {
        struct store_op *op = list_entry(pos, struct store_op, link);
        struct server *server = server_of(s, op->slot);
        if (!server || server->link.state != LINK_READY) {
            list_move_tail(&s->waiting, &op->link);
            ops_review(s);
            return true;
        }
        if (!server->taking)
            continue;
        struct bundle *b = mem_alloc(sizeof(*b));
        bundle_fill(s, b, op);
        bundle_send(s, b, server);
        return true;
    }
    return false;
}

void ops_flush(struct redis_store *s, bool at_once)
{
    for (size_t i = 0; i < s->server_count; i++)
        s->servers[i]->taking = at_once || !s->servers[i]->bundles;
    while (flush_one(s)) {
    }
}

/* ---- which way */

static bool hope(struct redis_store *s, const struct store_op *op)
{
    const struct server *server = server_of(s, op->slot);
    if (server && server->known)
        return server->link.state == LINK_READY || server->link.failures == 0;
    return s->scout.link.failures == 0;
}

static void route(struct store_op *op, struct server *server)
{
    if (op->append) {
        list_move_tail(&op->s->gathered, &op->link); /* ev_prepare comes before the loop waits */
        return;
    }
    if (op->ordered)
        ops_flush(op->s, true); /* an append before it stays before it */
    send_alone(op, server, false);
}

static bool can_go(const struct store_op *op, const struct server *server)
{
    return server && server->link.state == LINK_READY &&
           !(op->after_watch && hearing_unsettled(op->s, op->owner));
}

void op_submit(struct store_op *op)
{
    struct redis_store *s = op->s;
    struct server *server = op->status ? NULL : server_of(s, op->slot);
    s->op_bytes += op->words.len;
    if (op->status)
        op_defer(op, op->status);
    else if (s->op_count > OPS_MAX || s->op_bytes > BYTES_MAX)
        op_defer(op, STORE_FULL);
    else if (can_go(op, server))
        route(op, server);
    else if (hope(s, op))
        list_add_tail(&s->waiting, &op->link);
    else
        op_defer(op, STORE_UNAVAILABLE);
}

void ops_pump(struct redis_store *s, uint64_t now_ms)
{
    s->pump_due = false;
    list_each_safe (pos, next, &s->waiting) {
        struct store_op *op = list_entry(pos, struct store_op, link);
        struct server *server = server_of(s, op->slot);
        if (now_ms >= op->deadline_ms || !hope(s, op)) {
            op_defer(op, STORE_UNAVAILABLE);
        } else if (now_ms >= op->retry_ms && can_go(op, server)) {
            list_del(&op->link);
            route(op, server);
        }
    }
}

void ops_review(struct redis_store *s)
{
    s->pump_due = true;
    redis_wake(s);
}

void ops_drop(struct redis_store *s)
{
    struct list *all[] = {&s->waiting, &s->gathered, &s->deferred, &s->parents};
    for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++)
        while (!list_empty(all[i]))
            op_free(list_entry(list_first(all[i]), struct store_op, link));
}
