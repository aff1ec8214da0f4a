/* list: order, idempotent removal, removal while walking. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/list.h"

struct item {
    int n;
    struct list node;
};

static void order_is_kept(void **state)
{
    (void)state;
    struct list head;
    struct item items[4];
    list_init(&head);
    assert_null(list_first(&head));
    for (int i = 0; i < 4; i++) {
        items[i].n = i;
        list_init(&items[i].node);
        list_add_tail(&head, &items[i].node);
    }
    int want = 0;
    list_each (pos, &head)
        assert_int_equal(list_entry(pos, struct item, node)->n, want++);
    assert_int_equal(want, 4);
    list_move_tail(&head, &items[0].node);
    assert_ptr_equal(list_first(&head), &items[1].node);
    assert_ptr_equal(head.prev, &items[0].node);
}

static void removal_while_walking(void **state)
{
    (void)state;
    struct list head;
    struct item items[5];
    list_init(&head);
    for (int i = 0; i < 5; i++) {
        items[i].n = i;
        list_add_tail(&head, &items[i].node);
    }
    list_each_safe (pos, next, &head) {
        if (list_entry(pos, struct item, node)->n % 2)
            list_del(pos);
    }
    list_del(&items[1].node);
    list_del(&items[1].node);
    int seen = 0;
    list_each (pos, &head) {
        assert_int_equal(list_entry(pos, struct item, node)->n % 2, 0);
        seen++;
    }
    assert_int_equal(seen, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(order_is_kept),
        cmocka_unit_test(removal_while_walking),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
