/* takeover: see takeover.h. */
#include "core/takeover.h"

#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "core/asked.h"
#include "core/chat.h"
#include "core/checkpoint.h"
#include "core/detour.h"
#include "core/owner.h"
#include "core/produce.h"
#include "core/recall.h"

#define PAGE 256 /* answers read from history at a time */

/* What was told after the last save is not known, but it had numbers: more than can have been said meanwhile
 * are left out, and all that stands counts as told after them, so that no reader sees one fall. */
#define SEQ_GAP ((uint64_t)1 << 32)

struct takeover {
    struct store_op *op;
    struct uuid last;
    char last_owner[OWNER_MAX + 1]; /* "": none yet */
    void (*done)(void *ctx);
    void *ctx;
    bool more; /* pages to come */
};

/* What send.c kept of the request: see request_json there. False: it cannot be asked again. */
static bool take_request(struct generation *g, const struct history_text *request)
{
    json_t *root = json_loadb(request->data ? request->data : "", request->len, JSON_ALLOW_NUL, NULL);
    json_t *system = json_object_get(root, "system"), *messages = json_object_get(root, "messages");
    char *params = json_dumps(json_object_get(root, "params"), JSON_COMPACT | JSON_SORT_KEYS);
    char *array = messages ? json_dumps(messages, JSON_COMPACT) : NULL;
    generation_set_system(g, system);
    const char *model = json_string_value(json_object_get(root, "model"));
    mem_free(g->model);
    g->model = mem_strdup(model ? model : "");
    mem_free(g->asked_model);
    g->asked_model = mem_strdup(model);
    g->params_json = mem_strdup(params ? params : "");
    g->messages_json = mem_strdup(array);
    g->cancel_on_disconnect = json_is_true(json_object_get(root, "cancel_on_disconnect"));
    free(params);
    free(array);
    json_decref(root);
    return root != NULL;
}

static void give_up(struct generation *g, const char *why)
{
    struct err e = {0};
    err_set(&e, ERR_UPSTREAM_UNAVAILABLE, "The gateway stopped while the answer was running; %s.", why);
    generation_end(g, "truncated", &e);
}

static void take_up(struct node *n, const struct history_answer *a)
{
    struct owner *owner = owner_get(n, a->owner);
    struct generation *g = generation_new(n, owner, &a->gen, &a->chat);
    owner_put(owner);
    recall_fill_log(g, a, a->seq + SEQ_GAP);
    tokenlog_set_epoch(&g->log, g->log.epoch + 1);
    memcpy(g->digest, a->digest, sizeof g->digest);
    g->message = a->message;
    g->user_message = a->parent;
    g->created_ms = a->created_ms;
    g->taken_over = true;
    g->saved = a->text.len;
    g->tokens_unknown = a->text.len > 0;
    bool asked = take_request(g, &a->request);
    chat_enter(g);
    generation_move(g, GENERATION_QUEUED);
    bool old = n->unix_ms > a->created_ms + (uint64_t)n->config->upstream_takeover_age_s * 1000;
    log_info("generation.takeover", LF_UUID("gen", &a->gen), LF_INT("epoch", g->log.epoch),
             LF_INT("off", a->text.len));
    if (!asked || old)
        give_up(g, asked ? "too long ago to go on" : "its request is not recorded");
    else if (chat_is_head(g))
        generation_advance(g);
    followers_changed(g);
}

/* ------------------------------------------------------------------ one that another gateway asked for */

#define AGAIN_US 250000 /* history is away: between looks */
#define EPOCHS_MOST 32  /* an answer that ends each gateway that takes it over must not end them all */

/* History has its end, the shared log has not: that gateway could reach the one and not the other. */
static void end_as_recorded(struct generation *g, const struct history_answer *a)
{
    struct outcome outcome;
    bool good =
        protocol_read_outcome(a->outcome.data ? a->outcome.data : "", a->outcome.len, a->state, &outcome);
    if (produce_end(g))
        produce_rewind(g, 0, LOG_DIVERGED);
    produce_start(g, LOG_REATTACH, a->model);
    for (size_t i = 0; i < a->part_count && a->parts[i].off + a->parts[i].len <= a->text.len; i++)
        recall_produce(g, a, &a->parts[i]);
    if (good)
        g->outcome = outcome;
    generation_end(g, good ? outcome.state : "truncated", good ? &outcome.error : NULL);
}

