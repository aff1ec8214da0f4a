/* response_place: see response_place.h. */
#include "edge/response_place.h"

#include <stdlib.h>
#include <string.h>

#include "base/json.h"

#define SLOT_BITS 4
#define CRC_BITS 20
#define CRC_MASK ((1u << CRC_BITS) - 1)
#define OFF_MAX ((1ull << 29) - 1)

uint64_t response_place_number(const struct response_place *p)
{
    return (p->off << SLOT_BITS | (uint64_t)p->slot) << CRC_BITS | (p->crc & CRC_MASK);
}

bool response_place_read(const char *digits, struct response_place *p)
{
    size_t len = strspn(digits, "0123456789");
    if (!len || len > 16 || digits[len])
        return false;
    uint64_t n = strtoull(digits, NULL, 10);
    *p = (struct response_place){.off = n >> (SLOT_BITS + CRC_BITS),
                                 .slot = (enum response_slot)(n >> CRC_BITS & ((1 << SLOT_BITS) - 1)),
                                 .crc = (uint32_t)(n & CRC_MASK)};
    if (p->slot >= SLOTS || p->off > OFF_MAX)
        return false;
    if (p->off == 0) /* nothing is closed where nothing was said, and the crc of nothing is 0 */
        return p->crc == 0 && (p->slot <= SLOT_IN_PROGRESS || p->slot >= SLOT_REASONING);
    return p->slot != SLOT_IN_PROGRESS;
}

struct response_run response_run_at(const struct tokenlog *log, uint64_t off)
{
    struct response_run run = {0};
    for (uint32_t i = 0; i < log->segment_count; i++) {
        const struct log_segment *s = &log->segments[i];
        if (i && s->part != run.part) {
            if (s->off > off)
                break;
            run.index++;
            run.begin = s->off;
        }
        run.part = s->part;
        run.end = i + 1 < log->segment_count ? s[1].off : tokenlog_end(log);
    }
    return run;
}

/* After an item was closed: is it at its end here too? */
static enum response_verdict check_closed(const struct tokenlog *log, uint64_t off, struct response_run *run)
{
    *run = response_run_at(log, off - 1);
    if (run->end != off)
        return PLACE_GONE;
    return off < tokenlog_end(log) || log->finished ? PLACE_HOLDS : PLACE_AHEAD;
}

/* After an item was opened: does one of that part begin here? */
static enum response_verdict check_opened(const struct tokenlog *log, const struct response_place *p,
                                          struct response_run *run)
{
    enum log_part part = p->slot < SLOT_MESSAGE ? LOG_PART_REASONING : LOG_PART_TEXT;
    if (p->off == tokenlog_end(log))
        return log->finished ? PLACE_GONE : PLACE_AHEAD;
    *run = response_run_at(log, p->off);
    return run->begin == p->off && run->part == part ? PLACE_HOLDS : PLACE_GONE;
}

static enum response_verdict check_slot(const struct tokenlog *log, const struct response_place *p,
                                        struct response_run *run)
{
    uint64_t end = tokenlog_end(log);
    if (p->slot == SLOT_END)
        return p->off < end ? PLACE_GONE : log->finished ? PLACE_HOLDS : PLACE_AHEAD;
    if (p->slot >= SLOT_REASONING)
        return check_opened(log, p, run);
    if (p->slot >= SLOT_TEXT_DONE)
        return check_closed(log, p->off, run);
    if (p->off)
        *run = response_run_at(log, p->off - 1);
    return PLACE_HOLDS;
}

enum response_verdict response_place_check(const struct tokenlog *log, const struct response_place *p,
                                           struct response_run *run)
{
    uint64_t end = tokenlog_end(log);
    *run = (struct response_run){0};
    if (p->off > end)
        return log->finished ? PLACE_GONE : PLACE_AHEAD;
    if (!utf8_is_boundary(log->text.data, log->text.len, (size_t)p->off))
        return PLACE_GONE;
    struct log_cursor c = tokenlog_seek(log, p->off);
    if (((c.crc ^ p->crc) & CRC_MASK) != 0)
        return PLACE_GONE;
    return check_slot(log, p, run);
}
