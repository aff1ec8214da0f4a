/* The history on SQLite where the machine is against it: files that are no databases, locks of others, full
 * disks, corrupt pages, several processes at once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <ev.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "store/sqlite_db.h"
#include "store/sqlite_schema.h"
#include "store/store.h"

#define OWNER "acme/alice"

static char folder[64], path[120], error[512];

struct world {
    struct ev_loop *loop;
    struct history_store *h;
    int completions, ok;
    enum store_status last;
};

/* ---- the place */

static void remove_all(void)
{
    static const char *const ends[] = {"", "-wal", "-shm"};
    char name[sizeof(path) + 8];
    for (size_t i = 0; i < sizeof(ends) / sizeof(*ends); i++) {
        snprintf(name, sizeof(name), "%s%s", path, ends[i]);
        unlink(name);
    }
}

static int setup(void **state)
{
    struct world *w = mem_alloc(sizeof(*w));
    strcpy(folder, "/tmp/lastword-sqlite-XXXXXX");
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof(path), "%s/history.db", folder);
    w->loop = ev_loop_new(EVFLAG_AUTO);
    error[0] = '\0';
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;
    if (w->h)
        w->h->ops->close(w->h);
    ev_loop_destroy(w->loop);
    mem_free(w);
    remove_all();
    rmdir(folder);
    return mem_alive(MEM_STORE_OP) != 0;
}

static bool open_queue(struct world *w, size_t queue)
{
    struct history_sqlite_options options = {.path = path, .queue = queue};
    w->h = history_sqlite_open(&options, w->loop, error, sizeof(error));
    return w->h != NULL;
}

static bool open_store(struct world *w)
{
    return open_queue(w, 1000);
}

static void write_file(const char *text)
{
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

static void run_sql(const char *sql)
{
    struct db *db = db_open(path, false, error, sizeof(error));
    assert_non_null(db);
    assert_int_equal(db_script(db, sql), STORE_OK);
    db_close(db);
}

static void refused(struct world *w, const char *why)
{
    assert_false(open_store(w));
    if (!strstr(error, why) || !strstr(error, path))
        fail_msg("\"%s\" does not say \"%s\" of %s", error, why, path);
}

/* ---- calls */

static struct uuid id(uint64_t n)
{
    struct uuid u = {{0}};
    for (int i = 0; i < 8; i++)
        u.b[15 - i] = (uint8_t)(n >> (8 * i));
    return u;
}

static void note(struct world *w, enum store_status status)
{
    w->completions++;
    w->ok += status == STORE_OK;
    w->last = status;
}

static void on_begin(void *ctx, const struct history_begin *r)
{
    note(ctx, r->status);
}

static void on_answers(void *ctx, enum store_status status, const struct history_answer *answers, size_t n)
{
    (void)answers, (void)n;
    note(ctx, status);
}

static void start(struct world *w, uint64_t gen, uint64_t message, const char *text, size_t len)
{
    struct history_send s = {.owner = OWNER,
                             .gen = id(gen),
                             .chat = id(1),
                             .user_message = id(message),
                             .answer_message = id(message + 1),
                             .parent_kind = PARENT_ROOT,
                             .has_input = true,
                             .input = {text, len},
                             .model = "",
                             .unix_ms = 1,
                             .context_bytes = 100};
    w->h->ops->begin(w->h, &s, on_begin, w);
}

static void on_late(struct ev_loop *loop, struct ev_timer *timer, int events)
{
    (void)loop, (void)events;
    *(bool *)timer->data = true;
}

/* Runs the loop until `n` completions, or with n 0 until the store is well; fails after 20 s. */
static void wait_for(struct world *w, int n)
{
    struct ev_timer late, tick;
    bool is_late = false, ignored = false;
    ev_timer_init(&late, on_late, 20.0, 0);
    ev_timer_init(&tick, on_late, 0.01, 0.01);
    late.data = &is_late;
    tick.data = &ignored;
    ev_timer_start(w->loop, &late);
    ev_timer_start(w->loop, &tick);
    while (!is_late && (n ? w->completions < n : !w->h->ops->healthy(w->h)))
        ev_run(w->loop, EVRUN_ONCE);
    ev_timer_stop(w->loop, &late);
    ev_timer_stop(w->loop, &tick);
    assert_false(is_late);
}

static enum store_status begin(struct world *w, uint64_t gen, const char *text, size_t len)
{
    start(w, gen, gen * 10, text, len);
    wait_for(w, w->completions + 1);
    return w->last;
}

static enum store_status read_back(struct world *w, uint64_t gen)
{
    struct gen_key key = {.owner = OWNER, .gen = id(gen)};
    w->h->ops->answer(w->h, &key, on_answers, w);
    wait_for(w, w->completions + 1);
    return w->last;
}

/* ---- opening */

static void test_what_is_no_database_is_refused(void **state)
{
    write_file(
        "This is a letter, and a long enough one that nobody takes it for the head of a database file.");
    refused(*state, "file is not a database");
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_size, 93); /* and left as it was */
}