static void answer_read(void *ctx, enum store_status status, const struct history_answer *a, size_t n)
{
    struct generation *g = ctx;
    g->op = NULL;
    if (status == STORE_NOT_FOUND) { /* its conversation was deleted */
        generation_end(g, "cancelled", NULL);
    } else if (status != STORE_OK || n != 1) {
        g->retry_us = g->node->now_us + AGAIN_US;
    } else if (strcmp(a->state, "running") != 0) {
        end_as_recorded(g, a);
    } else if (produce_epoch(g) > EPOCHS_MOST) {
        give_up(g, "too many have tried since");
    } else if (!take_request(g, &a->request)) {
        give_up(g, "its request is not recorded");
    } else {
        generation_advance(g);
    }
}

static void ask_history(struct generation *g)
{
    struct history_store *h = g->node->history;
    struct gen_key key = {.owner = g->owner->name, .gen = g->key.gen};
    g->op = h->ops->answer(h, &key, answer_read, g);
}

/* What waits in the outbox history cannot have; and what is no longer there it has. */
static void prompt_found(struct generation *g, enum store_status status)
{
    if (status == STORE_NOT_FOUND)
        ask_history(g);
    else if (status != STORE_OK)
        g->retry_us = g->node->now_us + AGAIN_US;
    else if (take_request(g, &g->asked->send.request))
        generation_advance(g);
    else
        give_up(g, "its request is not recorded");
}

void takeover_ask(struct generation *g)
{
    if (g->node->outbox_ops)
        detour_find(g, prompt_found);
    else
        ask_history(g);
}

/* ------------------------------------------------------------------ all, at start */

static void page(void *ctx, enum store_status status, const struct history_answer *answers, size_t count);

static void next_page(struct node *n)
{
    struct takeover *t = n->takeover;
    const struct gen_key after = {.owner = t->last_owner, .gen = t->last};
    t->op = n->history->ops->running(n->history, t->last_owner[0] ? &after : NULL, PAGE, page, n);
}

/* The epochs of this page are recorded, so that whoever takes over next has others. */
static void page_saved(void *ctx, enum store_status status)
{
    struct node *n = ctx;
    struct takeover *t = n->takeover;
    t->op = NULL;
    if (status != STORE_OK)
        checkpoint_failed(n, status);
    if (t->more) {
        next_page(n);
        return;
    }
    n->takeover = NULL;
    t->done(t->ctx);
    mem_free(t);
}

static void page(void *ctx, enum store_status status, const struct history_answer *answers, size_t count)
{
    struct node *n = ctx;
    struct takeover *t = n->takeover;
    if (status != STORE_OK)
        log_error("takeover.failed", LF_STR("status", store_status_name(status)));
    for (size_t i = 0; status == STORE_OK && i < count; i++) {
        take_up(n, &answers[i]);
        t->last = answers[i].gen;
        snprintf(t->last_owner, sizeof t->last_owner, "%s", answers[i].owner);
    }
    t->more = status == STORE_OK && count == PAGE;
    t->op = checkpoint_save(n, page_saved, n);
    if (!t->op)
        page_saved(n, STORE_OK);
}

void takeover_start(struct node *n, void (*done)(void *ctx), void *ctx)
{
    n->takeover = mem_alloc(sizeof *n->takeover);
    n->takeover->done = done;
    n->takeover->ctx = ctx;
    next_page(n);
}

void takeover_stop(struct node *n)
{
    struct takeover *t = n->takeover;
    if (t && t->op)
        n->history->ops->cancel_op(n->history, t->op);
    n->takeover = NULL;
    mem_free(t);
}
