/* port: see port.h. */
#include "edge/port.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/address.h"

static int bind_one(const struct addrinfo *a, bool shared)
{
    int on = 1, fd = socket(a->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (shared)
        setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
    if (bind(fd, a->ai_addr, a->ai_addrlen) == 0)
        return fd;
    int error = errno;
    close(fd);
    errno = error;
    return -1;
}

int port_open(const struct config *config, int number, bool shared, char *error, size_t error_size)
{
    struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE};
    struct addrinfo *found;
    char port[8];
    snprintf(port, sizeof port, "%d", number);
    int failed = getaddrinfo(config->listen_host, port, &hints, &found);
    if (failed) {
        snprintf(error, error_size, "listen.host: %s: %s", config->listen_host, gai_strerror(failed));
        return -1;
    }
    int fd = -1;
    for (const struct addrinfo *a = found; a && fd < 0; a = a->ai_next)
        fd = bind_one(a, shared);
    if (fd < 0)
        snprintf(error, error_size, "cannot listen on %s port %s: %s", config->listen_host, port,
                 strerror(errno));
    freeaddrinfo(found);
    return fd;
}

bool port_listen(int fd, const struct config *config)
{
    return listen(fd, (int)config->listen_backlog) == 0;
}

static void read_name(int fd, char *host, socklen_t host_size, char *port, socklen_t port_size, int *family)
{
    struct sockaddr_storage a = {0};
    socklen_t size = sizeof a;
    if (getsockname(fd, (struct sockaddr *)&a, &size) == 0)
        getnameinfo((struct sockaddr *)&a, size, host, host_size, port, port_size,
                    NI_NUMERICHOST | NI_NUMERICSERV);
    *family = a.ss_family;
}

const char *port_text(int fd, char out[PORT_TEXT])
{
    char host[256] = "?", port[8] = "0";
    int family;
    read_name(fd, host, sizeof host, port, sizeof port, &family);
    snprintf(out, PORT_TEXT, family == AF_INET6 ? "[%s]:%s" : "%s:%s", host, port);
    return out;
}

int port_number(int fd)
{
    char host[256] = "?", port[8] = "0";
    int family;
    read_name(fd, host, sizeof host, port, sizeof port, &family);
    return (int)strtol(port, NULL, 10);
}

bool port_is_local(int fd)
{
    struct sockaddr_storage name = {0};
    socklen_t size = sizeof name;
    struct address a;
    if (getsockname(fd, (struct sockaddr *)&name, &size) != 0)
        return false;
    address_of((const struct sockaddr *)&name, &a);
    return name.ss_family == AF_UNIX || address_is_loopback(&a);
}
