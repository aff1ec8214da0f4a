/* path: what a model is to be shown of a conversation, gathered from its end backwards, as much as fits.
 * Pure. */
#ifndef LASTWORD_CORE_PATH_H
#define LASTWORD_CORE_PATH_H

#include "base/buf.h"
#include "store/store.h"

#define PATH_MESSAGES 1000 /* as history's contexts */

struct path {
    struct path_item *items; /* owned, newest first */
    size_t count, limit, bytes;
    bool full; /* what comes now is left out */
    struct buf text;
};

/* limit: of bytes; the first message always goes. */
void path_init(struct path *p, size_t limit);
void path_free(struct path *p);
/* The message before those already there; copied. Empty answers are left out. */
void path_add(struct path *p, enum role role, const void *text, size_t len);
/* Oldest first; borrowed from p, the array is the caller's (mem_free). */
struct history_message *path_messages(const struct path *p);

#endif
