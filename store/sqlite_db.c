/* sqlite_db: see sqlite_db.h. The only file that includes sqlite3.h. */
#include "store/sqlite_db.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"

#define OPEN_WAIT_MS 5000

struct stmt {
    struct db *db;
    sqlite3_stmt *raw; /* NULL when it could not be prepared: every use then fails quietly */
    int bound;
};

struct db {
    sqlite3 *raw;
    struct stmt cache[SQL_COUNT];
    enum store_status failure;
    int wal_pages;
};

static const char *const sql_text[] = {
#define X(id, sql) [SQL_##id] = sql,
#include "store/sqlite_sql.def"
#undef X
};

static enum store_status status_of(int rc)
{
    /* A quota or a limit on the file's size comes as a failed write; SQLITE_FULL is ENOSPC alone. */
    if (rc == SQLITE_IOERR_WRITE || rc == SQLITE_IOERR_SHMSIZE)
        return STORE_FULL;
    switch (rc & 0xff) {
    case SQLITE_OK:
    case SQLITE_ROW:
    case SQLITE_DONE:
        return STORE_OK;
    case SQLITE_FULL:
    case SQLITE_TOOBIG:
        return STORE_FULL;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return STORE_CORRUPT;
    default:
        return STORE_UNAVAILABLE;
    }
}

static enum store_status note(struct db *db, int rc)
{
    enum store_status status = status_of(rc);
    bool ours = (rc & 0xff) == SQLITE_CONSTRAINT; /* a wrong row, not a failing database */
    if (status != STORE_OK && !ours && db->failure == STORE_OK)
        db->failure = status;
    return status;
}

/* ---- opening */

static void configure_once(void)
{
    /* Each connection stays on one thread; the global memory statistics would be a lock between the two. */
    sqlite3_config(SQLITE_CONFIG_MULTITHREAD);
    sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
}

/* Makes the file ourselves: its mode must not depend on the umask, and SQLite gives the same to -wal, -shm.
 * One that is there is never opened: closing it would let go of every lock that this process has on it, and
 * whoever closes the database next would take himself for the last, and remove the log that we write. */
static bool make_file(const char *path, char *error, size_t error_size)
{
    struct stat is;
    int fd = -1;
    if (stat(path, &is) == 0) {
        if (!S_ISDIR(is.st_mode) && access(path, R_OK | W_OK) == 0)
            return true;
        errno = S_ISDIR(is.st_mode) ? EISDIR : errno;
    } else {
        fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    }
    if (fd < 0) {
        snprintf(error, error_size, "%s: %s", path, strerror(errno));
        return false;
    }
    close(fd);
    return true;
}

static int on_commit(void *ctx, sqlite3 *raw, const char *name, int pages)
{
    (void)raw, (void)name;
    ((struct db *)ctx)->wal_pages = pages;
    return SQLITE_OK;
}

/* Changing the journal mode does not wait for locks by itself, so two processes that start at once retry. */
static int enter_wal(struct db *db)
{
    for (int waited = 0;; waited += 10) {
        int rc = sqlite3_exec(db->raw, "PRAGMA journal_mode = WAL", NULL, NULL, NULL);
        if ((rc != SQLITE_BUSY && rc != SQLITE_LOCKED) || waited >= OPEN_WAIT_MS)
            return rc;
        nanosleep(&(struct timespec){.tv_nsec = 10 * 1000 * 1000}, NULL);
    }
}

static int set_up(struct db *db, bool fsync)
{
    sqlite3_extended_result_codes(db->raw, 1);
    sqlite3_busy_timeout(db->raw, OPEN_WAIT_MS);
    int rc = sqlite3_exec(db->raw, "SELECT count(*) FROM sqlite_schema", NULL, NULL, NULL);
    if (rc == SQLITE_OK && sqlite3_db_readonly(db->raw, "main"))
        rc = SQLITE_READONLY;
    if (rc == SQLITE_OK)
        rc = enter_wal(db);
    if (rc == SQLITE_OK)
        rc = sqlite3_exec(
            db->raw,
            "PRAGMA wal_autocheckpoint = 0; PRAGMA temp_store = MEMORY; PRAGMA secure_delete = FAST;"
            "PRAGMA cache_size = -16384; PRAGMA foreign_keys = OFF; PRAGMA trusted_schema = OFF",
            NULL, NULL, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_exec(db->raw, fsync ? "PRAGMA synchronous = FULL" : "PRAGMA synchronous = NORMAL", NULL,
                          NULL, NULL);
    sqlite3_wal_hook(db->raw, on_commit, db);
    return rc;
}

struct db *db_open(const char *path, bool fsync, char *error, size_t error_size)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, configure_once);
    if (!make_file(path, error, error_size))
        return NULL;
    struct db *db = mem_alloc(sizeof(*db));
    int rc = sqlite3_open_v2(path, &db->raw, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
    if (rc == SQLITE_OK)
        rc = set_up(db, fsync);
    if (rc == SQLITE_OK)
        return db;
    snprintf(error, error_size, "%s: %s", path,
             (rc & 0xff) == SQLITE_READONLY ? "not writable"
             : db->raw                      ? sqlite3_errmsg(db->raw)
                                            : "out of memory");
    db_close(db);
    return NULL;
}

