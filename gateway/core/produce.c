/* produce: the way into the log. See produce.h; produce_store.c has the shared half's dealings with the
 * store. */
#include "core/produce_inner.h"

#include <string.h>

#include "base/mem.h"

/* ------------------------------------------------------------------ items */

static struct produce_item *item_new(struct produce *p, enum log_kind kind)
{
    struct produce_item *item = mem_alloc(sizeof *item);
    item->kind = kind;
    list_init(&item->link);
    list_add_tail(&p->queue, &item->link);
    return item;
}

void produce_item_free(struct produce_item *item)
{
    if (!item)
        return;
    list_del(&item->link);
    buf_free(&item->data);
    mem_free(item->model);
    mem_free(item);
}

/* The item at the queue's end, if more text of that part fits into it. */
static struct produce_item *last_text(struct produce *p, enum log_part part, size_t len)
{
    if (list_empty(&p->queue))
        return NULL;
    struct produce_item *item = list_entry(p->queue.prev, struct produce_item, link);
    bool fits = item->kind == LOG_KIND_TEXT && item->part == part && item->data.len + len <= RECORD_TEXT_MAX;
    return fits ? item : NULL;
}

static void queue_text(struct produce *p, enum log_part part, const char *text, size_t len)
{
    struct produce_item *item = last_text(p, part, len);
    if (!item)
        item = item_new(p, LOG_KIND_TEXT);
    item->part = part;
    buf_add(&item->data, text, len);
    p->queued += len;
}

/* ------------------------------------------------------------------ into the token log */

void produce_show(struct generation *g, const struct produce_item *item)
{
    struct tokenlog *log = &g->log;
    if (item->kind == LOG_KIND_TEXT) {
        tokenlog_append(log, item->part, item->data.data, item->data.len);
    } else if (item->kind == LOG_KIND_REWIND) {
        tokenlog_rewind(log, item->off, item->reason);
    } else {
        log->seq++; /* in a shared log a start has a number of its own */
        if (!item->ask)
            tokenlog_start(log, item->mode, item->model);
    }
}

/* The store is away: what was on its way is shown without it. */
void produce_show_all(struct generation *g)
{
    struct produce *p = g->out;
    if (list_empty(&p->queue))
        return;
    list_each_safe (pos, tmp, &p->queue) {
        struct produce_item *item = list_entry(pos, struct produce_item, link);
        if (item->kind == LOG_KIND_REWIND && item->off < p->low)
            p->low = item->off;
#ifdef LASTWORD_PLANT_RETRY
        if (item->kind == LOG_KIND_TEXT)
            produce_show(g, item);
#endif
        produce_show(g, item);
        produce_item_free(item);
    }
    p->queued = 0;
    followers_wake(g);
}

/* Something is in the queue. */
static void queue_moved(struct generation *g)
{
    if (g->out->state == PRODUCE_DOWN || g->out->state == PRODUCE_MENDING)
        produce_show_all(g);
    else
        produce_send(g);
}

/* Text that nobody was shown and that is thrown away again need not go anywhere. */
static void drop_text(struct produce *p, uint64_t off)
{
    if (off != 0)
        return;
    list_each_safe (pos, tmp, &p->queue) {
        struct produce_item *item = list_entry(pos, struct produce_item, link);
        if (item->kind == LOG_KIND_TEXT)
            produce_item_free(item);
    }
    p->queued = 0;
}

/* ------------------------------------------------------------------ what a producer says */

void produce_start(struct generation *g, enum log_mode mode, const char *model)
{
    if (!g->out) {
        tokenlog_start(&g->log, mode, model);
        followers_wake(g);
        return;
    }
    struct produce_item *item = item_new(g->out, LOG_KIND_START);
    item->mode = mode;
    item->model = mem_strdup(model);
    record_write_start(&item->data, mode, model);
    queue_moved(g);
}

void produce_text(struct generation *g, enum log_part part, const char *text, size_t len)
{
    if (!g->out) {
        tokenlog_append(&g->log, part, text, len);
        followers_wake(g);
        return;
    }
    queue_text(g->out, part, text, len);
    queue_moved(g);
}

void produce_rewind(struct generation *g, uint64_t off, enum log_reason reason)
{
    if (!g->out) {
        tokenlog_rewind(&g->log, off, reason);
        followers_wake(g);
        return;
    }
    drop_text(g->out, off);
    struct produce_item *item = item_new(g->out, LOG_KIND_REWIND);
    item->off = off;
    item->reason = reason;
    record_write_rewind(&item->data, reason);
    queue_moved(g);
}

void produce_write_ask(const struct generation *g, struct buf *out)
{
    struct record_ask ask = {.chat = g->chat_id,
                             .message = g->message,
                             .user_message = g->user_message,
                             .created_ms = g->created_ms};
    memcpy(ask.digest, g->digest, sizeof ask.digest);
    record_write_ask(out, &ask);
}

void produce_ask(struct generation *g)
{
    struct produce_item *item = item_new(g->out, LOG_KIND_START);
    item->ask = true;
    produce_write_ask(g, &item->data);
    queue_moved(g);
}

/* ------------------------------------------------------------------ the answer so far */

static void so_far_add(struct buf *text, bool *only_text, const struct produce_item *item)
{
    if (item->kind == LOG_KIND_REWIND && text->len > item->off)
        text->len = (size_t)item->off;
    if (item->kind != LOG_KIND_TEXT)
        return;
    buf_add(text, item->data.data, item->data.len);
    *only_text &= item->part == LOG_PART_TEXT;
}

void produce_so_far(struct generation *g, const char **text, size_t *len, bool *only_text)
{
    struct produce *p = g->out;
    *text = g->log.text.data;
    *len = g->log.text.len;
    *only_text = tokenlog_only_text(&g->log);
    if (!p || (list_empty(&p->sent) && list_empty(&p->queue)))
        return;
    p->so_far.len = 0;
    buf_add(&p->so_far, *text, *len);
    list_each (pos, &p->sent)
        so_far_add(&p->so_far, only_text, list_entry(pos, struct produce_item, link));
    list_each (pos, &p->queue)
        so_far_add(&p->so_far, only_text, list_entry(pos, struct produce_item, link));
    *text = p->so_far.data;
    *len = p->so_far.len;
}

bool produce_awaits_store(const struct generation *g)
{
    const struct produce *p = g->out;
    return p && (p->state == PRODUCE_LEASING || p->state == PRODUCE_LEASED);
}

uint64_t produce_epoch(const struct generation *g)
{
    return g->out && g->out->last.epoch == 0 ? 0 : g->log.epoch;
}

uint64_t produce_end(const struct generation *g)
{
    const struct produce *p = g->out;
    uint64_t end = tokenlog_end(&g->log);
    return p ? end + p->sent_bytes + p->queued : end;
}
