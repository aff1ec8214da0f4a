/* What the parts of worker share. For worker*.c only. */
#ifndef LASTWORD_WORKER_INNER_H
#define LASTWORD_WORKER_INNER_H

#include <ev.h>
#include <sys/stat.h>

#include "edge/auth.h"
#include "edge/edge.h"
#include "edge/listener.h"
#include "edge/websocket.h"
#include "worker.h"

enum worker_state { WORKER_STARTING, WORKER_SERVING, WORKER_DRAINING, WORKER_CLOSING };

struct worker {
    enum worker_state state;
    uint64_t since_us; /* of the state */
    uint64_t turn_us;  /* when this turn of the loop began */
    bool taken_over;
    int signals; /* to end, so far */
    int exit_code;
    struct config *config;          /* owned */
    const struct worker_slot *slot; /* borrowed; NULL: alone */
    const char *config_path;
    char *const *env;
    struct ev_loop *loop;
    struct node node;
    struct edge edge;
    unsigned char ticket_secret[TICKET_SECRET];
    struct auth *auth;
    struct jwks *tokens;         /* NULL: mode jwt is not on. Owned */
    struct stat tokens_file;     /* as it was when they were read */
    uint64_t tokens_us;          /* when it was last looked at */
    struct key_watch *key_watch; /* NULL: mode none */
    struct key_table *keys;      /* as last read; NULL: not yet. Owned */
    enum store_status keys_trouble;
    struct session_memory *memory;
    struct websocket *websocket;
    struct listener *listener;
    struct ev_check check;
    struct ev_prepare prepare;
    struct ev_idle again;
    struct ev_timer tick;
    struct ev_signal terminate, interrupt, hangup;
};

/* Opens stores, upstream, page, port; nobody is let in yet. False: it has said why. `wake`: the loop is not
 * to wait in its next turn. worker_close in any case. */
bool worker_open(struct worker *w, void (*wake)(void *ctx));
/* worker_keys.c. False: no thread can be had. */
bool worker_keys_open(struct worker *w);
void worker_keys_take(struct worker *w);
bool worker_keys_ready(const struct worker *w);
void worker_keys_close(struct worker *w);

/* worker_tokens.c. */
bool worker_tokens_open(struct worker *w, char *error, size_t error_size);
void worker_tokens_tick(struct worker *w);

/* Closes what is open, in the reverse order, and frees the configuration. */
void worker_close(struct worker *w);

#endif
