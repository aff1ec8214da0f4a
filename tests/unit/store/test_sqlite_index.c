/* The search index of the SQLite history: that it catches up by itself, narrows a search to one owner's
 * candidates, and forgets what is deleted. The index is looked at through a second connection. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <ev.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "store/sqlite_db.h"
#include "store/sqlite_index.h"
#include "store/store.h"

#define ALICE "acme/alice"
#define BOB "acme/bob"

static char folder[64], path[120], error[512];

struct world {
    struct ev_loop *loop;
    struct history_store *h;
    struct db *look;
    int completions;
    size_t found;
    char snippet[256];
};

static bool open_store(struct world *w)
{
    struct history_sqlite_options options = {.path = path, .queue = 20000};
    w->h = history_sqlite_open(&options, w->loop, error, sizeof(error));
    return w->h != NULL;
}

static int setup(void **state)
{
    struct world *w = mem_alloc(sizeof(*w));
    strcpy(folder, "/tmp/lastword-index-XXXXXX");
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof(path), "%s/history.db", folder);
    w->loop = ev_loop_new(EVFLAG_AUTO);
    assert_true(open_store(w));
    w->look = db_open(path, false, error, sizeof(error));
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    static const char *const ends[] = {"", "-wal", "-shm"};
    struct world *w = *state;
    char name[sizeof(path) + 8];
    w->h->ops->close(w->h);
    db_close(w->look);
    ev_loop_destroy(w->loop);
    mem_free(w);
    for (size_t i = 0; i < sizeof(ends) / sizeof(*ends); i++) {
        snprintf(name, sizeof(name), "%s%s", path, ends[i]);
        unlink(name);
    }
    rmdir(folder);
    return mem_alive(MEM_STORE_OP) != 0;
}

static struct uuid id(uint64_t n)
{
    struct uuid u = {{0}};
    memcpy(u.b, &n, sizeof(n));
    return u;
}

static int64_t number(struct world *w, const char *sql)
{
    return db_number(w->look, sql, -1);
}

/* ---- waiting */

static void on_tick(struct ev_loop *loop, struct ev_timer *timer, int events)
{
    (void)loop, (void)events;
    ++*(int *)timer->data;
}

/* Runs the loop until the query gives `want`, or until so many completions; fails after 20 s. */
static void wait_until(struct world *w, const char *sql, int64_t want, int completions)
{
    struct ev_timer tick;
    int ticks = 0;
    ev_timer_init(&tick, on_tick, 0.01, 0.01);
    tick.data = &ticks;
    ev_timer_start(w->loop, &tick);
    while (ticks < 2000 && (sql ? number(w, sql) != want : w->completions < completions))
        ev_run(w->loop, EVRUN_ONCE);
    ev_timer_stop(w->loop, &tick);
    assert_true(ticks < 2000);
}

static void wait_indexed(struct world *w)
{
    wait_until(
        w,
        "SELECT (SELECT count(*) FROM search_waiting) + (SELECT count(*) FROM messages "
        "WHERE id > (SELECT id FROM search_upto)) + (SELECT count(*) FROM conversations WHERE owner < 0)",
        0, 0);
}

/* ---- calls */

static void on_begin(void *ctx, const struct history_begin *r)
{
    assert_int_equal(r->status, STORE_OK);
    ((struct world *)ctx)->completions++;
}

static void on_done(void *ctx, enum store_status status)
{
    assert_int_equal(status, STORE_OK);
    ((struct world *)ctx)->completions++;
}

static void on_page(void *ctx, const struct history_page *page)
{
    struct world *w = ctx;
    assert_int_equal(page->status, STORE_OK);
    w->completions++;
    w->found = page->count;
    if (page->count)
        snprintf(w->snippet, sizeof(w->snippet), "%.*s", (int)page->heads[0].snippet.len,
                 page->heads[0].snippet.data);
}

