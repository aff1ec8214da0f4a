/* Options, loop and commands of the load client. See load.h.
 *
 * It opens its connections, prints "ready", and then does what stdin says, a word a line:
 *   go       start the streams, spread over --ramp ms
 *   reset    set the counters to zero
 *   report   print them as one JSON line
 *   quit     (or the end of stdin)
 * or, with --auto WARM,WINDOW (seconds), all of that by itself. */
#include "load.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

enum { EVENTS = 512, OPENING_MAX = 200 };

struct options opt = {.conns = 1,
                      .token_size = 17,
                      .model = "bench",
                      .body = "{\"model\":\"richierich\",\"stream\":true,\"messages\":[{\"role\":\"user\","
                              "\"content\":\"bench\"}]}"};
static double auto_warm = -1, auto_window;
static int loop_fd;
static struct conn *conns;
static size_t opened, opening, ready, running, started;
static bool going, told_ready;
static uint64_t go_ns;

static void open_next(void)
{
    while (opened < opt.conns && opening < OPENING_MAX) {
        struct conn *c = &conns[opened];
        c->nth = opened++;
        c->fd = tcp_connect(opt.port, c->nth);
        if (c->fd < 0) {
            perror("bench_load: connect");
            exit(1);
        }
        struct epoll_event e = {.events = EPOLLOUT, .data.ptr = c};
        epoll_ctl(loop_fd, EPOLL_CTL_ADD, c->fd, &e);
        opening++;
    }
}

void load_idle(struct conn *c, bool done)
{
    if (!done) {
        opening--;
        ready++;
        open_next();
    } else {
        running--;
        if (!opt.once && going) {
            running++;
            talk_ask(c);
        }
    }
    if (ready == opt.conns && !told_ready) {
        told_ready = true;
        printf("ready\n");
        fflush(stdout);
    }
}

void load_lost(struct conn *c)
{
    if (c->step == CLOSED)
        return;
    if (c->step < IDLE) {
        fprintf(stderr, "bench_load: connection %zu could not be opened\n", c->nth);
        exit(1);
    }
    running -= c->step == RUNNING;
    c->step = CLOSED;
    close(c->fd);
}

/* Starts the streams that are due; milliseconds until the next is, or -1. */
static int start_due(void)
{
    if (!going || started == opt.conns)
        return -1;
    uint64_t passed = now_ns() - go_ns, ramp = (uint64_t)opt.ramp_ms * 1000000u;
    while (started < opt.conns && passed * opt.conns >= ramp * started) {
        struct conn *c = &conns[started++];
        if (c->step != IDLE)
            continue;
        running++;
        talk_ask(c);
    }
    return started == opt.conns ? -1 : 1;
}

static void go(void)
{
    going = true;
    started = 0;
    go_ns = now_ns();
}

static void command(const char *word)
{
    if (strncmp(word, "go", 2) == 0)
        go();
    else if (strncmp(word, "reset", 5) == 0)
        stat_reset();
    else if (strncmp(word, "report", 6) == 0)
        stat_report(running);
    else if (strncmp(word, "quit", 4) == 0)
        exit(0);
}

static void on_stdin(void)
{
    char line[256];
    ssize_t n = read(0, line, sizeof line - 1);
    if (n <= 0)
        exit(0);
    line[n] = '\0';
    for (char *word = strtok(line, "\n"); word; word = strtok(NULL, "\n"))
        command(word);
}

static void auto_step(void)
{
    static int step;
    double t = (double)(now_ns() - go_ns) / 1e9;
    if (auto_warm < 0 || !told_ready)
        return;
    if (step == 0) {
        go();
        step = 1;
    } else if (step == 1 && t >= auto_warm) {
        stat_reset();
        step = 2;
    } else if (step == 2 && t >= auto_warm + auto_window) {
        stat_report(running);
        exit(0);
    }
}

