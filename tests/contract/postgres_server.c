/* postgres_server: see postgres_server.h. */
#include "contract/postgres_server.h"

#include <fcntl.h>
#include <glob.h>
#include <grp.h>
#include <libpq-fe.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define PATIENCE_MS 60000
#define STEP_MS 10

static bool fail(const struct pgserver *s, const char *what)
{
    fprintf(stderr, "postgres_server: %s (see %s)\n", what, s->folder);
    return false;
}

/* Of the newest version that is installed. */
static void find_program(const char *name, char *out, size_t size)
{
    glob_t found;
    char shape[128];
    snprintf(shape, sizeof(shape), "/usr/lib/postgresql/*/bin/%s", name);
    snprintf(out, size, "%s", name);
    if (glob(shape, 0, NULL, &found) == 0)
        snprintf(out, size, "%s", found.gl_pathv[found.gl_pathc - 1]);
    globfree(&found);
}

/* Somebody without privileges, where the test has them. */
static const struct passwd *unprivileged(void)
{
    if (getuid() != 0)
        return NULL;
    const struct passwd *user = getpwnam("postgres");
    return user ? user : getpwnam("nobody");
}

/* Starts a program; it ends with the test, whatever becomes of that. */
static pid_t spawn(const struct pgserver *s, char *const argv[], const char *log)
{
    char path[96];
    pid_t pid = fork();
    if (pid)
        return pid;
    snprintf(path, sizeof(path), "%s/%s", s->folder, log);
    prctl(PR_SET_PDEATHSIG, SIGQUIT);
    const struct passwd *user = unprivileged();
    if (user && (setgroups(0, NULL) || setgid(user->pw_gid) || setuid(user->pw_uid)))
        _exit(126);
    prctl(PR_SET_PDEATHSIG, SIGQUIT); /* changing the user forgets it */
    int fd = open(path, O_WRONLY | O_CREAT | O_APPEND, 0600);
    if (fd < 0 || chdir(s->folder))
        _exit(126);
    dup2(fd, STDOUT_FILENO);
    dup2(fd, STDERR_FILENO);
    execvp(argv[0], argv);
    _exit(127);
}

static bool run(const struct pgserver *s, char *const argv[])
{
    int status = 1;
    pid_t pid = spawn(s, argv, "setup.log");
    return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0;
}

static bool make_folder(struct pgserver *s)
{
    *s = (struct pgserver){.folder = "/tmp/lastword-pg-XXXXXX"};
    const struct passwd *user = unprivileged();
    if (!mkdtemp(s->folder) || (user && chown(s->folder, user->pw_uid, user->pw_gid)))
        return fail(s, "no folder");
    snprintf(s->conninfo, sizeof(s->conninfo), "host=%s user=postgres dbname=postgres", s->folder);
    return true;
}

bool pgserver_make(struct pgserver *s)
{
    char initdb[128], data[96];
    if (!make_folder(s))
        return false;
    find_program("initdb", initdb, sizeof(initdb));
    snprintf(data, sizeof(data), "%s/data", s->folder);
    char *const argv[] = {
        initdb, "-D", data, "-A", "trust", "-U", "postgres", "-E", "UTF8", "--locale=C.UTF-8", "-N", NULL};
    return run(s, argv) ? pgserver_start(s) : fail(s, "initdb failed");
}

static void remove_all(const char *path)
{
    char *const argv[] = {"rm", "-rf", (char *)path, NULL};
    pid_t pid = fork();
    if (pid == 0) {
        execvp(argv[0], argv);
        _exit(127);
    }
    waitpid(pid, NULL, 0);
}

bool pgserver_follow(struct pgserver *standby, const struct pgserver *primary)
{
    char program[128], data[96];
    if (!*standby->folder && !make_folder(standby))
        return false;
    find_program("pg_basebackup", program, sizeof(program));
    snprintf(data, sizeof(data), "%s/data", standby->folder);
    remove_all(data);
    char *const argv[] = {program, "-D",   data, "-d", (char *)primary->conninfo, "-R", "-X", "stream",
                          "-c",    "fast", "-N", NULL};
    return run(standby, argv) ? pgserver_start(standby) : fail(standby, "pg_basebackup failed");
}

static bool answers(const struct pgserver *s, const char *conninfo, pid_t pid)
{
    for (int waited = 0; waited < PATIENCE_MS; waited += STEP_MS) {
        PGconn *conn = PQconnectdb(conninfo);
        bool good = PQstatus(conn) == CONNECTION_OK;
        PQfinish(conn);
        if (good)
            return true;
        if (waitpid(pid, NULL, WNOHANG) == pid)
            return fail(s, "it ended at once");
        poll(NULL, 0, STEP_MS);
    }
    return fail(s, "it does not answer");
}

