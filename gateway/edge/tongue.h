/* tongue: what can be spoken on a WebSocket: other people's dialects beside our own. One table of paths.
 *
 *     upgrade of a path -> tongue_find -> open -> a talk
 *     connection_ws: message -> receive    next -> one frame    socket full, alive, gone -> blocked, alive,
 * closed
 *
 * The wire of lastword.v1.json is one tongue: its talks are the core's sessions. Those of other people's
 * clients are built on guest.h, which has all that they share. A tongue refuses to know sockets: it wakes and
 * closes its connection by struct session_io, and is asked for what it has to say.
 *
 * A further one: a `const struct tongue` in a file of its own, its name here, and a line in tongue.c. */
#ifndef LASTWORD_EDGE_TONGUE_H
#define LASTWORD_EDGE_TONGUE_H

#include <stdbool.h>
#include <stddef.h>

#include "core/session.h"

struct head;

/* What next appended. */
enum tongue_frame { TONGUE_NOTHING, TONGUE_TEXT, TONGUE_PING };

/* Who comes; borrowed for the call of open. */
struct tongue_caller {
    struct node *node;
    const struct session_io *io;         /* static */
    void *conn;                          /* handed to io; until closed */
    const struct credential *credential; /* what was proven before the upgrade; NULL only with late_owner */
    const char *query;                   /* raw, "" if none */
};

struct tongue {
    const char *path;
    const char *protocol; /* the subprotocol that must be offered, and is chosen; NULL: none is */
    bool tickets;         /* takes credentials that are to be redeemed */
    bool late_owner;      /* the credential may come in a message; without: 401 before the upgrade */

    void *(*open)(const struct tongue *d, const struct tongue_caller *who); /* the talk */
    size_t (*message_max)(const void *talk);                                /* bytes; 1009 beyond */
    /* One whole text message of valid UTF-8. */
    void (*receive)(void *talk, const char *text, size_t len);
    void (*alive)(void *talk); /* the peer gave a sign of life */
    /* Appends one message for the peer; TONGUE_PING: nothing, but a ping of the protocol is to be sent. */
    enum tongue_frame (*next)(void *talk, struct buf *out);
    void (*blocked)(void *talk, bool blocked);
    /* Close it: what it still has to say, then this code of PROTOCOL.md section 8, or what stands for it in
     * the tongue. Idempotent. */
    void (*close)(void *talk, unsigned code, const char *reason);
    void (*closed)(void *talk); /* the connection is gone; talk is not used any more */
};

extern const struct tongue tongue_native;    /* lastword.v1.json; tongue.c */
extern const struct tongue tongue_responses; /* OpenAI's Responses; response_ws.c */

/* The one at that path; NULL: no WebSocket is there. */
const struct tongue *tongue_find(const char *path);
/* All of them, for the adapter of libwebsockets and for tests; ends with NULL. */
extern const struct tongue *const tongues[];

#endif
