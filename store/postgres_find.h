/* postgres_find: a search through an owner's conversations, newest first, in rounds: the server leaves out
 * what cannot hold the words (signature.h), what is left is looked at here.
 *
 *     from a place: ask ──> conversations, and the texts that may hold the words ──> a page full, or the end?
 *          ^                                                                              | no
 *          +------------------------------------------------------------------------------+ */
#ifndef LASTWORD_STORE_POSTGRES_FIND_H
#define LASTWORD_STORE_POSTGRES_FIND_H

#include "store/postgres_call.h"

/* Makes the job a search, if it is a list with words. */
void pgfind_start(struct store_op *job);
void pgfind_ask(const struct store_op *job, struct pgparams *p);
/* The rows of a round, call->rows[0]; true when there must be another. */
bool pgfind_told(struct store_op *job);

#endif
