/* memory_op: the calls of the session store on memory. Each copies its arguments into an op, queues it and
 * wakes the node; memory_ops_run performs the queue and completes. A cancelled op is still performed (as one
 * sent to a server would be), but completes nothing. */
#include "store/memory.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"

struct store_op *memory_op_new(struct session_store *base, enum memory_op_kind kind, const char *owner,
                               const struct uuid *id, void *ctx)
{
    struct memory_store *s = (struct memory_store *)base;
    struct store_op *op = mem_alloc(sizeof(*op));
    mem_born(MEM_STORE_OP);
    op->kind = kind;
    op->ctx = ctx;
    if (owner && strlen(owner) > OWNER_MAX)
        op->refused = STORE_NOT_FOUND; /* no such owner can be */
    else if (owner)
        strcpy(op->owner, owner);
    if (id)
        op->id = *id;
    if (s->op_count >= s->memory->limits.ops)
        op->refused = STORE_FULL;
    s->op_count++;
    list_add_tail(&s->ops, &op->link);
    memory_wake(s);
    return op;
}

static void op_free(struct memory_store *s, struct store_op *op)
{
    list_del(&op->link);
    s->op_count--;
    for (size_t i = 0; i < op->record_count; i++)
        mem_free((char *)op->records[i].data);
    mem_free(op->records);
    mem_free(op->bytes);
    mem_free(op);
    mem_died(MEM_STORE_OP);
}

static struct store_op *op_touch(struct session_store *s, const char *owner, const struct uuid *session,
                                 uint64_t ttl_ms, store_touch_fn done, void *ctx)
{
    struct store_op *op = memory_op_new(s, OP_TOUCH, owner, session, ctx);
    op->ms = ttl_ms;
    op->on.touch = done;
    return op;
}

static struct store_op *op_acquire(struct session_store *s, const struct gen_key *key,
                                   const struct uuid *chat, uint64_t lease_ms, store_lease_fn done, void *ctx)
{
    struct store_op *op = memory_op_new(s, OP_ACQUIRE, key->owner, &key->gen, ctx);
    op->chat = *chat;
    op->ms = lease_ms;
    op->on.lease = done;
    return op;
}

static struct store_op *op_renew(struct session_store *s, const struct gen_key *key, uint64_t epoch,
                                 uint64_t lease_ms, store_done_fn done, void *ctx)
{
    struct store_op *op = memory_op_new(s, OP_RENEW, key->owner, &key->gen, ctx);
    op->epoch = epoch;
    op->ms = lease_ms;
    op->on.done = done;
    return op;
}

static struct store_op *op_reclaim(struct session_store *s, const struct gen_key *key,
                                   const struct uuid *chat, uint64_t epoch, uint64_t lease_ms,
                                   store_lease_fn done, void *ctx)
{
    struct store_op *op = op_acquire(s, key, chat, lease_ms, done, ctx);
    op->kind = OP_RECLAIM;
    op->epoch = epoch;
    return op;
}

static struct store_op *op_append_many(struct session_store *s, const struct gen_key *key,
                                       const struct log_record *records, size_t n, store_done_fn done,
                                       void *ctx)
{
    struct store_op *op = memory_op_new(s, OP_APPEND, key->owner, &key->gen, ctx);
    op->records = (struct log_record *)mem_memdup(records, n * sizeof(*records));
    op->record_count = n;
    for (size_t i = 0; i < n; i++)
        op->records[i].data = mem_memdup(records[i].data, records[i].len);
    op->on.done = done;
    return op;
}

static struct store_op *op_append(struct session_store *s, const struct gen_key *key,
                                  const struct log_record *record, store_done_fn done, void *ctx)
{
    return op_append_many(s, key, record, 1, done, ctx);
}

static struct store_op *op_finish(struct session_store *s, const struct gen_key *key,
                                  const struct log_record *record, const void *entry, size_t entry_len,
                                  uint64_t keep_ms, store_done_fn done, void *ctx)
{
    struct store_op *op = op_append(s, key, record, done, ctx);
    op->kind = OP_FINISH;
    op->bytes = mem_memdup(entry, entry_len);
    op->bytes_len = entry_len;
    op->ms = keep_ms;
    return op;
}

static struct store_op *op_read(struct session_store *s, const struct gen_key *key, uint64_t after,
                                size_t max_bytes, store_read_fn done, void *ctx)
{
    struct store_op *op = memory_op_new(s, OP_READ, key->owner, &key->gen, ctx);
    op->after = after;
    op->max = max_bytes;
    op->on.read = done;
    return op;
}

static struct store_op *op_followed(struct session_store *s, const struct gen_key *key, store_touch_fn done,
                                    void *ctx)
{
    struct store_op *op = memory_op_new(s, OP_FOLLOWED, key->owner, &key->gen, ctx);
    op->on.touch = done;
    return op;
}

static struct store_op *op_lapsed(struct session_store *s, size_t max, store_lapsed_fn done, void *ctx)
{
    struct store_op *op = memory_op_new(s, OP_LAPSED, NULL, NULL, ctx);
    op->max = max;
    op->on.lapsed = done;
    return op;
}

static struct store_op *op_cancel_generation(struct session_store *s, const struct gen_key *key,
                                             store_done_fn done, void *ctx)
{
    struct store_op *op = memory_op_new(s, OP_CANCEL, key->owner, &key->gen, ctx);
    op->on.done = done;
    return op;
}

static struct store_op *op_active(struct session_store *s, const char *owner, store_active_fn done, void *ctx)
{
    struct store_op *op = memory_op_new(s, OP_ACTIVE, owner, NULL, ctx);
    op->on.active = done;
    return op;
}

