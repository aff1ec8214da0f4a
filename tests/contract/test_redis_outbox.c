/* The outbox in Redis: in order over its shards, each entry to one consumer, bounded in number and bytes, and
 * had by another when its consumer is gone. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "contract/redis_bed.h"
#include "store/redis.h"

#define MOST 600

struct world {
    struct bed bed;
    struct session_store *b; /* a second node */
    int done;
    enum store_status status;
    size_t count;
    char ids[MOST][64];
    char data[MOST][16];
    size_t len[MOST];
};

static struct redis_server *server(struct world *w)
{
    return &w->bed.world.servers[0];
}

static int setup(void **state)
{
    struct world *w = calloc(1, sizeof(*w));
    struct bed *b = &w->bed;
    assert_non_null(w);
    b->world.server_count = 1;
    redis_server_prepare(server(w), NULL);
    redis_server_start(server(w));
    snprintf(b->url, sizeof(b->url), "unix://%s/s", server(w)->folder);
    b->s = bed_open(b, b->url, "a");
    w->b = bed_open(b, b->url, "b");
    until_up(b);
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;
    if (w->b)
        w->b->ops->close(w->b);
    bed_close(&w->bed);
    free(w);
    return 0;
}

/* ---- calls, and waiting for them */

static void on_lease(void *ctx, const struct lease_result *r)
{
    struct world *w = ctx;
    assert_int_equal(r->status, STORE_OK);
    w->done++;
}

static void on_done(void *ctx, enum store_status status)
{
    struct world *w = ctx;
    w->status = status;
    w->done++;
}

static void on_take(void *ctx, enum store_status status, const struct outbox_entry *entries, size_t n)
{
    struct world *w = ctx;
    assert_true(n <= MOST);
    w->status = status;
    w->count = n;
    w->done++;
    for (size_t i = 0; i < n; i++) {
        snprintf(w->ids[i], sizeof(w->ids[i]), "%s", entries[i].id);
        snprintf(w->data[i], sizeof(w->data[i]), "%.*s", (int)entries[i].len, (const char *)entries[i].data);
        w->len[i] = entries[i].len;
    }
}

struct until {
    struct world *w;
    int done;
};

static bool are_done(void *ctx)
{
    const struct until *u = ctx;
    return u->w->done >= u->done;
}

static void wait_for(struct world *w, int calls)
{
    struct until u = {w, calls};
    redis_world_until(&w->bed.world, are_done, &u);
    assert_int_equal(w->done, calls);
    w->done = 0;
}

static struct gen_key key(int n)
{
    struct gen_key k = {.owner = OWNER};
    k.gen.b[14] = (uint8_t)(n >> 8);
    k.gen.b[15] = (uint8_t)n;
    return k;
}

static enum store_status finish(struct world *w, int n, const char *entry, size_t len)
{
    struct gen_key k = key(n);
    struct session_store *s = w->bed.s;
    const struct log_record r = {.seq = 1, .epoch = 1, .kind = LOG_KIND_DONE, .data = "{}", .len = 2};
    s->ops->acquire(s, &k, &k.gen, 3000, on_lease, w);
    s->ops->finish(s, &k, &r, entry, len, 1000, on_done, w);
    wait_for(w, 2);
    return w->status;
}

static void finish_many(struct world *w, int from, int n)
{
    for (int i = from; i < from + n; i++) {
        char text[16];
        int len = snprintf(text, sizeof(text), "%d", i);
        assert_int_equal(finish(w, i, text, (size_t)len), STORE_OK);
    }
}

static size_t take(struct world *w, struct session_store *s, size_t max)
{
    session_redis_outbox()->take(s, max, on_take, w);
    wait_for(w, 1);
    assert_int_equal(w->status, STORE_OK);
    return w->count;
}

static void ack(struct world *w, struct session_store *s, size_t n)
{
    const char *ids[MOST];
    for (size_t i = 0; i < n; i++)
        ids[i] = w->ids[i];
    session_redis_outbox()->ack(s, ids, n, on_done, w);
    wait_for(w, 1);
    assert_int_equal(w->status, STORE_OK);
}

/* ---- */

