/* detour: see detour.h. detour_path.c finds the conversation. */
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/metrics.h"
#include "core/asked.h"
#include "core/chat.h"
#include "core/detour_inner.h"
#include "core/memo.h"
#include "core/owner.h"
#include "core/send_inner.h"

#define PATIENCE_US 500000 /* with a history that says nothing */
#define PROBE_BYTES (1u << 20)

static struct gen_key key_of(const struct generation *g)
{
    return (struct gen_key){.owner = g->owner->name, .gen = g->key.gen};
}

static struct detour *detour_new(struct generation *g)
{
    struct detour *d = mem_alloc(sizeof *d);
    d->g = g;
    path_init(&d->path, (size_t)g->node->config->limits_context_bytes);
    return g->detour = d;
}

void detour_stop(struct generation *g)
{
    struct detour *d = g->detour;
    if (!d)
        return;
    if (d->op)
        g->node->sessions->ops->cancel_op(g->node->sessions, d->op);
    path_free(&d->path);
    mem_free(d);
    g->detour = NULL;
}

/* ------------------------------------------------------------------ accepting */

/* There is no way round: it is history's, if history has not refused already. */
static void give_up(struct generation *g, const char *why)
{
    struct err e = {0};
    bool refused = g->detour->refused;
    detour_stop(g);
    g->detour_us = g->node->now_us + PATIENCE_US;
    if (!refused)
        return;
    err_set(&e, ERR_STORE_DEGRADED, "History is away, and %s.", why);
    e.after_ms = 1000;
    log_warn("history.begin_failed", LF_UUID("gen", &g->key.gen), LF_STR("why", why));
    send_refuse(g, &e);
}

static void elsewhere(struct generation *g, const struct log_record *records, size_t n)
{
    if (g->op)
        g->node->history->ops->cancel_op(g->node->history, g->op);
    g->op = NULL;
    detour_stop(g);
    send_elsewhere(g, records, n);
}

static void prompted(void *ctx, enum store_status status)
{
    struct generation *g = ctx;
    struct detour *d = g->detour;
    d->op = NULL;
    if (status == STORE_EXISTS) {
        elsewhere(g, NULL, 0);
        return;
    }
    if (status != STORE_OK) {
        give_up(g, "the prompt could not be kept for it");
        return;
    }
    struct path path = d->path;
    const struct history_send *s = &g->asked->send;
    d->path = (struct path){0};
    detour_stop(g);
    g->unrecorded = true;
    g->user_message = s->has_input ? s->user_message : s->parent;
    asked_free(g->asked);
    g->asked = NULL;
    metric_add(METRIC_DETOURS, 1);
    struct history_message *context = path_messages(&path);
    send_goes_on(g, context, path.count);
    mem_free(context);
    path_free(&path);
}

static void prompt(struct generation *g)
{
    struct node *n = g->node;
    struct gen_key key = key_of(g);
    struct buf entry = {0};
    if (g->op) /* it may be recorded all the same: then the outbox finds it so */
        n->history->ops->cancel_op(n->history, g->op);
    g->op = NULL;
    g->detour->refused = true;
    asked_write(&entry, g->asked);
    g->detour->op = n->outbox_ops->prompt(n->sessions, &key, &g->chat_id, &g->message, entry.data, entry.len,
                                          prompted, g);
    buf_free(&entry);
}

static void looked(void *ctx, enum store_status status, const struct uuid *newest,
                   const struct outbox_turn *turns, size_t n)
{
    struct generation *g = ctx;
    struct detour *d = g->detour;
    struct turns known;
    d->op = NULL;
    if (status != STORE_OK) {
        give_up(g, "so is the session store");
        return;
    }
    turns_read(&known, g, turns, n);
    if (turns_find(&known, &g->key.gen))
        elsewhere(g, NULL, 0);
    else if (turns_place(&known, newest, &d->path))
        prompt(g);
    else
        give_up(g, "what was said in this conversation is not known here");
    turns_free(&known);
}

static void probed(void *ctx, enum store_status status, const struct log_record *records, size_t n)
{
    struct generation *g = ctx;
    struct session_store *s = g->node->sessions;
    g->detour->op = NULL;
    if (status == STORE_OK)
        elsewhere(g, records, n);
    else if (status == STORE_NOT_FOUND)
        g->detour->op = g->node->outbox_ops->chat(s, g->owner->name, &g->chat_id, looked, g);
    else
        give_up(g, "so is the session store");
}

