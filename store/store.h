/* store: the two interfaces behind which sessions, logs and history live.
 *
 *     core  -->  session_store   memory | redis      sessions, leases with a fencing epoch, the shared log
 *           -->  history_store   sqlite | postgres   conversations, messages, answers, usage
 *
 * Contract of every asynchronous call: exactly one completion; never before the starting call has returned;
 * none after cancel. A store copies what it needs of its arguments before the call returns; what a completion
 * is handed is borrowed until the completion returns. A completion may start further calls and cancel others,
 * but not close the store. A cancelled call may have taken effect all the same. All calls and completions are
 * on the loop's thread. A call is answered STORE_FULL when too many wait, and an owner longer than OWNER_MAX
 * STORE_NOT_FOUND. */
#ifndef LASTWORD_STORE_H
#define LASTWORD_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/uuid.h"

#define OWNER_MAX 128 /* bytes of "tenant/user", NUL excluded */

/* What one conversation may hold; a begin beyond it is answered STORE_FULL. So that reading one whole
 * conversation is bounded. */
#define HISTORY_CHAT_MESSAGES 10000
#define HISTORY_CHAT_BYTES ((uint64_t)64 << 20)

enum store_status {
    STORE_OK,
    STORE_EXISTS,         /* the gen is known already (begin, prompt) */
    STORE_NOT_FOUND,      /* of this owner, that is: another's and none look alike */
    STORE_NO_PARENT,      /* the parent is not in the chat, or is not a user message where one is needed */
    STORE_FENCED,         /* a stale epoch: somebody else owns the generation */
    STORE_WRONG_POSITION, /* the append does not start where the log ends, or its crc does not agree */
    STORE_HELD,           /* the lease is held by another node */
    STORE_FULL,           /* the queue or the disk is full */
    STORE_UNAVAILABLE,    /* not reachable, locked, or an unknown outcome */
    STORE_CORRUPT
};
const char *store_status_name(enum store_status status);

/* A call in flight; owned by the store, valid until its completion begins or store_cancel returns. */
struct store_op;

/* ------------------------------------------------------------------ session store */

enum log_kind { LOG_KIND_TEXT, LOG_KIND_REWIND, LOG_KIND_START, LOG_KIND_DONE };

/* One record of a generation's shared log. seq counts from 1 without gaps within a log; `off` and `crc` are
 * the position after the record (for a rewind: the position it cuts back to). */
struct log_record {
    uint64_t seq, epoch, off;
    uint32_t crc;
    enum log_kind kind;
    uint8_t part;     /* TEXT: 0 text, 1 reasoning */
    const char *data; /* TEXT: the bytes; START, REWIND, DONE: a JSON object of the core's making */
    size_t len;
};

struct gen_key {
    const char *owner; /* "tenant/user" */
    struct uuid gen;
};

/* What acquire and reclaim answer. */
struct lease_result {
    enum store_status status; /* OK, HELD, FENCED (reclaim), FULL, UNAVAILABLE */
    uint64_t epoch;           /* the fencing epoch: 1 for a new log, +1 with each acquire */
    uint64_t seq, off;        /* end of the log */
    uint32_t crc;
    bool finished;
    uint64_t held_ms; /* HELD: so long does the lease run, unless it is renewed; worth trying again then */
};

struct session_store_events {
    /* Somebody wants a generation of this node cancelled. */
    void (*on_cancel)(void *ctx, const struct gen_key *key);
    /* A followed log has grown or ended: read on. A seq not above one told before means that the store has
     * lost records and their owner appends them again: read from an earlier place, and hold crcs against each
     * other. */
    void (*on_grown)(void *ctx, const struct gen_key *key, uint64_t seq);
    /* A generation of the owner began, ended or was cancelled, on any node. state: a wire state. */
    void (*on_active)(void *ctx, const char *owner, const struct uuid *gen, const struct uuid *chat,
                      const char *state, uint64_t off);
    /* The store has become reachable, or no longer is: see healthy. Told of changes only; a store that is
     * opened is down until it says up, but for memory, which is always up and says nothing. While it is down
     * calls are answered UNAVAILABLE, and soon; follows and watches are remembered and made good. */
    void (*on_health)(void *ctx, bool up);
    void *ctx;
};

