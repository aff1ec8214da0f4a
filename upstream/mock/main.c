/* richierich: the mock upstream. A deterministic model server for tests, benches and demonstrations: every
 * answer can be asked for beforehand, every fault a gateway must survive can be ordered. Not for the open
 * network: it trusts its clients to be tests.
 *
 *     socket -> conn -> http -> routes -> openai -> ask, fault -> stream -> sse  -> conn
 *                                      -> plain, ws ->          stream -> ws   -> conn
 */
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "answer.h"
#include "conn.h"
#include "http.h"
#include "loop.h"
#include "routes.h"
#include "stream.h"

#define BACKLOG 4096

struct arguments {
    const char *host, *port_file, *key;
    uint16_t port;
};

static struct watch listener, signals;
static bool accept_again; /* descriptors ran out; edge-triggered, so nobody will tell when there are some */

static void usage(FILE *to)
{
    fputs("usage: richierich [--host 127.0.0.1] [--port 0] [--port-file FILE] [--key KEY]\n"
          "  --host ADDRESS    IPv4 address to listen on\n"
          "  --port N          0: any free one\n"
          "  --port-file FILE  write the port there when ready\n"
          "  --key KEY         ask for `Authorization: Bearer KEY` under /v1/\n",
          to);
}

static bool parse_port(const char *text, uint16_t *port)
{
    char *end;
    errno = 0;
    long v = strtol(text, &end, 10);
    *port = (uint16_t)v;
    return !errno && end != text && !*end && v >= 0 && v <= 65535;
}

static struct arguments parse_arguments(int argc, char **argv)
{
    static const struct option options[] = {
        {"host", required_argument, NULL, 'h'},      {"port", required_argument, NULL, 'p'},
        {"port-file", required_argument, NULL, 'f'}, {"key", required_argument, NULL, 'k'},
        {"help", no_argument, NULL, '?' + 256},      {0}};
    struct arguments a = {.host = "127.0.0.1"};
    for (int c; (c = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        bool ok = c != '?';
        if (c == 'h')
            a.host = optarg;
        else if (c == 'p')
            ok = parse_port(optarg, &a.port);
        else if (c == 'f')
            a.port_file = optarg;
        else if (c == 'k')
            a.key = optarg;
        if (c == '?' + 256 || !ok) {
            usage(ok ? stdout : stderr);
            exit(ok ? 0 : 2);
        }
    }
    if (optind < argc) {
        usage(stderr);
        exit(2);
    }
    return a;
}

static void fail(const char *what)
{
    fprintf(stderr, "richierich: %s: %s\n", what, strerror(errno));
    exit(1);
}

static void on_listener(struct watch *w, uint32_t events)
{
    (void)events;
    for (;;) {
        int fd = accept4(w->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0 && (errno == EINTR || errno == ECONNABORTED))
            continue;
        accept_again = fd < 0 && errno != EAGAIN;
        if (fd < 0)
            return;
        int on = 1;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
        http_accept(fd, routes_handle);
    }
}

static bool sweep(void)
{
    size_t before = conn_count();
    bool more = conn_sweep();
    if (accept_again && conn_count() < before)
        on_listener(&listener, 0);
    return more;
}

static void on_signal(struct watch *w, uint32_t events)
{
    (void)w;
    (void)events;
    loop_stop();
}

static void watch_signals(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigprocmask(SIG_BLOCK, &set, NULL);
    signal(SIGPIPE, SIG_IGN);
    signals = (struct watch){signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC), on_signal};
    if (signals.fd < 0 || !loop_watch(&signals, EPOLLIN))
        fail("signalfd");
}

static void raise_descriptors(void)
{
    struct rlimit r;
    if (getrlimit(RLIMIT_NOFILE, &r) == 0) {
        r.rlim_cur = r.rlim_max;
        setrlimit(RLIMIT_NOFILE, &r);
    }
}

static uint16_t listen_on(const struct arguments *a)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(a->port)};
    socklen_t n = sizeof(at);
    int on = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (inet_pton(AF_INET, a->host, &at.sin_addr) != 1) {
        errno = EINVAL;
        fail("--host");
    }
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (fd < 0 || bind(fd, (struct sockaddr *)&at, n) || listen(fd, BACKLOG) ||
        getsockname(fd, (struct sockaddr *)&at, &n))
        fail("listen");
    listener = (struct watch){fd, on_listener};
    if (!loop_watch(&listener, EPOLLIN))
        fail("epoll");
    return ntohs(at.sin_port);
}

/* Renamed into place, so that whoever waits for the file never reads half of it. */
static void write_port(const char *path, uint16_t port)
{
    char temporary[4096];
    if (snprintf(temporary, sizeof(temporary), "%s.new", path) >= (int)sizeof(temporary)) {
        errno = ENAMETOOLONG;
        fail("--port-file");
    }
    FILE *f = fopen(temporary, "w");
    if (!f || fprintf(f, "%u\n", port) < 0 || fclose(f) || rename(temporary, path))
        fail("--port-file");
}

int main(int argc, char **argv)
{
    struct arguments a = parse_arguments(argc, argv);
    raise_descriptors();
    loop_open();
    watch_signals();
    routes_require_key(a.key);
    uint16_t port = listen_on(&a);
    if (a.port_file)
        write_port(a.port_file, port);
    printf("richierich: listening on http://%s:%u\n", a.host, port);
    fflush(stdout);
    loop_run(sweep);
    conn_close_all();
    stream_cleanup();
    answer_forget_all();
    loop_close();
    close(listener.fd);
    close(signals.fd);
    return 0;
}
