/* postgres_conn: see postgres_conn.h. One of the two files that include libpq-fe.h; the other,
 * postgres_block.c, is the one that may block. */
#include "store/postgres_conn.h"

#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define SETTINGS_MAX 64

struct pgconn {
    PGconn *raw;
    enum pgconn_state state;
    bool wants_write, wants_read;
    size_t expected; /* replies to come */
    char message[256];
};

static const char *const sql_text[] = {
#define X(id, sql) [PGSQL_##id] = sql,
#include "store/postgres_sql.def"
#undef X
};

static const char *const sql_name[] = {
#define X(id, sql) [PGSQL_##id] = "lastword_" #id,
#include "store/postgres_sql.def"
#undef X
};

/* ---- connection strings */

struct pginfo {
    PQconninfoOption *options;
};

struct pginfo *pginfo_parse(const char *conninfo, char *error, size_t error_size)
{
    char *why = NULL;
    PQconninfoOption *options = PQconninfoParse(conninfo, &why);
    if (!options) {
        snprintf(error, error_size, "%s", why ? why : "out of memory");
        error[strcspn(error, "\n")] = '\0';
        PQfreemem(why);
        return NULL;
    }
    struct pginfo *info = mem_alloc(sizeof(*info));
    info->options = options;
    return info;
}

void pginfo_free(struct pginfo *info)
{
    if (info)
        PQconninfoFree(info->options);
    mem_free(info);
}

const char *pginfo_get(const struct pginfo *info, const char *key)
{
    for (const PQconninfoOption *o = info->options; o->keyword; o++) {
        if (strcmp(o->keyword, key) != 0)
            continue;
        const char *value = o->val ? o->val : o->envvar ? getenv(o->envvar) : NULL;
        return value && *value ? value : NULL;
    }
    return NULL;
}

/* ---- connecting */

struct settings {
    const char *keys[SETTINGS_MAX + 1], *values[SETTINGS_MAX + 1];
    int count;
};

static void set(struct settings *s, const char *key, const char *value)
{
    if (!value || s->count == SETTINGS_MAX)
        return;
    s->keys[s->count] = key;
    s->values[s->count++] = value;
}

/* What libpq would do by itself otherwise: look for a Kerberos ticket, or keep a dead peer for hours. */
static void set_defaults(struct settings *s, const struct pgtarget *t, const char *patience)
{
    static const char *const defaults[][2] = {
        {"gssencmode", "disable"}, {"fallback_application_name", "lastword"},
        {"keepalives_idle", "10"}, {"keepalives_interval", "3"},
        {"keepalives_count", "3"},
    };
    for (size_t i = 0; i < sizeof(defaults) / sizeof(*defaults); i++) {
        if (!pginfo_get(t->info, defaults[i][0]))
            set(s, defaults[i][0], defaults[i][1]);
    }
    if (!pginfo_get(t->info, "tcp_user_timeout"))
        set(s, "tcp_user_timeout", patience);
    set(s, "client_encoding", "UTF8");
    set(s, "target_session_attrs", t->session);
    set(s, "host", t->host);
    set(s, "hostaddr", t->address);
    set(s, "port", t->port);
}

static bool ours(const char *key)
{
    static const char *const keys[] = {"client_encoding", "target_session_attrs", "host", "hostaddr", "port",
                                       "options"};
    for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++) {
        if (strcmp(key, keys[i]) == 0)
            return true;
    }
    return false;
}

/* Of the session, where it is ours alone: a statement that waits for a lock gives up before we give it up. */
static void session_options(const struct pgtarget *t, char *out, size_t size)
{
    const char *before = pginfo_get(t->info, "options");
    snprintf(
        out, size,
        "%s -c statement_timeout=%llu -c lock_timeout=%llu -c plan_cache_mode=force_generic_plan -c jit=off"
        " -c enable_seqscan=off -c enable_hashjoin=off -c enable_mergejoin=off"
        " -c default_transaction_isolation=read\\ committed -c client_min_messages=error",
        before ? before : "", (unsigned long long)t->statement_ms * 9 / 10,
        (unsigned long long)t->statement_ms / PGCONN_LOCK_PART);
}