void db_close(struct db *db)
{
    if (!db)
        return;
    for (size_t i = 0; i < SQL_COUNT; i++)
        sqlite3_finalize(db->cache[i].raw);
    sqlite3_close_v2(db->raw);
    mem_free(db);
}

void db_patience(struct db *db, int ms)
{
    sqlite3_busy_timeout(db->raw, ms);
}

/* ---- the connection */

enum store_status db_script(struct db *db, const char *sql)
{
    return note(db, sqlite3_exec(db->raw, sql, NULL, NULL, NULL));
}

int64_t db_number(struct db *db, const char *sql, int64_t otherwise)
{
    sqlite3_stmt *raw = NULL;
    int64_t v = otherwise;
    if (note(db, sqlite3_prepare_v2(db->raw, sql, -1, &raw, NULL)) == STORE_OK) {
        int rc = sqlite3_step(raw);
        if (rc == SQLITE_ROW)
            v = sqlite3_column_int64(raw, 0);
        note(db, rc);
    }
    sqlite3_finalize(raw);
    return v;
}

enum store_status db_failure(const struct db *db)
{
    return db->failure;
}

void db_clear(struct db *db)
{
    db->failure = STORE_OK;
}

const char *db_message(struct db *db)
{
    return sqlite3_errmsg(db->raw);
}

bool db_in_transaction(const struct db *db)
{
    return !sqlite3_get_autocommit(db->raw);
}

int64_t db_last_id(const struct db *db)
{
    return sqlite3_last_insert_rowid(db->raw);
}

int64_t db_changes(const struct db *db)
{
    return sqlite3_total_changes64(db->raw);
}

int db_wal_pages(const struct db *db)
{
    return db->wal_pages;
}

enum store_status db_checkpoint(struct db *db, bool restart)
{
    int rc = sqlite3_wal_checkpoint_v2(
        db->raw, NULL, restart ? SQLITE_CHECKPOINT_RESTART : SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
    return status_of(rc);
}

bool db_sound(struct db *db)
{
    db_clear(db);
    int64_t ok = db_number(db, "SELECT count(*) FROM pragma_quick_check(1) WHERE quick_check = 'ok'", 0);
    return ok == 1 && db->failure == STORE_OK;
}

/* ---- statements */

struct stmt *db_use(struct db *db, enum sql_id id)
{
    struct stmt *st = &db->cache[id];
    st->db = db;
    st->bound = 0;
    if (st->raw) {
        sqlite3_reset(st->raw);
        return st;
    }
    note(db, sqlite3_prepare_v3(db->raw, sql_text[id], -1, SQLITE_PREPARE_PERSISTENT, &st->raw, NULL));
    return st;
}

void stmt_bind_int(struct stmt *st, int64_t v)
{
    if (st->raw)
        note(st->db, sqlite3_bind_int64(st->raw, ++st->bound, v));
}

void stmt_bind_text(struct stmt *st, const char *p, size_t len)
{
    if (st->raw)
        note(st->db, sqlite3_bind_text64(st->raw, ++st->bound, p ? p : "", len, SQLITE_STATIC, SQLITE_UTF8));
}

void stmt_bind_str(struct stmt *st, const char *s)
{
    if (s)
        stmt_bind_text(st, s, strlen(s));
    else
        stmt_bind_null(st);
}

void stmt_bind_blob(struct stmt *st, const void *p, size_t len)
{
    if (st->raw)
        note(st->db, sqlite3_bind_blob64(st->raw, ++st->bound, p ? p : "", len, SQLITE_STATIC));
}

void stmt_bind_uuid(struct stmt *st, const struct uuid *u)
{
    stmt_bind_blob(st, u->b, sizeof(u->b));
}

void stmt_bind_null(struct stmt *st)
{
    if (st->raw)
        note(st->db, sqlite3_bind_null(st->raw, ++st->bound));
}

bool stmt_row(struct stmt *st)
{
    if (!st->raw)
        return false;
    int rc = sqlite3_step(st->raw);
    if (rc == SQLITE_ROW)
        return true;
    note(st->db, rc);
    sqlite3_reset(st->raw);
    return false;
}

enum store_status stmt_run(struct stmt *st)
{
    if (!st->raw)
        return st->db->failure;
    int rc = sqlite3_step(st->raw);
    enum store_status status = note(st->db, rc);
    sqlite3_reset(st->raw);
    return status;
}

void stmt_reset(struct stmt *st)
{
    if (st->raw)
        sqlite3_reset(st->raw);
}

int64_t stmt_int(struct stmt *st, int column)
{
    return sqlite3_column_int64(st->raw, column);
}

struct history_text stmt_bytes(struct stmt *st, int column)
{
    /* The order matters: the pointer first, then its length. */
    const char *data = sqlite3_column_blob(st->raw, column);
    return (struct history_text){.data = data, .len = (size_t)sqlite3_column_bytes(st->raw, column)};
}

bool stmt_is_null(struct stmt *st, int column)
{
    return sqlite3_column_type(st->raw, column) == SQLITE_NULL;
}

struct uuid stmt_uuid(struct stmt *st, int column)
{
    struct uuid u = {{0}};
    struct history_text t = stmt_bytes(st, column);
    if (t.len == sizeof(u.b))
        memcpy(u.b, t.data, sizeof(u.b));
    return u;
}
