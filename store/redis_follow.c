/* redis_follow: the logs that this node follows.
 *
 *     follow ──> Redis: our channel beside the log's end, for 30 s; renewed every 10
 *     append of another node ──PUBLISH──> message: the records themselves ──> kept here, on_grown
 *     read ──> answered from what is kept, where it reaches back far enough; else by Redis
 *
 * What a message brought is in most cases just what is read next, so a follower costs Redis one PUBLISH an
 * append and no read. A message that was lost (the subscriber was away) is found by the renewal, whose answer
 * says where the log ends. */
#include <string.h>

#include "base/mem.h"
#include "store/redis.h"

#define TTL_MS 30000
#define RENEW_MS 10000
#define SOON_MS 1000
#define KEPT_BYTES (128 << 10)

struct follow {
    struct table_node node;
    uint64_t due_ms; /* when to renew */
    uint64_t seen;   /* the seq last told or read */
    bool fresh;      /* what the next answer says is not new */
    /* Records kept: first .. first + count - 1, each a size_t and so many bytes. */
    struct buf kept;
    uint64_t first, count;
};

static struct follow *find(struct redis_store *s, const char *owner, const struct uuid *gen)
{
    struct table_node *node = table_find(&s->hearing.follows, owner, gen);
    return node ? table_entry(node, struct follow, node) : NULL;
}

static void tell(struct redis_store *s, const char *owner, const struct uuid *gen, uint64_t seq)
{
    char copy[OWNER_MAX + 1]; /* on_grown may unfollow */
    strcpy(copy, owner);
    if (s->events.on_grown)
        s->events.on_grown(s->events.ctx, &(struct gen_key){.owner = copy, .gen = *gen}, seq);
}

/* ---- registering */

static void on_registered(struct store_op *op, const struct redisReply *reply)
{
    struct follow *f = find(op->s, op->owner, &op->id);
    if (!f)
        return;
    int64_t seq = op->status == STORE_OK ? reply_int(reply) : -1;
    bool fresh = f->fresh, news = seq >= 0 && (uint64_t)seq != f->seen;
    f->due_ms = link_now_ms() + (seq < 0 ? SOON_MS : RENEW_MS);
    f->fresh = false;
    if (fresh && news && (uint64_t)seq > f->seen)
        f->seen = (uint64_t)seq;
    if (fresh || !news)
        return;
    f->seen = (uint64_t)seq;
    tell(op->s, op->owner, &op->id, f->seen);
}

static void send(struct redis_store *s, const char *function, const char *owner, const struct uuid *gen,
                 op_answer_fn answer)
{
    const struct gen_key key = {.owner = owner, .gen = *gen};
    struct store_op *op = op_new(s, function, owner, answer, NULL);
    op->id = *gen;
    op_keys(op, "s", &key);
    op_arg(op, s->hearing.channel, s->hearing.channel_len);
    op_arg_u64(op, TTL_MS);
    op_submit(op);
}

void hearing_follow(struct session_store *base, const struct gen_key *key)
{
    struct redis_store *s = redis_self(base);
    if (strlen(key->owner) > OWNER_MAX || find(s, key->owner, &key->gen))
        return;
    struct follow *f = mem_alloc(sizeof(*f));
    table_add(&s->hearing.follows, &f->node, key->owner, &key->gen);
    if (s->hearing.link.state != LINK_READY)
        return; /* it would not be heard: when it is, all are registered */
    f->fresh = true;
    f->due_ms = UINT64_MAX;
    send(s, "follow", key->owner, &key->gen, on_registered);
}

static void on_unregistered(struct store_op *op, const struct redisReply *reply)
{
    (void)op, (void)reply; /* if it was lost, the registration ends by itself */
}

static void drop(struct redis_store *s, struct follow *f)
{
    table_remove(&s->hearing.follows, &f->node);
    buf_free(&f->kept);
    mem_free(f);
}

