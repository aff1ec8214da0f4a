/* postgres_flood: see postgres_flood.h. */
#include "contract/postgres_flood.h"

#include <ev.h>
#include <stdlib.h>

#include "base/mem.h"

/* ---- waiting */

static void on_tick(struct ev_loop *loop, struct ev_timer *timer, int events)
{
    (void)loop, (void)events;
    ++*(int *)timer->data;
}

void flood_wait_healthy(struct world *w, bool healthy)
{
    struct ev_timer tick;
    int ticks = 0;
    ev_timer_init(&tick, on_tick, 0.01, 0.01);
    tick.data = &ticks;
    ev_timer_start(w->loop, &tick);
    while (w->h->ops->healthy(w->h) != healthy && ticks < 2000)
        ev_run(w->loop, EVRUN_ONCE);
    ev_timer_stop(w->loop, &tick);
    assert_int_equal(w->h->ops->healthy(w->h), healthy);
}

void number_is(const struct pgserver *server, const char *sql, int want)
{
    char have[32];
    pgserver_sql(server, sql, have, sizeof(have));
    if (atoi(have) != want)
        fail_msg("%s: %s and not %d", sql, have, want);
}

/* ---- many answers, asked for again as the core does: what is not known is tried again */

struct answering {
    struct flood *flood;
    int gen, tries;
    bool asked, ended;
};

static void step(struct answering *a);

static void on_end(void *ctx, enum store_status status)
{
    struct answering *a = ctx;
    assert_true(status == STORE_OK || status == STORE_UNAVAILABLE);
    a->flood->running--;
    a->ended = status == STORE_OK;
    a->flood->done += a->ended;
    if (!a->ended)
        step(a);
}

static void on_begun(void *ctx, const struct history_begin *r)
{
    struct answering *a = ctx;
    /* EXISTS: an attempt whose outcome was not known. */
    bool known = r->status == STORE_OK || (r->status == STORE_EXISTS && a->tries > 1);
    if (!known && r->status != STORE_UNAVAILABLE)
        fail_msg("begin of gen %d, try %d: %s", a->gen, a->tries, store_status_name(r->status));
    if (r->status == STORE_EXISTS)
        assert_memory_equal(r->existing->message.b, id((uint64_t)a->gen * 10 + 2).b, 16);
    a->flood->running--;
    a->asked = known;
    a->flood->begun += known;
    step(a);
}

static void start_begin_of(struct answering *a)
{
    struct history_send s = {.owner = a->gen % 2 ? ALICE : BOB,
                             .gen = id((uint64_t)a->gen),
                             .chat = id((uint64_t)(a->gen % 20 + 1)),
                             .user_message = id((uint64_t)a->gen * 10 + 1),
                             .answer_message = id((uint64_t)a->gen * 10 + 2),
                             .has_input = true,
                             .input = text_of("question"),
                             .model = "m",
                             .unix_ms = 1,
                             .context_bytes = 10,
                             .digest = {[0] = 'd', [31] = (uint8_t)a->gen}};
    a->tries++;
    a->flood->w->h->ops->begin(a->flood->w->h, &s, on_begun, a);
}

static void start_end_of(struct answering *a)
{
    struct history_answer e = {.owner = a->gen % 2 ? ALICE : BOB,
                               .gen = id((uint64_t)a->gen),
                               .state = "complete",
                               .model = "served",
                               .epoch = 1,
                               .text = text_of("the answer"),
                               .updated_ms = 2};
    a->flood->w->h->ops->finish(a->flood->w->h, &e, on_end, a);
}

static void step(struct answering *a)
{
    a->flood->running++;
    if (a->asked)
        start_end_of(a);
    else
        start_begin_of(a);
}

void flood_start(struct flood *f, struct world *w, const struct pgserver *server, int count)
{
    *f = (struct flood){
        .w = w, .server = server, .count = count, .items = mem_alloc((size_t)count * sizeof(*f->items))};
    for (int i = 0; i < count; i++) {
        f->items[i] = (struct answering){.flood = f, .gen = i + 1};
        step(&f->items[i]);
    }
}

void flood_until(struct flood *f, int recorded)
{
    struct ev_timer tick;
    int ticks = 0;
    ev_timer_init(&tick, on_tick, 0.1, 0.1);
    tick.data = &ticks;
    ev_timer_start(f->w->loop, &tick);
    while (f->begun + f->done < recorded && ticks < 600)
        ev_run(f->w->loop, EVRUN_ONCE);
    ev_timer_stop(f->w->loop, &tick);
    assert_true(f->begun + f->done >= recorded);
}

void flood_into(struct flood *f, int part, int parts)
{
    flood_until(f, 2 * f->count * part / parts);
    for (int turn = 0; turn < part; turn++)
        ev_run(f->w->loop, EVRUN_NOWAIT);
    assert_true(f->running > 0);
}

void flood_end(struct flood *f)
{
    flood_until(f, 2 * f->count);
    assert_int_equal(f->running, 0);
    number_is(f->server, "SELECT count(*) FROM lastword.generations", f->count);
    number_is(f->server, "SELECT count(*) FROM lastword.messages", 2 * f->count);
    number_is(f->server, "SELECT sum(messages) FROM lastword.conversations", 2 * f->count);
    number_is(f->server, "SELECT count(*) FROM lastword.answers WHERE body = 'the answer'", f->count);
    number_is(f->server, "SELECT count(*) FROM lastword.running", 0);
    number_is(f->server, "SELECT sum(bytes) FROM lastword.conversations", 18 * f->count);
    mem_free(f->items);
}
