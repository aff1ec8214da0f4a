/* session_grant: by what right a session speaks, and for how long.
 *
 *     Authorization, hello.token, auth.token -> authenticate -> grant in force
 *                                                  \-> a ticket: the session store says whether it is the
 *                                                      first to come with it -> grant in force, or 4501
 *     every second: what has expired is closed with 4005; keys that were revoked, with 4501
 *
 * It refuses to keep a credential: what it says is all that stays. */
#include <string.h>

#include "base/mem.h"
#include "core/owner.h"
#include "core/session_inner.h"

#define LOOK_US 1000000 /* how often all sessions are looked through */

static void tell(struct session *s, enum err_code code)
{
    struct err e = {0};
    err_set(&e, code, NULL);
    session_put_error(s, &e, NULL);
}

static void turn_away(struct session *s, const struct credential *c)
{
    tell(s, c->unknown ? ERR_STORE_DEGRADED : ERR_UNAUTHORIZED);
    if (c->unknown)
        session_close(s, 1013, "keys not known yet");
    else if (c->expired)
        session_close(s, 4005, "credential expired");
    else
        session_close(s, 4501, "unauthorised");
}

/* ------------------------------------------------------------------ in force */

static void put_in_force(struct session *s, struct grant *g)
{
    struct node *n = s->node;
    mem_free(s->grant);
    s->grant = g;
    if (g && g->expires_ms && (!n->expires_ms || g->expires_ms < n->expires_ms))
        n->expires_ms = g->expires_ms;
}

void session_grant_open(struct session *s, const struct credential *c)
{
    s->owner = owner_get(s->node, c->owner);
    s->header_owner = true;
    put_in_force(s, grant_new(c));
}

void session_grant_close(struct session *s)
{
    if (s->redeem)
        s->node->sessions->ops->cancel_op(s->node->sessions, s->redeem);
    s->redeem = NULL;
    mem_free(s->grant);
    mem_free(s->next_grant);
    s->grant = s->next_grant = NULL;
}

/* ------------------------------------------------------------------ tickets */

static void refused(struct session *s, enum store_status status)
{
    bool away = status != STORE_OK;
    tell(s, away ? ERR_STORE_DEGRADED : ERR_UNAUTHORIZED);
    mem_free(s->next_grant);
    s->next_grant = NULL;
    if (s->state == SESSION_OPEN)
        return; /* the old one stands */
    session_close(s, away ? 1013 : 4501, away ? "store degraded" : "unauthorised");
}

static void redeemed(void *ctx, enum store_status status, bool existed)
{
    struct session *s = ctx;
    s->redeem = NULL;
    if (status != STORE_OK || existed) {
        refused(s, status);
        return;
    }
    put_in_force(s, s->next_grant);
    s->next_grant = NULL;
    if (s->state == SESSION_GREETING)
        session_grant_ready(s);
}

/* A ticket is a session's id that nobody has touched before. */
static void redeem(struct session *s, struct grant *g)
{
    struct session_store *store = s->node->sessions;
    if (s->redeem)
        store->ops->cancel_op(store, s->redeem);
    mem_free(s->next_grant);
    s->next_grant = g;
    s->redeem =
        store->ops->touch(store, s->owner->name, &g->ticket, TICKET_MS + TICKET_SLACK_MS, redeemed, s);
}

static void use(struct session *s, struct grant *g)
{
    if (g && !uuid_is_nil(&g->ticket))
        redeem(s, g);
    else
        put_in_force(s, g);
}

/* ------------------------------------------------------------------ what the client shows */

bool session_grant_hello(struct session *s, const char *token)
{
    struct credential c = {0};
    struct node *n = s->node;
    if (!token && s->header_owner)
        return true;
    bool good = n->authenticate(n->authenticate_ctx, token, n->unix_ms, &c);
    if (good && s->header_owner)
        good = strcmp(c.owner, s->owner->name) == 0;
    if (!good) {
        turn_away(s, &c);
        return false;
    }
    if (!s->owner)
        s->owner = owner_get(n, c.owner);
    put_in_force(s, grant_new(&c));
    return true;
}

/* By the header or by hello: what is in force is a ticket until the store has said that it is new. */
void session_grant_greet(struct session *s)
{
    struct grant *g = s->grant;
    if (!g || uuid_is_nil(&g->ticket)) {
        session_grant_ready(s);
        return;
    }
    s->grant = NULL;
    redeem(s, g);
}

void session_grant_auth(struct session *s, const char *token)
{
    struct credential c = {0};
    if (!s->node->authenticate(s->node->authenticate_ctx, token, s->node->unix_ms, &c))
        tell(s, c.unknown ? ERR_STORE_DEGRADED : ERR_UNAUTHORIZED);
    else if (strcmp(c.owner, s->owner->name) != 0)
        session_close(s, 4503, "another owner");
    else
        use(s, grant_new(&c));
}

/* ------------------------------------------------------------------ the end of it */

static void end_if_over(struct session *s, bool look_at_keys, uint64_t *next)
{
    struct node *n = s->node;
    const struct grant *g = s->grant;
    if (!g)
        return;
    if (g->expires_ms && n->unix_ms >= g->expires_ms)
        session_close(s, 4005, "credential expired");
    else if (look_at_keys && g->key && n->revoked(n->authenticate_ctx, g->key))
        session_close(s, 4501, "key revoked");
    else if (g->expires_ms && (!*next || g->expires_ms < *next))
        *next = g->expires_ms;
}

static void look_through(struct node *n, bool look_at_keys)
{
    struct list *const all[] = {&n->new_sessions, &n->open_sessions};
    uint64_t next = 0;
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        list_each_safe (pos, tmp, all[i])
            end_if_over(list_entry(pos, struct session, state_link), look_at_keys, &next);
    n->expires_ms = next;
    n->expires_looked_us = n->now_us;
}

void sessions_expire(struct node *n)
{
    if (n->expires_ms && n->unix_ms >= n->expires_ms && n->now_us - n->expires_looked_us >= LOOK_US)
        look_through(n, false);
}

void sessions_keys_changed(struct node *n)
{
    if (n->revoked)
        look_through(n, true);
}
