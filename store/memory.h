/* memory: the inside of the session store on memory; only memory*.c include it.
 *
 *     node a: session_store ──ops──┐                                ┌──ops── node b: session_store
 *                 ▲                ▼                                ▼              ▲
 *                 └──events── session_memory: sessions, logs, actives, outbox ──events──┘
 *
 * A call queues an op and wakes the node; turn() performs the op and completes it, so that time is known and
 * nothing is completed inside the starting call. Everything is on one thread. */
#ifndef LASTWORD_STORE_MEMORY_H
#define LASTWORD_STORE_MEMORY_H

#include "base/buf.h"
#include "base/list.h"
#include "store/store.h"
#include "store/table.h"

/* Beyond these a call is answered STORE_FULL. */
struct memory_limits {
    size_t sessions, logs;
    size_t log_bytes;      /* of one log: data and records */
    size_t total_bytes;    /* of all logs */
    size_t ops;            /* waiting, of one node */
    size_t events;         /* waiting, of one node; beyond it on_active is lost, on_cancel is not */
    size_t outbox;         /* entries */
    size_t active;         /* entries of one owner */
    uint64_t abandoned_ms; /* an unfinished log goes this long after its lease lapsed */
    uint64_t claim_ms;     /* a taken outbox entry is given to another consumer after this */
};

struct session_memory {
    struct memory_limits limits;
    uint64_t now_ms, swept_ms;
    struct table sessions, logs, actives;
    struct table chats; /* memory_chat.c: what history has not got */
    struct list nodes;  /* memory_store.link */
    struct list outbox; /* memory_outbox_entry.link, oldest first */
    size_t outbox_count, bytes;
    uint64_t outbox_last;
};

struct memory_store {
    struct session_store base; /* first */
    struct session_memory *memory;
    struct list link; /* in memory->nodes */
    char node[65];
    struct session_store_events events;
    void (*wake)(void *ctx);
    void *wake_ctx;
    bool awake;      /* wake was called and turn was not, since */
    struct list ops; /* store_op.link: waiting, in order */
    size_t op_count;
    struct list inbox; /* memory_event.link */
    size_t inbox_count;
    struct table follows; /* memory_follow.node */
    struct list grown;    /* memory_follow.link: on_grown is due */
};

struct memory_session {
    struct table_node node;
    uint64_t expires_ms;
};

struct memory_record {
    uint64_t epoch, off;
    size_t at, len; /* of its bytes in memory_log.data */
    uint32_t crc;
    uint8_t kind, part;
};

struct memory_log {
    struct table_node node;
    struct uuid chat;
    struct memory_record *records; /* [seq - 1]; owned */
    size_t count, cap;
    struct buf data;
    uint64_t epoch, off;
    uint32_t crc;
    bool leased;                 /* until lease_until_ms, also when the holder is gone */
    struct memory_store *holder; /* who acquired last; NULL: none, or it has closed */
    uint64_t lease_until_ms;
    bool finished;
    uint64_t gone_ms; /* finished: when it is dropped */
};

struct memory_follow {
    struct table_node node;
    struct list link;
    uint64_t seq; /* newest record not yet told */
};

struct memory_event {
    struct list link;
    enum { EVENT_CANCEL, EVENT_ACTIVE } kind;
    char owner[OWNER_MAX + 1];
    struct uuid gen, chat;
    char state[16];
    uint64_t off;
};

enum memory_op_kind {
    OP_TOUCH,
    OP_ACQUIRE,
    OP_RECLAIM,
    OP_RENEW,
    OP_APPEND,
    OP_FINISH,
    OP_READ,
    OP_FOLLOWED,
    OP_LAPSED,
    OP_CANCEL,
    OP_ACTIVE,
    OP_PUBLISH,
    OP_TAKE,
    OP_ACK,
    OP_PROMPT,
    OP_ANSWERED,
    OP_NEWEST,
    OP_CHAT,
    OP_FORGET
};