static void test_many_come_in_order_and_each_once(void **state)
{
    struct world *w = *state;
    int next = 0;
    finish_many(w, 0, 300);
    while (next < 300) {
        size_t n = take(w, next % 2 ? w->b : w->bed.s, 37);
        assert_true(n > 0);
        for (size_t i = 0; i < n; i++, next++)
            assert_int_equal(atoi(w->data[i]), next);
        ack(w, next % 2 ? w->b : w->bed.s, n);
    }
    assert_int_equal(take(w, w->bed.s, 37), 0);
    assert_int_equal(take(w, w->b, 37), 0);
}

/* More of one shard than is looked at in one go: what is behind them in time may not overtake them. */
static void test_a_crowded_shard_keeps_the_order(void **state)
{
    struct world *w = *state;
    struct gen_key first = key(0), k;
    char text[16];
    int count = 0, next = 0;
    for (int n = 0; count < 20; n++) {
        k = key(n);
        if (redis_shard(&k) != redis_shard(&first))
            continue;
        snprintf(text, sizeof(text), "%d", count++);
        assert_int_equal(finish(w, n, text, strlen(text)), STORE_OK);
    }
    for (int n = 0; count < 30; n++) {
        k = key(n);
        if (redis_shard(&k) == redis_shard(&first))
            continue;
        snprintf(text, sizeof(text), "%d", count++);
        assert_int_equal(finish(w, n, text, strlen(text)), STORE_OK);
    }
    while (next < 30) {
        size_t n = take(w, w->bed.s, 10);
        assert_in_range(n, 1, 10);
        for (size_t i = 0; i < n; i++, next++)
            assert_int_equal(atoi(w->data[i]), next);
        ack(w, w->bed.s, n);
    }
}

static void test_two_consumers_share(void **state)
{
    struct world *w = *state;
    bool seen[40] = {0};
    finish_many(w, 0, 40);
    for (int i = 0; i < 8;
         i++) { /* nothing is acknowledged: each has what it has, and the next is the next's */
        struct session_store *s = i % 2 ? w->b : w->bed.s;
        size_t n = take(w, s, 5 * (size_t)(i / 2 + 1));
        assert_int_equal(n, 5 * (i / 2 + 1));
        for (size_t k = 0; k < n; k++)
            seen[atoi(w->data[k])] = true;
    }
    for (int i = 0; i < 40; i++)
        assert_true(seen[i]);
    assert_int_equal(take(w, w->bed.s, 100), 20);
    assert_int_equal(take(w, w->b, 100), 20);
}

static void test_what_a_silent_consumer_has_is_had_by_another(void **state)
{
    struct world *w = *state;
    finish_many(w, 0, 30);
    assert_int_equal(take(w, w->bed.s, 100), 30);
    atomic_fetch_add(server(w)->clock_us, (REDIS_CLAIM_MS - 1) * (int64_t)1000);
    assert_int_equal(take(w, w->b, 100), 0);
    atomic_fetch_add(server(w)->clock_us, 2000);
    assert_int_equal(take(w, w->b, 10), 10); /* the oldest */
    for (int i = 0; i < 10; i++)
        assert_int_equal(atoi(w->data[i]), i);
    ack(w, w->b, 10);
    assert_int_equal(take(w, w->bed.s, 100), 20); /* what is left it may have, as long as nobody took it */
    ack(w, w->bed.s, 20);
    assert_int_equal(take(w, w->b, 100), 0);
}

static void test_a_full_outbox_refuses(void **state)
{
    struct world *w = *state;
    struct bed *b = &w->bed;
    char error[256];
    const struct session_redis_options options = {.url = b->url, .node = "a", .outbox = 64};
    b->s->ops->close(b->s);
    b->s = session_redis_open(&options, b->world.loop, NULL, error, sizeof(error));
    until_up(b);
    struct gen_key first = key(1), other;
    int n = 1;
    do
        other = key(++n);
    while (redis_shard(&other) != redis_shard(&first));
    assert_int_equal(finish(w, 1, "one", 3), STORE_OK);
    assert_int_equal(finish(w, n, "two", 3), STORE_FULL);
    assert_int_equal(take(w, b->s, 10), 1);
    ack(w, b->s, 1);
    const struct log_record r = {.seq = 1, .epoch = 1, .kind = LOG_KIND_DONE, .data = "{}", .len = 2};
    b->s->ops->finish(b->s, &other, &r, "two", 3, 1000, on_done, w);
    wait_for(w, 1);
    assert_int_equal(w->status, STORE_OK); /* nothing was lost */
    assert_int_equal(take(w, b->s, 10), 1);
    assert_string_equal(w->data[0], "two");
}

