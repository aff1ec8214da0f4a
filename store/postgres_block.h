/* postgres_block: a connection that blocks, for what runs before the loop does or on a thread of its own:
 * migrating, and API keys. The one other file with libpq beside postgres_conn.c, which never blocks. Every
 * wait has an end. */
#ifndef LASTWORD_STORE_POSTGRES_BLOCK_H
#define LASTWORD_STORE_POSTGRES_BLOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* `error` and `error_size` are set by the owner; the rest is zero. */
struct pgblock {
    void *raw; /* PGconn */
    uint64_t until_ms;
    bool lost; /* the connection, or the moment, is at fault, and not the database */
    char *error;
    size_t error_size;
};

/* Blocking, so that libpq goes on to the next host by itself when one is silent. `session`: libpq's
 * target_session_attrs. pgblock_close in any case. */
bool pgblock_connect(struct pgblock *s, const char *conninfo, const char *session, uint64_t connect_ms);
void pgblock_close(struct pgblock *s);
/* What follows may take so long from now on, all together. */
void pgblock_allow(struct pgblock *s, uint64_t ms);
/* Fills the error, one line; returns false. */
bool pgblock_fail(struct pgblock *s, const char *why);
/* Runs a script; the first number of its last result goes to *number, unless NULL. */
bool pgblock_run(struct pgblock *s, const char *sql, int *number);

/* One statement with texts for $1, $2 ...: its rows, or NULL with the error. Rows are the caller's. */
struct pgblock_rows;
struct pgblock_rows *pgblock_ask(struct pgblock *s, const char *sql, const char *const *values, int count);
int pgblock_count(const struct pgblock_rows *rows);
const char *pgblock_cell(const struct pgblock_rows *rows, int row, int column); /* "" where NULL; borrowed */
void pgblock_free(struct pgblock_rows *rows);                                   /* NULL is fine */

#endif
