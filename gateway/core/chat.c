/* chat: the line of a conversation. See chat.h. */
#include "core/chat.h"

#include <string.h>

#include "base/mem.h"
#include "core/owner.h"

static struct chat *chat_find(struct node *n, const struct owner *owner, const struct uuid *id)
{
    struct generation_key key;
    memset(&key, 0, sizeof key);
    key.owner = owner;
    key.gen = *id;
    struct chat *c = NULL;
    HASH_FIND(hh, n->chats, &key, sizeof key, c);
    return c;
}

size_t chat_length(struct node *n, const struct owner *owner, const struct uuid *chat)
{
    struct chat *c = chat_find(n, owner, chat);
    return c ? c->length : 0;
}

void chat_enter(struct generation *g)
{
    struct node *n = g->node;
    struct chat *c = chat_find(n, g->owner, &g->chat_id);
    if (!c) {
        c = mem_alloc(sizeof *c);
        c->key.owner = g->owner;
        c->key.gen = g->chat_id;
        list_init(&c->line);
        HASH_ADD(hh, n->chats, key, sizeof c->key, c);
    }
    g->chat = c;
    c->length++;
    list_add_tail(&c->line, &g->chat_link);
}

bool chat_is_head(const struct generation *g)
{
    return g->chat && list_first(&g->chat->line) == &g->chat_link &&
           (g->taken_over || !owner_remote_before(g->owner, &g->chat_id, &g->key.gen));
}

void chat_look(struct node *n, struct owner *owner, const struct uuid *chat)
{
    struct chat *c = chat_find(n, owner, chat);
    struct generation *g = c ? list_entry(list_first(&c->line), struct generation, chat_link) : NULL;
    if (g && chat_is_head(g))
        generation_advance(g);
}

void chat_leave(struct generation *g)
{
    struct chat *c = g->chat;
    if (!c)
        return;
    bool was_head = list_first(&c->line) == &g->chat_link;
    list_del(&g->chat_link);
    g->chat = NULL;
    c->length--;
    if (list_empty(&c->line)) {
        HASH_DEL(g->node->chats, c);
        mem_free(c);
    } else if (was_head) {
        struct generation *next = list_entry(list_first(&c->line), struct generation, chat_link);
        if (g->node->outbox && g->state == GENERATION_DONE && !g->outcome.persisted)
            next->behind = g->key.gen; /* it is to be read with what was said before it */
        if (chat_is_head(next))
            generation_advance(next);
    }
}

void chat_interrupt(struct generation *g)
{
    struct list *line = &g->chat->line, *pos = g->chat_link.prev;
    /* From the back, so that none of those in between is started. */
    while (pos != line) {
        struct generation *ahead = list_entry(pos, struct generation, chat_link);
        pos = pos->prev;
        generation_cancel(ahead);
    }
}

void chat_cancel(struct node *n, const struct owner *owner, const struct uuid *chat)
{
    struct chat *c = chat_find(n, owner, chat);
    size_t left = c ? c->length : 0;
    /* From the end, so that none of those in between is started; each cancel may free the chat. */
    for (; left > 0 && (c = chat_find(n, owner, chat)); left--) {
        struct generation *g = NULL;
        for (struct list *pos = c->line.prev; pos != &c->line; pos = pos->prev) {
            g = list_entry(pos, struct generation, chat_link);
            if (!g->cancel_wanted)
                break;
        }
        if (g)
            generation_cancel(g);
    }
}
