/* stream: see stream.h. Paced: one timer a token, one write a token; the schedule is absolute, so lateness
 * does not add up. Unpaced: batches of 64 KiB, a few a turn, so that nobody starves. */
#include "stream.h"

#include <stdio.h>
#include <time.h>

#include "base/mem.h"
#include "stats.h"

#define BATCH_BYTES 65536u
#define BATCHES_PER_TURN 4
#define BURST 8u
#define PIECE_NS NS_PER_MS
#define PIECE_BYTES 64u
#define INTERVAL_MAX (86400.0 * (double)NS_PER_S)

static struct buf batch; /* shared: there is one thread, and what the socket leaves is the connection's */

static void on_timer(struct timer *t);

static void job_drained(struct job *j)
{
    stream_drained(list_entry(j, struct stream, job));
}

static void job_gone(struct job *j, bool by_peer)
{
    stream_gone(list_entry(j, struct stream, job), by_peer);
}

/* A rate near zero means one token a day: longer than any test, and no number runs over. */
static uint64_t interval_of(double rate)
{
    double ns = rate > 0 ? (double)NS_PER_S / rate : 0;
    return ns < INTERVAL_MAX ? (uint64_t)ns : (uint64_t)INTERVAL_MAX;
}

struct stream *stream_start(struct conn *c, void *owner, const struct dialect *d, struct ask *ask,
                            enum fault f, uint64_t number)
{
    struct stream *s = mem_alloc(sizeof(*s));
    s->job = (struct job){job_drained, job_gone};
    s->conn = c;
    s->owner = owner;
    s->dialect = d;
    s->ask = *ask;
    *ask = (struct ask){0};
    s->fault = f;
    s->number = number;
    s->off = s->ask.from;
    s->next = answer_token_at(s->ask.answer, s->off);
    s->random = number * 0x9e3779b97f4a7c15ull + 1;
    s->interval = interval_of(s->ask.opt.rate);
    s->created = (int64_t)time(NULL);
    snprintf(s->id, sizeof(s->id), "chatcmpl-%08llx", (unsigned long long)number);
    if (f == FAULT_SLICE1)
        c->slice = 1;
    s->timer.fire = on_timer;
    s->due = loop_now() + s->ask.opt.first_token_ms * NS_PER_MS;
    timer_set(&s->timer, s->due);
    return s;
}

static void stream_free(struct stream *s, enum ended ended)
{
    timer_clear(&s->timer);
    stats_end(s->number, ended);
    s->conn->slice = 0;
    buf_free(&s->before);
    buf_free(&s->after);
    buf_free(&s->held);
    ask_free(&s->ask);
    mem_free(s);
}

void stream_gone(struct stream *s, bool by_peer)
{
    stream_free(s, by_peer && !s->stalled ? ENDED_ABORTED : ENDED_FAULT);
}

/* True: this fault does something between two tokens, once. */
static bool fault_in_middle(enum fault f)
{
    return f == FAULT_S08 || f == FAULT_S09 || f == FAULT_S10 || f == FAULT_S13 || f == FAULT_INBAND_ERROR;
}

static bool odd_is_due(const struct stream *s)
{
    if (!fault_in_middle(s->fault) || s->odd_done)
        return false;
    /* an answer too short for its fault has it at the end */
    return s->sent >= s->ask.opt.fault_after || s->sent == s->ask.tokens;
}

static bool is_silent(const struct stream *s)
{
    return (s->fault == FAULT_S09 && s->odd_done) || (s->fault == FAULT_S11 && s->ask.opt.mode == MODE_OPEN);
}

static bool is_cut(const struct stream *s)
{
    enum fault_mode m = s->ask.opt.mode;
    return (s->fault == FAULT_S08 && s->odd_done) ||
           (s->fault == FAULT_S11 && (m == MODE_FIN || m == MODE_RST));
}

bool stream_is_broken(const struct stream *s)
{
    return is_silent(s) || is_cut(s);
}

/* A token of the clock says when it was sent. */
static void add_stamp(struct stream *s, struct buf *b)
{
    char text[CLOCK_TOKEN + 8];
    int n = snprintf(text, sizeof(text), "%016llu ", (unsigned long long)(clock_now() / 1000));
    s->dialect->token(s, b, text, (size_t)n, text, (size_t)n);
}

static void add_token(struct stream *s, struct buf *b)
{
    const struct answer *a = s->ask.answer;
    size_t end = a->end[s->next] < s->ask.upto ? a->end[s->next] : s->ask.upto;
    if (s->ask.model.family == FAMILY_CLOCK) {
        add_stamp(s, b);
    } else if (s->off == answer_start(a, s->next) && end == a->end[s->next]) {
        size_t from = s->next ? a->escaped_end[s->next - 1] : 0;
        s->dialect->token(s, b, a->text.data + s->off, end - s->off, a->escaped.data + from,
                          a->escaped_end[s->next] - from);
    } else { /* part of a token: after a prefix, or before a stop string */
        s->dialect->token(s, b, a->text.data + s->off, end - s->off, NULL, 0);
    }
    s->off = end;
    s->next++;
    s->sent++;
}

