/* generation: states, and what a call brings. generation_end.c has the way out. See generation.h. */
#include "core/generation.h"

#include <assert.h>
#include <string.h>

#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/metrics.h"
#include "core/asked.h"
#include "core/chat.h"
#include "core/detour.h"
#include "core/memo.h"
#include "core/owner.h"
#include "core/produce.h"
#include "core/relay.h"
#include "core/takeover.h"

#define WAIT_US 100000 /* between looks for an upstream that is away */

static const char *const state_names[GENERATION_STATES] = {"recording", "queued", "running",
                                                           "ending",    "done",   "dropped"};

/* moves[from] has a bit for each state that may follow. */
#define TO(state) (1u << GENERATION_##state)
static const unsigned moves[GENERATION_STATES] = {
    [GENERATION_RECORDING] = TO(QUEUED) | TO(RUNNING) | TO(ENDING) | TO(DONE) | TO(DROPPED),
    [GENERATION_QUEUED] = TO(RUNNING) | TO(ENDING) | TO(DROPPED),
    /* to DONE, QUEUED: one that another gateway produced has ended, or is taken over */
    [GENERATION_RUNNING] = TO(ENDING) | TO(DONE) | TO(QUEUED) | TO(DROPPED),
    /* to RUNNING: another gateway has the lease, and its word counts */
    [GENERATION_ENDING] = TO(DONE) | TO(RUNNING) | TO(DROPPED),
    [GENERATION_DONE] = TO(RUNNING) | TO(DROPPED),
};

void generation_move(struct generation *g, enum generation_state to)
{
    if (!(moves[g->state] & (1u << to))) {
        log_error("generation.bad_move", LF_STR("from", state_names[g->state]),
                  LF_STR("to", state_names[to]));
        abort(); /* in every build: what follows would be told to somebody as true */
    }
    metric_add_for(METRIC_GENERATIONS, state_names[g->state], -1);
    if (to != GENERATION_DROPPED)
        metric_add_for(METRIC_GENERATIONS, state_names[to], 1);
    g->node->done_count += to == GENERATION_DONE;
    g->node->done_count -= g->state == GENERATION_DONE;
    g->state = to;
    list_move_tail(&g->node->by_state[to], &g->state_link);
    if (to >= GENERATION_ENDING)
        list_del(&g->orphan_link);
}

const struct outcome outcome_none = {
    .state = "running", .prompt_tokens = -1, .completion_tokens = -1, .ttft_ms = -1, .total_ms = -1};

static struct generation_key key_of(const struct owner *owner, const struct uuid *gen)
{
    struct generation_key key;
    memset(&key, 0, sizeof key);
    key.owner = owner;
    key.gen = *gen;
    return key;
}

struct generation *generation_find(struct node *n, const struct owner *owner, const struct uuid *gen)
{
    struct generation_key key = key_of(owner, gen);
    struct generation *g = NULL;
    HASH_FIND(hh, n->generations, &key, sizeof key, g);
    return g;
}

struct generation *generation_new(struct node *n, struct owner *owner, const struct uuid *gen,
                                  const struct uuid *chat)
{
    struct generation *g = mem_alloc(sizeof *g);
    mem_born(MEM_GENERATION);
    g->key = key_of(owner, gen);
    g->node = n;
    g->owner = owner_ref(owner);
    g->chat_id = *chat;
    g->created_ms = n->unix_ms;
    g->accepted_us = n->now_us;
    g->outcome = outcome_none;
    tokenlog_init(&g->log, 1);
    list_init(&g->followers);
    list_init(&g->owner_link);
    list_init(&g->chat_link);
    list_init(&g->orphan_link);
    list_init(&g->unpersisted_link);
    list_init(&g->state_link);
    list_add_tail(&n->by_state[GENERATION_RECORDING], &g->state_link);
    list_add_tail(&owner->generations, &g->owner_link);
    HASH_ADD(hh, n->generations, key, sizeof g->key, g);
    metric_add_for(METRIC_GENERATIONS, state_names[GENERATION_RECORDING], 1);
    return g;
}

void generation_drop(struct generation *g)
{
    assert(list_empty(&g->followers) && !g->call && !g->op && !g->out && !g->relay && !g->detour);
    chat_leave(g);
    if (g->state == GENERATION_DONE)
        g->node->kept_bytes -= tokenlog_memory(&g->log);
    HASH_DEL(g->node->generations, g);
    list_del(&g->owner_link);
    list_del(&g->unpersisted_link);
    generation_move(g, GENERATION_DROPPED);
}

void generation_free(struct generation *g)
{
    list_del(&g->state_link);
    tokenlog_free(&g->log);
    mem_free(g->model);
    mem_free(g->asked_model);
    mem_free(g->upstream);
    mem_free(g->params_json);
    mem_free(g->messages_json);
    mem_free(g->system);
    asked_free(g->asked);
    owner_put(g->owner);
    mem_free(g);
    mem_died(MEM_GENERATION);
}

