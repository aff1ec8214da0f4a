/* A token, or a set of keys, as anybody may send one: read in bounds, and never good without a key that
 * signed it. */
#include <stdlib.h>
#include <string.h>

#include "edge/jwt.h"

static struct jwks *set;

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t len)
{
    static const char keys[] =
        "{\"keys\":[{\"kty\":\"oct\",\"kid\":\"h\",\"alg\":\"HS256\","
        "\"k\":\"_____________________________________________________________________w\"}]}";
    const struct jwt_rules rules = {"i", "a", "sub", "tenant", "models", 30};
    struct credential c = {0};
    char error[128], *token = malloc(len + 1);
    if (!set)
        set = jwks_parse(keys, sizeof keys - 1, error, sizeof error);
    memcpy(token, p, len);
    token[len] = '\0';
    if (!set || jwt_check(set, &rules, token, 1000000, &c) || *c.owner)
        abort();
    jwks_free(jwks_parse(token, len, error, sizeof error));
    free(token);
    return 0;
}
