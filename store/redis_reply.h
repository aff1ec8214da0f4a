/* redis_reply: an answer of Redis, read without knowing hiredis, and what its errors ask one to do. Nothing
 * here trusts the shape of an answer: a part that is not there is NULL, and NULL may be asked for anything.
 */
#ifndef LASTWORD_STORE_REDIS_REPLY_H
#define LASTWORD_STORE_REDIS_REPLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "store/redis_url.h"
#include "store/store.h"

struct redisReply; /* hiredis' own; borrowed while the callback that was given it runs */

bool reply_is_error(const struct redisReply *r);
bool reply_is_nil(const struct redisReply *r); /* nil, or not there */
bool reply_is_list(const struct redisReply *r);
int64_t reply_int(const struct redisReply *r);  /* of an integer or of decimal text; -1 otherwise */
uint64_t reply_u64(const struct redisReply *r); /* the same; 0 otherwise */
/* Of text, status or error, NUL-terminated; "" otherwise. `len` may be NULL. */
const char *reply_text(const struct redisReply *r, size_t *len);
size_t reply_count(const struct redisReply *r); /* of a list; 0 otherwise */
const struct redisReply *reply_at(const struct redisReply *r, size_t i);

/* What an error means. */
enum reply_fault {
    FAULT_OTHER, /* a broken key or a fault of ours: STORE_CORRUPT */
    FAULT_MOVED, /* the slot is elsewhere: learn where, and send again. Also ASK, which is told apart by `ask`
                  */
    FAULT_LATER, /* try again soon: the cluster is changing */
    FAULT_UNLOADED, /* the functions are not there: load them, and send again */
    FAULT_SERVER, /* this server cannot serve: it loads, or became a replica. Leave it, look for the right one
                   */
    FAULT_REFUSED, /* not now, nothing done: a script runs, the disk fails, replicas are missing */
    FAULT_FULL,    /* its memory is full */
    FAULT_DENIED   /* the credential, or what it may do, is wrong */
};

struct reply_move {
    bool ask;
    unsigned slot;
    struct redis_address to; /* host "": the one that answered */
};

enum reply_fault reply_fault(const char *error);
/* Reads "MOVED 3999 127.0.0.1:6381" and "ASK ...". */
bool reply_move_parse(const char *error, struct reply_move *out);

#endif
