/* postgres_block: see postgres_block.h. */
#include "store/postgres_block.h"

#include <errno.h>
#include <libpq-fe.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define SERVER_OLDEST 140000

static uint64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

bool pgblock_fail(struct pgblock *s, const char *why)
{
    snprintf(s->error, s->error_size, "%s", why);
    size_t len = strlen(s->error);
    while (len && s->error[len - 1] == '\n')
        s->error[--len] = '\0';
    for (char *p = s->error; (p = strchr(p, '\n'));)
        *p = ' ';
    return false;
}

static bool lose(struct pgblock *s, const char *why)
{
    s->lost = true;
    return pgblock_fail(s, why);
}

/* ---- statements, with a time limit */

static bool wait_readable(struct pgblock *s)
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

bool pgblock_run(struct pgblock *s, const char *sql, int *number)
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
            good = pgblock_fail(s, PQresultErrorMessage(result));
        } else if (number && PQntuples(result)) {
            *number = (int)strtol(PQgetvalue(result, 0, 0), NULL, 10);
        }
        PQclear(result);
    }
    return good;
}

/* ---- connecting */

/* Blocking, so that libpq goes on to the next host by itself when one is silent. */
bool pgblock_connect(struct pgblock *s, const char *conninfo, const char *session, uint64_t connect_ms)
{
    char seconds[24];
    uint64_t whole = (connect_ms + 999) / 1000;
    snprintf(seconds, sizeof(seconds), "%llu",
             (unsigned long long)(whole < 2 ? 2 : whole)); /* libpq's least */
    const char *keys[] = {"dbname",          "target_session_attrs",      "connect_timeout",
                          "client_encoding", "fallback_application_name", NULL};
    const char *values[] = {conninfo, session, seconds, "UTF8", "lastword", NULL};
    s->raw = PQconnectdbParams(keys, values, 1);
    if (!s->raw || PQstatus(s->raw) != CONNECTION_OK)
        return lose(s, s->raw ? PQerrorMessage(s->raw) : "out of memory");
    const char *encoding = PQparameterStatus(s->raw, "server_encoding");
    if (PQserverVersion(s->raw) < SERVER_OLDEST)
        return pgblock_fail(s, "the server is older than Postgres 14");
    if (!encoding || strcmp(encoding, "UTF8") != 0)
        return pgblock_fail(s, "the database's encoding is not UTF8");
    return true;
}

void pgblock_close(struct pgblock *s)
{
    PQfinish(s->raw);
    s->raw = NULL;
}

void pgblock_allow(struct pgblock *s, uint64_t ms)
{
    s->until_ms = now_ms() + ms;
}

/* ---- one statement, with values */

struct pgblock_rows *pgblock_ask(struct pgblock *s, const char *sql, const char *const *values, int count)
{
    PGresult *kept = NULL;
    if (!PQsendQueryParams(s->raw, sql, count, NULL, values, NULL, NULL, 0)) {
        lose(s, PQerrorMessage(s->raw));
        return NULL;
    }
    while (wait_readable(s)) {
        PGresult *result = PQgetResult(s->raw);
        if (!result)
            return (struct pgblock_rows *)kept;
        ExecStatusType status = PQresultStatus(result);
        if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK) {
            s->lost = s->lost || passing(PQresultErrorField(result, PG_DIAG_SQLSTATE));
            pgblock_fail(s, PQresultErrorMessage(result));
            PQclear(result);
            continue;
        }
        PQclear(kept);
        kept = result;
    }
    PQclear(kept);
    return NULL;
}

int pgblock_count(const struct pgblock_rows *rows)
{
    return PQntuples((const PGresult *)rows);
}

const char *pgblock_cell(const struct pgblock_rows *rows, int row, int column)
{
    return PQgetvalue((const PGresult *)rows, row, column);
}

void pgblock_free(struct pgblock_rows *rows)
{
    PQclear((PGresult *)rows);
}
