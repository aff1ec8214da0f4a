/* node: init, the turn, the clocks of everything that is not a session. See node.h. */
#include "core/node.h"

#include "base/log.h"
#include "base/mem.h"
#include "core/chat.h"
#include "core/checkpoint.h"
#include "core/detour.h"
#include "core/generation.h"
#include "core/memo.h"
#include "core/outbox.h"
#include "core/owner.h"
#include "core/produce.h"
#include "core/recall.h"
#include "core/relay.h"
#include "core/rescue.h"
#include "core/session_inner.h"
#include "core/takeover.h"

#define EXPIRE_AT_ONCE 256 /* finished answers looked at in one tick */

void node_init(struct node *n)
{
    for (int i = 0; i < GENERATION_STATES; i++)
        list_init(&n->by_state[i]);
    list_init(&n->orphans);
    list_init(&n->unpersisted);
    list_init(&n->new_sessions);
    list_init(&n->open_sessions);
    list_init(&n->ping_sessions);
    list_init(&n->slow_sessions);
    list_init(&n->gone_sessions);
    list_init(&n->gone_follows);
    list_init(&n->producing);
    list_init(&n->relays);
    list_init(&n->remotes);
    list_init(&n->recalls_running);
    list_init(&n->recall_queue);
    list_init(&n->recalls_parked);
    list_init(&n->memos);
    n->outbox = outbox_open(n);
    n->rescue = rescue_open(n);
    n->checkpoint_us = n->now_us;
}

struct uuid node_uuid(struct node *n)
{
    uint8_t random[10];
    n->random(random, sizeof random);
    return uuid_v7(n->unix_ms, random);
}

/* Nothing is freed inside a callback: it is unlinked there, and swept here. */
static void sweep(struct node *n)
{
    list_each_safe (pos, tmp, &n->gone_follows) {
        list_del(pos);
        mem_free(list_entry(pos, struct follow, link));
        mem_died(MEM_FOLLOW);
    }
    list_each_safe (pos, tmp, &n->gone_sessions)
        session_free(list_entry(pos, struct session, state_link));
    list_each_safe (pos, tmp, &n->by_state[GENERATION_DROPPED])
        generation_free(list_entry(pos, struct generation, state_link));
}

void node_turn(struct node *n, uint64_t now_us, uint64_t unix_ms)
{
    n->now_us = now_us;
    n->unix_ms = unix_ms;
    sweep(n);
}

static void tick_orphans(struct node *n)
{
    uint64_t limit = (uint64_t)n->config->limits_disconnect_ms * 1000;
    list_each_safe (pos, tmp, &n->orphans) {
        struct generation *g = list_entry(pos, struct generation, orphan_link);
        if (n->now_us - g->orphan_us < limit)
            break;
        list_del(&g->orphan_link);
        if (n->sessions->shared)
            follower_ask_others(g);
        else
            generation_cancel(g);
    }
}

/* Answers taken over whose upstream was away when their turn came, and those behind another gateway's. */
static void tick_queued(struct node *n)
{
    list_each_safe (pos, tmp, &n->by_state[GENERATION_QUEUED]) {
        struct generation *g = list_entry(pos, struct generation, state_link);
        bool waits =
            g->taken_over || g->retry_us || !uuid_is_nil(&g->behind) || !list_empty(&g->owner->remotes);
        if (waits && n->now_us >= g->retry_us && chat_is_head(g))
            generation_advance(g);
    }
}

static void tick_ending(struct node *n)
{
    uint64_t limit = (uint64_t)n->config->history_done_wait_ms * 1000;
    list_each_safe (pos, tmp, &n->by_state[GENERATION_ENDING]) {
        struct generation *g = list_entry(pos, struct generation, state_link);
        if (n->now_us - g->ended_us < limit)
            break;
        if (!produce_awaits_store(g)) /* done is not shown before it is in the shared log */
            generation_close(g);
    }
}

static void tick_unpersisted(struct node *n)
{
    list_each_safe (pos, tmp, &n->unpersisted) {
        struct generation *g = list_entry(pos, struct generation, unpersisted_link);
        if (n->now_us < g->retry_us)
            break;
        generation_record_end(g);
    }
}

static void tick_kept(struct node *n)
{
    uint64_t keep = (uint64_t)n->config->log_store_keep_s * 1000000;
    int looked = 0;
    list_each_safe (pos, tmp, &n->by_state[GENERATION_DONE]) {
        struct generation *g = list_entry(pos, struct generation, state_link);
        bool old = n->now_us - g->ended_us >= keep,
             crowded = n->kept_bytes > (size_t)n->config->log_store_keep_bytes;
        if ((!old && !crowded) || ++looked > EXPIRE_AT_ONCE)
            break;
        if (g->settled && !g->op && !g->out && list_empty(&g->followers))
            generation_drop(g);
    }
}

void node_tick(struct node *n)
{
    sessions_tick(n);
    tick_orphans(n);
    detour_tick(n);
    tick_queued(n);
    tick_ending(n);
    tick_unpersisted(n);
    tick_kept(n);
    checkpoint_tick(n);
    produce_tick(n);
    relay_tick(n);
    remotes_tick(n);
    rescue_tick(n->rescue);
    recall_tick(n);
    outbox_tick(n->outbox);
}

void node_drain(struct node *n)
{
    if (n->draining)
        return;
    n->draining = true;
    list_each_safe (pos, tmp, &n->open_sessions)
        session_goaway(list_entry(pos, struct session, state_link), 0, n->config->drain_spread_ms);
}

static bool produces(const struct node *n)
{
    list_each (pos, &n->by_state[GENERATION_RUNNING])
        if (!list_entry(pos, struct generation, state_link)->relay)
            return true;
    return !list_empty(&n->producing);
}

bool node_idle(const struct node *n)
{
    return list_empty(&n->by_state[GENERATION_RECORDING]) && list_empty(&n->by_state[GENERATION_QUEUED]) &&
           !produces(n) && list_empty(&n->by_state[GENERATION_ENDING]) && list_empty(&n->unpersisted);
}

void node_hand_over(struct node *n)
{
    n->handed_over = true;
    list_each_safe (pos, tmp, &n->by_state[GENERATION_RUNNING]) {
        struct generation *g = list_entry(pos, struct generation, state_link);
        generation_stop(g);
        produce_release(g);
    }
}

static void abandon(struct generation *g)
{
    generation_stop(g);
    produce_close(g);
    relay_close(g);
    g->cancel_wanted = true; /* so that leaving its chat starts nobody */
}

void node_close(struct node *n)
{
    takeover_stop(n);
    checkpoint_final(n);
    outbox_close(n->outbox);
    n->outbox = NULL;
    rescue_close(n->rescue);
    n->rescue = NULL;
    recall_stop(n);
    for (int state = 0; state < GENERATION_DROPPED; state++)
        list_each_safe (pos, tmp, &n->by_state[state])
            abandon(list_entry(pos, struct generation, state_link));
    for (int state = 0; state < GENERATION_DROPPED; state++)
        list_each_safe (pos, tmp, &n->by_state[state])
            generation_drop(list_entry(pos, struct generation, state_link));
    memos_free(n);
    sweep(n);
}
