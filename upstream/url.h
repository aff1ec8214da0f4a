/* url: the base URL of an upstream, in parts. Pure. */
#ifndef LASTWORD_UPSTREAM_URL_H
#define LASTWORD_UPSTREAM_URL_H

#include <stdbool.h>

#define URL_MAX 2048

struct url {
    char *base;      /* owned: scheme://host[:port]/path, no slash at the end; url_free */
    char *authority; /* owned: host[:port] as written, for the Host header */
    char *host;      /* owned: without port and without the brackets of an IPv6 address */
    char *path;      /* inside base, from its slash */
    int port;
    bool tls;
};

/* http(s)://host[:port][/path]; without a path it is "/v1", as every service has it. False: not such a URL,
 * or longer than URL_MAX bytes (nothing to free then). */
bool url_parse(struct url *u, const char *text);
void url_free(struct url *u);

#endif
