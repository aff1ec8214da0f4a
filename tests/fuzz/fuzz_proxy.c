/* fuzz_proxy: any bytes as the beginning of a connection, read as listener_proxy.c does, and cut at every
 * byte: what is asked for only grows, nothing is read past the end, and what is parsed is parsed the same
 * again. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "edge/proxy.h"

static void check(bool holds)
{
    if (!holds)
        abort();
}

/* A copy of the first `len` bytes that ends where they end. */
static uint8_t *exactly(const uint8_t *p, size_t len)
{
    uint8_t *copy = malloc(len ? len : 1);
    if (len)
        memcpy(copy, p, len);
    return copy;
}

static size_t needs(const uint8_t *p, size_t have)
{
    uint8_t *copy = exactly(p, have);
    size_t need = proxy_needs(copy, have);
    free(copy);
    return need;
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t len)
{
    size_t have = 0, need;
    while ((need = needs(p, have)) > have && need <= len)
        have = need;
    check(need <= PROXY_MAX);
    for (size_t cut = 0; cut <= len && cut <= have; cut++) {
        size_t asked = needs(p, cut);
        check(need ? asked >= cut && asked <= need : asked == 0 || asked == PROXY_HEAD || asked == have);
    }
    if (!need || need > len)
        return 0;
    struct proxy_header first, second;
    uint8_t *copy = exactly(p, need);
    bool good = proxy_parse(copy, need, &first);
    check(proxy_parse(copy, need, &second) == good && first.told == second.told);
    check(good || !first.told);
    check(!first.told || memcmp(&first.client, &second.client, sizeof first.client) == 0);
    free(copy);
    return 0;
}
