/* history_world: a history store under test, its loop, and calls that wait for their completion and put what
 * it brought into words, so that a test reads
 *
 *     begin(w, (struct ask){.gen = 1, .chat = 1, .input = "hi"});
 *     heard(w, "ok user=11 context=[user:hi]");
 *
 * Ids are small numbers: the user message of generation 7 is 71, its answer 72. */
#ifndef LASTWORD_TESTS_HISTORY_WORLD_H
#define LASTWORD_TESTS_HISTORY_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/buf.h"
#include "contract/history_contract.h"

#define ALICE "acme/alice"
#define BOB "acme/bob"
#define ROOT (-1) /* as ask.parent */

struct world {
    const struct history_factory *factory;
    struct ev_loop *loop;
    struct history_store *h;
    struct buf said;  /* what the last completion brought */
    char cursor[128]; /* the last page's next, "" at the end */
    int completions;
    bool inside; /* a starting call has not returned */
    uint64_t now_ms;
};

int world_setup(void **state);
int world_teardown(void **state);
void world_use(const struct history_factory *factory);
void world_restart(struct world *w);

/* Runs the loop until so many completions were had, in all; fails after 20 s. */
void wait_for(struct world *w, int completions);
/* Runs the loop for whatever is due, and a little longer, to see that nothing comes. */
void nothing_more(struct world *w, int completions);
void heard(struct world *w, const char *what);
bool heard_part(struct world *w, const char *what);

struct uuid id(uint64_t n);
struct history_text text_of(const char *s);

struct ask {
    const char *owner; /* NULL: ALICE */
    int gen, chat;
    const char *input; /* NULL and no bytes: none, answer the parent again */
    const char *bytes;
    size_t len;     /* instead of input */
    int parent;     /* 0: the newest; ROOT; or a message */
    size_t context; /* 0: 1 MiB */
};
struct end {
    const char *owner;
    int gen;
    const char *text, *state; /* NULL: "complete" */
    const char *bytes;
    size_t len;
    int epoch; /* 0: 1 */
    const struct history_part *parts;
    size_t part_count;
};

/* Each starts the call and returns without waiting. */
struct store_op *start_begin(struct world *w, struct ask a);
struct store_op *start_finish(struct world *w, struct end e);
struct store_op *start_answer(struct world *w, const char *owner, int gen);
struct store_op *start_running(struct world *w, const char *owner, int after, size_t limit);
struct store_op *start_context(struct world *w, const char *owner, int chat, int message, size_t bytes);
struct store_op *start_list(struct world *w, const char *owner, size_t limit, const char *before,
                            const char *search);
struct store_op *start_tree(struct world *w, const char *owner, int chat);
struct store_op *start_edit(struct world *w, const char *owner, int chat, const char *title);
struct store_op *start_save(struct world *w, const struct end *tails, const uint64_t *from, size_t n);

/* Each waits for the completion; heard() then tells what it brought. */
void begin(struct world *w, struct ask a);
void finish(struct world *w, struct end e);
void answer(struct world *w, const char *owner, int gen);
void running(struct world *w, const char *owner, int after, size_t limit);
void context(struct world *w, const char *owner, int chat, int message, size_t bytes);
void list(struct world *w, const char *owner, size_t limit, const char *before);
void search(struct world *w, const char *owner, const char *words);
void tree(struct world *w, const char *owner, int chat);
void edit(struct world *w, const char *owner, int chat, const char *title);
void save(struct world *w, struct end tail, uint64_t from);
/* begin and finish, both well. */
void talk(struct world *w, int gen, int chat, const char *input, const char *text);

#endif
