#include "fixture_flaky.h"

#include "base/list.h"
#include "base/mem.h"

struct flaky_store {
    struct session_store base; /* first */
    struct session_store *real;
    struct session_store_events events;
    struct list ops;
    enum flaky how;
};

/* A call that will be answered UNAVAILABLE. */
struct flaky_op {
    struct list link;
    enum {
        FLAKY_DONE,
        FLAKY_TOUCH,
        FLAKY_LEASE,
        FLAKY_READ,
        FLAKY_ACTIVE,
        FLAKY_TAKE,
        FLAKY_LAPSED,
        FLAKY_CHAT
    } kind;
    union {
        store_done_fn done;
        store_touch_fn touch;
        store_lease_fn lease;
        store_read_fn read;
        store_active_fn active;
        outbox_take_fn take;
        store_lapsed_fn lapsed;
        outbox_chat_fn chat;
    } on;
    void *ctx;
};

static struct flaky_store *of(struct session_store *s)
{
    return (struct flaky_store *)s;
}

static struct flaky_op *refuse(struct flaky_store *f, int kind, void *ctx)
{
    struct flaky_op *op = mem_alloc(sizeof *op);
    op->kind = (unsigned)kind;
    op->ctx = ctx;
    list_init(&op->link);
    list_add_tail(&f->ops, &op->link);
    return op;
}

static struct store_op *refuse_done(struct flaky_store *f, store_done_fn done, void *ctx)
{
    struct flaky_op *op = refuse(f, FLAKY_DONE, ctx);
    op->on.done = done;
    return (struct store_op *)op;
}

static void lost(void *ctx, enum store_status status)
{
    (void)ctx, (void)status;
}

static struct store_op *f_touch(struct session_store *s, const char *owner, const struct uuid *id,
                                uint64_t ttl, store_touch_fn done, void *ctx)
{
    struct flaky_store *f = of(s);
    if (f->how == FLAKY_NOT)
        return f->real->ops->touch(f->real, owner, id, ttl, done, ctx);
    struct flaky_op *op = refuse(f, FLAKY_TOUCH, ctx);
    op->on.touch = done;
    return (struct store_op *)op;
}

static struct store_op *f_acquire(struct session_store *s, const struct gen_key *key, const struct uuid *chat,
                                  uint64_t ms, store_lease_fn done, void *ctx)
{
    struct flaky_store *f = of(s);
    if (f->how == FLAKY_NOT)
        return f->real->ops->acquire(f->real, key, chat, ms, done, ctx);
    struct flaky_op *op = refuse(f, FLAKY_LEASE, ctx);
    op->on.lease = done;
    return (struct store_op *)op;
}

static struct store_op *f_renew(struct session_store *s, const struct gen_key *key, uint64_t epoch,
                                uint64_t ms, store_done_fn done, void *ctx)
{
    struct flaky_store *f = of(s);
    if (f->how == FLAKY_NOT)
        return f->real->ops->renew(f->real, key, epoch, ms, done, ctx);
    return refuse_done(f, done, ctx);
}

static struct store_op *f_append(struct session_store *s, const struct gen_key *key,
                                 const struct log_record *r, store_done_fn done, void *ctx)
{
    struct flaky_store *f = of(s);
    if (f->how == FLAKY_NOT)
        return f->real->ops->append(f->real, key, r, done, ctx);
    if (f->how == FLAKY_MUTE)
        f->real->ops->append(f->real, key, r, lost, NULL);
    return refuse_done(f, done, ctx);
}

static struct store_op *f_reclaim(struct session_store *s, const struct gen_key *key, const struct uuid *chat,
                                  uint64_t epoch, uint64_t ms, store_lease_fn done, void *ctx)
{
    struct flaky_store *f = of(s);
    if (f->how == FLAKY_NOT)
        return f->real->ops->reclaim(f->real, key, chat, epoch, ms, done, ctx);
    struct flaky_op *op = refuse(f, FLAKY_LEASE, ctx);
    op->on.lease = done;
    return (struct store_op *)op;
}

