/* redis_record: a log's records and its end as they stand in Redis. Pure.
 *
 *     record   "t0 1 5 81d90e1b Hello"      kind (t w s d), part, epoch, off, crc, then the bytes
 *     end      "1 7 5 81d90e1b"             epoch, seq, off, crc
 *
 * An append says from which end to which it leads. Redis compares the former with what is recorded, a string
 * with a string, and so holds epoch, seq, off and crc against each other at once and computes nothing. For
 * text the crc before it is not in the record: it is computed back from the crc after it and the bytes. */
#ifndef LASTWORD_STORE_REDIS_RECORD_H
#define LASTWORD_STORE_REDIS_RECORD_H

#include "base/buf.h"
#include "store/store.h"

struct redis_end {
    uint64_t epoch, seq, off;
    uint32_t crc;
};

#define REDIS_END_MAX 80

/* Writes a NUL-terminated end and returns its length. */
size_t redis_end_write(char out[REDIS_END_MAX], const struct redis_end *end);

/* Where the log ends before and after the record. False for a rewind, which does not say what was before, and
 * for a text that begins below 0 or a seq of 0. */
bool redis_record_before(const struct log_record *r, struct redis_end *out);
struct redis_end redis_record_after(const struct log_record *r);

/* True if n records can be appended in one step, as far as they can be held against each other: one epoch,
 * none the end of a log, a rewind only first, and each follows from the one before it. */
bool redis_records_chain(const struct log_record *r, size_t n);

/* The record as one word of a command, and its id. */
void redis_record_word(struct buf *b, const struct log_record *r);
void redis_record_id_word(struct buf *b, uint64_t seq);

/* Reads what redis_record_word wrote; data is borrowed from `text`. */
bool redis_record_parse(const char *text, size_t len, struct log_record *out);
bool redis_record_id_parse(const char *text, size_t len, uint64_t *seq);

#endif
