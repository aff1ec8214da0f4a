/* sqlite_worker: the two threads behind the history on SQLite, and the queues between them and the loop.
 *
 *     loop ──jobs, in order──> writer ──reads, once every write before them is committed──> reader
 *       ▲                        │ one transaction for all writes that wait (group commit)     │
 *       └────────── done ────────┴─────────────────────────────────────────────────────────────┘
 *
 * So a read sees every write started before it, and a slow one delays no write. The reader also copies the
 * write-ahead log into the database, which would otherwise be part of some commit. */
#ifndef LASTWORD_STORE_SQLITE_WORKER_H
#define LASTWORD_STORE_SQLITE_WORKER_H

#include "store/sqlite_job.h"

struct worker;

/* Starts the threads on two open connections, which the worker then owns. `wake` is called on either thread
 * when done jobs wait. NULL with `error` when a thread cannot be started. `path`, `fsync`: to open again. */
struct worker *worker_start(const char *path, bool fsync, struct db *writer, struct db *reader,
                            void (*wake)(void *ctx), void *wake_ctx, char *error, size_t error_size);
/* Hands over a job. Loop thread. */
void worker_submit(struct worker *w, struct store_op *job);
/* Moves all done jobs to the end of `out`. Loop thread. */
void worker_take_done(struct worker *w, struct list *out);
/* OK, or how the last write failed. Any thread. */
enum store_status worker_trouble(const struct worker *w);
/* Finishes what was submitted and ends the threads; done jobs are left for worker_take_done. */
void worker_stop(struct worker *w);
void worker_free(struct worker *w);

#endif
