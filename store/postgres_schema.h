/* postgres_schema: the numbered SQL files of store/schema/postgres, embedded at build, and their application.
 */
#ifndef LASTWORD_STORE_POSTGRES_SCHEMA_H
#define LASTWORD_STORE_POSTGRES_SCHEMA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct postgres_step {
    int version; /* counts from 1 without gaps; 0 ends the table */
    const char *name, *sql;
};
extern const struct postgres_step postgres_steps[];

/* The version this program wants. */
int postgres_schema_newest(void);

enum pgmigrate {
    PGMIGRATE_DONE,       /* the schema is the newest */
    PGMIGRATE_REFUSED,    /* it is of another program, of a newer version, or may not be changed */
    PGMIGRATE_UNREACHABLE /* no primary answers */
};
/* Brings the database to the newest version, all steps in one transaction, one program at a time (advisory
 * lock). `from`, `to`: versions before and after. `error` is filled unless DONE. Blocks: up to connect_ms for
 * each host, as long again for the first answer, and for the steps no longer than steps_ms; 0: a default. Any
 * thread. */
enum pgmigrate postgres_schema_apply(const char *conninfo, uint64_t connect_ms, uint64_t steps_ms, int *from,
                                     int *to, char *error, size_t error_size);

#endif
