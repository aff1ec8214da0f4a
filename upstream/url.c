/* url: see url.h. */
#include "upstream/url.h"

#include <string.h>

#include "base/buf.h"
#include "base/mem.h"

static int take_port(const char *digits, size_t len)
{
    int port = 0;
    for (size_t i = 0; i < len; i++) {
        if (digits[i] < '0' || digits[i] > '9' || port > 65535)
            return 0;
        port = port * 10 + (digits[i] - '0');
    }
    return port;
}

/* `host`: what stands before the path, as in "host:80" or "[::1]:80". */
static bool take_host(struct url *u, const char *host, size_t len)
{
    const char *name = host, *end, *rest;
    if (len && *host == '[') {
        name++;
        rest = memchr(name, ']', len - 1);
        if (!rest)
            return false;
        end = rest++;
    } else {
        rest = memchr(host, ':', len);
        rest = end = rest ? rest : host + len;
    }
    size_t left = (size_t)(host + len - rest);
    u->port = !left ? (u->tls ? 443 : 80) : *rest == ':' ? take_port(rest + 1, left - 1) : 0;
    if (end == name || u->port < 1 || u->port > 65535)
        return false;
    u->host = mem_memdup(name, (size_t)(end - name));
    u->authority = mem_memdup(host, len);
    return true;
}

bool url_parse(struct url *u, const char *text)
{
    size_t len = strlen(text);
    *u = (struct url){.tls = !strncasecmp(text, "https://", 8)};
    if ((!u->tls && strncasecmp(text, "http://", 7) != 0) || len > URL_MAX)
        return false;
    const char *host = text + (u->tls ? 8 : 7);
    while (text + len > host && text[len - 1] == '/')
        len--;
    size_t rest = len - (size_t)(host - text), name = 0;
    while (name < rest && host[name] != '/')
        name++;
    if (!take_host(u, host, name))
        return false;
    struct buf b = {0};
    buf_add(&b, text, len);
    buf_add_str(&b, name < rest ? "" : "/v1");
    u->base = mem_strdup(buf_cstr(&b));
    u->path = u->base + (host - text) + name;
    buf_free(&b);
    return true;
}

void url_free(struct url *u)
{
    mem_free(u->base);
    mem_free(u->host);
    mem_free(u->authority);
    *u = (struct url){0};
}
