/* The history contract on SQLite, in a folder of its own that is gone afterwards. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "contract/history_contract.h"

struct place {
    char folder[64], path[80];
};

static void clean(void *ctx)
{
    static const char *const ends[] = {"", "-wal", "-shm"};
    struct place *p = ctx;
    char name[96];
    for (size_t i = 0; i < sizeof(ends) / sizeof(*ends); i++) {
        snprintf(name, sizeof(name), "%s%s", p->path, ends[i]);
        unlink(name);
    }
}

static struct history_store *open_store(void *ctx, struct ev_loop *loop)
{
    struct place *p = ctx;
    char error[256];
    struct history_sqlite_options options = {.path = p->path, .fsync = false, .queue = 20000};
    struct history_store *h = history_sqlite_open(&options, loop, error, sizeof(error));
    if (!h)
        fprintf(stderr, "%s\n", error);
    return h;
}

int main(void)
{
    struct place p = {.folder = "/tmp/lastword-contract-XXXXXX"};
    struct history_factory factory = {.name = "sqlite", .clean = clean, .open = open_store, .ctx = &p};
    if (!mkdtemp(p.folder))
        return 1;
    snprintf(p.path, sizeof(p.path), "%s/history.db", p.folder);
    int failed = history_contract(&factory);
    clean(&p);
    rmdir(p.folder);
    return failed != 0;
}
