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

static void saved(void *ctx, enum store_status status)
{
    struct node *n = ctx;
    n->checkpoint = NULL;
    if (status == STORE_OK)
        return;
    log_warn("history.checkpoint_failed", LF_STR("status", store_status_name(status)));
    /* What was saved of whom is not known: the next save brings each text whole. */
    list_each (pos, &n->by_state[GENERATION_RUNNING]) {
        struct generation *g = list_entry(pos, struct generation, state_link);
        g->saved = 0;
        g->saved_seq = 0;
    }
}

static bool has_grown(const struct generation *g)
{
    return g->log.seq != g->saved_seq;
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

/* True if something went. */
static bool save(struct node *n, store_done_fn done, void *ctx)
{
    size_t most = 0;
    list_each (pos, &n->by_state[GENERATION_RUNNING])
        most += has_grown(list_entry(pos, struct generation, state_link));
    if (!most)
        return false;
    struct batch b = {.answers = mem_alloc(most * sizeof *b.answers),
                      .from = mem_alloc(most * sizeof *b.from),
                      .parts = mem_alloc(most * sizeof *b.parts),
                      .json = mem_alloc(most * sizeof *b.json)};
    list_each (pos, &n->by_state[GENERATION_RUNNING]) {
        struct generation *g = list_entry(pos, struct generation, state_link);
        if (has_grown(g) && b.bytes < BATCH_BYTES)
            add(&b, g);
    }
    n->checkpoint = n->history->checkpoint->save(n->history, b.answers, b.from, b.count, done, ctx);
    batch_free(&b);
    return true;
}

void checkpoint_tick(struct node *n)
{
    uint64_t interval = (uint64_t)n->config->history_checkpoint_ms * 1000;
    if (!n->history->checkpoint || n->checkpoint || n->now_us - n->checkpoint_us < interval)
        return;
    n->checkpoint_us = n->now_us;
    save(n, saved, n);
}

static void ignored(void *ctx, enum store_status status)
{
    (void)ctx, (void)status;
}

void checkpoint_final(struct node *n)
{
    if (!n->history->checkpoint)
        return;
    while (save(n, ignored, NULL)) {
    }
    n->checkpoint = NULL;
}
