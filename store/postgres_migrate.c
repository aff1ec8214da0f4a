/* postgres_migrate: brings a database to the newest numbered schema, or refuses it.
 *
 *     connect -> version? --newest--> done
 *                   \--older--> BEGIN, advisory lock, version again, the steps, COMMIT
 *
 * It blocks: it runs before the loop does, on a thread of its own (postgres_chore.h), or in `lastword
 * migrate`. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "store/postgres_block.h"
#include "store/postgres_schema.h"

#define CONNECT_DEFAULT_MS 5000
#define STEPS_DEFAULT_MS 3600000

int postgres_schema_newest(void)
{
    int newest = 0;
    for (const struct postgres_step *step = postgres_steps; step->version; step++)
        newest = step->version;
    return newest;
}

/* ---- the steps */

/* One statement, so that a migration between two cannot make our schema look like another's. */
static bool read_version(struct pgblock *s, int *version)
{
    int there = 0;
    *version = 0;
    if (!pgblock_run(
            s,
            "SELECT CASE WHEN to_regclass('lastword.schema_version') IS NOT NULL THEN 1 WHEN EXISTS (SELECT "
            "FROM "
            "pg_class WHERE relnamespace = to_regnamespace('lastword')) THEN 2 ELSE 0 END",
            &there))
        return false;
    if (there == 2)
        return pgblock_fail(s, "its schema \"lastword\" is of another program");
    return !there || pgblock_run(s, "SELECT max(version) FROM lastword.schema_version", version);
}

static bool fitting(struct pgblock *s, int version)
{
    char why[128];
    if (version <= postgres_schema_newest())
        return true;
    snprintf(why, sizeof(why), "its schema has version %d, this program knows up to %d", version,
             postgres_schema_newest());
    return pgblock_fail(s, why);
}

static bool record(struct pgblock *s, int version)
{
    char sql[160];
    snprintf(sql, sizeof(sql), "INSERT INTO lastword.schema_version (version, applied) VALUES (%d, %lld)",
             version, (long long)time(NULL) * 1000);
    return pgblock_run(s, sql, NULL);
}

static bool apply_steps(struct pgblock *s, int from)
{
    if (from == 0 &&
        !pgblock_run(
            s,
            "CREATE SCHEMA IF NOT EXISTS lastword;"
            "CREATE TABLE lastword.schema_version (version integer PRIMARY KEY, applied bigint NOT NULL)",
            NULL))
        return false;
    for (const struct postgres_step *step = postgres_steps; step->version; step++) {
        if (step->version > from && !(pgblock_run(s, step->sql, NULL) && record(s, step->version)))
            return false;
    }
    return pgblock_run(s, "COMMIT", NULL);
}

static bool migrate(struct pgblock *s, uint64_t steps_ms, int *from, int *to)
{
    if (!read_version(s, from))
        return false;
    *to = *from;
    if (!fitting(s, *from))
        return false;
    if (*from == postgres_schema_newest())
        return true;
    pgblock_allow(s, steps_ms);
    /* Looked at again under the lock: another gateway may have migrated meanwhile. */
    if (!pgblock_run(
            s, "BEGIN; SET LOCAL client_min_messages = warning; SELECT pg_advisory_xact_lock(1280796777, 1)",
            NULL) ||
        !read_version(s, from) || !fitting(s, *from) || !apply_steps(s, *from))
        return false;
    *to = postgres_schema_newest();
    return true;
}

enum pgmigrate postgres_schema_apply(const char *conninfo, uint64_t connect_ms, uint64_t steps_ms, int *from,
                                     int *to, char *error, size_t error_size)
{
    struct pgblock s = {.error = error, .error_size = error_size};
    *from = *to = 0;
    if (!connect_ms)
        connect_ms = CONNECT_DEFAULT_MS;
    bool good = pgblock_connect(&s, conninfo, "read-write", connect_ms);
    pgblock_allow(&s, connect_ms); /* a pooler takes connections also where no server is */
    good = good && migrate(&s, steps_ms ? steps_ms : STEPS_DEFAULT_MS, from, to);
    pgblock_close(&s);
    if (good)
        return PGMIGRATE_DONE;
    return s.lost ? PGMIGRATE_UNREACHABLE : PGMIGRATE_REFUSED;
}
