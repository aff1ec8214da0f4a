/* redis_url: see redis_url.h. */
#include "store/redis_url.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define REDIS_PORT 6379
#define SENTINEL_PORT 26379

/* A part of the url, and where a complaint goes. */
struct part {
    const char *at;
    size_t len;
};

struct complaint {
    char *text;
    size_t size;
};

static bool complain(struct complaint c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static bool complain(struct complaint c, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    vsnprintf(c.text, c.size, fmt, args);
    va_end(args);
    return false;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Percent-decodes into out; false when it does not fit, is ill-formed or holds a NUL. */
static bool decode(struct part in, char *out, size_t size)
{
    size_t n = 0;
    for (size_t i = 0; i < in.len; i++) {
        char c = in.at[i];
        if (c == '%') {
            int high = i + 2 < in.len ? hex_digit(in.at[i + 1]) : -1;
            int low = i + 2 < in.len ? hex_digit(in.at[i + 2]) : -1;
            if (high < 0 || low < 0)
                return false;
            c = (char)(high * 16 + low);
            i += 2;
        }
        if (!c || n + 1 >= size)
            return false;
        out[n++] = c;
    }
    out[n] = '\0';
    return true;
}

static bool number(struct part in, int most, int *out)
{
    int n = 0;
    if (!in.len || in.len > 5)
        return false;
    for (size_t i = 0; i < in.len; i++) {
        if (in.at[i] < '0' || in.at[i] > '9')
            return false;
        n = n * 10 + (in.at[i] - '0');
    }
    *out = n;
    return n <= most;
}

/* Cuts what stands before the first `mark` off *rest; all of it when there is none. */
static struct part cut(struct part *rest, char mark)
{
    const char *at = rest->len ? memchr(rest->at, mark, rest->len) : NULL;
    struct part head = *rest;
    if (at)
        head.len = (size_t)(at - rest->at);
    size_t gone = at ? head.len + 1 : head.len;
    rest->at += gone;
    rest->len -= gone;
    return head;
}

/* [[user]:password@], with the last @ as the end: an @ in a password need not be encoded. */
static bool take_credential(struct part *rest, struct redis_url *out, struct complaint c)
{
    const char *at = rest->len ? memrchr(rest->at, '@', rest->len) : NULL;
    if (!at)
        return true;
    struct part password = {rest->at, (size_t)(at - rest->at)};
    rest->len -= password.len + 1;
    rest->at = at + 1;
    struct part user = cut(&password, ':');
    if (!decode(user, out->user, sizeof(out->user)) ||
        !decode(password, out->password, sizeof(out->password)))
        return complain(c, "user or password are too long or not percent-encoded");
    if (*out->user && !*out->password)
        return complain(c, "a user without a password: write user:password@, or :password@");
    return true;
}

static bool take_db(struct part in, struct redis_url *out, struct complaint c)
{
    if (in.len && !number(in, 1000000, &out->db))
        return complain(c, "the database is a number: %.*s", (int)in.len, in.at);
    return true;
}

/* host[:port] or [v6][:port] */
static bool take_host(struct part in, int port, struct redis_address *out, struct complaint c)
{
    struct part host;
    out->port = port;
    if (in.len && *in.at == '[') {
        host = cut(&in, ']');
        host.at++, host.len--;
        if (in.len && *in.at != ':')
            return complain(c, "after ] comes :port");
        cut(&in, ':');
    } else {
        host = cut(&in, ':');
    }
    if (in.len && (!number(in, 65535, &out->port) || !out->port))
        return complain(c, "the port is 1 to 65535: %.*s", (int)in.len, in.at);
    if (!host.len || !decode(host, out->host, sizeof(out->host)))
        return complain(c, "a host is missing or too long");
    return true;
}

static bool take_hosts(struct part in, int port, size_t most, struct redis_url *out, struct complaint c)
{
    do {
        if (out->seed_count == most)
            return complain(c, "at most %zu host%s", most,
                            most == 1 ? "; several are sentinel:// or cluster://" : "s");
        if (!take_host(cut(&in, ','), port, &out->seeds[out->seed_count], c))
            return false;
        out->seed_count++;
    } while (in.len);
    return true;
}

static bool parse_redis(struct part rest, struct redis_url *out, struct complaint c)
{
    struct part hosts = cut(&rest, '/');
    return take_credential(&hosts, out, c) && take_hosts(hosts, REDIS_PORT, 1, out, c) &&
           take_db(rest, out, c);
}

static bool parse_unix(struct part rest, struct redis_url *out, struct complaint c)
{
    struct part path = cut(&rest, '?');
    out->seed_count = 1;
    if (!take_credential(&path, out, c))
        return false;
    if (!path.len || *path.at != '/' || !decode(path, out->seeds[0].host, sizeof(out->seeds[0].host)))
        return complain(c, "a path is missing, does not begin with / or is too long");
    if (rest.len && strncmp(rest.at, "db=", 3) != 0)
        return complain(c, "after ? only db=N can come");
    if (rest.len)
        rest.at += 3, rest.len -= 3;
    return take_db(rest, out, c);
}

static bool parse_sentinel(struct part rest, struct redis_url *out, struct complaint c)
{
    struct part hosts = cut(&rest, '/'), master = cut(&rest, '/');
    out->kind = REDIS_SENTINEL;
    if (!take_credential(&hosts, out, c) || !take_hosts(hosts, SENTINEL_PORT, REDIS_SEEDS, out, c))
        return false;
    if (!master.len || !decode(master, out->master, sizeof(out->master)))
        return complain(c, "after the sentinels comes /name of the master");
    return take_db(rest, out, c);
}

static bool parse_cluster(struct part rest, struct redis_url *out, struct complaint c)
{
    struct part hosts = cut(&rest, '/');
    out->kind = REDIS_CLUSTER;
    if (!take_credential(&hosts, out, c) || !take_hosts(hosts, REDIS_PORT, REDIS_SEEDS, out, c))
        return false;
    return !rest.len || complain(c, "a cluster has one database only");
}

static bool parse_tls(struct part rest, struct redis_url *out, struct complaint c)
{
    (void)rest, (void)out;
    return complain(c, "TLS is not spoken here (hiredis 0.14 has none): run stunnel beside the gateway "
                       "(client = yes, accept = 127.0.0.1:6380, connect = HOST:6379, CAfile = FILE, "
                       "verifyChain = yes, checkHost "
                       "= HOST) and write redis://127.0.0.1:6380");
}

bool redis_url_parse(const char *url, struct redis_url *out, char *error, size_t error_size)
{
    static const struct {
        const char *scheme;
        bool (*parse)(struct part rest, struct redis_url *out, struct complaint c);
    } forms[] = {
        {"redis://", parse_redis},     {"unix://", parse_unix},  {"sentinel://", parse_sentinel},
        {"cluster://", parse_cluster}, {"rediss://", parse_tls}, {"sentinels://", parse_tls},
        {"clusters://", parse_tls},
    };
    struct complaint c = {error, error_size};
    memset(out, 0, sizeof(*out));
    for (size_t i = 0; i < sizeof(forms) / sizeof(*forms); i++) {
        size_t n = strlen(forms[i].scheme);
        if (strncmp(url, forms[i].scheme, n) == 0)
            return forms[i].parse((struct part){url + n, strlen(url + n)}, out, c);
    }
    return complain(c, "not redis://, unix://, sentinel:// or cluster://");
}

bool redis_address_equal(const struct redis_address *a, const struct redis_address *b)
{
    return a->port == b->port && strcmp(a->host, b->host) == 0;
}
