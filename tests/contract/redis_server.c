/* redis_server: see redis_server.h. */
#include "contract/redis_server.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define ARGS_MAX 64
#define START_MS 20000

int redis_free_port(void)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(at);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &len), 0);
    close(fd);
    return ntohs(at.sin_port);
}

void redis_server_prepare(struct redis_server *r, const char *const *more)
{
    const char *tmp = getenv("TMPDIR");
    char path[300];
    memset(r, 0, sizeof(*r));
    r->more = more;
    snprintf(r->folder, sizeof(r->folder), "%s/redis-test-XXXXXX", tmp ? tmp : "/tmp");
    assert_non_null(mkdtemp(r->folder));
    r->port = redis_free_port();
    snprintf(path, sizeof(path), "%s/clock", r->folder);
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    assert_true(fd >= 0 && ftruncate(fd, sizeof(*r->clock_us)) == 0);
    r->clock_us = mmap(NULL, sizeof(*r->clock_us), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    assert_true(r->clock_us != MAP_FAILED);
    close(fd);
    atomic_store(r->clock_us, (int64_t)time(NULL) * 1000000);
}

static size_t add_arguments(const char **argv, size_t n, const char *const *more)
{
    for (; more && *more && n + 1 < ARGS_MAX; more++)
        argv[n++] = *more;
    return n;
}

static void log_to(const char *folder)
{
    char path[300];
    snprintf(path, sizeof(path), "%s/log", folder);
    int log = open(path, O_WRONLY | O_CREAT | O_APPEND, 0600);
    dup2(log, 1);
    dup2(log, 2);
}

/* In the child. */
static void become_server(const struct redis_server *r)
{
    char port[16], path[300], clock[300], conf[300];
    const char *argv[ARGS_MAX] = {"redis-server"};
    const char *const as_sentinel[] = {conf, "--sentinel", NULL};
    const char *const all[] = {"--port",  port,         "--bind",  "127.0.0.1", "--unixsocket", path, "--dir",
                               r->folder, "--loglevel", "warning", NULL};
    const char *const as_store[] = {"--save", "", NULL};
    snprintf(port, sizeof(port), "%d", r->port);
    snprintf(path, sizeof(path), "%s/s", r->folder);
    snprintf(clock, sizeof(clock), "%s/clock", r->folder);
    snprintf(conf, sizeof(conf), "%s/conf", r->folder);
    size_t n = r->sentinel ? add_arguments(argv, 1, as_sentinel) : 1;
    n = add_arguments(argv, n, all);
    n = r->sentinel ? n : add_arguments(argv, n, as_store);
    add_arguments(argv, n, r->more);
    if (!r->real_time) {
        setenv("TEST_CLOCK", clock, 1);
        setenv("LD_PRELOAD", TEST_CLOCK_LIBRARY, 1);
    }
    log_to(r->folder);
    execvp(argv[0], (char *const *)argv);
    _exit(127);
}

static int connect_to(const struct redis_server *r)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    snprintf(at.sun_path, sizeof(at.sun_path), "%.90s/s", r->folder);
    if (connect(fd, (struct sockaddr *)&at, sizeof(at)) == 0)
        return fd;
    close(fd);
    return -1;
}

/* What comes in one piece within a while. */
static void ask_on(int fd, const char *command, char *answer, size_t size)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    ssize_t n = 0;
    if (dprintf(fd, "%s\r\n", command) > 0 && poll(&p, 1, 5000) == 1)
        n = read(fd, answer, size - 1);
    answer[n > 0 ? n : 0] = '\0';
}

/* "" when it cannot be asked. */
static const char *ask(const struct redis_server *r, const char *command)
{
    static char answer[65536], auth[256];
    int fd = connect_to(r);
    answer[0] = '\0';
    if (fd < 0)
        return answer;
    if (r->password) {
        snprintf(auth, sizeof(auth), "AUTH %s", r->password);
        ask_on(fd, auth, answer, sizeof(answer));
    }
    ask_on(fd, command, answer, sizeof(answer));
    close(fd);
    return answer;
}

static int64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

void redis_server_start(struct redis_server *r)
{
    int64_t give_up = now_ms() + START_MS;
    r->pid = fork();
    assert_true(r->pid >= 0);
    if (!r->pid)
        become_server(r);
    while (strncmp(ask(r, "PING"), "+PONG", 5) != 0) {
        if (waitpid(r->pid, NULL, WNOHANG) == r->pid)
            fail_msg("redis-server has ended: see %s/log; is it installed?", r->folder);
        if (now_ms() > give_up)
            fail_msg("redis-server does not answer");
        poll(NULL, 0, 5);
    }
}

static void end(struct redis_server *r, int signal)
{
    if (!r->pid)
        return;
    kill(r->pid, signal);
    if (signal != SIGKILL)
        kill(r->pid, SIGCONT);
    waitpid(r->pid, NULL, 0);
    r->pid = 0;
}

void redis_server_kill(struct redis_server *r)
{
    end(r, SIGKILL);
}

void redis_server_stop(struct redis_server *r)
{
    end(r, SIGTERM);
}

void redis_server_free(struct redis_server *r)
{
    const char *const rm[] = {"rm", "-rf", r->folder, NULL};
    redis_server_kill(r);
    munmap((void *)r->clock_us, sizeof(*r->clock_us));
    redis_run(rm);
}

const char *redis_server_ask(const struct redis_server *r, const char *command)
{
    const char *answer = ask(r, command);
    if (!*answer)
        fail_msg("no answer to %s", command);
    return answer;
}

bool redis_run(const char *const *argv)
{
    int status;
    pid_t pid = fork();
    if (!pid) {
        int null = open("/dev/null", O_RDWR);
        dup2(null, 0);
        dup2(null, 1);
        dup2(null, 2);
        execvp(argv[0], (char *const *)argv);
        _exit(127);
    }
    return pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}
