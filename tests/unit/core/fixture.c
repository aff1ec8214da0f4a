#include "fixture.h"

#include <stdio.h>

#define MOST 64

/* ------------------------------------------------------------------ history played by the test */

struct store_op {
    struct store_op *next;
    int kind; /* 0 begin, 1 finish, 2 answer, 3 running, 4 context, 5 save */
    bool cancelled;
    struct record *record;
    enum store_status status;
    history_begin_fn begin;
    store_done_fn done;
    history_answers_fn answers;
    void *ctx;
};

struct record {
    char owner[64];
    struct uuid gen, chat, user, message, parent;
    char *input, *text, *request, *outcome;
    size_t text_len;
    char state[16], model[32];
    uint64_t epoch, seq, created_ms;
    uint32_t crc;
    uint8_t digest[32];
    struct history_part part;
    bool used;
    bool was_alone; /* a gateway cut off from the store had recorded an end of its own before */
};

static struct record records[MOST];
static struct store_op *queue;
static enum store_status begin_status, finish_status;
static bool held, away;

static struct store_op *enqueue(int kind, struct record *r, enum store_status status, void *ctx)
{
    struct store_op *op = mem_alloc(sizeof *op), **tail = &queue;
    op->kind = kind;
    op->record = away ? NULL : r;
    op->status = away ? STORE_UNAVAILABLE : status;
    op->ctx = ctx;
    while (*tail)
        tail = &(*tail)->next;
    *tail = op;
    return op;
}

static struct record *record_find(const char *owner, const struct uuid *gen)
{
    for (int i = 0; i < MOST; i++)
        if (records[i].used && uuid_equal(&records[i].gen, gen) && strcmp(records[i].owner, owner) == 0)
            return &records[i];
    return NULL;
}

static struct record *newest_in(const struct uuid *chat, const struct record *but)
{
    struct record *newest = NULL;
    for (int i = 0; i < MOST; i++)
        if (records[i].used && &records[i] != but && uuid_equal(&records[i].chat, chat))
            newest = &records[i];
    return newest;
}

static bool answer_in(const struct uuid *chat, const struct uuid *message)
{
    for (int i = 0; i < MOST; i++)
        if (records[i].used && uuid_equal(&records[i].chat, chat) && uuid_equal(&records[i].message, message))
            return true;
    return false;
}

static struct record *record_make(const struct history_send *s)
{
    struct record *r = records;
    while (r->used)
        r++;
    struct record *before = newest_in(&s->chat, r);
    *r = (struct record){.gen = s->gen,
                         .chat = s->chat,
                         .user = s->user_message,
                         .message = s->answer_message,
                         .created_ms = s->unix_ms,
                         .used = true};
    if (!s->has_input)
        r->user = s->parent;
    else if (s->parent_kind == PARENT_MESSAGE)
        r->parent = s->parent;
    else if (s->parent_kind == PARENT_NEWEST && before)
        r->parent = before->message;
    snprintf(r->owner, sizeof r->owner, "%s", s->owner);
    snprintf(r->state, sizeof r->state, "running");
    snprintf(r->model, sizeof r->model, "%s", s->model);
    r->input = s->has_input ? mem_memdup(s->input.data, s->input.len) : mem_strdup("");
    r->request = mem_memdup(s->request.data, s->request.len);
    memcpy(r->digest, s->digest, 32);
    return r;
}

static struct store_op *h_begin(struct history_store *h, const struct history_send *s, history_begin_fn done,
                                void *ctx)
{
    (void)h;
    struct record *r = record_find(s->owner, &s->gen);
    enum store_status status = r ? STORE_EXISTS : begin_status;
    if (status == STORE_OK && s->has_input && s->parent_kind == PARENT_MESSAGE &&
        !answer_in(&s->chat, &s->parent))
        status = STORE_NO_PARENT;
    if (status == STORE_OK && !away)
        r = record_make(s);
    struct store_op *op = enqueue(0, r, status, ctx);
    op->begin = done;
    return op;
}

static void record_answer(struct record *r, const struct history_answer *a)
{
    snprintf(r->state, sizeof r->state, "%s", a->state);
    snprintf(r->model, sizeof r->model, "%s", a->model);
    mem_free(r->text);
    mem_free(r->outcome);
    r->text = mem_memdup(a->text.data, a->text.len);
    r->text_len = a->text.len;
    r->outcome = mem_memdup(a->outcome.data, a->outcome.len);
    r->crc = a->crc;
    r->epoch = a->epoch;
    r->seq = a->seq;
    r->part = (struct history_part){0, 0, a->text.len};
}

