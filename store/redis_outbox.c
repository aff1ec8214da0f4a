/* redis_outbox: finished answers on their way into history. Each shard has an outbox, a stream with a
 * consumer group; take and ack are made of one call for all shards, in a cluster of one for each.
 *
 *     take   peek: what can be had, of every shard ──> the oldest of all ──> claim: those, of their shards
 *     ack    XACK and XDEL, by shard
 *
 * Looking before claiming keeps the order over the shards, and what is not handed out is not held. From each
 * shard only the first few of each kind are looked at; nothing beyond the last of a kind that may go on is
 * chosen. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "store/redis.h"

#define TAKE_BYTES ((uint64_t)8 << 20) /* of one take, but one entry at least */
#define SWEEP_MS (3600 * 1000)
#define ID_MAX 48

struct outbox_id {
    unsigned shard;
    uint64_t us, n;
};

struct candidate {
    struct outbox_id id;
    char kind; /* o own, s stale, n new */
    uint64_t size;
};

struct claimed {
    struct outbox_id id;
    char *data; /* owned */
    size_t len;
};

struct take {
    size_t max, each; /* of one kind of one shard */
    struct candidate *candidates;
    size_t candidate_count;
    struct claimed *claimed;
    size_t claimed_count;
    size_t answered; /* children that were not in vain */
    enum store_status status;
};

static void take_free(void *extra)
{
    struct take *t = extra;
    for (size_t i = 0; i < t->claimed_count; i++)
        mem_free(t->claimed[i].data);
    mem_free(t->claimed);
    mem_free(t->candidates);
    mem_free(t);
}

/* ---- ids */

static int order(const struct outbox_id *a, const struct outbox_id *b)
{
    if (a->us != b->us)
        return a->us < b->us ? -1 : 1;
    if (a->n != b->n)
        return a->n < b->n ? -1 : 1;
    return (a->shard > b->shard) - (a->shard < b->shard);
}

static bool parse_id(const char *text, unsigned shard, struct outbox_id *out)
{
    char *end;
    *out = (struct outbox_id){.shard = shard, .us = strtoull(text, &end, 10)};
    if (end == text || *end != '-')
        return false;
    out->n = strtoull(end + 1, &end, 10);
    return !*end;
}

static void write_id(const struct outbox_id *id, char out[ID_MAX])
{
    snprintf(out, ID_MAX, "%llu-%llu", (unsigned long long)id->us, (unsigned long long)id->n);
}

/* ---- children */

static struct store_op *child_new(struct store_op *parent, const char *function, op_answer_fn answer)
{
    struct store_op *op = op_new(parent->s, function, NULL, answer, NULL);
    op->parent = parent;
    parent->children++;
    return op;
}

static void child_shard(struct store_op *op, unsigned shard, const char *what)
{
    char key[REDIS_KEY_MAX];
    for (; *what; what++)
        op_key(op, key, redis_key_shard(key, *what, shard));
}

/* The last child may be the one that is being answered: the parent goes when all are in. */
static bool child_gone(struct store_op *op)
{
    return --op->parent->children == 0;
}

/* ---- take: claim */

static int by_age(const void *a, const void *b)
{
    return order(&((const struct claimed *)a)->id, &((const struct claimed *)b)->id);
}

static void take_complete(struct store_op *parent)
{
    struct take *t = parent->extra;
    size_t n = t->claimed_count;
    struct outbox_entry *out = mem_alloc((n + 1) * sizeof(*out));
    char *ids = mem_alloc((n + 1) * ID_MAX);
    if (n)
        qsort(t->claimed, n, sizeof(*t->claimed), by_age);
    for (size_t i = 0; i < n; i++) {
        const struct claimed *c = &t->claimed[i];
        char *id = ids + i * ID_MAX;
        snprintf(id, ID_MAX, "%u:%llu-%llu", c->id.shard, (unsigned long long)c->id.us,
                 (unsigned long long)c->id.n);
        out[i] = (struct outbox_entry){.id = id, .data = c->data, .len = c->len};
    }
    if (!parent->cancelled)
        parent->on.take(parent->ctx, t->status, out, n);
    mem_free(ids);
    mem_free(out);
    op_free(parent);
}

