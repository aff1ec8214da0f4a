/* reach: see reach.h. */
#include "upstream/reach.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

#include "base/log.h"

static const struct {
    uint32_t network;
    int bits;
    enum reach reach;
} networks[] = {
    {0x00000000, 8, REACH_NEVER},    {0x7f000000, 8, REACH_LOOPBACK}, {0x0a000000, 8, REACH_PRIVATE},
    {0x64400000, 10, REACH_PRIVATE}, {0xac100000, 12, REACH_PRIVATE}, {0xc0a80000, 16, REACH_PRIVATE},
    {0xa9fe0000, 16, REACH_NEVER},   {0xc0000000, 24, REACH_NEVER},   {0xc6120000, 15, REACH_NEVER},
    {0xe0000000, 3, REACH_NEVER},
};

static enum reach of_v4(const uint8_t b[4])
{
    uint32_t address = (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
    for (size_t i = 0; i < sizeof networks / sizeof *networks; i++)
        if ((address ^ networks[i].network) >> (32 - networks[i].bits) == 0)
            return networks[i].reach;
    return REACH_PUBLIC;
}

static enum reach of_v6(const uint8_t b[16])
{
    static const uint8_t zero[16], mapped[12] = {[10] = 0xff, [11] = 0xff},
                                   nat64[12] = {[1] = 0x64, [2] = 0xff, [3] = 0x9b};
    if (!memcmp(b, mapped, 12) || !memcmp(b, nat64, 12))
        return of_v4(b + 12);
    if (b[0] == 0x20 && b[1] == 0x02)
        return of_v4(b + 2);
    if (!memcmp(b, zero, 15) && b[15] == 1)
        return REACH_LOOPBACK;
    if ((b[0] & 0xfe) == 0xfc)
        return REACH_PRIVATE;
    return (b[0] & 0xe0) == 0x20 ? REACH_PUBLIC : REACH_NEVER; /* 2000::/3 is all that is given out */
}

enum reach reach_of(const struct sockaddr *a)
{
    uint8_t b[16];
    if (a->sa_family == AF_INET) {
        memcpy(b, &((const struct sockaddr_in *)(const void *)a)->sin_addr, 4);
        return of_v4(b);
    }
    if (a->sa_family != AF_INET6)
        return REACH_NEVER;
    memcpy(b, &((const struct sockaddr_in6 *)(const void *)a)->sin6_addr, 16);
    return of_v6(b);
}

enum reach reach_allowed(const char *host, bool private_too)
{
    uint8_t b[16];
    if (private_too)
        return REACH_PRIVATE;
    bool loopback = !strcasecmp(host, "localhost") ||
                    (inet_pton(AF_INET, host, b) == 1 && of_v4(b) == REACH_LOOPBACK) ||
                    (inet_pton(AF_INET6, host, b) == 1 && of_v6(b) == REACH_LOOPBACK);
    return loopback ? REACH_LOOPBACK : REACH_PUBLIC;
}

static void log_refused(const struct sockaddr *a)
{
    char text[INET6_ADDRSTRLEN] = "";
    if (a->sa_family == AF_INET)
        inet_ntop(AF_INET, &((const struct sockaddr_in *)(const void *)a)->sin_addr, text, sizeof text);
    else if (a->sa_family == AF_INET6)
        inet_ntop(AF_INET6, &((const struct sockaddr_in6 *)(const void *)a)->sin6_addr, text, sizeof text);
    log_warn("upstream.address.refused", LF_STR("address", text));
}

bool reach_may(enum reach allowed, const struct sockaddr *a)
{
    bool may = reach_of(a) <= allowed;
    if (!may)
        log_refused(a);
    return may;
}

int reach_socket(enum reach allowed, const struct sockaddr *a, int type, int protocol)
{
    if (!reach_may(allowed, a))
        return -1;
    return socket(a->sa_family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, protocol);
}
