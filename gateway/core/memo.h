/* memo: what this node has last sent to a model of each conversation, and the answer to it, so that the
 * conversation can go on while history is away. Bounded (history.recent_bytes): the longest unused goes
 * first. It refuses to be believed alone: another gateway may have gone on meanwhile, which only the session
 * store knows; so whoever asks names the message. */
#ifndef LASTWORD_CORE_MEMO_H
#define LASTWORD_CORE_MEMO_H

#include "core/generation.h"
#include "core/path.h"

struct memo;

/* g runs with this context, whose last is its question. */
void memo_run(struct generation *g, const struct history_message *context, size_t count);
/* g's log is whole. */
void memo_ended(const struct generation *g);
/* Adds to p what stands above a message and the message itself, which is the last question or answer of the
 * chat here; *gen: whose it is. False: it is not. */
bool memo_path(struct node *n, const char *owner, const struct uuid *chat, const struct uuid *message,
               struct path *p, struct uuid *gen);
/* The text of g that a model may see again; appended. */
void memo_visible(const struct generation *g, struct buf *out);
void memos_free(struct node *n);

#endif