static struct store_op *h_finish(struct history_store *h, const struct history_answer *a, store_done_fn done,
                                 void *ctx)
{
    (void)h;
    struct record *r = record_find(a->owner, &a->gen);
    enum store_status status = finish_status != STORE_OK || r ? finish_status : STORE_NOT_FOUND;
    bool ended = r && strcmp(r->state, "running") != 0;
    if (status == STORE_OK && r && a->epoch < r->epoch)
        status = STORE_FENCED;
    if (!away && r && ended && a->epoch > r->epoch)
        r->was_alone = true;
    if (!away && status == STORE_OK && r && (!ended || a->epoch > r->epoch))
        record_answer(r, a);
    struct store_op *op = enqueue(1, r, status, ctx);
    op->done = done;
    return op;
}

static struct store_op *h_answer(struct history_store *h, const struct gen_key *key, history_answers_fn done,
                                 void *ctx)
{
    (void)h;
    struct record *r = record_find(key->owner, &key->gen);
    struct store_op *op = enqueue(2, r, r ? STORE_OK : STORE_NOT_FOUND, ctx);
    op->answers = done;
    return op;
}

static struct store_op *h_running(struct history_store *h, const struct gen_key *after, size_t limit,
                                  history_answers_fn done, void *ctx)
{
    (void)h, (void)after, (void)limit;
    struct store_op *op = enqueue(3, NULL, STORE_OK, ctx);
    op->answers = done;
    return op;
}

static struct store_op *h_context(struct history_store *h, const char *owner, const struct uuid *chat,
                                  const struct uuid *user, size_t bytes, history_begin_fn done, void *ctx)
{
    (void)h, (void)owner, (void)chat, (void)bytes;
    struct record *r = NULL;
    for (int i = 0; i < MOST; i++)
        if (records[i].used && uuid_equal(&records[i].user, user))
            r = &records[i];
    struct store_op *op = enqueue(4, r, r ? STORE_OK : STORE_NOT_FOUND, ctx);
    op->begin = done;
    return op;
}

static struct store_op *h_save(struct history_store *h, const struct history_answer *answers,
                               const uint64_t *from, size_t n, store_done_fn done, void *ctx)
{
    (void)h;
    for (size_t i = 0; i < n && finish_status == STORE_OK; i++) {
        struct record *r = record_find(answers[i].owner, &answers[i].gen);
        assert_true(from[i] <= r->text_len); /* no gap */
        struct buf text = {0};
        buf_add(&text, r->text, (size_t)from[i]);
        buf_add(&text, answers[i].text.data, answers[i].text.len);
        struct history_answer whole = answers[i];
        whole.text = (struct history_text){text.data, text.len};
        record_answer(r, &whole);
        buf_free(&text);
    }
    struct store_op *op = enqueue(5, NULL, finish_status, ctx);
    op->done = done;
    return op;
}

static bool h_healthy(struct history_store *h)
{
    (void)h;
    return !away;
}

static void h_cancel(struct history_store *h, struct store_op *op)
{
    (void)h;
    op->cancelled = true;
}

static struct history_answer answer_of(const struct record *r)
{
    struct history_answer a = {.gen = r->gen,
                               .chat = r->chat,
                               .message = r->message,
                               .parent = r->user,
                               .owner = r->owner,
                               .state = r->state,
                               .model = r->model,
                               .epoch = r->epoch,
                               .seq = r->seq,
                               .text = {r->text, r->text_len},
                               .crc = r->crc,
                               .parts = &r->part,
                               .part_count = r->text_len > 0,
                               .created_ms = r->created_ms};
    a.request = (struct history_text){r->request, strlen(r->request)};
    a.outcome = (struct history_text){r->outcome, r->outcome ? strlen(r->outcome) : 0};
    memcpy(a.digest, r->digest, 32);
    return a;
}