static void ignore(void *arg, const PGresult *notice)
{
    (void)arg, (void)notice;
}

struct pgconn *pgconn_open(const struct pgtarget *t)
{
    struct pgconn *conn = mem_alloc(sizeof(*conn));
    struct settings s = {.count = 0};
    char options[1024], patience[24];
    for (const PQconninfoOption *o = t->info->options; o->keyword; o++) {
        if (!ours(o->keyword))
            set(&s, o->keyword, o->val);
    }
    snprintf(patience, sizeof(patience), "%llu", (unsigned long long)t->statement_ms);
    set_defaults(&s, t, patience);
    session_options(t, options, sizeof(options));
    set(&s, "options", t->prepared ? options : pginfo_get(t->info, "options"));
    conn->raw = PQconnectStartParams(s.keys, s.values, 0);
    if (!conn->raw || PQstatus(conn->raw) == CONNECTION_BAD)
        conn->state = PGCONN_BROKEN;
    else
        PQsetNoticeReceiver(conn->raw, ignore, NULL);
    conn->wants_write = true;
    return conn;
}

void pgconn_close(struct pgconn *conn)
{
    if (!conn)
        return;
    PQfinish(conn->raw);
    mem_free(conn);
}

static enum pgconn_state connecting(struct pgconn *conn)
{
    PostgresPollingStatusType poll = PQconnectPoll(conn->raw);
    conn->wants_write = poll == PGRES_POLLING_WRITING;
    conn->wants_read = poll == PGRES_POLLING_READING;
    if (poll == PGRES_POLLING_FAILED)
        return PGCONN_BROKEN;
    if (poll != PGRES_POLLING_OK)
        return PGCONN_CONNECTING;
    conn->wants_read = true;
    bool good = PQsetnonblocking(conn->raw, 1) == 0 && PQenterPipelineMode(conn->raw) == 1;
    return good ? PGCONN_OPEN : PGCONN_BROKEN;
}

enum pgconn_state pgconn_flush(struct pgconn *conn)
{
    if (conn->state != PGCONN_OPEN)
        return conn->state;
    int left = PQflush(conn->raw);
    conn->wants_write = left > 0;
    if (left < 0)
        conn->state = PGCONN_BROKEN;
    return conn->state;
}

/* Reads first: a server that cannot get rid of its replies takes no more statements. */
enum pgconn_state pgconn_step(struct pgconn *conn)
{
    if (conn->state == PGCONN_CONNECTING)
        conn->state = connecting(conn);
    else if (conn->state == PGCONN_OPEN && !PQconsumeInput(conn->raw))
        conn->state = PGCONN_BROKEN;
    return pgconn_flush(conn);
}

bool pgconn_broken(const struct pgconn *conn)
{
    return conn->state == PGCONN_BROKEN;
}

int pgconn_fd(const struct pgconn *conn)
{
    return conn->raw ? PQsocket(conn->raw) : -1;
}

bool pgconn_wants_write(const struct pgconn *conn)
{
    return conn->wants_write;
}

bool pgconn_wants_read(const struct pgconn *conn)
{
    return conn->wants_read;
}

const char *pgconn_message(struct pgconn *conn)
{
    snprintf(conn->message, sizeof(conn->message), "%s",
             conn->raw ? PQerrorMessage(conn->raw) : "out of memory");
    size_t len = strlen(conn->message);
    while (len && conn->message[len - 1] == '\n')
        conn->message[--len] = '\0';
    for (char *p = conn->message; (p = strchr(p, '\n'));)
        *p = ' ';
    return conn->message;
}

/* ---- statements */

static void sent(struct pgconn *conn, int good)
{
    if (good)
        conn->expected++;
    else
        conn->state = PGCONN_BROKEN;
}

