/* What the Postgres history makes of a database: migrations, partitions, usage, searches through much text.
 */
#include <ev.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "contract/postgres_flood.h"
#include "store/postgres_schema.h"

static struct pgserver server;
static char error[300];

static void clean(void *ctx)
{
    (void)ctx;
    pgserver_sql(&server, "DROP SCHEMA IF EXISTS lastword CASCADE", NULL, 0);
}

static struct history_store *open_on(const char *conninfo, struct ev_loop *loop)
{
    struct history_postgres_options options = {.primary = conninfo, .prepared = true, .queue = 20000};
    return history_postgres_open(&options, loop, error, sizeof(error));
}

static struct history_store *open_store(void *ctx, struct ev_loop *loop)
{
    (void)ctx;
    return open_on(server.conninfo, loop);
}

static void sql(const char *text)
{
    pgserver_sql(&server, text, NULL, 0);
}

/* ---- opening */

static void refused(struct world *w, const char *conninfo, const char *why)
{
    struct history_store *h = open_on(conninfo, w->loop);
    assert_null(h);
    if (!strstr(error, why))
        fail_msg("\"%s\" does not say \"%s\"", error, why);
}

static void test_what_is_no_connection_string_is_refused(void **state)
{
    refused(*state, "host", "missing \"=\"");
    refused(*state, "colour=blue", "invalid connection option");
    refused(*state, "postgresql://[::1", "end of string");
}

static void test_schemas_of_others_are_refused(void **state)
{
    sql("DROP SCHEMA lastword CASCADE; CREATE SCHEMA lastword; CREATE TABLE lastword.invoices (id integer)");
    refused(*state, server.conninfo, "another program");
    sql("DROP TABLE lastword.invoices"); /* an empty one was made for us */
    int from = -1, to = -1;
    assert_true(history_postgres_migrate(server.conninfo, &from, &to, error, sizeof(error)));
    assert_int_equal(from, 0);
}

static void test_newer_schemas_are_refused(void **state)
{
    int from, to;
    sql("INSERT INTO lastword.schema_version VALUES (999, 0)");
    refused(*state, server.conninfo, "version 999");
    assert_false(history_postgres_migrate(server.conninfo, &from, &to, error, sizeof(error)));
    assert_int_equal(from, 999);
}

static void test_other_encodings_are_refused(void **state)
{
    char conninfo[200];
    sql("DROP DATABASE IF EXISTS latin");
    sql("CREATE DATABASE latin ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0");
    snprintf(conninfo, sizeof(conninfo), "host=%s user=postgres dbname=latin", server.folder);
    refused(*state, conninfo, "encoding");
}

static void test_who_may_not_make_a_schema_is_refused(void **state)
{
    char conninfo[200];
    sql("DROP SCHEMA lastword CASCADE; DROP ROLE IF EXISTS guest; CREATE ROLE guest LOGIN");
    snprintf(conninfo, sizeof(conninfo), "host=%s user=guest dbname=postgres", server.folder);
    refused(*state, conninfo, "permission denied");
}

/* ---- migrations */

static void test_migrating_tells_from_where_to_where(void **state)
{
    int from = -1, to = -1;
    (void)state;
    clean(NULL);
    assert_true(history_postgres_migrate(server.conninfo, &from, &to, error, sizeof(error)));
    assert_int_equal(from, 0);
    assert_int_equal(to, postgres_schema_newest());
    assert_true(history_postgres_migrate(server.conninfo, &from, &to, error, sizeof(error)));
    assert_int_equal(from, postgres_schema_newest());
    assert_int_equal(to, postgres_schema_newest());
}

static void test_schema_steps_count_without_gaps(void **state)
{
    (void)state;
    for (int i = 0; i < postgres_schema_newest(); i++)
        assert_int_equal(postgres_steps[i].version, i + 1);
}

static void test_several_processes_migrate_at_once(void **state)
{
    enum { PROCESSES = 6 };
    int go[2], status;
    char c;
    (void)state;
    clean(NULL);
    assert_int_equal(pipe(go), 0);
    for (int i = 0; i < PROCESSES; i++) {
        if (fork() == 0) {
            int from, to;
            close(go[1]);
            if (read(go[0], &c, 1) < 0) /* all start when the pipe closes */
                _exit(2);
            _exit(!history_postgres_migrate(server.conninfo, &from, &to, error, sizeof(error)));
        }
    }
    close(go[0]);
    close(go[1]);
    for (int i = 0; i < PROCESSES; i++) {
        wait(&status);
        assert_int_equal(status, 0);
    }
    number_is(&server, "SELECT count(*) FROM lastword.schema_version", postgres_schema_newest());
}

/* ---- partitions */

static void on_begun(void *ctx, const struct history_begin *r)
{
    struct world *w = ctx;
    w->completions++;
    assert_int_equal(r->status, STORE_OK);
}

static void on_ended(void *ctx, enum store_status status)
{
    struct world *w = ctx;
    w->completions++;
    assert_int_equal(status, STORE_OK);
}

