/* memory_chat: the calls of the outbox of the session store on memory, and the prompts that history could not
 * be told: each an entry of the outbox, and a turn of its chat until it is forgotten. */
#include <string.h>

#include "base/mem.h"
#include "store/memory.h"

#define KEEP_MS ((uint64_t)30 * 24 * 3600 * 1000) /* turns that history has not got */

struct memory_turn {
    struct list link;
    struct uuid gen;
    char *entry, *text; /* owned; text NULL: not answered yet */
    size_t len, text_len;
};

struct memory_chat {
    struct table_node node;
    struct uuid newest;
    struct list turns; /* memory_turn.link, in order */
    uint64_t expires_ms;
};

static void turn_drop(struct memory_turn *t)
{
    list_del(&t->link);
    mem_free(t->entry);
    mem_free(t->text);
    mem_free(t);
}

static void chat_drop(struct session_memory *m, struct memory_chat *c)
{
    while (!list_empty(&c->turns))
        turn_drop(list_entry(list_first(&c->turns), struct memory_turn, link));
    table_remove(&m->chats, &c->node);
    mem_free(c);
}

static struct memory_chat *chat_find(struct session_memory *m, const struct store_op *op)
{
    struct table_node *node = table_find(&m->chats, op->owner, &op->chat);
    struct memory_chat *c = node ? table_entry(node, struct memory_chat, node) : NULL;
    if (!c || c->expires_ms > m->now_ms)
        return c;
    chat_drop(m, c);
    return NULL;
}

static struct memory_turn *turn_find(const struct memory_chat *c, const struct uuid *gen)
{
    if (c)
        list_each (pos, &c->turns) {
            struct memory_turn *t = list_entry(pos, struct memory_turn, link);
            if (uuid_equal(&t->gen, gen))
                return t;
        }
    return NULL;
}

/* Made if need be, and kept for so long at least. */
static struct memory_chat *chat_keep(struct session_memory *m, const struct store_op *op, uint64_t ms)
{
    struct memory_chat *c = chat_find(m, op);
    if (!c) {
        c = mem_alloc(sizeof *c);
        list_init(&c->turns);
        table_add(&m->chats, &c->node, op->owner, &op->chat);
    }
    if (c->expires_ms < memory_after(m, ms))
        c->expires_ms = memory_after(m, ms);
    return c;
}

enum store_status memory_prompt(struct memory_store *s, const struct store_op *op)
{
    struct session_memory *m = s->memory;
    struct memory_turn *t = turn_find(chat_find(m, op), &op->id);
    if (t)
        return t->len == op->bytes_len && memcmp(t->entry, op->bytes, t->len) == 0 ? STORE_OK : STORE_EXISTS;
    enum store_status status = memory_outbox_add(s, op->bytes, op->bytes_len);
    if (status != STORE_OK)
        return status;
    struct memory_chat *c = chat_keep(m, op, KEEP_MS);
    c->newest = op->newest;
    t = mem_alloc(sizeof *t);
    t->gen = op->id;
    t->entry = mem_memdup(op->bytes, op->bytes_len);
    t->len = op->bytes_len;
    list_add_tail(&c->turns, &t->link);
    return STORE_OK;
}

void memory_answered(struct memory_store *s, const struct store_op *op)
{
    struct memory_turn *t = turn_find(chat_find(s->memory, op), &op->id);
    if (!t)
        return;
    mem_free(t->text);
    t->text = mem_memdup(op->bytes, op->bytes_len);
    t->text_len = op->bytes_len;
}

void memory_newest(struct memory_store *s, const struct store_op *op)
{
    chat_keep(s->memory, op, op->ms)->newest = op->newest;
}

void memory_chat_read(struct memory_store *s, const struct store_op *op)
{
    const struct memory_chat *c = chat_find(s->memory, op);
    struct uuid newest = {{0}};
    size_t n = 0, most = 1;
    if (op->cancelled)
        return;
    if (c)
        list_each (pos, &c->turns)
            most++;
    struct outbox_turn *turns = mem_alloc(most * sizeof *turns);
    if (c) {
        newest = c->newest;
        list_each (pos, &c->turns) {
            const struct memory_turn *t = list_entry(pos, struct memory_turn, link);
            turns[n++] = (struct outbox_turn){.gen = t->gen,
                                              .entry = t->entry,
                                              .len = t->len,
                                              .ended = t->text != NULL,
                                              .text = t->text,
                                              .text_len = t->text_len};
        }
    }
    op->on.chat(op->ctx, STORE_OK, &newest, turns, n);
    mem_free(turns);
}

