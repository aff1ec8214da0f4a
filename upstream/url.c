/* url: see url.h. */
#include "upstream/url.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"

static bool take_host(struct url *u, const char *host, size_t len)
{
    size_t name = 0;
    while (name < len && host[name] != ':')
        name++;
    u->port = u->tls ? 443 : 80;
    if (name < len)
        u->port = (int)strtol(host + name + 1, NULL, 10);
    if (!name || u->port < 1 || u->port > 65535)
        return false;
    u->host = mem_memdup(host, name);
    return true;
}

bool url_parse(struct url *u, const char *text)
{
    size_t len = strlen(text);
    *u = (struct url){.tls = !strncasecmp(text, "https://", 8)};
    if ((!u->tls && strncasecmp(text, "http://", 7) != 0) || len > 1024)
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
    *u = (struct url){0};
}
