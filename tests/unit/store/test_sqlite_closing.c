/* Several processes on one history file: one that leaves must not take itself for the last. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <ev.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "store/sqlite_db.h"
#include "store/store.h"

static char folder[64] = "/tmp/lastword-sqlite-XXXXXX", path[80], log_path[96], shm_path[96], error[512];

/* Forked before this process opens the file: what SQLite knows of it is not to be inherited. */
static pid_t visitor(int told)
{
    pid_t pid = fork();
    if (pid)
        return pid;
    char go;
    bool good = read(told, &go, 1) == 1;
    struct db *db = good ? db_open(path, false, error, sizeof(error)) : NULL;
    if (db)
        db_close(db);
    _exit(db ? 0 : 1);
}

static void test_who_leaves_first_removes_no_log(void **state)
{
    int way[2], status;
    (void)state;
    assert_int_equal(pipe(way), 0);
    pid_t pid = visitor(way[0]);
    struct ev_loop *loop = ev_loop_new(EVFLAG_AUTO);
    struct history_sqlite_options options = {.path = path, .queue = 100};
    struct history_store *h = history_sqlite_open(&options, loop, error, sizeof(error));
    assert_non_null(h);
    assert_int_equal(access(log_path, F_OK), 0);
    assert_int_equal(write(way[1], "", 1), 1);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    assert_int_equal(access(log_path, F_OK), 0);
    h->ops->close(h);
    assert_int_equal(access(log_path, F_OK), -1); /* the last does */
    ev_loop_destroy(loop);
    close(way[0]);
    close(way[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_who_leaves_first_removes_no_log)};
    log_open(2, LOG_LEVEL_ERROR, "test");
    if (!mkdtemp(folder))
        return 1;
    snprintf(path, sizeof(path), "%s/history.db", folder);
    snprintf(log_path, sizeof(log_path), "%s-wal", path);
    snprintf(shm_path, sizeof(shm_path), "%s-shm", path);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    unlink(path);
    unlink(log_path);
    unlink(shm_path);
    rmdir(folder);
    return failed;
}