void memory_forget(struct memory_store *s, const struct store_op *op)
{
    struct memory_turn *t = turn_find(chat_find(s->memory, op), &op->id);
    if (t)
        turn_drop(t);
}

static void sweep_one(void *ctx, struct table_node *node)
{
    struct session_memory *m = ctx;
    struct memory_chat *c = table_entry(node, struct memory_chat, node);
    if (c->expires_ms <= m->now_ms)
        chat_drop(m, c);
}

static void free_one(void *ctx, struct table_node *node)
{
    chat_drop(ctx, table_entry(node, struct memory_chat, node));
}

void memory_chat_sweep(struct session_memory *m, size_t buckets)
{
    table_sweep(&m->chats, buckets, sweep_one, m);
}

void memory_chat_free(struct session_memory *m)
{
    table_sweep(&m->chats, m->chats.cap, free_one, m);
}

/* ---- the calls */

static struct store_op *op_take(struct session_store *s, size_t max, outbox_take_fn done, void *ctx)
{
    struct store_op *op = memory_op_new(s, OP_TAKE, NULL, NULL, ctx);
    op->max = max;
    op->on.take = done;
    return op;
}

static struct store_op *op_ack(struct session_store *s, const char *const *ids, size_t n, store_done_fn done,
                               void *ctx)
{
    struct store_op *op = memory_op_new(s, OP_ACK, NULL, NULL, ctx);
    struct buf all = {0};
    for (size_t i = 0; i < n; i++)
        buf_add(&all, ids[i], strlen(ids[i]) + 1);
    op->bytes = all.data;
    op->bytes_len = all.len;
    op->on.done = done;
    return op;
}

static struct store_op *op_prompt(struct session_store *s, const struct gen_key *key, const struct uuid *chat,
                                  const struct uuid *newest, const void *entry, size_t len,
                                  store_done_fn done, void *ctx)
{
    struct store_op *op = memory_op_new(s, OP_PROMPT, key->owner, &key->gen, ctx);
    op->chat = *chat;
    op->newest = *newest;
    op->bytes = mem_memdup(entry, len);
    op->bytes_len = len;
    op->on.done = done;
    return op;
}

static void op_answered(struct session_store *s, const struct gen_key *key, const struct uuid *chat,
                        const void *text, size_t len)
{
    struct store_op *op = memory_op_new(s, OP_ANSWERED, key->owner, &key->gen, NULL);
    op->chat = *chat;
    op->bytes = mem_memdup(text, len);
    op->bytes_len = len;
}

static void op_newest(struct session_store *s, const char *owner, const struct uuid *chat,
                      const struct uuid *message, uint64_t keep_ms)
{
    struct store_op *op = memory_op_new(s, OP_NEWEST, owner, NULL, NULL);
    op->chat = *chat;
    op->newest = *message;
    op->ms = keep_ms;
}

static struct store_op *op_chat(struct session_store *s, const char *owner, const struct uuid *chat,
                                outbox_chat_fn done, void *ctx)
{
    struct store_op *op = memory_op_new(s, OP_CHAT, owner, NULL, ctx);
    op->chat = *chat;
    op->on.chat = done;
    return op;
}

static struct store_op *op_forget(struct session_store *s, const struct gen_key *key, const struct uuid *chat,
                                  store_done_fn done, void *ctx)
{
    struct store_op *op = memory_op_new(s, OP_FORGET, key->owner, &key->gen, ctx);
    op->chat = *chat;
    op->on.done = done;
    return op;
}

const struct outbox_ops *session_memory_outbox(void)
{
    static const struct outbox_ops ops = {.take = op_take,
                                          .ack = op_ack,
                                          .prompt = op_prompt,
                                          .answered = op_answered,
                                          .newest = op_newest,
                                          .chat = op_chat,
                                          .forget = op_forget};
    return &ops;
}