static void test_databases_of_others_are_refused(void **state)
{
    run_sql("CREATE TABLE invoices (id INTEGER)");
    refused(*state, "another program");
}

static void test_newer_schemas_are_refused(void **state)
{
    struct world *w = *state;
    int from, to;
    assert_true(history_sqlite_migrate(path, &from, &to, error, sizeof(error)));
    run_sql("INSERT INTO schema_version VALUES (999, 0)");
    refused(w, "version 999");
    assert_false(history_sqlite_migrate(path, &from, &to, error, sizeof(error)));
    assert_int_equal(from, 999);
}

static void test_places_that_cannot_be_written(void **state)
{
    struct world *w = *state;
    char file[sizeof(path)];
    strcpy(file, path);
    snprintf(path, sizeof(path), "%s/nowhere/history.db", folder);
    refused(w, "No such file or directory");
    snprintf(path, sizeof(path), "%s", folder);
    refused(w, "Is a directory");
    strcpy(path, file);
    write_file("");
    assert_int_equal(chmod(path, 0444), 0);
    pid_t child = fork();
    if (child == 0) { /* root may write anything */
        bool other = getuid() != 0 || (chmod(folder, 0755) == 0 && setuid(65534) == 0);
        bool opened = history_sqlite_open(&(struct history_sqlite_options){.path = path}, w->loop, error,
                                          sizeof(error)) != NULL;
        _exit(!other || opened || !strstr(error, "Permission denied"));
    }
    int status;
    waitpid(child, &status, 0);
    assert_int_equal(status, 0);
}

