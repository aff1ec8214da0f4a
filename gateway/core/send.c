/* send: from an ask to a generation that runs. See send.h; recall.c has the resume. */
#include "core/send.h"

#include <assert.h>
#include <openssl/evp.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "core/asked.h"
#include "core/chat.h"
#include "core/detour.h"
#include "core/owner.h"
#include "core/produce.h"
#include "core/recall.h"
#include "core/relay.h"
#include "core/send_inner.h"

/* ------------------------------------------------------------------ what a repeated send must equal */

static void digest_text(EVP_MD_CTX *md, const char *text, size_t len)
{
    uint64_t n = len;
    EVP_DigestUpdate(md, &n, sizeof n); /* the length first, so that no two lists of texts look alike */
    if (len)
        EVP_DigestUpdate(md, text, len);
}

static void send_digest(const struct send *s, const char *params, uint8_t out[32])
{
    unsigned char kinds[2] = {(unsigned char)s->parent_choice, s->input != NULL};
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    EVP_DigestInit_ex(md, EVP_sha256(), NULL);
    EVP_DigestUpdate(md, kinds, sizeof kinds);
    EVP_DigestUpdate(md, s->chat.b, sizeof s->chat.b);
    if (s->parent_choice == PARENT_ID)
        EVP_DigestUpdate(md, s->parent.b, sizeof s->parent.b);
    digest_text(md, s->input, s->input_len);
    digest_text(md, s->model, strlen(s->model));
    digest_text(md, params, strlen(params));
    if (s->messages_json)
        digest_text(md, s->messages_json, strlen(s->messages_json));
    EVP_DigestFinal_ex(md, out, NULL);
    EVP_MD_CTX_free(md);
}

/* ------------------------------------------------------------------ known already */

/* The same ask again: its accepted, then as a resume from 0. */
static void send_repeat(struct generation *g, const uint8_t digest[32], struct follower *f)
{
    struct err e = {0};
    if (memcmp(g->digest, digest, 32) != 0) {
        err_set(&e, ERR_CONFLICT, NULL);
        f->ops->refused(f, &e);
        return;
    }
    follower_attach(f, g, 0);
    f->live_due = true;
    f->accept_due = g->state == GENERATION_RECORDING;
    if (f->accept_due)
        return;
    f->ops->accepted(f);
    if (!f->generation)
        return;
    if (g->recalled)
        f->ops->diverged(f, 0, 0);
    produce_notice(g, f);
    if (generation_waits(g))
        f->ops->status(f, generation_waits(g), -1);
    f->ops->wake(f);
}

/* ------------------------------------------------------------------ may it run? */

/* The name it stands for, where it names none. */
static const char *model_of(struct node *n, const struct send *s)
{
    const char *const *names;
    if (*s->model || *n->config->upstream_default_model)
        return *s->model ? s->model : n->config->upstream_default_model;
    return n->upstream->ops->models(n->upstream, &names) ? names[0] : "";
}

static bool may_run(struct node *n, struct owner *owner, const struct send *s, struct err *e)
{
    const struct config *c = n->config;
    /* With a shared log another gateway goes on with what this one begins. */
    if (n->handed_over || (n->draining && !n->sessions->shared))
        return err_set(e, ERR_UPSTREAM_UNAVAILABLE, "This gateway is leaving; connect anew.");
    if (s->input_len > (size_t)c->limits_prompt_bytes)
        return err_set(e, ERR_TOO_LARGE, "input: %zu bytes, at most %lld are allowed", s->input_len,
                       (long long)c->limits_prompt_bytes);
    if (s->grant && !grant_check(s->grant, model_of(n, s), e))
        return false;
    if (!n->upstream->ops->knows(n->upstream, s->model, e))
        return false;
    size_t ahead = chat_length(n, owner, &s->chat) + owner_remote_in(owner, &s->chat, &s->gen);
    if (ahead && s->if_busy == IF_BUSY_REJECT)
        return err_set(e, ERR_BUSY, NULL);
    if (ahead && s->if_busy == IF_BUSY_QUEUE && ahead > (size_t)c->limits_queued)
        return err_set(e, ERR_BUSY, "The chat has %zu generations running and queued already.", ahead);
    if (HASH_COUNT(n->generations) - n->done_count >= (size_t)c->limits_generations) {
        err_set(e, ERR_RATE_LIMITED, "This gateway runs as many generations as it may.");
        e->after_ms = 1000;
        return false;
    }
    return true;
}

/* ------------------------------------------------------------------ recorded, or not */

static void refuse_all(struct generation *g, const struct err *e)
{
    while (!list_empty(&g->followers)) {
        struct follower *f = list_entry(list_first(&g->followers), struct follower, link);
        follower_detach(f);
        f->ops->refused(f, e);
    }
}

void send_refuse(struct generation *g, const struct err *e)
{
    refuse_all(g, e);
    generation_drop(g);
}