static struct store_op *f_append_many(struct session_store *s, const struct gen_key *key,
                                      const struct log_record *r, size_t n, store_done_fn done, void *ctx)
{
    struct flaky_store *f = of(s);
    if (f->how == FLAKY_NOT)
        return f->real->ops->append_many(f->real, key, r, n, done, ctx);
    if (f->how == FLAKY_MUTE)
        f->real->ops->append_many(f->real, key, r, n, lost, NULL);
    return refuse_done(f, done, ctx);
}

static void f_watch(struct session_store *s, const char *owner)
{
    of(s)->real->ops->watch(of(s)->real, owner);
}

static void f_unwatch(struct session_store *s, const char *owner)
{
    of(s)->real->ops->unwatch(of(s)->real, owner);
}

static bool f_healthy(struct session_store *s)
{
    return of(s)->how == FLAKY_NOT;
}

static struct store_op *f_finish(struct session_store *s, const struct gen_key *key,
                                 const struct log_record *r, const void *entry, size_t len, uint64_t keep,
                                 store_done_fn done, void *ctx)
{
    struct flaky_store *f = of(s);
    if (f->how == FLAKY_NOT)
        return f->real->ops->finish(f->real, key, r, entry, len, keep, done, ctx);
    if (f->how == FLAKY_MUTE)
        f->real->ops->finish(f->real, key, r, entry, len, keep, lost, NULL);
    return refuse_done(f, done, ctx);
}

static struct store_op *f_read(struct session_store *s, const struct gen_key *key, uint64_t after, size_t max,
                               store_read_fn done, void *ctx)
{
    struct flaky_store *f = of(s);
    if (f->how == FLAKY_NOT)
        return f->real->ops->read(f->real, key, after, max, done, ctx);
    struct flaky_op *op = refuse(f, FLAKY_READ, ctx);
    op->on.read = done;
    return (struct store_op *)op;
}

static void f_follow(struct session_store *s, const struct gen_key *key)
{
    of(s)->real->ops->follow(of(s)->real, key);
}

static void f_unfollow(struct session_store *s, const struct gen_key *key)
{
    of(s)->real->ops->unfollow(of(s)->real, key);
}

static struct store_op *f_followed(struct session_store *s, const struct gen_key *key, store_touch_fn done,
                                   void *ctx)
{
    struct flaky_store *f = of(s);
    if (f->how == FLAKY_NOT)
        return f->real->ops->followed(f->real, key, done, ctx);
    struct flaky_op *op = refuse(f, FLAKY_TOUCH, ctx);
    op->on.touch = done;
    return (struct store_op *)op;
}

static struct store_op *f_lapsed(struct session_store *s, size_t max, store_lapsed_fn done, void *ctx)
{
    struct flaky_store *f = of(s);
    if (f->how == FLAKY_NOT)
        return f->real->ops->lapsed(f->real, max, done, ctx);
    struct flaky_op *op = refuse(f, FLAKY_LAPSED, ctx);
    op->on.lapsed = done;
    return (struct store_op *)op;
}

static struct store_op *f_cancel_generation(struct session_store *s, const struct gen_key *key,
                                            store_done_fn done, void *ctx)
{
    struct flaky_store *f = of(s);
    if (f->how == FLAKY_NOT)
        return f->real->ops->cancel_generation(f->real, key, done, ctx);
    return refuse_done(f, done, ctx);
}

static struct store_op *f_active(struct session_store *s, const char *owner, store_active_fn done, void *ctx)
{
    struct flaky_store *f = of(s);
    if (f->how == FLAKY_NOT)
        return f->real->ops->active(f->real, owner, done, ctx);
    struct flaky_op *op = refuse(f, FLAKY_ACTIVE, ctx);
    op->on.active = done;
    return (struct store_op *)op;
}

