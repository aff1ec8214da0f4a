/* postgres_upgrade: see postgres_upgrade.h. */
#include "store/postgres_upgrade.h"

#include "base/log.h"
#include "base/mem.h"
#include "store/postgres_chore.h"
#include "store/postgres_schema.h"

#define STEPS_MS 600000

struct attempt {
    char *conninfo; /* owned */
    uint64_t connect_ms;
    int from, to;
    enum pgmigrate result;
    char error[256];
};

struct pgupgrade {
    char *conninfo; /* owned */
    uint64_t connect_ms;
    void (*wake)(void *ctx);
    void *ctx;
    struct pgchore *chore;
    struct attempt *attempt; /* the chore's */
};

static void run(void *work)
{
    struct attempt *a = work;
    a->result = postgres_schema_apply(a->conninfo, a->connect_ms, STEPS_MS, &a->from, &a->to, a->error,
                                      sizeof(a->error));
}

static void drop(void *work)
{
    struct attempt *a = work;
    mem_free(a->conninfo);
    mem_free(a);
}

struct pgupgrade *pgupgrade_new(const char *conninfo, uint64_t connect_ms, void (*wake)(void *ctx), void *ctx)
{
    struct pgupgrade *u = mem_alloc(sizeof(*u));
    u->conninfo = mem_strdup(conninfo);
    u->connect_ms = connect_ms;
    u->wake = wake;
    u->ctx = ctx;
    return u;
}

void pgupgrade_free(struct pgupgrade *u)
{
    if (!u)
        return;
    pgchore_drop(u->chore);
    mem_free(u->conninfo);
    mem_free(u);
}

void pgupgrade_start(struct pgupgrade *u)
{
    if (u->chore)
        return;
    struct attempt *a = mem_alloc(sizeof(*a));
    a->conninfo = mem_strdup(u->conninfo);
    a->connect_ms = u->connect_ms;
    u->attempt = a;
    u->chore = pgchore_start(run, drop, a, u->wake, u->ctx);
    if (!u->chore)
        drop(a);
}

void pgupgrade_turn(struct pgupgrade *u)
{
    const struct attempt *a = u->attempt;
    if (!u->chore || !pgchore_done(u->chore))
        return;
    if (a->result == PGMIGRATE_DONE)
        log_info("history.migrated", LF_STR("store", "postgres"), LF_INT("from", a->from),
                 LF_INT("to", a->to));
    else
        log_error("history.not_migrated", LF_STR("store", "postgres"), LF_STR("error", a->error));
    pgchore_drop(u->chore);
    u->chore = NULL;
}
