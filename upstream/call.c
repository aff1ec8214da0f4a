/* call: see call.h. Life and time of a call; one request is attempt.c. */
#include "upstream/call_inner.h"

#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/metrics.h"
#include "upstream/openai.h"

#define GATHER_KEEP 262144 /* bytes of the shared buffer kept from read to read */

void calls_limits(struct call_limits *l, const struct config *config)
{
    *l = (struct call_limits){
        .ladder = {.attempts = config->upstream_attempts,
                   .total_ms = config->upstream_total_ms,
                   .spend_tokens = config->upstream_spend_tokens,
                   .backoff_ms = config->upstream_backoff_ms,
                   .backoff_max_ms = config->upstream_backoff_max_ms},
        .first_token_ms = config->upstream_first_token_ms,
        .between_tokens_ms = config->upstream_between_tokens_ms,
        .stalled_ms = config->upstream_stalled_ms,
        .event_bytes = (size_t)config->upstream_event_bytes,
    };
}

void calls_init(struct calls *s, const struct call_limits *limits, uint64_t (*now_us)(void *), void *clock,
                uint32_t (*random)(void))
{
    *s = (struct calls){.now_us = now_us, .clock = clock, .random = random, .limits = *limits};
    list_init(&s->running);
    list_init(&s->over);
    s->gather.flush = attempt_flush;
}

void calls_close(struct calls *s)
{
    while (!list_empty(&s->running))
        call_cancel(list_entry(list_first(&s->running), struct call, node));
    calls_sweep(s);
    timers_free(&s->timers);
    buf_free(&s->gather.text);
}

uint64_t call_now_ms(const struct call *c)
{
    return c->set->now_us(c->set->clock) / 1000;
}

struct target *call_target(struct call *c)
{
    return &c->targets[c->ladder.at];
}

/* ------------------------------------------------------------ states */

static const bool moves[CALL_STATES][CALL_STATES] = {
    [CALL_WAITING] = {[CALL_ASKED] = true, [CALL_WAITING] = true, [CALL_OVER] = true},
    [CALL_ASKED] = {[CALL_WAITING] = true, [CALL_OVER] = true},
};

void call_move(struct call *c, enum call_state to)
{
    static const char *const names[CALL_STATES] = {"waiting", "asked", "over"};
    if (!moves[c->state][to]) {
        log_error("upstream.call.bad_move", LF_STR("from", names[c->state]), LF_STR("to", names[to]));
        return;
    }
    c->state = to;
    if (to == CALL_OVER) {
        timer_clear(&c->set->timers, &c->timer);
        list_move_tail(&c->set->over, &c->node);
    }
}

static void call_free(struct call *c)
{
    list_del(&c->node);
    attempt_drop(c);
    for (size_t i = 0; i < c->ladder.targets; i++)
        target_free(&c->targets[i]);
    mem_free(c->targets);
    buf_free(&c->messages);
    json_decref(c->params);
    mem_free(c->trace);
    mem_free(c);
    mem_died(MEM_CALL);
}

void calls_sweep(struct calls *s)
{
    calls_flush(s);
    while (!list_empty(&s->over))
        call_free(list_entry(list_first(&s->over), struct call, node));
}

/* ------------------------------------------------------------ beginning */

/* The first target whose circuit lets the call pass; false when none does. */
static bool first_target(struct call *c, struct err *error)
{
    uint64_t now = call_now_ms(c);
    int64_t soonest = INT64_MAX;
    for (size_t i = 0; i < c->ladder.targets; i++) {
        const struct target *t = &c->targets[i];
        int64_t wait = site_wait(t->site, t->model, now);
        if (!wait) {
            c->ladder.at = (uint8_t)i;
            return true;
        }
        soonest = wait < soonest ? wait : soonest;
    }
    err_set(error, ERR_UPSTREAM_UNAVAILABLE, "The upstream failed too often and is given a rest.");
    error->after_ms = soonest;
    return false;
}

static bool take_prompt(struct call *c, const struct prompt *prompt, struct err *error)
{
    if (!openai_messages(&c->messages, prompt)) {
        err_set(error, ERR_BAD_REQUEST, "messages is not an array.");
        error->param = "messages";
        return false;
    }
    if (prompt->params_json && *prompt->params_json) {
        c->params = json_loads(prompt->params_json, JSON_ALLOW_NUL, NULL);
        if (!json_is_object(c->params)) {
            err_set(error, ERR_BAD_REQUEST, "The parameters are not an object.");
            error->param = "params";
            return false;
        }
    }
    c->trace = mem_strdup(prompt->trace);
    return true;
}