static void f_publish(struct session_store *s, const char *owner, const struct active_entry *entry)
{
    struct flaky_store *f = of(s);
    if (f->how != FLAKY_AWAY)
        f->real->ops->publish(f->real, owner, entry);
}

static struct store_op *o_take(struct session_store *s, size_t max, outbox_take_fn done, void *ctx)
{
    struct flaky_store *f = of(s);
    if (f->how == FLAKY_NOT)
        return session_memory_outbox()->take(f->real, max, done, ctx);
    struct flaky_op *op = refuse(f, FLAKY_TAKE, ctx);
    op->on.take = done;
    return (struct store_op *)op;
}

static struct store_op *o_ack(struct session_store *s, const char *const *ids, size_t n, store_done_fn done,
                              void *ctx)
{
    struct flaky_store *f = of(s);
    if (f->how == FLAKY_NOT)
        return session_memory_outbox()->ack(f->real, ids, n, done, ctx);
    return refuse_done(f, done, ctx);
}

static struct store_op *o_prompt(struct session_store *s, const struct gen_key *key, const struct uuid *chat,
                                 const struct uuid *newest, const void *entry, size_t len, store_done_fn done,
                                 void *ctx)
{
    struct flaky_store *f = of(s);
    if (f->how == FLAKY_NOT)
        return session_memory_outbox()->prompt(f->real, key, chat, newest, entry, len, done, ctx);
    if (f->how == FLAKY_MUTE)
        session_memory_outbox()->prompt(f->real, key, chat, newest, entry, len, lost, NULL);
    return refuse_done(f, done, ctx);
}

static void o_answered(struct session_store *s, const struct gen_key *key, const struct uuid *chat,
                       const void *text, size_t len)
{
    if (of(s)->how != FLAKY_AWAY)
        session_memory_outbox()->answered(of(s)->real, key, chat, text, len);
}

static void o_newest(struct session_store *s, const char *owner, const struct uuid *chat,
                     const struct uuid *message, uint64_t keep_ms)
{
    if (of(s)->how != FLAKY_AWAY)
        session_memory_outbox()->newest(of(s)->real, owner, chat, message, keep_ms);
}

static struct store_op *o_chat(struct session_store *s, const char *owner, const struct uuid *chat,
                               outbox_chat_fn done, void *ctx)
{
    struct flaky_store *f = of(s);
    if (f->how == FLAKY_NOT)
        return session_memory_outbox()->chat(f->real, owner, chat, done, ctx);
    struct flaky_op *op = refuse(f, FLAKY_CHAT, ctx);
    op->on.chat = done;
    return (struct store_op *)op;
}

static struct store_op *o_forget(struct session_store *s, const struct gen_key *key, const struct uuid *chat,
                                 store_done_fn done, void *ctx)
{
    struct flaky_store *f = of(s);
    if (f->how == FLAKY_NOT)
        return session_memory_outbox()->forget(f->real, key, chat, done, ctx);
    return refuse_done(f, done, ctx);
}

const struct outbox_ops *flaky_outbox(void)
{
    static const struct outbox_ops ops = {.take = o_take,
                                          .ack = o_ack,
                                          .prompt = o_prompt,
                                          .answered = o_answered,
                                          .newest = o_newest,
                                          .chat = o_chat,
                                          .forget = o_forget};
    return &ops;
}

static void f_cancel_op(struct session_store *s, struct store_op *op)
{
    struct flaky_store *f = of(s);
    list_each_safe (pos, tmp, &f->ops)
        if (list_entry(pos, struct flaky_op, link) == (struct flaky_op *)op) {
            list_del(pos);
            mem_free(op);
            return;
        }
    f->real->ops->cancel_op(f->real, op);
}

