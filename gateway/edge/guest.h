/* guest: one connection of somebody else's client: what every tongue but our own needs.
 *
 *     message -> ops->message -> guest_follow_new, then send_submit or resume_submit with its follower
 *     generation wakes -> ready list -> guest_next -> ops->read: log items -> guest_say ... guest_said
 *
 * What is said waits only until the socket takes it, and of what is followed no more than one read is said
 * ahead: the log is the queue. Such clients send no acks and answer no messages of ours, so life is a ping of
 * the WebSocket protocol every heartbeat.ping_ms, which must be answered before the next; and one whose
 * socket takes nothing for limits.slow_ms is closed. It refuses to know what is said. */
#ifndef LASTWORD_EDGE_GUEST_H
#define LASTWORD_EDGE_GUEST_H

#include "core/send.h"
#include "edge/tongue.h"

struct guest;
struct guest_follow;

/* A tongue's own guest begins with a struct guest, and is zeroed for the rest. */
struct guest_ops {
    size_t size;
    void (*opened)(struct guest *g); /* may be NULL */
    void (*message)(struct guest *g, const char *text, size_t len);
    void (*idle)(struct guest *g);  /* it follows nothing: again and again; may be NULL */
    void (*ended)(struct guest *g); /* frees what it holds beside the guest; may be NULL */
};

struct guest {
    const struct guest_ops *ops;
    struct node *node;
    struct grant *grant; /* what bounds its credential; owned */
    struct owner *owner; /* NULL until guest_login, where the tongue is late_owner; a reference is held */
    const struct session_io *io;
    void *conn;
    struct list link;                 /* all, by last ping */
    struct list slow_link;            /* whose socket is full */
    struct list follows, ready, gone; /* gone: freed at the next guest_next */
    struct buf outbox;                /* a 4-byte length each, then the bytes */
    size_t outbox_read, outbox_mark;
    size_t follow_count;
    size_t answers; /* bytes said outside of read since the outbox was empty: the limit holds for these */
    uint64_t ping_us, heard_us, progress_us, unsent;
    bool ping_due, closing, reading;
};

/* Functions for `struct tongue` of a guest; open needs the tongue's own ops. */
void *guest_open(const struct guest_ops *ops, const struct tongue_caller *who);
size_t guest_message_max(const void *talk);
void guest_receive(void *talk, const char *text, size_t len);
void guest_alive(void *talk);
enum tongue_frame guest_next(void *talk, struct buf *out);
void guest_blocked(void *talk, bool blocked);
void guest_close(void *talk, unsigned code, const char *reason);
void guest_closed(void *talk);
/* All but path, protocol, late_owner and open. */
#define GUEST_TONGUE                                                                                         \
    .message_max = guest_message_max, .receive = guest_receive, .alive = guest_alive, .next = guest_next,    \
    .blocked = guest_blocked, .close = guest_close, .closed = guest_closed

/* http_routes_tick's. */
void guests_tick(struct node *n);

/* ------------------------------------------------------------------ for a tongue */

/* The credential of a late_owner; `token` NULL where there is none. False: not valid. Another owner's than
 * the one that is known: not valid. */
bool guest_login(struct guest *g, const char *token);

/* Begins a message: append to the returned buffer, then guest_said. */
struct buf *guest_say(struct guest *g);
void guest_said(struct guest *g);

/* A tongue's own follow begins with a struct guest_follow, and is zeroed for the rest. */
struct guest_follow_ops {
    size_t size;
    void (*accepted)(struct guest_follow *f); /* may be NULL */
    /* It ends by itself afterwards. */
    void (*refused)(struct guest_follow *f, const struct err *e);
    void (*diverged)(struct guest_follow *f); /* the position of a resume did not agree; may be NULL */
    /* queued, stalled, retrying, taking_over, or degraded: nothing ends by it; may be NULL */
    void (*status)(struct guest_follow *f, const char *state);
    /* Says what f->follower.cursor has next, at most some 64 KiB; false: nothing now. May end f. */
    bool (*read)(struct guest_follow *f);
    void (*ended)(struct guest_follow *f); /* frees what it holds beside the follow; may be NULL */
};

struct guest_follow {
    struct follower follower; /* first */
    const struct guest_follow_ops *ops;
    struct guest *guest;
    struct uuid gen;
    struct list link, ready_link;
};

/* NULL and *e where the connection follows limits.follows already. */
struct guest_follow *guest_follow_new(struct guest *g, const struct guest_follow_ops *ops,
                                      const struct uuid *gen, struct err *e);
struct guest_follow *guest_follow_find(const struct guest *g, const struct uuid *gen);
/* It has something to read though its generation did not say so. */
void guest_follow_ready(struct guest_follow *f);
/* Also from within its own callbacks: its memory goes later. Idempotent. What was followed goes on. */
void guest_follow_end(struct guest_follow *f);

#endif
