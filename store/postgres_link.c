/* postgres_link: see postgres_link.h. */
#include "store/postgres_link.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "base/log.h"
#include "base/metrics.h"
#include "store/postgres_schema.h"

#define BACKOFF_US 100000 /* doubles with each round, with full jitter */
#define BACKOFF_MAX_US 5000000
#define SECOND_BEST_US 5000000 /* then a standby is looked for again */

static const char *role_name(const struct pglink *link)
{
    static const char *const names[] = {"writes", "reads", "standby"};
    return names[link->role];
}

static uint64_t chance(uint64_t below)
{
    uint64_t v = 0;
    if (getrandom(&v, sizeof(v), 0) != sizeof(v))
        return below / 2;
    return below ? v % below : 0;
}

/* ---- states */

/* The one place that changes the state. */
static void move(struct pglink *link, enum pglink_state to, uint64_t until_us)
{
    static const uint8_t allowed[] = {
        [LINK_RESTING] = 1 << LINK_RESOLVING,
        [LINK_RESOLVING] = 1 << LINK_CONNECTING | 1 << LINK_RESTING,
        [LINK_CONNECTING] = 1 << LINK_GREETING | 1 << LINK_CONNECTING | 1 << LINK_RESTING,
        [LINK_GREETING] = 1 << LINK_READY | 1 << LINK_GREETING | 1 << LINK_CONNECTING | 1 << LINK_RESTING,
        [LINK_READY] = 1 << LINK_BUSY | 1 << LINK_RESTING,
        [LINK_BUSY] = 1 << LINK_READY | 1 << LINK_RESTING,
    };
    assert(allowed[link->state] & 1 << to);
    link->state = to;
    link->until_us = until_us;
}

static void close_conn(struct pglink *link)
{
    pgconn_close(link->conn);
    link->conn = NULL;
    link->syncs = 0;
    link->opened = false;
}

/* Once for each time of trouble: when a round through all addresses led nowhere. */
static void tell(struct pglink *link)
{
    if (!link->told)
        log_warn("history.unreachable", LF_STR("store", "postgres"), LF_STR("connection", role_name(link)),
                 LF_STR("error", link->why));
    link->told = true;
}

static void note(struct pglink *link, const char *why)
{
    snprintf(link->why, sizeof(link->why), "%s", why);
}

static void rest(struct pglink *link, uint64_t now_us)
{
    uint64_t most = (uint64_t)BACKOFF_US << (link->failures < 8 ? link->failures : 8);
    tell(link);
    close_conn(link);
    move(link, LINK_RESTING, now_us + chance(most < BACKOFF_MAX_US ? most : BACKOFF_MAX_US));
    link->failures++;
}

/* ---- connecting: a round through the addresses */

static void shuffle(struct pglink *link)
{
    size_t n = pghosts_count(link->hosts);
    link->order_count = n < LINK_ADDRESSES ? n : LINK_ADDRESSES;
    link->order_next = 0;
    link->passes = 0;
    for (size_t i = 0; i < link->order_count; i++) {
        size_t j = (size_t)chance(i + 1);
        link->order[i] = link->order[j];
        link->order[j] = i;
    }
}

static const char *wanted_session(const struct pglink *link)
{
    if (link->role != LINK_STANDBY)
        return link->role == LINK_WRITES ? "read-write" : "primary";
    return link->passes == 0 ? "standby" : "any";
}

/* The next address of the round; a standby is asked for at all of them first. */
static const struct pgaddress *next_address(struct pglink *link)
{
    for (;;) {
        while (link->order_next < link->order_count) {
            size_t i = link->order[link->order_next++];
            if (i < pghosts_count(link->hosts))
                return pghosts_at(link->hosts, i);
        }
        if (link->role != LINK_STANDBY || link->passes || !link->order_count)
            return NULL;
        link->passes++;
        link->order_next = 0;
    }
}

static void open_conn(struct pglink *link, const struct pgaddress *a)
{
    struct pgtarget target = {.info = pghosts_info(link->hosts),
                              .host = a->host,
                              .address = a->address,
                              .port = a->port,
                              .session = wanted_session(link),
                              .prepared = link->settings->prepared,
                              .statement_ms = link->settings->statement_us / 1000};
    close_conn(link);
    link->conn = pgconn_open(&target);
    link->second_best = link->passes > 0;
}

static void connect_next(struct pglink *link, uint64_t now_us)
{
    for (const struct pgaddress *a; (a = next_address(link));) {
        open_conn(link, a);
        if (!pgconn_broken(link->conn)) {
            move(link, LINK_CONNECTING, now_us + link->settings->connect_us);
            return;
        }
        note(link, pgconn_message(link->conn));
        close_conn(link);
    }
    if (!link->order_count)
        note(link, "no address of its host is known");
    rest(link, now_us);
}

