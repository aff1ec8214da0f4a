/* What the halves of produce share. For produce*.c only. */
#ifndef LASTWORD_CORE_PRODUCE_INNER_H
#define LASTWORD_CORE_PRODUCE_INNER_H

#include "core/produce.h"
#include "core/record.h"

enum produce_state {
    PRODUCE_LEASING, /* the lease is asked for; nothing is appended yet */
    PRODUCE_LEASED,  /* one append at a time */
    PRODUCE_DOWN,    /* the store does not answer: shown without it, and it is asked again now and then */
    PRODUCE_MENDING, /* it is back: what it missed is appended, what comes meanwhile is shown */
};

/* One thing the producer said that the store has not. */
struct produce_item {
    struct list link;
    enum log_kind kind;
    bool ask; /* START: the record that says whose log it is; nobody is shown it */
    enum log_part part;
    enum log_mode mode;
    enum log_reason reason;
    uint64_t off;    /* rewind */
    char *model;     /* start; owned */
    struct buf data; /* text, or the record's JSON */
};

struct produce {
    struct generation *g;
    struct list link;  /* in node->producing */
    struct list queue; /* produce_item.link, in order */
    size_t queued;     /* bytes of text in it */
    enum produce_state state;
    bool finishing;            /* done goes after the queue's last */
    bool told_down;            /* followers know that the store is away */
    struct store_op *op;       /* append, finish or read in flight */
    struct store_op *lease_op; /* acquire or renew in flight */
    struct log_record last;    /* the store's last, as acknowledged: seq, epoch (0: never leased), off, crc */
    struct log_record sent_last; /* the last of those in flight */
    struct list sent;            /* items in flight: shown when they are acknowledged */
    size_t sent_bytes;           /* of text in them */
    bool renumber;               /* mending: the log was cut since, so records have new numbers */
    uint64_t low;                /* lowest byte that a rewind cut back to while the store was away */
    uint64_t due_us;             /* when the lease is renewed, or the store looked for, next */
    struct buf so_far;           /* scratch of produce_so_far */
};

/* What the store said of an append or a renewal; where tests/chaos plants a fence that is not seen. */
static inline enum store_status produce_heard(enum store_status status)
{
#ifdef LASTWORD_PLANT_FENCE
    return status == STORE_FENCED ? STORE_OK : status;
#else
    return status;
#endif
}

/* produce.c */
void produce_item_free(struct produce_item *item);
void produce_show(struct generation *g, const struct produce_item *item);
void produce_show_all(struct generation *g);
void produce_ask(struct generation *g); /* the log's first record is queued */
void produce_write_ask(const struct generation *g, struct buf *out);
/* produce_store.c: sends what is next, if nothing is in flight. */
void produce_send(struct generation *g);

#endif
