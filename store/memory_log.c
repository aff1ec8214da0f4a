/* memory_log: the logs of generations and their leases.
 *
 *     acquire -> epoch 1 (or +1)     append: epoch, seq, off and crc must follow     finish: DONE, lease gone
 *
 * A log never takes a record that does not follow from the one before: a zombie or a confused writer is told,
 * and the log stays. It keeps every record, also those a rewind cut off. */
#include "store/memory.h"

#include <string.h>

#include "base/crc32c.h"
#include "base/mem.h"

bool memory_log_gone(const struct session_memory *m, const struct memory_log *log)
{
    if (log->finished)
        return log->gone_ms <= m->now_ms;
    return log->lease_until_ms <= m->now_ms && m->now_ms - log->lease_until_ms >= m->limits.abandoned_ms;
}

static size_t weight(const struct memory_log *log)
{
    return sizeof(*log) + log->cap * sizeof(*log->records) + log->data.cap;
}

void memory_log_free(struct session_memory *m, struct memory_log *log)
{
    memory_active_drop(m, log->node.owner, &log->node.id);
    m->bytes -= weight(log);
    table_remove(&m->logs, &log->node);
    mem_free(log->records);
    buf_free(&log->data);
    mem_free(log);
}

struct memory_log *memory_log_find(struct session_memory *m, const char *owner, const struct uuid *gen)
{
    struct table_node *node = table_find(&m->logs, owner, gen);
    if (!node)
        return NULL;
    struct memory_log *log = table_entry(node, struct memory_log, node);
    if (!memory_log_gone(m, log))
        return log;
    memory_log_free(m, log);
    return NULL;
}

static struct memory_log *log_make(struct session_memory *m, const struct store_op *op)
{
    if (m->logs.count >= m->limits.logs || m->bytes + sizeof(struct memory_log) > m->limits.total_bytes)
        return NULL;
    struct memory_log *log = mem_alloc(sizeof(*log));
    log->chat = op->chat;
    m->bytes += weight(log);
    table_add(&m->logs, &log->node, op->owner, &op->id);
    return log;
}

static void lease_take(struct memory_store *s, struct memory_log *log, uint64_t epoch, uint64_t lease_ms)
{
    log->epoch = epoch;
    log->leased = true;
    log->holder = s;
    log->lease_until_ms = memory_after(s->memory, lease_ms);
}

static void lease_tell(const struct memory_log *log, struct lease_result *out)
{
    out->epoch = log->epoch;
    out->seq = log->count;
    out->off = log->off;
    out->crc = log->crc;
    out->finished = log->finished;
}

void memory_acquire(struct memory_store *s, const struct store_op *op, struct lease_result *out)
{
    struct session_memory *m = s->memory;
    struct memory_log *log = memory_log_find(m, op->owner, &op->id);
    memset(out, 0, sizeof(*out));
    if (!log && !(log = log_make(m, op))) {
        out->status = STORE_FULL;
        return;
    }
    bool held = log->leased && log->holder != s && log->lease_until_ms > m->now_ms;
    if (held && !log->finished) {
        out->status = STORE_HELD;
        out->held_ms = log->lease_until_ms - m->now_ms;
    } else if (!log->finished) {
        lease_take(s, log, log->epoch + 1, op->ms);
    }
    lease_tell(log, out);
}

/* Memory loses nothing, so the lease is this node's still, or is not. */
void memory_reclaim(struct memory_store *s, const struct store_op *op, struct lease_result *out)
{
    struct session_memory *m = s->memory;
    struct memory_log *log = memory_log_find(m, op->owner, &op->id);
    memset(out, 0, sizeof(*out));
    if (!log && !(log = log_make(m, op)))
        out->status = STORE_FULL;
    else if (log->epoch > op->epoch || (log->epoch == op->epoch && log->holder != s && !log->finished))
        out->status = STORE_FENCED;
    else if (!log->finished)
        lease_take(s, log, op->epoch, op->ms);
    if (log)
        lease_tell(log, out);
}

enum store_status memory_renew(struct memory_store *s, const struct store_op *op)
{
    struct memory_log *log = memory_log_find(s->memory, op->owner, &op->id);
    if (!log)
        return STORE_NOT_FOUND;
    if (log->finished || log->epoch != op->epoch)
        return STORE_FENCED;
    log->lease_until_ms = memory_after(s->memory, op->ms);
    if (op->ms == 0)
        memory_grown(s->memory, log);
    return STORE_OK;
}

