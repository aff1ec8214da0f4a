/* sqlite_schema: the numbered SQL files of store/schema/sqlite, embedded at build, and their application. */
#ifndef LASTWORD_STORE_SQLITE_SCHEMA_H
#define LASTWORD_STORE_SQLITE_SCHEMA_H

#include <stdbool.h>
#include <stddef.h>

struct db;

struct sqlite_step {
    int version; /* counts from 1 without gaps; 0 ends the table */
    const char *name, *sql;
};
extern const struct sqlite_step sqlite_steps[];

/* The version this program wants. */
int sqlite_schema_newest(void);

/* Brings the database to the newest version, all steps in one transaction; several processes may try at once.
 * `from`, `to`: versions before and after. False, with `error` filled, when it cannot: also for a database
 * of another program, and for one of a newer version. */
bool sqlite_schema_apply(struct db *db, int *from, int *to, char *error, size_t error_size);

#endif
