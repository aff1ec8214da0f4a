/* The hosts of a connection string, and the looking up of names on a thread of its own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "store/postgres_hosts.h"

static int woken[2]; /* a pipe: a byte for each lookup that is done */

static void wake(void *ctx)
{
    (void)ctx;
    assert_int_equal(write(woken[1], "!", 1), 1);
}

static int setup(void **state)
{
    (void)state;
    unsetenv("PGHOST");
    unsetenv("PGPORT");
    return pipe(woken);
}

static int teardown(void **state)
{
    (void)state;
    close(woken[0]);
    close(woken[1]);
    return 0;
}

static struct pghosts *open_hosts(const char *conninfo)
{
    char error[200];
    struct pghosts *h = pghosts_open(conninfo, wake, NULL, error, sizeof(error));
    assert_non_null(h);
    return h;
}

static const char *or_dash(const char *s)
{
    return s ? s : "-";
}

/* All addresses, as "host address port|...". */
static void has(const struct pghosts *h, const char *want)
{
    char have[500] = "";
    for (size_t i = 0; i < pghosts_count(h); i++) {
        const struct pgaddress *a = pghosts_at(h, i);
        snprintf(have + strlen(have), sizeof(have) - strlen(have), "%s%s %s %s", i ? "|" : "",
                 or_dash(a->host), or_dash(a->address), or_dash(a->port));
    }
    assert_string_equal(have, want);
}

static void test_addresses_are_taken_as_they_are(void **state)
{
    static const struct {
        const char *conninfo, *hosts;
    } strings[] = {
        {"dbname=x", "- - -"},
        {"host=/run/pg", "/run/pg - -"},
        {"host=/run/pg,10.0.0.1,::1 port=1,2,3", "/run/pg - 1|10.0.0.1 - 2|::1 - 3"},
        {"host=10.0.0.1,10.0.0.2 port=7", "10.0.0.1 - 7|10.0.0.2 - 7"},
        {"host=db.example,db.example hostaddr=10.0.0.1,10.0.0.2",
         "db.example 10.0.0.1 -|db.example 10.0.0.2 -"},
        {"hostaddr=10.0.0.9", "- 10.0.0.9 -"},
        {"postgresql://u@10.0.0.1:5,10.0.0.2:6/x", "10.0.0.1 - 5|10.0.0.2 - 6"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(strings) / sizeof(*strings); i++) {
        struct pghosts *h = open_hosts(strings[i].conninfo);
        assert_true(pghosts_ready(h, 0));
        has(h, strings[i].hosts);
        pghosts_close(h);
    }
}

static void test_the_environment_is_asked(void **state)
{
    (void)state;
    setenv("PGHOST", "/run/env", 1);
    setenv("PGPORT", "9", 1);
    struct pghosts *h = open_hosts("dbname=x");
    has(h, "/run/env - 9");
    pghosts_close(h);
}

static void wait_ready(struct pghosts *h, uint64_t now)
{
    struct pollfd p = {.fd = woken[0], .events = POLLIN};
    char c;
    assert_false(pghosts_ready(h, now));
    assert_int_equal(poll(&p, 1, 20000), 1);
    assert_int_equal(read(woken[0], &c, 1), 1);
    while (!pghosts_ready(h, now)) /* it wakes a moment before it is done */
        poll(NULL, 0, 1);
}

static void test_names_are_looked_up(void **state)
{
    (void)state;
    struct pghosts *h = open_hosts("host=localhost,10.0.0.1 port=1,2");
    wait_ready(h, 1000);
    assert_true(pghosts_count(h) >= 2);
    assert_string_equal(pghosts_at(h, 0)->host, "localhost"); /* which certificates are for */
    const char *address = pghosts_at(h, 0)->address;
    assert_true(strcmp(address, "127.0.0.1") == 0 || strcmp(address, "::1") == 0);
    assert_string_equal(pghosts_at(h, 0)->port, "1");
    assert_string_equal(pghosts_at(h, pghosts_count(h) - 1)->host, "10.0.0.1");
    assert_true(pghosts_ready(h, 2000)); /* fresh enough */
    wait_ready(h, 5000000);              /* and looked up again later */
    assert_true(pghosts_count(h) >= 2);
    pghosts_close(h);
}

static void test_names_that_are_none(void **state)
{
    (void)state;
    struct pghosts *h = open_hosts("host=nowhere.invalid");
    wait_ready(h, 1000);
    assert_int_equal(pghosts_count(h), 0);
    pghosts_close(h);
}

static int threads(void)
{
    int n = 0;
    DIR *tasks = opendir("/proc/self/task");
    assert_non_null(tasks);
    while (readdir(tasks))
        n++;
    closedir(tasks);
    return n;
}

static void test_closing_in_the_midst_of_a_lookup(void **state)
{
    int before = threads();
    (void)state;
    for (int i = 0; i < 50; i++) {
        struct pghosts *h = open_hosts("host=localhost,nowhere.invalid");
        assert_false(pghosts_ready(h, 1000));
        pghosts_close(h);
    }
    for (int waited = 0; threads() > before && waited < 20000; waited++) /* each ends by itself */
        poll(NULL, 0, 1);
    assert_int_equal(threads(), before);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_addresses_are_taken_as_they_are),
        T(test_the_environment_is_asked),
        T(test_names_are_looked_up),
        T(test_names_that_are_none),
        T(test_closing_in_the_midst_of_a_lookup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
