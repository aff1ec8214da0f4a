/* The history on Postgres while the server is against it: away, killed, silent, read-only, locked. Each test
 * has the server for itself, on one database that is emptied before. */
#include <ev.h>
#include <libpq-fe.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "contract/postgres_flood.h"
#include "contract/postgres_server.h"

static struct pgserver server;
static bool pooled; /* through pgbouncer */
static struct history_postgres_options options;

static void defaults(void)
{
    options =
        (struct history_postgres_options){.primary = server.conninfo, .prepared = !pooled, .queue = 20000};
}

static void clean(void *ctx)
{
    (void)ctx;
    defaults();
    pgserver_sql(&server, "DROP SCHEMA IF EXISTS lastword CASCADE", NULL, 0);
}

static struct history_store *open_store(void *ctx, struct ev_loop *loop)
{
    char error[256];
    (void)ctx;
    struct history_store *h = history_postgres_open(&options, loop, error, sizeof(error));
    if (!h)
        fprintf(stderr, "%s\n", error);
    return h;
}

/* ---- away */

static void test_away_at_the_start(void **state)
{
    struct world *w = *state;
    options.call_ms = 300;
    w->h->ops->close(w->h);
    pgserver_sql(&server, "DROP SCHEMA lastword CASCADE", NULL, 0);
    pgserver_stop(&server);
    w->h = open_store(NULL, w->loop);
    assert_non_null(w->h);
    assert_false(w->h->ops->healthy(w->h));
    begin(w, (struct ask){.gen = 1, .chat = 1, .input = "hi"});
    heard(w, "unavailable");
    answer(w, ALICE, 1);
    heard(w, "unavailable");
    assert_true(pgserver_start(&server));
    flood_wait_healthy(w, true); /* it makes the schema as well */
    options.call_ms = 0;
    world_restart(w);
    talk(w, 1, 1, "hi", "hello");
    answer(w, ALICE, 1);
    assert_true(heard_part(w, "text=hello "));
}

static void test_closing_while_away_comes_to_an_end(void **state)
{
    struct world *w = *state;
    options.call_ms = 300;
    world_restart(w);
    talk(w, 1, 1, "hi", "hello");
    pgserver_kill(&server);
    for (int i = 2; i < 500; i++)
        start_begin(w, (struct ask){.gen = i, .chat = i, .input = "q"});
    start_tree(w, ALICE, 1);
    w->h->ops->close(w->h);
    assert_true(pgserver_start(&server));
    options.call_ms = 0;
    w->h = open_store(NULL, w->loop);
    answer(w, ALICE, 1);
    assert_true(heard_part(w, "text=hello "));
}

static void test_killed_in_the_middle(void **state)
{
    struct world *w = *state;
    struct flood f;
    enum { MANY = 4000, KILLS = 6 };
    flood_start(&f, w, &server, MANY);
    for (int kill = 0; kill < KILLS; kill++) {
        flood_into(&f, kill, KILLS + 1);
        pgserver_kill(&server);
        for (int turn = 0; turn < kill; turn++)
            ev_run(w->loop, EVRUN_NOWAIT);
        assert_true(pgserver_start(&server));
    }
    flood_end(&f);
    flood_wait_healthy(w, true);
}

static void test_sessions_ended_in_the_middle(void **state)
{
    struct world *w = *state;
    struct flood f;
    enum { MANY = 4000, KILLS = 10 };
    flood_start(&f, w, &server, MANY);
    for (int kill = 0; kill < KILLS; kill++) {
        flood_into(&f, kill, KILLS + 1);
        pgserver_sql(
            &server,
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'lastword'",
            NULL, 0);
    }
    flood_end(&f);
}

/* ---- silent */

static void signal_all(int signal)
{
    char pids[512];
    pgserver_sql(
        &server,
        "SELECT string_agg(pid::text, ' ') FROM pg_stat_activity WHERE application_name = 'lastword'", pids,
        sizeof(pids));
    for (char *p = pids, *end; *p; p = end) {
        long pid = strtol(p, &end, 10);
        if (end == p)
            break;
        kill((pid_t)pid, signal);
    }
}