struct call *call_start(struct calls *s, struct pick *pick, const struct prompt *prompt, bool resume,
                        const struct call_events *events, void *ctx, struct err *error)
{
    struct call *c = mem_alloc(sizeof *c);
    mem_born(MEM_CALL);
    c->set = s;
    c->limits = s->limits;
    c->events = *events;
    c->ctx = ctx;
    c->resume = resume;
    c->kept_known = !resume;
    c->try.answer.prompt_tokens = c->try.answer.completion_tokens = -1;
    c->targets = mem_alloc(pick->count * sizeof *c->targets);
    memcpy(c->targets, pick->targets, pick->count * sizeof *c->targets);
    list_init(&c->node);
    ladder_init(&c->ladder, &c->limits.ladder, pick->count, call_now_ms(c));
    pick->count = 0;
    if (!take_prompt(c, prompt, error) || (!resume && !first_target(c, error))) {
        call_free(c);
        return NULL;
    }
    list_add_tail(&s->running, &c->node);
    if (resume) /* it asks the core for the text, so not before this call has returned */
        timer_set(&s->timers, &c->timer, call_now_ms(c));
    else
        attempt_begin(c);
    return c;
}

/* ------------------------------------------------------------ ending */

void call_cancel(struct call *c)
{
    if (c->state == CALL_OVER)
        return;
    struct target *t = call_target(c);
    if (c->state == CALL_ASKED)
        site_forget(t->site, t->model, c->try.probe);
    attempt_measure(c, "cancelled");
    attempt_stop(c, false); /* only that: the codec may be at work on the stream right now */
    call_move(c, CALL_OVER);
}

/* The first cause, not the last symptom; but a filter's refusal is final whatever was before it. */
static void set_error(struct call *c, enum call_outcome outcome, struct err *e, int64_t after_ms)
{
    enum failure f = outcome == CALL_FILTERED ? FAIL_FILTER : c->ladder.first ? c->ladder.first : FAIL_PREFIX;
    const struct failure_row *row = failure_row(f);
    if (f == c->ladder.first && *c->detail)
        err_set(e, row->error, "%s (%s)", row->sentence, c->detail);
    else
        err_set(e, row->error, "%s", row->sentence);
    e->after_ms = after_ms;
}

/* Tokens of the answer as it stands: only if each part of it was counted by its maker or by us. */
static int64_t standing_tokens(const struct call *c)
{
    int64_t last = c->try.answer.completion_tokens;
    bool whole = c->try.mode != START_PREFIX;
    if (last < 0 || (!whole && !c->kept_known))
        return -1;
    return whole ? last : c->kept + last;
}

/* What was asked. A continued request has the text so far in its prompt too: that is not asked twice. */
static int64_t standing_prompt(const struct call *c)
{
    int64_t said = c->try.answer.prompt_tokens;
    if (said < 0 || c->try.mode != START_PREFIX)
        return said;
    if (!c->kept_known)
        return -1;
    return said > c->kept ? said - c->kept : 0;
}

void call_end(struct call *c, enum call_outcome outcome, int64_t after_ms)
{
    struct call_result r = {.outcome = outcome, .prompt_tokens = -1, .completion_tokens = -1};
    bool whole = outcome == CALL_COMPLETE || outcome == CALL_LENGTH;
    struct target *t = call_target(c);
    if (whole || (outcome == CALL_FILTERED && c->try.announced)) {
        attempt_announce(c);
        if (c->state == CALL_OVER)
            return;
        r.prompt_tokens = standing_prompt(c);
        r.completion_tokens = standing_tokens(c);
    }
    if (whole)
        c->ladder.spent += attempt_cost(c);
    else
        set_error(c, outcome, &r.error, after_ms);
    r.spent_tokens = c->ladder.spent;
    static const char *const names[] = {"complete", "length", "filtered", "truncated", "error"};
    log_info("upstream.call.end", LF_STR("trace", c->trace), LF_STR("outcome", names[outcome]),
             LF_STR("upstream", t->site->name), LF_STR("model", t->model),
             LF_INT("attempts", c->ladder.attempts), LF_INT("spent_tokens", r.spent_tokens),
             LF_STR("first_cause", failure_row(c->ladder.first)->name));
    attempt_stop(c, true);
    call_move(c, CALL_OVER);
    c->events.on_end(c->ctx, &r);
}

/* ------------------------------------------------------------ time */

static void due(struct call *c)
{
    if (c->state == CALL_WAITING)
        attempt_begin(c);
    else if (c->state == CALL_ASKED)
        attempt_watch(c);
}

void calls_tick(struct calls *s)
{
    uint64_t now = s->now_us(s->clock) / 1000;
    struct timer *t;
    /* A due call may start another timer for now; the bound keeps one turn finite. */
    for (size_t left = s->timers.count; left && (t = timers_first(&s->timers)) && t->at_ms <= now; left--) {
        struct call *c = list_entry(t, struct call, timer);
        timer_clear(&s->timers, t);
        due(c);
    }
}

uint64_t calls_next_ms(const struct calls *s)
{
    return timers_next_ms(&s->timers);
}

void calls_flush(struct calls *s)
{
    struct gather *g = &s->gather;
    struct call *c = g->owner;
    if (!c)
        return;
    g->owner = NULL;
    if (g->tokens)
        attempt_flush(g, c);
    if (g->text.cap > GATHER_KEEP)
        buf_free(&g->text);
    if (c->state == CALL_ASKED)
        attempt_progress(c);
}
