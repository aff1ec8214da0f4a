/* listener: see listener.h.
 *
 * Descriptors are also needed for upstreams and the database, so clients are not given the last ones: a
 * socket whose number comes near the limit is turned away, and a spare descriptor is held to accept and turn
 * away even when there are none. */
#include "edge/listener.h"

#include <errno.h>
#include <ev.h>
#include <fcntl.h>
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
#include "edge/listener_proxy.h"
#include "edge/port.h"

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
    bool inherited;               /* the port stays open when this process has ended */
    struct listener_proxy *proxy; /* owned */
    struct network *proxies;      /* listen.proxy; owned */
    size_t proxy_count;
    int spare; /* given up for a moment when there are no descriptors */
    double logged;
    char address[PORT_TEXT];
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

/* Clients, and balancers that have not yet said for whom they come. */
static size_t connections(const struct listener *l)
{
    return l->ops.connections(l->ops.ctx) + listener_proxy_count(l->proxy);
}

static void count_refused(struct listener *l, const char *reason, const struct address *from)
{
    char text[ADDRESS_TEXT];
    metric_add_for(METRIC_CONNECTIONS_REFUSED, reason, 1);
    if (ev_now(l->loop) - l->logged < QUIET_S)
        return;
    l->logged = ev_now(l->loop);
    log_warn("listener.refused", LF_STR("reason", reason), LF_INT("connections", connections(l)),
             LF_STR("peer", address_text(from, text)));
}

static void turn_away(struct listener *l, int fd, const char *reason, const struct address *from)
{
    say_full(fd);
    count_refused(l, reason, from);
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

static bool is_proxy(const struct listener *l, const struct address *from)
{
    for (size_t i = 0; i < l->proxy_count; i++)
        if (network_holds(&l->proxies[i], from))
            return true;
    return false;
}

static void hand_on(void *ctx, int fd, const struct address *peer)
{
    struct listener *l = ctx;
    l->ops.adopt(l->ops.ctx, fd, peer, connections(l) >= l->limit);
}

static void header_refused(void *ctx, const struct address *from)
{
    count_refused(ctx, "proxy", from);
}

static void take(struct listener *l, int fd, const struct address *from)
{
    int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (near_the_limit(fd))
        turn_away(l, fd, "descriptors", from);
    else if (connections(l) >= l->limit + OVERLOAD_MAX)
        turn_away(l, fd, "limit", from);
    else if (is_proxy(l, from))
        listener_proxy_take(l->proxy, fd, from);
    else
        hand_on(l, fd, from);
}

/* ------------------------------------------------------------------ accepting */

static int spare_descriptor(void)
{
    return open("/dev/null", O_RDONLY | O_CLOEXEC);
}

static int accept_one(const struct listener *l, struct address *from)
{
    struct sockaddr_storage peer = {0};
    socklen_t size = sizeof peer;
    int fd = accept4(l->io.fd, (struct sockaddr *)&peer, &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0)
        address_of((const struct sockaddr *)&peer, from);
    return fd;
}

/* No descriptors: with the spare one, one client is turned away instead of kept waiting. */
static void accept_with_spare(struct listener *l)
{
    if (l->spare >= 0)
        close(l->spare);
    struct address from;
    int fd = accept_one(l, &from);
    if (fd >= 0)
        turn_away(l, fd, "descriptors", &from);
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
        struct address from;
        int fd = accept_one(l, &from);
        if (fd >= 0) {
            take(l, fd, &from);
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

void listener_reload(struct listener *l, const struct config *config)
{
    const struct config_strings *list = &config->listen_proxy;
    mem_free(l->proxies);
    l->proxies = mem_alloc((list->count + 1) * sizeof *l->proxies);
    l->proxy_count = 0;
    for (size_t i = 0; i < list->count; i++)
        if (!network_parse(list->items[i], &l->proxies[l->proxy_count]))
            l->proxy_count++; /* each: config_check.c has seen them */
}

/* config_check.c has seen the name of the host; this is what became of it, or what systemd opened. */
static bool may_be_open(const struct config *config, int fd, char *error, size_t error_size)
{
    char text[PORT_TEXT];
    if (strcmp(config->auth_mode, "none") != 0 || config->auth_open || port_is_local(fd))
        return true;
    snprintf(error, error_size, "other machines can reach %s: set auth.mode, or auth.open: true",
             port_text(fd, text));
    close(fd);
    return false;
}

/* What systemd opened, or a port of our own. A shared one listens from listener_start on. */
static int open_socket(const struct config *config, int shared_port, bool *inherited, char *error,
                       size_t error_size)
{
    int fd = inherited_socket(error, error_size);
    *inherited = fd >= 0;
    if (fd != INHERITED_NONE)
        return fd;
    fd = port_open(config, shared_port ? shared_port : (int)config->listen_port, shared_port != 0, error,
                   error_size);
    if (fd < 0 || shared_port || port_listen(fd, config))
        return fd;
    snprintf(error, error_size, "cannot listen on port %d: %s", port_number(fd), strerror(errno));
    close(fd);
    return -1;
}

struct listener *listener_open(const struct config *config, int shared_port, struct ev_loop *loop,
                               const struct listener_ops *ops, char *error, size_t error_size)
{
    bool inherited;
    int fd = open_socket(config, shared_port, &inherited, error, error_size);
    if (fd < 0 || !may_be_open(config, fd, error, error_size))
        return NULL;
    struct listener *l = mem_alloc(sizeof *l);
    l->loop = loop;
    l->limit = (size_t)config->limits_connections;
    l->ops = *ops;
    l->inherited = inherited;
    l->logged = -QUIET_S;
    l->spare = spare_descriptor();
    ev_io_init(&l->io, on_connections, fd, EV_READ);
    l->io.data = l;
    ev_init(&l->resume, on_resume);
    l->resume.data = l;
    port_text(fd, l->address);
    const struct listener_proxy_ops proxy_ops = {.ready = hand_on, .refused = header_refused, .ctx = l};
    l->proxy = listener_proxy_open(loop, (double)config->limits_header_ms / 1000, &proxy_ops);
    listener_reload(l, config);
    return l;
}

/* Alone it listens already, and listening again changes nothing. */
bool listener_start(struct listener *l, const struct config *config)
{
    if (!port_listen(l->io.fd, config))
        return false;
    ev_io_start(l->loop, &l->io);
    return true;
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
    listener_proxy_close(l->proxy);
    mem_free(l->proxies);
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
