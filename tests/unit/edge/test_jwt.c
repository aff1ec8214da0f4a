/* jwt, jwks: tokens of another program, and every way to make one that must not pass. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "edge/jwt.h"

#include "fixture_jwt.h"

#define NOW 1000000 /* ms; the tokens hold until 2000 s */

static const struct jwt_rules rules = {
    .issuer = "i", .audience = "a", .user = "sub", .tenant = "", .models = "", .skew_s = 30};
static struct jwks *keys;

static int setup(void **state)
{
    (void)state;
    char error[128];
    keys = jwks_parse(token_keys, sizeof token_keys - 1, error, sizeof error);
    return keys ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    jwks_free(keys);
    return 0;
}

static void good_ones(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof good_tokens / sizeof *good_tokens; i++) {
        struct credential c = {0};
        if (!jwt_check(keys, &rules, good_tokens[i].token, NOW, &c))
            fail_msg("%s", good_tokens[i].what);
        assert_string_equal(c.owner, "default/bob");
        assert_true(c.expires_ms == 2030000 && !c.expired && !c.key);
    }
}

static void bad_ones(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof bad_tokens / sizeof *bad_tokens; i++) {
        struct credential c = {0};
        if (jwt_check(keys, &rules, bad_tokens[i].token, NOW, &c) || *c.owner || c.expired)
            fail_msg("%s", bad_tokens[i].what);
    }
}

static void in_its_time(void **state)
{
    (void)state;
    struct credential c = {0};
    assert_true(jwt_check(keys, &rules, good_tokens[0].token, 2029999, &c));
    assert_false(jwt_check(keys, &rules, good_tokens[0].token, 2030000, &c));
    assert_true(c.expired);
    assert_true(jwt_check(keys, &rules, early_token, NOW, &c)); /* nbf 1030, clocks 30 s apart */
    assert_false(jwt_check(keys, &rules, early_token, NOW - 1, &c));
}

static void what_the_claims_say(void **state)
{
    (void)state;
    struct jwt_rules r = rules;
    struct credential c = {0};
    r.tenant = "tenant";
    r.models = "models";
    assert_true(jwt_check(keys, &r, rich_token, NOW, &c));
    assert_string_equal(c.owner, "acme/a%7Cb%2Fc%25"); /* no user can be another tenant's */
    assert_string_equal(c.models, "x,y");
    assert_false(jwt_check(keys, &r, good_tokens[0].token, NOW, &c)); /* no tenant in it */
    r.tenant = "";
    assert_false(jwt_check(keys, &r, good_tokens[0].token, NOW, &c)); /* no models in it: none, and not all */
}

static void huge_ones(void **state)
{
    (void)state;
    struct credential c = {0};
    char *token = mem_alloc(1000001);
    memset(token, 'A', 1000000);
    token[100] = token[200] = '.';
    assert_false(jwt_check(keys, &rules, token, NOW, &c));
    token[JWT_MAX] = '\0';
    assert_false(jwt_check(keys, &rules, token, NOW, &c));
    mem_free(token);
}

static void sets_of_keys_that_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *text, *word;
    } sets[] = {
        {"", "not a JSON object"},
        {"{\"keys\":[]}", "1 to 64"},
        {"{\"keys\":[{\"kty\":\"oct\",\"kid\":\"h\",\"k\":\"AAAA\"}]}", "alg is missing"},
        {"{\"keys\":[{\"kty\":\"oct\",\"kid\":\"h\",\"alg\":\"none\",\"k\":\"AAAA\"}]}", "alg is missing"},
        {"{\"keys\":[{\"kty\":\"oct\",\"kid\":\"h\",\"alg\":\"HS256\",\"k\":\"AAAA\"}]}", "shorter"},
        {"{\"keys\":[{\"kty\":\"oct\",\"alg\":\"HS256\",\"k\":\"AAAA\"}]}", "kid"},
        {"{\"keys\":[{\"kty\":\"RSA\",\"kid\":\"r\",\"alg\":\"HS256\",\"n\":\"AQAB\"}]}", "kty does not fit"},
        {"{\"keys\":[{\"kty\":\"RSA\",\"kid\":\"r\",\"alg\":\"RS256\",\"n\":\"AQAB\",\"e\":\"AQAB\"}]}",
         "2048"},
        {"{\"keys\":[{\"kty\":\"RSA\",\"kid\":\"r\",\"alg\":\"RS256\",\"n\":\"A+AB\",\"e\":\"AQAB\"}]}",
         "base64url"},
        {"{\"keys\":[{\"kty\":\"RSA\",\"kid\":\"r\",\"alg\":\"RS256\",\"use\":\"enc\"}]}", "use"},
        {"{\"keys\":[{\"kty\":\"EC\",\"kid\":\"e\",\"alg\":\"ES256\",\"d\":\"AQAB\"}]}", "private"},
        {"{\"keys\":[{\"kty\":\"EC\",\"kid\":\"e\",\"alg\":\"ES256\",\"crv\":\"P-384\"}]}", "crv"},
        {"{\"keys\":[{\"kty\":\"EC\",\"kid\":\"e\",\"alg\":\"ES256\",\"crv\":\"P-256\","
         "\"x\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\",\"y\":"
         "\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"}]}",
         "point"},
    };
    char error[128];
    for (size_t i = 0; i < sizeof sets / sizeof *sets; i++) {
        assert_null(jwks_parse(sets[i].text, strlen(sets[i].text), error, sizeof error));
        if (!strstr(error, sets[i].word))
            fail_msg("\"%s\" is not in \"%s\"", sets[i].word, error);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_ones),   cmocka_unit_test(bad_ones),
        cmocka_unit_test(in_its_time), cmocka_unit_test(what_the_claims_say),
        cmocka_unit_test(huge_ones),   cmocka_unit_test(sets_of_keys_that_are_refused),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