/* The path from the root: each record has its user message and its answer. */
static size_t context_of(const struct record *r, struct history_message *out)
{
    size_t n = 0;
    for (int i = 0; i < MOST && !uuid_is_nil(&r->parent); i++)
        if (records[i].used && uuid_equal(&records[i].message, &r->parent)) {
            n = context_of(&records[i], out);
            if (records[i].text_len)
                out[n++] = (struct history_message){ROLE_ASSISTANT, {records[i].text, records[i].text_len}};
            break;
        }
    out[n++] = (struct history_message){ROLE_USER, {r->input, strlen(r->input)}};
    return n;
}

static void complete_begin(struct store_op *op)
{
    struct history_message context[2 * MOST];
    struct history_answer existing;
    struct history_begin b = {.status = op->status};
    if (op->status == STORE_OK) {
        b.user_message = op->record->user;
        b.context = context;
        b.context_count = context_of(op->record, context);
    } else if (op->status == STORE_EXISTS) {
        existing = answer_of(op->record);
        b.existing = &existing;
    }
    op->begin(op->ctx, &b);
}

static void complete_answers(struct store_op *op)
{
    struct history_answer answers[MOST];
    size_t n = 0;
    if (op->record)
        answers[n++] = answer_of(op->record);
    for (int i = 0; op->kind == 3 && i < MOST; i++)
        if (records[i].used && strcmp(records[i].state, "running") == 0)
            answers[n++] = answer_of(&records[i]);
    op->answers(op->ctx, op->status, answers, n);
}

static bool history_turn(void)
{
    struct store_op *op = queue;
    if (!op || held)
        return false;
    queue = op->next;
    if (op->cancelled)
        ;
    else if (op->begin)
        complete_begin(op);
    else if (op->answers)
        complete_answers(op);
    else
        op->done(op->ctx, op->status);
    mem_free(op);
    return true;
}

static struct record *record_named(const char *gen)
{
    struct uuid id;
    assert_true(uuid_parse(&id, gen, strlen(gen)));
    for (int i = 0; i < MOST; i++)
        if (records[i].used && uuid_equal(&records[i].gen, &id))
            return &records[i];
    return NULL;
}

void history_fail(enum store_status begin, enum store_status finish)
{
    begin_status = begin;
    finish_status = finish;
}

void history_away(bool is)
{
    away = is;
}

const char *history_path(const char *gen)
{
    static char out[1024];
    struct history_message context[2 * MOST];
    struct record *r = record_named(gen);
    size_t n = r ? context_of(r, context) : 0, at = 0;
    *out = 0;
    for (size_t i = 0; i < n; i++)
        at += (size_t)snprintf(out + at, sizeof out - at, "%s%.*s", i ? "|" : "", (int)context[i].text.len,
                               context[i].text.data);
    return out;
}

size_t history_count(void)
{
    size_t n = 0;
    for (int i = 0; i < MOST; i++)
        n += records[i].used;
    return n;
}

void history_hold(bool hold)
{
    held = hold;
}

const char *history_state(const char *gen)
{
    struct record *r = record_named(gen);
    return r ? r->state : NULL;
}

bool history_was_alone(const char *gen)
{
    struct record *r = record_named(gen);
    return r && r->was_alone;
}

const char *history_text(const char *gen)
{
    struct record *r = record_named(gen);
    return r && r->text ? r->text : "";
}

/* ------------------------------------------------------------------ upstream played by the test */

struct call {
    const struct call_events *events;
    void *ctx;
    char prompt[1024];
    bool resume;
};

static struct call *calls[MOST];
static size_t call_count, cancel_count;

static struct call *u_start(struct upstream *u, const struct prompt *p, bool resume,
                            const struct call_events *events, void *ctx, struct err *e)
{
    (void)u, (void)e;
    static const char *const roles[] = {"system", "user", "assistant"};
    struct call *c = calls[call_count++] = mem_alloc(sizeof *c);
    c->events = events;
    c->ctx = ctx;
    c->resume = resume;
    struct buf b = {0};
    for (size_t i = 0; i < p->count; i++)
        buf_printf(&b, "%s%s:%.*s", i ? "|" : "", roles[p->messages[i].role], (int)p->messages[i].len,
                   p->messages[i].text);
    snprintf(c->prompt, sizeof c->prompt, "%s", buf_cstr(&b));
    buf_free(&b);
    return c;
}

static void call_remove(struct call *c)
{
    for (size_t i = 0; i < call_count; i++)
        if (calls[i] == c) {
            memmove(calls + i, calls + i + 1, (--call_count - i) * sizeof *calls);
            mem_free(c);
            return;
        }
}

