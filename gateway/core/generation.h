/* generation: one answer. It owns the log and the producer, and knows its followers only by what they must be
 * told.
 *
 *     send -> RECORDING -> QUEUED -> RUNNING -> ENDING -> DONE -> dropped
 *                 |  \________________^  |        ^
 *                 |   (chat is free)     |  end, cancel, bounds
 *                 +-> refused            +--------+
 *
 *     upstream events -> produce -> tokenlog -> wake followers
 *     another gateway -> relay   -> tokenlog -> wake followers      RUNNING without a call; QUEUED once taken
 * over
 *
 * One function, generation_move, assigns a state. It refuses to know sockets, frames and HTTP. */
#ifndef LASTWORD_CORE_GENERATION_H
#define LASTWORD_CORE_GENERATION_H

#include <uthash.h>

#include "core/node.h"
#include "core/protocol.h"
#include "core/tokenlog.h"

struct asked;
struct detour;
struct follower;
struct produce;
struct recall;
struct relay;

/* How a follower is told. Each may be called from within generation_x, send_submit and resume_submit; none
 * may free the follower, and none but accepted may detach it. */
struct follower_ops {
    /* The prompt is recorded (follower->generation is set): once per send, before any wake. */
    void (*accepted)(struct follower *f);
    /* It is not, and will not be: f is detached already. Also the end of a resume that finds nothing. */
    void (*refused)(struct follower *f, const struct err *e);
    /* The position asked for did not agree, or the log is gone: throw away what follows (off, crc); f's
     * cursor stands there. */
    void (*diverged)(struct follower *f, uint64_t off, uint32_t crc);
    /* There is something to read at f->cursor (tokenlog_next on f->generation->log). */
    void (*wake)(struct follower *f);
    /* queued, stalled, retrying, taking_over. idle_ms -1: not said. */
    void (*status)(struct follower *f, const char *state, int64_t idle_ms);
    /* Something that a person may want to know and that ends nothing (STORE_DEGRADED). f->generation is NULL
     * where a resume waits for the stores; it may be detached here. */
    void (*notice)(struct follower *f, const struct err *e);
};

/* A reader's place in one generation; lives inside its session's follow or HTTP exchange (embedded, borrowed
 * here). */
struct follower {
    struct list link; /* in generation->followers */
    const struct follower_ops *ops;
    struct generation *generation; /* NULL: detached or still looked up */
    struct recall *recall;         /* looked up in history */
    struct log_cursor cursor;
    bool accept_due; /* wants ops->accepted when recorded */
    bool live_due;   /* wants `live` when the replay has reached the end; the reader clears it */
};

struct generation {
    UT_hash_handle hh;
    struct generation_key {
        const struct owner *owner;
        struct uuid gen;
    } key;
    struct node *node;
    struct owner *owner; /* a reference is held */
    struct chat *chat;   /* while it holds or awaits the chat */
    struct list state_link, owner_link, chat_link, orphan_link, unpersisted_link;
    struct list followers;
    struct tokenlog log;
    struct call *call;          /* while an upstream produces */
    struct produce *out;        /* while this node produces into a shared log */
    struct relay *relay;        /* while another does, or is to be taken over from */
    struct store_op *op;        /* history call in flight */
    struct asked *asked;        /* owned: its prompt, until it is recorded; of one taken over, what it was */
    struct detour *detour;      /* while history is gone round */
    struct store_op *orphan_op; /* shared: does another node follow it? */
    struct uuid chat_id, message, user_message;
    struct uuid
        behind; /* ran in the chat before this, and history may not have its end yet; nil: none, or it has */
    struct outcome outcome; /* from ENDING on */
    uint64_t accepted_us, first_text_us, last_text_us, ended_us, orphan_us, retry_us, behind_us,
        detour_us;   /* when history is gone round, next */
    uint64_t tokens; /* text events of the answer as it stands */
    uint64_t saved;  /* bytes of the log that history has (checkpoint); a rewind lowers it */
    uint64_t saved_seq;
    char *model, *params_json, *messages_json, *system; /* owned; NULL or "" where there is none */
    char *asked_model,
        *upstream;     /* owned: a name that was known when it was sent; who serves. NULL: unknown */
    size_t system_len; /* it may hold NUL */
    uint8_t digest[32];
    uint64_t created_ms;
    enum generation_state state;
    bool cancel_on_disconnect, interrupts, cancel_wanted, recalled, taken_over, settled, head_at_begin,
        tokens_unknown, unrecorded;
    /* interrupts: cancels who is ahead in its chat once it is recorded. recalled: brought back from history,
     * its log was gone. taken_over: an earlier life of the gateway began it. head_at_begin: nobody was before
     * it when its prompt went to history. settled: history has it, or will never take it; nothing of it
     * waits. unrecorded: its prompt came into the outbox, and history may not have it yet. */
};

