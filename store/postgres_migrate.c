/* postgres_migrate: brings a database to the newest numbered schema, or refuses it.
 *
 *     connect -> version? --newest--> done
 *                   \--older--> BEGIN, advisory lock, version again, the steps, COMMIT
 *
 * The second file that includes libpq-fe.h, because it is the blocking half: it runs before the loop does, on
 * a thread of its own (postgres_chore.h), or in `lastword migrate`. */
#include <errno.h>
#include <libpq-fe.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "store/postgres_schema.h"

#define SERVER_OLDEST 140000
#define CONNECT_DEFAULT_MS 5000
#define STEPS_DEFAULT_MS 3600000

struct session {
    PGconn *raw;
    uint64_t until_ms;
    bool lost;
    char *error;
    size_t error_size;
};

int postgres_schema_newest(void)
{
    int newest = 0;
    for (const struct postgres_step *step = postgres_steps; step->version; step++)
        newest = step->version;
    return newest;
}

static uint64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static bool fail(struct session *s, const char *why)
{
    snprintf(s->error, s->error_size, "%s", why);
    size_t len = strlen(s->error);
    while (len && s->error[len - 1] == '\n')
        s->error[--len] = '\0';
    for (char *p = s->error; (p = strchr(p, '\n'));)
        *p = ' ';
    return false;
}

static bool lose(struct session *s, const char *why)
{
    s->lost = true;
    return fail(s, why);
}

/* ---- statements, with a time limit */

static bool wait_readable(struct session *s)
{
    while (PQisBusy(s->raw)) {
        uint64_t now = now_ms();
        struct pollfd p = {.fd = PQsocket(s->raw), .events = POLLIN};
        if (now >= s->until_ms)
            return lose(s, "no answer in time");
        if (poll(&p, 1, (int)(s->until_ms - now)) < 0 && errno != EINTR)
            return lose(s, strerror(errno));
        if (p.revents && !PQconsumeInput(s->raw))
            return lose(s, PQerrorMessage(s->raw));
    }
    return true;
}

/* Codes that speak of the moment and not of the database. */
static bool passing(const char *code)
{
    return !code || strncmp(code, "08", 2) == 0 || strncmp(code, "57", 2) == 0 ||
           strncmp(code, "53", 2) == 0 || strncmp(code, "40", 2) == 0;
}

/* Runs a script; the first number of its last result goes to *number, unless NULL. */
static bool run(struct session *s, const char *sql, int *number)
{
    bool good = true;
    if (!PQsendQuery(s->raw, sql))
        return lose(s, PQerrorMessage(s->raw));
    while (good && (good = wait_readable(s))) {
        PGresult *result = PQgetResult(s->raw);
        if (!result)
            break;
        ExecStatusType status = PQresultStatus(result);
        if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK) {
            s->lost = s->lost || passing(PQresultErrorField(result, PG_DIAG_SQLSTATE));
            good = fail(s, PQresultErrorMessage(result));
        } else if (number && PQntuples(result)) {
            *number = (int)strtol(PQgetvalue(result, 0, 0), NULL, 10);
        }
        PQclear(result);
    }
    return good;
}

/* ---- connecting */

/* Blocking, so that libpq goes on to the next host by itself when one is silent. */
static bool connect_primary(struct session *s, const char *conninfo, uint64_t connect_ms)
{
    char seconds[24];
    uint64_t whole = (connect_ms + 999) / 1000;
    snprintf(seconds, sizeof(seconds), "%llu",
             (unsigned long long)(whole < 2 ? 2 : whole)); /* libpq's least */
    const char *keys[] = {"dbname",          "target_session_attrs",      "connect_timeout",
                          "client_encoding", "fallback_application_name", NULL};
    const char *values[] = {conninfo, "read-write", seconds, "UTF8", "lastword", NULL};
    s->raw = PQconnectdbParams(keys, values, 1);
    if (!s->raw || PQstatus(s->raw) != CONNECTION_OK)
        return lose(s, s->raw ? PQerrorMessage(s->raw) : "out of memory");
    const char *encoding = PQparameterStatus(s->raw, "server_encoding");
    if (PQserverVersion(s->raw) < SERVER_OLDEST)
        return fail(s, "the server is older than Postgres 14");
    if (!encoding || strcmp(encoding, "UTF8") != 0)
        return fail(s, "the database's encoding is not UTF8");
    return true;
}

