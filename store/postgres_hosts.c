/* postgres_hosts: see postgres_hosts.h. */
#include "store/postgres_hosts.h"

#include <netdb.h>
#include <string.h>
#include <sys/socket.h>

#include "base/mem.h"
#include "store/postgres_chore.h"

#define FRESH_US 1000000 /* so that the links of one pool share a lookup */
#define ADDRESSES_EACH 8 /* of one name */

struct addresses {
    struct pgaddress *items; /* owned */
    size_t count;
};

struct pghosts {
    struct pginfo *info;
    struct addresses asked; /* as in the string */
    struct addresses found;
    bool has_names;
    uint64_t found_us; /* 0: never */
    struct pgchore *lookup;
    struct addresses *looked_up; /* the chore's work */
    void (*wake)(void *ctx);
    void *ctx;
};

static char *dup_or_null(const char *s)
{
    return s && *s ? mem_strdup(s) : NULL;
}

static void add(struct addresses *a, const char *host, const char *address, const char *port)
{
    a->items = mem_realloc(a->items, (a->count + 1) * sizeof(*a->items));
    a->items[a->count++] = (struct pgaddress){dup_or_null(host), dup_or_null(address), dup_or_null(port)};
}

static void drop_all(struct addresses *a)
{
    for (size_t i = 0; i < a->count; i++) {
        mem_free(a->items[i].host);
        mem_free(a->items[i].address);
        mem_free(a->items[i].port);
    }
    mem_free(a->items);
    *a = (struct addresses){0};
}

/* ---- the string */

/* The n-th of a list with commas, copied to `out`; the last where there are fewer (a port for all hosts). */
static const char *nth(const char *list, size_t n, char *out, size_t size)
{
    if (!list)
        return NULL;
    for (const char *comma; n && (comma = strchr(list, ',')); n--)
        list = comma + 1;
    size_t len = strcspn(list, ",");
    if (len >= size)
        len = size - 1;
    memcpy(out, list, len);
    out[len] = '\0';
    return out;
}

static size_t commas(const char *list)
{
    size_t n = 0;
    for (; list && *list; list++)
        n += *list == ',';
    return n;
}

static bool is_name(const struct pgaddress *a)
{
    struct addrinfo hints = {.ai_flags = AI_NUMERICHOST, .ai_socktype = SOCK_STREAM}, *out = NULL;
    if (a->address || !a->host || *a->host == '/' || *a->host == '@')
        return false;
    bool numeric = getaddrinfo(a->host, NULL, &hints, &out) == 0;
    if (numeric)
        freeaddrinfo(out);
    return !numeric;
}

static void read_string(struct pghosts *h)
{
    const char *hosts = pginfo_get(h->info, "host"), *addresses = pginfo_get(h->info, "hostaddr");
    const char *ports = pginfo_get(h->info, "port");
    size_t n = commas(addresses ? addresses : hosts) + 1;
    char host[256], address[256], port[16];
    for (size_t i = 0; i < n; i++) {
        add(&h->asked, nth(hosts, i, host, sizeof(host)), nth(addresses, i, address, sizeof(address)),
            nth(ports, i, port, sizeof(port)));
        h->has_names = h->has_names || is_name(&h->asked.items[i]);
    }
}

/* ---- the lookup, on its thread */

struct lookup {
    struct addresses asked, found;
};

static void look_up_one(struct lookup *l, const struct pgaddress *a)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM}, *out = NULL;
    char text[64];
    int left = ADDRESSES_EACH;
    if (!is_name(a)) {
        add(&l->found, a->host, a->address, a->port);
        return;
    }
    if (getaddrinfo(a->host, NULL, &hints, &out) != 0)
        return;
    for (const struct addrinfo *i = out; i && left; i = i->ai_next, left--) {
        if (getnameinfo(i->ai_addr, i->ai_addrlen, text, sizeof(text), NULL, 0, NI_NUMERICHOST) == 0)
            add(&l->found, a->host, text, a->port);
    }
    freeaddrinfo(out);
}

static void look_up(void *work)
{
    struct lookup *l = work;
    for (size_t i = 0; i < l->asked.count; i++)
        look_up_one(l, &l->asked.items[i]);
}

static void drop_lookup(void *work)
{
    struct lookup *l = work;
    drop_all(&l->asked);
    drop_all(&l->found);
    mem_free(l);
}

static void start_lookup(struct pghosts *h)
{
    struct lookup *l = mem_alloc(sizeof(*l));
    for (size_t i = 0; i < h->asked.count; i++)
        add(&l->asked, h->asked.items[i].host, h->asked.items[i].address, h->asked.items[i].port);
    h->lookup = pgchore_start(look_up, drop_lookup, l, h->wake, h->ctx);
    h->looked_up = &l->found;
    if (!h->lookup)
        drop_lookup(l);
}

/* What was found; the addresses of before stay where nothing was. */
static void finish_lookup(struct pghosts *h, uint64_t now_us)
{
    if (h->looked_up->count) {
        drop_all(&h->found);
        h->found = *h->looked_up;
        *h->looked_up = (struct addresses){0};
    }
    h->found_us = now_us;
    pgchore_drop(h->lookup);
    h->lookup = NULL;
}

/* ---- outside */

struct pghosts *pghosts_open(const char *conninfo, void (*wake)(void *ctx), void *ctx, char *error,
                             size_t error_size)
{
    struct pginfo *info = pginfo_parse(conninfo, error, error_size);
    if (!info)
        return NULL;
    struct pghosts *h = mem_alloc(sizeof(*h));
    h->info = info;
    h->wake = wake;
    h->ctx = ctx;
    read_string(h);
    return h;
}

void pghosts_close(struct pghosts *h)
{
    if (!h)
        return;
    pgchore_drop(h->lookup);
    drop_all(&h->asked);
    drop_all(&h->found);
    pginfo_free(h->info);
    mem_free(h);
}

const struct pginfo *pghosts_info(const struct pghosts *h)
{
    return h->info;
}

bool pghosts_ready(struct pghosts *h, uint64_t now_us)
{
    if (!h->has_names)
        return true;
    if (h->lookup && pgchore_done(h->lookup))
        finish_lookup(h, now_us);
    if (h->lookup)
        return false;
    if (h->found_us && now_us - h->found_us < FRESH_US)
        return true;
    start_lookup(h);
    return false;
}

size_t pghosts_count(const struct pghosts *h)
{
    return h->has_names ? h->found.count : h->asked.count;
}

const struct pgaddress *pghosts_at(const struct pghosts *h, size_t i)
{
    return h->has_names ? &h->found.items[i] : &h->asked.items[i];
}