static void test_the_file_is_its_owners_only(void **state)
{
    struct stat st;
    mode_t before = umask(0);
    assert_true(open_store(*state));
    umask(before);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    char wal[sizeof(path) + 8];
    snprintf(wal, sizeof(wal), "%s-wal", path);
    assert_int_equal(stat(wal, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
}

/* ---- schema */

static void test_migrating_tells_from_where_to_where(void **state)
{
    int from = -1, to = -1;
    (void)state;
    assert_true(history_sqlite_migrate(path, &from, &to, error, sizeof(error)));
    assert_int_equal(from, 0);
    assert_int_equal(to, sqlite_schema_newest());
    assert_true(history_sqlite_migrate(path, &from, &to, error, sizeof(error)));
    assert_int_equal(from, sqlite_schema_newest());
    assert_int_equal(to, sqlite_schema_newest());
}

static void test_schema_steps_count_without_gaps(void **state)
{
    (void)state;
    for (int i = 0; i < sqlite_schema_newest(); i++)
        assert_int_equal(sqlite_steps[i].version, i + 1);
}

static void test_several_processes_migrate_at_once(void **state)
{
    enum { PROCESSES = 6 };
    int go[2], status;
    char c;
    (void)state;
    assert_int_equal(pipe(go), 0);
    for (int i = 0; i < PROCESSES; i++) {
        if (fork() == 0) {
            int from, to;
            close(go[1]);
            if (read(go[0], &c, 1) < 0) /* all start when the pipe closes */
                _exit(2);
            _exit(!history_sqlite_migrate(path, &from, &to, error, sizeof(error)));
        }
    }
    close(go[0]);
    close(go[1]);
    for (int i = 0; i < PROCESSES; i++) {
        wait(&status);
        assert_int_equal(status, 0);
    }
    struct db *db = db_open(path, false, error, sizeof(error));
    assert_int_equal(db_number(db, "SELECT count(*) FROM schema_version", -1), sqlite_schema_newest());
    db_close(db);
}

/* ---- while it runs */

static void test_a_lock_of_another_process(void **state)
{
    struct world *w = *state;
    assert_true(open_store(w));
    assert_int_equal(begin(w, 1, "one", 3), STORE_OK);
    struct db *other = db_open(path, false, error, sizeof(error));
    assert_int_equal(db_script(other, "BEGIN IMMEDIATE"), STORE_OK);
    assert_int_equal(begin(w, 2, "two", 3), STORE_UNAVAILABLE);
    assert_false(w->h->ops->healthy(w->h));
    ev_tstamp before = ev_time();
    for (uint64_t i = 0; i < 10; i++) /* each is not waited for again as long */
        assert_int_equal(begin(w, 10 + i, "more", 4), STORE_UNAVAILABLE);
    assert_true(ev_time() - before < 5.0);
    assert_int_equal(read_back(w, 1), STORE_OK);
    assert_int_equal(read_back(w, 2), STORE_NOT_FOUND);
    assert_int_equal(db_script(other, "ROLLBACK"), STORE_OK);
    wait_for(w, 0); /* it finds out by itself */
    assert_int_equal(begin(w, 2, "two", 3), STORE_OK);
    db_close(other);
}

static void test_closing_while_locked_comes_to_an_end(void **state)
{
    struct world *w = *state;
    assert_true(open_store(w));
    struct db *other = db_open(path, false, error, sizeof(error));
    assert_int_equal(db_script(other, "BEGIN IMMEDIATE"), STORE_OK);
    for (uint64_t i = 1; i <= 500; i++)
        start(w, i, i * 10, "x", 1);
    w->h->ops->close(w->h);
    w->h = NULL;
    db_close(other);
}

static void limit_files(rlim_t bytes)
{
    struct rlimit r;
    getrlimit(RLIMIT_FSIZE, &r);
    r.rlim_cur = bytes == RLIM_INFINITY ? r.rlim_max : bytes;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &r), 0);
}

static void test_a_full_disk(void **state)
{
    struct world *w = *state;
    size_t len = 300 * 1000;
    char *big = mem_alloc(len);
    memset(big, 'z', len);
    signal(SIGXFSZ, SIG_IGN);
    assert_true(open_store(w));
    assert_int_equal(begin(w, 1, "one", 3), STORE_OK);
    limit_files(200 * 1000);
    assert_int_equal(begin(w, 2, big, len), STORE_FULL);
    assert_false(w->h->ops->healthy(w->h));
    assert_int_equal(read_back(w, 2), STORE_NOT_FOUND);
    assert_int_equal(read_back(w, 1), STORE_OK);
    limit_files(RLIM_INFINITY);
    wait_for(w, 0);
    assert_int_equal(begin(w, 2, big, len), STORE_OK);
    assert_int_equal(read_back(w, 2), STORE_OK);
    mem_free(big);
}

static void test_a_full_disk_spares_what_fits(void **state)
{
    struct world *w = *state;
    size_t len = 300 * 1000;
    char *big = mem_alloc(len);
    signal(SIGXFSZ, SIG_IGN);
    assert_true(open_store(w));
    limit_files(250 * 1000);
    struct db *other = db_open(path, false, error, sizeof(error));
    db_script(other, "BEGIN IMMEDIATE"); /* so that what follows is one group */
    start(w, 1, 10, "small", 5);
    start(w, 2, 20, big, len);
    start(w, 3, 30, "small too", 9);
    db_script(other, "ROLLBACK");
    db_close(other);
    wait_for(w, 3);
    limit_files(RLIM_INFINITY);
    assert_int_equal(w->ok, 2);
    assert_int_equal(read_back(w, 1), STORE_OK);
    assert_int_equal(read_back(w, 2), STORE_NOT_FOUND);
    assert_int_equal(read_back(w, 3), STORE_OK);
    mem_free(big);
}