static void u_cancel(struct call *c)
{
    cancel_count++;
    call_remove(c);
}

static bool u_knows(struct upstream *u, const char *model, struct err *e)
{
    (void)u;
    return !*model || strcmp(model, "m") == 0 || err_set(e, ERR_NOT_FOUND, "model: known are m");
}

static size_t u_models(struct upstream *u, const char *const **names)
{
    static const char *const all[] = {"m"};
    (void)u;
    *names = all;
    return 1;
}

size_t upstream_count(void)
{
    return call_count;
}

size_t upstream_cancels(void)
{
    return cancel_count;
}

void upstream_starts(size_t i, enum start_mode mode)
{
    calls[i]->events->on_start(calls[i]->ctx, mode, "m-served", "u");
}

void upstream_says(size_t i, const char *text)
{
    calls[i]->events->on_text(calls[i]->ctx, ANSWER_TEXT, text, strlen(text), 1);
}

void upstream_status(size_t i, enum call_status status, uint64_t idle_ms)
{
    calls[i]->events->on_status(calls[i]->ctx, status, idle_ms);
}

void upstream_ends(size_t i, enum call_outcome outcome)
{
    struct call *c = calls[i];
    struct call_result r = {.outcome = outcome, .prompt_tokens = 3, .completion_tokens = -1};
    if (outcome == CALL_ERROR)
        err_set(&r.error, ERR_UPSTREAM_UNAVAILABLE, "all of it failed");
    c->events->on_end(c->ctx, &r);
    call_remove(c);
}

const char *upstream_prompt(size_t i)
{
    return calls[i]->prompt;
}

bool upstream_resumes(size_t i)
{
    return calls[i]->resume;
}

/* ------------------------------------------------------------------ clients */

struct client {
    int node;
    struct session *session;
    struct buf *heard;
    json_t *last;
    unsigned code;
    bool stopped;
};

static struct client clients[MOST];
static size_t client_count;

static void c_wake(void *conn)
{
    (void)conn;
}

static void c_close(void *conn, unsigned code, const char *reason)
{
    (void)reason;
    ((struct client *)conn)->code = code;
}

static uint64_t c_unsent(void *conn)
{
    return ((struct client *)conn)->stopped;
}

static const struct session_io client_io = {.wake = c_wake, .close = c_close, .unsent = c_unsent};

struct client *client_at(int node)
{
    size_t slot = client_count;
    while (client_count == MOST && clients[--slot].session)
        assert_true(slot > 0); /* all there are, are still open */
    if (client_count < MOST)
        client_count++;
    struct client *c = &clients[slot];
    *c = (struct client){.node = node};
    c->session = session_open(world_node_at(node), &client_io, c, NULL);
    return c;
}

struct client *client_new(void)
{
    return client_at(0);
}

struct client *client_hello_at(int node)
{
    struct client *c = client_at(node);
    client_say(c, "{\"type\":\"hello\"}");
    client_expect(c, "welcome");
    return c;
}

struct client *client_hello(const char *resume)
{
    struct client *c = client_new();
    client_say(c, resume ? "{\"type\":\"hello\",\"resume\":%s}" : "{\"type\":\"hello\"}", resume);
    client_expect(c, "welcome");
    return c;
}

void client_say(struct client *c, const char *fmt, ...)
{
    char text[8192];
    va_list args;
    va_start(args, fmt);
    int n = vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    session_receive(c->session, text, (size_t)n);
    world_pass(0);
}

void client_says_at_once(struct client *c, const char *text)
{
    session_receive(c->session, text, strlen(text));
}

json_t *client_hear(struct client *c)
{
    struct buf out = {0};
    json_decref(c->last);
    c->last = NULL;
    if (c->session && !c->stopped && session_next(c->session, &out)) {
        assert_true(utf8_valid(out.data, out.len));
        c->last = json_loadb(out.data, out.len, JSON_ALLOW_NUL, NULL);
        assert_non_null(c->last);
    }
    buf_free(&out);
    return c->last;
}

json_t *client_expect(struct client *c, const char *type)
{
    json_t *m = client_hear(c);
    assert_non_null(m);
    assert_string_equal(str(m, "type"), type);
    return m;
}

void client_silent(struct client *c)
{
    json_t *m = client_hear(c);
    if (m)
        fail_msg("unexpected %s", str(m, "type"));
}

