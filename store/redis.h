/* redis: the inside of the session store on Redis; only redis*.c include it.
 *
 *     call ── op: keys and words ──┬── gathered appends ──┐
 *                                  └──────────────────────┴─> server of the slot (link) ──> Redis
 *     completion <── answer <── the op's own reader <── answer, or lost ──┘
 *
 *     other nodes ── PUBLISH ──> subscriber (link) ── on_grown, on_cancel, on_active
 *     Sentinel, cluster <── scout (link): where are the servers, and whose are the slots
 *
 * Everything is on the loop's thread. hiredis is known to redis_link.c and redis_reply.c only. */
#ifndef LASTWORD_STORE_REDIS_H
#define LASTWORD_STORE_REDIS_H

#include <ev.h>

#include "base/buf.h"
#include "base/list.h"
#include "store/redis_key.h"
#include "store/redis_link.h"
#include "store/redis_record.h"
#include "store/redis_reply.h"
#include "store/redis_url.h"
#include "store/store.h"
#include "store/table.h"

#define REDIS_SERVERS_MAX 128
#define REDIS_ABANDONED_MS (3600 * 1000) /* an unfinished log goes this long after its lease lapsed */
#define REDIS_CLAIM_MS (30 * 1000)       /* a taken outbox entry is given to another consumer after this */

/* ---- redis_setup.c: the first words on a connection */

struct redis_store;

enum {
    SETUP_AUTH = 1,
    SETUP_SELECT = 2,
    SETUP_NAME = 4,
    SETUP_MASTER = 8,   /* it is one */
    SETUP_CLUSTER = 16, /* its cluster serves */
    SETUP_FUNCTIONS = 32
};
#define SETUP_STEPS 6

struct setup;
struct setup_request {
    struct link_request request;
    struct setup *setup;
    unsigned step;
};

struct setup {
    struct setup_request requests[SETUP_STEPS];
    size_t count, answered;
    struct link *link;
    void (*done)(struct link *l); /* all is well; otherwise the link is dropped */
};
void setup_start(struct setup *setup, struct link *l, const struct redis_store *s, unsigned what,
                 void (*done)(struct link *l));

/* ---- redis_server.c: where things are */

struct server {
    struct link link;
    struct redis_store *s;
    struct redis_address at;
    bool known, listed; /* `at` is; it is in the newest list */
    bool loading;       /* functions are being loaded anew */
    size_t bundles;     /* of appends, out */
    bool taking;        /* bundles, in this flush */
    struct setup setup;
    struct link_request probe; /* see redis_hear.c */
    bool probed;
    bool clock_known;
    int64_t clock_ahead_ms; /* of link_now_ms, as of the last answer about a lease */
};

/* Who says where the servers are: a Sentinel, or any server of a cluster. */
struct scout {
    struct link link;
    struct setup setup;
    struct link_request ask;
    size_t next; /* whom to try */
    uint64_t asked_ms;
    bool asking, urgent;
};

/* ---- redis_hear.c: what others say */

struct hearing {
    struct link link;
    struct setup setup;
    char channel[REDIS_CHANNEL_MAX]; /* this node's own */
    size_t channel_len;
    struct table follows, watches;
    size_t probes;      /* under way */
    uint64_t probed_ms; /* when they began */
    uint64_t refresh_ms;
};

struct redis_store {
    struct session_store base; /* first */
    struct redis_url url;
    struct session_store_events events;
    struct ev_loop *loop;
    struct ev_timer tick;
    struct ev_prepare prepare;
    struct ev_idle again; /* something is to be delivered in the next turn */
    struct ev_io window;  /* a timer for gathered appends */
    bool window_open;
    uint64_t flushed_us, gather_us; /* when gathered appends went last; how long they may wait */
    struct link_limits limits;
    char node[65];
    size_t outbox_most; /* entries of one shard */
    struct server *servers[REDIS_SERVERS_MAX];
    size_t server_count;
    uint8_t slots[REDIS_SLOTS]; /* of a cluster: 1 + index of the server, 0 unknown */
    struct scout scout;
    struct hearing hearing;
    unsigned lapsed_from; /* the shard that is looked at first, next time */
    bool up, pump_due;
    uint64_t ticked_ms, complained_ms, outbox_last;
    size_t op_count, op_bytes;
    struct list waiting;  /* for a server, until their deadline */
    struct list gathered; /* appends of this turn */
    struct list deferred; /* to be answered op->status in the next turn */
    struct list parents;  /* made of several */
    struct buf scratch;
};