/* A question and its answer, whose ids are of that time. */
static void record_at(struct world *w, uint64_t unix_ms, uint8_t n)
{
    const uint8_t one[10] = {n, 1}, two[10] = {n, 2};
    struct history_send s = {.owner = ALICE,
                             .gen = id(n),
                             .chat = id(n),
                             .user_message = uuid_v7(unix_ms, one),
                             .answer_message = uuid_v7(unix_ms, two),
                             .has_input = true,
                             .input = text_of("what time is it?"),
                             .model = "m",
                             .unix_ms = unix_ms,
                             .context_bytes = 10,
                             .digest = {[0] = 'd', [31] = n}};
    struct history_answer a = {.owner = ALICE,
                               .gen = id(n),
                               .state = "complete",
                               .model = "m",
                               .epoch = 1,
                               .text = text_of("late"),
                               .outcome =
                                   text_of("{\"usage\":{\"prompt_tokens\":5,\"completion_tokens\":3}}"),
                               .updated_ms = unix_ms};
    w->h->ops->begin(w->h, &s, on_begun, w);
    w->h->ops->finish(w->h, &a, on_ended, w);
    wait_for(w, w->completions + 2);
}

static uint64_t month_ms(int months)
{
    char out[32], text[160];
    snprintf(text, sizeof(text),
             "SELECT (extract(epoch FROM date_trunc('month', now() AT TIME ZONE 'UTC') + interval '%d months "
             "14 days') "
             "* 1000)::bigint",
             months);
    pgserver_sql(&server, text, out, sizeof(out));
    return strtoull(out, NULL, 10);
}

static void kept_in(uint8_t n, bool month)
{
    char text[256];
    for (int i = 0; i < 2; i++) {
        const char *table = i ? "answers" : "messages";
        snprintf(text, sizeof(text),
                 "SELECT count(*) FROM lastword.%s WHERE chat = '00000000-0000-0000-0000-0000000000%02x' AND "
                 "tableoid::regclass::text %s LIKE '%%\\_other'",
                 table, n, month ? "NOT" : "");
        number_is(&server, text, i ? 1 : 2);
    }
}

static void test_each_month_has_its_partition(void **state)
{
    struct world *w = *state;
    record_at(w, month_ms(0), 1);
    record_at(w, month_ms(2), 2);
    record_at(w, month_ms(7), 3); /* nobody has made that one */
    record_at(w, month_ms(-3), 4);
    kept_in(1, true);
    kept_in(2, true);
    kept_in(3, false);
    kept_in(4, false);
    number_is(&server, "SELECT lastword.make_partitions(3)", 0);
    number_is(&server, "SELECT lastword.make_partitions(3, now() + interval '4 months')", 8);
    kept_in(3, true);
    for (int n = 1; n <= 4; n++) {
        answer(w, ALICE, n);
        assert_true(heard_part(w, "text=late "));
        tree(w, ALICE, n);
        assert_true(heard_part(w, "(2) what time is it? | "));
    }
    edit(w, ALICE, 3, NULL);
    number_is(&server, "SELECT count(*) FROM lastword.messages", 6);
    number_is(&server, "SELECT count(*) FROM lastword.answers", 3);
}

static void test_usage_outlives_its_conversation(void **state)
{
    struct world *w = *state;
    uint64_t now = month_ms(0);
    record_at(w, now, 1);
    record_at(w, now, 2);
    record_at(w, now + 86400000, 3);
    talk(w, 9, 9, "hi", "no usage known");
    number_is(&server, "SELECT count(*) FROM lastword.usage WHERE model = 'm'", 2);
    number_is(&server, "SELECT max(prompt_tokens) FROM lastword.usage", 10);
    edit(w, ALICE, 1, NULL);
    edit(w, ALICE, 9, NULL);
    number_is(&server, "SELECT max(prompt_tokens) FROM lastword.usage", 10);
    number_is(&server, "SELECT sum(completion_tokens) FROM lastword.usage", 9);
    number_is(&server, "SELECT sum(answers) FROM lastword.usage", 4);
}

/* ---- users */

static void test_an_owner_is_a_user_once(void **state)
{
    struct world *w = *state;
    uint64_t now = month_ms(0);
    record_at(w, now, 1);
    record_at(w, now + 5000, 2);
    start_begin(w, (struct ask){.owner = BOB, .gen = 1, .chat = 1, .input = "hi"});
    wait_for(w, w->completions + 1);
    number_is(&server, "SELECT count(*) FROM lastword.users", 2);
    number_is(&server, "SELECT count(*) FROM lastword.people WHERE tenant = 'acme' AND name = owner", 2);
    number_is(&server,
              "SELECT count(*) FROM lastword.people WHERE owner = '" ALICE
              "' AND created = (SELECT min(created) "
              "FROM lastword.conversations WHERE owner = '" ALICE "')",
              1);
    number_is(&server,
              "SELECT count(*) FROM lastword.people WHERE owner = '" ALICE
              "' AND seen = (SELECT max(updated) "
              "FROM lastword.conversations WHERE owner = '" ALICE "') AND seen > created",
              1);
    edit(w, ALICE, 1, NULL);
    edit(w, ALICE, 2, NULL);
    number_is(&server, "SELECT count(*) FROM lastword.people WHERE owner = '" ALICE "' AND seen = created",
              1);
}

