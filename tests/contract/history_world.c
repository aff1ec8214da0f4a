/* history_world: see history_world.h. */
#include "contract/history_world.h"

#include <ev.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"

#define PATIENCE_S 20.0

static const struct history_factory *factory_used;

void world_use(const struct history_factory *factory)
{
    factory_used = factory;
}

int world_setup(void **state)
{
    struct world *w = mem_alloc(sizeof(*w));
    w->factory = factory_used;
    w->factory->clean(w->factory->ctx);
    w->loop = ev_loop_new(EVFLAG_AUTO);
    w->now_ms = 1700000000000;
    w->h = w->factory->open(w->factory->ctx, w->loop);
    assert_non_null(w->h);
    *state = w;
    return 0;
}

int world_teardown(void **state)
{
    struct world *w = *state;
    w->h->ops->close(w->h);
    ev_loop_destroy(w->loop);
    buf_free(&w->said);
    mem_free(w);
    return mem_alive(MEM_STORE_OP) != 0;
}

void world_restart(struct world *w)
{
    w->h->ops->close(w->h);
    w->h = w->factory->open(w->factory->ctx, w->loop);
    assert_non_null(w->h);
}

/* ---- waiting */

static void on_late(struct ev_loop *loop, struct ev_timer *timer, int events)
{
    (void)loop, (void)events;
    *(bool *)timer->data = true;
}

static void run_until(struct world *w, int completions, double seconds)
{
    struct ev_timer timer;
    bool late = false;
    ev_timer_init(&timer, on_late, seconds, 0);
    timer.data = &late;
    ev_timer_start(w->loop, &timer);
    while (!late && w->completions < completions)
        ev_run(w->loop, EVRUN_ONCE);
    ev_timer_stop(w->loop, &timer);
}

void wait_for(struct world *w, int completions)
{
    run_until(w, completions, PATIENCE_S);
    assert_int_equal(w->completions, completions);
}

void nothing_more(struct world *w, int completions)
{
    run_until(w, completions + 1, 0.05);
    assert_int_equal(w->completions, completions);
}

void heard(struct world *w, const char *what)
{
    assert_string_equal(buf_cstr(&w->said), what);
}

bool heard_part(struct world *w, const char *what)
{
    return strstr(buf_cstr(&w->said), what) != NULL;
}

/* ---- ids and texts */

struct uuid id(uint64_t n)
{
    struct uuid u = {{0}};
    for (int i = 0; i < 8; i++)
        u.b[15 - i] = (uint8_t)(n >> (8 * i));
    return u;
}

static uint64_t number(const struct uuid *u)
{
    uint64_t n = 0;
    for (int i = 8; i < 16; i++)
        n = n << 8 | u->b[i];
    return n;
}

struct history_text text_of(const char *s)
{
    return (struct history_text){.data = s, .len = s ? strlen(s) : 0};
}

/* ---- results in words */

static void hear(struct world *w, enum store_status status)
{
    assert_false(w->inside);
    w->completions++;
    buf_clear(&w->said);
    buf_add_str(&w->said, store_status_name(status));
}

static void say_text(struct buf *b, struct history_text t)
{
    if (t.len <= 100)
        buf_add(b, t.data, t.len);
    else
        buf_printf(b, "(%zu bytes)", t.len);
}

static void say_answer(struct buf *b, const struct history_answer *a)
{
    buf_printf(b,
               "%s gen=%llu chat=%llu message=%llu parent=%llu %s epoch=%llu seq=%llu crc=%x text=", a->owner,
               (unsigned long long)number(&a->gen), (unsigned long long)number(&a->chat),
               (unsigned long long)number(&a->message), (unsigned long long)number(&a->parent), a->state,
               (unsigned long long)a->epoch, (unsigned long long)a->seq, a->crc);
    say_text(b, a->text);
    for (size_t i = 0; i < a->part_count; i++)
        buf_printf(b, " %u@%llu+%llu", a->parts[i].part, (unsigned long long)a->parts[i].off,
                   (unsigned long long)a->parts[i].len);
    buf_printf(b, " model=%s request=", a->model);
    say_text(b, a->request);
    buf_add_lit(b, " outcome=");
    say_text(b, a->outcome);
    assert_int_equal(a->digest[0], 'd');
    assert_int_equal(a->digest[31], (uint8_t)number(&a->gen));
}