struct active_entry {
    struct uuid gen, chat;
    const char *state;
    uint64_t off;
};

/* An unfinished log that nobody holds. */
struct lapsed_entry {
    const char *owner;
    struct uuid gen, chat;
};

typedef void (*store_done_fn)(void *ctx, enum store_status status);
typedef void (*store_touch_fn)(void *ctx, enum store_status status, bool existed);
typedef void (*store_lease_fn)(void *ctx, const struct lease_result *result);
typedef void (*store_read_fn)(void *ctx, enum store_status status, const struct log_record *records,
                              size_t n);
typedef void (*store_active_fn)(void *ctx, enum store_status status, const struct active_entry *entries,
                                size_t n);
typedef void (*store_lapsed_fn)(void *ctx, enum store_status status, const struct lapsed_entry *entries,
                                size_t n);

struct session_store;

#define APPEND_MAX 64 /* records of one append_many */

struct session_store_ops {
    /* Makes or renews a client's session for ttl_ms; existed: it was this owner's already. */
    struct store_op *(*touch)(struct session_store *s, const char *owner, const struct uuid *session,
                              uint64_t ttl_ms, store_touch_fn done, void *ctx);
    /* Takes the lease of a generation: makes its log with epoch 1, or takes it over with epoch+1 when the
     * lease has lapsed or is this node's own. HELD while another node's lease runs, also if that node is
     * gone; and to a call that reaches the store later than its answer was waited for. Of a finished log: its
     * end, `finished`, no lease and no new epoch. */
    struct store_op *(*acquire)(struct session_store *s, const struct gen_key *key, const struct uuid *chat,
                                uint64_t lease_ms, store_lease_fn done, void *ctx);
    /* FENCED on another epoch or a finished log; a lapsed lease that nobody took can be renewed. lease_ms 0
     * lets it go at once, and tells the followers (on_grown with the last seq once more), so that one of them
     * acquires.
     */
    struct store_op *(*renew)(struct session_store *s, const struct gen_key *key, uint64_t epoch,
                              uint64_t lease_ms, store_done_fn done, void *ctx);
    /* After an outage: takes up again the lease that this node held under `epoch`, and answers where the log
     * ends now, so that the owner appends what the store has lost. A log that is gone is made anew, under
     * that epoch. FENCED when another has acquired it since. Of a finished log: its end, `finished`. */
    struct store_op *(*reclaim)(struct session_store *s, const struct gen_key *key, const struct uuid *chat,
                                uint64_t epoch, uint64_t lease_ms, store_lease_fn done, void *ctx);
    /* Appends one record. FENCED on a stale epoch; WRONG_POSITION unless seq is the last + 1 and the position
     * follows (its off, and its crc held against the bytes; a DONE is finish's); a repeat of the very record
     * that is last is OK (idempotent). FENCED after the end. */
    struct store_op *(*append)(struct session_store *s, const struct gen_key *key,
                               const struct log_record *record, store_done_fn done, void *ctx);
    /* Appends n records (1 to APPEND_MAX) of one epoch in one step: all or none, each held against the one
     * before it. Only the first may be a REWIND. A repeat of the very records that are last is OK. Otherwise
     * as append. */
    struct store_op *(*append_many)(struct session_store *s, const struct gen_key *key,
                                    const struct log_record *records, size_t n, store_done_fn done,
                                    void *ctx);
    /* Appends the DONE record and the outbox entry in one step, and lets the lease go. */
    struct store_op *(*finish)(struct session_store *s, const struct gen_key *key,
                               const struct log_record *record, const void *entry, size_t entry_len,
                               uint64_t keep_ms, store_done_fn done, void *ctx);
    /* Records with seq > after, at most max_bytes of data (but one at least). */
    struct store_op *(*read)(struct session_store *s, const struct gen_key *key, uint64_t after,
                             size_t max_bytes, store_read_fn done, void *ctx);
    /* From now on on_grown tells of this log. It has no completion: a read started after it shows what was
     * there before it took effect. Idempotent. */
    void (*follow)(struct session_store *s, const struct gen_key *key);
    void (*unfollow)(struct session_store *s, const struct gen_key *key);
    /* Does another node follow this log? existed: one does. For whoever is to end what nobody reads. */
    struct store_op *(*followed)(struct session_store *s, const struct gen_key *key, store_touch_fn done,
                                 void *ctx);
    /* Unfinished logs, of any owner, whose lease has lapsed or was let go and was not taken since: at most
     * `max`, this node's own among them. No lease is taken: whoever wants one acquires it. Part of the store
     * may be away: then the rest is told. */
    struct store_op *(*lapsed)(struct session_store *s, size_t max, store_lapsed_fn done, void *ctx);
    /* Asks the owner node, wherever it is, to cancel. OK also when nobody runs it. */
    struct store_op *(*cancel_generation)(struct session_store *s, const struct gen_key *key,
                                          store_done_fn done, void *ctx);
    /* The running generations of an owner, on all nodes: published last as queued or running. */
    struct store_op *(*active)(struct session_store *s, const char *owner, store_active_fn done, void *ctx);
    /* Records the entry for `active`, and tells every node that watches the owner (this one too). No
     * completion. */
    void (*publish)(struct session_store *s, const char *owner, const struct active_entry *entry);
    /* From now on on_active tells of this owner's generations: for a node that has connections of the owner.
     * It has no completion; what an `active` started after it does not show yet is told. A node may be told
     * of others as well. Idempotent. */
    void (*watch)(struct session_store *s, const char *owner);
    void (*unwatch)(struct session_store *s, const char *owner);
    /* The store answers now. See on_health. */
    bool (*healthy)(struct session_store *s);
    void (*cancel_op)(struct session_store *s, struct store_op *op);
    /* Drops what has expired. `now_ms` is the loop's clock; also delivers the memory store's completions. */
    void (*turn)(struct session_store *s, uint64_t now_ms);
    void (*close)(struct session_store *s); /* cancels all, frees s */
};

