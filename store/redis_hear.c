/* redis_hear: what others say to this node, on a connection of its own: its channel (logs have grown, cancel
 * this), and one for each owner it watches (a generation began or ended).
 *
 *     SETUP ── SUBSCRIBE own channel ── confirmed: READY ── all watches, all follows again
 *
 * A subscribed connection cannot be asked PING, so each server is let say something on the node's own channel
 * now and then. What comes back shows that the whole way works; what does not come back in time drops it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "store/redis.h"
#include "store/redis_resp.h"

#define RENEW_EVERY_MS 500

struct watch {
    struct table_node node;
    bool heard; /* Redis has confirmed it, on this connection */
};

static struct watch *watch_find(struct redis_store *s, const char *owner)
{
    struct table_node *node = table_find(&s->hearing.watches, owner, NULL);
    return node ? table_entry(node, struct watch, node) : NULL;
}

/* ---- messages */

struct scan {
    const char *at, *end;
};

static bool scan_number(struct scan *s, uint64_t *out)
{
    char *end;
    if (s->at == s->end || *s->at < '0' || *s->at > '9')
        return false;
    *out = strtoull(s->at, &end, 10); /* messages end with a NUL that is not counted */
    if (end >= s->end || *end != ' ')
        return false;
    s->at = end + 1;
    return true;
}

static bool scan_bytes(struct scan *s, size_t len, const char **out)
{
    if ((size_t)(s->end - s->at) < len)
        return false;
    *out = s->at;
    s->at += len;
    return true;
}

/* <seq> <records> <length of name> <name> {<length> <record>} */
static void on_growth(struct redis_store *s, struct scan scan)
{
    struct redis_growth g = {0};
    uint64_t count, len;
    const char *name;
    if (!scan_number(&scan, &g.seq) || !scan_number(&scan, &count) || !scan_number(&scan, &len) ||
        !scan_bytes(&scan, len, &name) || !redis_name_parse(name, len, g.owner, &g.gen) ||
        count > APPEND_MAX || count > g.seq)
        return;
    for (; g.count < count; g.count++) {
        if (!scan_number(&scan, &len) || !scan_bytes(&scan, len, &g.records[g.count].text))
            return;
        g.records[g.count].len = len;
    }
    follow_grown(s, &g);
}

static void on_cancel(struct redis_store *s, struct scan scan)
{
    char owner[OWNER_MAX + 1];
    struct gen_key key = {.owner = owner};
    if (redis_name_parse(scan.at, (size_t)(scan.end - scan.at), owner, &key.gen) && s->events.on_cancel)
        s->events.on_cancel(s->events.ctx, &key);
}

/* On an owner's channel: <gen> <chat> <off> <state> */
static void on_active(struct redis_store *s, const char *owner, struct scan scan)
{
    struct uuid gen, chat;
    const char *gen_text, *chat_text;
    char state[16];
    uint64_t off;
    if (!scan_bytes(&scan, UUID_TEXT + 1, &gen_text) || !scan_bytes(&scan, UUID_TEXT + 1, &chat_text) ||
        !uuid_parse(&gen, gen_text, UUID_TEXT) || !uuid_parse(&chat, chat_text, UUID_TEXT) ||
        !scan_number(&scan, &off))
        return;
    snprintf(state, sizeof(state), "%s", scan.at);
    if (s->events.on_active)
        s->events.on_active(s->events.ctx, owner, &gen, &chat, state, off);
}

static void on_own(struct redis_store *s, const char *text, size_t len)
{
    struct scan scan = {text + 2, text + len};
    if (len > 2 && text[0] == 'g')
        on_growth(s, scan);
    else if (len > 2 && text[0] == 'c')
        on_cancel(s, scan);
    else if (len == 1 && text[0] == 'p' && s->hearing.probes)
        s->hearing.probes--;
}

/* ---- subscriptions */

static void subscribe(struct redis_store *s, const char *owner, bool on)
{
    char channel[REDIS_CHANNEL_MAX];
    size_t len = redis_channel_owner(channel, s->url.db, owner);
    link_subscribe(&s->hearing.link, channel, len, on);
}

static void visit_subscribe(void *ctx, struct table_node *node)
{
    table_entry(node, struct watch, node)->heard = false;
    subscribe(ctx, node->owner, true);
}

static void confirmed(struct redis_store *s)
{
    struct hearing *h = &s->hearing;
    link_ready(&h->link);
    table_sweep(&h->watches, h->watches.cap, visit_subscribe, s);
    follows_again(s);
}

/* The owner whose channel it is; false: none of ours. Copied: whoever is told may unwatch, which frees the
 * name. */
static bool owner_of(struct redis_store *s, const char *channel, size_t len, char owner[OWNER_MAX + 1])
{
    char prefix[REDIS_CHANNEL_MAX];
    size_t n = redis_channel_owner(prefix, s->url.db, "");
    if (len < n || len - n > OWNER_MAX || memcmp(channel, prefix, n) != 0)
        return false;
    memcpy(owner, channel + n, len - n);
    owner[len - n] = '\0';
    return true;
}

static void on_message(struct link *l, const char *channel, size_t channel_len, const char *text, size_t len)
{
    struct redis_store *s = l->owner.ctx;
    char owner[OWNER_MAX + 1];
    bool own = channel_len == s->hearing.channel_len && memcmp(channel, s->hearing.channel, channel_len) == 0;
    struct watch *w = !own && owner_of(s, channel, channel_len, owner) ? watch_find(s, owner) : NULL;
    if (!text && own && l->state == LINK_SETUP) {
        confirmed(s);
    } else if (!text && w) {
        w->heard = true;
        ops_review(s); /* active may have waited for it */
    } else if (text && own) {
        on_own(s, text, len);
    } else if (text && w) {
        on_active(s, owner, (struct scan){text, text + len});
    }
}

