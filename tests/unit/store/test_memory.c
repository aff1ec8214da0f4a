/* The session store on memory beyond the contract: its limits, what it forgets, and that it wakes its node.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "base/mem.h"
#include "store/memory.h"

#define OWNER "acme/alice"

struct world {
    struct session_memory *m;
    struct session_store *s;
    struct memory_limits limits;
    uint64_t now_ms;
    int wakes, completions, events;
    enum store_status last;
};

static void on_wake(void *ctx)
{
    ((struct world *)ctx)->wakes++;
}

static void on_active(void *ctx, const char *owner, const struct uuid *gen, const struct uuid *chat,
                      const char *state, uint64_t off)
{
    (void)owner, (void)gen, (void)chat, (void)state, (void)off;
    ((struct world *)ctx)->events++;
}

static void open_node(struct world *w, bool shared)
{
    struct session_store_events events = {.on_active = on_active, .ctx = w};
    w->s = session_memory_store(w->m, "a", shared, &events, on_wake, w);
}

static int setup(void **state)
{
    struct world *w = mem_alloc(sizeof(*w));
    w->m = session_memory_new();
    w->now_ms = 1000;
    session_memory_limits(w->m, &w->limits);
    open_node(w, true);
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;
    w->s->ops->close(w->s);
    session_memory_free(w->m);
    mem_free(w);
    return mem_alive(MEM_STORE_OP) != 0;
}

static void turn(struct world *w, uint64_t ms)
{
    w->now_ms += ms;
    w->s->ops->turn(w->s, w->now_ms);
}

static struct uuid id(uint64_t n)
{
    struct uuid u = {{0}};
    memcpy(u.b, &n, sizeof(n));
    return u;
}

static void on_done(void *ctx, enum store_status status)
{
    struct world *w = ctx;
    w->completions++;
    w->last = status;
}

static void on_touch(void *ctx, enum store_status status, bool existed)
{
    (void)existed;
    on_done(ctx, status);
}

static void on_lease(void *ctx, const struct lease_result *result)
{
    on_done(ctx, result->status);
}

static void on_take(void *ctx, enum store_status status, const struct outbox_entry *entries, size_t n)
{
    (void)entries;
    on_done(ctx, status);
    ((struct world *)ctx)->events = (int)n;
}

static enum store_status touch(struct world *w, uint64_t session, uint64_t ttl_ms)
{
    struct uuid u = id(session);
    w->s->ops->touch(w->s, OWNER, &u, ttl_ms, on_touch, w);
    turn(w, 0);
    return w->last;
}

static enum store_status acquire(struct world *w, uint64_t gen)
{
    struct gen_key key = {.owner = OWNER, .gen = id(gen)};
    struct uuid chat = id(1);
    w->s->ops->acquire(w->s, &key, &chat, 3000, on_lease, w);
    turn(w, 0);
    return w->last;
}

static enum store_status finish(struct world *w, uint64_t gen, uint64_t keep_ms)
{
    struct gen_key key = {.owner = OWNER, .gen = id(gen)};
    struct log_record done = {.seq = 1, .epoch = 1, .kind = LOG_KIND_DONE, .data = "{}", .len = 2};
    w->s->ops->finish(w->s, &key, &done, "entry", 5, keep_ms, on_done, w);
    turn(w, 0);
    return w->last;
}

static void publish(struct world *w, uint64_t gen, const char *state)
{
    struct active_entry e = {.gen = id(gen), .chat = id(1), .state = state};
    w->s->ops->publish(w->s, OWNER, &e);
    turn(w, 0);
}

/* ---- limits */

static void test_sessions_have_a_limit(void **state)
{
    struct world *w = *state;
    w->limits.sessions = 2;
    session_memory_limit(w->m, &w->limits);
    assert_int_equal(touch(w, 1, 100), STORE_OK);
    assert_int_equal(touch(w, 2, 100), STORE_OK);
    assert_int_equal(touch(w, 3, 100), STORE_FULL);
    assert_int_equal(touch(w, 1, 100), STORE_OK);
    for (int i = 0; i < 10; i++) /* the sweep makes room */
        turn(w, 100);
    assert_int_equal(touch(w, 3, 100), STORE_OK);
}

static void test_logs_have_limits(void **state)
{
    struct world *w = *state;
    struct gen_key key = {.owner = OWNER, .gen = id(1)};
    static char text[4096];
    struct log_record r = {.seq = 1, .epoch = 1, .kind = LOG_KIND_TEXT, .off = sizeof(text), .data = text};
    r.len = sizeof(text);
    w->limits.logs = 1;
    w->limits.log_bytes = 4000;
    session_memory_limit(w->m, &w->limits);
    assert_int_equal(acquire(w, 1), STORE_OK);
    assert_int_equal(acquire(w, 2), STORE_FULL);
    r.crc = 0x98f94189; /* of 4,096 zeros */
    w->s->ops->append(w->s, &key, &r, on_done, w);
    turn(w, 0);
    assert_int_equal(w->last, STORE_FULL);
    w->limits.log_bytes = 8000;
    session_memory_limit(w->m, &w->limits);
    w->s->ops->append(w->s, &key, &r, on_done, w);
    turn(w, 0);
    assert_int_equal(w->last, STORE_OK);
}

