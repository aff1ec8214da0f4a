/* The history on a primary and its streaming standby: reads from the standby, which never show less than this
 * gateway has written; and promotions under load. */
#include <ev.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "contract/postgres_flood.h"

static struct pgserver primary, standby;
static char both[300];
static struct history_postgres_options options;

static void clean(void *ctx)
{
    (void)ctx;
    options = (struct history_postgres_options){
        .primary = both, .standby = both, .prepared = true, .queue = 20000, .connect_ms = 1000};
    pgserver_sql(&primary, "DROP SCHEMA IF EXISTS lastword CASCADE", NULL, 0);
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

/* The other gateway; its own store on the same servers, which reads from the primary. */
static struct history_store *another(struct world *w)
{
    options.standby = NULL;
    struct history_store *h = open_store(NULL, w->loop);
    options.standby = both;
    assert_non_null(h);
    return h;
}

static void talk_through(struct world *w, struct history_store *h, const char *owner, int gen)
{
    struct history_store *before = w->h;
    w->h = h;
    begin(w, (struct ask){.owner = owner, .gen = gen, .chat = gen, .input = "hi"});
    assert_true(heard_part(w, "ok "));
    finish(w, (struct end){.owner = owner, .gen = gen, .text = "hello"});
    heard(w, "ok");
    w->h = before;
}

/* Asks until the answer is there; fails after 20 s. */
static void wait_answer(struct world *w, const char *owner, int gen)
{
    ev_tstamp until = ev_time() + 20;
    do
        answer(w, owner, gen);
    while (!heard_part(w, "text=hello ") && ev_time() < until);
    assert_true(heard_part(w, "text=hello "));
}

/* A question asked again and again, though not without a pause. */
static void ask(const struct pgserver *server, const char *text, char *out, size_t size)
{
    poll(NULL, 0, 5);
    pgserver_sql(server, text, out, size);
}

static void replay(bool go)
{
    char state[32] = "";
    pgserver_sql(&standby, go ? "SELECT pg_wal_replay_resume()" : "SELECT pg_wal_replay_pause()", NULL, 0);
    while (strcmp(state, go ? "not paused" : "paused") != 0)
        ask(&standby, "SELECT pg_get_wal_replay_pause_state()", state, sizeof(state));
}

/* Until the readers have found the standby: what only the primary has is not seen then. */
static void wait_for_standby(struct world *w, struct history_store *other)
{
    ev_tstamp until = ev_time() + 30;
    for (int gen = 100; ev_time() < until; gen++) {
        talk_through(w, other, BOB, gen);
        answer(w, BOB, gen);
        if (heard_part(w, "not_found"))
            return;
    }
    fail_msg("no read went to the standby");
}

/* The standby has everything. */
static void wait_replayed(void)
{
    char text[160], lsn[32], have[16] = "";
    pgserver_sql(&primary, "SELECT pg_current_wal_insert_lsn()", lsn, sizeof(lsn));
    snprintf(text, sizeof(text), "SELECT pg_last_wal_replay_lsn() >= '%s'::pg_lsn", lsn);
    while (strcmp(have, "t") != 0)
        ask(&standby, text, have, sizeof(have));
}

static void test_reads_show_what_was_written(void **state)
{
    struct world *w = *state;
    struct history_store *other = another(w);
    talk_through(w, other, BOB, 1);
    wait_replayed();
    replay(false);
    wait_for_standby(w, other); /* Bob writes elsewhere: so far the lag shows */
    for (int gen = 1; gen <= 20; gen++) {
        talk(w, gen, gen, "hi", "hello"); /* Alice writes here, and reads it */
        answer(w, ALICE, gen);
        assert_true(heard_part(w, "text=hello "));
        tree(w, ALICE, gen);
        assert_true(heard_part(w, "assistant hello"));
        edit(w, ALICE, gen, "a title");
        list(w, ALICE, 1, NULL);
        assert_true(heard_part(w, "a title"));
    }
    answer(w, BOB, 1); /* still from the standby */
    assert_true(heard_part(w, "text=hello "));
    replay(true);
    wait_answer(w, BOB, 100);
    wait_answer(w, ALICE, 20);
    other->ops->close(other);
}

static void test_a_standby_that_goes_away(void **state)
{
    struct world *w = *state;
    talk(w, 1, 1, "hi", "hello");
    wait_answer(w, ALICE, 1);
    pgserver_kill(&standby);
    for (int i = 0; i < 20; i++) {
        answer(w, ALICE, 1);
        assert_true(heard_part(w, "text=hello "));
    }
    assert_true(w->h->ops->healthy(w->h));
    talk(w, 2, 2, "hi", "hello");
    assert_true(pgserver_start(&standby));
}

/* Commits wait for the standby, so that nothing that was told to be recorded is lost with the primary. */
static void wait_for_each_other(bool yes)
{
    pgserver_sql(&primary,
                 yes ? "ALTER SYSTEM SET synchronous_standby_names = '*'"
                     : "ALTER SYSTEM RESET synchronous_standby_names",
                 NULL, 0);
    pgserver_sql(&primary, "SELECT pg_reload_conf()", NULL, 0);
    char names[32] = "?";
    while (strcmp(names, yes ? "*" : "") != 0)
        ask(&primary, "SELECT current_setting('synchronous_standby_names')", names, sizeof(names));
}

/* The two change roles: the primary is killed, its standby promoted and given a standby in turn. */
static void fail_over(void)
{
    pgserver_kill(&primary);
    struct pgserver dead = primary;
    primary = standby;
    standby = dead;
    pgserver_sql(&primary, "SELECT pg_promote()", NULL, 0);
    wait_for_each_other(true);
    assert_true(pgserver_follow(&standby, &primary));
}

static void test_promotions_in_the_middle(void **state)
{
    struct world *w = *state;
    struct flood f;
    enum { MANY = 4000, TIMES = 3 };
    wait_for_each_other(true);
    flood_start(&f, w, &primary, MANY);
    for (int i = 1; i <= TIMES; i++) {
        flood_into(&f, i, TIMES + 1);
        fail_over();
    }
    flood_end(&f);
    flood_wait_healthy(w, true);
    for (int gen = 1; gen <= MANY; gen += 97) {
        answer(w, gen % 2 ? ALICE : BOB, gen);
        assert_true(heard_part(w, "text=the answer "));
    }
    wait_for_each_other(false);
}

#define T(f) cmocka_unit_test_setup_teardown(f, world_setup, world_teardown)

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        T(test_reads_show_what_was_written),
        T(test_a_standby_that_goes_away),
        T(test_promotions_in_the_middle),
    };
    struct history_factory factory = {.name = "postgres", .clean = clean, .open = open_store};
    log_open(2, LOG_LEVEL_ERROR + 1, "test");          /* it complains of what is done to it */
    cmocka_set_test_filter(argc > 1 ? argv[1] : NULL); /* a name, * and ? */
    world_use(&factory);
    int failed = 1;
    if (pgserver_make(&primary) && pgserver_follow(&standby, &primary)) {
        snprintf(both, sizeof(both), "host=%s,%s user=postgres dbname=postgres", primary.folder,
                 standby.folder);
        failed = cmocka_run_group_tests_name("postgres: standby", tests, NULL, NULL);
    }
    pgserver_drop(&standby);
    pgserver_drop(&primary);
    return failed != 0;
}
