/* redis_log: appends, ends and reads of logs, as calls of functions.lua.
 *
 *     append   the end that must be there, the end that will be: compared by Redis, string with string
 *     rewind   says where it leads, not from where: Redis looks up the crc there
 *     read     from what messages of a followed log brought, or from Redis */
#include <string.h>

#include "base/mem.h"
#include "store/redis.h"

#define KEEP_MAX_MS ((uint64_t)10 * 365 * 24 * 3600 * 1000)

static void arg_end(struct store_op *op, const struct redis_end *end)
{
    char text[REDIS_END_MAX];
    op_arg(op, text, redis_end_write(text, end));
}

static void arg_records(struct store_op *op, const struct log_record *r, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        redis_record_id_word(&op->words, r[i].seq);
        redis_record_word(&op->words, &r[i]);
        op->args += 2;
    }
}

static void on_done(struct store_op *op, const struct redisReply *reply)
{
    if (!op->cancelled)
        op->on.done(op->ctx, op->status ? op->status : op_code(reply));
}

/* ---- append */

static void build_append(struct store_op *op, const struct gen_key *key, const struct log_record *r, size_t n)
{
    struct redis_end before, after = redis_record_after(&r[n - 1]);
    op_keys(op, "sl", key);
    op->append = redis_record_before(r, &before);
    if (!op->append) {
        op->status = STORE_WRONG_POSITION;
        return;
    }
    arg_end(op, &before);
    arg_end(op, &after);
    op_arg_u64(op, n);
    arg_records(op, r, n);
}

static void build_rewind(struct store_op *op, const struct gen_key *key, const struct log_record *r, size_t n)
{
    struct redis_end after = redis_record_after(&r[n - 1]);
    char crc[8];
    hex32(r->crc, crc);
    op->function = "rewind";
    op->ordered = true;
    op_keys(op, "sl", key);
    op_arg_u64(op, r->epoch);
    op_arg_u64(op, r->seq - 1);
    op_arg_u64(op, r->off);
    op_arg(op, crc, sizeof(crc));
    arg_end(op, &after);
    op_arg_u64(op, n);
    arg_records(op, r, n);
}

struct store_op *log_append_many(struct session_store *s, const struct gen_key *key,
                                 const struct log_record *records, size_t n, store_done_fn done, void *ctx)
{
    struct store_op *op = op_new(redis_self(s), "append", key->owner, on_done, ctx);
    op->on.done = done;
    if (op->status == STORE_OK && !redis_records_chain(records, n))
        op->status = STORE_WRONG_POSITION;
    else if (op->status == STORE_OK && records->kind == LOG_KIND_REWIND)
        build_rewind(op, key, records, n);
    else if (op->status == STORE_OK)
        build_append(op, key, records, n);
    op_submit(op);
    return op;
}

struct store_op *log_append(struct session_store *s, const struct gen_key *key,
                            const struct log_record *record, store_done_fn done, void *ctx)
{
    return log_append_many(s, key, record, 1, done, ctx);
}

/* ---- finish */

static void on_finish(struct store_op *op, const struct redisReply *reply)
{
    uint64_t id = reply_u64(reply_at(reply, 1)); /* its first part */
    if (id > op->s->outbox_last)
        op->s->outbox_last = id;
    on_done(op, reply);
}

static void build_finish(struct store_op *op, const struct gen_key *key, const struct log_record *r)
{
    struct redis_end before, after = redis_record_after(r);
    char text[REDIS_KEY_MAX];
    unsigned shard = redis_shard(key);
    op_keys(op, "slm", key);
    op_key(op, text, redis_key_shard(text, 'o', shard));
    op_key(op, text, redis_key_shard(text, 'd', shard));
    op_key(op, text, redis_key_shard(text, 'e', shard));
    if (r->kind != LOG_KIND_DONE || !redis_record_before(r, &before)) {
        op->status = STORE_WRONG_POSITION;
        return;
    }
    arg_end(op, &before);
    arg_end(op, &after);
    arg_records(op, r, 1);
}

