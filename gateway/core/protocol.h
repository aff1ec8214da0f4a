/* protocol: the wire lastword.v1.json (gateway/PROTOCOL.md) as C values, both ways. Pure.
 *
 *     bytes of a text message -> protocol_read -> struct client_message -> session
 *     session, log_item, ... -> protocol_write_x -> bytes of one text message
 *
 * It refuses to decide anything: what a message means is the session's. */
#ifndef LASTWORD_CORE_PROTOCOL_H
#define LASTWORD_CORE_PROTOCOL_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/uuid.h"
#include "core/tokenlog.h"

#define PROTOCOL_MARKS_MAX 64
#define PROTOCOL_DELTA_MAX 65536 /* bytes of text in one delta */

enum client_type {
    CLIENT_HELLO,
    CLIENT_SEND,
    CLIENT_RESUME,
    CLIENT_UNFOLLOW,
    CLIENT_ACK,
    CLIENT_CANCEL,
    CLIENT_AUTH,
    CLIENT_PONG,
    CLIENT_TYPES
};
const char *client_type_name(enum client_type type);

struct mark {
    uint64_t off;
    uint32_t crc;
};

struct resume_request {
    struct uuid gen;
    uint64_t epoch, off;
    uint32_t crc;
    struct mark marks[PROTOCOL_MARKS_MAX];
    size_t mark_count;
};

enum parent_choice { PARENT_ABSENT, PARENT_NULL, PARENT_ID };
enum if_busy { IF_BUSY_REJECT, IF_BUSY_QUEUE, IF_BUSY_INTERRUPT };

/* Strings are borrowed from client_message.root; they may hold NUL. */
struct send_message {
    struct uuid gen, chat, parent;
    enum parent_choice parent_choice;
    const char *input; /* NULL: the wire's null */
    size_t input_len;
    const char *model; /* "" when absent */
    json_t *params;    /* object or NULL; members checked */
    bool cancel_on_disconnect;
    enum if_busy if_busy;
};

struct client_message {
    enum client_type type;
    json_t *root;                   /* owned; protocol_done frees it */
    const char *token;              /* hello, auth; NULL when absent */
    struct uuid session;            /* hello; nil when absent */
    struct resume_request *resumes; /* hello, resume; owned */
    size_t resume_count;
    struct send_message send;
    struct uuid gen; /* unfollow, ack, cancel; of a message that is refused: the one it was about */
    bool gen_known;  /* of a message that is refused: one could be read */
    uint64_t off;    /* ack */
};

enum read_verdict {
    READ_OK,
    READ_BAD,       /* an object, but not a message of the protocol: *e says why; the connection lives on */
    READ_NOT_OBJECT /* close 4500 */
};

/* Reads one text message. `is_hello` is set as soon as the type is known to be hello, also with READ_BAD. On
 * READ_OK the caller owns *m: protocol_done. With READ_BAD only its type, gen and gen_known are set. */
enum read_verdict protocol_read(const char *text, size_t len, struct client_message *m, bool *is_hello,
                                struct err *e);
void protocol_done(struct client_message *m);

/* ------------------------------------------------------------------ writing; each appends one message */

struct active_item {
    struct uuid gen, chat;
    const char *state;
    uint64_t off;
};

struct welcome {
    struct uuid session;
    const char *node;
    int64_t ping_ms, message_bytes, prompt_bytes, disconnect_ms;
    const struct active_item *active;
    size_t active_count;
};

/* What done says, beside the position. -1: null. */
struct outcome {
    const char *state; /* static: complete length filtered cancelled truncated error */
    struct err error;  /* code ERR_NONE: none */
    int64_t prompt_tokens, completion_tokens, ttft_ms, total_ms;
    bool persisted;
};

const char *log_mode_name(enum log_mode mode);
const char *log_reason_name(enum log_reason reason);
const char *log_part_name(enum log_part part);

void protocol_write_welcome(struct buf *out, const struct welcome *w);
void protocol_write_active(struct buf *out, const struct active_item *a);
void protocol_write_accepted(struct buf *out, const struct uuid *gen, const struct uuid *chat,
                             const struct uuid *message, const struct uuid *parent);
/* START, REWIND and TEXT items of a log. */
void protocol_write_item(struct buf *out, const struct uuid *gen, const struct log_item *item);
/* A rewind that is no record of the log: the client's position did not agree. */
void protocol_write_diverged(struct buf *out, const struct uuid *gen, uint64_t epoch, uint64_t off,
                             uint32_t crc);
void protocol_write_live(struct buf *out, const struct uuid *gen, uint64_t off);
void protocol_write_status(struct buf *out, const struct uuid *gen, const char *state,
                           int64_t idle_ms); /* -1: none */
void protocol_write_done(struct buf *out, const struct uuid *gen, const struct log_item *item,
                         const struct outcome *o);
void protocol_write_error(struct buf *out, const struct err *e, const struct uuid *gen); /* gen NULL: none */
void protocol_write_goaway(struct buf *out, int64_t in_ms, int64_t spread_ms);
void protocol_write_ping(struct buf *out);

/* "usage":{…},"timing":{…} and, where there is one, ,"error":{…}: shared with the HTTP surface and history.
 */
void protocol_write_outcome(struct buf *out, const struct outcome *o);
/* The way back, from history: members that are missing are -1. False if it is not such an object. */
bool protocol_read_outcome(const char *json, size_t len, const char *state, struct outcome *o);

/* Checks `params` of a send and of HTTP: null or an object; known members have the right type and range. */
bool protocol_check_params(json_t *params, struct err *e);

#endif