void client_gone(struct client *c)
{
    session_closed(c->session);
    c->session = NULL;
    json_decref(c->last);
    c->last = NULL;
    world_pass(0);
}

unsigned client_closed(struct client *c)
{
    return c->code;
}

void client_stop_reading(struct client *c, bool stop)
{
    c->stopped = stop;
    session_blocked(c->session, stop);
}

void client_send(struct client *c, const char *gen)
{
    client_say(c, "{\"type\":\"send\",\"gen\":\"%s\",\"chat\":\"" CHAT1 "\",\"input\":\"hi\"}", gen);
}

void client_resume(struct client *c, const char *gen, const char *have)
{
    client_say(c, "{\"type\":\"resume\",\"gen\":\"%s\",\"epoch\":1,\"off\":%zu,\"crc\":\"%s\"}", gen,
               strlen(have), crc_of(have));
}

const char *str(json_t *message, const char *name)
{
    return json_string_value(json_object_get(message, name));
}

long long num(json_t *message, const char *name)
{
    json_t *v = json_object_get(message, name);
    assert_true(json_is_integer(v));
    return json_integer_value(v);
}

const char *crc_of(const char *text)
{
    static char ring[8][9];
    static int i;
    i = (i + 1) % 8;
    snprintf(ring[i], sizeof ring[i], "%08x", crc32c(0, text, strlen(text)));
    return ring[i];
}

/* ------------------------------------------------------------------ the world */

static struct node nodes[WORLD_NODES]; /* one, or a cluster */
static bool alive[WORLD_NODES], frozen[WORLD_NODES];
static struct config *config;
static struct session_memory *memory;
static uint64_t now_us, unix_ms;
static bool shared;

static void on_wake(void *ctx)
{
    (void)ctx;
}

static void random_bytes(void *out, size_t len)
{
    static unsigned next;
    for (size_t i = 0; i < len; i++)
        ((unsigned char *)out)[i] = (unsigned char)(++next * 37 >> (i % 3));
}

/* Tokens "bad…" are not valid; "other" is another owner's; the rest, and none, are the one owner's. Of those
 * "for MS" expires in so many milliseconds, "key N" is of an API key, "ask MODELS" may ask only these, and
 * "ticket C" is a ticket with an id that ends so. */
static bool authenticate(void *ctx, const char *token, uint64_t now, struct credential *out)
{
    (void)ctx;
    strcpy(out->owner, token && strcmp(token, "other") == 0 ? "default/other" : "default/local");
    if (token && strncmp(token, "for ", 4) == 0)
        out->expires_ms = now + strtoull(token + 4, NULL, 10);
    if (token && strncmp(token, "key ", 4) == 0)
        out->key = strtoull(token + 4, NULL, 10);
    if (token && strncmp(token, "ask ", 4) == 0)
        strcpy(out->models, token + 4);
    if (token && strncmp(token, "ticket ", 7) == 0) {
        out->ticket.b[15] = (uint8_t)token[7];
        out->expires_ms = now + 3600000;
    }
    out->expired = token && strcmp(token, "bad since long") == 0;
    return !token || strncmp(token, "bad", 3) != 0;
}

static uint64_t revoked_key;

void world_revoke(uint64_t key)
{
    revoked_key = key;
    sessions_keys_changed(world_node());
}

static bool revoked(void *ctx, uint64_t key)
{
    (void)ctx;
    return key == revoked_key;
}

static void node_make(int i)
{
    static const struct history_store_ops ops = {.begin = h_begin,
                                                 .finish = h_finish,
                                                 .answer = h_answer,
                                                 .running = h_running,
                                                 .context = h_context,
                                                 .cancel_op = h_cancel,
                                                 .healthy = h_healthy};
    static const struct checkpoint_ops checkpoint = {.save = h_save};
    static struct history_store history = {.ops = &ops, .checkpoint = &checkpoint};
    static const char *const names[] = {"test", "b", "c"};
    static const struct upstream_ops upstream_ops = {
        .start = u_start, .cancel = u_cancel, .knows = u_knows, .models = u_models};
    static struct upstream upstream = {.ops = &upstream_ops};
    struct node *n = &nodes[i];
    struct session_store_events events = cluster_events(n);
    *n = (struct node){.config = config,
                       .history = &history,
                       .upstream = &upstream,
                       .random = random_bytes,
                       .authenticate = authenticate,
                       .revoked = revoked,
                       .now_us = now_us,
                       .unix_ms = unix_ms};
    snprintf(n->name, sizeof n->name, "%s", names[i]);
    n->outbox_ops = shared ? flaky_outbox() : NULL;
    n->sessions = shared ? flaky_open(memory, names[i], &events)
                         : session_memory_store(memory, names[i], false, &events, on_wake, NULL);
    node_init(n);
    alive[i] = true;
}

