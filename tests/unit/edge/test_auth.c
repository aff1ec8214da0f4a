#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <openssl/sha.h>

#include "base/key.h"
#include "edge/auth.h"

#define JWT                                                                                                  \
    .session_store = "memory", .auth_ticket_key = "", .jwt_issuer = "", .jwt_audience = "",                  \
    .jwt_user_claim = "sub", .jwt_tenant_claim = "", .jwt_models_claim = ""

static const unsigned char chance[TICKET_SECRET] = {1, 2, 3};
static struct config_key keys[] = {
    {"a", "t/a", "key-of-a"}, {"b", "t/b", "key-of-b"}, {"c", "t/a", "second-of-a"}};

static struct auth *make(const char *mode)
{
    const struct config config = {.auth_mode = mode, .keys = keys, .key_count = 3, JWT};
    return auth_new(&config, chance);
}

static void test_none_is_everyone(void **state)
{
    (void)state;
    struct auth *a = make("none");
    struct credential c = {0};
    static const char *const tokens[] = {NULL, "", "anything", "key-of-a"};
    for (size_t i = 0; i < 4; i++) {
        assert_true(auth_check(a, tokens[i], 0, &c));
        assert_string_equal(c.owner, AUTH_LOCAL_OWNER);
    }
    auth_free(a);
}

static void test_keys(void **state)
{
    (void)state;
    struct auth *a = make("keys");
    struct credential c = {0};
    assert_true(auth_check(a, "key-of-a", 0, &c));
    assert_string_equal(c.owner, "t/a");
    assert_true(auth_check(a, "key-of-b", 0, &c));
    assert_string_equal(c.owner, "t/b");
    assert_true(auth_check(a, "second-of-a", 0, &c));
    assert_string_equal(c.owner, "t/a");
    static const char *const wrong[] = {NULL,       "",  "key-of-", "key-of-aa",
                                        "KEY-OF-A", "a", "t/a",     " key-of-a"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_false(auth_check(a, wrong[i], 0, &c));
    auth_free(a);
}

static void test_no_keys_at_all(void **state)
{
    (void)state;
    const struct config config = {.auth_mode = "keys", JWT};
    struct auth *a = auth_new(&config, chance);
    struct credential c = {0};
    assert_false(auth_check(a, "x", 0, &c));
    auth_free(a);
    auth_free(NULL);
}

static struct key_table *table(const char *text, uint64_t expires_ms, uint64_t revoked_ms)
{
    struct key_table *t = key_table_new();
    struct key_record k = {.name = "n",
                           .owner = "acme/bob",
                           .models = "a,b",
                           .limits = "{}",
                           .expires_ms = expires_ms,
                           .revoked_ms = revoked_ms};
    uint64_t number;
    assert_true(key_parse(text, k.id, &number));
    SHA256((const unsigned char *)text, strlen(text), k.digest);
    key_table_add(t, &k);
    memcpy(k.id, "0123456789abcdef", sizeof k.id);
    key_table_add(t, &k); /* another, whose digest is of the first key */
    key_table_sort(t);
    return t;
}

static void test_keys_of_the_database(void **state)
{
    (void)state;
    static const char key[] = "lwk_fffefdfcfbfaf9f8_9_b19PPy8fDv7u3s6-rp6Ofm5eTj4uHg397d3Nva2dg",
                      wrong[] = "lwk_fffefdfcfbfaf9f8_8_b19PPy8fDv7u3s6-rp6Ofm5eTj4uHg397d3Nva2dg",
                      unknown[] = "lwk_eeeefdfcfbfaf9f8_9_b19PPy8fDv7u3s6-rp6Ofm5eTj4uHg397d3Nva2dg",
                      mixed[] = "lwk_0123456789abcdef_9_b19PPy8fDv7u3s6-rp6Ofm5eTj4uHg397d3Nva2dg";
    struct auth *a = make("keys");
    struct credential c = {0};
    assert_false(auth_check(a, key, 5, &c));
    assert_true(c.unknown); /* nobody has read them yet: that is no reason to stay away */
    struct key_table *good = table(key, 1000, 0), *gone = table(key, 0, 7);
    auth_set_keys(a, good);
    c = (struct credential){0};
    assert_true(auth_check(a, key, 999, &c));
    assert_string_equal(c.owner, "acme/bob");
    assert_string_equal(c.models, "a,b");
    assert_true(c.expires_ms == 1000 && c.key == 0xfffefdfcfbfaf9f8u);
    assert_false(auth_revoked(a, c.key));
    assert_true(auth_revoked(a, 1));
    static const char *const others[] = {wrong, unknown, mixed};
    for (size_t i = 0; i < 3; i++) {
        c = (struct credential){0};
        assert_false(auth_check(a, others[i], 5, &c));
        assert_false(c.unknown || c.expired || *c.owner);
    }
    assert_false(auth_check(a, key, 1000, &c));
    assert_true(c.expired);
    auth_set_keys(a, gone);
    c = (struct credential){0};
    assert_false(auth_check(a, key, 5, &c));
    assert_false(c.expired || c.unknown);
    assert_true(auth_revoked(a, 0xfffefdfcfbfaf9f8u));
    assert_true(auth_check(a, "key-of-a", 5, &c)); /* those of the configuration beside them */
    auth_free(a);
    key_table_free(good), key_table_free(gone);
}

static void test_tickets(void **state)
{
    (void)state;
    struct auth *a = make("keys"), *b;
    const struct config other = {.auth_mode = "keys", JWT};
    static const unsigned char another[TICKET_SECRET] = {9};
    struct credential in = {.owner = "acme/bob", .expires_ms = 90000, .models = "a,b"}, c = {0};
    struct buf t = {0};
    in.ticket.b[3] = 7;
    b = auth_new(&other, another);
    assert_true(auth_ticket(a, &in, 50000, &t));
    char *text = buf_cstr(&t);
    assert_true(auth_check(a, text, 79999, &c));
    assert_string_equal(c.owner, "acme/bob");
    assert_string_equal(c.models, "a,b");
    assert_true(c.expires_ms == 90000 && uuid_equal(&c.ticket, &in.ticket));
    assert_false(auth_check(a, text, 80000, &c)); /* 30 s */
    assert_true(c.expired);
    assert_false(auth_check(b, text, 50000, &c)); /* of another gateway's secret */
    for (size_t i = 0; i < t.len; i++) {
        c = (struct credential){0};
        text[i] ^= 1;
        if (auth_check(a, text, 50000, &c) || *c.owner)
            fail_msg("byte %zu does not matter", i);
        text[i] ^= 1;
    }
    buf_clear(&t);
    in.expires_ms = 50010;
    assert_true(auth_ticket(a, &in, 50000, &t));
    assert_true(auth_check(a, buf_cstr(&t), 50009, &c));
    assert_false(auth_check(a, buf_cstr(&t), 50010, &c)); /* no longer than its credential */
    buf_free(&t);
    auth_free(a), auth_free(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_none_is_everyone), cmocka_unit_test(test_keys),
        cmocka_unit_test(test_no_keys_at_all),   cmocka_unit_test(test_keys_of_the_database),
        cmocka_unit_test(test_tickets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