static void accept_all(struct generation *g)
{
    list_each_safe (pos, tmp, &g->followers) {
        struct follower *f = list_entry(pos, struct follower, link);
        if (f->accept_due)
            f->ops->accepted(f);
        f->accept_due = false;
    }
}

struct known {
    struct generation *asked;
    uint8_t digest[32]; /* of this ask; the log says that of the first */
};

/* Another gateway's answer has been read: accepted, then as a resume from 0. */
static void known_read(void *ctx, struct generation *g, const struct err *e)
{
    struct known *k = ctx;
    struct err conflict = {0};
    bool same = g && memcmp(g->digest, k->digest, sizeof g->digest) == 0;
    if (g && !same)
        err_set(&conflict, ERR_CONFLICT, NULL);
    if (!same) {
        refuse_all(k->asked, g ? &conflict : e); /* it is in the tables still, and may be asked for again */
        return;
    }
    accept_all(g);
    list_each_safe (pos, tmp, &g->followers) {
        struct follower *f = list_entry(pos, struct follower, link);
        f->live_due = true;
        f->ops->wake(f);
    }
}

void send_elsewhere(struct generation *g, const struct log_record *records, size_t n)
{
    struct known k = {.asked = g};
    memcpy(k.digest, g->digest, sizeof k.digest);
    chat_leave(g);
    asked_free(g->asked);
    g->asked = NULL;
    mem_free(g->params_json); /* takeover_ask reads what was asked, should it come to that */
    g->params_json = NULL;
    relay_open(g, records, n);
    recall_start_with(g->node, g->owner, &g->key.gen, known_read, &k, sizeof k);
}

/* It runs elsewhere, or nobody runs it any more: g becomes a reader of the shared log. */
static void send_relay(struct generation *g, const struct history_answer *a)
{
    g->message = a->message;
    g->user_message = a->parent;
    g->created_ms = a->created_ms;
    send_elsewhere(g, NULL, 0);
}

/* It was asked in an earlier life of this gateway, or of another: g becomes that answer. */
static void send_known(struct generation *g, const struct history_answer *a)
{
    struct err e = {0};
    if (memcmp(a->digest, g->digest, sizeof g->digest) != 0) {
        err_set(&e, ERR_CONFLICT, NULL);
        send_refuse(g, &e);
        return;
    }
    chat_leave(g);
    if (g->node->sessions->shared && strcmp(a->state, "running") == 0) {
        send_relay(g, a);
        return;
    }
    if (!recall_fill(g, a)) {
        err_set(&e, ERR_RESUME_GONE, NULL);
        send_refuse(g, &e);
        return;
    }
    accept_all(g);
    list_each_safe (pos, tmp, &g->followers) {
        struct follower *f = list_entry(pos, struct follower, link);
        f->live_due = true;
        f->ops->diverged(f, 0, 0);
        f->ops->wake(f);
    }
}

static void send_failed(struct generation *g, enum store_status status)
{
    struct err e = {0};
    detour_stop(g);
    if (status == STORE_NO_PARENT) {
        err_set(&e, ERR_NOT_FOUND, "parent: no such message in this chat, or not a user message");
        e.param = "parent";
    } else {
        err_set(&e, ERR_STORE_DEGRADED, "The prompt could not be recorded (%s).", store_status_name(status));
        e.after_ms = 1000;
        log_warn("history.begin_failed", LF_UUID("gen", &g->key.gen),
                 LF_STR("status", store_status_name(status)));
    }
    send_refuse(g, &e);
}

static void send_recorded(void *ctx, const struct history_begin *r)
{
    struct generation *g = ctx;
    g->op = NULL;
    if (r->status == STORE_EXISTS) {
        detour_stop(g);
        send_known(g, r->existing);
        return;
    }
    if (r->status == STORE_UNAVAILABLE && detour_refused(g))
        return;
    if (r->status != STORE_OK) {
        send_failed(g, r->status);
        return;
    }
    g->user_message = r->user_message;
    detour_recorded(g);
    send_goes_on(g, r->context, r->context_count);
}

void send_goes_on(struct generation *g, const struct history_message *context, size_t count)
{
    accept_all(g);
    produce_open(g); /* also while it waits its turn: it is this gateway's */
    log_info("generation.accepted", LF_UUID("gen", &g->key.gen), LF_UUID("chat", &g->chat_id));
    if (g->interrupts) { /* not before: a send that is refused, or known, disturbs nobody */
        chat_interrupt(g);
        owner_remote_cancel(g->owner, &g->chat_id);
    }
    if (!g->cancel_wanted && g->head_at_begin) {
        generation_run(g, context, count);
        if (g->state == GENERATION_RUNNING)
            owner_tell_active(g->owner, g);
        return;
    }
    g->behind = owner_remote_newest(g->owner, &g->chat_id);
    generation_move(g, GENERATION_QUEUED);
    if (g->cancel_wanted) {
        generation_end(g, "cancelled", NULL);
        return;
    }
    owner_tell_active(g->owner, g);
    if (chat_is_head(
            g)) /* it became so meanwhile: what ran before has more to say than was read with the prompt */
        generation_advance(g);
    else
        followers_status(g, "queued", -1);
}

