/* generation, the way out: the outcome, its record in history, and done in the log.
 *
 *     end -> ENDING -> history finish --ok--> persisted -> close -> DONE -> kept for resumes -> dropped
 *                          \--fails or takes longer than done_wait_ms-> close (persisted false), tried again
 *
 * With a shared log the outcome goes into that first, as done with its outbox entry (produce_finish), and
 * history hears of it through the outbox; only while that store is away is history told from here.
 *
 * Done waits a moment for history so that persisted is true as a rule; nothing else waits. */
#include <assert.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/metrics.h"
#include "core/chat.h"
#include "core/detour.h"
#include "core/genai.h"
#include "core/generation.h"
#include "core/memo.h"
#include "core/outbox.h"
#include "core/owner.h"
#include "core/produce.h"

#define RETRY_US 1000000 /* between attempts to record an outcome that history would not take */

static void asked(void *ctx, enum store_status status)
{
    (void)ctx, (void)status; /* whoever wants it cancelled asks again */
}

void generation_cancel(struct generation *g)
{
    struct session_store *s = g->node->sessions;
    if (g->state >= GENERATION_ENDING)
        return;
    if (g->relay) { /* whoever produces it */
        s->ops->cancel_generation(s, &(struct gen_key){g->owner->name, g->key.gen}, asked, NULL);
        return;
    }
    g->cancel_wanted = true;
    if (g->state != GENERATION_RECORDING)
        generation_end(g, "cancelled", NULL);
}

void generation_stop(struct generation *g)
{
    if (g->call)
        g->node->upstream->ops->cancel(g->call);
    g->call = NULL;
    if (g->op)
        g->node->history->ops->cancel_op(g->node->history, g->op);
    g->op = NULL;
    if (g->orphan_op)
        g->node->sessions->ops->cancel_op(g->node->sessions, g->orphan_op);
    g->orphan_op = NULL;
    detour_stop(g);
}

static void set_outcome(struct generation *g, const char *state, const struct err *error)
{
    struct outcome *o = &g->outcome;
    o->state = state;
    if (error)
        o->error = *error;
    if (o->completion_tokens < 0 && !g->tokens_unknown)
        o->completion_tokens = (int64_t)g->tokens;
    if (g->log.epoch > 1) { /* begun by another gateway: only the wall's time reaches back to its beginning */
        uint64_t now = g->node->unix_ms;
        o->total_ms = now > g->created_ms ? (int64_t)(now - g->created_ms) : 0;
        return;
    }
    o->ttft_ms = g->first_text_us ? (int64_t)((g->first_text_us - g->accepted_us) / 1000) : -1;
    o->total_ms = (int64_t)((g->node->now_us - g->accepted_us) / 1000);
}

void generation_end(struct generation *g, const char *state, const struct err *error)
{
    assert(g->state < GENERATION_ENDING);
    generation_stop(g);
    set_outcome(g, state, error);
    g->ended_us = g->node->now_us;
    generation_move(g, GENERATION_ENDING);
    metric_add_for(METRIC_GENERATIONS_DONE, state, 1);
    metric_observe_us(METRIC_GENERATION_TIME, g->ended_us - g->accepted_us);
    genai_ended(g);
#ifdef LASTWORD_PLANT_DONE
    produce_close(g);
#endif
    if (produce_finish(g))
        return; /* the chat is left in generation_close: history hears of it later */
    generation_record_end(g);
    if (g->node->config->history_done_wait_ms == 0)
        generation_close(g);
    chat_leave(g); /* after the record is on its way: the next reads the conversation behind it */
}

void generation_finished(struct generation *g)
{
    bool outbox = g->node->outbox != NULL;
    g->settled |= outbox; /* nothing of it is lost any more */
    outbox_kick(g->node->outbox);
    if (g->state != GENERATION_ENDING)
        return;
    if (!outbox)
        generation_record_end(g);
    if (g->node->config->history_done_wait_ms == 0)
        generation_close(g);
}

