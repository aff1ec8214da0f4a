/* redis_prompt: prompts that history could not be told, as calls of functions_outbox.lua.
 *
 *     prompt ──one step──> outbox of the chat's shard (O, D), and turn of the chat (C) ──forget──> gone
 *     chat   ──HGETALL──> newest message, turns, answers
 *
 * They lie where their chat lies, not where their generation does: whoever goes on with the conversation, on
 * whichever gateway, finds all of it in one place. */
#include <string.h>

#include "base/mem.h"
#include "store/redis.h"

#define KEEP_MAX_MS ((uint64_t)10 * 365 * 24 * 3600 * 1000)

static void on_done(struct store_op *op, const struct redisReply *reply)
{
    if (!op->cancelled)
        op->on.done(op->ctx, op->status ? op->status : op_code(reply));
}

static void on_none(struct store_op *op, const struct redisReply *reply)
{
    (void)op, (void)reply; /* it has no completion */
}

static struct store_op *call(struct session_store *s, const char *function, const char *owner,
                             const struct uuid *chat, op_answer_fn answer, void *ctx)
{
    struct store_op *op = op_new(redis_self(s), function, owner, answer, ctx);
    op_keys(op, "c", &(struct gen_key){.owner = owner, .gen = *chat});
    return op;
}

/* ---- prompt */

static void on_prompt(struct store_op *op, const struct redisReply *reply)
{
    uint64_t id = reply_u64(reply_at(reply, 1)); /* its first part */
    if (id > op->s->outbox_last)
        op->s->outbox_last = id;
    on_done(op, reply);
}

struct store_op *prompt_add(struct session_store *s, const struct gen_key *key, const struct uuid *chat,
                            const struct uuid *newest, const void *entry, size_t len, store_done_fn done,
                            void *ctx)
{
    struct redis_store *in = redis_self(s);
    struct store_op *op = call(s, "prompt", key->owner, chat, on_prompt, ctx);
    unsigned shard = redis_shard(&(struct gen_key){.owner = op->owner, .gen = *chat});
    char text[REDIS_KEY_MAX], name[REDIS_NAME_MAX];
    op->on.done = done;
    if (op->status == STORE_OK) {
        op_key(op, text, redis_key_shard(text, 'o', shard));
        op_key(op, text, redis_key_shard(text, 'd', shard));
        op_arg_uuid(op, &key->gen);
        op_arg_uuid(op, newest);
        op_arg(op, entry, len);
        op_arg_u64(op, in->outbox_last);
        op_arg_u64(op, in->outbox_most);
        op_arg(op, name, redis_name(name, key));
    }
    op_submit(op);
    return op;
}

/* ---- what becomes of it */

void prompt_answered(struct session_store *s, const struct gen_key *key, const struct uuid *chat,
                     const void *text, size_t len)
{
    struct store_op *op = call(s, "answered", key->owner, chat, on_none, NULL);
    op_arg_uuid(op, &key->gen);
    op_arg(op, text, len);
    op_submit(op);
}

void prompt_newest(struct session_store *s, const char *owner, const struct uuid *chat,
                   const struct uuid *message, uint64_t keep_ms)
{
    struct store_op *op = call(s, "newest", owner, chat, on_none, NULL);
    op_arg_uuid(op, message);
    op_arg_u64(op, keep_ms < KEEP_MAX_MS ? keep_ms : KEEP_MAX_MS);
    op_submit(op);
}

struct store_op *prompt_forget(struct session_store *s, const struct gen_key *key, const struct uuid *chat,
                               store_done_fn done, void *ctx)
{
    struct store_op *op = call(s, "forget", key->owner, chat, on_done, ctx);
    op->on.done = done;
    op_arg_uuid(op, &key->gen);
    op_submit(op);
    return op;
}

/* ---- chat */

static struct outbox_turn *turn_of(struct outbox_turn *turns, size_t *n, const struct uuid *gen)
{
    for (size_t i = 0; i < *n; i++)
        if (uuid_equal(&turns[i].gen, gen))
            return &turns[i];
    turns[*n].gen = *gen;
    return &turns[(*n)++];
}

/* A field is # the newest message, <gen> an entry, =<gen> an answer. */
static void take_field(const struct redisReply *field, const struct redisReply *value, struct uuid *newest,
                       struct outbox_turn *turns, size_t *n)
{
    struct uuid gen;
    size_t name_len, len;
    const char *name = reply_text(field, &name_len), *data = reply_text(value, &len);
    bool answer = *name == '=';
    if (*name == '#')
        uuid_parse(newest, data, len);
    else if (uuid_parse(&gen, name + answer, name_len - answer)) {
        struct outbox_turn *t = turn_of(turns, n, &gen);
        if (answer)
            t->ended = true, t->text = data, t->text_len = len;
        else
            t->entry = data, t->len = len;
    }
}

static void on_chat(struct store_op *op, const struct redisReply *reply)
{
    size_t fields = reply_count(reply) / 2, n = 0, whole = 0;
    struct outbox_turn *turns = mem_alloc((fields + 1) * sizeof *turns);
    struct uuid newest = {{0}};
    for (size_t i = 0; i < fields; i++)
        take_field(reply_at(reply, 2 * i), reply_at(reply, 2 * i + 1), &newest, turns, &n);
    for (size_t i = 0; i < n; i++)
        if (turns[i].entry) /* an answer alone is none */
            turns[whole++] = turns[i];
    if (!op->cancelled)
        op->on.chat(op->ctx, op->status, &newest, turns, whole);
    mem_free(turns);
}

struct store_op *prompt_chat(struct session_store *s, const char *owner, const struct uuid *chat,
                             outbox_chat_fn done, void *ctx)
{
    struct store_op *op = op_new(redis_self(s), NULL, owner, on_chat, ctx);
    char key[REDIS_KEY_MAX];
    op->on.chat = done;
    if (op->status == STORE_OK) {
        op_arg_str(op, "HGETALL");
        op_key_inside(op, key, redis_key_gen(key, 'c', &(struct gen_key){.owner = op->owner, .gen = *chat}));
    }
    op_submit(op);
    return op;
}
