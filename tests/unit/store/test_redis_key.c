/* Names in Redis: slots as a cluster counts them, shards spread evenly, and names that come back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "store/redis_key.h"

static unsigned slot(const char *key)
{
    return redis_slot(key, strlen(key));
}

static void test_crc16(void **state)
{
    (void)state;
    assert_int_equal(redis_crc16("123456789", 9), 0x31c3);
    assert_int_equal(redis_crc16("", 0), 0);
}

/* Numbers from a real server's CLUSTER KEYSLOT. */
static void test_slots(void **state)
{
    (void)state;
    assert_int_equal(slot("foo"), 12182);
    assert_int_equal(slot("{user1000}.following"), slot("{user1000}.followers"));
    assert_int_equal(slot("{user1000}.following"), slot("user1000"));
    assert_int_equal(slot("foo{}{bar}"), redis_crc16("foo{}{bar}", 10) % REDIS_SLOTS); /* empty: all of it */
    assert_int_equal(slot("foo{{bar}}zap"), slot("{bar"));
    assert_int_equal(slot("foo{bar}{zap}"), slot("bar"));
    assert_int_equal(slot("foo{bar"), redis_crc16("foo{bar", 7) % REDIS_SLOTS);
}

static void test_shards_lie_evenly(void **state)
{
    (void)state;
    for (unsigned i = 0; i < REDIS_SHARDS; i++) {
        assert_int_equal(redis_shard_slot(i), slot(redis_shard_tag(i)));
        assert_int_equal(redis_shard_slot(i) / (REDIS_SLOTS / REDIS_SHARDS), i);
    }
    /* Part of the layout: what is stored is found by it. */
    assert_string_equal(redis_shard_tag(0), "{10}");
    assert_string_equal(redis_shard_tag(63), "{40}");
}

static struct gen_key key(uint64_t n)
{
    struct gen_key k = {.owner = "acme/alice"};
    for (int i = 0; i < 8; i++)
        k.gen.b[15 - i] = (uint8_t)(n >> (8 * i));
    return k;
}

static void test_generations_spread_over_shards(void **state)
{
    (void)state;
    unsigned count[REDIS_SHARDS] = {0};
    for (uint64_t n = 0; n < 64000; n++) {
        struct gen_key k = key(n);
        count[redis_shard(&k)]++;
    }
    for (unsigned i = 0; i < REDIS_SHARDS; i++)
        assert_in_range(count[i], 800, 1200);
}

static void test_keys_of_a_generation_share_a_slot(void **state)
{
    (void)state;
    for (uint64_t n = 0; n < 1000; n++) {
        struct gen_key k = key(n);
        char out[REDIS_KEY_MAX];
        unsigned shard = redis_shard(&k);
        for (const char *what = "slm"; *what; what++) {
            size_t len = redis_key_gen(out, *what, &k);
            assert_int_equal(strlen(out), len);
            assert_int_equal(redis_slot(out, len), redis_shard_slot(shard));
        }
        for (const char *what = "od"; *what; what++)
            assert_int_equal(redis_slot(out, redis_key_shard(out, *what, shard)), redis_shard_slot(shard));
    }
}

static void test_keys_read_well(void **state)
{
    (void)state;
    struct gen_key k = key(1);
    char out[REDIS_KEY_MAX], expected[REDIS_KEY_MAX];
    snprintf(expected, sizeof(expected), "lw:%s:l:acme/alice/00000000-0000-0000-0000-000000000001",
             redis_shard_tag(redis_shard(&k)));
    redis_key_gen(out, 'l', &k);
    assert_string_equal(out, expected);
    redis_key_session(out, k.owner, &k.gen);
    assert_string_equal(out, "lw:t:acme/alice/00000000-0000-0000-0000-000000000001");
    size_t n = redis_key_active(out, k.owner);
    assert_int_equal(n, strlen("lw:a:acme/alice"));
    assert_string_equal(out, "lw:a:acme/alice");
}

static void test_the_longest_owner_fits(void **state)
{
    (void)state;
    char owner[OWNER_MAX + 1], out[REDIS_KEY_MAX], back[OWNER_MAX + 1], channel[REDIS_CHANNEL_MAX];
    memset(owner, 'o', OWNER_MAX);
    owner[OWNER_MAX] = '\0';
    struct gen_key k = {.owner = owner};
    struct uuid gen;
    assert_true(redis_key_gen(out, 's', &k) < sizeof(out));
    size_t n = redis_name(out, &k);
    assert_true(redis_name_parse(out, n, back, &gen));
    assert_string_equal(back, owner);
    assert_false(redis_name_parse(out, n - 1, back, &gen));
    n = redis_channel_owner(channel, 1000000, owner);
    assert_int_equal(n, strlen(channel));
    assert_string_equal(channel + strlen(channel) - OWNER_MAX, owner);
}

static void test_names_come_back(void **state)
{
    (void)state;
    char owner[OWNER_MAX + 1];
    struct uuid gen, one = key(1).gen;
    const char *text = "a/b/c/00000000-0000-0000-0000-000000000001";
    assert_true(redis_name_parse(text, strlen(text), owner, &gen));
    assert_string_equal(owner, "a/b/c");
    assert_true(uuid_equal(&gen, &one));
    assert_false(redis_name_parse("00000000-0000-0000-0000-000000000001", 36, owner, &gen));
    assert_false(redis_name_parse("a:00000000-0000-0000-0000-000000000001", 38, owner, &gen));
    assert_false(redis_name_parse("a/0000000000000000-0000-0000-00000000001!", 38, owner, &gen));
    assert_false(redis_name_parse("", 0, owner, &gen));
}

static void test_a_nodes_channel_has_no_odd_letters(void **state)
{
    (void)state;
    char out[REDIS_CHANNEL_MAX];
    redis_channel_node(out, 2, "gw-1.example_a");
    assert_string_equal(out, "lw:2:n:gw-1.example_a");
    redis_channel_node(out, 0, "a,b;c+d e\n");
    assert_string_equal(out, "lw:0:n:a%2cb%3bc%2bd%20e%0a");
    redis_channel_owner(out, 0, "acme/al ice");
    assert_string_equal(out, "lw:0:o:acme/al ice");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_crc16),
        cmocka_unit_test(test_slots),
        cmocka_unit_test(test_shards_lie_evenly),
        cmocka_unit_test(test_generations_spread_over_shards),
        cmocka_unit_test(test_keys_of_a_generation_share_a_slot),
        cmocka_unit_test(test_keys_read_well),
        cmocka_unit_test(test_the_longest_owner_fits),
        cmocka_unit_test(test_names_come_back),
        cmocka_unit_test(test_a_nodes_channel_has_no_odd_letters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
