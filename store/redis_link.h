/* redis_link: one connection to one Redis server, that comes back by itself. hiredis and libev are known to
 * redis_link.c alone.
 *
 *             where() knows                established              link_ready()
 *     DOWN ──────────────────> CONNECTING ─────────────> SETUP ──────────────────> READY
 *      ^   (name looked up)        │ refused, connect_ms   │ link_drop, connect_ms    │ closed, silent,
 * link_drop └───── backoff, full jitter ┴───────────────────────┴──────────────────────────┘  first try at
 * once
 *
 * The watchdog: an answer awaited for timeout_ms, without a byte moving meanwhile, means that the server is
 * gone, however well the socket looks; an idle connection is asked (PING) so that there is always something
 * to await. Requests go out together, once a turn of the loop; each gets its answer, or NULL when the
 * connection was lost and nobody knows. It refuses to know what is said: setting up and every request are its
 * owner's. */
#ifndef LASTWORD_STORE_REDIS_LINK_H
#define LASTWORD_STORE_REDIS_LINK_H

#include <ev.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/list.h"
#include "store/redis_url.h"

struct redisAsyncContext;
struct redisReply;
struct resolve;
struct link;

/* Lives inside what awaits the answer. on_answer is called once for each that was sent: with the answer,
 * which is borrowed, or with NULL. It may send and link_drop; it may not link_close. */
struct link_request {
    struct list link; /* in link->awaited */
    void (*on_answer)(struct link_request *request, const struct redisReply *reply);
    uint64_t sent_ms, sent_us;
};

struct link_owner {
    /* Where to connect now; false: not known yet, ask again later. */
    bool (*where)(struct link *l, struct redis_address *out);
    /* Connected: send what sets it up, then link_ready or link_drop. */
    void (*opened)(struct link *l);
    /* It was READY, or an attempt failed (l->failures says how many in a row). */
    void (*lost)(struct link *l);
    /* A message on a channel subscribed to; text NULL: it is subscribed to now. */
    void (*message)(struct link *l, const char *channel, size_t channel_len, const char *text, size_t len);
    void *ctx;
};

struct link_limits {
    uint64_t connect_ms, timeout_ms;
};

enum link_state { LINK_DOWN, LINK_CONNECTING, LINK_SETUP, LINK_READY };

struct link {
    enum link_state state;
    struct ev_loop *loop;
    struct link_owner owner;
    struct link_limits limits;
    struct redis_address at;      /* of the attempt, as where() said */
    struct redisAsyncContext *ac; /* NULL: DOWN, or the name is looked up */
    struct resolve *resolve;
    struct ev_io readable, writable;
    struct list awaited;       /* link_request.link, oldest first */
    struct link_request ping;  /* in awaited while it is out */
    uint64_t since_ms;         /* of CONNECTING, and of READY */
    uint64_t heard_ms;         /* last sign of life */
    uint64_t heard_us;         /* what is read now came then */
    uint64_t retry_ms;         /* DOWN: not before */
    unsigned failures;         /* attempts in a row that came to nothing, or soon ended */
    uint32_t chance;           /* for the jitter */
    bool write_due;            /* bytes wait for link_flush */
    bool inside, writing;      /* hiredis is running; it writes */
    bool established;          /* onConnect said so; opened() is due */
    bool drop_due, subscribed; /* drop_due: link_drop was called inside */
    char why[128];             /* it was lost */
};

uint64_t link_now_ms(void); /* monotonic */
uint64_t link_now_us(void);

void link_init(struct link *l, struct ev_loop *loop, const struct link_limits *limits,
               const struct link_owner *owner);
/* For good: no lost(); awaited requests get NULL. Not from within a callback. */
void link_close(struct link *l);

void link_ready(struct link *l);                 /* SETUP -> READY */
void link_drop(struct link *l, const char *why); /* leave this server; connect anew after the backoff */
void link_afresh(struct link *l);                /* DOWN: as if nothing had failed yet */

/* From SETUP on. `command` is whole RESP and copied. False when the connection is failing; on_answer is not
 * called then. */
bool link_send(struct link *l, struct link_request *request, const char *command, size_t len);
/* [UN]SUBSCRIBE of one channel. A subscribed link can send nothing else; it is not asked PING: its owner sees
 * to it that something comes, and says link_drop when it does not. */
bool link_subscribe(struct link *l, const char *channel, size_t len, bool on);

/* Once a turn, before the loop waits: what is due is written. */
void link_flush(struct link *l);
/* Every 50 ms or so: connects, watches. */
void link_tick(struct link *l, uint64_t now_ms);

#endif
