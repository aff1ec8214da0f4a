/* supervisor: see supervisor.h.
 *
 * Signals are blocked and read from a descriptor, so that the loop is one poll. A worker inherits them
 * blocked, and lets them through when it has somebody to hear them (worker.c): none is lost in between.
 *
 * It draws no random numbers: clock.c keeps some in store, and every worker would have the same. */
#include "supervisor.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "clock.h"
#include "edge/inherited.h"
#include "edge/port.h"
#include "roster.h"
#include "worker.h"

struct supervisor {
    struct config *config; /* owned; as the workers have it, for those started later */
    const char *path;
    char *const *env;
    struct roster roster;
    pid_t self, pids[ROSTER_MAX]; /* 0: not running */
    char node[WORKER_NAME];
    int port;      /* held; or what systemd opened, of which each worker has its own duplicate */
    int signals;   /* signalfd */
    int ready[2];  /* a byte is the slot of a worker that serves */
    sigset_t mask; /* as it was */
};

static uint64_t now_ms(void)
{
    return clock_us() / 1000;
}

/* ------------------------------------------------------------------ starting */

/* The worker's process from here to its end. */
static void be_worker(struct supervisor *s, int slot)
{
    struct worker_slot place = {.number = slot + 1, .port = port_number(s->port), .ready = s->ready[1]};
    snprintf(place.node, sizeof place.node, "%.*s-%d", WORKER_BASE_MAX, s->node, slot + 1);
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != s->self)
        _exit(1); /* it died before that call */
    close(s->port);
    close(s->signals);
    close(s->ready[0]);
    exit(worker_run_slot(s->config, s->path, s->env, &place));
}

static void tell_all(const struct supervisor *s, int signal)
{
    for (int i = 0; i < s->roster.count; i++)
        if (s->pids[i])
            kill(s->pids[i], signal);
}

static void ended(struct supervisor *s, int slot, bool well)
{
    if (roster_ended(&s->roster, slot, well))
        tell_all(s, SIGTERM);
}

static void start_due(struct supervisor *s)
{
    uint64_t now = now_ms();
    for (int slot; (slot = roster_due(&s->roster, now)) >= 0;) {
        roster_started(&s->roster, slot, now);
        pid_t pid = fork();
        if (pid == 0)
            be_worker(s, slot);
        if (pid > 0) {
            s->pids[slot] = pid;
        } else {
            log_error("worker.cannot_start", LF_INT("worker", slot + 1), LF_STR("error", strerror(errno)));
            ended(s, slot, false);
        }
    }
}

/* ------------------------------------------------------------------ what happens */

static void hear_serving(struct supervisor *s)
{
    char address[PORT_TEXT];
    unsigned char slot;
    while (read(s->ready[0], &slot, 1) == 1)
        if (roster_serving(&s->roster, slot - 1)) {
            printf("lastword: listening on http://%s\n", port_text(s->port, address));
            fflush(stdout);
        }
}

static void log_end(const struct supervisor *s, int slot, int status)
{
    log_warn("worker.died", LF_INT("worker", slot + 1), LF_INT("pid", s->pids[slot]),
             LF_INT("signal", WIFSIGNALED(status) ? WTERMSIG(status) : 0),
             LF_INT("code", WIFEXITED(status) ? WEXITSTATUS(status) : 0));
}

static void reap(struct supervisor *s)
{
    int status;
    for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG)) > 0;)
        for (int i = 0; i < s->roster.count; i++) {
            if (s->pids[i] != pid)
                continue;
            bool well = WIFEXITED(status) && WEXITSTATUS(status) == 0;
            if (!well || !s->roster.ending)
                log_end(s, i, status);
            s->pids[i] = 0;
            ended(s, i, well);
        }
}

/* The workers say what there is to say about it. */
static void reload(struct supervisor *s)
{
    struct config_error error;
    struct buf restart = {0};
    struct config *next = config_load(s->path, s->env, &error);
    if (!next)
        return;
    struct config *merged = config_reload(s->config, next, &restart);
    buf_free(&restart);
    config_free(next);
    config_free(s->config);
    s->config = merged;
}

static void hear_signals(struct supervisor *s)
{
    struct signalfd_siginfo info;
    while (read(s->signals, &info, sizeof info) == sizeof info) {
        int signal = (int)info.ssi_signo;
        if (signal == SIGCHLD) {
            reap(s);
            continue;
        }
        if (signal == SIGHUP)
            reload(s);
        else
            roster_end(&s->roster);
        tell_all(s, signal);
    }
}

/* ------------------------------------------------------------------ the whole */

static bool fail(const char *what, const char *error)
{
    log_error("gateway.cannot_start", LF_STR("part", what), LF_STR("error", error));
    fprintf(stderr, "lastword: %s: %s\n", what, error);
    return false;
}

/* A port that systemd has opened is not opened again: it listens already, and whoever comes while no worker
 * serves waits in its backlog. */
static bool open_port(struct supervisor *s)
{
    char error[512];
    s->port = inherited_socket(error, sizeof error);
    if (s->port == INHERITED_NONE)
        s->port = port_open(s->config, (int)s->config->listen_port, true, error, sizeof error);
    return s->port >= 0 || fail("listen", error);
}

static bool open_all(struct supervisor *s)
{
    sigset_t heard;
    sigemptyset(&heard);
    sigaddset(&heard, SIGTERM);
    sigaddset(&heard, SIGINT);
    sigaddset(&heard, SIGHUP);
    sigaddset(&heard, SIGCHLD);
    sigprocmask(SIG_BLOCK, &heard, &s->mask);
    if (!open_port(s))
        return false;
    s->signals = signalfd(-1, &heard, SFD_NONBLOCK | SFD_CLOEXEC);
    if (s->signals < 0 || pipe2(s->ready, O_NONBLOCK | O_CLOEXEC) != 0)
        return fail("workers", strerror(errno));
    return true;
}

static void close_all(struct supervisor *s)
{
    const int all[] = {s->port, s->signals, s->ready[0], s->ready[1]};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (all[i] >= 0)
            close(all[i]);
    sigprocmask(SIG_SETMASK, &s->mask, NULL);
    config_free(s->config);
}

static void run(struct supervisor *s)
{
    while (!roster_over(&s->roster)) {
        struct pollfd fds[] = {{.fd = s->signals, .events = POLLIN}, {.fd = s->ready[0], .events = POLLIN}};
        start_due(s);
        poll(fds, 2, roster_wait_ms(&s->roster, now_ms()));
        hear_serving(s); /* first: what a worker said before it ended is older than its end */
        hear_signals(s);
    }
}

int supervisor_run(struct config *config, const char *path, char *const *env)
{
    struct supervisor s = {.config = config,
                           .path = path,
                           .env = env,
                           .self = getpid(),
                           .port = -1,
                           .signals = -1,
                           .ready = {-1, -1}};
    enum log_level level = LOG_LEVEL_INFO;
    log_level_parse(config->log_level, &level);
    worker_name(config, s.node);
    log_open(STDERR_FILENO, level, s.node);
    roster_init(&s.roster, (int)config->listen_workers);
    s.roster.exit_code = 1;
    if (open_all(&s)) {
        s.roster.exit_code = 0;
        run(&s);
    }
    close_all(&s);
    return s.roster.exit_code;
}
