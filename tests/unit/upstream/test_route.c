/* Tests of upstream/route.c, site.c and models.c: names to targets, circuits of upstream and model, and how
 * an upstream is asked for its models. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/log.h"
#include "base/mem.h"
#include "upstream/models.h"
#include "upstream/route.h"

static const struct breaker_limits limits = {.failures = 2, .wait_ms = 1000};
static uint32_t next_random;

static uint32_t chance(void)
{
    return next_random;
}

static struct config_upstream upstreams[3] = {
    {.name = "a", .url = "http://a", .dialect = "openai", .key = ""},
    {.name = "b", .url = "http://b", .dialect = "openai", .key = ""},
    {.name = "c", .url = "http://c", .dialect = "openai", .key = ""},
};
static struct config config;
static struct routes routes;

static void open_routes(struct config_route *list, size_t count)
{
    struct site **sites = mem_alloc(3 * sizeof *sites);
    log_open(-1, LOG_LEVEL_ERROR, "test");
    for (size_t i = 0; i < 3; i++)
        sites[i] = site_new(&upstreams[i], &limits);
    config = (struct config){.upstreams = upstreams,
                             .upstream_count = 3,
                             .routes = list,
                             .route_count = count,
                             .upstream_default_model = ""};
    routes_init(&routes, &config, sites, 3);
}

static void has(size_t i, const char *one, const char *two)
{
    const char *names[] = {one, two};
    site_set_models(routes.sites[i], names, two ? 2 : one ? 1 : 0);
    routes_changed(&routes);
}

/* The picked targets as "a/m b/n". */
static void check(const char *model, const char *want)
{
    struct pick p;
    struct err e = {0};
    char got[256] = "";
    if (!route_find(&routes, model, chance, &p, &e)) {
        snprintf(got, sizeof got, "%s", err_wire(e.code));
        assert_false(route_knows(&routes, model, &e));
    } else {
        assert_true(route_knows(&routes, model, &e));
    }
    for (size_t i = 0; i < p.count; i++)
        snprintf(got + strlen(got), sizeof got - strlen(got), "%s%s/%s", i ? " " : "",
                 p.targets[i].site->name, p.targets[i].model);
    pick_free(&p);
    assert_string_equal(got, want);
}

static void test_models_of_upstreams(void **state)
{
    (void)state;
    open_routes(NULL, 0);
    check("m", "UPSTREAM_UNAVAILABLE"); /* nobody has answered yet */
    has(0, "m", "n");
    has(1, "m", NULL);
    check("m", "a/m b/m");
    check("n", "a/n");
    check("", "a/m b/m");
    check("z", "UPSTREAM_UNAVAILABLE");
    has(2, NULL, NULL);
    check("z", "NOT_FOUND");
    config.upstream_default_model = "n";
    check("", "a/n");
    struct err e = {0};
    route_knows(&routes, "z", &e);
    assert_string_equal(e.message, "There is no such model. Known: m, n.");
    assert_string_equal(e.param, "model");
    routes_free(&routes);
}

static void test_orders_and_weights(void **state)
{
    struct config_target t[] = {
        {.upstream = 2, .model = "late", .order = 2, .weight = 1, .body = ""},
        {.upstream = 0, .model = "", .order = 1, .weight = 3, .body = ""},
        {.upstream = 1, .model = "m-b", .order = 1, .weight = 1, .body = "{\"x\":1}"},
    };
    struct config_route r = {.model = "m", .targets = t, .target_count = 3};
    (void)state;
    open_routes(&r, 1);
    next_random = 0;
    check("m", "a/m b/m-b c/late");
    next_random = UINT32_MAX;
    check("m", "b/m-b a/m c/late");
    next_random = (uint32_t)(0.74 * UINT32_MAX);
    check("m", "a/m b/m-b c/late");
    t[1].weight = t[2].weight = 0;
    check("m", "a/m b/m-b c/late");
    check("", "a/m b/m-b c/late");
    struct pick p;
    struct err e;
    t[2].weight = 1;
    assert_true(route_find(&routes, "m", chance, &p, &e));
    assert_int_equal(json_integer_value(json_object_get(p.targets[0].body, "x")), 1);
    assert_int_equal(p.targets[0].site->refs, 2);
    pick_free(&p);
    routes_free(&routes);
}

static void test_a_route_hides_the_upstreams_own(void **state)
{
    struct config_target t[] = {{.upstream = 1, .model = "real", .order = 1, .weight = 1, .body = ""}};
    struct config_route r = {.model = "m", .targets = t, .target_count = 1};
    const char *const *names;
    (void)state;
    open_routes(&r, 1);
    has(0, "m", "n");
    check("m", "b/real");
    assert_int_equal(routes_names(&routes, &names), 2);
    assert_string_equal(names[0], "m");
    assert_string_equal(names[1], "n");
    routes_free(&routes);
}

static void test_many_names_fit_the_message(void **state)
{
    char name[40];
    const char *names[40];
    struct err e = {0};
    (void)state;
    open_routes(NULL, 0);
    has(1, NULL, NULL);
    has(2, NULL, NULL);
    for (size_t i = 0; i < 40; i++) {
        snprintf(name, sizeof name, "model-number-%zu", i);
        names[i] = mem_strdup(name);
    }
    site_set_models(routes.sites[0], names, 40);
    routes_changed(&routes);
    assert_false(route_knows(&routes, "z", &e));
    assert_non_null(strstr(e.message, "model-number-0,"));
    assert_non_null(strstr(e.message, ", ..."));
    for (size_t i = 0; i < 40; i++)
        mem_free((void *)(uintptr_t)names[i]);
    routes_free(&routes);
}