static void test_a_silent_server(void **state)
{
    struct world *w = *state;
    options.statement_ms = 300;
    options.connect_ms = 300;
    options.call_ms = 1500;
    world_restart(w);
    talk(w, 1, 1, "hi", "hello");
    signal_all(SIGSTOP);
    kill(server.pid, SIGSTOP); /* takes connections, and says nothing */
    ev_tstamp before = ev_time();
    start_begin(w, (struct ask){.gen = 2, .chat = 2, .input = "two"});
    start_answer(w, ALICE, 1);
    wait_for(w, w->completions + 2);
    heard(w, "unavailable");
    assert_true(ev_time() - before < 5.0);
    assert_false(w->h->ops->healthy(w->h));
    before = ev_time();
    for (int i = 0; i < 10; i++) { /* each is not waited for again as long */
        begin(w, (struct ask){.gen = 10 + i, .chat = 3, .input = "more"});
        heard(w, "unavailable");
    }
    assert_true(ev_time() - before < 5.0);
    kill(server.pid, SIGCONT);
    signal_all(SIGCONT);
    flood_wait_healthy(w, true);
    begin(w, (struct ask){.gen = 90, .chat = 90, .input = "again"});
    assert_true(heard_part(w, "ok "));
}

/* A port that takes connections and never answers. */
static int silent_port(int *port)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(a);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
    assert_int_equal(listen(fd, 64), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &len), 0);
    *port = ntohs(a.sin_port);
    return fd;
}

static void test_a_silent_host_among_others(void **state)
{
    struct world *w = *state;
    char conninfo[300];
    int port, fd = silent_port(&port);
    snprintf(conninfo, sizeof(conninfo), "host=127.0.0.1,%s port=%d,5432 user=postgres dbname=postgres",
             server.folder, port);
    options.primary = conninfo;
    options.connect_ms = 300;
    for (int i = 1; i <= 3; i++) { /* the order is another each time */
        world_restart(w);
        begin(w, (struct ask){.gen = i, .chat = i, .input = "hi"});
        assert_true(heard_part(w, "ok "));
    }
    close(fd);
    world_restart(w); /* now it refuses, which costs nothing */
    begin(w, (struct ask){.gen = 9, .chat = 9, .input = "hi"});
    assert_true(heard_part(w, "ok "));
    defaults();
    world_restart(w);
}

/* ---- against us */

static void test_a_primary_that_is_one_no_longer(void **state)
{
    struct world *w = *state;
    options.call_ms = 2000;
    world_restart(w);
    pgserver_sql(&server, "ALTER SYSTEM SET default_transaction_read_only = on", NULL, 0);
    pgserver_sql(&server, "SELECT pg_reload_conf()", NULL, 0);
    int gen = 1;
    do /* the server's processes take it over one by one */
        begin(w, (struct ask){.gen = gen++, .chat = 1, .input = "q"});
    while (gen < 1000 && heard_part(w, "ok "));
    heard(w, "unavailable");
    assert_false(w->h->ops->healthy(w->h));
    pgserver_sql(&server, "ALTER SYSTEM RESET default_transaction_read_only", NULL, 0);
    pgserver_sql(&server, "SELECT pg_reload_conf()", NULL, 0);
    flood_wait_healthy(w, true);
    begin(w, (struct ask){.gen = 1000, .chat = 2, .input = "two"});
    heard(w, "ok user=10001 context=[user:two]");
}

static void test_a_conversation_that_somebody_holds(void **state)
{
    struct world *w = *state;
    options.statement_ms = 1200;
    world_restart(w);
    begin(w, (struct ask){.gen = 1, .chat = 1, .input = "one"});
    PGconn *other = PQconnectdb(server.conninfo);
    PQclear(PQexec(other, "BEGIN; SELECT 1 FROM lastword.conversations FOR UPDATE"));
    start_begin(w, (struct ask){.gen = 2, .chat = 1, .input = "held"});
    for (int i = 10; i < 50; i++)
        start_begin(w, (struct ask){.gen = i, .chat = i, .input = "free"});
    wait_for(w, w->completions + 41);
    assert_true(heard_part(w, "ok ")); /* the last */
    assert_true(w->h->ops->healthy(w->h));
    number_is(&server, "SELECT count(*) FROM lastword.generations", 41);
    PQclear(PQexec(other, "ROLLBACK"));
    PQfinish(other);
    begin(w, (struct ask){.gen = 2, .chat = 1, .input = "held no more"});
    heard(w, "ok user=21 context=[user:one|user:held no more]");
}

static void on_counted(void *ctx, const struct history_begin *r)
{
    struct world *w = ctx;
    w->completions++;
    if (r->status == STORE_OK)
        buf_add_char(&w->said, '.');
    else
        buf_add_str(&w->said, store_status_name(r->status));
}