struct history_answer generation_answer(const struct generation *g, struct history_part **parts,
                                        struct buf *json)
{
    size_t count = 0;
    *parts = mem_alloc((g->log.segment_count + 1) * sizeof **parts);
    for (uint32_t i = 0; i < g->log.segment_count; i++) {
        const struct log_segment *s = &g->log.segments[i];
        uint64_t end = i + 1 < g->log.segment_count ? s[1].off : g->log.text.len;
        if (count && (*parts)[count - 1].part == (uint8_t)s->part)
            (*parts)[count - 1].len += end - s->off;
        else
            (*parts)[count++] = (struct history_part){(uint8_t)s->part, s->off, end - s->off};
    }
    if (g->state >= GENERATION_ENDING) {
        buf_add_char(json, '{');
        protocol_write_outcome(json, &g->outcome);
        buf_add_char(json, '}');
    }
    struct history_answer a = {.gen = g->key.gen,
                               .chat = g->chat_id,
                               .message = g->message,
                               .parent = g->user_message,
                               .owner = g->owner->name,
                               .state = g->outcome.state,
                               .model = g->model ? g->model : "",
                               .epoch = g->log.epoch,
                               .seq = g->log.seq + (g->state == GENERATION_ENDING), /* done's own */
                               .text = {g->log.text.data, g->log.text.len},
                               .crc = g->log.crc,
                               .parts = *parts,
                               .part_count = count,
                               .outcome = {json->data, json->len},
                               .created_ms = g->created_ms,
                               .updated_ms = g->node->unix_ms};
    memcpy(a.digest, g->digest, sizeof a.digest);
    return a;
}

void generation_recorded(struct generation *g, enum store_status status)
{
    if (g->state < GENERATION_ENDING || g->state == GENERATION_DROPPED)
        return;
    /* NOT_FOUND: the conversation was deleted meanwhile. FENCED: another gateway has recorded it. */
    g->settled |= status == STORE_OK || status == STORE_NOT_FOUND || status == STORE_FENCED;
    g->outcome.persisted |= status == STORE_OK;
    if (g->settled) {
        list_del(&g->unpersisted_link);
    } else {
        g->retry_us = g->node->now_us + RETRY_US;
        list_move_tail(&g->node->unpersisted, &g->unpersisted_link);
        log_warn("history.finish_failed", LF_UUID("gen", &g->key.gen),
                 LF_STR("status", store_status_name(status)));
    }
    if (g->state == GENERATION_ENDING)
        generation_close(g);
}

static void recorded(void *ctx, enum store_status status)
{
    struct generation *g = ctx;
    g->op = NULL;
    generation_recorded(g, status);
}

void generation_record_end(struct generation *g)
{
    assert(!g->op && g->state >= GENERATION_ENDING);
    struct history_part *parts;
    struct buf json = {0};
    struct history_answer a = generation_answer(g, &parts, &json);
    struct history_store *h = g->node->history;
    a.epoch = produce_epoch(g);
    list_del(&g->unpersisted_link);
    g->op = h->ops->finish(h, &a, recorded, g);
    mem_free(parts);
    buf_free(&json);
}

void generation_close(struct generation *g)
{
    assert(g->state == GENERATION_ENDING);
    tokenlog_finish(&g->log);
    memo_ended(g);
    generation_move(g, GENERATION_DONE);
    list_del(&g->owner_link);
    g->node->kept_bytes += tokenlog_memory(&g->log);
    log_info("generation.done", LF_UUID("gen", &g->key.gen), LF_STR("state", g->outcome.state),
             LF_STR("model", g->model), LF_INT("bytes", tokenlog_end(&g->log)), LF_INT("tokens", g->tokens),
             LF_INT("ttft_ms", g->outcome.ttft_ms), LF_INT("total_ms", g->outcome.total_ms),
             LF_STR("error", g->outcome.error.code ? err_wire(g->outcome.error.code) : NULL),
             LF_STR("persisted", g->outcome.persisted ? "yes" : "no"));
    owner_tell_active(g->owner, g);
    followers_wake(g);
    chat_leave(g);
}