/* One token more, or what the fault puts between two. False: that was the end. */
static bool add_one(struct stream *s, struct buf *b)
{
    if (!s->begun && s->dialect->begin)
        s->dialect->begin(s, b);
    s->begun = true;
    if (odd_is_due(s)) {
        s->odd_done = true;
        s->dialect->odd(s, b);
        if (s->fault != FAULT_S10)
            return false;
    }
    if (s->sent < s->ask.tokens)
        add_token(s, b);
    if (s->sent < s->ask.tokens || odd_is_due(s))
        return true;
    s->dialect->finish(s, b);
    return false;
}

/* Fills the batch with what is due; sets `over` after the last. */
static void fill_batch(struct stream *s)
{
    bool pieces = s->fault == FAULT_SPLIT || s->fault == FAULT_CUTCHAR;
    uint32_t most = s->fault == FAULT_BURST ? BURST : s->interval || pieces ? 1 : UINT32_MAX;
    for (uint32_t i = 0; !s->over && batch.len < BATCH_BYTES; i++) {
        if (i >= most && (pieces || s->due > loop_now()))
            break;
        s->over = !add_one(s, &batch);
        s->due += s->interval;
    }
}

/* The end, its bytes being out: proper, cut, or silence until the client leaves. */
static void stream_end(struct stream *s)
{
    if (is_silent(s)) {
        s->stalled = true;
    } else if (is_cut(s)) {
        if (s->ask.opt.mode == MODE_RST)
            conn_reset(s->conn);
        else
            conn_cut(s->conn);
    } else {
        bool failed = s->odd_done && s->fault != FAULT_S10;
        const struct dialect *d = s->dialect;
        void *owner = s->owner;
        stream_free(s, failed ? ENDED_FAULT : ENDED_DONE);
        d->close(owner);
    }
}

/* Makes one batch and sends it. False: the socket is full. */
static bool send_batch(struct stream *s)
{
    uint32_t sent = s->sent;
    size_t off = s->off;
    batch.len = 0;
    buf_reserve(&batch, STREAM_GAP);
    batch.len = STREAM_GAP;
    if (s->dialect->whole) {
        s->dialect->whole(s, &batch);
        s->over = true;
    } else {
        fill_batch(s);
    }
    stats_sent(s->number, s->sent - sent, s->off - off);
    size_t start = s->dialect->wrap ? s->dialect->wrap(s, &batch) : STREAM_GAP;
    if (s->fault == FAULT_SPLIT)
        buf_add(&s->held, batch.data + start, batch.len - start);
    else if (batch.len > start)
        return conn_send(s->conn, batch.data + start, batch.len - start);
    return true;
}

static void plan_next(struct stream *s)
{
    uint64_t when = s->held.len ? loop_now() + PIECE_NS : s->due;
    if (!s->held.len && s->ask.opt.jitter > 0) {
        s->random = s->random * 6364136223846793005ull + 1442695040888963407ull;
        double share = (double)(s->random >> 40) / (double)(1u << 24);
        when += (uint64_t)((double)s->interval * s->ask.opt.jitter * share);
    }
    timer_set(&s->timer, when);
}

/* Sends the next piece of what is held. False: the socket is full. */
static bool send_piece(struct stream *s)
{
    size_t n = s->fault == FAULT_SPLIT && s->held.len > PIECE_BYTES ? PIECE_BYTES : s->held.len;
    bool room = conn_send(s->conn, s->held.data, n);
    buf_drop(&s->held, n);
    return room;
}

static void on_timer(struct timer *t)
{
    struct stream *s = list_entry(t, struct stream, timer);
    for (int i = 0; i < BATCHES_PER_TURN; i++) {
        bool room = s->held.len ? send_piece(s) : send_batch(s);
        if (!room)
            return; /* stream_drained goes on */
        if (s->over && !s->held.len) {
            stream_end(s);
            return;
        }
        if (s->interval || s->held.len)
            break;
    }
    plan_next(s);
}

void stream_drained(struct stream *s)
{
    if (s->stalled)
        return;
    if (s->over && !s->held.len) {
        stream_end(s);
        return;
    }
    if (s->due < loop_now())
        s->due = loop_now(); /* what the client did not take in time is late, not owed */
    plan_next(s);
}

void stream_cleanup(void)
{
    buf_free(&batch);
}
