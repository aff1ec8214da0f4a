/* cluster: see cluster.h. */
#include "core/cluster.h"

#include "core/generation.h"
#include "core/owner.h"
#include "core/produce.h"
#include "core/relay.h"
#include "core/rescue.h"

static void on_cancel(void *ctx, const struct gen_key *key)
{
    struct node *n = ctx;
    struct owner *o = owner_find(n, key->owner);
    struct generation *g = o ? generation_find(n, o, &key->gen) : NULL;
    if (g && !g->relay) /* a relay would send it on again */
        generation_cancel(g);
}

static void on_grown(void *ctx, const struct gen_key *key, uint64_t seq)
{
    relay_grown(ctx, key, seq);
}

static void on_active(void *ctx, const char *owner, const struct uuid *gen, const struct uuid *chat,
                      const char *state, uint64_t off)
{
    owner_heard(ctx, owner, &(struct active_item){.gen = *gen, .chat = *chat, .state = state, .off = off});
}

/* While the store was away leases lapsed because nobody could renew them. Who lives does so first: gateways
 * find the store again up to two seconds apart. */
static void have_patience(struct node *n)
{
    if (n->store_away)
        n->patience_us = n->now_us + (uint64_t)n->config->session_lease_ms * 1000;
    n->store_away = false;
}

static void on_health(void *ctx, bool up)
{
    struct node *n = ctx;
    if (!up) {
        n->store_away = true;
        return;
    }
    have_patience(n);
    produce_look(n);
    owners_look(n);
    rescue_wait(n->rescue);
}

struct session_store_events cluster_events(struct node *n)
{
    return (struct session_store_events){.on_cancel = on_cancel,
                                         .on_grown = on_grown,
                                         .on_active = on_active,
                                         .on_health = on_health,
                                         .ctx = n};
}
