/* conn: one TCP connection, as bytes in and bytes out, and every way to end it (FIN, RST).
 * It knows no HTTP. What the socket does not take is kept here; whoever sends looks at the answer of
 * conn_send and waits for `drained`, so at most one batch is ever kept.
 *
 *     socket -> data() -> (rest kept while held)        conn_send() -> socket, rest kept -> drained()
 */
#ifndef RICHIERICH_CONN_H
#define RICHIERICH_CONN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/list.h"
#include "loop.h"

struct conn;

struct conn_ops {
    /* Bytes came. Returns how many were used: all of them, unless conn_hold was called meanwhile. */
    size_t (*data)(struct conn *c, const char *p, size_t n);
    /* All that was sent is with the kernel again, after a conn_send that answered false. */
    void (*drained)(struct conn *c);
    /* Last call, once: the connection is no more; `by_peer`: the client closed or broke it. Frees c->user. */
    void (*gone)(struct conn *c, bool by_peer);
};

struct conn {
    struct watch watch;
    enum { CONN_OPEN, CONN_FINISHING, CONN_LINGER, CONN_DEAD } state;
    const struct conn_ops *ops; /* static */
    void *user;                 /* owned by ops */
    struct buf in;              /* bytes that came while held */
    struct buf out;             /* bytes the socket did not take */
    size_t out_done;
    size_t slice; /* most bytes in one write(); 0: no limit */
    bool held, readable, broken;
    bool kicked;
    struct timer linger;
    struct list node; /* in all, or in dead */
    struct list kick; /* in kicked */
};

/* Takes over `fd` (non-blocking, owned from here). NULL when the loop refuses it; fd is closed then. */
struct conn *conn_open(int fd, const struct conn_ops *ops, void *user);

/* True: the kernel has all of it. False: a rest is kept (or the socket is broken); send no more until
 * drained. Never calls back. Ignored when the connection is ending. */
bool conn_send(struct conn *c, const void *p, size_t n);

void conn_hold(struct conn *c); /* stop handing in data; a client that closes while held is `gone` at once */
void conn_release(struct conn *c); /* go on, from the next turn */

void conn_finish(struct conn *c); /* FIN after what was sent; waits up to 2 s for the client's FIN */
void conn_reset(struct conn *c);  /* RST now; what was not sent is lost */
void conn_cut(struct conn *c);    /* close() now; what the kernel has is still sent */

bool conn_sweep(void); /* once a turn: kicked ones go on, dead ones are freed; true: more is waiting */
size_t conn_count(void);
void conn_close_all(void); /* at the end of the process */

#endif
