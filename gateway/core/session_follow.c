/* session, what it follows: a cursor in each generation's log, read in turns as the connection takes it.
 *
 *     generation wakes -> ready list -> follow_next: live | start | rewind | delta | done
 *     more than limits.unacked_bytes out -> off the ready list until an ack comes */
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/metrics.h"
#include "core/owner.h"
#include "core/recall.h"
#include "core/session_inner.h"

static const struct follower_ops follow_ops;

struct follow *follow_find(const struct session *s, const struct uuid *gen)
{
    list_each (pos, &s->follows) {
        struct follow *f = list_entry(pos, struct follow, link);
        if (!f->leaving && uuid_equal(&f->gen, gen))
            return f;
    }
    return NULL;
}

static struct follow *follow_new(struct session *s, const struct uuid *gen)
{
    struct follow *f = mem_alloc(sizeof *f);
    mem_born(MEM_FOLLOW);
    f->base.ops = &follow_ops;
    f->session = s;
    f->gen = *gen;
    list_init(&f->ready_link);
    list_init(&f->link);
    list_add_tail(&s->follows, &f->link);
    s->follow_count++;
    return f;
}

static void follow_unlink(struct follow *f)
{
    follower_detach(&f->base);
    list_del(&f->ready_link);
    list_del(&f->link);
    if (!f->leaving)
        f->session->follow_count--;
}

void follow_free(struct follow *f)
{
    follow_unlink(f);
    mem_free(f);
    mem_died(MEM_FOLLOW);
}

/* From within a callback of f itself: freed at the next turn (node.c). */
static void follow_bury(struct follow *f)
{
    follow_unlink(f);
    list_add_tail(&f->session->node->gone_follows, &f->link);
}

/* Nothing more of f is read; but a send that waits for its answer gets it. */
static void follow_leave(struct follow *f)
{
    if (!f->asked) {
        follow_free(f);
        return;
    }
    f->leaving = true;
    f->session->follow_count--;
    list_del(&f->ready_link);
}

void follow_drop(struct session *s, const struct uuid *gen)
{
    struct follow *f = follow_find(s, gen);
    if (f)
        follow_leave(f);
}

/* False: told that there are too many. `instead`: the one whose place it would take, or NULL. */
static bool has_room(struct session *s, const struct uuid *gen, const struct follow *instead)
{
    size_t most = (size_t)s->node->config->limits_follows;
    if (instead || s->follow_count < most)
        return true;
    struct err e = {0};
    err_set(&e, ERR_RATE_LIMITED, "One connection can follow %zu generations; unfollow some first.", most);
    session_put_error(s, &e, gen);
    return false;
}

/* What is followed already goes on if the send is refused. */
void follow_send(struct session *s, const struct send *send)
{
    struct follow *old = follow_find(s, &send->gen);
    if (!has_room(s, &send->gen, old))
        return;
    struct follow *f = follow_new(s, &send->gen);
    f->asked = true;
    send_submit(s->node, s->owner, send, &f->base);
    bool refused = !f->base.generation && !f->base.recall;
    if (old && !refused)
        follow_leave(old);
}

void follow_resume(struct session *s, const struct resume_request *r)
{
    struct follow *old = follow_find(s, &r->gen);
    if (!has_room(s, &r->gen, old))
        return;
    if (old)
        follow_leave(old);
    struct follow *f = follow_new(s, &r->gen);
    f->acked = r->off;
    resume_submit(s->node, s->owner, r, &f->base);
}

static void follow_ready(struct follow *f)
{
    if (f->leaving)
        return;
    if (list_empty(&f->ready_link))
        list_add_tail(&f->session->ready, &f->ready_link);
    f->session->io->wake(f->session->conn);
}

void follow_ack(struct session *s, const struct uuid *gen, uint64_t off)
{
    struct follow *f = follow_find(s, gen);
    if (!f || !f->base.generation || off <= f->acked || off > f->base.cursor.off)
        return;
    f->acked = off;
    s->progress_us = s->node->now_us;
    follow_ready(f);
}

/* ------------------------------------------------------------------ cancel */

static void cancel_found(void *ctx, struct generation *g, const struct err *e)
{
    struct follow *f = *(struct follow **)ctx;
    f->base.recall = NULL;
    if (!g)
        session_put_error(f->session, e, &f->gen);
    follow_bury(f);
}

static void tell_outcome(struct session *s, const struct generation *g)
{
    struct active_item a = generation_active(g);
    session_tell_active(s, &a);
}

void follow_cancel(struct session *s, const struct uuid *gen)
{
    struct generation *g = generation_find(s->node, s->owner, gen);
    if (g) {
        bool done = g->state == GENERATION_DONE;
        generation_cancel(g);
        /* Its `active` is the answer, also where the others are told none. */
        if (!done && g->state >= GENERATION_ENDING && !owner_is_told_active(s->owner))
            tell_outcome(s, g);
        return;
    }
    if (follow_find(s, gen))
        return; /* being looked up already: by a resume, whose answer says all */
    if (!has_room(s, gen, NULL))
        return;
    struct follow *f = follow_new(s, gen);
    f->base.recall = recall_start_with(s->node, s->owner, gen, cancel_found, &f, sizeof f);
}

