/* table: finding, growing, removing, sweeping; keys that differ in owner or id only. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "base/mem.h"
#include "store/table.h"

struct thing {
    struct table_node node;
    int n;
};

static struct uuid id(int n)
{
    struct uuid u = {{0}};
    memcpy(u.b + 12, &n, sizeof(n));
    return u;
}

static void add(struct table *t, const char *owner, int n)
{
    struct thing *thing = mem_alloc(sizeof(*thing));
    struct uuid u = id(n);
    thing->n = n;
    table_add(t, &thing->node, owner, &u);
}

static struct thing *find(const struct table *t, const char *owner, int n)
{
    struct uuid u = id(n);
    struct table_node *node = table_find(t, owner, &u);
    return node ? table_entry(node, struct thing, node) : NULL;
}

static void drop(void *ctx, struct table_node *node)
{
    table_remove(ctx, node);
    mem_free(table_entry(node, struct thing, node));
}

static void test_finds_what_was_added(void **state)
{
    struct table t;
    (void)state;
    table_init(&t);
    assert_null(find(&t, "a", 1));
    for (int i = 0; i < 5000; i++) {
        add(&t, "a", i);
        if (i % 2)
            add(&t, "b", i);
    }
    assert_int_equal(t.count, 7500);
    for (int i = 0; i < 5000; i++) {
        assert_int_equal(find(&t, "a", i)->n, i);
        assert_int_equal(find(&t, "b", i) != NULL, i % 2);
        assert_null(find(&t, "", i));
    }
    assert_null(find(&t, "a", 5000));
    drop(&t, &find(&t, "a", 7)->node);
    assert_null(find(&t, "a", 7));
    assert_non_null(find(&t, "b", 7));
    table_sweep(&t, t.cap, drop, &t);
    assert_int_equal(t.count, 0);
    table_free(&t);
}

static void count(void *ctx, struct table_node *node)
{
    table_entry(node, struct thing, node)->n++;
    ++*(int *)ctx;
}

static void test_a_sweep_goes_round(void **state)
{
    struct table t;
    int seen = 0;
    (void)state;
    table_init(&t);
    table_sweep(&t, 10, count, &seen);
    for (int i = 0; i < 100; i++)
        add(&t, "a", i);
    for (size_t i = 0; i < t.cap; i += 8)
        table_sweep(&t, 8, count, &seen);
    assert_int_equal(seen, 100);
    for (int i = 0; i < 100; i++)
        assert_int_equal(find(&t, "a", i)->n, i + 1);
    table_sweep(&t, t.cap * 2, drop, &t);
    table_free(&t);
}

static void test_an_owner_alone_is_a_key(void **state)
{
    struct table t;
    struct thing thing = {.n = 5};
    (void)state;
    table_init(&t);
    table_add(&t, &thing.node, "acme/alice", NULL);
    assert_ptr_equal(table_find(&t, "acme/alice", NULL), &thing.node);
    assert_null(table_find(&t, "acme/alic", NULL));
    table_remove(&t, &thing.node);
    table_free(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_finds_what_was_added),
        cmocka_unit_test(test_a_sweep_goes_round),
        cmocka_unit_test(test_an_owner_alone_is_a_key),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
