/* listener: see listener.h.
 *
 * Descriptors are also needed for upstreams and the database, so clients are not given the last ones: a
 * socket whose number comes near the limit is turned away, and a spare descriptor is held to accept and turn
 * away even when there are none. */
#include "edge/listener.h"

#include <errno.h>
#include <ev.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/metrics.h"
#include "edge/inherited.h"

#define ACCEPT_MAX 64    /* accepts in one turn */
#define LAST_MAX 4096    /* accepts before the port is closed */
#define OVERLOAD_MAX 64  /* connections beyond the limit that are told so politely */
#define HEADROOM_MAX 256 /* descriptors kept for other things than clients */
#define PAUSE_S 0.05     /* when accepting fails */
#define QUIET_S 5.0      /* between two log lines about one trouble */
#define OTHER_FILES 1024 /* descriptors besides connections that the limit is raised for */

struct listener {
    struct ev_loop *loop;
    struct ev_io io;
    struct ev_timer resume;
    size_t limit; /* of connections */
    struct listener_ops ops;
    int spare;      /* given up for a moment when there are no descriptors */
    bool inherited; /* the port stays open when this process has ended */
    double logged;
    char address[280];
};

/* ------------------------------------------------------------------ turning away */

static void say_full(int fd)
{
    static const char body[] =
        "{\"error\":{\"message\":\"This gateway has as many connections as it takes.\","
        "\"type\":\"server_error\",\"param\":null,\"code\":\"RATE_LIMITED\"}}";
    char answer[512], request[4096];
    int len = snprintf(answer, sizeof answer,
                       "HTTP/1.1 503 Service Unavailable\r\nretry-after: 2\r\nconnection: close\r\n"
                       "content-type: application/json\r\ncontent-length: %zu\r\n\r\n%s",
                       sizeof body - 1, body);
    /* Unread bytes would make close a reset. What either call did changes nothing. */
    ssize_t done = recv(fd, request, sizeof request, MSG_DONTWAIT);
    done += send(fd, answer, (size_t)len, MSG_DONTWAIT | MSG_NOSIGNAL);
    (void)done;
    shutdown(fd, SHUT_WR);
    close(fd);
}

static void turn_away(struct listener *l, int fd, const char *reason)
{
    say_full(fd);
    metric_add_for(METRIC_CONNECTIONS_REFUSED, reason, 1);
    if (ev_now(l->loop) - l->logged < QUIET_S)
        return;
    l->logged = ev_now(l->loop);
    log_warn("listener.refused", LF_STR("reason", reason),
             LF_INT("connections", l->ops.connections(l->ops.ctx)));
}

static bool near_the_limit(int fd)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return false;
    rlim_t headroom = limit.rlim_cur / 8;
    headroom = headroom < HEADROOM_MAX ? headroom : HEADROOM_MAX;
    return (rlim_t)fd + headroom >= limit.rlim_cur;
}

static void hand_on(struct listener *l, int fd)
{
    int on = 1;
    size_t connections = l->ops.connections(l->ops.ctx);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (near_the_limit(fd))
        turn_away(l, fd, "descriptors");
    else if (connections >= l->limit + OVERLOAD_MAX)
        turn_away(l, fd, "limit");
    else
        l->ops.adopt(l->ops.ctx, fd, connections >= l->limit);
}

/* ------------------------------------------------------------------ accepting */

static int spare_descriptor(void)
{
    return open("/dev/null", O_RDONLY | O_CLOEXEC);
}

/* No descriptors: with the spare one, one client is turned away instead of kept waiting. */
static void accept_with_spare(struct listener *l)
{
    if (l->spare >= 0)
        close(l->spare);
    int fd = accept4(l->io.fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0)
        turn_away(l, fd, "descriptors");
    l->spare = spare_descriptor();
}

static void pause_accepting(struct listener *l)
{
    ev_io_stop(l->loop, &l->io);
    ev_timer_set(&l->resume, PAUSE_S, 0);
    ev_timer_start(l->loop, &l->resume);
}

static void on_resume(struct ev_loop *loop, struct ev_timer *timer, int events)
{
    (void)events;
    struct listener *l = timer->data;
    ev_io_start(loop, &l->io);
}

