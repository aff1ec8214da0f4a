/* ui_run: one answer on its way to a chat library. See ui_session.h.
 *
 *     send_submit   -> accepted -> begin ---\
 *     resume_submit -> first read -> begin --+-> text, rewind (again from 0), done -> ended
 *
 * It has no cursor of the library's but where that has one: after a rewind all is said again. */
#include <string.h>

#include "base/mem.h"
#include "core/owner.h"
#include "edge/derive.h"
#include "edge/ui_session.h"

#define READ_BYTES 65536 /* about what one read says */

struct ui_run {
    struct guest_follow follow; /* first */
    struct ui_voice voice;
    struct ui_ask ask;            /* until accepted */
    struct ui_position from;      /* of a resume */
    bool begun, said, rewind_due; /* said: text */
};

static struct ui_run *run_of(struct guest_follow *f)
{
    return (struct ui_run *)(void *)f; /* its first member */
}

static struct ui_session *session_of(struct ui_run *run)
{
    return (struct ui_session *)(void *)run->follow.guest;
}

/* ------------------------------------------------------------------ what is said */

static void begin(struct ui_run *run, struct ui_out *out, bool resumed)
{
    struct ui_session *s = session_of(run);
    const struct follower *f = &run->follow.follower;
    struct log_item at = {.epoch = f->generation->log.epoch, .off = f->cursor.off, .crc = f->cursor.crc};
    run->begun = true;
    run->voice.message = f->generation->message;
    s->dialect->write_begin(&run->voice, out, resumed, &at);
}

/* It ends, and with it a connection that is there for it alone. */
static void end(struct ui_run *run, struct ui_out *out, unsigned code, const char *reason)
{
    struct ui_session *s = session_of(run);
    ui_session_say(s, out);
    guest_follow_end(&run->follow);
    if (s->replay)
        guest_close(s, code, reason);
}

static void end_rewound(struct ui_run *run, struct ui_out *out)
{
    struct err e = {0};
    err_set(&e, ERR_UPSTREAM_ERROR,
            "The answer was begun anew: what came so far does not hold. Load it again.");
    session_of(run)->dialect->write_error(&run->voice, out, &e);
    end(run, out, 1000, "rewound");
}

/* False: it ended. */
static bool rewind_all(struct ui_run *run, struct ui_out *out)
{
    struct follower *f = &run->follow.follower;
    struct log_item at = {.kind = LOG_ITEM_REWIND, .epoch = f->generation->log.epoch};
    run->rewind_due = false;
    if (!session_of(run)->dialect->write_rewind(&run->voice, out, &at)) {
        end_rewound(run, out);
        return false;
    }
    f->cursor = tokenlog_seek(&f->generation->log, 0);
    return true;
}

/* False: it ended. */
static bool say_item(struct ui_run *run, struct ui_out *out, const struct log_item *item)
{
    const struct ui_dialect *d = session_of(run)->dialect;
    if (item->kind == LOG_ITEM_REWIND)
        return rewind_all(run, out);
    if (item->kind == LOG_ITEM_TEXT) {
        d->write_text(&run->voice, out, item);
        run->said = true;
    }
    if (item->kind != LOG_ITEM_DONE)
        return true;
    d->write_done(&run->voice, out, &run->follow.follower.generation->outcome);
    end(run, out, 1000, "");
    return false;
}

static bool run_read(struct guest_follow *base)
{
    struct ui_run *run = run_of(base);
    struct follower *f = &base->follower;
    struct ui_out out = {0};
    struct log_item item;
    if (!f->generation || f->accept_due)
        return false;
    if (!run->begun)
        begin(run, &out, true);
    if (run->rewind_due && !rewind_all(run, &out))
        return true;
    while (out.buf.len < READ_BYTES &&
           tokenlog_next(&f->generation->log, &f->cursor, PROTOCOL_DELTA_MAX, &item))
        if (!say_item(run, &out, &item))
            return true;
    bool said = out.buf.len > 0;
    ui_session_say(session_of(run), &out);
    return said;
}

/* ------------------------------------------------------------------ what the generation tells */

static void run_accepted(struct guest_follow *base)
{
    struct ui_run *run = run_of(base);
    struct ui_out out = {0};
    ui_ask_free(&run->ask);
    begin(run, &out, false);
    ui_session_say(session_of(run), &out);
}

static void run_refused(struct guest_follow *base, const struct err *e)
{
    struct ui_run *run = run_of(base);
    struct ui_session *s = session_of(run);
    struct ui_out out = {0};
    bool no_parent = e->code == ERR_NOT_FOUND && e->param && strcmp(e->param, "parent") == 0;
    if (run->ask.root && no_parent && run->ask.parent_choice != PARENT_ABSENT) {
        ui_look_retry(s, &run->ask);
        return;
    }
    bool unknown = e->code == ERR_NOT_FOUND || e->code == ERR_RESUME_GONE;
    if (!run->ask.root && unknown && s->dialect->write_none)
        s->dialect->write_none(&run->voice, &out);
    else if (!s->replay)
        s->dialect->write_error(&run->voice, &out, e);
    ui_session_say(s, &out);
    if (s->replay)
        guest_close(s, unknown ? 1008 : 1013, unknown ? "no such run" : err_wire(e->code));
}

