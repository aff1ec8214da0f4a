/* record: the shared log's records and the token log's items, one made into the other. Pure.
 *
 *     producer: tokenlog, start, rewind, outcome  ->  struct log_record  ->  session store
 *     reader:   session store  ->  struct log_record  ->  record_apply  ->  tokenlog of another node
 *
 * The first record of a shared log says whose it is (struct record_ask), so that a reader needs no history to
 * follow it. In a shared log a start takes a seq; beyond that both logs count alike. It refuses to do I/O. */
#ifndef LASTWORD_CORE_RECORD_H
#define LASTWORD_CORE_RECORD_H

#include "core/protocol.h"
#include "store/store.h"

#define RECORD_TEXT_MAX 65536u /* bytes of text in one record: what gathers beyond it goes into the next */

struct record_ask {
    struct uuid chat, message, user_message;
    uint8_t digest[32];
    uint64_t created_ms;
};

/* Each appends the data of one record to out. */
void record_write_ask(struct buf *out, const struct record_ask *ask);
void record_write_start(struct buf *out, enum log_mode mode, const char *model);
void record_write_rewind(struct buf *out, enum log_reason reason);
void record_write_done(struct buf *out, const struct outcome *o);

/* The next record of a log that follows r's position (seq, off, crc): `data` is borrowed by the result. For a
 * rewind `off` and `crc` are where it cuts back to; otherwise they are ignored. */
struct log_record record_after(const struct log_record *r, enum log_kind kind, uint8_t part, const char *data,
                               size_t len);

enum record_verdict {
    RECORD_APPLIED,
    RECORD_ASK,  /* *ask is filled */
    RECORD_DONE, /* *outcome is filled; tokenlog_finish is the caller's */
    RECORD_ODD   /* it does not follow, its checksum does not agree, or it is not understood; nothing was done
                  */
};
/* Puts one record of the shared log at the end of `log`. `ask` and `outcome` are scratch of the caller's. */
enum record_verdict record_apply(struct tokenlog *log, const struct log_record *r, struct record_ask *ask,
                                 struct outcome *outcome);

/* The record of `log` that the shared log is to be given after `last`, for a store that lost or missed some.
 * False: there is none (the log ends there), or it was cut by a rewind since (*cut; begin with a rewind).
 * `json` holds the data of a start or rewind. */
bool record_missing(const struct tokenlog *log, const struct log_record *last, struct buf *json,
                    struct log_record *out, bool *cut);

#endif
