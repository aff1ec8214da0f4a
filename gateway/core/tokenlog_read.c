/* tokenlog, the reading half: seek by (off, crc), and the cursor that turns the log into items. */
#include <assert.h>

#include "base/crc32c.h"
#include "base/json.h"
#include "core/tokenlog.h"
#include "core/tokenlog_inner.h"

static uint64_t size_at(const struct tokenlog *log, size_t *pos)
{
    uint64_t n = 0;
    for (unsigned shift = 0;; shift += 7) {
        unsigned char byte = (unsigned char)log->sizes.data[(*pos)++];
        n |= (uint64_t)(byte & 0x7F) << shift;
        if (byte < 0x80)
            return n;
    }
}

size_t tokenlog_size_back(const struct tokenlog *log, size_t pos)
{
    pos--;
    while (pos > 0 && (unsigned char)log->sizes.data[pos - 1] >= 0x80)
        pos--;
    return pos;
}

uint64_t tokenlog_record_begin(const struct tokenlog *log, const struct log_cursor *c)
{
    size_t pos = tokenlog_size_back(log, c->size_pos);
    return c->record_end - size_at(log, &pos);
}

/* The last segment that begins at or before `off`. There is one wherever there is text. */
static const struct log_segment *segment_of(const struct tokenlog *log, uint64_t off)
{
    uint32_t low = 0, high = log->segment_count;
    while (high - low > 1) {
        uint32_t middle = low + (high - low) / 2;
        if (log->segments[middle].off <= off)
            low = middle;
        else
            high = middle;
    }
    return &log->segments[low];
}

static uint64_t segment_end(const struct tokenlog *log, const struct log_segment *s)
{
    return s + 1 < log->segments + log->segment_count ? s[1].off : log->text.len;
}

static struct log_place place_before(const struct tokenlog *log, uint64_t off)
{
    uint32_t low = 0, high = log->place_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (log->places[middle].off <= off)
            low = middle + 1;
        else
            high = middle;
    }
    return low ? log->places[low - 1] : (struct log_place){0};
}

/* Moves record_end, seq and size_pos on to the record that holds the byte before `off`. */
static void records_advance(const struct tokenlog *log, struct log_cursor *c, uint64_t off)
{
    while (c->record_end < off) {
        const struct log_segment *s = segment_of(log, c->record_end);
        c->seq = s->off == c->record_end ? s->first_seq : c->seq + !s->recalled;
        c->record_end += size_at(log, &c->size_pos);
    }
}

/* Events that a replay from `off` has behind it: everything up to the last rewind to before it. */
static uint32_t event_after(const struct tokenlog *log, uint64_t off)
{
    for (uint32_t i = log->event_count; i > 0; i--)
        if (!log->events[i - 1].is_start && log->events[i - 1].off < off)
            return i;
    return 0;
}

static struct log_cursor seek_text(const struct tokenlog *log, uint64_t off)
{
    struct log_place p = place_before(log, off);
    struct log_cursor c = {
        .off = off, .record_end = p.off, .seq = p.seq, .size_pos = p.size_pos, .crc = p.crc};
    if (off > p.off)
        c.crc = crc32c(p.crc, log->text.data + p.off, (size_t)(off - p.off));
    records_advance(log, &c, off);
    return c;
}

struct log_cursor tokenlog_seek(const struct tokenlog *log, uint64_t off)
{
    assert(off <= log->text.len);
    struct log_cursor c = seek_text(log, off);
    c.event = event_after(log, off);
    return c;
}

bool tokenlog_agrees(const struct tokenlog *log, uint64_t off, uint32_t crc)
{
    if (off > log->text.len || !utf8_is_boundary(log->text.data, log->text.len, (size_t)off))
        return false;
    if (off == log->text.len)
        return crc == log->crc;
    struct log_place p = place_before(log, off);
    return crc == (off > p.off ? crc32c(p.crc, log->text.data + p.off, (size_t)(off - p.off)) : p.crc);
}

struct log_run tokenlog_record_at(const struct tokenlog *log, uint64_t off)
{
    struct log_cursor c = seek_text(log, off);
    if (c.record_end != off || off >= log->text.len)
        return (struct log_run){0};
    const struct log_segment *s = segment_of(log, off);
    return (struct log_run){.seq = s->off == off ? s->first_seq : c.seq + 1,
                            .len = (size_t)size_at(log, &c.size_pos),
                            .part = s->part};
}

static enum log_item_kind give_event(struct log_item *item, const struct log_event *e)
{
    *item = (struct log_item){.kind = e->is_start ? LOG_ITEM_START : LOG_ITEM_REWIND,
                              .event = e,
                              .off = e->off,
                              .epoch = e->epoch,
                              .seq = e->seq,
                              .crc = e->crc};
    return item->kind;
}

static enum log_item_kind give_text(const struct tokenlog *log, struct log_cursor *c, uint64_t end,
                                    size_t max, struct log_item *item)
{
    const struct log_segment *s = segment_of(log, c->off);
    uint64_t stop = segment_end(log, s);
    if (stop > end)
        stop = end;
    size_t len = (size_t)(stop - c->off);
    const char *text = log->text.data + c->off;
    if (len > max)
        len = utf8_floor(text, max);
    uint64_t off = c->off;
    c->off += len;
    /* The usual reader is at the end, where crc and seq are known already. */
    if (c->off == log->text.len) {
        c->crc = log->crc;
        c->seq = log->text_seq;
        c->record_end = c->off;
        c->size_pos = log->sizes.len;
    } else {
        c->crc = crc32c(c->crc, text, len);
        records_advance(log, c, c->off);
    }
    *item = (struct log_item){.kind = LOG_ITEM_TEXT,
                              .text = text,
                              .len = len,
                              .off = off,
                              .epoch = s->epoch,
                              .seq = c->seq,
                              .crc = c->crc,
                              .part = s->part};
    return LOG_ITEM_TEXT;
}

enum log_item_kind tokenlog_next(const struct tokenlog *log, struct log_cursor *c, size_t max,
                                 struct log_item *item)
{
    uint64_t end = log->text.len;
    for (; c->event < log->event_count; c->event++) {
        const struct log_event *e = &log->events[c->event];
        if (e->cut || (e->is_start && e->off < c->off))
            continue;
        if (!e->is_start && e->off < c->off) {
            uint32_t next = c->event + 1;
            *c = seek_text(log, e->off);
            c->event = next;
            return give_event(item, e);
        }
        if (!e->is_start) { /* what it cut was never read; but a record half read may be shorter now */
            struct log_cursor fresh = seek_text(log, c->off);
            fresh.event = c->event;
            *c = fresh;
            continue;
        }
        if (e->off == c->off) {
            c->event++;
            return give_event(item, e);
        }
        end = e->off; /* the text up to the start comes first */
        break;
    }
    if (c->off < end)
        return give_text(log, c, end, max, item);
    if (log->finished && !c->done) {
        c->done = true;
        *item = (struct log_item){
            .kind = LOG_ITEM_DONE, .off = c->off, .epoch = log->epoch, .seq = log->seq, .crc = log->crc};
        return LOG_ITEM_DONE;
    }
    *item = (struct log_item){.kind = LOG_ITEM_NONE};
    return LOG_ITEM_NONE;
}

bool tokenlog_replayed(const struct tokenlog *log, const struct log_cursor *cursor)
{
    struct log_cursor ahead = *cursor;
    struct log_item item;
    enum log_item_kind kind = tokenlog_next(log, &ahead, 4, &item);
    return kind == LOG_ITEM_NONE || kind == LOG_ITEM_DONE;
}