/* ---- greeting: whose schema is it, and the statements prepared */

static void begin_transaction(struct pglink *link)
{
    const uint64_t ms = link->settings->statement_us / 1000;
    struct pgparams p = {.count = 0};
    struct buf text = {0};
    link->opened = true;
    if (link->settings->prepared)
        return; /* the session has its settings */
    buf_printf(&text, "%llu", (unsigned long long)(ms * 9 / 10));
    size_t second = text.len;
    buf_printf(&text, "%llu", (unsigned long long)(ms / PGCONN_LOCK_PART));
    pgparam_text(&p, text.data, second);
    pgparam_text(&p, text.data + second, text.len - second);
    pgconn_send(link->conn, PGSQL_SETTINGS, &p, false);
    pgparams_free(&p);
    buf_free(&text);
}

static void greet(struct pglink *link, uint64_t now_us)
{
    link->starting = true;
    link->preparing = false;
    begin_transaction(link);
    pgconn_send(link->conn, PGSQL_VERSION, NULL, false);
    pglink_commit(link);
    move(link, LINK_GREETING, now_us + link->settings->connect_us);
}

static void ready(struct pglink *link, uint64_t now_us)
{
    metric_add(METRIC_HISTORY_CONNECTIONS, 1);
    if (link->told)
        log_info("history.connected", LF_STR("store", "postgres"), LF_STR("connection", role_name(link)));
    link->told = false;
    link->failures = 0;
    link->syncs = 0;
    link->best_until_us = link->second_best ? now_us + SECOND_BEST_US : UINT64_MAX;
    move(link, LINK_READY, link->best_until_us);
}

static void prepare(struct pglink *link, uint64_t now_us)
{
    link->preparing = true;
    for (int i = 0; i < PGSQL_COUNT; i++)
        pgconn_prepare(link->conn, (enum pgsql)i);
    pglink_commit(link);
    move(link, LINK_GREETING, now_us + link->settings->connect_us);
}

/* False when the connection is of no use. */
static bool greeted(struct pglink *link, struct pgreply *reply)
{
    static const char *const not_there[] = {"42P01", "3F000"}; /* table, schema */
    int64_t version = -1;
    if (reply->kind == PGREPLY_ROWS && !link->preparing)
        version = pgrows_int(reply->rows, 0, 0);
    pgrows_free(reply->rows);
    for (size_t i = 0; i < sizeof(not_there) / sizeof(*not_there); i++) {
        if (strcmp(reply->code, not_there[i]) == 0)
            version = 0;
    }
    if (version >= 0 && version < postgres_schema_newest()) {
        link->events->outdated(link);
        note(link, "its schema is older than this program");
        return false;
    }
    if (reply->kind != PGREPLY_ROWS)
        note(link, "it lacks what the schema should hold");
    return reply->kind == PGREPLY_ROWS;
}

/* ---- replies */

/* True when the reply was for the link itself: the settings that begin each transaction of a pooled session.
 */
static bool own_reply(struct pglink *link, struct pgreply *reply)
{
    bool first = link->starting && !link->settings->prepared;
    link->starting = reply->kind == PGREPLY_SYNC;
    if (first) {
        memcpy(link->start_code, reply->code, sizeof(link->start_code));
        pgrows_free(reply->rows);
        return true;
    }
    if (reply->kind == PGREPLY_SKIPPED && *link->start_code) {
        reply->kind = PGREPLY_FAILED;
        memcpy(reply->code, link->start_code, sizeof(reply->code));
        *link->start_code = '\0';
    }
    return false;
}

static void greeting_reply(struct pglink *link, struct pgreply *reply, uint64_t now_us)
{
    if (reply->kind != PGREPLY_SYNC) {
        if (!greeted(link, reply)) {
            close_conn(link);
            connect_next(link, now_us);
        }
    } else if (link->settings->prepared && !link->preparing) {
        prepare(link, now_us);
    } else {
        ready(link, now_us);
    }
}

static void exchange_reply(struct pglink *link, struct pgreply *reply, uint64_t now_us)
{
    link->until_us = now_us + link->settings->statement_us;
    link->events->reply(link, reply);
    if (reply->kind != PGREPLY_SYNC || --link->syncs)
        return;
    move(link, LINK_READY, link->best_until_us);
    link->events->ended(link, false);
}