struct session_store {
    const struct session_store_ops *ops;
    bool shared; /* other nodes see it: the core appends before it delivers */
};

/* The outbox, an ability of a shared session store (NULL elsewhere): what history is still to be told, in
 * order, taken by one consumer at a time, gone once acknowledged. Entries come from `finish`, and from
 * `prompt` while history is away. */
struct outbox_entry {
    const char *id;
    const void *data;
    size_t len;
};
typedef void (*outbox_take_fn)(void *ctx, enum store_status status, const struct outbox_entry *entries,
                               size_t n);

/* What history has not yet got of a conversation: one turn a generation. */
struct outbox_turn {
    struct uuid gen;
    const void *entry; /* as given to `prompt` */
    size_t len;
    bool ended; /* `answered` came */
    const void *text;
    size_t text_len;
};
/* newest: the message recorded last there, as far as anybody said within its keep_ms; nil: none. */
typedef void (*outbox_chat_fn)(void *ctx, enum store_status status, const struct uuid *newest,
                               const struct outbox_turn *turns, size_t n);

struct outbox_ops {
    struct store_op *(*take)(struct session_store *s, size_t max, outbox_take_fn done, void *ctx);
    struct store_op *(*ack)(struct session_store *s, const char *const *ids, size_t n, store_done_fn done,
                            void *ctx);
    /* In one step: the entry goes into the outbox, and is a turn of its chat until `forget`; `newest` (its
     * answer's message) is the chat's newest. OK also for a repeat of the same bytes; EXISTS when the gen has
     * a turn of other bytes there; FULL when the outbox is. */
    struct store_op *(*prompt)(struct session_store *s, const struct gen_key *key, const struct uuid *chat,
                               const struct uuid *newest, const void *entry, size_t len, store_done_fn done,
                               void *ctx);
    /* The text of a turn's answer, for whoever goes on with the conversation. Nothing where there is no such
     * turn. It has no completion. */
    void (*answered)(struct session_store *s, const struct gen_key *key, const struct uuid *chat,
                     const void *text, size_t len);
    /* History has recorded this message in the chat: it is the newest, remembered for keep_ms. It has no
     * completion. */
    void (*newest)(struct session_store *s, const char *owner, const struct uuid *chat,
                   const struct uuid *message, uint64_t keep_ms);
    struct store_op *(*chat)(struct session_store *s, const char *owner, const struct uuid *chat,
                             outbox_chat_fn done, void *ctx);
    /* History has the turn. Idempotent. */
    struct store_op *(*forget)(struct session_store *s, const struct gen_key *key, const struct uuid *chat,
                               store_done_fn done, void *ctx);
};

