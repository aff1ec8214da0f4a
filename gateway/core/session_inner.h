/* The inside of a session, for session.c, session_message.c, session_follow.c, session_grant.c, owner.c and
 * node.c only. */
#ifndef LASTWORD_CORE_SESSION_INNER_H
#define LASTWORD_CORE_SESSION_INNER_H

#include "core/protocol.h"
#include "core/send.h"
#include "core/session.h"

/* GREETING: hello was said, and what runs elsewhere is asked for, for welcome; what comes meanwhile is held.
 */
enum session_state { SESSION_AWAIT_HELLO, SESSION_GREETING, SESSION_OPEN, SESSION_CLOSING, SESSION_GONE };

struct session {
    struct node *node;
    const struct session_io *io;
    void *conn;
    struct owner *owner;    /* NULL before hello unless the header proved one; a reference is held */
    struct list state_link; /* new_sessions, open_sessions, or gone_sessions */
    struct list ping_link, slow_link, owner_link, greet_link;
    struct list follows;      /* all; struct follow.link */
    struct list ready;        /* those with something to read; struct follow.ready_link */
    struct grant *grant;      /* what bounds its right to speak; NULL: nothing. Owned */
    struct grant *next_grant; /* of a ticket that is being redeemed; owned */
    struct store_op *redeem;
    struct buf outbox; /* control messages: a 4-byte length each, then the bytes */
    size_t outbox_read;
    struct buf held; /* messages of the client before welcome: a 4-byte length each, then the bytes */
    struct resume_request *resumes; /* of hello, before welcome; owned */
    size_t resume_count;
    struct uuid id;
    uint64_t since_us; /* opened; then last sign of life */
    uint64_t ping_us, progress_us, unsent;
    unsigned short follow_count;
    enum session_state state : 8;
    bool header_owner, blocked, overrun; /* overrun: more waits than limits.outbox_bytes */
};

/* One generation followed on one connection. */
struct follow {
    struct follower base;
    struct session *session;
    struct uuid gen;
    struct list link, ready_link;
    uint64_t acked;         /* bytes the client says it holds */
    const char *status_due; /* static; to be told after the rewind */
    bool rewind_due;        /* its position did not agree: it is to go back to where the cursor stands */
    bool asked;             /* by a send that is neither accepted nor refused yet */
    bool leaving;           /* replaced or dropped while asked: the answer is still to come, and no more */
};

/* session_follow.c */
void follow_send(struct session *s, const struct send *send);
void follow_resume(struct session *s, const struct resume_request *r);
void follow_ack(struct session *s, const struct uuid *gen, uint64_t off);
void follow_drop(struct session *s, const struct uuid *gen); /* if there is one */
void follow_free(struct follow *f);
void follow_cancel(struct session *s, const struct uuid *gen);
bool follow_next(struct session *s, struct buf *out);
bool session_waits_for_ack(const struct session *s);
struct follow *follow_find(const struct session *s, const struct uuid *gen);

/* session.c */
/* Begins a control message: append to the returned buffer, then session_put_end with what begin gave. */
struct buf *session_put(struct session *s, size_t *mark);
void session_put_end(struct session *s, size_t mark);
void session_put_error(struct session *s, const struct err *e, const struct uuid *gen);

/* session_grant.c */
void session_grant_open(struct session *s, const struct credential *c);
void session_grant_close(struct session *s);
/* Who says hello: by the header, by the token, or, where nobody needs one, by neither. False: closed. */
bool session_grant_hello(struct session *s, const char *token);
/* Uses a ticket up, if it came with one; then, maybe later, session_grant_ready. */
void session_grant_greet(struct session *s);
void session_grant_auth(struct session *s, const char *token);
void sessions_expire(struct node *n);

/* session_message.c */
void session_grant_ready(struct session *s); /* its hello is good */
void session_message(struct session *s, const char *text, size_t len);
void session_hold(struct session *s, const char *text, size_t len);

#endif