static void test_one_failing_write_spoils_no_other(void **state)
{
    struct world *w = *state;
    begin(w, (struct ask){.gen = 1, .chat = 1, .input = "one"});
    buf_clear(&w->said);
    for (int i = 2; i <= 40; i++) { /* the answer of gen 20 takes an id of gen 1 */
        struct history_send s = {.owner = ALICE,
                                 .gen = id((uint64_t)i),
                                 .chat = id(1),
                                 .user_message = id((uint64_t)i * 10 + 1),
                                 .answer_message = id(i == 20 ? 11 : (uint64_t)i * 10 + 2),
                                 .parent_kind = PARENT_ROOT,
                                 .has_input = true,
                                 .input = text_of("x"),
                                 .model = "",
                                 .unix_ms = 1,
                                 .context_bytes = 100};
        w->h->ops->begin(w->h, &s, on_counted, w);
    }
    wait_for(w, 40);
    assert_string_equal(buf_cstr(&w->said), "..................unavailable....................");
    assert_true(w->h->ops->healthy(w->h));
    number_is(&server, "SELECT count(*) FROM lastword.messages", 2 * 39);
    number_is(&server, "SELECT messages FROM lastword.conversations", 2 * 39);
}

static void test_the_queue_has_an_end(void **state)
{
    struct world *w = *state;
    options.queue = 16;
    world_restart(w);
    buf_clear(&w->said);
    struct history_send s = {.owner = ALICE, .model = "", .has_input = true, .input = text_of("x")};
    for (int i = 1; i <= 20; i++) {
        s.gen = s.chat = s.user_message = id((uint64_t)i);
        s.answer_message = id((uint64_t)i + 1000);
        w->h->ops->begin(w->h, &s, on_counted, w);
    }
    assert_int_equal(w->completions, 0);
    wait_for(w, 20);
    assert_string_equal(buf_cstr(&w->said), "fullfullfullfull................");
    begin(w, (struct ask){.gen = 99, .chat = 99, .input = "x"});
    assert_true(heard_part(w, "ok "));
}

/* Two gateways write into the same conversations, in opposite order. */
static void test_two_gateways_in_each_others_way(void **state)
{
    struct world *w = *state;
    struct flood f;
    struct history_store *one = w->h, *two = open_store(NULL, w->loop);
    flood_start(&f, w, &server, 400);
    w->h = two;
    for (int i = 20; i > 0; i--)
        start_begin(w, (struct ask){.owner = i % 2 ? ALICE : BOB, .gen = 5000 + i, .chat = i, .input = "q"});
    w->h = one;
    wait_for(w, 20);
    flood_until(&f, 800);
    mem_free(f.items);
    number_is(&server, "SELECT count(*) FROM lastword.generations", 420);
    number_is(&server, "SELECT sum(messages) FROM lastword.conversations", 840);
    number_is(&server, "SELECT count(*) FROM lastword.messages", 840);
    two->ops->close(two);
}

#define T(f) cmocka_unit_test_setup_teardown(f, world_setup, world_teardown)

static const struct CMUnitTest straight[] = {
    T(test_away_at_the_start),
    T(test_closing_while_away_comes_to_an_end),
    T(test_killed_in_the_middle),
    T(test_sessions_ended_in_the_middle),
    T(test_a_silent_server),
    T(test_a_silent_host_among_others),
    T(test_a_primary_that_is_one_no_longer),
    T(test_a_conversation_that_somebody_holds),
    T(test_one_failing_write_spoils_no_other),
    T(test_the_queue_has_an_end),
    T(test_two_gateways_in_each_others_way),
};

/* What a pooler makes different. */
static const struct CMUnitTest through_pgbouncer[] = {
    T(test_away_at_the_start),
    T(test_closing_while_away_comes_to_an_end),
    T(test_killed_in_the_middle),
    T(test_sessions_ended_in_the_middle),
    T(test_a_conversation_that_somebody_holds),
    T(test_one_failing_write_spoils_no_other),
    T(test_two_gateways_in_each_others_way),
};

/* Arguments: "pooled", and a filter of names with * and ?. */
int main(int argc, char **argv)
{
    struct history_factory factory = {.name = "postgres", .clean = clean, .open = open_store};
    log_open(2, LOG_LEVEL_ERROR + 1, "test"); /* it complains of what is done to it */
    world_use(&factory);
    pooled = argc > 1 && strcmp(argv[1], "pooled") == 0;
    cmocka_set_test_filter(argc > 1 + pooled ? argv[1 + pooled] : NULL);
    int failed = 1;
    if (pgserver_make(&server) && (!pooled || pgserver_pool(&server)))
        failed = pooled
                     ? cmocka_run_group_tests_name("postgres: faults, pooled", through_pgbouncer, NULL, NULL)
                     : cmocka_run_group_tests_name("postgres: faults", straight, NULL, NULL);
    pgserver_drop(&server);
    return failed != 0;
}
