/* postgres_call: the state of a call, and what its failures mean. See postgres_call.h. */
#include "store/postgres_call.h"

#include <string.h>

#include "base/json.h"

struct pgcall *pgcall_of(const struct store_op *job)
{
    return job->state;
}

static void let_go(void *state)
{
    struct pgcall *call = state;
    for (int i = 0; i < CALL_ROWS; i++)
        pgrows_free(call->rows[i]);
}

struct pgcall *pgcall_start(struct store_op *job)
{
    struct pgcall *call = job_alloc(job, sizeof(*call));
    job->state = call;
    job->state_free = let_go;
    if (!utf8_valid(job->owner, strlen(job->owner)))
        job->status = STORE_NOT_FOUND;
    if (job->kind == JOB_LIST && !job_page_start(job, &call->from))
        job->status = STORE_NOT_FOUND;
    if (job->kind == JOB_FINISH)
        pgcall_usage(job, call);
    return call;
}

enum store_status pgcall_status(const char *name)
{
    for (int i = STORE_OK; i <= STORE_CORRUPT; i++) {
        if (strcmp(name, store_status_name((enum store_status)i)) == 0)
            return (enum store_status)i;
    }
    return STORE_CORRUPT;
}

enum store_status pgcall_failure(const char *code)
{
    if (strcmp(code, "53100") == 0 || strncmp(code, "54", 2) == 0) /* disk full; beyond what a row may hold */
        return STORE_FULL;
    if (strncmp(code, "XX0", 3) == 0 && strcmp(code, "XX000") != 0)
        return STORE_CORRUPT;
    return STORE_UNAVAILABLE;
}

bool pgcall_is_trouble(const char *code)
{
    static const char *const classes[] = {"22", "23", "40", "55"};
    for (size_t i = 0; i < sizeof(classes) / sizeof(*classes); i++) {
        if (strncmp(code, classes[i], 2) == 0)
            return false;
    }
    return true;
}

bool pgcall_passing(const char *code)
{
    static const char *const codes[] = {"40001", "40P01"};
    for (size_t i = 0; i < sizeof(codes) / sizeof(*codes); i++) {
        if (strcmp(code, codes[i]) == 0)
            return true;
    }
    return false;
}

void pgcall_key(struct pgparams *p, const char *owner)
{
    pgparam_text(p, owner, strcspn(owner, "/"));
    pgparam_str(p, owner);
}