/* ---- the steps */

/* One statement, so that a migration between two cannot make our schema look like another's. */
static bool read_version(struct session *s, int *version)
{
    int there = 0;
    *version = 0;
    if (!run(s,
             "SELECT CASE WHEN to_regclass('lastword.schema_version') IS NOT NULL THEN 1 WHEN EXISTS (SELECT "
             "FROM "
             "pg_class WHERE relnamespace = to_regnamespace('lastword')) THEN 2 ELSE 0 END",
             &there))
        return false;
    if (there == 2)
        return fail(s, "its schema \"lastword\" is of another program");
    return !there || run(s, "SELECT max(version) FROM lastword.schema_version", version);
}

static bool fitting(struct session *s, int version)
{
    char why[128];
    if (version <= postgres_schema_newest())
        return true;
    snprintf(why, sizeof(why), "its schema has version %d, this program knows up to %d", version,
             postgres_schema_newest());
    return fail(s, why);
}

static bool record(struct session *s, int version)
{
    char sql[160];
    snprintf(sql, sizeof(sql), "INSERT INTO lastword.schema_version (version, applied) VALUES (%d, %lld)",
             version, (long long)time(NULL) * 1000);
    return run(s, sql, NULL);
}

static bool apply_steps(struct session *s, int from)
{
    if (from == 0 &&
        !run(s,
             "CREATE SCHEMA IF NOT EXISTS lastword;"
             "CREATE TABLE lastword.schema_version (version integer PRIMARY KEY, applied bigint NOT NULL)",
             NULL))
        return false;
    for (const struct postgres_step *step = postgres_steps; step->version; step++) {
        if (step->version > from && !(run(s, step->sql, NULL) && record(s, step->version)))
            return false;
    }
    return run(s, "COMMIT", NULL);
}

static void allow(struct session *s, uint64_t ms)
{
    s->until_ms = now_ms() + ms;
}

static bool migrate(struct session *s, uint64_t steps_ms, int *from, int *to)
{
    if (!read_version(s, from))
        return false;
    *to = *from;
    if (!fitting(s, *from))
        return false;
    if (*from == postgres_schema_newest())
        return true;
    allow(s, steps_ms);
    /* Looked at again under the lock: another gateway may have migrated meanwhile. */
    if (!run(s, "BEGIN; SET LOCAL client_min_messages = warning; SELECT pg_advisory_xact_lock(1280796777, 1)",
             NULL) ||
        !read_version(s, from) || !fitting(s, *from) || !apply_steps(s, *from))
        return false;
    *to = postgres_schema_newest();
    return true;
}

enum pgmigrate postgres_schema_apply(const char *conninfo, uint64_t connect_ms, uint64_t steps_ms, int *from,
                                     int *to, char *error, size_t error_size)
{
    struct session s = {.error = error, .error_size = error_size};
    *from = *to = 0;
    if (!connect_ms)
        connect_ms = CONNECT_DEFAULT_MS;
    bool good = connect_primary(&s, conninfo, connect_ms);
    allow(&s, connect_ms); /* a pooler takes connections also where no server is */
    good = good && migrate(&s, steps_ms ? steps_ms : STEPS_DEFAULT_MS, from, to);
    PQfinish(s.raw);
    if (good)
        return PGMIGRATE_DONE;
    return s.lost ? PGMIGRATE_UNREACHABLE : PGMIGRATE_REFUSED;
}