bool pgserver_start(struct pgserver *s)
{
    char postgres[128], data[96], sockets[96], conninfo[160];
    find_program("postgres", postgres, sizeof(postgres));
    snprintf(data, sizeof(data), "%s/data", s->folder);
    snprintf(sockets, sizeof(sockets), "unix_socket_directories=%s", s->folder);
    snprintf(conninfo, sizeof(conninfo), "host=%s user=postgres dbname=postgres", s->folder);
    char *const argv[] = {postgres,
                          "-D",
                          data,
                          "-c",
                          "listen_addresses=",
                          "-c",
                          sockets,
                          "-c",
                          "fsync=off",
                          "-c",
                          "shared_buffers=64MB",
                          "-c",
                          "max_connections=40",
                          "-c",
                          "deadlock_timeout=100ms",
                          NULL};
    s->pid = spawn(s, argv, "server.log");
    return answers(s, conninfo, s->pid);
}

bool pgserver_pool(struct pgserver *s)
{
    char path[96];
    snprintf(path, sizeof(path), "%s/pgbouncer.ini", s->folder);
    FILE *f = fopen(path, "w");
    if (!f)
        return fail(s, "no pgbouncer.ini");
    fprintf(
        f,
        "[databases]\npostgres = host=%s port=5432 user=postgres\n[pgbouncer]\npool_mode = transaction\n"
        "listen_addr =\nunix_socket_dir = %s\nlisten_port = 6432\nauth_type = any\nmax_client_conn = 100\n"
        "default_pool_size = 5\nserver_login_retry = 1\n",
        s->folder, s->folder);
    fclose(f);
    chmod(path, 0644);
    char *const argv[] = {"/usr/sbin/pgbouncer", path, NULL};
    snprintf(s->conninfo, sizeof(s->conninfo), "host=%s port=6432 user=postgres dbname=postgres", s->folder);
    s->pooler = spawn(s, argv, "pgbouncer.log");
    return answers(s, s->conninfo, s->pooler);
}

/* The server's processes but the first; each is its own session, so that no group holds them. */
static size_t children(pid_t parent, pid_t *out, size_t most)
{
    glob_t found;
    size_t n = 0;
    if (glob("/proc/[0-9]*/stat", 0, NULL, &found) != 0)
        return 0;
    for (size_t i = 0; i < found.gl_pathc; i++) {
        int pid, above;
        FILE *f = fopen(found.gl_pathv[i], "r");
        if (f && fscanf(f, "%d %*[^)]) %*c %d", &pid, &above) == 2 && above == parent && n < most)
            out[n++] = pid;
        if (f)
            fclose(f);
    }
    globfree(&found);
    return n;
}

static void wait_gone(pid_t pid)
{
    for (int waited = 0; kill(pid, 0) == 0 && waited < PATIENCE_MS; waited += STEP_MS)
        poll(NULL, 0, STEP_MS);
}

void pgserver_stop(struct pgserver *s)
{
    kill(s->pid, SIGINT);
    waitpid(s->pid, NULL, 0);
    s->pid = 0;
}

/* An immediate shutdown would do the same, but now and then waits for a child that was just being made. */
void pgserver_kill(struct pgserver *s)
{
    pid_t all[128];
    if (!s->pid)
        return;
    kill(s->pid, SIGSTOP); /* it makes no more */
    size_t n = children(s->pid, all, sizeof(all) / sizeof(*all));
    kill(s->pid, SIGKILL);
    waitpid(s->pid, NULL, 0);
    s->pid = 0;
    for (size_t i = 0; i < n; i++)
        kill(all[i], SIGKILL);
    for (size_t i = 0; i < n; i++)
        wait_gone(all[i]);
}

void pgserver_drop(struct pgserver *s)
{
    if (s->pooler) {
        kill(s->pooler, SIGTERM);
        waitpid(s->pooler, NULL, 0);
        s->pooler = 0;
    }
    pgserver_kill(s);
    remove_all(s->folder);
}

void pgserver_sql(const struct pgserver *s, const char *sql, char *out, size_t size)
{
    char conninfo[200];
    snprintf(conninfo, sizeof(conninfo),
             "host=%s user=postgres dbname=postgres options='-c client_min_messages=error -c "
             "default_transaction_read_only=off'",
             s->folder);
    PGconn *conn = PQconnectdb(conninfo);
    PGresult *result = PQexec(conn, sql);
    ExecStatusType status = PQresultStatus(result);
    if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK) {
        fprintf(stderr, "postgres_server: %s: %s\n", sql, PQerrorMessage(conn));
        exit(1);
    }
    if (out)
        snprintf(out, size, "%s", PQntuples(result) ? PQgetvalue(result, 0, 0) : "");
    PQclear(result);
    PQfinish(conn);
}
