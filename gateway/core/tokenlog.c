/* tokenlog, the writing half. See tokenlog.h; tokenlog_read.c has the cursors. */
#include "core/tokenlog.h"

#include <assert.h>

#include "base/crc32c.h"
#include "base/json.h"
#include "base/mem.h"
#include "core/tokenlog_inner.h"

#define PLACE_EVERY 4096 /* bytes between seekable places: a resume sums at most this much */

#define GROW(array, count, cap)                                                                              \
    do {                                                                                                     \
        if ((count) == (cap)) {                                                                              \
            (cap) = (cap) ? (cap)*2 : 1;                                                                     \
            (array) = mem_realloc((array), (cap) * sizeof *(array));                                         \
        }                                                                                                    \
    } while (0)

void tokenlog_init(struct tokenlog *log, uint64_t epoch)
{
    *log = (struct tokenlog){.epoch = epoch};
}

void tokenlog_free(struct tokenlog *log)
{
    for (uint32_t i = 0; i < log->event_count; i++)
        mem_free(log->events[i].model);
    mem_free(log->events);
    mem_free(log->segments);
    mem_free(log->places);
    buf_free(&log->text);
    buf_free(&log->sizes);
    *log = (struct tokenlog){0};
}

static void add_size(struct buf *sizes, size_t len)
{
    for (; len >= 0x80; len >>= 7)
        buf_add_char(sizes, (char)(len | 0x80));
    buf_add_char(sizes, (char)len);
}

/* Opens a segment at the end of the log. */
static struct log_segment *segment_add(struct tokenlog *log, enum log_part part, uint64_t seq)
{
    GROW(log->segments, log->segment_count, log->segment_cap);
    log->segments[log->segment_count++] = (struct log_segment){.off = log->text.len,
                                                               .epoch = log->epoch,
                                                               .first_seq = seq,
                                                               .size_pos = log->sizes.len,
                                                               .part = part};
    return &log->segments[log->segment_count - 1];
}

/* The same unless the last one fits: same epoch, same part, seq unbroken. */
static void segment_open(struct tokenlog *log, enum log_part part, uint64_t seq)
{
    if (log->segment_count) {
        const struct log_segment *last = &log->segments[log->segment_count - 1];
        bool fits = last->epoch == log->epoch && last->part == part && !last->recalled;
        if (fits && log->text_seq + 1 == seq)
            return;
    }
    segment_add(log, part, seq);
}

static void place_mark(struct tokenlog *log)
{
    uint64_t last = log->place_count ? log->places[log->place_count - 1].off : 0;
    if (log->text.len - last < PLACE_EVERY)
        return;
    GROW(log->places, log->place_count, log->place_cap);
    log->places[log->place_count++] = (struct log_place){
        .off = log->text.len, .seq = log->seq, .size_pos = log->sizes.len, .crc = log->crc};
}

/* Texts are many and most of them short: room grows by a quarter, not by doubling. */
static void make_room(struct buf *text, size_t len)
{
    if (text->cap - text->len < len)
        buf_reserve_exact(text, len + text->len / 4 + 256);
}

static void add_record(struct tokenlog *log, const char *text, size_t len)
{
    make_room(&log->text, len);
    buf_add(&log->text, text, len);
    add_size(&log->sizes, len);
    log->crc = crc32c(log->crc, text, len);
    log->text_seq = log->seq;
    place_mark(log);
}

void tokenlog_append(struct tokenlog *log, enum log_part part, const char *text, size_t len)
{
    assert(!log->finished && len > 0);
    log->seq++;
    segment_open(log, part, log->seq);
    add_record(log, text, len);
}

void tokenlog_recall(struct tokenlog *log, enum log_part part, const char *text, size_t len, uint64_t seq)
{
    assert(!log->finished && len > 0 && seq >= log->seq);
    log->seq = seq;
    segment_add(log, part, seq)->recalled = true;
    for (size_t n; len > 0; text += n, len -= n) { /* in pieces, so that there are places to seek from */
        n = len < PLACE_EVERY ? len : PLACE_EVERY;
        add_record(log, text, n);
    }
}

void tokenlog_start(struct tokenlog *log, enum log_mode mode, const char *model)
{
    assert(!log->finished);
    GROW(log->events, log->event_count, log->event_cap);
    log->events[log->event_count++] = (struct log_event){.is_start = true,
                                                         .epoch = log->epoch,
                                                         .off = log->text.len,
                                                         .seq = log->seq,
                                                         .crc = log->crc,
                                                         .mode = mode,
                                                         .model = mem_strdup(model)};
}

/* Drops the records after c->off; one that holds it is shortened to what stands. */
static void cut_records(struct tokenlog *log, const struct log_cursor *c)
{
    while (log->segment_count && log->segments[log->segment_count - 1].off >= c->off)
        log->segment_count--;
    while (log->place_count && log->places[log->place_count - 1].off > c->off)
        log->place_count--;
    log->sizes.len = c->size_pos;
    if (c->record_end > c->off) {
        uint64_t begin = tokenlog_record_begin(log, c);
        log->sizes.len = tokenlog_size_back(log, c->size_pos);
        add_size(&log->sizes, (size_t)(c->off - begin));
    }
    log->text_seq = log->segment_count ? c->seq : 0;
}

void tokenlog_rewind(struct tokenlog *log, uint64_t off, enum log_reason reason)
{
    assert(!log->finished && utf8_is_boundary(log->text.data, log->text.len, (size_t)off));
    struct log_cursor c = tokenlog_seek(log, off);
    cut_records(log, &c);
    log->text.len = (size_t)off;
    log->crc = c.crc;
    for (uint32_t i = 0; i < log->event_count; i++)
        if (log->events[i].off > off) /* a start thrown away, or a rewind that this one outdoes */
            log->events[i].cut = true;
    log->seq++;
    GROW(log->events, log->event_count, log->event_cap);
    log->events[log->event_count++] =
        (struct log_event){.epoch = log->epoch, .off = off, .seq = log->seq, .crc = c.crc, .reason = reason};
}

void tokenlog_finish(struct tokenlog *log)
{
    assert(!log->finished);
    log->seq++;
    log->finished = true;
}

void tokenlog_set_epoch(struct tokenlog *log, uint64_t epoch)
{
    assert(epoch > log->epoch);
    log->epoch = epoch;
}

bool tokenlog_only_text(const struct tokenlog *log)
{
    for (uint32_t i = 0; i < log->segment_count; i++)
        if (log->segments[i].part != LOG_PART_TEXT)
            return false;
    return true;
}

size_t tokenlog_memory(const struct tokenlog *log)
{
    return log->text.cap + log->sizes.cap + log->segment_cap * sizeof *log->segments +
           log->place_cap * sizeof *log->places + log->event_cap * sizeof *log->events;
}