/* The store of one process: `wake` is called when a completion waits for the next turn. One node may be made
 * of several stores on one memory ("shared" true) so that tests can play two gateways. Owned by the caller.
 */
struct session_memory; /* the shared part: logs, leases, sessions */
struct session_memory *session_memory_new(void);
void session_memory_free(struct session_memory *m);
struct session_store *session_memory_store(struct session_memory *m, const char *node, bool shared,
                                           const struct session_store_events *events, void (*wake)(void *ctx),
                                           void *wake_ctx);
const struct outbox_ops *session_memory_outbox(void);

/* The store on Redis 7 or newer: one, one behind Sentinel, or a cluster. Completions and events are delivered
 * on `loop`; turn() does nothing. It connects in the background, again and again; until the first connection
 * is made, and whenever there is none, it is not healthy. gateway/PRINCIPLES.md says how it lies there. */
struct ev_loop;
struct session_redis_options {
    /* redis://[[user]:password@]host[:port][/db]       unix://[[user]:password@]/path[?db=N]
     * sentinel://[[user]:password@]host[:port],.../master[/db]
     * cluster://[[user]:password@]host[:port],...      percent-encoded where need be */
    const char *url;
    const char *node;    /* at most 64 bytes; no two live gateways on one store may share it */
    uint64_t connect_ms; /* to be connected and ready; 0: 1000 */
    uint64_t timeout_ms; /* to an answer; silence beyond it is a dead connection; 0: 1000 */
    size_t outbox;       /* entries; a finish beyond it is answered STORE_FULL; 0: 100000 */
    uint64_t gather_us;  /* appends that come so soon after the last wait for more of them; 0: 250 */
};
/* NULL and `error` when the url cannot be used; never because Redis is away. */
struct session_store *session_redis_open(const struct session_redis_options *options, struct ev_loop *loop,
                                         const struct session_store_events *events, char *error,
                                         size_t error_size);
/* Only looks at the url. */
bool session_redis_check(const char *url, char *error, size_t error_size);
const struct outbox_ops *session_redis_outbox(void);

/* ------------------------------------------------------------------ history store */

enum role { ROLE_SYSTEM, ROLE_USER, ROLE_ASSISTANT };

struct history_text {
    const char *data; /* UTF-8, may hold NUL; NULL with len 0 */
    size_t len;
};

/* A run of one part within an answer's text. */
struct history_part {
    uint8_t part;
    uint64_t off, len;
};

enum parent_kind { PARENT_NEWEST, PARENT_ROOT, PARENT_MESSAGE };

/* A send to be recorded. All ids are minted by the core. */
struct history_send {
    const char *owner;
    struct uuid gen, chat, user_message, answer_message;
    enum parent_kind parent_kind;
    struct uuid parent; /* PARENT_MESSAGE */
    bool has_input;     /* false: answer the user message `parent` again */
    struct history_text input;
    const char *model;           /* as asked for, "" if not */
    struct history_text request; /* JSON of params, on_disconnect, and of messages on the HTTP surface */
    uint8_t digest[32];          /* of what a repeated send must equal */
    uint64_t unix_ms;
    size_t context_bytes; /* longest context to hand back */
};