/* ------------------------------------------------------------------ told by the generation */

static struct follow *of(struct follower *base)
{
    return (struct follow *)(void *)base; /* base is its first member */
}

static void on_accepted(struct follower *base)
{
    struct follow *f = of(base);
    const struct generation *g = base->generation;
    size_t mark;
    log_info("session.accepted", LF_UUID("session", &f->session->id), LF_UUID("gen", &f->gen));
    protocol_write_accepted(session_put(f->session, &mark), &f->gen, &g->chat_id, &g->message,
                            &g->user_message);
    session_put_end(f->session, mark);
    f->asked = false;
    if (f->leaving)
        follow_bury(f);
}

static void on_refused(struct follower *base, const struct err *e)
{
    struct follow *f = of(base);
    session_put_error(f->session, e, &f->gen);
    follow_bury(f);
}

static void on_diverged(struct follower *base, uint64_t off, uint32_t crc)
{
    (void)crc; /* the cursor has it; it is written when it is read, so that a resume that comes before
                  replaces it */
    of(base)->acked = off;
    of(base)->rewind_due = true;
}

static void on_wake(struct follower *base)
{
    follow_ready(of(base));
}

static void on_status(struct follower *base, const char *state, int64_t idle_ms)
{
    struct follow *f = of(base);
    size_t mark;
    if (f->leaving)
        return;
    if (f->rewind_due) {
        f->status_due = state;
        return;
    }
    protocol_write_status(session_put(f->session, &mark), &f->gen, state, idle_ms);
    session_put_end(f->session, mark);
}

static void on_notice(struct follower *base, const struct err *e)
{
    session_put_error(of(base)->session, e, &of(base)->gen);
}

static const struct follower_ops follow_ops = {.accepted = on_accepted,
                                               .refused = on_refused,
                                               .diverged = on_diverged,
                                               .wake = on_wake,
                                               .status = on_status,
                                               .notice = on_notice};

/* ------------------------------------------------------------------ reading */

/* Room for more text before the client must acknowledge; less than a UTF-8 sequence counts as none. */
static size_t follow_room(const struct follow *f)
{
    uint64_t limit = (uint64_t)f->session->node->config->limits_unacked_bytes;
    uint64_t out = f->base.cursor.off > f->acked ? f->base.cursor.off - f->acked : 0;
    uint64_t room = out < limit ? limit - out : 0;
    if (room < 4)
        return 0;
    return room < PROTOCOL_DELTA_MAX ? (size_t)room : PROTOCOL_DELTA_MAX;
}

static bool waits_for_ack(const struct follow *f)
{
    const struct generation *g = f->base.generation;
    return g && follow_room(f) == 0 && f->base.cursor.off < tokenlog_end(&g->log);
}

bool session_waits_for_ack(const struct session *s)
{
    list_each (pos, &s->follows)
        if (waits_for_ack(list_entry(pos, struct follow, link)))
            return true;
    return false;
}

static void write_item(struct follow *f, const struct log_item *item, struct buf *out)
{
    struct generation *g = f->base.generation;
    if (item->kind == LOG_ITEM_DONE) {
        protocol_write_done(out, &f->gen, item, &g->outcome);
        follow_free(f);
        return;
    }
    protocol_write_item(out, &f->gen, item);
    if (item->kind == LOG_ITEM_REWIND && f->acked > item->off)
        f->acked = item->off;
    list_del(&f->ready_link);
    if (tokenlog_pending(&g->log, &f->base.cursor) || f->base.live_due)
        list_add_tail(&f->session->ready, &f->ready_link); /* behind the others: in turns */
}

/* What is to be said of the place the cursor stands at. False: nothing. */
static bool read_place(struct follow *f, struct buf *out)
{
    const struct generation *g = f->base.generation;
    const struct log_cursor *at = &f->base.cursor;
    if (f->rewind_due) {
        f->rewind_due = false;
        protocol_write_diverged(out, &f->gen, g->log.epoch, at->off, at->crc);
    } else if (f->status_due) {
        protocol_write_status(out, &f->gen, f->status_due, -1);
        f->status_due = NULL;
    } else if (f->base.live_due && tokenlog_replayed(&g->log, at)) {
        f->base.live_due = false;
        protocol_write_live(out, &f->gen, at->off);
    } else {
        return false;
    }
    return true;
}

/* One message of f's; false: it has none now. */
static bool follow_read(struct follow *f, struct buf *out)
{
    struct generation *g = f->base.generation;
    struct log_item item;
    if (!g || waits_for_ack(f))
        return false;
    if (read_place(f, out))
        return true;
    size_t room = follow_room(f);
    if (tokenlog_next(&g->log, &f->base.cursor, room ? room : 4, &item) == LOG_ITEM_NONE)
        return false;
    write_item(f, &item, out);
    return true;
}

bool follow_next(struct session *s, struct buf *out)
{
    while (!list_empty(&s->ready)) {
        struct follow *f = list_entry(list_first(&s->ready), struct follow, ready_link);
        if (follow_read(f, out))
            return true;
        list_del(&f->ready_link);
    }
    return false;
}
