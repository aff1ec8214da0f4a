/* list: an intrusive doubly linked list with a head; the object owns the node, the list owns nothing.
 * An unlinked node points at itself, so list_del is idempotent. */
#ifndef LASTWORD_BASE_LIST_H
#define LASTWORD_BASE_LIST_H

#include <stdbool.h>
#include <stddef.h>

struct list {
    struct list *prev, *next;
};

#define list_entry(node, type, member) ((type *)(void *)((char *)(node)-offsetof(type, member)))
/* `pos` is a struct list *. list_each_safe allows unlinking `pos` itself, not its neighbour. */
#define list_each(pos, head) for (struct list *pos = (head)->next; pos != (head); pos = pos->next)
#define list_each_safe(pos, tmp, head)                                                                       \
    for (struct list *pos = (head)->next, *tmp = pos->next; pos != (head); pos = tmp, tmp = pos->next)

static inline void list_init(struct list *l)
{
    l->prev = l->next = l;
}

static inline bool list_empty(const struct list *l)
{
    return l->next == l;
}

static inline void list_add_tail(struct list *head, struct list *n)
{
    n->prev = head->prev;
    n->next = head;
    head->prev->next = n;
    head->prev = n;
}

static inline void list_add_head(struct list *head, struct list *n)
{
    n->prev = head;
    n->next = head->next;
    head->next->prev = n;
    head->next = n;
}

static inline void list_del(struct list *n)
{
    n->prev->next = n->next;
    n->next->prev = n->prev;
    list_init(n);
}

static inline struct list *list_first(const struct list *head)
{
    return list_empty(head) ? NULL : head->next;
}

static inline void list_move_head(struct list *head, struct list *n)
{
    list_del(n);
    list_add_head(head, n);
}

static inline void list_move_tail(struct list *head, struct list *n)
{
    list_del(n);
    list_add_tail(head, n);
}

#endif
