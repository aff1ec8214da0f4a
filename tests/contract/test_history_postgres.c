/* The history contract on Postgres: straight with prepared statements, and (argument "pooled") behind a
 * pgbouncer in transaction mode, where nothing is prepared and no session has settings. */
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "contract/history_contract.h"
#include "contract/postgres_server.h"

struct place {
    struct pgserver server;
    bool pooled;
};

static void clean(void *ctx)
{
    struct place *p = ctx;
    pgserver_sql(&p->server, "DROP SCHEMA IF EXISTS lastword CASCADE", NULL, 0);
}

static struct history_store *open_store(void *ctx, struct ev_loop *loop)
{
    struct place *p = ctx;
    char error[256];
    struct history_postgres_options options = {
        .primary = p->server.conninfo, .prepared = !p->pooled, .queue = 20000};
    struct history_store *h = history_postgres_open(&options, loop, error, sizeof(error));
    if (!h)
        fprintf(stderr, "%s\n", error);
    return h;
}

int main(int argc, char **argv)
{
    struct place p = {.pooled = argc > 1 && strcmp(argv[1], "pooled") == 0};
    struct history_factory factory = {.name = "postgres", .clean = clean, .open = open_store, .ctx = &p};
    log_open(2, LOG_LEVEL_WARN, "test");
    int failed = 1;
    if (pgserver_make(&p.server) && (!p.pooled || pgserver_pool(&p.server)))
        failed = history_contract(&factory);
    pgserver_drop(&p.server);
    return failed != 0;
}