struct history_message {
    enum role role;
    struct history_text text;
};

/* An answer as recorded. */
struct history_answer {
    struct uuid gen, chat, message, parent; /* parent: the user message */
    const char *owner;
    const char *state; /* "running", or a state of done */
    const char *model; /* that served, or was asked for */
    uint64_t epoch, seq;
    struct history_text text;
    uint32_t crc;
    const struct history_part *parts;
    size_t part_count;
    struct history_text request;
    struct history_text outcome; /* JSON: usage, timing, error; empty while running */
    uint8_t digest[32];
    uint64_t created_ms, updated_ms;
};

struct history_begin {
    enum store_status status;              /* OK, EXISTS, NO_PARENT, FULL, UNAVAILABLE, CORRUPT */
    struct uuid user_message;              /* OK: the answer's parent, also where the input was null */
    const struct history_message *context; /* OK: root to user message, newest that fit context_bytes */
    size_t context_count;
    const struct history_answer *existing; /* EXISTS: text included */
};

struct history_head {
    struct uuid chat;
    const char *title; /* NULL: none set; a reader shows the beginning of the first message */
    uint64_t created_ms, updated_ms, messages;
    struct history_text snippet; /* search: around the match; else the beginning of the first user message */
};

struct history_page {
    enum store_status status;
    const struct history_head *heads;
    size_t count;     /* a search that had to look through much text may end a page early */
    const char *next; /* cursor of the next page, NULL at the end */
};

struct history_node {
    struct uuid id, parent; /* parent nil: a root */
    enum role role;
    struct history_text text;
    uint64_t created_ms;
    const struct history_answer *answer; /* ROLE_ASSISTANT; NULL otherwise */
};

struct history_tree {
    enum store_status status;
    struct history_head head;
    const struct history_node *nodes; /* in order of recording */
    size_t count;
};

typedef void (*history_begin_fn)(void *ctx, const struct history_begin *result);
typedef void (*history_answers_fn)(void *ctx, enum store_status status, const struct history_answer *answers,
                                   size_t n);
typedef void (*history_page_fn)(void *ctx, const struct history_page *page);
typedef void (*history_tree_fn)(void *ctx, const struct history_tree *tree);

struct history_list_query {
    const char *owner;
    size_t limit;       /* 1 to 200 */
    const char *before; /* a cursor from history_page.next, or NULL; a wrong one gives NOT_FOUND */
    /* Words all of which occur in one message's text, or all in the title; anywhere in it, without regard to
     * case. NULL or no word: all conversations. At most 16 words are looked for, of each its first 64
     * characters. */
    const char *search;
};

struct history_store;

struct history_store_ops {
    /* Records user message, answer (running) and generation in one transaction, and reads the context. */
    struct store_op *(*begin)(struct history_store *h, const struct history_send *send, history_begin_fn done,
                              void *ctx);
    /* Records the end of an answer: text, parts, state, model, epoch, seq, crc, outcome. Idempotent: of two
     * ends of one epoch the first stands; one of a higher epoch replaces it. Refused with FENCED when a
     * higher epoch is recorded, NOT_FOUND when the conversation was deleted meanwhile. */
    struct store_op *(*finish)(struct history_store *h, const struct history_answer *answer,
                               store_done_fn done, void *ctx);
    /* One answer, text included. NOT_FOUND alike for none and another owner's. */
    struct store_op *(*answer)(struct history_store *h, const struct gen_key *key, history_answers_fn done,
                               void *ctx);
    /* The answers recorded as running, all owners, with the text last checkpointed; oldest first. `after`:
     * owner and gen of the last of the page before, or NULL; at most `limit` (1 to 1000). NOT_FOUND when that
     * one is gone meanwhile: begin again with NULL. */
    struct store_op *(*running)(struct history_store *h, const struct gen_key *after, size_t limit,
                                history_answers_fn done, void *ctx);
    /* The context of a user message again, for a takeover or a queued send. status OK or NOT_FOUND. As with
     * begin: at most 1,000 messages, the user message always, of answers only part 0, none that are empty. */
    struct store_op *(*context)(struct history_store *h, const char *owner, const struct uuid *chat,
                                const struct uuid *user_message, size_t context_bytes, history_begin_fn done,
                                void *ctx);
    struct store_op *(*list)(struct history_store *h, const struct history_list_query *query,
                             history_page_fn done, void *ctx);
    struct store_op *(*tree)(struct history_store *h, const char *owner, const struct uuid *chat,
                             history_tree_fn done, void *ctx);
    /* title NULL deletes the conversation with all that is in it; otherwise renames. */
    struct store_op *(*edit)(struct history_store *h, const char *owner, const struct uuid *chat,
                             const char *title, store_done_fn done, void *ctx);
    void (*cancel_op)(struct history_store *h, struct store_op *op);
    /* False while calls are failing, until one works again; for readiness. */
    bool (*healthy)(struct history_store *h);
    void (*close)(struct history_store *h); /* finishes what was queued, delivers nothing more, frees h */
};

