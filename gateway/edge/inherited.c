/* inherited: see inherited.h. The protocol is sd_listen_fds(3); nothing of it needs the library. */
#include "edge/inherited.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define FIRST_FD 3

/* A number from the environment; 0 where there is none. */
static long number(const char *name)
{
    const char *text = getenv(name);
    char *end;
    if (!text || !*text)
        return 0;
    long value = strtol(text, &end, 10);
    return *end ? 0 : value;
}

/* The variables stay in the environment of children: what is not meant for this process is not its own. */
static long sockets_for_us(void)
{
    long pid = number("LISTEN_PID");
    return pid && (pid == getpid() || pid == getppid()) ? number("LISTEN_FDS") : 0;
}

static int is_option(int fd, int option, int value)
{
    int is = 0;
    socklen_t size = sizeof is;
    return getsockopt(fd, SOL_SOCKET, option, &is, &size) == 0 && is == value;
}

int inherited_socket(char *error, size_t error_size)
{
    long count = sockets_for_us();
    if (count == 0)
        return INHERITED_NONE;
    if (count != 1) {
        snprintf(error, error_size, "LISTEN_FDS: %ld sockets were handed over; one is taken", count);
        return INHERITED_WRONG;
    }
    if (!is_option(FIRST_FD, SO_ACCEPTCONN, 1) || !is_option(FIRST_FD, SO_TYPE, SOCK_STREAM)) {
        snprintf(error, error_size, "LISTEN_FDS: descriptor %d is no listening stream socket", FIRST_FD);
        return INHERITED_WRONG;
    }
    int fd = fcntl(FIRST_FD, F_DUPFD_CLOEXEC, FIRST_FD + 1);
    int flags = fd < 0 ? -1 : fcntl(fd, F_GETFL);
    if (flags >= 0 && fcntl(fd, F_SETFL, flags | O_NONBLOCK) == 0)
        return fd;
    snprintf(error, error_size, "LISTEN_FDS: %s", strerror(errno));
    if (fd >= 0)
        close(fd);
    return INHERITED_WRONG;
}