static void on_claimed(struct store_op *op, const struct redisReply *reply)
{
    struct take *t = op->parent->extra;
    size_t n = reply_count(reply) / 2;
    t->claimed = mem_realloc(t->claimed, (t->claimed_count + n + 1) * sizeof(*t->claimed));
    for (size_t i = 0; i < n; i++) {
        struct claimed *c = &t->claimed[t->claimed_count];
        const char *data = reply_text(reply_at(reply, 2 * i + 1), &c->len);
        if (!parse_id(reply_text(reply_at(reply, 2 * i), NULL), (unsigned)op->number, &c->id))
            continue;
        c->data = mem_memdup(data, c->len);
        t->claimed_count++;
    }
    if (op->status)
        t->status = op->status;
    else
        t->answered++;
    if (!child_gone(op))
        return;
    if (t->answered)
        t->status = STORE_OK; /* those of a shard that is away are had another time */
    take_complete(op->parent);
}

/* One shard's part of the candidates, which are sorted by shard. */
static void claim_shard(struct store_op *parent, const struct candidate *first, size_t n)
{
    struct store_op *op = child_new(parent, "outbox_claim", on_claimed);
    size_t own = 0, fresh = 0;
    char id[ID_MAX];
    op->number = first->id.shard;
    child_shard(op, first->id.shard, "od");
    for (size_t i = 0; i < n; i++) {
        own += first[i].kind == 'o';
        fresh += first[i].kind == 'n';
    }
    op_arg_str(op, parent->s->node);
    op_arg_u64(op, REDIS_CLAIM_MS);
    op_arg_u64(op, own);
    op_arg_u64(op, fresh);
    for (size_t i = 0; i < n; i++) {
        if (first[i].kind == 's') {
            write_id(&first[i].id, id);
            op_arg_str(op, id);
        }
    }
    op_submit(op);
}

/* ---- take: choose */

static int by_id(const void *a, const void *b)
{
    return order(&((const struct candidate *)a)->id, &((const struct candidate *)b)->id);
}

static int by_shard(const void *a, const void *b)
{
    const struct candidate *x = a, *y = b;
    return (x->id.shard > y->id.shard) - (x->id.shard < y->id.shard);
}

/* The candidates of one kind of one shard come one after the other, so many at most: the last of a full run
 * is as far as one can see. */
static struct outbox_id horizon(const struct take *t)
{
    struct outbox_id seen = {.us = UINT64_MAX, .n = UINT64_MAX, .shard = UINT32_MAX};
    size_t run = 0;
    for (size_t i = 0; i < t->candidate_count; i++) {
        const struct candidate *c = &t->candidates[i];
        bool same = i && c->kind == c[-1].kind && c->id.shard == c[-1].id.shard;
        run = same ? run + 1 : 1;
        if (run == t->each && order(&c->id, &seen) < 0)
            seen = c->id;
    }
    return seen;
}

static size_t choose(struct take *t)
{
    struct outbox_id last = horizon(t);
    uint64_t bytes = 0;
    size_t n = 0;
    if (!t->candidate_count)
        return 0;
    qsort(t->candidates, t->candidate_count, sizeof(*t->candidates), by_id);
    for (; n < t->candidate_count && n < t->max; n++) {
        bytes += t->candidates[n].size;
        if (order(&t->candidates[n].id, &last) > 0 || (n && bytes > TAKE_BYTES))
            break;
    }
    qsort(t->candidates, n, sizeof(*t->candidates), by_shard);
    return n;
}

static void claim(struct store_op *parent)
{
    struct take *t = parent->extra;
    size_t n = parent->cancelled ? 0 : choose(t); /* nobody would acknowledge what is taken */
    t->answered = 0;
    if (!n) {
        take_complete(parent);
        return;
    }
    parent->children++; /* none is the last while they are sent */
    for (size_t i = 0, next; i < n; i = next) {
        for (next = i + 1; next < n && t->candidates[next].id.shard == t->candidates[i].id.shard;)
            next++;
        claim_shard(parent, &t->candidates[i], next - i);
    }
    parent->children--;
}

/* ---- take: peek */

static void on_peeked(struct store_op *op, const struct redisReply *reply)
{
    struct take *t = op->parent->extra;
    size_t n = reply_count(reply) / 4;
    t->candidates = mem_realloc(t->candidates, (t->candidate_count + n + 1) * sizeof(*t->candidates));
    for (size_t i = 0; i < n; i++) {
        struct candidate *c = &t->candidates[t->candidate_count];
        uint64_t shard = op->number + reply_u64(reply_at(reply, 4 * i));
        c->kind = *reply_text(reply_at(reply, 4 * i + 1), NULL);
        c->size = reply_u64(reply_at(reply, 4 * i + 3));
        if (shard < REDIS_SHARDS &&
            parse_id(reply_text(reply_at(reply, 4 * i + 2), NULL), (unsigned)shard, &c->id))
            t->candidate_count++;
    }
    if (op->status)
        t->status = op->status;
    else
        t->answered++;
    if (!child_gone(op))
        return;
    if (t->answered)
        t->status = STORE_OK;
    claim(op->parent);
}