extern const struct outcome outcome_none; /* of one that has not ended */

/* NULL: not in memory (history may know it). */
struct generation *generation_find(struct node *n, const struct owner *owner, const struct uuid *gen);

/* A new one in state RECORDING, in the tables. log epoch 1. */
struct generation *generation_new(struct node *n, struct owner *owner, const struct uuid *gen,
                                  const struct uuid *chat);
/* Out of the tables: freed at the next turn. No followers, no op, no call any more. */
void generation_drop(struct generation *g);
/* node_turn's. */
void generation_free(struct generation *g);
void generation_move(struct generation *g, enum generation_state to);

/* `system`: the instruction of the prompt; copied. No string: none. */
void generation_set_system(struct generation *g, const json_t *system);

/* Starts the producer with the conversation (NULL, 0 where messages_json has it). From QUEUED or RECORDING.
 */
void generation_run(struct generation *g, const struct history_message *context, size_t count);
/* The call and the look-up in history end, whatever they are at; nothing is told. */
void generation_stop(struct generation *g);
/* Its turn in the chat has come: if it is recorded already, reads the conversation again and runs. */
void generation_advance(struct generation *g);
/* What is before it cannot be read now: again in a moment, but not for ever. */
void generation_waits_for_context(struct generation *g);
/* Ends it as cancelled, at once unless it is still being recorded. Idempotent; nothing after the outcome
 * stands. */
void generation_cancel(struct generation *g);
/* The outcome stands: state is static, error may be NULL. */
void generation_end(struct generation *g, const char *state, const struct err *error);
/* Records the outcome in history; then, or after history.done_wait_ms, done goes into the log. */
void generation_record_end(struct generation *g);
/* done is in the shared log, and the outbox has it for history. */
void generation_finished(struct generation *g);
/* What history said of the outcome, whoever told it. */
void generation_recorded(struct generation *g, enum store_status status);
/* done_wait_ms is over. */
void generation_close(struct generation *g);

/* The state on the wire: queued, running, or a state of done. */
const char *generation_wire_state(const struct generation *g);
/* What a new follower is to be told that it waits for, a state of `status`; NULL: nothing. */
const char *generation_waits(const struct generation *g);
struct active_item generation_active(const struct generation *g);
/* What history is to record: borrowed from g and *parts (owned by the caller: mem_free), outcome text in
 * *json. */
struct history_answer generation_answer(const struct generation *g, struct history_part **parts,
                                        struct buf *json);

/* ------------------------------------------------------------------ followers */

/* f is zeroed but for ops. Reads from `off`, which must agree. */
void follower_attach(struct follower *f, struct generation *g, uint64_t off);
/* Idempotent; also ends a look-up. Call it before the memory of f goes. */
void follower_detach(struct follower *f);
/* For on_disconnect "cancel": starts or stops the clock of a generation nobody follows. */
void followers_changed(struct generation *g);
/* Nobody here has followed g for limits.disconnect_ms: it is cancelled, unless somebody on another gateway
 * does. */
void follower_ask_others(struct generation *g);
void followers_wake(struct generation *g);
void followers_status(struct generation *g, const char *state, int64_t idle_ms);
void followers_notice(struct generation *g, const struct err *e);

#endif