bool hearing_unsettled(struct redis_store *s, const char *owner)
{
    const struct watch *w = s->hearing.link.state == LINK_READY ? watch_find(s, owner) : NULL;
    return w && !w->heard;
}

void hearing_watch(struct session_store *base, const char *owner)
{
    struct redis_store *s = redis_self(base);
    if (strlen(owner) > OWNER_MAX || watch_find(s, owner))
        return;
    struct watch *w = mem_alloc(sizeof(*w));
    table_add(&s->hearing.watches, &w->node, owner, NULL);
    if (s->hearing.link.state == LINK_READY)
        subscribe(s, owner, true);
}

static void watch_drop(struct redis_store *s, struct watch *w)
{
    table_remove(&s->hearing.watches, &w->node);
    mem_free(w);
}

void hearing_unwatch(struct session_store *base, const char *owner)
{
    struct redis_store *s = redis_self(base);
    struct watch *w = watch_find(s, owner);
    if (!w)
        return;
    watch_drop(s, w);
    if (s->hearing.link.state == LINK_READY)
        subscribe(s, owner, false);
}

/* ---- the way tried */

static void on_probed(struct link_request *request, const struct redisReply *reply)
{
    struct server *server = list_entry(request, struct server, probe);
    (void)reply; /* the message is what counts */
    server->probed = false;
}

void hearing_probe(struct redis_store *s)
{
    struct buf words = {0};
    resp_head(&words, 3);
    resp_str(&words, "PUBLISH");
    resp_word(&words, s->hearing.channel, s->hearing.channel_len);
    resp_str(&words, "p");
    for (size_t i = 0; i < s->server_count; i++) {
        struct server *server = s->servers[i];
        server->probe.on_answer = on_probed;
        if (server->link.state != LINK_READY || server->probed ||
            !link_send(&server->link, &server->probe, words.data, words.len))
            continue;
        server->probed = true;
        s->hearing.probes++;
        s->hearing.probed_ms = link_now_ms();
    }
    buf_free(&words);
}

static void watch_over(struct redis_store *s, uint64_t now_ms)
{
    struct hearing *h = &s->hearing;
    if (h->probes && now_ms - h->probed_ms > s->limits.timeout_ms)
        link_drop(&h->link, "no message in time");
    else if (!h->probes && now_ms - h->link.heard_ms > s->limits.timeout_ms / 2)
        hearing_probe(s);
}

/* ---- the link's owner */

/* Any server hears what is published on any other; in a cluster the nodes spread over those that are there.
 */
static bool where(struct link *l, struct redis_address *out)
{
    struct redis_store *s = l->owner.ctx;
    size_t start = s->server_count ? redis_crc16(s->node, strlen(s->node)) % s->server_count : 0;
    for (size_t i = 0; i < s->server_count; i++) {
        const struct server *server = s->servers[(start + i) % s->server_count];
        if (server->link.state == LINK_READY) {
            *out = server->at;
            return true;
        }
    }
    return false;
}

static void set_up(struct link *l)
{
    struct redis_store *s = l->owner.ctx;
    if (!link_subscribe(l, s->hearing.channel, s->hearing.channel_len, true))
        link_drop(l, "it failed while being set up");
}

static void opened(struct link *l)
{
    struct redis_store *s = l->owner.ctx;
    s->hearing.probes = 0;
    setup_start(&s->hearing.setup, l, s, SETUP_AUTH | SETUP_NAME | SETUP_MASTER, set_up);
}

static void lost(struct link *l)
{
    struct redis_store *s = l->owner.ctx;
    s->hearing.probes = 0;
}

void hearing_open(struct redis_store *s)
{
    const struct link_owner owner = {
        .where = where, .opened = opened, .lost = lost, .message = on_message, .ctx = s};
    struct hearing *h = &s->hearing;
    h->channel_len = redis_channel_node(h->channel, s->url.db, s->node);
    table_init(&h->follows);
    table_init(&h->watches);
    link_init(&h->link, s->loop, &s->limits, &owner);
}

void hearing_lost(struct redis_store *s, const struct server *server)
{
    struct hearing *h = &s->hearing;
    h->probes = 0; /* it may not come any more; the next is asked for when it has been quiet */
    if (h->link.state != LINK_DOWN && redis_address_equal(&h->link.at, &server->at))
        link_drop(&h->link, "its server is lost");
}

void hearing_tick(struct redis_store *s, uint64_t now_ms, bool awake)
{
    struct hearing *h = &s->hearing;
    link_tick(&h->link, now_ms);
    if (h->link.state != LINK_READY)
        return;
    if (awake)
        watch_over(s, now_ms);
    if (now_ms - h->refresh_ms < RENEW_EVERY_MS)
        return;
    h->refresh_ms = now_ms;
    follows_renew(s);
}

static void visit_drop(void *ctx, struct table_node *node)
{
    watch_drop(ctx, table_entry(node, struct watch, node));
}

void hearing_close(struct redis_store *s)
{
    link_close(&s->hearing.link);
    follows_close(s);
    table_sweep(&s->hearing.watches, s->hearing.watches.cap, visit_drop, s);
    table_free(&s->hearing.watches);
}