static void peek(struct store_op *parent, unsigned first, unsigned count)
{
    const struct take *t = parent->extra;
    struct store_op *op = child_new(parent, "outbox_peek", on_peeked);
    op->number = first;
    for (unsigned i = 0; i < count; i++)
        child_shard(op, first + i, "od");
    op_arg_str(op, parent->s->node);
    op_arg_u64(op, t->each);
    op_arg_u64(op, REDIS_CLAIM_MS);
    op_submit(op);
}

/* One call for all shards, or in a cluster one for each. */
static unsigned shards_at_once(struct redis_store *s)
{
    return server_single(s) ? REDIS_SHARDS : 1;
}

static struct store_op *call_take(struct session_store *base, size_t max, outbox_take_fn done, void *ctx)
{
    struct redis_store *s = redis_self(base);
    struct store_op *op = op_new(s, NULL, NULL, NULL, ctx);
    struct take *t = mem_alloc(sizeof(*t));
    unsigned step = shards_at_once(s);
    t->max = max;
    t->each = max / (REDIS_SHARDS / 2) + 4;
    op->extra = t;
    op->release = take_free;
    op->on.take = done;
    list_add_tail(&s->parents, &op->link);
    for (unsigned i = 0; i < REDIS_SHARDS; i += step)
        peek(op, i, step);
    return op;
}

/* ---- ack */

static void on_acked(struct store_op *op, const struct redisReply *reply)
{
    struct store_op *parent = op->parent;
    if (op->status)
        parent->status = op->status;
    else if (op_code(reply))
        parent->status = op_code(reply);
    if (!child_gone(op))
        return;
    if (!parent->cancelled)
        parent->on.done(parent->ctx, parent->status);
    op_free(parent);
}

static void on_none(struct store_op *op, const struct redisReply *reply)
{
    (void)reply;
    if (!op->cancelled)
        op->on.done(op->ctx, op->status);
}

static struct store_op *call_ack(struct session_store *base, const char *const *ids, size_t n,
                                 store_done_fn done, void *ctx)
{
    struct redis_store *s = redis_self(base);
    struct store_op *parent = op_new(s, NULL, NULL, on_none, ctx), *of[REDIS_SHARDS] = {0};
    parent->on.done = done;
    for (size_t i = 0; i < n; i++) {
        char *colon;
        unsigned long shard = strtoul(ids[i], &colon, 10);
        struct outbox_id id;
        if (*colon != ':' || shard >= REDIS_SHARDS || !parse_id(colon + 1, (unsigned)shard, &id))
            continue;
        if (!of[shard]) {
            of[shard] = child_new(parent, "outbox_ack", on_acked);
            child_shard(of[shard], (unsigned)shard, "od");
        }
        op_arg_str(of[shard], colon + 1);
    }
    if (!parent->children) {
        op_defer(parent, STORE_OK);
        return parent;
    }
    list_add_tail(&s->parents, &parent->link);
    for (unsigned i = 0; i < REDIS_SHARDS; i++)
        if (of[i])
            op_submit(of[i]);
    return parent;
}

/* ---- consumers that are gone */

static void on_swept(struct store_op *op, const struct redisReply *reply)
{
    (void)op, (void)reply; /* another time */
}

void outbox_sweep(struct redis_store *s, const struct server *server)
{
    unsigned step = shards_at_once(s);
    for (unsigned i = 0; i < REDIS_SHARDS; i += step) {
        if (server_of(s, redis_shard_slot(i)) != server)
            continue;
        struct store_op *op = op_new(s, "outbox_sweep", NULL, on_swept, NULL);
        for (unsigned k = 0; k < step; k++)
            child_shard(op, i + k, "o");
        op_arg_u64(op, SWEEP_MS);
        op_submit(op);
    }
}

const struct outbox_ops *session_redis_outbox(void)
{
    static const struct outbox_ops ops = {.take = call_take,
                                          .ack = call_ack,
                                          .prompt = prompt_add,
                                          .answered = prompt_answered,
                                          .newest = prompt_newest,
                                          .chat = prompt_chat,
                                          .forget = prompt_forget};
    return &ops;
}