void pgconn_send(struct pgconn *conn, enum pgsql sql, const struct pgparams *params, bool prepared)
{
    const char *values[PARAMS_MAX] = {NULL};
    int lengths[PARAMS_MAX], formats[PARAMS_MAX], n = params ? params->count : 0;
    for (int i = 0; i < n; i++) {
        values[i] = pgparam_at(params, i, &lengths[i]);
        formats[i] = 1;
    }
    if (conn->state != PGCONN_OPEN)
        return;
    if (prepared)
        sent(conn, PQsendQueryPrepared(conn->raw, sql_name[sql], n, values, lengths, formats, 1));
    else
        sent(conn, PQsendQueryParams(conn->raw, sql_text[sql], n, NULL, values, lengths, formats, 1));
}

void pgconn_prepare(struct pgconn *conn, enum pgsql sql)
{
    if (conn->state == PGCONN_OPEN)
        sent(conn, PQsendPrepare(conn->raw, sql_name[sql], sql_text[sql], 0, NULL));
}

void pgconn_sync(struct pgconn *conn)
{
    if (conn->state == PGCONN_OPEN)
        sent(conn, PQpipelineSync(conn->raw));
}

/* ---- replies */

static void take(PGresult *raw, struct pgreply *reply)
{
    ExecStatusType status = PQresultStatus(raw);
    const char *code = PQresultErrorField(raw, PG_DIAG_SQLSTATE);
    *reply = (struct pgreply){.kind = PGREPLY_FAILED};
    if (status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK) {
        reply->kind = PGREPLY_ROWS;
        reply->rows = (struct pgrows *)raw;
        return;
    }
    if (status == PGRES_PIPELINE_SYNC)
        reply->kind = PGREPLY_SYNC;
    else if (status == PGRES_PIPELINE_ABORTED)
        reply->kind = PGREPLY_SKIPPED;
    else
        snprintf(reply->code, sizeof(reply->code), "%s", code ? code : "08000");
    PQclear(raw);
}

/* A NULL stands after the result of each statement, and where there is none yet. */
bool pgconn_next(struct pgconn *conn, struct pgreply *reply)
{
    for (int nulls = 0; conn->expected && nulls < 2 && !PQisBusy(conn->raw);) {
        PGresult *raw = PQgetResult(conn->raw);
        if (!raw) {
            nulls++;
            continue;
        }
        conn->expected--;
        take(raw, reply);
        return true;
    }
    if (conn->raw && PQstatus(conn->raw) == CONNECTION_BAD)
        conn->state = PGCONN_BROKEN;
    return false;
}

/* ---- rows */

static const PGresult *raw_of(const struct pgrows *rows)
{
    return (const PGresult *)rows;
}

void pgrows_free(struct pgrows *rows)
{
    PQclear((PGresult *)rows);
}

size_t pgrows_count(const struct pgrows *rows)
{
    return (size_t)PQntuples(raw_of(rows));
}

bool pgrows_null(const struct pgrows *rows, size_t row, int column)
{
    return PQgetisnull(raw_of(rows), (int)row, column);
}

struct history_text pgrows_bytes(const struct pgrows *rows, size_t row, int column)
{
    return (struct history_text){.data = PQgetvalue(raw_of(rows), (int)row, column),
                                 .len = (size_t)PQgetlength(raw_of(rows), (int)row, column)};
}

const char *pgrows_str(const struct pgrows *rows, size_t row, int column)
{
    return PQgetvalue(raw_of(rows), (int)row, column);
}

int64_t pgrows_int(const struct pgrows *rows, size_t row, int column)
{
    struct history_text t = pgrows_bytes(rows, row, column);
    const unsigned char *p = (const unsigned char *)t.data;
    uint64_t v = 0;
    for (size_t i = 0; i < t.len && i < 8; i++)
        v = v << 8 | p[i];
    return t.len == 4 ? (int32_t)(uint32_t)v : (int64_t)v;
}

struct uuid pgrows_uuid(const struct pgrows *rows, size_t row, int column)
{
    struct uuid u = {{0}};
    struct history_text t = pgrows_bytes(rows, row, column);
    if (t.len == sizeof(u.b))
        memcpy(u.b, t.data, sizeof(u.b));
    return u;
}
