/* redis_server: the servers that are known, one link each, and whose the slots are. One server has them all;
 * behind Sentinel there is one at a time, and in a cluster one for each master. */
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "store/redis.h"

bool server_single(struct redis_store *s)
{
    return s->url.kind != REDIS_CLUSTER;
}

struct server *server_of(struct redis_store *s, unsigned slot)
{
    if (server_single(s))
        return s->servers[0];
    return s->slots[slot] ? s->servers[s->slots[slot] - 1] : NULL;
}

struct server *server_at(struct redis_store *s, const struct redis_address *at)
{
    for (size_t i = 0; i < s->server_count; i++)
        if (redis_address_equal(&s->servers[i]->at, at))
            return s->servers[i];
    return NULL;
}

struct server *server_ready(struct redis_store *s)
{
    for (size_t i = 0; i < s->server_count; i++)
        if (s->servers[i]->link.state == LINK_READY)
            return s->servers[i];
    return NULL;
}

/* ---- the link's owner */

static bool where(struct link *l, struct redis_address *out)
{
    const struct server *server = l->owner.ctx;
    *out = server->at;
    return server->known;
}

static void set_up(struct link *l)
{
    const struct server *server = l->owner.ctx;
    struct redis_store *s = server->s;
    link_ready(l);
    ops_pump(s, link_now_ms());
    outbox_sweep(s, server);
    hearing_tick(s, link_now_ms(), false);
    redis_health(s);
}

static void opened(struct link *l)
{
    struct server *server = l->owner.ctx;
    server->loading = server->probed = false;
    setup_start(&server->setup, l, server->s,
                SETUP_AUTH | SETUP_SELECT | SETUP_NAME | SETUP_MASTER | SETUP_CLUSTER | SETUP_FUNCTIONS,
                set_up);
}

static void lost(struct link *l)
{
    struct server *server = l->owner.ctx;
    scout_hurry(server->s);
    hearing_lost(server->s, server);
    redis_health(server->s);
    ops_review(server->s);
}

static void reloaded(struct link *l)
{
    struct server *server = l->owner.ctx;
    server->loading = false;
    ops_pump(server->s, link_now_ms());
}

void server_reload(struct server *server)
{
    if (server->loading || server->link.state != LINK_READY)
        return;
    server->loading = true;
    setup_start(&server->setup, &server->link, server->s, SETUP_FUNCTIONS, reloaded);
}

/* ---- the list */

static struct server *server_add(struct redis_store *s, const struct redis_address *at)
{
    struct server *server = mem_alloc(sizeof(*server));
    const struct link_owner owner = {.where = where, .opened = opened, .lost = lost, .ctx = server};
    server->s = s;
    if (at)
        server->at = *at;
    server->known = at != NULL;
    link_init(&server->link, s->loop, &s->limits, &owner);
    s->servers[s->server_count++] = server;
    return server;
}

static void server_remove(struct redis_store *s, size_t i)
{
    struct server *server = s->servers[i];
    s->servers[i] = s->servers[--s->server_count];
    hearing_lost(s, server);
    link_close(&server->link);
    mem_free(server);
}

void servers_open(struct redis_store *s)
{
    if (s->url.kind == REDIS_SINGLE)
        server_add(s, &s->url.seeds[0]);
    else if (s->url.kind == REDIS_SENTINEL)
        server_add(s, NULL);
}

void server_set_master(struct redis_store *s, const struct redis_address *at)
{
    struct server *server = s->servers[0];
    if (server->known && redis_address_equal(&server->at, at))
        return;
    server->at = *at;
    server->known = true;
    server->clock_known = false;
    link_drop(&server->link, "another is the master now");
    link_afresh(&server->link);
}

void server_list_begin(struct redis_store *s)
{
    for (size_t i = 0; i < s->server_count; i++)
        s->servers[i]->listed = false;
    memset(s->slots, 0, sizeof(s->slots));
}

void server_list_add(struct redis_store *s, const struct redis_address *at, unsigned first, unsigned last)
{
    struct server *server = server_at(s, at);
    if (!server && s->server_count == REDIS_SERVERS_MAX)
        return;
    if (!server)
        server = server_add(s, at);
    server->listed = true;
    size_t i = 0;
    while (s->servers[i] != server)
        i++;
    for (unsigned slot = first; slot <= last && slot < REDIS_SLOTS; slot++)
        s->slots[slot] = (uint8_t)(i + 1);
}

/* Of those that go, the place in the list is taken by the last: the slots follow. */
void server_list_end(struct redis_store *s)
{
    for (size_t i = s->server_count; i-- > 0;) {
        if (s->servers[i]->listed)
            continue;
        size_t last = s->server_count - 1;
        for (unsigned slot = 0; slot < REDIS_SLOTS; slot++)
            if (s->slots[slot] == last + 1)
                s->slots[slot] = (uint8_t)(i + 1);
        server_remove(s, i);
    }
    redis_health(s);
    ops_review(s);
}

void servers_tick(struct redis_store *s, uint64_t now_ms, bool awake)
{
    for (size_t i = 0; i < s->server_count; i++)
        if (awake || s->servers[i]->link.state != LINK_READY)
            link_tick(&s->servers[i]->link, now_ms);
}

void servers_flush(struct redis_store *s)
{
    for (size_t i = 0; i < s->server_count; i++)
        link_flush(&s->servers[i]->link);
}

void servers_close(struct redis_store *s)
{
    for (size_t i = 0; i < s->server_count; i++) {
        link_close(&s->servers[i]->link);
        mem_free(s->servers[i]);
    }
    s->server_count = 0;
}