const char *generation_wire_state(const struct generation *g)
{
    if (g->state >= GENERATION_ENDING || relay_has_end(g))
        return g->outcome.state;
    return g->state == GENERATION_RUNNING || chat_is_head(g) ? "running" : "queued";
}

const char *generation_waits(const struct generation *g)
{
    bool behind = g->state == GENERATION_QUEUED && !chat_is_head(g);
    return g->taken_over && !behind ? "taking_over" : g->state == GENERATION_QUEUED ? "queued" : NULL;
}

struct active_item generation_active(const struct generation *g)
{
    return (struct active_item){.gen = g->key.gen,
                                .chat = g->chat_id,
                                .state = generation_wire_state(g),
                                .off = tokenlog_end(&g->log)};
}

/* ------------------------------------------------------------------ what the call brings */

static void call_start(void *ctx, enum start_mode mode, const char *model, const char *upstream)
{
    struct generation *g = ctx;
    if (mode == START_RESTART && produce_end(g)) {
        produce_rewind(g, 0, LOG_RESTARTED);
        metric_add_for(METRIC_REWINDS, "restarted", 1);
        g->tokens = 0;
        g->tokens_unknown = false;
        g->saved = 0;
    }
    enum log_mode log_mode = mode == START_FRESH     ? LOG_FRESH
                             : mode == START_PREFIX  ? LOG_PREFIX
                             : mode == START_RESTART ? LOG_RESTART
                                                     : LOG_REATTACH;
    produce_start(g, log_mode, model);
    mem_free(g->model);
    g->model = mem_strdup(model);
    mem_free(g->upstream);
    g->upstream = mem_strdup(upstream);
    if (g->taken_over) {
        metric_add_for(METRIC_TAKEOVERS, log_mode_name(log_mode), 1);
        g->taken_over = false;
    }
    log_debug("generation.start", LF_UUID("gen", &g->key.gen), LF_STR("mode", log_mode_name(log_mode)),
              LF_STR("upstream", upstream), LF_INT("off", produce_end(g)));
}

static void measure_text(struct generation *g, size_t len, unsigned tokens)
{
    uint64_t now = g->node->now_us;
    if (g->first_text_us)
        metric_observe_us(METRIC_BETWEEN_TOKENS, now - g->last_text_us);
    else
        metric_observe_us(METRIC_FIRST_TOKEN, now - g->accepted_us);
    if (!g->first_text_us)
        g->first_text_us = now;
    g->last_text_us = now;
    g->tokens += tokens;
    metric_add(METRIC_TOKENS, tokens);
    metric_add(METRIC_TEXT_BYTES, (int64_t)len);
}

static void call_text(void *ctx, enum answer_part part, const char *text, size_t len, unsigned tokens)
{
    struct generation *g = ctx;
    size_t end = (size_t)produce_end(g), most = (size_t)g->node->config->limits_text_bytes;
    size_t room = end < most ? most - end : 0; /* the limit may have been lowered meanwhile */
    bool over = len > room;
    if (over)
        len = utf8_floor(text, room);
    measure_text(g, len, tokens);
    if (len)
        produce_text(g, part == ANSWER_TEXT ? LOG_PART_TEXT : LOG_PART_REASONING, text, len);
    if (over)
        generation_end(g, "length", NULL);
}

static void call_status(void *ctx, enum call_status status, uint64_t idle_ms)
{
    followers_status(ctx, status == CALL_STALLED ? "stalled" : "retrying", (int64_t)idle_ms);
}

static void call_end(void *ctx, const struct call_result *r)
{
    static const char *const states[] = {[CALL_COMPLETE] = "complete",
                                         [CALL_LENGTH] = "length",
                                         [CALL_FILTERED] = "filtered",
                                         [CALL_TRUNCATED] = "truncated",
                                         [CALL_ERROR] = "error"};
    struct generation *g = ctx;
    g->call = NULL;
    g->outcome.prompt_tokens = r->prompt_tokens;
    g->outcome.completion_tokens = r->completion_tokens;
    generation_end(g, states[r->outcome], &r->error);
}

static void call_text_so_far(void *ctx, const char **text, size_t *len, bool *only_text)
{
    produce_so_far(ctx, text, len, only_text);
}

/* ------------------------------------------------------------------ running */

static struct call *start_call(struct generation *g, const struct prompt *prompt, struct err *e)
{
    static const struct call_events events = {.on_start = call_start,
                                              .on_text = call_text,
                                              .on_status = call_status,
                                              .on_end = call_end,
                                              .text_so_far = call_text_so_far};
    struct upstream *u = g->node->upstream;
    return u->ops->start(u, prompt, g->taken_over, &events, g, e);
}

void generation_set_system(struct generation *g, const json_t *system)
{
    if (!json_is_string(system))
        return;
    g->system_len = json_string_length(system);
    g->system = mem_memdup(json_string_value(system), g->system_len);
}

