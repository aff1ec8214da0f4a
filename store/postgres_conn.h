/* postgres_conn: a thin skin over libpq's asynchronous half: one connection in pipeline mode. It never blocks
 * and never resolves a name: it is given addresses. Who waits on its descriptor, for how long, and what the
 * statements mean, is others' business. */
#ifndef LASTWORD_STORE_POSTGRES_CONN_H
#define LASTWORD_STORE_POSTGRES_CONN_H

#include "store/postgres_param.h"

enum pgsql {
#define X(id, sql) PGSQL_##id,
#include "store/postgres_sql.def"
#undef X
    PGSQL_COUNT
};

/* A connection string taken apart. Owned by the caller. */
struct pginfo;
struct pginfo *pginfo_parse(const char *conninfo, char *error, size_t error_size);
void pginfo_free(struct pginfo *info); /* NULL is fine */
/* A value of it, of the environment where it says nothing (host, hostaddr, port), or NULL. */
const char *pginfo_get(const struct pginfo *info, const char *key);

/* A statement waits for a lock for this part of the time it may take: whoever holds it may be gone for long,
 * and others wait behind. */
#define PGCONN_LOCK_PART 6

/* What one attempt connects to. The strings are borrowed for the call; NULL is libpq's default. */
struct pgtarget {
    const struct pginfo *info;
    const char *host, *address, *port;
    const char *session; /* target_session_attrs */
    bool prepared;       /* false: a pooler stands between, which takes no settings at the start */
    uint64_t statement_ms;
};

struct pgconn;
/* Begins to connect. Never NULL; may be broken from the start. */
struct pgconn *pgconn_open(const struct pgtarget *target);
void pgconn_close(struct pgconn *conn); /* NULL is fine */

enum pgconn_state { PGCONN_CONNECTING, PGCONN_OPEN, PGCONN_BROKEN };
/* Does what can be done without waiting. Call when the descriptor is ready, and then take the replies: what
 * is read here does not make the descriptor ready again. */
enum pgconn_state pgconn_step(struct pgconn *conn);
/* After sending: gives the server what it takes. */
enum pgconn_state pgconn_flush(struct pgconn *conn);
bool pgconn_broken(const struct pgconn *conn);
/* The descriptor may be another after each step; -1: none. */
int pgconn_fd(const struct pgconn *conn);
bool pgconn_wants_write(const struct pgconn *conn); /* beside reading, which it always wants */
bool pgconn_wants_read(const struct pgconn *conn);
/* libpq's sentence on what went wrong, one line: hosts and settings, never a parameter. Borrowed. */
const char *pgconn_message(struct pgconn *conn);

/* Queue a statement, unnamed or by its prepared name; its preparation; the end of a transaction. A failure
 * shows in the next step. `params` NULL: none. */
void pgconn_send(struct pgconn *conn, enum pgsql sql, const struct pgparams *params, bool prepared);
void pgconn_prepare(struct pgconn *conn, enum pgsql sql);
void pgconn_sync(struct pgconn *conn);

struct pgrows;
enum pgkind {
    PGREPLY_ROWS,
    PGREPLY_FAILED,
    PGREPLY_SKIPPED, /* something before it in the transaction failed */
    PGREPLY_SYNC     /* the transaction ended: committed, unless something failed */
};
struct pgreply {
    enum pgkind kind;
    struct pgrows *rows; /* ROWS: owned by whoever asked */
    char code[6];        /* FAILED: the SQLSTATE */
};
/* The next reply, in the order of sending; false: none is there yet. */
bool pgconn_next(struct pgconn *conn, struct pgreply *reply);

/* Rows as they came, binary. Bytes are borrowed until pgrows_free; text has a NUL after it. */
void pgrows_free(struct pgrows *rows); /* NULL is fine */
size_t pgrows_count(const struct pgrows *rows);
bool pgrows_null(const struct pgrows *rows, size_t row, int column);
int64_t pgrows_int(const struct pgrows *rows, size_t row, int column); /* integer, bigint, pg_lsn, boolean */
struct history_text pgrows_bytes(const struct pgrows *rows, size_t row, int column);
const char *pgrows_str(const struct pgrows *rows, size_t row, int column);
struct uuid pgrows_uuid(const struct pgrows *rows, size_t row, int column); /* nil where NULL */

#endif