/* Dies as a process does: nobody hears of it. */
static void node_unmake(int i)
{
    if (!alive[i])
        return;
    for (size_t c = 0; c < client_count; c++)
        if (clients[c].session && clients[c].node == i)
            client_gone(&clients[c]);
    node_close(&nodes[i]);
    nodes[i].sessions->ops->close(nodes[i].sessions);
    alive[i] = frozen[i] = false;
}

static void nodes_unmake(void)
{
    for (int i = 0; i < WORLD_NODES; i++)
        node_unmake(i);
    client_count = 0;
    held = away = false;
    while (history_turn()) {
    }
    session_memory_free(memory);
}

static void nodes_make(void)
{
    memory = session_memory_new();
    for (int i = 0; i < (shared ? WORLD_NODES : 1); i++)
        node_make(i);
}

int world_setup(void **state)
{
    (void)state;
    struct config_error error;
    config = config_load(NULL, NULL, &error);
    assert_non_null(config);
    now_us = 1000000;
    unix_ms = 1732000000000;
    cancel_count = 0;
    held = away = false;
    history_fail(STORE_OK, STORE_OK);
    nodes_make();
    return 0;
}

int world_setup_cluster(void **state)
{
    shared = true;
    return world_setup(state);
}

int world_teardown(void **state)
{
    (void)state;
    nodes_unmake();
    shared = false;
    config_free(config);
    for (int i = 0; i < MOST; i++) {
        mem_free(records[i].input);
        mem_free(records[i].text);
        mem_free(records[i].request);
        mem_free(records[i].outcome);
        records[i] = (struct record){0};
    }
    for (int kind = 0; kind < MEM_KINDS; kind++)
        if (mem_alive((enum mem_kind)kind))
            fail_msg("%ld of %s are alive", mem_alive((enum mem_kind)kind),
                     mem_kind_name((enum mem_kind)kind));
    assert_int_equal(call_count, 0);
    return 0;
}

struct config *world_config(void)
{
    return config;
}

struct node *world_node(void)
{
    return &nodes[0];
}

struct node *world_node_at(int i)
{
    return &nodes[i];
}

static void node_passes(struct node *n)
{
    node_turn(n, now_us, unix_ms);
    n->sessions->ops->turn(n->sessions, now_us / 1000);
    while (history_turn()) {
    }
    node_tick(n);
    while (history_turn()) {
    }
}

static void turn(uint64_t ms)
{
    now_us += ms * 1000;
    unix_ms += ms;
    for (int i = 0; i < WORLD_NODES; i++)
        if (alive[i] && !frozen[i])
            node_passes(&nodes[i]);
}

void world_kill(int i)
{
    node_unmake(i);
}

void world_start(int i)
{
    node_make(i);
}

void world_freeze(int i, bool freeze)
{
    frozen[i] = freeze;
}

void world_store(int i, enum flaky how)
{
    flaky_is(nodes[i].sessions, how);
}

struct session_memory *world_memory(void)
{
    return memory;
}

void world_pass(uint64_t ms)
{
    for (; ms > 50; ms -= 50)
        turn(50);
    turn(ms);
    turn(0);
    for (int i = 0; shared && i < 6; i++)
        turn(0); /* there and back between nodes */
}

static void taken_up(void *ctx)
{
    *(bool *)ctx = true;
}

static void world_restart_with(enum store_status finish)
{
    static bool done;
    done = false;
    nodes_unmake();
    finish_status = finish;
    nodes_make();
    takeover_start(&nodes[0], taken_up, &done);
    world_pass(0);
    assert_true(done);
}

void world_restart(void)
{
    world_restart_with(finish_status);
}

void world_crash(void)
{
    enum store_status status = finish_status;
    finish_status = STORE_FULL;
    world_restart_with(status);
}
