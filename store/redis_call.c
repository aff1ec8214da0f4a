/* redis_call: the calls of the session store on Redis: sessions, leases, cancelling, who runs what. Those of
 * logs are in redis_log.c, of following and watching in redis_follow.c and redis_hear.c. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "store/redis.h"

#define TTL_MAX_MS ((uint64_t)10 * 365 * 24 * 3600 * 1000)
#define ACTIVE_MAX 1000                        /* entries of one owner */
#define ACTIVE_MS ((uint64_t)25 * 3600 * 1000) /* after the last publishing; no answer runs so long */

static void on_done(struct store_op *op, const struct redisReply *reply)
{
    if (!op->cancelled)
        op->on.done(op->ctx, op->status ? op->status : op_code(reply));
}

/* ---- sessions */

static void on_touch(struct store_op *op, const struct redisReply *reply)
{
    if (!op->cancelled)
        op->on.touch(op->ctx, op->status, op->status == STORE_OK && !reply_is_nil(reply));
}

static struct store_op *call_touch(struct session_store *s, const char *owner, const struct uuid *session,
                                   uint64_t ttl_ms, store_touch_fn done, void *ctx)
{
    struct store_op *op = op_new(redis_self(s), NULL, owner, on_touch, ctx);
    char key[REDIS_KEY_MAX];
    op->on.touch = done;
    op_arg_str(op, "SET");
    op_key_inside(op, key, redis_key_session(key, op->owner, session));
    op_arg_str(op, "1");
    op_arg_str(op, "PX");
    op_arg_u64(op, ttl_ms < 1 ? 1 : ttl_ms < TTL_MAX_MS ? ttl_ms : TTL_MAX_MS);
    op_arg_str(op, "GET");
    op_submit(op);
    return op;
}

/* ---- leases */

static void op_lease_keys(struct store_op *op, const struct gen_key *key)
{
    char text[REDIS_KEY_MAX];
    op_keys(op, "slm", key);
    if (op->status == STORE_OK)
        op_key(op, text, redis_key_shard(text, 'e', redis_shard(key)));
}

static void learn_clock(struct server *server, uint64_t now_ms)
{
    if (!server || !now_ms)
        return;
    server->clock_ahead_ms = (int64_t)now_ms - (int64_t)link_now_ms();
    server->clock_known = true;
}

static void on_lease(struct store_op *op, const struct redisReply *reply)
{
    struct lease_result result = {.status = op->status ? op->status : op_code(reply),
                                  .epoch = reply_u64(reply_at(reply, 1)),
                                  .seq = reply_u64(reply_at(reply, 2)),
                                  .off = reply_u64(reply_at(reply, 3)),
                                  .crc = (uint32_t)strtoul(reply_text(reply_at(reply, 4), NULL), NULL, 16),
                                  .finished = reply_u64(reply_at(reply, 5)) != 0,
                                  .held_ms = reply_u64(reply_at(reply, 6))};
    learn_clock(op->server, reply_u64(reply_at(reply, 7)));
    if (!op->cancelled)
        op->on.lease(op->ctx, &result);
}

static struct store_op *lease(struct session_store *base, const char *function, const struct gen_key *key,
                              const struct uuid *chat, uint64_t lease_ms, store_lease_fn done, void *ctx)
{
    struct redis_store *s = redis_self(base);
    struct store_op *op = op_new(s, function, key->owner, on_lease, ctx);
    op->on.lease = done;
    op->ordered = true;
    op_lease_keys(op, key);
    op_arg(op, s->hearing.channel, s->hearing.channel_len);
    op_arg_uuid(op, chat);
    op_arg_u64(op, lease_ms < TTL_MAX_MS ? lease_ms : TTL_MAX_MS);
    op_arg_u64(op, REDIS_ABANDONED_MS);
    return op;
}

static struct store_op *call_acquire(struct session_store *s, const struct gen_key *key,
                                     const struct uuid *chat, uint64_t lease_ms, store_lease_fn done,
                                     void *ctx)
{
    struct store_op *op = lease(s, "acquire", key, chat, lease_ms, done, ctx);
    op->dated = true;
    op_submit(op);
    return op;
}

static struct store_op *call_reclaim(struct session_store *s, const struct gen_key *key,
                                     const struct uuid *chat, uint64_t epoch, uint64_t lease_ms,
                                     store_lease_fn done, void *ctx)
{
    struct store_op *op = lease(s, "reclaim", key, chat, lease_ms, done, ctx);
    op_arg_u64(op, epoch);
    op_submit(op);
    return op;
}

static struct store_op *call_renew(struct session_store *s, const struct gen_key *key, uint64_t epoch,
                                   uint64_t lease_ms, store_done_fn done, void *ctx)
{
    struct store_op *op = op_new(redis_self(s), "renew", key->owner, on_done, ctx);
    op->on.done = done;
    op_lease_keys(op, key);
    op_arg_u64(op, epoch);
    op_arg_u64(op, lease_ms < TTL_MAX_MS ? lease_ms : TTL_MAX_MS);
    op_arg_u64(op, REDIS_ABANDONED_MS);
    op_submit(op);
    return op;
}

static void on_followed(struct store_op *op, const struct redisReply *reply)
{
    if (!op->cancelled)
        op->on.touch(op->ctx, op->status, op->status == STORE_OK && reply_u64(reply) != 0);
}

