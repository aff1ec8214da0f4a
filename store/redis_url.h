/* redis_url: where Redis is, as the configuration says it. Pure: it resolves nothing and connects nowhere.
 * The forms are in store.h, at session_redis_options. */
#ifndef LASTWORD_STORE_REDIS_URL_H
#define LASTWORD_STORE_REDIS_URL_H

#include <stdbool.h>
#include <stddef.h>

#define REDIS_SEEDS 16

enum redis_kind { REDIS_SINGLE, REDIS_SENTINEL, REDIS_CLUSTER };

struct redis_address {
    char host[256]; /* name or number; with port 0 the path of a socket */
    int port;
};

struct redis_url {
    enum redis_kind kind;
    struct redis_address seeds[REDIS_SEEDS]; /* SINGLE: the one; else who is asked where the servers are */
    size_t seed_count;
    char user[129], password[513]; /* "": none */
    char master[129];              /* SENTINEL: the name of the set */
    int db;
};

/* False and `error` (a sentence without the password) when it cannot be used. */
bool redis_url_parse(const char *url, struct redis_url *out, char *error, size_t error_size);

bool redis_address_equal(const struct redis_address *a, const struct redis_address *b);

#endif
