/* response_place: where an event of a response stands, as its sequence_number. Pure.
 *
 *     sequence_number = | off: 29 bits | slot: 4 bits | the low 20 bits of the crc of the bytes before off |
 *
 *     off 0   CREATED, IN_PROGRESS
 *     off n   DELTA that ends there, the three events that close an item there, the two that open the next,
 *             END
 *
 * So the numbers grow with every event and have gaps, as a log is read in pieces of any size; which event is
 * the next after a number follows from the log alone, on every gateway and after any restart; and a number
 * that was given of another text than the log has now is noticed, but for one in a million. */
#ifndef LASTWORD_EDGE_RESPONSE_PLACE_H
#define LASTWORD_EDGE_RESPONSE_PLACE_H

#include "core/tokenlog.h"

enum response_slot {
    SLOT_CREATED = 0, /* off 0 */
    SLOT_DELTA = 0,   /* off > 0 */
    SLOT_IN_PROGRESS, /* off 0 */
    SLOT_TEXT_DONE,
    SLOT_PART_DONE,
    SLOT_ITEM_DONE,
    SLOT_REASONING, /* output_item.added of one */
    SLOT_REASONING_PART,
    SLOT_MESSAGE,
    SLOT_MESSAGE_PART,
    SLOT_END, /* completed, incomplete, failed */
    SLOTS
};

struct response_place {
    uint64_t off;
    enum response_slot slot;
    uint32_t crc; /* of the bytes before off; of one that was read from a number: its low 20 bits */
};

uint64_t response_place_number(const struct response_place *p);
/* False if no event can have that number. */
bool response_place_read(const char *digits, struct response_place *p);

/* A run of one part in a log: one output item. */
struct response_run {
    enum log_part part;
    uint64_t begin, end;
    size_t index; /* among the output items */
};

/* The one that holds byte `off`, which is before the end of the log. */
struct response_run response_run_at(const struct tokenlog *log, uint64_t off);

enum response_verdict {
    PLACE_HOLDS,
    PLACE_AHEAD, /* the log is not so far, and may come there */
    PLACE_GONE   /* it is no place of this log, or no longer */
};
/* PLACE_HOLDS: *run is the item that is open there, or was closed last; zeroed where there is none yet. */
enum response_verdict response_place_check(const struct tokenlog *log, const struct response_place *p,
                                           struct response_run *run);

#endif
