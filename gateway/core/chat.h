/* chat: one running generation a conversation. The head of the line runs, the others are queued. */
#ifndef LASTWORD_CORE_CHAT_H
#define LASTWORD_CORE_CHAT_H

#include "core/generation.h"

struct chat {
    UT_hash_handle hh;
    struct generation_key key; /* owner and the chat's id */
    struct list line;          /* generation.chat_link; the head runs */
    size_t length;
};

/* How many generations run or wait in that chat. */
size_t chat_length(struct node *n, const struct owner *owner, const struct uuid *chat);
/* g takes its place at the end of the line. */
void chat_enter(struct generation *g);
/* And nothing is before it there on another gateway; one that was taken over has had its turn. */
bool chat_is_head(const struct generation *g);
/* Something that ran there on another gateway has ended: the head of the line is started. */
void chat_look(struct node *n, struct owner *owner, const struct uuid *chat);
/* g leaves the line; the next, if recorded already, is started. Idempotent. */
void chat_leave(struct generation *g);
/* Cancels whatever is ahead of g in its chat. */
void chat_interrupt(struct generation *g);
/* Cancels all that run or wait there. */
void chat_cancel(struct node *n, const struct owner *owner, const struct uuid *chat);

#endif
