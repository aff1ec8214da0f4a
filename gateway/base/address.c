/* address: see address.h. */
#include "base/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#define MAPPED_BITS 96

static const unsigned char mapped[12] = {[10] = 0xFF, [11] = 0xFF};

void address_set_v4(struct address *out, const unsigned char ip[4], uint16_t port)
{
    memcpy(out->ip, mapped, sizeof mapped);
    memcpy(out->ip + sizeof mapped, ip, 4);
    out->port = port;
}

void address_of(const struct sockaddr *socket, struct address *out)
{
    *out = (struct address){0};
    if (socket->sa_family == AF_INET) {
        struct sockaddr_in v4;
        memcpy(&v4, socket, sizeof v4);
        address_set_v4(out, (const unsigned char *)&v4.sin_addr, ntohs(v4.sin_port));
    } else if (socket->sa_family == AF_INET6) {
        struct sockaddr_in6 v6;
        memcpy(&v6, socket, sizeof v6);
        memcpy(out->ip, &v6.sin6_addr, sizeof out->ip);
        out->port = ntohs(v6.sin6_port);
    }
}

const char *address_text(const struct address *a, char out[ADDRESS_TEXT])
{
    char ip[INET6_ADDRSTRLEN] = "?";
    bool v4 = memcmp(a->ip, mapped, sizeof mapped) == 0;
    inet_ntop(v4 ? AF_INET : AF_INET6, v4 ? a->ip + sizeof mapped : a->ip, ip, sizeof ip);
    snprintf(out, ADDRESS_TEXT, v4 ? "%s:%u" : "[%s]:%u", ip, a->port);
    return out;
}

bool address_is_loopback(const struct address *a)
{
    static const unsigned char six[16] = {[15] = 1};
    if (memcmp(a->ip, mapped, sizeof mapped) == 0)
        return a->ip[sizeof mapped] == 127;
    return memcmp(a->ip, six, sizeof six) == 0;
}

/* ------------------------------------------------------------------ networks */

static bool parse_ip(const char *text, struct network *out)
{
    struct address v4 = {0};
    unsigned char four[4];
    out->bits = 128;
    if (inet_pton(AF_INET6, text, out->ip) == 1)
        return true;
    if (inet_pton(AF_INET, text, four) != 1)
        return false;
    address_set_v4(&v4, four, 0);
    memcpy(out->ip, v4.ip, sizeof out->ip);
    return true;
}

/* Decimal, at most `max`; false otherwise. */
static bool parse_length(const char *text, unsigned max, unsigned *out)
{
    size_t digits = strspn(text, "0123456789");
    if (!digits || digits > 3 || text[digits] || (*text == '0' && digits > 1))
        return false;
    for (*out = 0; *text; text++)
        *out = *out * 10 + (unsigned)(*text - '0');
    return *out <= max;
}

/* The bits of byte i that count. */
static unsigned mask_of(const struct network *n, unsigned i)
{
    unsigned before = i * 8;
    if (n->bits >= before + 8)
        return 0xFF;
    return n->bits <= before ? 0 : 0xFFu << (before + 8 - n->bits) & 0xFF;
}

const char *network_parse(const char *text, struct network *out)
{
    char ip[INET6_ADDRSTRLEN];
    size_t len = strcspn(text, "/");
    if (len >= sizeof ip)
        return "is no address";
    memcpy(ip, text, len);
    ip[len] = '\0';
    if (!parse_ip(ip, out))
        return "is no address";
    bool v4 = strchr(ip, ':') == NULL;
    if (text[len]) {
        if (!parse_length(text + len + 1, v4 ? 32 : 128, &out->bits))
            return v4 ? "has no length of 0 to 32 after the /" : "has no length of 0 to 128 after the /";
        out->bits += v4 ? MAPPED_BITS : 0;
    }
    for (unsigned i = 0; i < sizeof out->ip; i++)
        if (out->ip[i] & ~mask_of(out, i))
            return "has bits beyond its length";
    return NULL;
}

bool network_holds(const struct network *n, const struct address *a)
{
    for (unsigned i = 0; i < sizeof n->ip; i++)
        if ((unsigned)(n->ip[i] ^ a->ip[i]) & mask_of(n, i))
            return false;
    return true;
}