static void on_begin(void *ctx, const struct history_begin *r)
{
    static const char *const roles[] = {"system", "user", "assistant"};
    struct world *w = ctx;
    hear(w, r->status);
    if (r->status == STORE_OK) {
        buf_printf(&w->said, " user=%llu context=[", (unsigned long long)number(&r->user_message));
        for (size_t i = 0; i < r->context_count; i++) {
            buf_printf(&w->said, "%s%s:", i ? "|" : "", roles[r->context[i].role]);
            say_text(&w->said, r->context[i].text);
        }
        buf_add_char(&w->said, ']');
    }
    if (r->status == STORE_EXISTS) {
        buf_add_char(&w->said, ' ');
        say_answer(&w->said, r->existing);
    }
}

static void on_answers(void *ctx, enum store_status status, const struct history_answer *answers, size_t n)
{
    struct world *w = ctx;
    hear(w, status);
    for (size_t i = 0; i < n; i++) {
        buf_add_str(&w->said, i ? " | " : " ");
        say_answer(&w->said, &answers[i]);
    }
}

static void say_head(struct buf *b, const struct history_head *head)
{
    buf_printf(b, "%llu %s (%llu) ", (unsigned long long)number(&head->chat), head->title ? head->title : "-",
               (unsigned long long)head->messages);
    say_text(b, head->snippet);
}

static void on_page(void *ctx, const struct history_page *page)
{
    struct world *w = ctx;
    hear(w, page->status);
    for (size_t i = 0; i < page->count; i++) {
        buf_add_str(&w->said, i ? " | " : " ");
        say_head(&w->said, &page->heads[i]);
    }
    if (page->next)
        buf_add_lit(&w->said, " ...");
    assert_true(!page->next || strlen(page->next) < sizeof(w->cursor));
    snprintf(w->cursor, sizeof(w->cursor), "%s", page->next ? page->next : "");
}

static void on_tree(void *ctx, const struct history_tree *tree)
{
    static const char *const roles[] = {"system", "user", "assistant"};
    struct world *w = ctx;
    hear(w, tree->status);
    if (tree->status != STORE_OK)
        return;
    buf_add_char(&w->said, ' ');
    say_head(&w->said, &tree->head);
    for (size_t i = 0; i < tree->count; i++) {
        const struct history_node *n = &tree->nodes[i];
        buf_printf(&w->said, " | %llu<%llu %s ", (unsigned long long)number(&n->id),
                   (unsigned long long)number(&n->parent), roles[n->role]);
        say_text(&w->said, n->text);
        assert_int_equal(n->answer != NULL, n->role == ROLE_ASSISTANT);
        if (n->answer)
            buf_printf(&w->said, " (%llu %s)", (unsigned long long)number(&n->answer->gen), n->answer->state);
    }
}

static void on_done(void *ctx, enum store_status status)
{
    hear(ctx, status);
}

/* ---- calls */

static struct store_op *started(struct world *w, struct store_op *op)
{
    w->inside = false;
    assert_non_null(op);
    return op;
}

struct store_op *start_begin(struct world *w, struct ask a)
{
    char request[32];
    struct history_send s = {
        .owner = a.owner ? a.owner : ALICE,
        .gen = id((uint64_t)a.gen),
        .chat = id((uint64_t)a.chat),
        .user_message = id((uint64_t)a.gen * 10 + 1),
        .answer_message = id((uint64_t)a.gen * 10 + 2),
        .parent_kind = a.parent == ROOT ? PARENT_ROOT
                       : a.parent       ? PARENT_MESSAGE
                                        : PARENT_NEWEST,
        .has_input = a.input || a.bytes,
        .input = a.bytes ? (struct history_text){a.bytes, a.len} : text_of(a.input),
        .model = "m",
        .unix_ms = ++w->now_ms,
        .context_bytes = a.context ? a.context : 1 << 20,
    };
    if (a.parent > 0)
        s.parent = id((uint64_t)a.parent);
    snprintf(request, sizeof(request), "{\"n\":%d}", a.gen);
    s.request = text_of(request);
    s.digest[0] = 'd';
    s.digest[31] = (uint8_t)a.gen;
    w->inside = true;
    return started(w, w->h->ops->begin(w->h, &s, on_begin, w));
}

static struct history_answer answer_from(struct world *w, const struct end *e)
{
    return (struct history_answer){
        .owner = e->owner ? e->owner : ALICE,
        .gen = id((uint64_t)e->gen),
        .state = e->state ? e->state : "complete",
        .model = "served",
        .epoch = e->epoch ? (uint64_t)e->epoch : 1,
        .seq = 5,
        .crc = 0xfffffffe,
        .text = e->bytes ? (struct history_text){e->bytes, e->len} : text_of(e->text),
        .parts = e->parts,
        .part_count = e->part_count,
        .outcome = text_of("{\"o\":1}"),
        .updated_ms = ++w->now_ms,
    };
}

