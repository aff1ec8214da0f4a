#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <netinet/in.h>
#include <sys/un.h>

#include "base/address.h"

static struct address at(const char *ip, uint16_t port)
{
    struct address a;
    if (strchr(ip, ':')) {
        struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
        assert_int_equal(inet_pton(AF_INET6, ip, &v6.sin6_addr), 1);
        address_of((const struct sockaddr *)&v6, &a);
    } else {
        struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(port)};
        assert_int_equal(inet_pton(AF_INET, ip, &v4.sin_addr), 1);
        address_of((const struct sockaddr *)&v4, &a);
    }
    return a;
}

static void check_text(const char *ip, uint16_t port, const char *want)
{
    char text[ADDRESS_TEXT];
    struct address a = at(ip, port);
    assert_string_equal(address_text(&a, text), want);
}

static void addresses_are_written(void **state)
{
    (void)state;
    check_text("192.0.2.1", 80, "192.0.2.1:80");
    check_text("255.255.255.255", 65535, "255.255.255.255:65535");
    check_text("2001:db8::1", 1, "[2001:db8::1]:1");
    check_text("::", 0, "[::]:0");
    check_text("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", 65535,
               "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535");
    check_text("::ffff:10.1.2.3", 7, "10.1.2.3:7"); /* of a socket that takes both */
    struct sockaddr_un local = {.sun_family = AF_UNIX};
    struct address a;
    char text[ADDRESS_TEXT];
    address_of((const struct sockaddr *)&local, &a);
    assert_string_equal(address_text(&a, text), "[::]:0");
}

static bool holds(const char *network, const char *ip)
{
    struct network n;
    struct address a = at(ip, 1);
    assert_null(network_parse(network, &n));
    return network_holds(&n, &a);
}

static void networks_hold(void **state)
{
    (void)state;
    assert_true(holds("10.0.0.0/8", "10.255.0.1"));
    assert_false(holds("10.0.0.0/8", "11.0.0.1"));
    assert_true(holds("10.128.0.0/9", "10.128.0.0"));
    assert_true(holds("10.128.0.0/9", "10.255.255.255"));
    assert_false(holds("10.128.0.0/9", "10.127.255.255"));
    assert_true(holds("192.0.2.7", "192.0.2.7"));
    assert_false(holds("192.0.2.7/32", "192.0.2.6"));
    assert_true(holds("0.0.0.0/0", "203.0.113.9"));
    assert_false(holds("0.0.0.0/0", "2001:db8::1"));
    assert_true(holds("::/0", "2001:db8::1"));
    assert_true(holds("::/0", "203.0.113.9"));
    assert_true(holds("2001:db8::/33", "2001:db8:7fff::1"));
    assert_false(holds("2001:db8::/33", "2001:db8:8000::1"));
    assert_true(holds("::1", "::1"));
    assert_false(holds("::1/128", "::2"));
    assert_true(holds("::ffff:10.0.0.0/104", "10.2.3.4"));
}

static void nonsense_is_no_network(void **state)
{
    (void)state;
    static const char *const wrong[] = {"",
                                        "/",
                                        "x",
                                        "10",
                                        "10.0.0.0/",
                                        "10.0.0.0/33",
                                        "10.0.0.0/-1",
                                        "10.0.0.0/08",
                                        "10.0.0.0/8x",
                                        "10.0.0.0/8 ",
                                        "::/129",
                                        "::/0001",
                                        "10.0.0.1/8",
                                        "::1/127",
                                        "300.1.1.1",
                                        "1.2.3.4.5",
                                        "localhost",
                                        "::1%lo",
                                        "10.0.0.0/8/8"};
    struct network n;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        if (!network_parse(wrong[i], &n))
            fail_msg("taken: %s", wrong[i]);
    char longest[200];
    memset(longest, ':', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    assert_non_null(network_parse(longest, &n));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses_are_written),
        cmocka_unit_test(networks_hold),
        cmocka_unit_test(nonsense_is_no_network),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