/* The crc of the log's bytes before `off`, which is at most log->off. Going back from the end, the first text
 * that covers `off` is the one that stands: had a later rewind cut it, later text would cover `off` again. */
static uint32_t crc_at(const struct memory_log *log, uint64_t off)
{
    if (off == log->off)
        return log->crc;
    for (size_t i = log->count; off && i; i--) {
        const struct memory_record *r = &log->records[i - 1];
        uint64_t start = r->off - r->len;
        if (r->kind != LOG_KIND_TEXT || off <= start || off > r->off)
            continue;
        uint32_t before = i > 1 ? log->records[i - 2].crc : 0;
        return crc32c(before, log->data.data + r->at, (size_t)(off - start));
    }
    return 0;
}

/* What a record is held against: the end of the log, or the record before it in the same append. */
struct place {
    uint64_t seq, off;
    uint32_t crc;
};

static bool follows(const struct memory_log *log, struct place at, const struct log_record *r)
{
    if (r->seq != at.seq + 1)
        return false;
    switch (r->kind) {
    case LOG_KIND_TEXT:
        return r->off == at.off + r->len && r->crc == crc32c(at.crc, r->data, r->len);
    case LOG_KIND_REWIND:
        return at.seq == log->count && r->off <= at.off && r->crc == crc_at(log, r->off);
    case LOG_KIND_START:
    case LOG_KIND_DONE:
        return r->off == at.off && r->crc == at.crc;
    }
    return false;
}

static bool all_follow(const struct memory_log *log, const struct log_record *r, size_t n)
{
    struct place at = {.seq = log->count, .off = log->off, .crc = log->crc};
    for (size_t i = 0; i < n; i++) {
        if (r[i].epoch != log->epoch || !follows(log, at, &r[i]))
            return false;
        at = (struct place){.seq = r[i].seq, .off = r[i].off, .crc = r[i].crc};
    }
    return true;
}

static bool repeats(const struct memory_log *log, const struct log_record *r)
{
    if (!r->seq || r->seq > log->count)
        return false;
    const struct memory_record *is = &log->records[r->seq - 1];
    return is->epoch == r->epoch && is->off == r->off && is->crc == r->crc && is->kind == r->kind &&
           is->part == r->part && is->len == r->len &&
           (!r->len || memcmp(log->data.data + is->at, r->data, r->len) == 0);
}

static bool repeat_last(const struct memory_log *log, const struct log_record *r, size_t n)
{
    if (r[n - 1].seq != log->count || n > log->count)
        return false;
    for (size_t i = 0; i < n; i++)
        if (r[i].seq != log->count - n + 1 + i || !repeats(log, &r[i]))
            return false;
    return true;
}

static enum store_status check(struct memory_store *s, const struct memory_log *log,
                               const struct store_op *op, bool *repeat)
{
    const struct log_record *r = op->records;
    size_t more = 0;
    *repeat = false;
    if (!log)
        return STORE_NOT_FOUND;
    if (r->epoch != log->epoch)
        return STORE_FENCED;
    if (repeat_last(log, r, op->record_count)) {
        *repeat = true;
        return STORE_OK;
    }
    if (log->finished)
        return STORE_FENCED;
    if (!all_follow(log, r, op->record_count))
        return STORE_WRONG_POSITION;
    for (size_t i = 0; i < op->record_count; i++)
        more += r[i].len + sizeof(struct memory_record);
    if (weight(log) + more > s->memory->limits.log_bytes ||
        s->memory->bytes + more > s->memory->limits.total_bytes)
        return STORE_FULL;
    return STORE_OK;
}

static void put(struct session_memory *m, struct memory_log *log, const struct log_record *r)
{
    m->bytes -= weight(log);
    if (log->count == log->cap) {
        log->cap = log->cap ? log->cap * 2 : 8;
        log->records = mem_realloc(log->records, log->cap * sizeof(*log->records));
    }
    log->records[log->count++] = (struct memory_record){
        .epoch = r->epoch,
        .off = r->off,
        .at = log->data.len,
        .len = r->len,
        .crc = r->crc,
        .kind = (uint8_t)r->kind,
        .part = r->part,
    };
    buf_add(&log->data, r->data, r->len);
    log->off = r->off;
    log->crc = r->crc;
    m->bytes += weight(log);
}