struct store_op *log_finish(struct session_store *s, const struct gen_key *key,
                            const struct log_record *record, const void *entry, size_t entry_len,
                            uint64_t keep_ms, store_done_fn done, void *ctx)
{
    struct redis_store *in = redis_self(s);
    struct store_op *op = op_new(in, "finish", key->owner, on_finish, ctx);
    char name[REDIS_NAME_MAX];
    op->on.done = done;
    op->ordered = true;
    if (op->status == STORE_OK)
        build_finish(op, key, record);
    if (op->status == STORE_OK) {
        op_arg(op, entry, entry_len);
        op_arg_u64(op, keep_ms < 1 ? 1 : keep_ms < KEEP_MAX_MS ? keep_ms : KEEP_MAX_MS);
        op_arg_u64(op, in->outbox_last);
        op_arg_u64(op, in->outbox_most);
        op_arg(op, name, redis_name(name, key));
    }
    op_submit(op);
    return op;
}

/* ---- read */

static void give(struct store_op *op, enum store_status status, const struct log_record *records, size_t n)
{
    if (!op->cancelled)
        op->on.read(op->ctx, status, records, n);
}

static void give_list(struct store_op *op, const struct redisReply *reply)
{
    size_t n = reply_count(reply) / 2;
    struct log_record *out = mem_alloc((n + 1) * sizeof(*out));
    enum store_status status = STORE_OK;
    for (size_t i = 0; i < n && status == STORE_OK; i++) {
        size_t id_len, len;
        uint64_t seq = 0;
        const char *id = reply_text(reply_at(reply, 2 * i), &id_len);
        const char *text = reply_text(reply_at(reply, 2 * i + 1), &len);
        if (!redis_record_id_parse(id, id_len, &seq) || !redis_record_parse(text, len, &out[i]))
            status = STORE_CORRUPT;
        out[i].seq = seq;
    }
    if (n && status == STORE_OK)
        follow_has_read(op->s, op->owner, &op->id, out[n - 1].seq);
    give(op, status, out, status == STORE_OK ? n : 0);
    mem_free(out);
}

/* op->words holds what messages brought. */
static void give_kept(struct store_op *op)
{
    size_t n = 0, len;
    for (size_t at = 0; at < op->words.len; at += sizeof(len) + len, n++)
        memcpy(&len, op->words.data + at, sizeof(len));
    struct log_record *out = mem_alloc((n + 1) * sizeof(*out));
    enum store_status status = STORE_OK;
    size_t at = 0;
    for (size_t i = 0; i < n; i++, at += sizeof(len) + len) {
        memcpy(&len, op->words.data + at, sizeof(len));
        if (!redis_record_parse(op->words.data + at + sizeof(len), len, &out[i]))
            status = STORE_CORRUPT;
        out[i].seq = op->number + i;
    }
    give(op, status, out, status == STORE_OK ? n : 0);
    mem_free(out);
}

static void on_read(struct store_op *op, const struct redisReply *reply)
{
    if (op->status != STORE_OK)
        give(op, op->status, NULL, 0);
    else if (op->number)
        give_kept(op);
    else if (reply_is_list(reply))
        give_list(op, reply);
    else
        give(op, op_code(reply), NULL, 0);
}

struct store_op *log_read(struct session_store *s, const struct gen_key *key, uint64_t after,
                          size_t max_bytes, store_read_fn done, void *ctx)
{
    struct redis_store *in = redis_self(s);
    struct store_op *op = op_new(in, "read", key->owner, on_read, ctx);
    op->on.read = done;
    op->id = key->gen;
    op->ordered = true;
    if (op->status == STORE_OK)
        op->number = follow_read(in, key, after, max_bytes, &op->words);
    if (op->number) {
        in->op_bytes += op->words.len;
        op_defer(op, STORE_OK);
        return op;
    }
    op_keys(op, "sl", key);
    op_arg_u64(op, after);
    op_arg_u64(op, max_bytes);
    op_submit(op);
    return op;
}