static void say(struct world *w, const char *owner, uint64_t gen, uint64_t chat, const char *question,
                struct history_text text)
{
    struct history_send s = {.owner = owner,
                             .gen = id(gen),
                             .chat = id(chat),
                             .user_message = id(gen * 10),
                             .answer_message = id(gen * 10 + 1),
                             .has_input = true,
                             .input = {question, strlen(question)},
                             .model = "",
                             .unix_ms = gen,
                             .context_bytes = 10};
    struct history_answer a = {.owner = owner, .gen = id(gen), .state = "complete", .model = "", .epoch = 1};
    a.text = text;
    a.updated_ms = gen;
    w->h->ops->begin(w->h, &s, on_begin, w);
    w->h->ops->finish(w->h, &a, on_done, w);
}

static struct history_text text_of(const char *s)
{
    return (struct history_text){s, strlen(s)};
}

static void found(struct world *w, const char *owner, const char *words, size_t n)
{
    struct history_list_query q = {.owner = owner, .limit = 100, .search = words};
    w->h->ops->list(w->h, &q, on_page, w);
    wait_until(w, NULL, 0, w->completions + 1);
    if (w->found != n)
        fail_msg("searched \"%s\": %zu and not %zu", words, w->found, n);
}

static int64_t candidates(struct world *w, const char *owner, const char *search)
{
    struct words words;
    struct buf sql = {0};
    words_parse(&words, search, strlen(search));
    buf_add_lit(&sql, "SELECT count(*) FROM search WHERE search MATCH '");
    index_match(w->look, owner, &words, &sql);
    buf_add_char(&sql, '\'');
    int64_t n = number(w, buf_cstr(&sql));
    buf_free(&sql);
    return n;
}

/* ---- tests */

static void fill(struct world *w)
{
    for (uint64_t i = 1; i <= 100; i++)
        say(w, i % 2 ? ALICE : BOB, i, i, "how are the zebras?", text_of("Fine. 机器学习"));
    say(w, ALICE, 101, 101, "and the ÉLÉPHANTS?", text_of("They say \"we\" never forget."));
    wait_until(w, NULL, 0, 202);
}

static void test_the_index_catches_up(void **state)
{
    struct world *w = *state;
    fill(w);
    wait_indexed(w);
    assert_int_equal(number(w, "SELECT count(*) FROM search_docsize"), 202);
    found(w, ALICE, "zebras", 51 - 1);
    found(w, BOB, "ZEBRAS", 50);
    found(w, ALICE, "éléphants", 1);
    found(w, ALICE, "机器学习", 50);
    found(w, ALICE, "学习", 50);
    found(w, ALICE, "say \"we\"", 1);
    assert_string_equal(w->snippet, "They say \"we\" never forget.");
    found(w, ALICE, "zebras éléphants", 0);
    found(w, "acme/nobody", "zebras", 0);
}

static void test_the_index_narrows(void **state)
{
    struct world *w = *state;
    fill(w);
    wait_indexed(w);
    assert_int_equal(candidates(w, ALICE, "zebras"), 50);
    assert_int_equal(candidates(w, ALICE, "éléphants"), 1);
    assert_int_equal(candidates(w, BOB, "éléphants"), 0);
    assert_int_equal(candidates(w, ALICE, "say \"we\" never"), 1);
    assert_int_equal(candidates(w, ALICE, "ab"), 102); /* too short: all of hers */
    assert_int_equal(candidates(w, ALICE, "giraffe"), 0);
}

static void test_long_text_is_found_without_an_index(void **state)
{
    struct world *w = *state;
    size_t len = 300 * 1000;
    char *text = mem_alloc(len);
    memset(text, 'x', len);
    memcpy(text + len - 6, "needle", 6);
    say(w, ALICE, 1, 1, "long?", (struct history_text){text, len});
    wait_until(w, NULL, 0, 2);
    wait_indexed(w);
    found(w, ALICE, "needle", 1);
    found(w, ALICE, "xneedle", 1);
    found(w, ALICE, "needles", 0);
    assert_int_equal(candidates(w, ALICE, "needle"), 1);
    mem_free(text);
}

