/* tcp: see tcp.h. */
#include "edge/tcp.h"

#include <errno.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "edge/connection.h"

#define STATE_ESTABLISHED 1 /* linux/tcp.h has no names for the states */
#define DISCARD_MAX 16      /* reads at once */

static bool read_info(int fd, struct tcp_info *info)
{
    socklen_t size = sizeof *info;
    memset(info, 0, sizeof *info);
    return getsockopt(fd, IPPROTO_TCP, TCP_INFO, info, &size) == 0;
}

bool tcp_is_open(const struct connection *c)
{
    struct tcp_info info;
    return read_info(c->fd, &info) && info.tcpi_state == STATE_ESTABLISHED;
}

uint64_t tcp_taken(const struct connection *c)
{
    struct tcp_info info;
    return read_info(c->fd, &info) ? info.tcpi_bytes_acked : 0;
}

bool tcp_has_input(const struct connection *c)
{
    int waiting = 0;
    return ioctl(c->fd, FIONREAD, &waiting) == 0 && waiting > 0;
}

bool tcp_drained(struct connection *c)
{
    static char nothing[32768];
    for (int i = 0; i < DISCARD_MAX; i++) {
        ssize_t n = recv(c->fd, nothing, sizeof nothing, MSG_DONTWAIT);
        if (n == 0)
            return true;
        if (n < 0)
            return errno != EAGAIN && errno != EINTR;
    }
    return false;
}
