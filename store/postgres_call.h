/* postgres_call: what the Postgres store keeps of a job (history_job.h) while it is on its way, its arguments
 * as parameters, and replies as results. Knows rows, no connection. */
#ifndef LASTWORD_STORE_POSTGRES_CALL_H
#define LASTWORD_STORE_POSTGRES_CALL_H

#include "store/history_job.h"
#include "store/postgres_conn.h"

#define CALL_ROWS 2

/* A begin may need a read after it: of the answer that exists, or of a long context. */
enum pgphase { PHASE_FIRST, PHASE_EXISTING, PHASE_CONTEXT };

struct pgfind; /* postgres_find.h */

struct pgcall {
    uint64_t deadline_us;
    uint64_t order; /* a write: its place among all */
    uint64_t after; /* a read: the write that must be over before */
    uint64_t lsn;   /* a read: what a standby must have replayed */
    unsigned attempts;
    enum pgphase phase;
    int64_t prompt_tokens, completion_tokens; /* an end: what it used; -1: unknown */
    bool unknown;                             /* a write that may have taken effect already */
    bool primary;                             /* a read that no standby is to answer */
    bool answered;                  /* its completion was called, though its statement is still on its way */
    struct pgrows *rows[CALL_ROWS]; /* what the results point into; owned */
    struct job_place from;          /* a list: where it goes on */
    struct pgfind *find;            /* a search; lives in the job's arena */
};

/* Gives the job its state; job->status is then what it is refused with, or OK: an owner that is not UTF-8
 * cannot be, nor can a wrong cursor. */
struct pgcall *pgcall_start(struct store_op *job);
struct pgcall *pgcall_of(const struct store_op *job);

/* Reads prompt_tokens and completion_tokens from the outcome. */
void pgcall_usage(const struct store_op *job, struct pgcall *call);

/* The status of that name; CORRUPT for another. */
enum store_status pgcall_status(const char *name);
/* What a failed statement is to the caller. */
enum store_status pgcall_failure(const char *code);
/* False when it is about one row: what is in it, or who holds it. */
bool pgcall_is_trouble(const char *code);
/* True when the same may go well at once: deadlocks and the like. */
bool pgcall_passing(const char *code);

/* Tenant and owner, the first parameters of nearly all. */
void pgcall_key(struct pgparams *p, const char *owner);

/* Writes; of ends `n` at once. */
void pgcall_begin(struct pgparams *p, const struct store_op *job);
void pgcall_finish(struct pgparams *p, struct store_op *const *jobs, size_t n);
void pgcall_edit(struct pgparams *p, const struct store_op *job);
/* The results; rows are taken over. begin: true when the job is to go on as a read. */
bool pgcall_begun(struct store_op *job, struct pgrows *rows);
void pgcall_finished(struct store_op *const *jobs, size_t n, struct pgrows *rows);
void pgcall_edited(struct store_op *job, struct pgrows *rows);

/* Reads but searches (postgres_find.h): the statements, sent by `send`, and their results from call->rows. */
void pgcall_ask(const struct store_op *job, void (*send)(void *ctx, enum pgsql sql, const struct pgparams *p),
                void *ctx);
void pgcall_told(struct store_op *job);

/* A row of conversations as read_list gives it, from the first column on. */
void pgcall_head(const struct pgrows *rows, size_t row, struct history_head *head);

#endif
