/* sqlite_job: the work of each job (history_job.h) on SQLite.
 *
 *     loop: job_for_... ──queue──> helper: run(db, job) ──done──> loop: complete, job_free
 *
 * The queues hand a job over from one thread to the other. */
#ifndef LASTWORD_STORE_SQLITE_JOB_H
#define LASTWORD_STORE_SQLITE_JOB_H

#include "store/history_job.h"

struct db;

/* Answers saved in one transaction, so that a begin never waits for thousands. */
#define SAVE_SLICE 128

/* The work, on the helper's side. Each fills job->out and returns the status; a write that returns anything
 * but OK is rolled back. sqlite_begin.c, sqlite_finish.c, sqlite_read.c, sqlite_list.c. */
enum store_status job_run_begin(struct db *db, struct store_op *job);
enum store_status job_run_finish(struct db *db, struct store_op *job);
enum store_status job_run_save(struct db *db, struct store_op *job);
enum store_status job_run_edit(struct db *db, struct store_op *job);
enum store_status job_run_answer(struct db *db, struct store_op *job);
enum store_status job_run_running(struct db *db, struct store_op *job);
enum store_status job_run_context(struct db *db, struct store_op *job);
enum store_status job_run_list(struct db *db, struct store_op *job);
enum store_status job_run_tree(struct db *db, struct store_op *job);

/* sqlite_read.c: an answer by its owner and gen. */
const struct history_answer *job_load_answer(struct db *db, struct store_op *job, const char *owner,
                                             const struct uuid *gen);
/* sqlite_list.c: the conversation of job->owner and job->chat, and its row. */
enum store_status job_load_head(struct db *db, struct store_op *job, struct history_head *head,
                                int64_t *chat);
/* sqlite_begin.c: fills job->out.begin.context. */
enum store_status job_load_context(struct db *db, struct store_op *job, int64_t message, size_t bytes);

#endif
