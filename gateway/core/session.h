/* session: one client on a connection: what it may say, what it follows, what it has not acknowledged.
 *
 *     connection -> session_receive (whole text messages) -> protocol -> send, resume, cancel, …
 *     connection <- session_next (one message a call)     <- outbox, then what it follows, in turns
 *
 *     AWAIT_HELLO -> OPEN -> CLOSING
 *
 * It never queues text: a follow is a cursor, read when the connection can take it. It refuses to know what a
 * connection is: it wakes and closes it by two functions. */
#ifndef LASTWORD_CORE_SESSION_H
#define LASTWORD_CORE_SESSION_H

#include "base/address.h"
#include "core/generation.h"

struct session_io {
    /* session_next has something; may be called many times, also from within session_receive. */
    void (*wake)(void *conn);
    /* Send what session_next still has, then close with this code. No session_receive any more. Called once.
     */
    void (*close)(void *conn, unsigned code, const char *reason);
    /* Bytes the connection holds that the peer's kernel has not taken; any value that changes when some go.
     */
    uint64_t (*unsent)(void *conn);
    /* Who it is, for the log. May be NULL. */
    void (*peer)(void *conn, char out[ADDRESS_TEXT]);
};

struct session;

/* A connection was upgraded. `credential`: what was proved before, or NULL. `conn` is
 * handed to io. Owned by the core; the connection keeps it until session_closed. */
struct session *session_open(struct node *n, const struct session_io *io, void *conn,
                             const struct credential *credential);
/* One whole text message of valid UTF-8, at most session_message_max bytes. */
void session_receive(struct session *s, const char *text, size_t len);
/* Longest message it may send now: limits.hello_bytes before hello (1009 beyond). */
size_t session_message_max(const struct session *s);
/* The peer spoke (any byte, a protocol-level pong): it is alive. */
void session_alive(struct session *s);
/* Appends the next message for the peer to out; false: nothing now. */
bool session_next(struct session *s, struct buf *out);
/* The connection's socket took everything session_next gave (blocked false) or not (true): for the
 * slow-reader clock. */
void session_blocked(struct session *s, bool blocked);
/* The connection is gone; s is not to be used any more. What it followed goes on. */
void session_closed(struct session *s);
/* Close it from outside (binary message 4500, overload 4002, ...). Idempotent. */
void session_close(struct session *s, unsigned code, const char *reason);

/* node_drain's. */
void session_goaway(struct session *s, int64_t in_ms, int64_t spread_ms);
/* node_tick's: hello, ping, silence, slow readers. */
void sessions_tick(struct node *n);
/* API keys came, went, or were revoked: closes the sessions of those that are no longer good. */
void sessions_keys_changed(struct node *n);
/* node_turn's. */
void session_free(struct session *s);
/* owner_tell_sessions's: unless it follows it. */
void session_tell_active(struct session *s, const struct active_item *a);
/* owner_ask's: what runs elsewhere is known, or cannot be; the first session of o->greeting gets its welcome.
 */
void session_greet(struct owner *o);

#endif