static void op_publish(struct session_store *s, const char *owner, const struct active_entry *entry)
{
    struct store_op *op = memory_op_new(s, OP_PUBLISH, owner, &entry->gen, NULL);
    op->chat = entry->chat;
    op->after = entry->off;
    snprintf(op->state, sizeof(op->state), "%s", entry->state);
}

/* Every node of one process is told of everything, so there is nothing to remember. */
static void ignore_watch(struct session_store *s, const char *owner)
{
    (void)s, (void)owner;
}

static bool always(struct session_store *s)
{
    (void)s;
    return true;
}

static void op_cancel(struct session_store *s, struct store_op *op)
{
    (void)s;
    if (op)
        op->cancelled = true;
}

static void complete(const struct store_op *op, enum store_status status)
{
    if (!op->cancelled)
        op->on.done(op->ctx, status);
}

/* Answers without performing. */
static void refuse(const struct store_op *op)
{
    if (op->cancelled)
        return;
    switch (op->kind) {
    case OP_TOUCH:
    case OP_FOLLOWED:
        op->on.touch(op->ctx, op->refused, false);
        break;
    case OP_ACQUIRE:
    case OP_RECLAIM:
        op->on.lease(op->ctx, &(struct lease_result){.status = op->refused});
        break;
    case OP_READ:
        op->on.read(op->ctx, op->refused, NULL, 0);
        break;
    case OP_ACTIVE:
        op->on.active(op->ctx, op->refused, NULL, 0);
        break;
    case OP_TAKE:
        op->on.take(op->ctx, op->refused, NULL, 0);
        break;
    case OP_LAPSED:
        op->on.lapsed(op->ctx, op->refused, NULL, 0);
        break;
    case OP_CHAT:
        op->on.chat(op->ctx, op->refused, &(struct uuid){{0}}, NULL, 0);
        break;
    case OP_PUBLISH:
    case OP_ANSWERED:
    case OP_NEWEST:
        break;
    case OP_PROMPT:
    case OP_FORGET:
    case OP_RENEW:
    case OP_APPEND:
    case OP_FINISH:
    case OP_CANCEL:
    case OP_ACK:
        op->on.done(op->ctx, op->refused);
        break;
    }
}

static void perform_touch(struct memory_store *s, const struct store_op *op)
{
    bool existed;
    enum store_status status = memory_touch(s, op, &existed);
    if (!op->cancelled)
        op->on.touch(op->ctx, status, existed);
}

static void perform_acquire(struct memory_store *s, const struct store_op *op)
{
    struct lease_result result;
    if (op->kind == OP_ACQUIRE)
        memory_acquire(s, op, &result);
    else
        memory_reclaim(s, op, &result);
    if (!op->cancelled)
        op->on.lease(op->ctx, &result);
}

static void perform_prompt(struct memory_store *s, const struct store_op *op)
{
    if (op->kind == OP_PROMPT) {
        complete(op, memory_prompt(s, op));
    } else if (op->kind == OP_ANSWERED) {
        memory_answered(s, op);
    } else if (op->kind == OP_NEWEST) {
        memory_newest(s, op);
    } else if (op->kind == OP_CHAT) {
        memory_chat_read(s, op);
    } else {
        memory_forget(s, op);
        complete(op, STORE_OK);
    }
}

static void perform(struct memory_store *s, const struct store_op *op)
{
    switch (op->kind) {
    case OP_TOUCH:
        perform_touch(s, op);
        break;
    case OP_ACQUIRE:
    case OP_RECLAIM:
        perform_acquire(s, op);
        break;
    case OP_RENEW:
        complete(op, memory_renew(s, op));
        break;
    case OP_APPEND:
        complete(op, memory_append(s, op));
        break;
    case OP_FINISH:
        complete(op, memory_finish(s, op));
        break;
    case OP_READ:
        memory_read(s, op);
        break;
    case OP_FOLLOWED:
        if (!op->cancelled)
            op->on.touch(op->ctx, STORE_OK, memory_followed(s, op));
        break;
    case OP_LAPSED:
        memory_lapsed(s, op);
        break;
    case OP_CANCEL:
        memory_cancel(s, op);
        complete(op, STORE_OK);
        break;
    case OP_ACTIVE:
        memory_active(s, op);
        break;
    case OP_PUBLISH:
        memory_publish(s, op);
        break;
    case OP_TAKE:
        memory_outbox_take(s, op);
        break;
    case OP_ACK:
        memory_outbox_ack(s, op);
        complete(op, STORE_OK);
        break;
    default:
        perform_prompt(s, op);
    }
}

void memory_ops_run(struct memory_store *s)
{
    /* Only what waits now: completions may queue more. */
    for (size_t n = s->op_count; n; n--) {
        struct store_op *op = list_entry(list_first(&s->ops), struct store_op, link);
        if (op->refused)
            refuse(op);
        else
            perform(s, op);
        op_free(s, op);
    }
}

void memory_ops_drop(struct memory_store *s)
{
    while (!list_empty(&s->ops))
        op_free(s, list_entry(list_first(&s->ops), struct store_op, link));
}

const struct session_store_ops memory_ops = {
    .touch = op_touch,
    .acquire = op_acquire,
    .reclaim = op_reclaim,
    .renew = op_renew,
    .append = op_append,
    .append_many = op_append_many,
    .finish = op_finish,
    .read = op_read,
    .follow = memory_follow,
    .unfollow = memory_unfollow,
    .followed = op_followed,
    .lapsed = op_lapsed,
    .cancel_generation = op_cancel_generation,
    .active = op_active,
    .publish = op_publish,
    .watch = ignore_watch,
    .unwatch = ignore_watch,
    .healthy = always,
    .cancel_op = op_cancel,
    .turn = memory_turn,
    .close = memory_close,
};