struct store_op {
    struct list link;
    enum memory_op_kind kind;
    bool cancelled;
    enum store_status refused; /* not OK: what the op is answered without being performed */
    char owner[OWNER_MAX + 1];
    struct uuid id, chat; /* gen or session */
    struct uuid newest;   /* PROMPT, NEWEST */
    uint64_t ms, epoch, after;
    size_t max;
    struct log_record *records; /* APPEND, FINISH: owned, with their data */
    size_t record_count;
    char *bytes; /* outbox entry, or acknowledged ids one after the other; owned */
    size_t bytes_len;
    char state[16];
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

/* For tests: other limits, from now on. */
void session_memory_limit(struct session_memory *m, const struct memory_limits *limits);
void session_memory_limits(const struct session_memory *m, struct memory_limits *out);

/* A time that far ahead; never wraps. */
static inline uint64_t memory_after(const struct session_memory *m, uint64_t ms)
{
    return ms > UINT64_MAX - m->now_ms ? UINT64_MAX : m->now_ms + ms;
}

/* memory.c */
void memory_wake(struct memory_store *s);
void memory_turn(struct session_store *base, uint64_t now_ms);
void memory_close(struct session_store *base);
enum store_status memory_touch(struct memory_store *s, const struct store_op *op, bool *existed);

/* memory_op.c: the calls as queued, and their performance in turn(). */
extern const struct session_store_ops memory_ops;
void memory_ops_run(struct memory_store *s);
void memory_ops_drop(struct memory_store *s); /* close: frees all, completes none */

/* memory_log.c: logs, leases, outbox. Each performs and answers. */
struct memory_log *memory_log_find(struct session_memory *m, const char *owner, const struct uuid *gen);
/* Finished and past its keep_ms, or abandoned. */
bool memory_log_gone(const struct session_memory *m, const struct memory_log *log);
void memory_log_free(struct session_memory *m, struct memory_log *log);
void memory_acquire(struct memory_store *s, const struct store_op *op, struct lease_result *out);
void memory_reclaim(struct memory_store *s, const struct store_op *op, struct lease_result *out);
enum store_status memory_renew(struct memory_store *s, const struct store_op *op);
enum store_status memory_append(struct memory_store *s, const struct store_op *op);
enum store_status memory_finish(struct memory_store *s, const struct store_op *op);
/* Each reads and calls the op's completion (unless cancelled). */
void memory_lapsed(struct memory_store *s, const struct store_op *op);
void memory_read(struct memory_store *s, const struct store_op *op);

/* memory_outbox.c */
enum store_status memory_outbox_add(struct memory_store *s, const char *data, size_t len);
void memory_outbox_take(struct memory_store *s, const struct store_op *op);
void memory_outbox_ack(struct memory_store *s, const struct store_op *op);
void memory_outbox_release(struct session_memory *m, const struct memory_store *s); /* s leaves */
void memory_outbox_free(struct session_memory *m);

/* memory_chat.c: prompts that history could not be told. */
enum store_status memory_prompt(struct memory_store *s, const struct store_op *op);
void memory_answered(struct memory_store *s, const struct store_op *op);
void memory_newest(struct memory_store *s, const struct store_op *op);
void memory_chat_read(struct memory_store *s, const struct store_op *op);
void memory_forget(struct memory_store *s, const struct store_op *op);
void memory_chat_sweep(struct session_memory *m, size_t buckets);
void memory_chat_free(struct session_memory *m);
/* The calls. */
struct store_op *memory_op_new(struct session_store *base, enum memory_op_kind kind, const char *owner,
                               const struct uuid *id, void *ctx);

/* memory_active.c: who runs what, and the events between nodes. */
enum store_status memory_publish(struct memory_store *s, const struct store_op *op);
void memory_active(struct memory_store *s, const struct store_op *op);
void memory_active_drop(struct session_memory *m, const char *owner, const struct uuid *gen);
void memory_active_release(struct session_memory *m, const struct memory_store *s); /* s leaves */
void memory_active_free(struct session_memory *m);
void memory_cancel(struct memory_store *s, const struct store_op *op);
bool memory_followed(struct memory_store *s, const struct store_op *op); /* by another node */
void memory_grown(struct session_memory *m, const struct memory_log *log);
void memory_follow(struct session_store *base, const struct gen_key *key);
void memory_unfollow(struct session_store *base, const struct gen_key *key);
void memory_events_run(struct memory_store *s);
void memory_events_drop(struct memory_store *s);

#endif