/* ------------------------------------------------------------ circuits */

static void test_a_model_and_its_upstream_fail_apart(void **state)
{
    struct site *s = site_new(&upstreams[0], &limits);
    (void)state;
    site_failed(s, "m", BREAKER_MODEL, 0);
    site_failed(s, "m", BREAKER_MODEL, 0);
    assert_int_equal(site_wait(s, "m", 0), 1000);
    assert_int_equal(site_wait(s, "n", 0), 0); /* its neighbour serves on */
    site_ok(s, "m");
    assert_int_equal(site_wait(s, "m", 0), 0);
    site_failed(s, "m", BREAKER_SITE, 0);
    site_failed(s, "n", BREAKER_SITE, 0);
    assert_int_equal(site_wait(s, "other", 0), 1000); /* nobody there at all */
    unsigned probe = site_enter(s, "m", 1000);
    assert_true(site_wait(s, "n", 1000) > 0);
    site_forget(s, "m", probe);
    assert_int_equal(site_wait(s, "n", 1000), 0);
    site_failed(s, "m", BREAKER_NONE, 1000); /* a refusal is an answer */
    assert_int_equal(s->breaker.state, BREAKER_CLOSED);
    for (int i = 0; i < 300; i++) {
        char name[16];
        snprintf(name, sizeof name, "m%d", i);
        site_failed(s, name, BREAKER_MODEL, 0);
    }
    assert_true(s->circuit_count <= 256);
    site_drop(s);
}

/* ------------------------------------------------------------ asking for models */

struct transfer {
    const struct transport_handlers *handlers;
    void *ctx;
    bool cancelled;
};
static struct transfer asked;
static int asks, changes;
static uint64_t now_ms;

static struct transfer *fake_start(void *site, struct transport_request *r,
                                   const struct transport_handlers *h, void *ctx)
{
    (void)site;
    assert_string_equal(r->path, "/models");
    assert_int_equal(r->body.len, 0);
    asks++;
    asked = (struct transfer){.handlers = h, .ctx = ctx};
    return &asked;
}

static void fake_cancel(struct transfer *t)
{
    t->cancelled = true;
}

static const struct transport fake = {fake_start, fake_cancel, fake_cancel};

static uint64_t clock_us(void *clock)
{
    (void)clock;
    return now_ms * 1000;
}

static void changed(void *ctx)
{
    (void)ctx;
    changes++;
}

static void answer(int status, const char *body)
{
    if (status) {
        asked.handlers->on_head(asked.ctx, status, -1, "application/json");
        asked.handlers->on_body(asked.ctx, body, strlen(body));
    }
    asked.handlers->on_end(asked.ctx, status ? TRANSPORT_OK : TRANSPORT_CONNECT, "test");
}

static void test_models_are_asked_again(void **state)
{
    struct models m;
    struct site *s = site_new(&upstreams[0], &limits);
    (void)state;
    s->transport = &fake;
    now_ms = 5000;
    models_init(&m, clock_us, NULL, changed, NULL);
    models_add(&m, s);
    models_tick(&m);
    assert_int_equal(asks, 1);
    models_tick(&m);
    assert_int_equal(asks, 1);
    uint64_t wait = 100;
    for (int i = 0; i < 4; i++, wait *= 2) { /* failing: soon, then less soon */
        static const char *const bodies[] = {"", "{\"data\":3}", "nonsense", "{}"};
        answer(i == 0 ? 0 : i == 1 ? 500 : 200, bodies[i]);
        assert_true(models_next_ms(&m) == now_ms + wait);
        now_ms += wait;
        models_tick(&m);
        assert_int_equal(asks, i + 2);
    }
    assert_int_equal(changes, 0);
    answer(200, "{\"object\":\"list\",\"data\":[{\"id\":\"m\"},{\"id\":\"\"},{\"id\":7},{\"id\":\"n\"}]}");
    assert_int_equal(changes, 1);
    assert_int_equal(s->model_count, 2);
    assert_string_equal(s->models[1], "n");
    assert_true(models_next_ms(&m) == now_ms + 60000);
    now_ms += 60000;
    models_tick(&m);
    answer(0, "");
    assert_int_equal(s->model_count, 2); /* what was known stays known */
    now_ms += 100;
    models_tick(&m);
    now_ms += 10000; /* no answer at all */
    models_tick(&m);
    assert_true(asked.cancelled);
    now_ms += 200;
    models_tick(&m);
    assert_false(asked.cancelled);
    models_clear(&m);
    assert_true(asked.cancelled);
    site_drop(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_models_of_upstreams),
        cmocka_unit_test(test_orders_and_weights),
        cmocka_unit_test(test_a_route_hides_the_upstreams_own),
        cmocka_unit_test(test_many_names_fit_the_message),
        cmocka_unit_test(test_a_model_and_its_upstream_fail_apart),
        cmocka_unit_test(test_models_are_asked_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