static void dispatch(struct conn *c, uint32_t events)
{
    if (c->step == CLOSED)
        return;
    if (c->step == CONNECTING) {
        struct epoll_event e = {.events = EPOLLIN, .data.ptr = c};
        epoll_ctl(loop_fd, EPOLL_CTL_MOD, c->fd, &e);
        talk_open(c);
    } else if (events & (EPOLLIN | EPOLLHUP | EPOLLERR)) {
        talk_read(c);
    }
}

static void run(void)
{
    struct epoll_event events[EVENTS];
    for (;;) {
        int wait = start_due();
        auto_step();
        int n = epoll_wait(loop_fd, events, EVENTS, auto_warm >= 0 && wait < 0 ? 10 : wait);
        for (int i = 0; i < n; i++) {
            if (events[i].data.ptr)
                dispatch(events[i].data.ptr, events[i].events);
            else
                on_stdin();
        }
    }
}

static void usage(void)
{
    fprintf(stderr,
            "usage: bench_load --target gateway|floor|direct --port N [--conns N] [--ramp MS] [--stamp]\n"
            "  [--verify] [--once] [--token-size BYTES] [--body JSON] [--model NAME] [--token CREDENTIAL]\n"
            "  [--auto WARM,WINDOW]\n");
    exit(2);
}

static enum target target_named(const char *name)
{
    if (strcmp(name, "gateway") == 0)
        return TARGET_GATEWAY;
    if (strcmp(name, "direct") == 0)
        return TARGET_DIRECT;
    if (strcmp(name, "floor") != 0)
        usage();
    return TARGET_FLOOR;
}

static void take_option(int o, char *arg)
{
    switch (o) {
    case 't':
        opt.target = target_named(arg);
        break;
    case 'p':
        opt.port = (uint16_t)atoi(arg);
        break;
    case 'n':
        opt.conns = (size_t)atol(arg);
        break;
    case 'r':
        opt.ramp_ms = (unsigned)atoi(arg);
        break;
    case 's':
        opt.stamp = true;
        break;
    case 'v':
        opt.verify = true;
        break;
    case 'o':
        opt.once = true;
        break;
    case 'z':
        opt.token_size = (unsigned)atoi(arg);
        break;
    case 'b':
        opt.body = arg;
        break;
    case 'm':
        opt.model = arg;
        break;
    case 'k':
        opt.token = arg;
        break;
    case 'a':
        if (sscanf(arg, "%lf,%lf", &auto_warm, &auto_window) != 2)
            usage();
        break;
    default:
        usage();
    }
}

int main(int argc, char **argv)
{
    static const struct option longs[] = {{"target", 1, 0, 't'},
                                          {"port", 1, 0, 'p'},
                                          {"conns", 1, 0, 'n'},
                                          {"ramp", 1, 0, 'r'},
                                          {"stamp", 0, 0, 's'},
                                          {"verify", 0, 0, 'v'},
                                          {"once", 0, 0, 'o'},
                                          {"token-size", 1, 0, 'z'},
                                          {"body", 1, 0, 'b'},
                                          {"model", 1, 0, 'm'},
                                          {"token", 1, 0, 'k'},
                                          {"auto", 1, 0, 'a'},
                                          {0}};
    for (int o; (o = getopt_long(argc, argv, "", longs, NULL)) != -1;)
        take_option(o, optarg);
    if (!opt.port || !opt.conns || !opt.token_size)
        usage();
    if (raise_fds() < opt.conns + 16) {
        fprintf(stderr, "bench_load: too few file descriptors: raise ulimit -n\n");
        return 1;
    }
    conns = calloc(opt.conns, sizeof *conns);
    loop_fd = epoll_create1(EPOLL_CLOEXEC);
    if (!conns || loop_fd < 0)
        return 1;
    struct epoll_event e = {.events = EPOLLIN, .data.ptr = NULL};
    if (auto_warm < 0)
        epoll_ctl(loop_fd, EPOLL_CTL_ADD, 0, &e);
    stat_reset();
    open_next();
    run();
}
