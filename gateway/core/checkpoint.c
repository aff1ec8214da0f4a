/* checkpoint: see checkpoint.h. Only the new tail of each answer goes to the store. */
#include "core/checkpoint.h"

#include "base/log.h"
#include "base/mem.h"
#include "core/generation.h"

#define BATCH_BYTES (4u << 20) /* of text in one save; the rest goes with the next */

struct batch {
    struct history_answer *answers;
    uint64_t *from;
    struct history_part **parts;
    struct buf *json;
    size_t count, bytes;
};

/* Those that a save looks at; a queued one has a log if it was taken over. */
static const enum generation_state unfinished[] = {GENERATION_QUEUED, GENERATION_RUNNING};
#define UNFINISHED (sizeof unfinished / sizeof *unfinished)

void checkpoint_failed(struct node *n, enum store_status status)
{
    log_warn("history.checkpoint_failed", LF_STR("status", store_status_name(status)));
    for (size_t i = 0; i < UNFINISHED; i++)
        list_each (pos, &n->by_state[unfinished[i]]) {
            struct generation *g = list_entry(pos, struct generation, state_link);
            g->saved = 0;
            g->saved_seq = 0;
        }
}

static void saved(void *ctx, enum store_status status)
{
    struct node *n = ctx;
    n->checkpoint = NULL;
    if (status != STORE_OK)
        checkpoint_failed(n, status);
}

static bool has_grown(const struct generation *g)
{
    return g->log.seq != g->saved_seq;
}

static size_t count_grown(const struct node *n)
{
    size_t count = 0;
    for (size_t i = 0; i < UNFINISHED; i++)
        list_each (pos, &n->by_state[unfinished[i]])
            count += has_grown(list_entry(pos, struct generation, state_link));
    return count;
}

static void add(struct batch *b, struct generation *g)
{
    struct history_answer a = generation_answer(g, &b->parts[b->count], &b->json[b->count]);
    uint64_t from = g->saved;
    a.text.data = a.text.data ? a.text.data + from : NULL;
    a.text.len -= from;
    b->answers[b->count] = a;
    b->from[b->count++] = from;
    b->bytes += a.text.len;
    g->saved = tokenlog_end(&g->log);
    g->saved_seq = g->log.seq;
}

static void batch_free(struct batch *b)
{
    for (size_t i = 0; i < b->count; i++) {
        mem_free(b->parts[i]);
        buf_free(&b->json[i]);
    }
    mem_free(b->answers);
    mem_free(b->from);
    mem_free(b->parts);
    mem_free(b->json);
}

struct store_op *checkpoint_save(struct node *n, store_done_fn done, void *ctx)
{
    size_t most = n->history->checkpoint && !n->sessions->shared ? count_grown(n) : 0;
    if (!most)
        return NULL;
    struct batch b = {.answers = mem_alloc(most * sizeof *b.answers),
                      .from = mem_alloc(most * sizeof *b.from),
                      .parts = mem_alloc(most * sizeof *b.parts),
                      .json = mem_alloc(most * sizeof *b.json)};
    for (size_t i = 0; i < UNFINISHED; i++)
        list_each (pos, &n->by_state[unfinished[i]]) {
            struct generation *g = list_entry(pos, struct generation, state_link);
            if (has_grown(g) && b.bytes < BATCH_BYTES)
                add(&b, g);
        }
    struct store_op *op = n->history->checkpoint->save(n->history, b.answers, b.from, b.count, done, ctx);
    batch_free(&b);
    return op;
}

void checkpoint_tick(struct node *n)
{
    uint64_t interval = (uint64_t)n->config->history_checkpoint_ms * 1000;
    if (n->checkpoint || n->takeover || n->now_us - n->checkpoint_us < interval)
        return;
    n->checkpoint_us = n->now_us;
    n->checkpoint = checkpoint_save(n, saved, n);
}

static void ignored(void *ctx, enum store_status status)
{
    (void)ctx, (void)status;
}

void checkpoint_final(struct node *n)
{
    while (checkpoint_save(n, ignored, NULL)) {
    }
    n->checkpoint = NULL;
}