static void test_users_of_an_older_schema_are_filled_in(void **state)
{
    struct world *w = *state;
    int from, to;
    record_at(w, month_ms(0), 1);
    sql("DROP TABLE lastword.api_keys, lastword.api_keys_revision; DROP FUNCTION lastword.api_keys_changed; "
        "DROP VIEW lastword.people; ALTER TABLE lastword.conversations DROP CONSTRAINT conversations_user; "
        "ALTER TABLE lastword.users DROP COLUMN name; DELETE FROM lastword.users; "
        "DELETE FROM lastword.schema_version WHERE version > 4");
    assert_true(history_postgres_migrate(server.conninfo, &from, &to, error, sizeof(error)));
    assert_int_equal(from, 4);
    number_is(
        &server,
        "SELECT count(*) FROM lastword.users u JOIN lastword.conversations c USING (tenant, owner, created)",
        1);
}

/* ---- much text */

static void test_searches_through_much(void **state)
{
    struct world *w = *state;
    enum { CHATS = 1500 }; /* more than one round */
    start_begin(w, (struct ask){.gen = CHATS + 1, .chat = CHATS + 1, .input = "a needle"});
    start_begin(w, (struct ask){.owner = BOB, .gen = 1, .chat = 1, .input = "a needle of Bob's"});
    for (int i = 1; i <= CHATS; i++)
        start_begin(w, (struct ask){.gen = i, .chat = i, .input = "a lot of hay, and nothing else"});
    wait_for(w, CHATS + 2);
    search(w, ALICE, "Needle");
    heard(w, "ok 1501 - (2) a needle");
    search(w, ALICE, "needle in hay");
    heard(w, "ok");
    /* As if each were so long that it takes a round: the page ends early, and goes on. */
    sql("UPDATE lastword.conversations SET messages = 2000");
    int pages = 0;
    char cursor[128] = "";
    do {
        start_list(w, ALICE, 50, pages ? cursor : NULL, "needle");
        wait_for(w, w->completions + 1);
        snprintf(cursor, sizeof(cursor), "%s", w->cursor);
        pages++;
    } while (*cursor && pages < 200);
    heard(w, "ok 1501 - (2000) a needle");
    assert_in_range(pages, CHATS / 20, CHATS / 10);
}

static void test_a_long_context_comes_along(void **state)
{
    struct world *w = *state;
    size_t len = 100 * 1000;
    char *big = mem_alloc(len);
    memset(big, 'z', len);
    for (int i = 1; i <= 5; i++) {
        begin(w, (struct ask){.gen = i, .chat = 1, .bytes = big, .len = len});
        assert_true(heard_part(w, "ok "));
        finish(w, (struct end){.gen = i, .text = "short"});
    }
    begin(w, (struct ask){.gen = 6, .chat = 1, .input = "and now?", .context = 250000});
    heard(w, "ok user=61 context=[assistant:short|user:(100000 bytes)|assistant:short|user:(100000 "
             "bytes)|assistant:short|user:and "
             "now?]");
    begin(w, (struct ask){.gen = 7, .chat = 1, .parent = 61});
    assert_true(heard_part(w, "user=61 "));
    assert_true(heard_part(w, "|user:and now?]"));
    mem_free(big);
}

#define T(f) cmocka_unit_test_setup_teardown(f, world_setup, world_teardown)

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        T(test_what_is_no_connection_string_is_refused),
        T(test_schemas_of_others_are_refused),
        T(test_newer_schemas_are_refused),
        T(test_other_encodings_are_refused),
        T(test_who_may_not_make_a_schema_is_refused),
        T(test_migrating_tells_from_where_to_where),
        T(test_schema_steps_count_without_gaps),
        T(test_several_processes_migrate_at_once),
        T(test_each_month_has_its_partition),
        T(test_usage_outlives_its_conversation),
        T(test_an_owner_is_a_user_once),
        T(test_users_of_an_older_schema_are_filled_in),
        T(test_searches_through_much),
        T(test_a_long_context_comes_along),
    };
    struct history_factory factory = {.name = "postgres", .clean = clean, .open = open_store};
    log_open(2, LOG_LEVEL_ERROR + 1, "test");
    cmocka_set_test_filter(argc > 1 ? argv[1] : NULL); /* a name, * and ? */
    world_use(&factory);
    int failed = 1;
    if (pgserver_make(&server))
        failed = cmocka_run_group_tests_name("postgres: schema", tests, NULL, NULL);
    pgserver_drop(&server);
    return failed != 0;
}