/* For a history that outlives the process while the session store does not (SQLite beside memory): the text
 * of running answers, saved every now and then. `answers`: text holds only the new tail, which begins at byte
 * `from[i]` (bytes recorded after it are dropped: a rewind), parts are whole. Idempotent. Answers that ended
 * or went meanwhile are passed over. One that begins beyond what is recorded is not saved, and the status is
 * WRONG_POSITION; the others are: save it again from 0. A begin or finish started later may take effect
 * first. */
struct checkpoint_ops {
    struct store_op *(*save)(struct history_store *h, const struct history_answer *answers,
                             const uint64_t *from, size_t n, store_done_fn done, void *ctx);
};

struct history_store {
    const struct history_store_ops *ops;
    const struct checkpoint_ops *checkpoint; /* NULL: the session store keeps running logs */
};

struct history_sqlite_options {
    const char *path;
    bool fsync;
    size_t queue;
};
/* Opens or makes the database, migrates it, starts the helper thread. On failure returns NULL and says why,
 * with the path. `loop` is where completions are delivered; borrowed. */
struct history_store *history_sqlite_open(const struct history_sqlite_options *options, struct ev_loop *loop,
                                          char *error, size_t error_size);
/* Only migrates (lastword migrate): the schema version before and after. false and `error` on failure. */
bool history_sqlite_migrate(const char *path, int *from, int *to, char *error, size_t error_size);

/* Connection strings are libpq's (keywords or a URI) and may name several hosts; they are tried in random
 * order. */
struct history_postgres_options {
    const char *primary; /* written to, whichever of its hosts is the primary */
    const char *standby; /* read from, standbys first; NULL: reads go to the primary as well */
    size_t readers;      /* connections for reads, to each of the two; 0: 2 */
    bool prepared;       /* false: unnamed statements and no settings of the session, as PgBouncer wants it */
    size_t queue;        /* calls that may wait */
    uint64_t connect_ms; /* for one attempt at one address; 0: 2000 */
    uint64_t statement_ms; /* a server that is silent for longer counts as lost; 0: 3000 */
    uint64_t call_ms;      /* every call is answered within this, UNAVAILABLE if need be; 0: 8000 */
};
/* Opens the store and migrates the database. NULL with `error` when the database is not ours to use; one that
 * cannot be reached (within connect_ms for each host) is looked for from then on, and calls are answered
 * UNAVAILABLE until it is there. Blocks that long, or for as long as migrating takes; afterwards nothing
 * does. `loop` as above. */
struct history_store *history_postgres_open(const struct history_postgres_options *options,
                                            struct ev_loop *loop, char *error, size_t error_size);
/* Only migrates. Blocks. */
bool history_postgres_migrate(const char *conninfo, int *from, int *to, char *error, size_t error_size);

#endif
