/* sqlite_migrate: brings a database to the newest numbered schema, or refuses it. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "store/sqlite_db.h"
#include "store/sqlite_schema.h"

/* "LWhi", in the file's header: tells our databases from those of other programs. */
#define APPLICATION_ID 0x4C576869

int sqlite_schema_newest(void)
{
    int newest = 0;
    for (const struct sqlite_step *step = sqlite_steps; step->version; step++)
        newest = step->version;
    return newest;
}

/* -1: of another program. */
static int version_of(struct db *db)
{
    if (db_number(db, "SELECT count(*) FROM sqlite_schema", 0) == 0)
        return 0;
    if (db_number(db, "PRAGMA application_id", 0) != APPLICATION_ID)
        return -1;
    return (int)db_number(db, "SELECT max(version) FROM schema_version", 0);
}

static bool refuse(char *error, size_t error_size, const char *why)
{
    snprintf(error, error_size, "%s", why);
    return false;
}

static bool fitting(struct db *db, int version, char *error, size_t error_size)
{
    if (db_failure(db) != STORE_OK)
        return refuse(error, error_size, db_message(db));
    if (version < 0)
        return refuse(error, error_size, "a database of another program");
    if (version > sqlite_schema_newest()) {
        snprintf(error, error_size, "its schema has version %d, this program knows up to %d", version,
                 sqlite_schema_newest());
        return false;
    }
    return true;
}

static void record(struct db *db, const struct sqlite_step *step)
{
    char sql[128];
    snprintf(sql, sizeof(sql), "INSERT INTO schema_version (version, applied) VALUES (%d, %lld)",
             step->version, (long long)time(NULL) * 1000);
    db_script(db, sql);
}

static void apply_steps(struct db *db, int from)
{
    char sql[64];
    if (from == 0) {
        snprintf(sql, sizeof(sql), "PRAGMA application_id = %d", APPLICATION_ID);
        db_script(db, sql);
        db_script(db, "CREATE TABLE schema_version (version INTEGER PRIMARY KEY, applied INTEGER NOT NULL)");
    }
    for (const struct sqlite_step *step = sqlite_steps; step->version; step++) {
        if (step->version <= from || db_failure(db) != STORE_OK)
            continue;
        db_script(db, step->sql);
        if (db_failure(db) == STORE_OK)
            record(db, step);
    }
}

bool sqlite_schema_apply(struct db *db, int *from, int *to, char *error, size_t error_size)
{
    db_clear(db);
    *from = *to = version_of(db);
    if (!fitting(db, *from, error, error_size))
        return false;
    if (*from == sqlite_schema_newest())
        return true;
    /* Looked at again under the lock: another process may have migrated meanwhile. */
    if (db_script(db, "BEGIN EXCLUSIVE") != STORE_OK)
        return refuse(error, error_size, db_message(db));
    *from = *to = version_of(db);
    if (fitting(db, *from, error, error_size)) {
        apply_steps(db, *from);
        if (db_failure(db) == STORE_OK && db_script(db, "COMMIT") == STORE_OK) {
            *to = sqlite_schema_newest();
            return true;
        }
        refuse(error, error_size, db_message(db));
    }
    db_script(db, "ROLLBACK");
    return false;
}