static void test_deletion_reaches_the_index(void **state)
{
    struct world *w = *state;
    fill(w);
    wait_indexed(w);
    struct uuid last = id(101), other = id(1);
    int done = w->completions;
    w->h->ops->edit(w->h, ALICE, &last, NULL, on_done, w);
    w->h->ops->edit(w->h, ALICE, &other, NULL, on_done, w);
    wait_until(w, NULL, 0, done + 2);
    found(w, ALICE, "éléphants", 0);
    wait_indexed(w);
    assert_int_equal(number(w, "SELECT count(*) FROM search_docsize"), 198);
    assert_int_equal(number(w, "SELECT count(*) FROM messages"), 198);
    assert_int_equal(candidates(w, ALICE, "éléphants"), 0);
    assert_int_equal(candidates(w, ALICE, "zebras"), 49);
    /* The numbers that are free again are used by new messages, which are indexed in their turn. */
    say(w, ALICE, 200, 200, "giraffes", text_of("tall"));
    wait_until(w, NULL, 0, w->completions + 2);
    wait_indexed(w);
    assert_int_equal(candidates(w, ALICE, "giraffes"), 1);
    found(w, ALICE, "giraffes", 1);
    found(w, ALICE, "éléphants", 0);
}

static void test_deletion_leaves_nothing(void **state)
{
    struct world *w = *state;
    struct uuid chat = id(1);
    uint64_t from = 0;
    struct history_answer tail = {.owner = ALICE, .gen = id(2), .state = "running", .model = "", .epoch = 1};
    tail.text = text_of("half an ans");
    say(w, ALICE, 1, 1, "one", text_of("1"));
    struct history_send s = {.owner = ALICE, .gen = id(2), .chat = id(1), .has_input = true, .model = ""};
    s.user_message = id(20);
    s.answer_message = id(21);
    s.input = text_of("two");
    w->h->ops->begin(w->h, &s, on_begin, w);
    w->h->checkpoint->save(w->h, &tail, &from, 1, on_done, w);
    wait_until(w, NULL, 0, 4);
    assert_int_equal(number(w, "SELECT count(*) FROM tails"), 1);
    w->h->ops->edit(w->h, ALICE, &chat, NULL, on_done, w);
    wait_until(w, NULL, 0, 5);
    wait_indexed(w);
    assert_int_equal(number(w, "SELECT (SELECT count(*) FROM tails) + (SELECT count(*) FROM generations) + "
                               "(SELECT count(*) FROM messages) + (SELECT count(*) FROM conversations) + "
                               "(SELECT count(*) FROM search_docsize)"),
                     0);
}

static void test_a_replaced_answer_is_indexed_anew(void **state)
{
    struct world *w = *state;
    say(w, ALICE, 1, 1, "who?", text_of("the hippopotamus"));
    wait_until(w, NULL, 0, 2);
    wait_indexed(w);
    struct history_answer a = {.owner = ALICE, .gen = id(1), .state = "complete", .model = "", .epoch = 2};
    a.text = text_of("the rhinoceros");
    w->h->ops->finish(w->h, &a, on_done, w);
    wait_until(w, NULL, 0, 3);
    wait_indexed(w);
    assert_int_equal(candidates(w, ALICE, "hippopotamus"), 0);
    assert_int_equal(candidates(w, ALICE, "rhinoceros"), 1);
}

static void test_it_goes_on_after_a_restart(void **state)
{
    struct world *w = *state;
    for (uint64_t i = 1; i <= 200; i++)
        say(w, ALICE, i, i, "a question about zebras", text_of("an answer about giraffes"));
    struct uuid chat = id(7);
    w->h->ops->edit(w->h, ALICE, &chat, NULL, on_done, w);
    w->h->ops->close(w->h); /* nothing is indexed, and one is buried */
    assert_true(open_store(w));
    wait_indexed(w);
    assert_int_equal(number(w, "SELECT count(*) FROM search_docsize"), 398);
    assert_int_equal(number(w, "SELECT count(*) FROM messages"), 398);
    assert_int_equal(candidates(w, ALICE, "giraffes"), 199);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_the_index_catches_up),
        T(test_the_index_narrows),
        T(test_long_text_is_found_without_an_index),
        T(test_deletion_reaches_the_index),
        T(test_deletion_leaves_nothing),
        T(test_a_replaced_answer_is_indexed_anew),
        T(test_it_goes_on_after_a_restart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