/* The place that the reader stands at does not hold; or, of a log that came back from history, is not vouched
 * for. */
static void run_diverged(struct guest_follow *base)
{
    struct ui_run *run = run_of(base);
    struct follower *f = &base->follower;
    const struct tokenlog *log = &f->generation->log;
    if (!run->said && tokenlog_agrees(log, run->from.off, run->from.crc)) {
        f->cursor = tokenlog_seek(log, run->from.off);
        return;
    }
    run->begun = true; /* as far as the peer is concerned */
    run->rewind_due = true;
}

static void run_status(struct guest_follow *base, const char *state)
{
    struct ui_run *run = run_of(base);
    struct ui_out out = {0};
    if (!run->begun || run->rewind_due)
        return;
    session_of(run)->dialect->write_status(&run->voice, &out, state);
    ui_session_say(session_of(run), &out);
}

static void run_ended(struct guest_follow *base)
{
    struct ui_run *run = run_of(base);
    ui_ask_free(&run->ask);
    mem_free(run->voice.id);
    mem_free(run->voice.thread);
    json_decref(run->voice.messages);
}

static const struct guest_follow_ops run_ops = {.size = sizeof(struct ui_run),
                                                .accepted = run_accepted,
                                                .refused = run_refused,
                                                .diverged = run_diverged,
                                                .status = run_status,
                                                .read = run_read,
                                                .ended = run_ended};

/* ------------------------------------------------------------------ beginnings */

static struct ui_run *run_new(struct ui_session *s, const char *id, const char *thread,
                              const struct uuid *gen)
{
    struct err e = {0};
    struct guest_follow *f = guest_follow_new(&s->guest, &run_ops, gen, &e);
    if (!f) {
        ui_session_refuse(s, id, thread, &e);
        return NULL;
    }
    struct ui_run *run = run_of(f);
    run->voice = (struct ui_voice){.id = mem_strdup(id), .thread = mem_strdup(thread), .open = -1};
    return run;
}

static struct send send_of(struct ui_session *s, const struct ui_ask *ask, const struct uuid *parent)
{
    struct node *n = s->guest.node;
    const char *owner = s->guest.owner->name;
    return (struct send){.gen = s->dialect->names_gen ? derive_id("gen", owner, ask->id) : node_uuid(n),
                         .chat = derive_id("chat", owner, ask->chat),
                         .parent = parent ? *parent : ask->parent,
                         .parent_choice = parent ? PARENT_ID : ask->parent_choice,
                         .input = parent            ? NULL
                                  : ask->input.data ? ask->input.data
                                                    : "",
                         .input_len = parent ? 0 : ask->input.len,
                         .model = ask->model,
                         .params = ask->params,
                         .messages_json = ask->messages_json,
                         .cancel_on_disconnect = ask->cancel_on_disconnect,
                         .if_busy = ask->if_busy,
                         .grant = s->guest.grant};
}

void ui_run_send(struct ui_session *s, struct ui_ask *ask, const struct uuid *parent)
{
    struct send send = send_of(s, ask, parent);
    struct guest_follow *old = guest_follow_find(&s->guest, &send.gen);
    if (old) /* asked again while it is answered: from the beginning, and once */
        guest_follow_end(old);
    struct ui_run *run = run_new(s, ask->id, ask->chat, &send.gen);
    if (!run) {
        ui_ask_free(ask);
        return;
    }
    run->voice.messages = json_incref((json_t *)(uintptr_t)ask->messages);
    run->ask = *ask;
    *ask = (struct ui_ask){0};
    send_submit(s->guest.node, s->guest.owner, &send, &run->follow.follower);
}

void ui_run_resume(struct ui_session *s, const char *id, const char *thread, const struct uuid *gen,
                   struct ui_position from)
{
    struct resume_request r = {.gen = *gen, .epoch = 1, .off = from.off, .crc = from.crc};
    struct ui_run *run = run_new(s, id, thread, gen);
    if (!run)
        return;
    run->from = from;
    resume_submit(s->guest.node, s->guest.owner, &r, &run->follow.follower);
}

bool ui_run_abort(struct ui_session *s, const char *id)
{
    list_each_safe (pos, tmp, &s->guest.follows) {
        struct ui_run *run = run_of(list_entry(pos, struct guest_follow, link));
        if (strcmp(run->voice.id, id) != 0)
            continue;
        struct generation *g = run->follow.follower.generation;
        bool cancels = g && (run->begun || run->ask.root); /* not: a resume that has shown nothing yet */
        guest_follow_end(&run->follow);
        if (cancels)
            generation_cancel(g);
        return true;
    }
    return false;
}