static void test_one_failing_write_spoils_no_other(void **state)
{
    struct world *w = *state;
    assert_true(open_store(w));
    assert_int_equal(begin(w, 1, "first", 5), STORE_OK);
    struct db *other = db_open(path, false, error, sizeof(error));
    db_script(other, "BEGIN IMMEDIATE");
    w->ok = 0;
    for (uint64_t i = 2; i <= 40;
         i++) /* the answer of gen 20 takes an id of gen 1, after its question is stored */
        start(w, i, i == 20 ? 9 : i * 10, "x", 1);
    db_script(other, "ROLLBACK");
    db_close(other);
    wait_for(w, 40);
    assert_int_equal(w->ok, 38);
    for (uint64_t i = 2; i <= 40; i++)
        assert_int_equal(read_back(w, i), i == 20 ? STORE_NOT_FOUND : STORE_OK);
    struct db *look = db_open(path, false, error, sizeof(error));
    assert_int_equal(db_number(look, "SELECT count(*) FROM messages", -1), 2 * 39);
    assert_int_equal(db_number(look, "SELECT messages FROM conversations", -1), 2 * 39);
    db_close(look);
}

static void test_the_queue_has_an_end(void **state)
{
    struct world *w = *state;
    assert_true(open_queue(w, 16));
    for (uint64_t i = 1; i <= 40; i++)
        start(w, i, i * 10, "x", 1);
    assert_int_equal(w->completions, 0);
    wait_for(w, 40);
    assert_int_equal(w->ok, 16);
    assert_int_equal(begin(w, 99, "x", 1), STORE_OK);
    assert_true(w->h->ops->healthy(w->h));
}

/* ---- corruption */

static char *read_file(size_t *len)
{
    struct stat st;
    int fd = open(path, O_RDONLY);
    assert_true(fd >= 0 && fstat(fd, &st) == 0);
    *len = (size_t)st.st_size;
    char *bytes = mem_alloc(*len);
    assert_int_equal(read(fd, bytes, *len), *len);
    close(fd);
    return bytes;
}

static void overwrite(const char *bytes, size_t at, size_t len)
{
    int fd = open(path, O_WRONLY);
    assert_true(fd >= 0);
    assert_int_equal(pwrite(fd, bytes + at, len, (off_t)at), len);
    close(fd);
}

static void test_a_corrupt_file(void **state)
{
    struct world *w = *state;
    size_t len, head;
    assert_true(open_store(w));
    for (uint64_t i = 1; i <= 200; i++)
        start(w, i, i * 10, "some text to fill a few pages", 29);
    wait_for(w, 200);
    w->h->ops->close(w->h); /* everything is in the file now */
    char *good = read_file(&len), *bad = mem_alloc(len);
    head = len / 3 * 2 / 4096 * 4096; /* the first pages still say what it is */
    memset(bad, 0xdb, len);
    overwrite(bad, head, len - head);
    assert_true(open_store(w));
    assert_int_equal(begin(w, 500, "x", 1), STORE_CORRUPT);
    assert_false(w->h->ops->healthy(w->h));
    assert_int_equal(read_back(w, 1), STORE_CORRUPT);
    assert_int_equal(begin(w, 501, "x", 1), STORE_CORRUPT);
    overwrite(good, head, len - head);
    wait_for(w, 0);
    assert_int_equal(read_back(w, 1), STORE_OK);
    assert_int_equal(begin(w, 500, "x", 1), STORE_OK);
    mem_free(good);
    mem_free(bad);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_what_is_no_database_is_refused),
        T(test_databases_of_others_are_refused),
        T(test_newer_schemas_are_refused),
        T(test_places_that_cannot_be_written),
        T(test_the_file_is_its_owners_only),
        T(test_migrating_tells_from_where_to_where),
        T(test_schema_steps_count_without_gaps),
        T(test_several_processes_migrate_at_once),
        T(test_a_lock_of_another_process),
        T(test_closing_while_locked_comes_to_an_end),
        T(test_a_full_disk),
        T(test_a_full_disk_spares_what_fits),
        T(test_one_failing_write_spoils_no_other),
        T(test_the_queue_has_an_end),
        T(test_a_corrupt_file),
    };
    log_open(2, LOG_LEVEL_ERROR, "test");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