static void start(struct generation *g, bool refused)
{
    struct session_store *s = g->node->sessions;
    struct gen_key key = key_of(g);
    detour_new(g)->refused = refused;
    g->detour->op = s->ops->read(s, &key, 0, PROBE_BYTES, probed, g);
}

static bool history_up(const struct node *n)
{
    return n->history->ops->healthy(n->history);
}

void detour_asked(struct generation *g, const struct history_send *send)
{
    if (!g->node->outbox_ops)
        return;
    g->asked = asked_new(send);
    if (!history_up(g->node))
        start(g, false);
}

void detour_recorded(struct generation *g)
{
    struct node *n = g->node;
    detour_stop(g);
    asked_free(g->asked);
    g->asked = NULL;
    if (n->outbox_ops)
        n->outbox_ops->newest(n->sessions, g->owner->name, &g->chat_id, &g->message, NEWEST_KEEP_MS);
}

bool detour_refused(struct generation *g)
{
    if (!g->asked)
        return false;
    if (g->detour)
        g->detour->refused = true;
    else
        start(g, true);
    return true;
}

void detour_tick(struct node *n)
{
    list_each_safe (pos, tmp, &n->by_state[GENERATION_RECORDING]) {
        struct generation *g = list_entry(pos, struct generation, state_link);
        uint64_t since = g->detour_us ? g->detour_us : g->accepted_us + (history_up(n) ? PATIENCE_US : 0);
        if (g->asked && !g->detour && g->op && n->now_us >= since)
            start(g, false);
    }
}

/* ------------------------------------------------------------------ going on */

static void context_looked(void *ctx, enum store_status status, const struct uuid *newest,
                           const struct outbox_turn *turns, size_t n)
{
    struct generation *g = ctx;
    struct turns known;
    struct path path;
    (void)newest;
    g->detour->op = NULL;
    detour_stop(g);
    if (status != STORE_OK) {
        generation_waits_for_context(g);
        return;
    }
    path_init(&path, (size_t)g->node->config->limits_context_bytes);
    turns_read(&known, g, turns, n);
    const struct asked *own = turns_find(&known, &g->key.gen);
    if (!own) {
        g->unrecorded = false; /* history has it by now */
        generation_waits_for_context(g);
    } else if (turns_path(&known, own, &path)) {
        struct history_message *context = path_messages(&path);
        owner_tell_active(g->owner, g);
        generation_run(g, context, path.count);
        mem_free(context);
    } else {
        generation_waits_for_context(g);
    }
    turns_free(&known);
    path_free(&path);
}

void detour_context(struct generation *g)
{
    detour_new(g)->op =
        g->node->outbox_ops->chat(g->node->sessions, g->owner->name, &g->chat_id, context_looked, g);
}

static void found(void *ctx, enum store_status status, const struct uuid *newest,
                  const struct outbox_turn *turns, size_t n)
{
    struct generation *g = ctx;
    void (*done)(struct generation *, enum store_status) = g->detour->found;
    (void)newest;
    g->detour->op = NULL;
    detour_stop(g);
    asked_free(g->asked);
    g->asked = NULL;
    for (size_t i = 0; status == STORE_OK && i < n; i++)
        if (uuid_equal(&turns[i].gen, &g->key.gen))
            g->asked = asked_parse(turns[i].entry, turns[i].len);
    g->unrecorded = g->asked != NULL;
    done(g, status != STORE_OK ? STORE_UNAVAILABLE : g->asked ? STORE_OK : STORE_NOT_FOUND);
}

void detour_find(struct generation *g, void (*done)(struct generation *g, enum store_status status))
{
    struct detour *d = detour_new(g);
    d->found = done;
    d->op = g->node->outbox_ops->chat(g->node->sessions, g->owner->name, &g->chat_id, found, g);
}

void detour_answered(const struct generation *g)
{
    struct gen_key key = key_of(g);
    struct buf text = {0};
    if (!g->unrecorded)
        return;
    memo_visible(g, &text);
    g->node->outbox_ops->answered(g->node->sessions, &key, &g->chat_id, text.data, text.len);
    buf_free(&text);
}