static void test_calls_waiting_have_a_limit(void **state)
{
    struct world *w = *state;
    struct uuid u = id(1);
    w->limits.ops = 3;
    session_memory_limit(w->m, &w->limits);
    for (int i = 0; i < 4; i++)
        w->s->ops->touch(w->s, OWNER, &u, 100, on_touch, w);
    assert_int_equal(w->completions, 0);
    turn(w, 0);
    assert_int_equal(w->completions, 4);
    assert_int_equal(w->last, STORE_FULL);
    assert_int_equal(touch(w, 1, 100), STORE_OK);
}

static void test_the_outbox_has_a_limit(void **state)
{
    struct world *w = *state;
    w->limits.outbox = 1;
    session_memory_limit(w->m, &w->limits);
    acquire(w, 1);
    acquire(w, 2);
    assert_int_equal(finish(w, 1, 1000), STORE_OK);
    assert_int_equal(finish(w, 2, 1000), STORE_FULL); /* and the log is not ended: the entry would be lost */
    w->limits.outbox = 2;
    session_memory_limit(w->m, &w->limits);
    assert_int_equal(finish(w, 2, 1000), STORE_OK);
}

static void test_active_entries_have_a_limit(void **state)
{
    struct world *w = *state;
    w->limits.active = 2;
    session_memory_limit(w->m, &w->limits);
    for (uint64_t i = 1; i <= 5; i++)
        publish(w, i, "running");
    assert_int_equal(w->events, 5); /* all are told, not all are listed */
    for (uint64_t i = 1; i <= 5; i++)
        publish(w, i, "complete");
    assert_int_equal(w->m->actives.count, 0);
}

/* ---- forgetting */

static void test_what_is_over_leaves_no_memory(void **state)
{
    struct world *w = *state;
    for (uint64_t i = 1; i <= 500; i++) {
        touch(w, i, 1000);
        acquire(w, i);
        publish(w, i, "running");
        if (i % 2)
            finish(w, i, 1000); /* the others are abandoned */
    }
    assert_int_equal(w->m->logs.count, 500);
    for (int i = 0; i < 100; i++)
        turn(w, 20);
    assert_int_equal(w->m->sessions.count, 0);
    assert_int_equal(w->m->logs.count, 250);
    turn(w, w->limits.abandoned_ms + 3000);
    for (int i = 0; i < 100; i++)
        turn(w, 20);
    assert_int_equal(w->m->logs.count, 0);
    assert_int_equal(w->m->actives.count, 0);
    assert_int_equal(w->m->bytes, 0);
}

static void test_times_do_not_wrap(void **state)
{
    struct world *w = *state;
    assert_int_equal(touch(w, 1, UINT64_MAX), STORE_OK);
    acquire(w, 1);
    assert_int_equal(finish(w, 1, UINT64_MAX), STORE_OK);
    for (int i = 0; i < 100; i++)
        turn(w, 1000 * 1000);
    assert_int_equal(w->m->sessions.count, 1);
    assert_int_equal(w->m->logs.count, 1);
}

/* ---- the node */

static void test_the_node_is_woken_once_a_turn(void **state)
{
    struct world *w = *state;
    struct uuid u = id(1);
    turn(w, 0);
    assert_int_equal(w->wakes, 0);
    w->s->ops->touch(w->s, OWNER, &u, 100, on_touch, w);
    w->s->ops->touch(w->s, OWNER, &u, 100, on_touch, w);
    assert_int_equal(w->wakes, 1);
    turn(w, 0);
    assert_int_equal(w->wakes, 1);
    publish(w, 1, "running");
    assert_int_equal(w->wakes, 2);
}

static void test_alone_it_keeps_no_outbox(void **state)
{
    struct world *w = *state;
    w->s->ops->close(w->s);
    open_node(w, false);
    acquire(w, 1);
    assert_int_equal(finish(w, 1, 1000), STORE_OK);
    session_memory_outbox()->take(w->s, 10, on_take, w);
    turn(w, 0);
    assert_int_equal(w->last, STORE_OK);
    assert_int_equal(w->events, 0);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_sessions_have_a_limit),       T(test_logs_have_limits),
        T(test_calls_waiting_have_a_limit),  T(test_the_outbox_has_a_limit),
        T(test_active_entries_have_a_limit), T(test_what_is_over_leaves_no_memory),
        T(test_times_do_not_wrap),           T(test_the_node_is_woken_once_a_turn),
        T(test_alone_it_keeps_no_outbox),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
