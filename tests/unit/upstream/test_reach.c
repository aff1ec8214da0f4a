/* Tests of upstream/reach.c: what each kind of address is, and who may reach it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <netinet/in.h>
#include <unistd.h>

#include "base/log.h"
#include "upstream/reach.h"

static struct sockaddr_storage address(const char *text)
{
    struct sockaddr_storage s = {0};
    struct sockaddr_in *four = (void *)&s;
    struct sockaddr_in6 *six = (void *)&s;
    if (inet_pton(AF_INET, text, &four->sin_addr) == 1) {
        s.ss_family = AF_INET;
        return s;
    }
    assert_int_equal(inet_pton(AF_INET6, text, &six->sin6_addr), 1);
    s.ss_family = AF_INET6;
    return s;
}

static void each_is(enum reach want, const char *const *texts)
{
    for (; *texts; texts++) {
        struct sockaddr_storage s = address(*texts);
        if (reach_of((struct sockaddr *)&s) != want)
            fail_msg("%s is %d, not %d", *texts, reach_of((struct sockaddr *)&s), want);
    }
}

static void test_what_each_address_is(void **state)
{
    struct sockaddr_storage unix_socket = {.ss_family = AF_UNIX};
    (void)state;
    each_is(REACH_PUBLIC, (const char *[]){"1.1.1.1",          "9.255.255.255",   "11.0.0.0",
                                           "100.63.255.255",   "100.128.0.0",     "126.255.255.255",
                                           "128.0.0.0",        "169.253.255.255", "169.255.0.0",
                                           "172.15.255.255",   "172.32.0.0",      "192.167.255.255",
                                           "192.169.0.0",      "198.17.255.255",  "198.20.0.0",
                                           "223.255.255.255",  "2606:4700::1111", "::ffff:8.8.8.8",
                                           "64:ff9b::8.8.8.8", "2002:808:808::1", NULL});
    each_is(REACH_LOOPBACK, (const char *[]){"127.0.0.1", "127.255.255.254", "::1", "::ffff:127.0.0.1",
                                             "64:ff9b::7f00:1", "2002:7f00:1::", NULL});
    each_is(REACH_PRIVATE,
            (const char *[]){"10.0.0.0", "10.255.255.255", "100.64.0.1", "100.127.255.255", "172.16.0.1",
                             "172.31.255.255", "192.168.0.1", "fc00::1", "fdff::1", "::ffff:10.1.2.3",
                             "::ffff:c0a8:1", "fd00:ec2::254", NULL});
    each_is(REACH_NEVER, (const char *[]){"0.0.0.0",
                                          "0.1.2.3",
                                          "169.254.169.254",
                                          "192.0.0.192",
                                          "198.18.0.1",
                                          "198.19.255.255",
                                          "224.0.0.1",
                                          "239.1.1.1",
                                          "240.0.0.1",
                                          "255.255.255.255",
                                          "::",
                                          "::2",
                                          "fe80::1",
                                          "febf::1",
                                          "fec0::1",
                                          "ff02::1",
                                          "100::1",
                                          "::7f00:1",
                                          "::ffff:169.254.169.254",
                                          "64:ff9b::a9fe:a9fe",
                                          "2002:a9fe:a9fe::1",
                                          NULL});
    assert_int_equal(reach_of((struct sockaddr *)&unix_socket), REACH_NEVER);
}

static void test_who_may_reach_what(void **state)
{
    static const char *const literal[] = {"localhost", "LOCALHOST", "127.0.0.1",
                                          "127.8.9.1", "::1",       "::ffff:127.0.0.1"};
    static const char *const other[] = {
        "api.example.com", "localhost.",  "a.localhost",    "127.0.0.1.example.com",
        "10.0.0.1",        "192.168.1.1", "0.0.0.0",        "127.1",
        "2130706433",      "fd00::1",     "169.254.169.254"};
    (void)state;
    for (size_t i = 0; i < sizeof literal / sizeof *literal; i++) {
        assert_int_equal(reach_allowed(literal[i], false), REACH_LOOPBACK);
        assert_int_equal(reach_allowed(literal[i], true), REACH_PRIVATE);
    }
    for (size_t i = 0; i < sizeof other / sizeof *other; i++) {
        assert_int_equal(reach_allowed(other[i], false), REACH_PUBLIC);
        assert_int_equal(reach_allowed(other[i], true), REACH_PRIVATE);
    }
}

static void test_a_socket_only_where_it_may_lead(void **state)
{
    struct sockaddr_storage loopback = address("127.0.0.1"), metadata = address("169.254.169.254");
    (void)state;
    log_open(-1, LOG_LEVEL_ERROR, "test");
    assert_int_equal(reach_socket(REACH_PUBLIC, (struct sockaddr *)&loopback, SOCK_STREAM, 0), -1);
    assert_int_equal(reach_socket(REACH_PRIVATE, (struct sockaddr *)&metadata, SOCK_STREAM, 0), -1);
    int fd = reach_socket(REACH_LOOPBACK, (struct sockaddr *)&loopback, SOCK_STREAM, 0);
    assert_true(fd >= 0);
    close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_each_address_is),
        cmocka_unit_test(test_who_may_reach_what),
        cmocka_unit_test(test_a_socket_only_where_it_may_lead),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
