/* Sockets, WebSocket frames and the clock of the benchmark programs. See wire.h. */
#include "wire.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { PER_ADDRESS = 20000, FRAME_MAX = 16 << 20 };

uint64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

size_t raise_fds(void)
{
    struct rlimit r;
    if (getrlimit(RLIMIT_NOFILE, &r) != 0)
        return 1024;
    r.rlim_cur = r.rlim_max;
    setrlimit(RLIMIT_NOFILE, &r);
    getrlimit(RLIMIT_NOFILE, &r);
    return (size_t)r.rlim_cur;
}

void tcp_nodelay(int fd)
{
    int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

static struct sockaddr_in loopback(uint16_t port, unsigned host)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(port)};
    a.sin_addr.s_addr = htonl(0x7f000000u + host);
    return a;
}

int tcp_listen(uint16_t port)
{
    int on = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    struct sockaddr_in a = loopback(port, 1);
    if (fd < 0)
        return -1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(fd, (struct sockaddr *)&a, sizeof a) != 0 || listen(fd, 4096) != 0) {
        close(fd);
        return -1;
    }
    return fd;
}

int tcp_connect(uint16_t port, size_t nth)
{
    int on = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    struct sockaddr_in to = loopback(port, 1), from = loopback(0, (unsigned)(1 + nth / PER_ADDRESS));
    if (fd < 0)
        return -1;
    tcp_nodelay(fd);
    if (nth >= PER_ADDRESS) {
        setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
        if (bind(fd, (struct sockaddr *)&from, sizeof from) != 0)
            goto fail;
    }
    if (connect(fd, (struct sockaddr *)&to, sizeof to) == 0 || errno == EINPROGRESS)
        return fd;
fail:
    close(fd);
    return -1;
}

static void unmask(char *p, size_t n, const char key[4])
{
    for (size_t i = 0; i < n; i++)
        p[i] = (char)(p[i] ^ key[i & 3]);
}

int ws_next(char *p, size_t n, struct ws_frame *frame)
{
    const unsigned char *u = (const unsigned char *)p;
    size_t head = 2, len;
    if (n < 2)
        return 0;
    if (!(u[0] & 0x80))
        return -1;
    bool masked = u[1] & 0x80;
    len = u[1] & 0x7f;
    if (len >= 126) {
        size_t bytes = len == 126 ? 2 : 8;
        if (n < 2 + bytes)
            return 0;
        len = 0;
        for (size_t i = 0; i < bytes; i++)
            len = len << 8 | u[2 + i];
        head += bytes;
    }
    if (len > FRAME_MAX)
        return -1;
    size_t body = head + (masked ? 4 : 0);
    if (n < body + len)
        return 0;
    *frame = (struct ws_frame){u[0] & 0x0f, p + body, len, body + len};
    if (masked)
        unmask(p + body, len, p + head);
    return 1;
}

size_t ws_head(unsigned char *out, unsigned op, size_t len)
{
    out[0] = (unsigned char)(0x80 | op);
    if (len < 126) {
        out[1] = (unsigned char)len;
        return 2;
    }
    size_t bytes = len < 65536 ? 2 : 8;
    out[1] = bytes == 2 ? 126 : 127;
    for (size_t i = 0; i < bytes; i++)
        out[2 + i] = (unsigned char)((uint64_t)len >> (8 * (bytes - 1 - i)));
    return 2 + bytes;
}

size_t ws_masked(char *out, unsigned op, const char *payload, size_t len)
{
    static const char key[4] = {0x13, 0x57, 0x2a, 0x6c}; /* a benchmark has no proxy to protect */
    size_t head = ws_head((unsigned char *)out, op, len);
    out[1] = (char)(out[1] | (char)0x80);
    memcpy(out + head, key, sizeof key);
    memcpy(out + head + 4, payload, len);
    unmask(out + head + 4, len, key);
    return head + 4 + len;
}

void ws_accept(const char *key, size_t key_len, char out[WS_ACCEPT_SIZE])
{
    static const char guid[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
    unsigned char sum[EVP_MAX_MD_SIZE];
    unsigned n = 0;
    char text[128];
    int len = snprintf(text, sizeof text, "%.*s%s", key_len > 64 ? 64 : (int)key_len, key, guid);
    EVP_Digest(text, (size_t)len, sum, &n, EVP_sha1(), NULL);
    EVP_EncodeBlock((unsigned char *)out, sum, 20);
}
