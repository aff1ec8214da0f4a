/* sqlite_index: the search index, kept up behind the writes: see schema/sqlite/0002_search.sql. */
#ifndef LASTWORD_STORE_SQLITE_INDEX_H
#define LASTWORD_STORE_SQLITE_INDEX_H

#include "base/buf.h"
#include "store/store.h"
#include "store/words.h"

struct db;

/* One small step of what waits, within the caller's transaction: some messages of a deleted conversation go,
 * some messages are indexed, or the index is tidied. True when there is more to do. */
bool index_step(struct db *db);
/* The message is to be indexed (again). */
enum store_status index_wait(struct db *db, int64_t message);
/* Takes a message out of the index, going by its text as it is still recorded. */
enum store_status index_remove(struct db *db, int64_t message);
/* Appends the expression that finds the candidates among an owner's messages. */
void index_match(struct db *db, const char *owner, const struct words *words, struct buf *out);

#endif