static struct store_op *call_followed(struct session_store *base, const struct gen_key *key,
                                      store_touch_fn done, void *ctx)
{
    struct redis_store *s = redis_self(base);
    struct store_op *op = op_new(s, "followed", key->owner, on_followed, ctx);
    op->on.touch = done;
    op_keys(op, "s", key);
    op_arg(op, s->hearing.channel, s->hearing.channel_len);
    op_submit(op);
    return op;
}

static struct store_op *call_cancel_generation(struct session_store *s, const struct gen_key *key,
                                               store_done_fn done, void *ctx)
{
    struct store_op *op = op_new(redis_self(s), "cancel", key->owner, on_done, ctx);
    char message[2 + REDIS_NAME_MAX] = "c ";
    op->on.done = done;
    if (op->status == STORE_OK) {
        op_keys(op, "sm", key);
        op_arg(op, message, 2 + redis_name(message + 2, key));
    }
    op_submit(op);
    return op;
}

/* ---- who runs what */

struct listed {
    uint64_t order; /* of the first publishing */
    struct active_entry entry;
};

static int by_order(const void *a, const void *b)
{
    const struct listed *x = a, *y = b;
    return x->order < y->order ? -1 : x->order > y->order;
}

/* "<order> <chat> <off> <state>" */
static bool read_listed(const struct redisReply *gen, const struct redisReply *value, struct listed *out)
{
    size_t gen_len;
    const char *gen_text = reply_text(gen, &gen_len);
    char *at;
    out->order = strtoull(reply_text(value, NULL), &at, 10);
    if (!uuid_parse(&out->entry.gen, gen_text, gen_len) || *at != ' ' || strlen(at) < UUID_TEXT + 2 ||
        !uuid_parse(&out->entry.chat, at + 1, UUID_TEXT))
        return false;
    out->entry.off = strtoull(at + 1 + UUID_TEXT, &at, 10);
    out->entry.state = at + 1;
    return *at == ' ';
}

static void on_actives(struct store_op *op, const struct redisReply *reply)
{
    size_t n = 0, most = reply_count(reply) / 2;
    struct listed *list = mem_alloc((most + 1) * sizeof(*list));
    struct active_entry *out = mem_alloc((most + 1) * sizeof(*out));
    for (size_t i = 0; i < most; i++)
        if (read_listed(reply_at(reply, 2 * i), reply_at(reply, 2 * i + 1), &list[n]))
            n++;
    qsort(list, n, sizeof(*list), by_order);
    for (size_t i = 0; i < n; i++)
        out[i] = list[i].entry;
    if (!op->cancelled)
        op->on.active(op->ctx, op->status, out, n);
    mem_free(list);
    mem_free(out);
}

static struct store_op *call_active(struct session_store *s, const char *owner, store_active_fn done,
                                    void *ctx)
{
    struct store_op *op = op_new(redis_self(s), NULL, owner, on_actives, ctx);
    char key[REDIS_KEY_MAX];
    op->on.active = done;
    op->after_watch = true; /* so that nothing is missed between the list and what is told */
    op_arg_str(op, "HGETALL");
    op_key_inside(op, key, redis_key_active(key, op->owner));
    op_submit(op);
    return op;
}

static void on_published(struct store_op *op, const struct redisReply *reply)
{
    (void)op, (void)reply; /* it has no completion */
}

static void call_publish(struct session_store *base, const char *owner, const struct active_entry *entry)
{
    struct redis_store *s = redis_self(base);
    struct store_op *op = op_new(s, "publish", owner, on_published, NULL);
    char key[REDIS_KEY_MAX], channel[REDIS_CHANNEL_MAX], gen[UUID_TEXT + 1], chat[UUID_TEXT + 1], text[160];
    bool runs = strcmp(entry->state, "queued") == 0 || strcmp(entry->state, "running") == 0;
    uuid_format(&entry->gen, gen);
    uuid_format(&entry->chat, chat);
    op_key(op, key, redis_key_active(key, op->owner));
    op_arg_str(op, runs ? "1" : "0");
    op_arg_str(op, gen);
    snprintf(text, sizeof(text), "%s %llu %s", chat, (unsigned long long)entry->off, entry->state);
    op_arg_str(op, text);
    op_arg(op, channel, redis_channel_owner(channel, s->url.db, op->owner));
    snprintf(text, sizeof(text), "%s %s %llu %s", gen, chat, (unsigned long long)entry->off, entry->state);
    op_arg_str(op, text);
    op_arg_u64(op, ACTIVE_MAX);
    op_arg_u64(op, ACTIVE_MS);
    op_submit(op);
}

/* ---- */

static void call_cancel_op(struct session_store *s, struct store_op *op)
{
    (void)s;
    if (op)
        op->cancelled = true;
}

static void call_turn(struct session_store *s, uint64_t now_ms)
{
    (void)s, (void)now_ms; /* the loop brings everything, and Redis drops what has expired */
}

static bool call_healthy(struct session_store *s)
{
    return redis_self(s)->up;
}

const struct session_store_ops redis_ops = {
    .touch = call_touch,
    .acquire = call_acquire,
    .reclaim = call_reclaim,
    .renew = call_renew,
    .append = log_append,
    .append_many = log_append_many,
    .finish = log_finish,
    .read = log_read,
    .follow = hearing_follow,
    .unfollow = hearing_unfollow,
    .followed = call_followed,
    .lapsed = lapsed_call,
    .cancel_generation = call_cancel_generation,
    .active = call_active,
    .publish = call_publish,
    .watch = hearing_watch,
    .unwatch = hearing_unwatch,
    .healthy = call_healthy,
    .cancel_op = call_cancel_op,
    .turn = call_turn,
    .close = redis_close,
};
