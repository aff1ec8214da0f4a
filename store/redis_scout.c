/* redis_scout: asks where the servers are: a Sentinel for the master of its set, or any server of a cluster
 * for the slots. It keeps its connection and asks again every second (a cluster: every ten), at once when a
 * server was lost or sent us elsewhere; who does not answer, or does not know, is left for the next one.
 *
 * A Sentinel that was cut off from the others names the old master until it is back: that one is asked for
 * its role as every server is, but a master that was cut off with it takes writes that will be lost.
 * min-replicas-to- write on the servers ends that; nothing here can. */
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "store/redis.h"
#include "store/redis_resp.h"

#define SENTINEL_ASK_MS 1000
#define CLUSTER_ASK_MS 10000
#define HURRY_MS 100 /* but not more often than this */

/* ---- what they say */

static void take_master(struct redis_store *s, const struct redisReply *reply)
{
    struct redis_address at = {0};
    size_t len;
    const char *host = reply_text(reply_at(reply, 0), &len);
    int64_t port = reply_int(reply_at(reply, 1));
    if (!len || len >= sizeof(at.host) || port < 1 || port > 65535) {
        link_drop(&s->scout.link,
                  reply_is_error(reply) ? reply_text(reply, NULL) : "it does not know that master");
        return;
    }
    memcpy(at.host, host, len);
    at.port = (int)port;
    server_set_master(s, &at);
}

/* [first slot, last slot, [host, port, ...], replicas...]; an empty host is who was asked. */
static bool take_range(struct redis_store *s, const struct redisReply *range)
{
    struct redis_address at = s->scout.link.at;
    const struct redisReply *master = reply_at(range, 2);
    int64_t first = reply_int(reply_at(range, 0)), last = reply_int(reply_at(range, 1));
    int64_t port = reply_int(reply_at(master, 1));
    size_t len;
    const char *host = reply_text(reply_at(master, 0), &len);
    if (first < 0 || last < first || last >= REDIS_SLOTS || port < 1 || port > 65535 ||
        len >= sizeof(at.host))
        return false;
    if (len) {
        memcpy(at.host, host, len);
        at.host[len] = '\0';
    }
    at.port = (int)port;
    server_list_add(s, &at, (unsigned)first, (unsigned)last);
    return true;
}

static void take_slots(struct redis_store *s, const struct redisReply *reply)
{
    bool well = reply_count(reply) > 0;
    if (!well) {
        link_drop(&s->scout.link, reply_is_error(reply) ? reply_text(reply, NULL) : "it knows no slots");
        return;
    }
    server_list_begin(s);
    for (size_t i = 0; i < reply_count(reply); i++)
        well = take_range(s, reply_at(reply, i)) && well;
    server_list_end(s);
    if (!well)
        log_warn("redis.odd_slots", LF_STR("host", s->scout.link.at.host));
}

static void on_answer(struct link_request *request, const struct redisReply *reply)
{
    struct scout *scout = list_entry(request, struct scout, ask);
    struct redis_store *s = scout->link.owner.ctx;
    scout->asking = false;
    if (!reply)
        return;
    if (s->url.kind == REDIS_SENTINEL)
        take_master(s, reply);
    else
        take_slots(s, reply);
}

static void ask(struct redis_store *s)
{
    struct scout *scout = &s->scout;
    struct buf words = {0};
    if (s->url.kind == REDIS_SENTINEL) {
        resp_head(&words, 3);
        resp_str(&words, "SENTINEL");
        resp_str(&words, "get-master-addr-by-name");
        resp_str(&words, s->url.master);
    } else {
        resp_head(&words, 2);
        resp_str(&words, "CLUSTER");
        resp_str(&words, "SLOTS");
    }
    scout->ask.on_answer = on_answer;
    scout->asked_ms = link_now_ms();
    scout->urgent = false;
    scout->asking = link_send(&scout->link, &scout->ask, words.data, words.len);
    buf_free(&words);
}

/* ---- the link's owner */

/* The seeds in turn, then the servers that are known. */
static bool where(struct link *l, struct redis_address *out)
{
    struct redis_store *s = l->owner.ctx;
    size_t known = s->url.kind == REDIS_CLUSTER ? s->server_count : 0;
    size_t i = s->scout.next++ % (s->url.seed_count + known);
    *out = i < s->url.seed_count ? s->url.seeds[i] : s->servers[i - s->url.seed_count]->at;
    return true;
}

static void set_up(struct link *l)
{
    link_ready(l);
    ask(l->owner.ctx);
}

static void opened(struct link *l)
{
    struct redis_store *s = l->owner.ctx;
    s->scout.asking = false;
    if (s->url.kind == REDIS_CLUSTER && *s->url.password)
        setup_start(&s->scout.setup, l, s, SETUP_AUTH, set_up);
    else
        set_up(l);
}

static void lost(struct link *l)
{
    struct redis_store *s = l->owner.ctx;
    s->scout.asking = false;
    ops_review(s);
}

void scout_open(struct redis_store *s)
{
    const struct link_owner owner = {.where = where, .opened = opened, .lost = lost, .ctx = s};
    link_init(&s->scout.link, s->loop, &s->limits, &owner);
}

void scout_hurry(struct redis_store *s)
{
    s->scout.urgent = true;
}

void scout_tick(struct redis_store *s, uint64_t now_ms)
{
    struct scout *scout = &s->scout;
    uint64_t every = s->url.kind == REDIS_SENTINEL ? SENTINEL_ASK_MS : CLUSTER_ASK_MS;
    if (s->url.kind == REDIS_SINGLE)
        return;
    if (scout->urgent)
        every = HURRY_MS;
    if (!s->up && every > SENTINEL_ASK_MS)
        every = SENTINEL_ASK_MS;
    if (scout->link.state == LINK_READY && !scout->asking && now_ms - scout->asked_ms >= every)
        ask(s);
    else
        link_tick(&scout->link, now_ms);
}