static void take_replies(struct pglink *link, uint64_t now_us)
{
    struct pgreply reply;
    while (link->conn && pgconn_next(link->conn, &reply)) {
        if (own_reply(link, &reply))
            continue;
        if (link->state == LINK_GREETING)
            greeting_reply(link, &reply, now_us);
        else if (link->state == LINK_BUSY)
            exchange_reply(link, &reply, now_us);
    }
}

/* ---- outside */

void pglink_init(struct pglink *link, enum pglink_role role, struct pghosts *hosts,
                 const struct pglink_settings *settings, const struct pglink_events *events, void *ctx)
{
    *link = (struct pglink){.role = role,
                            .hosts = hosts,
                            .settings = settings,
                            .events = events,
                            .ctx = ctx,
                            .state = LINK_RESTING};
}

void pglink_free(struct pglink *link)
{
    close_conn(link);
}

void pglink_drop(struct pglink *link, const char *why, uint64_t now_us)
{
    bool busy = link->state == LINK_BUSY;
    log_info("history.connection_lost", LF_STR("store", "postgres"), LF_STR("connection", role_name(link)),
             LF_STR("error", why));
    close_conn(link);
    move(link, LINK_RESTING, now_us); /* the first attempt is made at once */
    if (busy)
        link->events->ended(link, true);
}

static void gone(struct pglink *link, const char *why, uint64_t now_us)
{
    note(link, why);
    if (link->state == LINK_READY || link->state == LINK_BUSY) {
        pglink_drop(link, link->why, now_us);
    } else {
        close_conn(link);
        connect_next(link, now_us);
    }
}

void pglink_step(struct pglink *link, bool readable, uint64_t now_us)
{
    if (!link->conn)
        return;
    enum pgconn_state state = pgconn_step(link->conn);
    if (state == PGCONN_OPEN && link->state == LINK_CONNECTING)
        greet(link, now_us);
    if (readable && link->state == LINK_BUSY)
        link->until_us = now_us + link->settings->statement_us; /* it is alive */
    if (state != PGCONN_CONNECTING)
        take_replies(link, now_us);
    if (link->conn && pgconn_flush(link->conn) == PGCONN_BROKEN)
        gone(link, pgconn_message(link->conn), now_us);
}

void pglink_turn(struct pglink *link, uint64_t now_us)
{
    if (link->conn && pgconn_broken(link->conn)) /* found out while sending */
        gone(link, pgconn_message(link->conn), now_us);
    if (link->state == LINK_RESTING && now_us >= link->until_us)
        move(link, LINK_RESOLVING, now_us + link->settings->connect_us);
    if (link->state == LINK_RESOLVING && pghosts_ready(link->hosts, now_us)) {
        shuffle(link);
        connect_next(link, now_us);
    }
    if (now_us < link->until_us)
        return;
    if (link->state == LINK_READY) {
        close_conn(link); /* second best for long enough */
        move(link, LINK_RESTING, now_us);
    } else if (link->state == LINK_RESOLVING) {
        note(link, "looking its name up takes too long");
        rest(link, now_us);
    } else if (link->state != LINK_RESTING) {
        gone(link, link->state == LINK_BUSY ? "no answer" : "no connection in time", now_us);
    }
}

uint64_t pglink_due(const struct pglink *link)
{
    return link->conn && pgconn_broken(link->conn) ? 0 : link->until_us;
}

int pglink_fd(const struct pglink *link)
{
    return link->conn ? pgconn_fd(link->conn) : -1;
}

bool pglink_wants_read(const struct pglink *link)
{
    return link->conn && pgconn_wants_read(link->conn);
}

bool pglink_wants_write(const struct pglink *link)
{
    return link->conn && pgconn_wants_write(link->conn);
}

void pglink_send(struct pglink *link, enum pgsql sql, const struct pgparams *params)
{
    assert(link->state == LINK_READY || link->state == LINK_BUSY);
    if (!link->opened)
        begin_transaction(link);
    pgconn_send(link->conn, sql, params, link->settings->prepared);
}

void pglink_commit(struct pglink *link)
{
    pgconn_sync(link->conn);
    link->opened = false;
    link->syncs++;
}

void pglink_go(struct pglink *link, uint64_t now_us)
{
    if (link->state == LINK_READY) {
        move(link, LINK_BUSY, now_us + link->settings->statement_us);
        link->starting = true;
        *link->start_code = '\0';
    }
    pgconn_flush(link->conn);
}

bool pglink_code_is_loss(const char *code)
{
    /* Connection, shutdown, and a primary that is one no longer. */
    return strncmp(code, "08", 2) == 0 || strncmp(code, "57P", 3) == 0 || strcmp(code, "25006") == 0;
}
