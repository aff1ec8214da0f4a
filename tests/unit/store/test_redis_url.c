/* Where Redis is, as the configuration says it: what is taken, and what is said to what is not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "store/redis_url.h"

static struct redis_url good(const char *url)
{
    struct redis_url out;
    char error[256] = "";
    if (!redis_url_parse(url, &out, error, sizeof(error)))
        fail_msg("%s: %s", url, error);
    return out;
}

static void bad(const char *url, const char *why)
{
    struct redis_url out;
    char error[512] = "";
    assert_false(redis_url_parse(url, &out, error, sizeof(error)));
    if (!strstr(error, why))
        fail_msg("%s: \"%s\" does not say \"%s\"", url, error, why);
}

static void at(const struct redis_url *u, size_t i, const char *host, int port)
{
    assert_true(i < u->seed_count);
    assert_string_equal(u->seeds[i].host, host);
    assert_int_equal(u->seeds[i].port, port);
}

static void test_one_server(void **state)
{
    (void)state;
    struct redis_url u = good("redis://example.org");
    assert_int_equal(u.kind, REDIS_SINGLE);
    at(&u, 0, "example.org", 6379);
    assert_string_equal(u.user, "");
    assert_string_equal(u.password, "");
    assert_int_equal(u.db, 0);

    u = good("redis://lastword:p%40ss%3A@127.0.0.1:7000/3");
    at(&u, 0, "127.0.0.1", 7000);
    assert_string_equal(u.user, "lastword");
    assert_string_equal(u.password, "p@ss:");
    assert_int_equal(u.db, 3);

    u = good("redis://:s3cret@@[::1]:7001/");
    at(&u, 0, "::1", 7001);
    assert_string_equal(u.user, "");
    assert_string_equal(u.password, "s3cret@");

    u = good("redis://[fe80::1]");
    at(&u, 0, "fe80::1", 6379);
}

static void test_a_socket(void **state)
{
    (void)state;
    struct redis_url u = good("unix:///run/redis/redis.sock");
    at(&u, 0, "/run/redis/redis.sock", 0);
    u = good("unix://lw:pw@/run/a%20b?db=2");
    at(&u, 0, "/run/a b", 0);
    assert_string_equal(u.user, "lw");
    assert_int_equal(u.db, 2);
}

static void test_sentinels(void **state)
{
    (void)state;
    struct redis_url u = good("sentinel://lw:pw@s1,s2:5000,[::1]:5001/mymaster/4");
    assert_int_equal(u.kind, REDIS_SENTINEL);
    assert_int_equal(u.seed_count, 3);
    at(&u, 0, "s1", 26379);
    at(&u, 1, "s2", 5000);
    at(&u, 2, "::1", 5001);
    assert_string_equal(u.master, "mymaster");
    assert_int_equal(u.db, 4);
}

static void test_a_cluster(void **state)
{
    (void)state;
    struct redis_url u = good("cluster://a:7000,b:7001,c");
    assert_int_equal(u.kind, REDIS_CLUSTER);
    assert_int_equal(u.seed_count, 3);
    at(&u, 2, "c", 6379);
    u = good("cluster://a/");
    at(&u, 0, "a", 6379);
}

static void test_what_cannot_be_used_says_why(void **state)
{
    (void)state;
    bad("rediss://example.org", "stunnel");
    bad("sentinels://a/m", "stunnel");
    bad("http://example.org", "redis://");
    bad("", "redis://");
    bad("redis://", "host");
    bad("redis://a,b", "sentinel://");
    bad("redis://a:0", "port");
    bad("redis://a:65536", "port");
    bad("redis://a:x", "port");
    bad("redis://[::1]x", "]");
    bad("redis://a/b", "database");
    bad("redis://u%zz:p@a", "encoded");
    bad("redis://u:p%00@a", "encoded");
    bad("redis://u@a", "password");
    bad("unix://run/x", "path");
    bad("unix:///x?name=2", "db=N");
    bad("sentinel://a", "master");
    bad("sentinel:///m", "host");
    bad("cluster://a/1", "one database");
    bad("cluster://a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p,q", "at most 16");
}

static void test_no_complaint_holds_the_password(void **state)
{
    (void)state;
    static const char *const urls[] = {"redis://u:hunter2@a:x", "redis://u:hunter2@a/x",
                                       "cluster://u:hunter2@a/1", "sentinel://u:hunter2@a",
                                       "redis://u:hunter2%zz@a"};
    for (size_t i = 0; i < sizeof(urls) / sizeof(*urls); i++) {
        struct redis_url out;
        char error[256] = "";
        assert_false(redis_url_parse(urls[i], &out, error, sizeof(error)));
        assert_null(strstr(error, "hunter2"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_server),
        cmocka_unit_test(test_a_socket),
        cmocka_unit_test(test_sentinels),
        cmocka_unit_test(test_a_cluster),
        cmocka_unit_test(test_what_cannot_be_used_says_why),
        cmocka_unit_test(test_no_complaint_holds_the_password),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