enum store_status memory_append(struct memory_store *s, const struct store_op *op)
{
    struct memory_log *log = memory_log_find(s->memory, op->owner, &op->id);
    bool repeat;
    if (!op->record_count || op->record_count > APPEND_MAX)
        return STORE_WRONG_POSITION;
    for (size_t i = 0; i < op->record_count; i++)
        if (op->records[i].kind == LOG_KIND_DONE)
            return STORE_WRONG_POSITION; /* only finish ends a log */
    enum store_status status = check(s, log, op, &repeat);
    if (status != STORE_OK || repeat)
        return status;
    for (size_t i = 0; i < op->record_count; i++)
        put(s->memory, log, &op->records[i]);
    memory_grown(s->memory, log);
    return STORE_OK;
}

enum store_status memory_finish(struct memory_store *s, const struct store_op *op)
{
    struct memory_log *log = memory_log_find(s->memory, op->owner, &op->id);
    bool repeat;
    if (op->records->kind != LOG_KIND_DONE)
        return STORE_WRONG_POSITION;
    enum store_status status = check(s, log, op, &repeat);
    if (status != STORE_OK || repeat)
        return status;
    status = memory_outbox_add(s, op->bytes, op->bytes_len);
    if (status != STORE_OK)
        return status;
    put(s->memory, log, op->records);
    log->finished = true;
    log->leased = false;
    log->holder = NULL;
    log->gone_ms = memory_after(s->memory, op->ms);
    memory_active_drop(s->memory, op->owner, &op->id);
    memory_grown(s->memory, log);
    return STORE_OK;
}

struct lapsing {
    const struct session_memory *memory;
    struct lapsed_entry *entries;
    size_t count, max;
};

static void add_lapsed(void *ctx, struct table_node *node)
{
    struct lapsing *l = ctx;
    const struct memory_log *log = table_entry(node, struct memory_log, node);
    if (l->count == l->max || log->finished || log->lease_until_ms > l->memory->now_ms ||
        memory_log_gone(l->memory, log))
        return;
    l->entries[l->count++] = (struct lapsed_entry){node->owner, node->id, log->chat};
}

void memory_lapsed(struct memory_store *s, const struct store_op *op)
{
    struct session_memory *m = s->memory;
    struct lapsing l = {.memory = m, .max = op->max};
    if (op->cancelled)
        return;
    l.entries = mem_alloc((op->max + 1) * sizeof(*l.entries));
    table_sweep(&m->logs, m->logs.cap, add_lapsed, &l); /* for tests: one process does not ask itself */
    op->on.lapsed(op->ctx, STORE_OK, l.entries, l.count);
    mem_free(l.entries);
}

static size_t read_count(const struct memory_log *log, size_t from, size_t max_bytes)
{
    size_t n = 0, bytes = 0;
    while (from + n < log->count) {
        bytes += log->records[from + n].len;
        if (n && bytes > max_bytes)
            break;
        n++;
    }
    return n;
}

void memory_read(struct memory_store *s, const struct store_op *op)
{
    struct memory_log *log = memory_log_find(s->memory, op->owner, &op->id);
    if (op->cancelled)
        return;
    if (!log) {
        op->on.read(op->ctx, STORE_NOT_FOUND, NULL, 0);
        return;
    }
    size_t from = op->after < log->count ? (size_t)op->after : log->count;
    size_t n = read_count(log, from, op->max);
    struct log_record *out = mem_alloc((n + 1) * sizeof(*out));
    for (size_t i = 0; i < n; i++) {
        const struct memory_record *r = &log->records[from + i];
        out[i] = (struct log_record){.seq = from + i + 1,
                                     .epoch = r->epoch,
                                     .off = r->off,
                                     .crc = r->crc,
                                     .kind = r->kind,
                                     .part = r->part,
                                     .data = log->data.data ? log->data.data + r->at : "",
                                     .len = r->len};
    }
    op->on.read(op->ctx, STORE_OK, out, n);
    mem_free(out);
}
