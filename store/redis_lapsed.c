/* redis_lapsed: logs that nobody holds any more, of all shards.
 *
 *     E of each shard, in one call ──> names and chats ─┐
 *     (a cluster: a call for each shard) ──> ... ───────┴──> one list, one completion
 *
 * Each look begins at another shard, so that gateways that look at once do not all want the same logs, and no
 * shard is always last. It refuses to take anything: that is acquire's. */
#include <stdlib.h>
#include <string.h>

#include "base/crc32c.h"
#include "base/mem.h"
#include "store/redis.h"

struct found {
    char owner[OWNER_MAX + 1];
    struct uuid gen, chat;
};

struct lapsed {
    struct found *found; /* owned */
    size_t count, max;
    bool answered; /* one child at least */
    enum store_status status;
};

static void lapsed_free(void *extra)
{
    struct lapsed *l = extra;
    mem_free(l->found);
    mem_free(l);
}

static void complete(struct store_op *parent)
{
    const struct lapsed *l = parent->extra;
    struct lapsed_entry *out = mem_alloc((l->count + 1) * sizeof(*out));
    for (size_t i = 0; i < l->count; i++)
        out[i] = (struct lapsed_entry){l->found[i].owner, l->found[i].gen, l->found[i].chat};
    if (!parent->cancelled)
        parent->on.lapsed(parent->ctx, l->answered ? STORE_OK : l->status, out, l->count);
    mem_free(out);
    op_free(parent);
}

static void take_reply(struct lapsed *l, const struct redisReply *reply)
{
    size_t n = reply_count(reply) / 2;
    l->found = mem_realloc(l->found, (l->count + n + 1) * sizeof(*l->found));
    for (size_t i = 0; i < n && l->count < l->max; i++) {
        struct found *f = &l->found[l->count];
        size_t name_len, chat_len;
        const char *name = reply_text(reply_at(reply, 2 * i), &name_len);
        const char *chat = reply_text(reply_at(reply, 2 * i + 1), &chat_len);
        if (redis_name_parse(name, name_len, f->owner, &f->gen) && uuid_parse(&f->chat, chat, chat_len))
            l->count++;
    }
}

static void on_lapsed(struct store_op *op, const struct redisReply *reply)
{
    struct lapsed *l = op->parent->extra;
    if (op->status) {
        l->status = op->status;
    } else {
        l->answered = true;
        take_reply(l, reply);
    }
    if (--op->parent->children == 0)
        complete(op->parent);
}

static void ask(struct store_op *parent, unsigned first, unsigned count)
{
    const struct lapsed *l = parent->extra;
    struct store_op *op = op_new(parent->s, "lapsed", NULL, on_lapsed, NULL);
    char key[REDIS_KEY_MAX];
    op->parent = parent;
    parent->children++;
    for (unsigned i = 0; i < count; i++)
        op_key(op, key, redis_key_shard(key, 'e', (first + i) % REDIS_SHARDS));
    op_arg_u64(op, l->max);
    op_submit(op);
}

struct store_op *lapsed_call(struct session_store *base, size_t max, store_lapsed_fn done, void *ctx)
{
    struct redis_store *s = redis_self(base);
    struct store_op *op = op_new(s, NULL, NULL, NULL, ctx);
    struct lapsed *l = mem_alloc(sizeof(*l));
    unsigned step = server_single(s) ? REDIS_SHARDS : 1, first = crc32c(0, s->node, strlen(s->node));
    l->max = max;
    op->extra = l;
    op->release = lapsed_free;
    op->on.lapsed = done;
    list_add_tail(&s->parents, &op->link);
    first += s->lapsed_from++;
    for (unsigned i = 0; i < REDIS_SHARDS; i += step)
        ask(op, (first + i) % REDIS_SHARDS, step);
    return op;
}
