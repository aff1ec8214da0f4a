/* attempt: one request of a call, from its building to the ladder's next step (call_inner.h).
 *
 * The transport calls in, the codec decodes at once, the text waits in the shared gather until the read is
 * over (calls_flush): then the core is told, once. */
#include "upstream/call_inner.h"

#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/metrics.h"
#include "upstream/openai.h"

#define REFUSAL_MAX 65536 /* bytes of an error body that are looked at */
#define TEXT_MAX 16384    /* bytes of text that are told at once */
#define GRACE_MS 300      /* for usage and the end mark, after a finish_reason */

static const struct transport_handlers handlers;

int64_t attempt_cost(const struct call *c)
{
    int64_t said = c->try.answer.completion_tokens;
    return said >= 0 ? said : c->try.tokens;
}

/* ------------------------------------------------------------ deadlines */

static uint64_t sooner(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* When the attempt fails if nothing comes any more. Before a finish_reason: with it the answer is whole. */
static uint64_t deadline(struct call *c, enum failure *f)
{
    const struct site *s = call_target(c)->site;
    uint64_t total = c->ladder.began_ms + (uint64_t)c->limits.ladder.total_ms, at;
    if (c->try.tokens || c->try.answer.other) {
        *f = FAIL_STALLED;
        int64_t ms = s->between_tokens_ms ? s->between_tokens_ms : c->limits.between_tokens_ms;
        at = c->try.active_ms + (uint64_t)ms;
    } else {
        *f = FAIL_NO_TOKEN;
        int64_t ms = s->first_token_ms ? s->first_token_ms : c->limits.first_token_ms;
        at = c->try.began_us / 1000 + (uint64_t)ms;
    }
    if (total <= at)
        *f = FAIL_TOTAL;
    return sooner(total, at);
}

/* When followers are to be told that nothing comes. */
static uint64_t quiet_at(const struct call *c)
{
    return c->try.active_ms + (uint64_t)c->limits.stalled_ms;
}

/* ------------------------------------------------------------ beginning */

/* How the attempt goes about the text so far; *text stays NULL unless it is to be continued. */
static enum start_mode choose_mode(struct call *c, const char **text, size_t *len)
{
    bool only_text = true;
    *text = NULL;
    *len = 0;
    if (!c->shown && !c->resume)
        return START_FRESH;
    c->events.text_so_far(c->ctx, text, len, &only_text);
    c->shown |= *len > 0 || !only_text;
    bool can = *len && only_text && !c->other && call_target(c)->site->continuation != CONTINUE_NONE &&
               !(c->ladder.no_prefix >> c->ladder.at & 1);
    if (can)
        return START_PREFIX;
    *text = NULL;
    *len = 0;
    return c->shown ? START_RESTART : START_FRESH;
}

static void build(struct call *c, struct buf *path, struct buf *body)
{
    const struct target *t = call_target(c);
    struct ask ask = {.model = t->model,
                      .messages = c->messages.data,
                      .messages_len = c->messages.len,
                      .params = c->params,
                      .body = t->body,
                      .continuation = t->site->continuation,
                      .produced = c->kept,
                      .max_tokens = t->site->max_tokens};
    c->try.mode = choose_mode(c, &ask.prefix, &ask.prefix_len);
    if (ask.prefix_len && t->site->dialect->unsent) {
        size_t n = t->site->dialect->unsent(ask.prefix, ask.prefix_len);
        buf_add(&c->try.unsent, ask.prefix + ask.prefix_len - n, n);
    }
    t->site->dialect->path(path, &ask);
    t->site->dialect->build(body, &ask);
}

void attempt_begin(struct call *c)
{
    const struct target *t = call_target(c);
    struct transport_request request = {0};
    struct buf path = {0};
    uint64_t now_us = c->set->now_us(c->set->clock), now = now_us / 1000;
    memset(&c->try, 0, sizeof c->try);
    c->try.answer.prompt_tokens = c->try.answer.completion_tokens = -1;
    c->try.retry_after_ms = -1;
    c->try.began_us = now_us;
    c->try.active_ms = now;
    ladder_began(&c->ladder);
    call_move(c, CALL_ASKED);
    if (site_wait(t->site, t->model, now)) {
        attempt_failed(c, FAIL_CIRCUIT);
        return;
    }
    c->try.probe = site_enter(t->site, t->model, now);
    c->try.key = keys_pick(&t->site->keys, now);
    build(c, &path, &request.body);
    request.path = buf_cstr(&path);
    metric_add_for(METRIC_UPSTREAM_REQUESTS, t->site->name, 1);
    metric_add_for(METRIC_UPSTREAM_RUNNING, t->site->name, 1);
    c->try.running = true;
    log_debug("upstream.attempt.begin", LF_STR("trace", c->trace), LF_STR("upstream", t->site->name),
              LF_STR("model", t->model), LF_INT("attempt", c->ladder.attempts), LF_INT("mode", c->try.mode));
    c->try.transfer = t->site->transport->start(t->site->wires[c->try.key], &request, &handlers, c);
    buf_free(&path);
    /* Nothing may be told before the caller has the call: even a failed start is for the timer to find. */
    enum failure f;
    uint64_t at = sooner(deadline(c, &f), quiet_at(c));
    timer_set(&c->set->timers, &c->timer, c->try.transfer ? at : now);
}

/* ------------------------------------------------------------ what comes */

void attempt_announce(struct call *c)
{
    struct target *t = call_target(c);
    if (c->try.announced)
        return;
    c->try.announced = true;
    site_ok(t->site, t->model);
    if (c->try.mode != START_PREFIX) {
        c->kept = 0;
        c->kept_known = true;
        c->other = false;
    }
    c->shown = true;
    c->events.on_start(c->ctx, c->try.mode, c->try.answer.model ? c->try.answer.model : t->model,
                       t->site->name);
}

/* The gather's text goes to the core. */
void attempt_flush(struct gather *g, void *owner)
{
    struct call *c = owner;
    unsigned tokens = g->tokens;
    g->tokens = 0;
    if (c && c->state == CALL_ASKED && g->text.len) {
        attempt_announce(c);
        c->try.tokens += tokens;
        if (c->state == CALL_ASKED)
            c->events.on_text(c->ctx, g->part, g->text.data, g->text.len, tokens);
    }
    g->text.len = 0;
}

/* Counts what the codec found since the last time. */
static void account(struct call *c)
{
    struct attempt *a = &c->try;
    const char *name = call_target(c)->site->name;
    if (a->answer.events != a->seen) {
        uint64_t now_us = c->set->now_us(c->set->clock);
        if (!a->seen)
            metric_observe_us_for(METRIC_UPSTREAM_FIRST_BYTE, name, now_us - a->began_us);
        a->seen = a->answer.events;
        a->active_ms = now_us / 1000;
        if (a->stalled_told) /* the timer was past the next silence already */
            timer_set(&c->set->timers, &c->timer, quiet_at(c));
        a->stalled_told = false;
    }
    if (a->answer.malformed != a->malformed) {
        metric_add_for(METRIC_UPSTREAM_MALFORMED, name, a->answer.malformed - a->malformed);
        if (!a->malformed) /* once an attempt; the metric has them all */
            log_warn("upstream.event.malformed", LF_STR("trace", c->trace), LF_STR("upstream", name));
        a->malformed = a->answer.malformed;
    }
    if (a->answer.finish && !a->finish_ms) {
        a->finish_ms = a->active_ms;
        timer_set(&c->set->timers, &c->timer, a->finish_ms + GRACE_MS);
    }
    c->other |= a->answer.other;
}

/* The end mark came. What it ends need not be an answer that can be shown. */
static enum failure fault_of_whole(const struct call *c)
{
    const struct answer *a = &c->try.answer;
    if (a->finish == FINISH_FILTERED)
        return FAIL_FILTER;
    if (a->finish == FINISH_TOOLS || (a->other && !c->try.tokens))
        return FAIL_NOT_TEXT;
    if (!a->finish && a->malformed && !c->try.tokens)
        return FAIL_GARBLED; /* all that came before [DONE] was skipped */
    return FAIL_NONE;
}

static void whole(struct call *c)
{
    enum failure f = fault_of_whole(c);
    if (f) {
        attempt_failed(c, f);
        return;
    }
    attempt_measure(c, NULL);
    call_end(c, c->try.answer.finish == FINISH_LENGTH ? CALL_LENGTH : CALL_COMPLETE, 0);
}

/* After a read: is the attempt over, whatever the connection still does? An error after the finish_reason
 * takes nothing back. */
void attempt_progress(struct call *c)
{
    const struct answer *a = &c->try.answer;
    account(c);
    if (a->failure && !a->finish)
        attempt_failed(c, a->failure);
    else if (a->failure || a->done || a->usage_after_finish)
        whole(c);
}

static void on_head(void *ctx, int status, int64_t retry_after_ms, const char *content_type)
{
    struct call *c = ctx;
    c->try.status = status;
    c->try.retry_after_ms = retry_after_ms;
    if (status == 200 && !c->try.stream)
        c->try.stream =
            call_target(c)->site->dialect->open(c->limits.event_bytes, content_type, &c->try.unsent);
}

static void on_body(void *ctx, const char *bytes, size_t len)
{
    struct call *c = ctx;
    struct gather *g = &c->set->gather;
    if (!c->try.stream) {
        size_t room = REFUSAL_MAX - c->try.refusal.len;
        buf_add(&c->try.refusal, bytes, len < room ? len : room);
        return;
    }
    if (g->owner != c) {
        calls_flush(c->set);
        g->owner = c;
    }
    call_target(c)->site->dialect->feed(c->try.stream, g, &c->try.answer, bytes, len);
    if (g->text.len >= TEXT_MAX) /* libcurl reads up to a hundred times before it returns */
        calls_flush(c->set);
}

static enum failure of_transport(const struct call *c, enum transport_result result)
{
    switch (result) {
    case TRANSPORT_CONNECT:
        return FAIL_CONNECT;
    case TRANSPORT_TLS:
        return FAIL_TLS;
    case TRANSPORT_TIMEOUT:
        return c->try.tokens ? FAIL_STALLED : FAIL_NO_TOKEN;
    case TRANSPORT_REFUSED:
        return FAIL_REQUEST;
    default:
        return c->try.status ? FAIL_CUT : FAIL_RESET;
    }
}

/* The response is over and had no end mark. */
static enum failure judge(struct call *c, enum transport_result result)
{
    struct attempt *a = &c->try;
    if (a->status && a->status != 200)
        return openai_refusal(a->status, a->refusal.data ? a->refusal.data : "", a->refusal.len,
                              a->answer.detail);
    return of_transport(c, result);
}

static void on_end(void *ctx, enum transport_result result, const char *reason)
{
    struct call *c = ctx;
    struct gather *g = &c->set->gather;
    (void)reason;
    c->try.transfer = NULL;
    if (c->try.stream && result == TRANSPORT_OK) {
        if (g->owner != c)
            calls_flush(c->set);
        g->owner = c;
        call_target(c)->site->dialect->end(c->try.stream, g, &c->try.answer);
    }
    if (g->owner == c)
        calls_flush(c->set);
    if (c->state != CALL_ASKED)
        return;
    if (c->try.answer.finish)
        whole(c);
    else
        attempt_failed(c, judge(c, result));
}

static const struct transport_handlers handlers = {on_head, on_body, on_end};

/* ------------------------------------------------------------ failing */

void attempt_stop(struct call *c, bool politely)
{
    struct attempt *a = &c->try;
    const struct site *s = call_target(c)->site;
    struct transfer *transfer = a->transfer;
    a->transfer = NULL;
    if (transfer && politely)
        s->transport->finish(transfer);
    else if (transfer)
        s->transport->cancel(transfer);
    if (a->running)
        metric_add_for(METRIC_UPSTREAM_RUNNING, s->name, -1);
    a->running = false;
}

void attempt_drop(struct call *c)
{
    struct attempt *a = &c->try;
    attempt_stop(c, false);
    call_target(c)->site->dialect->close(a->stream);
    a->stream = NULL;
    mem_free(a->answer.model);
    a->answer.model = NULL;
    buf_free(&a->refusal);
    buf_free(&a->unsent);
}

static void tell_circuit(struct call *c, enum failure f)
{
    struct target *t = call_target(c);
    if (f == FAIL_CIRCUIT)
        return;
    if (f == FAIL_TOTAL) /* the bound is ours: it says nothing of the upstream */
        site_forget(t->site, t->model, c->try.probe);
    metric_add_for(METRIC_UPSTREAM_FAILURES, t->site->name, 1);
    if (f != FAIL_TOTAL)
        site_failed(t->site, t->model, failure_row(f)->breaker, call_now_ms(c));
}

static struct ladder_step ask_ladder(struct call *c, enum failure f)
{
    uint64_t now = call_now_ms(c);
    struct site *s = call_target(c)->site;
    struct ladder_news n = {.failure = f,
                            .status = c->try.status,
                            .retry_after_ms = c->try.retry_after_ms,
                            .now_ms = now,
                            .random = c->set->random(),
                            .other_key = site_key_failed(s, c->try.key, f, c->try.retry_after_ms, now)};
    for (size_t i = 0; i < c->ladder.targets; i++) {
        const struct target *t = &c->targets[i];
        int64_t wait = site_wait(t->site, t->model, now);
        n.open |= (uint16_t)((wait > 0) << i);
        if (i == c->ladder.at)
            n.open_wait_ms = wait;
    }
    return ladder_failed(&c->ladder, &n);
}

static void log_failure(struct call *c, enum failure f)
{
    const struct target *t = call_target(c);
    log_warn("upstream.attempt.failed", LF_STR("trace", c->trace), LF_STR("upstream", t->site->name),
             LF_STR("model", t->model), LF_INT("attempt", c->ladder.attempts),
             LF_STR("reason", failure_row(f)->name), LF_STR("detail", c->try.answer.detail),
             LF_INT("status", c->try.status), LF_INT("tokens", c->try.tokens));
}

static enum call_outcome outcome_of(const struct call *c, enum failure f)
{
    if (f == FAIL_FILTER)
        return CALL_FILTERED;
    return c->shown ? CALL_TRUNCATED : CALL_ERROR;
}

static void climb(struct call *c, enum failure f, const struct ladder_step *step, uint64_t idle_ms)
{
    const char *name = call_target(c)->site->name;
    if (step->move == LADDER_END) {
        call_end(c, outcome_of(c, f), step->after_ms);
        return;
    }
    metric_add_for(step->move == LADDER_RETRY ? METRIC_UPSTREAM_RETRIES : METRIC_UPSTREAM_FALLBACKS, name, 1);
    call_move(c, CALL_WAITING);
    timer_set(&c->set->timers, &c->timer, call_now_ms(c) + (uint64_t)step->wait_ms);
    c->events.on_status(c->ctx, CALL_RETRYING, idle_ms);
}

void attempt_failed(struct call *c, enum failure f)
{
    if (c->try.mode == START_PREFIX && f == FAIL_REQUEST)
        f = FAIL_PREFIX;
    log_failure(c, f);
    attempt_measure(c, failure_row(f)->name);
    tell_circuit(c, f);
    int64_t cost = attempt_cost(c);
    c->ladder.spent += cost;
    if (c->try.announced)
        c->kept += cost;
    if (!c->ladder.first)
        memcpy(c->detail, c->try.answer.detail, sizeof c->detail);
    uint64_t idle_ms = call_now_ms(c) - c->try.active_ms;
    attempt_drop(c); /* before the ladder moves to another target */
    struct ladder_step step = ask_ladder(c, f);
    climb(c, f, &step, idle_ms);
}

/* ------------------------------------------------------------ time */

void attempt_watch(struct call *c)
{
    enum failure f;
    uint64_t now = call_now_ms(c), at = deadline(c, &f);
    if (!c->try.transfer) {
        attempt_failed(c, FAIL_CONNECT);
        return;
    }
    if (c->try.finish_ms) {
        whole(c);
        return;
    }
    if (now >= at) {
        attempt_failed(c, f);
        return;
    }
    bool tell = !c->try.stalled_told && now >= quiet_at(c);
    c->try.stalled_told |= tell;
    if (!c->try.stalled_told)
        at = sooner(at, quiet_at(c));
    timer_set(&c->set->timers, &c->timer, at);
    if (tell)
        c->events.on_status(c->ctx, CALL_STALLED, now - c->try.active_ms);
}