static bool is_passing(int error)
{
    return error == EINTR || error == ECONNABORTED || error == EPROTO || error == ENETDOWN ||
           error == ENOPROTOOPT || error == EHOSTDOWN || error == ENONET || error == EHOSTUNREACH ||
           error == EOPNOTSUPP || error == ENETUNREACH || error == EPERM;
}

static void accept_some(struct listener *l, int most)
{
    for (int i = 0; i < most; i++) {
        int fd = accept4(l->io.fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0) {
            hand_on(l, fd);
        } else if (errno == EAGAIN) {
            return;
        } else if (errno == EMFILE || errno == ENFILE) {
            accept_with_spare(l);
        } else if (!is_passing(errno)) {
            pause_accepting(l);
            return;
        }
    }
}

static void on_connections(struct ev_loop *loop, struct ev_io *watcher, int events)
{
    (void)loop;
    (void)events;
    accept_some(watcher->data, ACCEPT_MAX);
}

/* ------------------------------------------------------------------ opening */

static int bind_one(const struct addrinfo *a, const struct config *config, bool shared)
{
    int on = 1, fd = socket(a->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (shared)
        setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
    if (bind(fd, a->ai_addr, a->ai_addrlen) == 0 && listen(fd, (int)config->listen_backlog) == 0)
        return fd;
    int error = errno;
    close(fd);
    errno = error;
    return -1;
}

static int bind_port(const struct config *config, bool shared, char *error, size_t error_size)
{
    struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE};
    struct addrinfo *found;
    char port[8];
    snprintf(port, sizeof port, "%d", (int)config->listen_port);
    int failed = getaddrinfo(config->listen_host, port, &hints, &found);
    if (failed) {
        snprintf(error, error_size, "listen.host: %s: %s", config->listen_host, gai_strerror(failed));
        return -1;
    }
    int fd = -1;
    for (const struct addrinfo *a = found; a && fd < 0; a = a->ai_next)
        fd = bind_one(a, config, shared);
    if (fd < 0)
        snprintf(error, error_size, "cannot listen on %s port %s: %s", config->listen_host, port,
                 strerror(errno));
    freeaddrinfo(found);
    return fd;
}

static void name_address(struct listener *l)
{
    struct sockaddr_storage a = {0};
    socklen_t size = sizeof a;
    char host[256] = "?", port[8] = "0";
    if (getsockname(l->io.fd, (struct sockaddr *)&a, &size) == 0)
        getnameinfo((struct sockaddr *)&a, size, host, sizeof host, port, sizeof port,
                    NI_NUMERICHOST | NI_NUMERICSERV);
    snprintf(l->address, sizeof l->address, a.ss_family == AF_INET6 ? "[%s]:%s" : "%s:%s", host, port);
}

struct listener *listener_open(const struct config *config, bool shared, struct ev_loop *loop,
                               const struct listener_ops *ops, char *error, size_t error_size)
{
    int given = inherited_socket(error, error_size);
    int fd = given == INHERITED_NONE ? bind_port(config, shared, error, error_size) : given;
    if (fd < 0)
        return NULL;
    struct listener *l = mem_alloc(sizeof *l);
    l->loop = loop;
    l->limit = (size_t)config->limits_connections;
    l->ops = *ops;
    l->inherited = given >= 0;
    l->logged = -QUIET_S;
    l->spare = spare_descriptor();
    ev_io_init(&l->io, on_connections, fd, EV_READ);
    l->io.data = l;
    ev_init(&l->resume, on_resume);
    l->resume.data = l;
    name_address(l);
    return l;
}

void listener_start(struct listener *l)
{
    ev_io_start(l->loop, &l->io);
}

void listener_close(struct listener *l)
{
    if (!l)
        return;
    if (ev_is_active(&l->io) && !l->inherited) /* else the next process takes those who wait */
        accept_some(l, LAST_MAX); /* closing the port would reset those whom the kernel has let in */
    ev_io_stop(l->loop, &l->io);
    ev_timer_stop(l->loop, &l->resume);
    close(l->io.fd);
    if (l->spare >= 0)
        close(l->spare);
    mem_free(l);
}

const char *listener_address(const struct listener *l)
{
    return l->address;
}

void listener_raise_limit(size_t connections)
{
    struct rlimit limit;
    rlim_t want = (rlim_t)connections + OTHER_FILES;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= want)
        return;
    limit.rlim_cur = limit.rlim_max == RLIM_INFINITY || want < limit.rlim_max ? want : limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
}