static void complete(const struct flaky_op *op)
{
    static const struct lease_result none = {.status = STORE_UNAVAILABLE};
    switch (op->kind) {
    case FLAKY_DONE:
        op->on.done(op->ctx, STORE_UNAVAILABLE);
        break;
    case FLAKY_TOUCH:
        op->on.touch(op->ctx, STORE_UNAVAILABLE, false);
        break;
    case FLAKY_LEASE:
        op->on.lease(op->ctx, &none);
        break;
    case FLAKY_READ:
        op->on.read(op->ctx, STORE_UNAVAILABLE, NULL, 0);
        break;
    case FLAKY_ACTIVE:
        op->on.active(op->ctx, STORE_UNAVAILABLE, NULL, 0);
        break;
    case FLAKY_TAKE:
        op->on.take(op->ctx, STORE_UNAVAILABLE, NULL, 0);
        break;
    case FLAKY_LAPSED:
        op->on.lapsed(op->ctx, STORE_UNAVAILABLE, NULL, 0);
        break;
    case FLAKY_CHAT:
        op->on.chat(op->ctx, STORE_UNAVAILABLE, &(struct uuid){{0}}, NULL, 0);
        break;
    }
}

static void f_turn(struct session_store *s, uint64_t now_ms)
{
    struct flaky_store *f = of(s);
    size_t count = 0;
    list_each (pos, &f->ops)
        count++;
    while (count-- && !list_empty(&f->ops)) {
        struct flaky_op *op = list_entry(list_first(&f->ops), struct flaky_op, link);
        struct flaky_op copy = *op;
        list_del(&op->link);
        mem_free(op);
        complete(&copy);
    }
    f->real->ops->turn(f->real, now_ms);
}

static void f_close(struct session_store *s)
{
    struct flaky_store *f = of(s);
    list_each_safe (pos, tmp, &f->ops)
        mem_free(list_entry(pos, struct flaky_op, link));
    f->real->ops->close(f->real);
    mem_free(f);
}

static void on_cancel(void *ctx, const struct gen_key *key)
{
    struct flaky_store *f = ctx;
    if (f->how == FLAKY_NOT)
        f->events.on_cancel(f->events.ctx, key);
}

static void on_grown(void *ctx, const struct gen_key *key, uint64_t seq)
{
    struct flaky_store *f = ctx;
    if (f->how == FLAKY_NOT)
        f->events.on_grown(f->events.ctx, key, seq);
}

static void on_active(void *ctx, const char *owner, const struct uuid *gen, const struct uuid *chat,
                      const char *state, uint64_t off)
{
    struct flaky_store *f = ctx;
    if (f->how == FLAKY_NOT)
        f->events.on_active(f->events.ctx, owner, gen, chat, state, off);
}

static void on_wake(void *ctx)
{
    (void)ctx;
}

struct session_store *flaky_open(struct session_memory *m, const char *name,
                                 const struct session_store_events *events)
{
    static const struct session_store_ops ops = {.touch = f_touch,
                                                 .acquire = f_acquire,
                                                 .renew = f_renew,
                                                 .reclaim = f_reclaim,
                                                 .append_many = f_append_many,
                                                 .watch = f_watch,
                                                 .unwatch = f_unwatch,
                                                 .healthy = f_healthy,
                                                 .append = f_append,
                                                 .finish = f_finish,
                                                 .read = f_read,
                                                 .follow = f_follow,
                                                 .unfollow = f_unfollow,
                                                 .followed = f_followed,
                                                 .lapsed = f_lapsed,
                                                 .cancel_generation = f_cancel_generation,
                                                 .active = f_active,
                                                 .publish = f_publish,
                                                 .cancel_op = f_cancel_op,
                                                 .turn = f_turn,
                                                 .close = f_close};
    struct flaky_store *f = mem_alloc(sizeof *f);
    struct session_store_events mine = {
        .on_cancel = on_cancel, .on_grown = on_grown, .on_active = on_active, .ctx = f};
    f->base.ops = &ops;
    f->base.shared = true;
    f->events = *events;
    list_init(&f->ops);
    f->real = session_memory_store(m, name, true, &mine, on_wake, NULL);
    return &f->base;
}

void flaky_is(struct session_store *s, enum flaky how)
{
    of(s)->how = how;
}