void generation_run(struct generation *g, const struct history_message *context, size_t count)
{
    struct prompt_message *messages = mem_alloc((count + 1) * sizeof *messages);
    size_t n = 0;
    if (g->system)
        messages[n++] = (struct prompt_message){PROMPT_SYSTEM, g->system, g->system_len};
    for (size_t i = 0; i < count; i++)
        messages[n++] = (struct prompt_message){context[i].role == ROLE_USER        ? PROMPT_USER
                                                : context[i].role == ROLE_ASSISTANT ? PROMPT_ASSISTANT
                                                                                    : PROMPT_SYSTEM,
                                                context[i].text.data, context[i].text.len};
    char trace[UUID_TEXT + 1];
    struct prompt prompt = {.trace = uuid_format(&g->key.gen, trace),
                            .model = g->model ? g->model : "",
                            .messages = messages,
                            .count = n,
                            .params_json = g->params_json,
                            .messages_json = g->messages_json};
    struct err e = {0};
    generation_move(g, GENERATION_RUNNING);
    memo_run(g, context, count);
    produce_open(g);
    g->call = start_call(g, &prompt, &e);
    mem_free(messages);
    if (!g->call)
        generation_end(g, g->log.text.len ? "truncated" : "error", &e);
}

/* An answer taken over is given up after a while. */
static bool too_old(const struct generation *g)
{
    const struct node *n = g->node;
    return n->unix_ms > g->created_ms + (uint64_t)n->config->upstream_takeover_age_s * 1000;
}

static void no_context(struct generation *g, enum store_status status)
{
    struct err e = {0};
    err_set(&e, status == STORE_NOT_FOUND ? ERR_NOT_FOUND : ERR_STORE_DEGRADED,
            "The conversation could not be read (%s).", store_status_name(status));
    generation_end(g, g->log.text.len ? "truncated" : "error", &e);
}

void generation_waits_for_context(struct generation *g)
{
    bool patient = g->taken_over || g->node->outbox_ops;
    if (patient && !too_old(g))
        g->retry_us = g->node->now_us + WAIT_US; /* node_tick asks again */
    else
        no_context(g, STORE_UNAVAILABLE);
}

static void context_read(void *ctx, const struct history_begin *r)
{
    struct generation *g = ctx;
    g->op = NULL;
    if (r->status == STORE_OK) {
        owner_tell_active(g->owner, g);
        generation_run(g, r->context, r->context_count);
        return;
    }
    if (r->status != STORE_NOT_FOUND) {
        generation_waits_for_context(g);
        return;
    }
    no_context(g, r->status);
}

/* An answer taken over waits for an upstream that is not there yet, as long as it would still be taken over.
 */
static bool must_wait(struct generation *g)
{
    struct node *n = g->node;
    struct err e = {0};
    bool away = g->taken_over && !n->upstream->ops->knows(n->upstream, g->model, &e) &&
                e.code == ERR_UPSTREAM_UNAVAILABLE && !too_old(g);
    g->retry_us = n->now_us + WAIT_US;
    return away;
}

#define BEHIND_US 5000000 /* what another gateway recorded late is not waited for longer */

static void behind_read(void *ctx, enum store_status status, const struct history_answer *a, size_t n)
{
    struct generation *g = ctx;
    struct node *node = g->node;
    g->op = NULL;
    bool running = status == STORE_OK && n == 1 && strcmp(a->state, "running") == 0;
    bool away = status == STORE_UNAVAILABLE && node->outbox_ops && !too_old(g);
    if (away)
        g->behind_us = node->now_us;
    if (away || (running && node->now_us - g->behind_us < BEHIND_US)) {
        g->retry_us = node->now_us + WAIT_US;
        return;
    }
    g->behind = (struct uuid){{0}};
    generation_advance(g);
}

/* What ran before it ended on another gateway: the conversation is read when history has that end. */
static void ask_behind(struct generation *g)
{
    struct history_store *h = g->node->history;
    struct gen_key key = {.owner = g->owner->name, .gen = g->behind};
    if (!g->behind_us)
        g->behind_us = g->node->now_us;
    g->op = h->ops->answer(h, &key, behind_read, g);
}

void generation_advance(struct generation *g)
{
    struct node *n = g->node;
    if (g->state != GENERATION_QUEUED || g->op || g->detour || g->cancel_wanted)
        return;
    if (!g->params_json) { /* another gateway's: what was asked is not known here yet */
        takeover_ask(g);
        return;
    }
    if (must_wait(g))
        return;
    if (g->unrecorded) {
        detour_context(g);
        return;
    }
    if (!uuid_is_nil(&g->behind)) {
        ask_behind(g);
        return;
    }
    g->op = n->history->ops->context(n->history, g->owner->name, &g->chat_id, &g->user_message,
                                     (size_t)n->config->limits_context_bytes, context_read, g);
}
