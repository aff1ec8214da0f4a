/* sqlite_writer: what the writer's thread does with its connection: a group of jobs in one transaction, a
 * probe of a failing database, a piece of the search index. No thread and no queue here; one thread calls. */
#ifndef LASTWORD_STORE_SQLITE_WRITER_H
#define LASTWORD_STORE_SQLITE_WRITER_H

#include "store/sqlite_db.h"
#include "store/sqlite_job.h"

struct writer {
    char *path; /* owned */
    bool fsync;
    struct db *db;       /* owned */
    atomic_int trouble;  /* enum store_status: how the last write failed; any thread may look */
    atomic_bool renewed; /* the database was opened anew: so should the reader do */
    int probe_ms;        /* until the next writer_probe, while there is trouble */
    bool index_due;      /* the search index lacks something */
    int index_behind;    /* groups written since it lacked nothing */
};

/* `db` is owned by the writer from now on. */
void writer_init(struct writer *w, const char *path, bool fsync, struct db *db);
void writer_free(struct writer *w);
/* Runs all jobs of the list in one transaction, or each in its own where that fails; sets each job's status.
 */
void writer_run(struct writer *w, struct list *group);
/* Looks whether the trouble is over; after corruption by reading the whole database. Without trouble, only
 * writes something. */
void writer_probe(struct writer *w);
void writer_index(struct writer *w);
enum store_status writer_trouble(const struct writer *w);

/* Runs one job on a connection, without a transaction of its own. */
enum store_status writer_job(struct db *db, struct store_op *job);

#endif
