/* sqlite_db: a thin skin over SQLite, so that sqlite3.h is in one file. A connection with its cache of
 * prepared statements (sqlite_sql.def), binding with lengths, and one mapping of SQLite's errors to
 * store_status. A connection belongs to one thread. */
#ifndef LASTWORD_STORE_SQLITE_DB_H
#define LASTWORD_STORE_SQLITE_DB_H

#include "store/store.h"

enum sql_id {
#define X(id, sql) SQL_##id,
#include "store/sqlite_sql.def"
#undef X
    SQL_COUNT
};

struct db;
struct stmt;

/* Opens the file, made with mode 0600 where there is none, in WAL mode. NULL with `error` filled when it is
 * not a database or cannot be written. `fsync`: wait for the disk at each commit. Owned by the caller. */
struct db *db_open(const char *path, bool fsync, char *error, size_t error_size);
void db_close(struct db *db); /* NULL is fine */

/* How long a call may wait for another process that holds the database. */
void db_patience(struct db *db, int ms);
/* Runs a script of constant SQL. */
enum store_status db_script(struct db *db, const char *sql);
/* The first number of the first row; `otherwise` when there is none or it fails. */
int64_t db_number(struct db *db, const char *sql, int64_t otherwise);
/* OK, or what failed since db_clear. */
enum store_status db_failure(const struct db *db);
void db_clear(struct db *db);
/* SQLite's sentence on the last failure: never holds a bound value. Borrowed until the next call. */
const char *db_message(struct db *db);
bool db_in_transaction(const struct db *db);
int64_t db_last_id(const struct db *db);
/* Rows changed since the connection was opened. */
int64_t db_changes(const struct db *db);
/* Pages in the write-ahead log after the last commit of this connection. */
int db_wal_pages(const struct db *db);
/* Copies what it can of the write-ahead log into the database; `restart` also lets the log begin anew. */
enum store_status db_checkpoint(struct db *db, bool restart);
/* Reads the whole database through. */
bool db_sound(struct db *db);

/* A prepared statement, fresh: parameters are bound in order, ?1 first. Borrowed from db; using it again
 * resets it. */
struct stmt *db_use(struct db *db, enum sql_id id);
/* The bytes must live until the statement is used again or reset. */
void stmt_bind_int(struct stmt *st, int64_t v);
void stmt_bind_text(struct stmt *st, const char *p, size_t len); /* NULL p binds an empty text */
void stmt_bind_str(struct stmt *st, const char *s);              /* NULL binds NULL */
void stmt_bind_blob(struct stmt *st, const void *p, size_t len); /* NULL p binds an empty blob */
void stmt_bind_uuid(struct stmt *st, const struct uuid *u);
void stmt_bind_null(struct stmt *st);
/* True when there is a row; false at the end and on failure (db_failure tells). Resets at both. */
bool stmt_row(struct stmt *st);
/* Runs a statement without rows to its end. */
enum store_status stmt_run(struct stmt *st);
void stmt_reset(struct stmt *st);
/* Columns of the row, from 0; bytes are borrowed until the next step or reset. */
int64_t stmt_int(struct stmt *st, int column);
struct history_text stmt_bytes(struct stmt *st, int column);
bool stmt_is_null(struct stmt *st, int column);
struct uuid stmt_uuid(struct stmt *st, int column); /* nil where NULL */

#endif