static void test_a_take_is_bounded_in_bytes(void **state)
{
    struct world *w = *state;
    size_t len = (size_t)3 << 20;
    char *big = mem_alloc(len);
    for (int i = 0; i < 4; i++)
        assert_int_equal(finish(w, i, big, len), STORE_OK);
    assert_int_equal(take(w, w->bed.s, 10), 2);
    ack(w, w->bed.s, 1);
    assert_int_equal(take(w, w->bed.s, 10), 2);
    assert_int_equal(take(w, w->b, 10), 1);
    assert_int_equal(w->len[0], len);
    mem_free(big);
    big = mem_alloc((size_t)9 << 20);
    ack(w, w->b, 1);
    assert_int_equal(finish(w, 9, big, (size_t)9 << 20), STORE_OK);
    assert_int_equal(take(w, w->b, 10), 1); /* one at least */
    mem_free(big);
}

/* The answer ends and the outbox empties also when Redis takes nothing more. */
static void test_a_full_memory_lets_answers_end(void **state)
{
    struct world *w = *state;
    struct session_store *s = w->bed.s;
    struct gen_key k = key(1);
    const struct log_record r = {.seq = 1, .epoch = 1, .kind = LOG_KIND_DONE, .data = "{}", .len = 2};
    s->ops->acquire(s, &k, &k.gen, 3000, on_lease, w);
    wait_for(w, 1);
    redis_server_ask(server(w), "CONFIG SET maxmemory 1");
    s->ops->renew(s, &k, 1, 3000, on_done, w);
    wait_for(w, 1);
    assert_int_equal(w->status, STORE_OK);
    s->ops->finish(s, &k, &r, "one", 3, 1000, on_done, w);
    wait_for(w, 1);
    assert_int_equal(w->status, STORE_OK);
    assert_int_equal(take(w, s, 10), 1);
    ack(w, s, 1);
    assert_int_equal(take(w, s, 10), 0);
}

static void test_consumers_long_gone_are_forgotten(void **state)
{
    struct world *w = *state;
    char command[300], key_text[REDIS_KEY_MAX];
    struct gen_key k = key(0);
    redis_key_shard(key_text, 'o', redis_shard(&k));
    snprintf(command, sizeof(command), "XINFO CONSUMERS %s history", key_text);
    finish_many(w, 0, 1);
    assert_int_equal(take(w, w->b, 10), 1);
    ack(w, w->b, 1);
    assert_non_null(strstr(redis_server_ask(server(w), command), "\r\nb\r\n"));
    w->b->ops->close(w->b);
    atomic_fetch_add(server(w)->clock_us, (int64_t)3600 * 1000 * 1000 + 1000);
    w->b = bed_open(&w->bed, w->bed.url, "c");
    struct session_store *a = w->bed.s;
    w->bed.s = w->b;
    until_up(&w->bed);
    w->bed.s = a;
    assert_null(strstr(redis_server_ask(server(w), command), "\r\nb\r\n"));
}

static void test_ids_that_are_none_are_passed_over(void **state)
{
    struct world *w = *state;
    static const char *const ids[] = {"", "x", "99:1-1", "1:", "1:1", "1:1-x", "-1:1-1", "1:1-1"};
    session_redis_outbox()->ack(w->bed.s, ids, sizeof(ids) / sizeof(*ids), on_done, w);
    wait_for(w, 1);
    assert_int_equal(w->status, STORE_OK);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_many_come_in_order_and_each_once),
        T(test_a_crowded_shard_keeps_the_order),
        T(test_two_consumers_share),
        T(test_what_a_silent_consumer_has_is_had_by_another),
        T(test_a_full_outbox_refuses),
        T(test_a_take_is_bounded_in_bytes),
        T(test_a_full_memory_lets_answers_end),
        T(test_consumers_long_gone_are_forgotten),
        T(test_ids_that_are_none_are_passed_over),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
