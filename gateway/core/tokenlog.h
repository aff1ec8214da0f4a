/* tokenlog: the one append-only log of an answer, and cursors that read it.
 *
 *     append ->  | text so far, one buffer ........................ |  <- crc and seq of its end
 *                | sizes of the records, a byte or two each ....... |
 *                ^segment (epoch, part)   ^segment        ^place every 4 KiB (off, crc, seq)
 *     start, rewind -> events, in order
 *
 *     cursor (off, crc) -> tokenlog_next -> start | rewind | text | done | nothing yet
 *
 * The log is the queue: whoever lags reads more at once from the same bytes. It refuses to know who reads,
 * what a frame looks like and what time it is. Text must be whole UTF-8 sequences; the producer sees to that.
 */
#ifndef LASTWORD_CORE_TOKENLOG_H
#define LASTWORD_CORE_TOKENLOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

enum log_part { LOG_PART_TEXT, LOG_PART_REASONING };
enum log_reason { LOG_RESTARTED, LOG_DIVERGED, LOG_RETRACTED };
enum log_mode { LOG_FRESH, LOG_REATTACH, LOG_PREFIX, LOG_RESTART };

/* A run of records of one epoch and one part; ends where the next begins. */
struct log_segment {
    uint64_t off, epoch, first_seq;
    size_t size_pos; /* of its first record in sizes */
    enum log_part part;
    bool recalled; /* its records all have first_seq */
};

/* A known place at a record's end, to seek from. */
struct log_place {
    uint64_t off, seq;
    size_t size_pos; /* of the record after it */
    uint32_t crc;
};

/* A producer began, or text was thrown away. */
struct log_event {
    bool is_start, cut; /* cut: its place was thrown away later; nobody is told of it any more */
    uint64_t epoch, off, seq;
    uint32_t crc;
    enum log_mode mode;     /* start */
    enum log_reason reason; /* rewind */
    char *model;            /* start; owned by the log */
};

struct tokenlog {
    struct buf text;
    struct buf sizes; /* LEB128 byte counts of the records that stand */
    struct log_segment *segments;
    struct log_place *places;
    struct log_event *events;
    uint32_t segment_count, segment_cap, place_count, place_cap, event_count, event_cap;
    uint64_t epoch, seq; /* of the producer; of the last record */
    uint64_t text_seq;   /* of the last text record that stands */
    uint32_t crc;
    bool finished;
};

void tokenlog_init(struct tokenlog *log, uint64_t epoch);
void tokenlog_free(struct tokenlog *log); /* what it owns, not log itself */

static inline uint64_t tokenlog_end(const struct tokenlog *log)
{
    return log->text.len;
}

/* A further record; its seq is log->seq afterwards. len > 0. Not after tokenlog_finish. */
void tokenlog_append(struct tokenlog *log, enum log_part part, const char *text, size_t len);
/* Text from history, where records are not kept: all of it counts as that of record `seq`, so that no reader
 * of the former log sees a lower one. In a log without records. */
void tokenlog_recall(struct tokenlog *log, enum log_part part, const char *text, size_t len, uint64_t seq);
/* A producer begins at the end of the log. `model` is copied. Takes no seq. */
void tokenlog_start(struct tokenlog *log, enum log_mode mode, const char *model);
/* Cuts back to `off`, a boundary between UTF-8 sequences at most the end; a record with a seq. */
void tokenlog_rewind(struct tokenlog *log, uint64_t off, enum log_reason reason);
/* The last record. Nothing may follow. */
void tokenlog_finish(struct tokenlog *log);
/* Another producer owns the log from here on: epoch > log->epoch. */
void tokenlog_set_epoch(struct tokenlog *log, uint64_t epoch);

/* True if `off` is a boundary within the log and `crc` is that of the bytes before it. */
bool tokenlog_agrees(const struct tokenlog *log, uint64_t off, uint32_t crc);
/* True if part LOG_PART_TEXT is all there is. */
bool tokenlog_only_text(const struct tokenlog *log);
/* Bytes of heap held. */
size_t tokenlog_memory(const struct tokenlog *log);

/* ------------------------------------------------------------------ reading */

struct log_cursor {
    uint64_t off;        /* of the next byte to read */
    uint64_t record_end; /* of the record that holds, or ends at, off */
    uint64_t seq;        /* of that record */
    size_t size_pos;     /* of the record after it */
    uint32_t crc;
    uint32_t event; /* next event to look at */
    bool done;      /* LOG_ITEM_DONE was read */
};

enum log_item_kind { LOG_ITEM_NONE, LOG_ITEM_START, LOG_ITEM_REWIND, LOG_ITEM_TEXT, LOG_ITEM_DONE };

/* What a cursor met. Pointers are borrowed until the log changes. */
struct log_item {
    enum log_item_kind kind;
    const struct log_event *event; /* START, REWIND */
    const char *text;              /* TEXT: len bytes that begin at off */
    size_t len;
    uint64_t off, epoch, seq;
    uint32_t crc; /* of all bytes through the text's end */
    enum log_part part;
};

/* A cursor that replays from `off`, where tokenlog_agrees(log, off, crc) holds for some crc. */
struct log_cursor tokenlog_seek(const struct tokenlog *log, uint64_t off);
/* The next item at the cursor, which moves past it. Text is at most `max` bytes (>= 4), of one epoch and one
 * part. LOG_ITEM_NONE: at the end, more may come. */
enum log_item_kind tokenlog_next(const struct tokenlog *log, struct log_cursor *cursor, size_t max,
                                 struct log_item *item);
/* Would tokenlog_next return something but LOG_ITEM_NONE? May say yes once too often, never no. */
static inline bool tokenlog_pending(const struct tokenlog *log, const struct log_cursor *c)
{
    return c->off != log->text.len || c->event < log->event_count || (log->finished && !c->done);
}

/* True if nothing but the end, or what has not been produced yet, is left for the cursor. */
bool tokenlog_replayed(const struct tokenlog *log, const struct log_cursor *cursor);

#endif