/* ------------------------------------------------------------------ asking history */

/* `system` of the wire's params is a message; the rest goes to the upstream as it is. */
static void take_params(struct generation *g, const json_t *params)
{
    json_t *rest = params ? json_copy((json_t *)(uintptr_t)params) : json_object();
    json_t *system = json_object_get(rest, "system");
    generation_set_system(g, system);
    json_object_del(rest, "system");
    char *text = json_dumps(rest, JSON_COMPACT | JSON_SORT_KEYS);
    g->params_json = mem_strdup(text);
    free(text);
    json_decref(rest);
}

/* What a takeover needs to ask the upstream again. */
static char *request_json(const struct generation *g, const struct send *s)
{
    json_t *request = json_object();
    json_object_set_new(request, "params", json_loads(g->params_json, JSON_ALLOW_NUL, NULL));
    json_object_set_new(request, "model", json_string(s->model)); /* g->model becomes the one that serves */
    if (g->system)
        json_object_set_new(request, "system", json_stringn(g->system, g->system_len));
    if (s->messages_json)
        json_object_set_new(request, "messages", json_loads(s->messages_json, JSON_ALLOW_NUL, NULL));
    if (s->note)
        json_object_set(request, "note", (json_t *)(uintptr_t)s->note);
    if (s->cancel_on_disconnect)
        json_object_set_new(request, "cancel_on_disconnect", json_true());
    char *text = json_dumps(request, JSON_COMPACT);
    json_decref(request);
    return text;
}

static void send_record(struct generation *g, const struct send *s)
{
    static const enum parent_kind kinds[] = {PARENT_NEWEST, PARENT_ROOT, PARENT_MESSAGE};
    struct node *n = g->node;
    char *request = request_json(g, s);
    struct history_send h = {.owner = g->owner->name,
                             .gen = g->key.gen,
                             .chat = g->chat_id,
                             .user_message = node_uuid(n),
                             .answer_message = g->message,
                             .parent_kind = kinds[s->parent_choice],
                             .parent = s->parent,
                             .has_input = s->input != NULL,
                             .input = {s->input, s->input_len},
                             .model = s->model,
                             .request = {request, strlen(request)},
                             .unix_ms = n->unix_ms,
                             .context_bytes = (size_t)n->config->limits_context_bytes};
    memcpy(h.digest, g->digest, sizeof h.digest);
    g->op = n->history->ops->begin(n->history, &h, send_recorded, g);
    detour_asked(g, &h);
    free(request);
}

static char *canonical(const json_t *params)
{
    return params ? json_dumps(params, JSON_COMPACT | JSON_SORT_KEYS) : strdup("");
}

static void send_begin(struct node *n, struct owner *owner, const struct send *s, const uint8_t digest[32],
                       struct follower *f)
{
    struct generation *g = generation_new(n, owner, &s->gen, &s->chat);
    memcpy(g->digest, digest, sizeof g->digest);
    g->model = mem_strdup(s->model);
    g->asked_model = mem_strdup(s->model);
    g->messages_json = mem_strdup(s->messages_json);
    g->cancel_on_disconnect = s->cancel_on_disconnect;
    g->interrupts = s->if_busy == IF_BUSY_INTERRUPT;
    g->message = node_uuid(n);
    take_params(g, s->params);
    chat_enter(g);
    g->head_at_begin = chat_is_head(g);
    follower_attach(f, g, 0);
    f->accept_due = true;
    send_record(g, s);
}

/* ------------------------------------------------------------------ refused, unless history knows it */

struct send_check {
    struct follower *follower;
    struct err refusal;
    uint8_t digest[32];
};

static void checked(void *ctx, struct generation *g, const struct err *e)
{
    struct send_check *check = ctx;
    struct follower *f = check->follower;
    f->recall = NULL;
    (void)e;
    if (g)
        send_repeat(g, check->digest, f);
    else
        f->ops->refused(f, &check->refusal);
}

void send_submit(struct node *n, struct owner *owner, const struct send *s, struct follower *f)
{
    struct send_check check = {.follower = f};
    char *params = canonical(s->params);
    send_digest(s, params, check.digest);
    free(params);
    struct generation *g = generation_find(n, owner, &s->gen);
    if (g && relay_is_ready(g))
        send_repeat(g, check.digest, f);
    else if (g) {
        err_set(&check.refusal, ERR_STORE_DEGRADED, NULL);
        f->recall = recall_start_with(n, owner, &s->gen, checked, &check, sizeof check);
    } else if (may_run(n, owner, s, &check.refusal))
        send_begin(n, owner, s, check.digest, f);
    else
        f->recall = recall_start_with(n, owner, &s->gen, checked, &check, sizeof check);
}