struct store_op *start_finish(struct world *w, struct end e)
{
    struct history_answer a = answer_from(w, &e);
    w->inside = true;
    return started(w, w->h->ops->finish(w->h, &a, on_done, w));
}

struct store_op *start_answer(struct world *w, const char *owner, int gen)
{
    struct gen_key key = {.owner = owner, .gen = id((uint64_t)gen)};
    w->inside = true;
    return started(w, w->h->ops->answer(w->h, &key, on_answers, w));
}

struct store_op *start_running(struct world *w, const char *owner, int after, size_t limit)
{
    struct gen_key key = {.owner = owner, .gen = id((uint64_t)after)};
    w->inside = true;
    return started(w, w->h->ops->running(w->h, after ? &key : NULL, limit, on_answers, w));
}

struct store_op *start_context(struct world *w, const char *owner, int chat, int message, size_t bytes)
{
    struct uuid c = id((uint64_t)chat), m = id((uint64_t)message);
    w->inside = true;
    return started(w, w->h->ops->context(w->h, owner, &c, &m, bytes, on_begin, w));
}

struct store_op *start_list(struct world *w, const char *owner, size_t limit, const char *before,
                            const char *search)
{
    struct history_list_query q = {.owner = owner, .limit = limit, .before = before, .search = search};
    w->inside = true;
    return started(w, w->h->ops->list(w->h, &q, on_page, w));
}

struct store_op *start_tree(struct world *w, const char *owner, int chat)
{
    struct uuid c = id((uint64_t)chat);
    w->inside = true;
    return started(w, w->h->ops->tree(w->h, owner, &c, on_tree, w));
}

struct store_op *start_edit(struct world *w, const char *owner, int chat, const char *title)
{
    struct uuid c = id((uint64_t)chat);
    w->inside = true;
    return started(w, w->h->ops->edit(w->h, owner, &c, title, on_done, w));
}

struct store_op *start_save(struct world *w, const struct end *tails, const uint64_t *from, size_t n)
{
    struct history_answer *a = mem_alloc((n + 1) * sizeof(*a));
    for (size_t i = 0; i < n; i++)
        a[i] = answer_from(w, &tails[i]);
    w->inside = true;
    struct store_op *op = started(w, w->h->checkpoint->save(w->h, a, from, n, on_done, w));
    mem_free(a);
    return op;
}

/* ---- and their completion */

void begin(struct world *w, struct ask a)
{
    start_begin(w, a);
    wait_for(w, w->completions + 1);
}

void finish(struct world *w, struct end e)
{
    start_finish(w, e);
    wait_for(w, w->completions + 1);
}

void answer(struct world *w, const char *owner, int gen)
{
    start_answer(w, owner, gen);
    wait_for(w, w->completions + 1);
}

void running(struct world *w, const char *owner, int after, size_t limit)
{
    start_running(w, owner, after, limit);
    wait_for(w, w->completions + 1);
}

void context(struct world *w, const char *owner, int chat, int message, size_t bytes)
{
    start_context(w, owner, chat, message, bytes);
    wait_for(w, w->completions + 1);
}

void list(struct world *w, const char *owner, size_t limit, const char *before)
{
    start_list(w, owner, limit, before, NULL);
    wait_for(w, w->completions + 1);
}

void search(struct world *w, const char *owner, const char *words)
{
    start_list(w, owner, 50, NULL, words);
    wait_for(w, w->completions + 1);
}

void tree(struct world *w, const char *owner, int chat)
{
    start_tree(w, owner, chat);
    wait_for(w, w->completions + 1);
}

void edit(struct world *w, const char *owner, int chat, const char *title)
{
    start_edit(w, owner, chat, title);
    wait_for(w, w->completions + 1);
}

void save(struct world *w, struct end tail, uint64_t from)
{
    start_save(w, &tail, &from, 1);
    wait_for(w, w->completions + 1);
}

void talk(struct world *w, int gen, int chat, const char *input, const char *text)
{
    begin(w, (struct ask){.gen = gen, .chat = chat, .input = input});
    assert_true(heard_part(w, "ok "));
    finish(w, (struct end){.gen = gen, .text = text});
    heard(w, "ok");
}