void hearing_unfollow(struct session_store *base, const struct gen_key *key)
{
    struct redis_store *s = redis_self(base);
    struct follow *f = find(s, key->owner, &key->gen);
    if (!f)
        return;
    drop(s, f);
    send(s, "unfollow", key->owner, &key->gen, on_unregistered);
}

static void visit_due(void *ctx, struct table_node *node)
{
    struct redis_store *s = ctx;
    struct follow *f = table_entry(node, struct follow, node);
    if (link_now_ms() < f->due_ms)
        return;
    f->due_ms = UINT64_MAX;
    send(s, "follow", node->owner, &node->id, on_registered);
}

void follows_renew(struct redis_store *s)
{
    table_sweep(&s->hearing.follows, s->hearing.follows.cap, visit_due, s);
}

static void visit_again(void *ctx, struct table_node *node)
{
    struct follow *f = table_entry(node, struct follow, node);
    (void)ctx;
    f->due_ms = 0;
    f->fresh = false;
    f->count = f->kept.len = 0; /* what came meanwhile is missing between */
}

void follows_again(struct redis_store *s)
{
    table_sweep(&s->hearing.follows, s->hearing.follows.cap, visit_again, NULL);
    follows_renew(s);
}

static void visit_drop(void *ctx, struct table_node *node)
{
    drop(ctx, table_entry(node, struct follow, node));
}

void follows_close(struct redis_store *s)
{
    table_sweep(&s->hearing.follows, s->hearing.follows.cap, visit_drop, s);
    table_free(&s->hearing.follows);
}

/* ---- what messages brought */

static void keep(struct follow *f, const struct redis_growth *g)
{
    uint64_t first = g->seq - g->count + 1;
    if (first != f->first + f->count || f->kept.len > KEPT_BYTES)
        f->count = f->kept.len = 0;
    if (!f->count)
        f->first = first;
    for (size_t i = 0; i < g->count; i++) {
        buf_add(&f->kept, &g->records[i].len, sizeof(g->records[i].len));
        buf_add(&f->kept, g->records[i].text, g->records[i].len);
    }
    f->count += g->count;
}

void follow_grown(struct redis_store *s, const struct redis_growth *g)
{
    struct follow *f = find(s, g->owner, &g->gen);
    if (!f)
        return;
    f->seen = g->seq;
    keep(f, g);
    tell(s, g->owner, &g->gen, g->seq);
}

/* The reader has what is up to `after`. */
static void forget(struct follow *f, uint64_t after)
{
    size_t at = 0, len;
    for (; f->count && f->first <= after; f->first++, f->count--) {
        memcpy(&len, f->kept.data + at, sizeof(len));
        at += sizeof(len) + len;
    }
    buf_drop(&f->kept, at);
}

static size_t data_len(const char *text, size_t len)
{
    struct log_record r;
    return redis_record_parse(text, len, &r) ? r.len : 0;
}

uint64_t follow_read(struct redis_store *s, const struct gen_key *key, uint64_t after, size_t max_bytes,
                     struct buf *out)
{
    struct follow *f = s->hearing.follows.count ? find(s, key->owner, &key->gen) : NULL;
    size_t len, bytes = 0;
    if (!f || !f->count || after + 1 < f->first)
        return 0;
    forget(f, after);
    if (!f->count || s->hearing.link.state != LINK_READY)
        return 0;
    for (size_t at = 0; at < f->kept.len; at += sizeof(len) + len) {
        memcpy(&len, f->kept.data + at, sizeof(len));
        bytes += data_len(f->kept.data + at + sizeof(len), len);
        if (at && bytes > max_bytes)
            break;
        buf_add(out, f->kept.data + at, sizeof(len) + len);
    }
    return f->first;
}

void follow_has_read(struct redis_store *s, const char *owner, const struct uuid *gen, uint64_t seq)
{
    struct follow *f = s->hearing.follows.count ? find(s, owner, gen) : NULL;
    if (f && seq > f->seen)
        f->seen = seq;
}