/* ---- redis_op.c */

/* Reads the answer and completes, unless cancelled. `reply` is NULL unless op->status is OK. The op is freed
 * afterwards. */
typedef void (*op_answer_fn)(struct store_op *op, const struct redisReply *reply);

struct store_op {
    struct link_request request;
    struct list link; /* in one of the store's lists, while it is not sent */
    struct redis_store *s;
    struct server *server; /* it was sent to */
    op_answer_fn answer;
    const char *function; /* NULL: the words are a command */
    enum store_status status;
    bool cancelled;
    bool append, ordered; /* append: may be gathered; ordered: goes after those */
    bool dated; /* the last argument: until when, by the server's clock, it is meant; put in as it goes */
    bool after_watch; /* goes when the owner's channel is subscribed to */
    unsigned slot;
    uint64_t deadline_ms, retry_ms;
    struct buf words; /* RESP: the keys, then the arguments */
    size_t key_bytes, keys, args;
    struct store_op *parent; /* told by answer */
    size_t children;         /* still out */
    void *extra;             /* owned, of the one who made it; freed by release */
    void (*release)(void *extra);
    char owner[OWNER_MAX + 1];
    struct uuid id;
    uint64_t number;
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

/* A call of a function (keys first, then arguments), or with function NULL a plain command. owner NULL: none;
 * one that is too long is refused. */
struct store_op *op_new(struct redis_store *s, const char *function, const char *owner, op_answer_fn answer,
                        void *ctx);
void op_key(struct store_op *op, const char *key, size_t len); /* the first tells the slot */
void op_key_inside(struct store_op *op, const char *key,
                   size_t len); /* of a plain command, among its words */
void op_keys(struct store_op *op, const char *what, const struct gen_key *key); /* "slm" */
void op_arg(struct store_op *op, const void *p, size_t len);
void op_arg_str(struct store_op *op, const char *s);
void op_arg_u64(struct store_op *op, uint64_t v);
void op_arg_uuid(struct store_op *op, const struct uuid *u);
void op_submit(struct store_op *op);
void op_defer(struct store_op *op, enum store_status status);
void op_free(struct store_op *op);
enum store_status
op_code(const struct redisReply *reply); /* what a function answered: a number, or first in a list */
void ops_pump(struct redis_store *s, uint64_t now_ms); /* what waits: sends, or gives up */
void ops_review(struct redis_store *s);                /* a pump in the next turn: hope may be gone */
void ops_flush(struct redis_store *s, bool at_once);   /* sends gathered appends; else only to idle servers */
void ops_deliver(struct redis_store *s);               /* what is deferred */
void ops_drop(struct redis_store *s);                  /* frees all, completes none */

/* ---- redis_server.c */

bool server_single(struct redis_store *s);
struct server *server_of(struct redis_store *s, unsigned slot); /* NULL: not known */
struct server *server_at(struct redis_store *s, const struct redis_address *at);
struct server *server_ready(struct redis_store *s); /* any that is; NULL: none */
void server_reload(struct server *server);          /* its functions */
void servers_open(struct redis_store *s);
void servers_tick(struct redis_store *s, uint64_t now_ms, bool awake);
void servers_flush(struct redis_store *s);
void servers_close(struct redis_store *s);
/* A new list: what is not in it goes. Without slots (Sentinel): the one master. */
void server_set_master(struct redis_store *s, const struct redis_address *at);
void server_list_begin(struct redis_store *s);
void server_list_add(struct redis_store *s, const struct redis_address *at, unsigned first, unsigned last);
void server_list_end(struct redis_store *s);

/* ---- redis_scout.c */

void scout_open(struct redis_store *s);
void scout_tick(struct redis_store *s, uint64_t now_ms);
void scout_hurry(struct redis_store *s); /* something is not where it was */

/* ---- redis_hear.c */

void hearing_open(struct redis_store *s);
void hearing_tick(struct redis_store *s, uint64_t now_ms, bool awake);
void hearing_lost(struct redis_store *s, const struct server *server);
void hearing_close(struct redis_store *s);
void hearing_follow(struct session_store *base, const struct gen_key *key);
void hearing_unfollow(struct session_store *base, const struct gen_key *key);
void hearing_watch(struct session_store *base, const char *owner);
void hearing_unwatch(struct session_store *base, const char *owner);
/* It watches the owner, and Redis has not said yet that it does. */
bool hearing_unsettled(struct redis_store *s, const char *owner);
void hearing_probe(struct redis_store *s);

/* ---- redis_follow.c */

/* A message: the log has grown to seq, and these are the last records. Borrowed. */
struct redis_growth {
    char owner[OWNER_MAX + 1];
    struct uuid gen;
    uint64_t seq;
    size_t count;
    struct {
        const char *text;
        size_t len;
    } records[APPEND_MAX];
};
void follow_grown(struct redis_store *s, const struct redis_growth *g);
void follows_renew(struct redis_store *s); /* those that are due */
void follows_again(struct redis_store *s); /* all: the subscriber was away */
void follows_close(struct redis_store *s);
/* Records after `after` that messages brought, each a size_t and so many bytes; the seq of the first, or 0
 * when only Redis can tell. */
uint64_t follow_read(struct redis_store *s, const struct gen_key *key, uint64_t after, size_t max_bytes,
                     struct buf *out);
/* A read of Redis has brought the log up to seq. */
void follow_has_read(struct redis_store *s, const char *owner, const struct uuid *gen, uint64_t seq);

/* ---- redis_call.c, redis_log.c, redis_lapsed.c, redis_outbox.c, redis.c */

extern const struct session_store_ops redis_ops;
struct store_op *log_append_many(struct session_store *s, const struct gen_key *key,
                                 const struct log_record *records, size_t n, store_done_fn done, void *ctx);
struct store_op *log_append(struct session_store *s, const struct gen_key *key,
                            const struct log_record *record, store_done_fn done, void *ctx);
struct store_op *log_finish(struct session_store *s, const struct gen_key *key,
                            const struct log_record *record, const void *entry, size_t entry_len,
                            uint64_t keep_ms, store_done_fn done, void *ctx);
struct store_op *log_read(struct session_store *s, const struct gen_key *key, uint64_t after,
                          size_t max_bytes, store_read_fn done, void *ctx);
struct store_op *lapsed_call(struct session_store *base, size_t max, store_lapsed_fn done, void *ctx);
/* redis_prompt.c */
struct store_op *prompt_add(struct session_store *s, const struct gen_key *key, const struct uuid *chat,
                            const struct uuid *newest, const void *entry, size_t len, store_done_fn done,
                            void *ctx);
void prompt_answered(struct session_store *s, const struct gen_key *key, const struct uuid *chat,
                     const void *text, size_t len);
void prompt_newest(struct session_store *s, const char *owner, const struct uuid *chat,
                   const struct uuid *message, uint64_t keep_ms);
struct store_op *prompt_chat(struct session_store *s, const char *owner, const struct uuid *chat,
                             outbox_chat_fn done, void *ctx);
struct store_op *prompt_forget(struct session_store *s, const struct gen_key *key, const struct uuid *chat,
                               store_done_fn done, void *ctx);
void outbox_sweep(struct redis_store *s, const struct server *server); /* consumers long gone */
void redis_health(struct redis_store *s);                              /* something has changed: is it up? */
void redis_wake(struct redis_store *s);                                /* a next turn is wanted at once */
void redis_close(struct session_store *base);
/* For tests: nothing is under way, and what was published before has been heard. redis_settle_begin first. */
void redis_settle_begin(struct session_store *base);
bool redis_settled(const struct session_store *base);

static inline struct redis_store *redis_self(struct session_store *base)
{
    return (struct redis_store *)base;
}

#endif
