/* Everything at once, seeded: clients that ask, drop, come back and forget, an upstream that stammers,
 * restarts and ends, a history that fails, and a gateway that dies. Then the same with three gateways on one
 * store, of which some die, some freeze, some do not reach the store, and history is away. The oracle:
 * whoever comes back in the end holds exactly what history has, and every answer that was accepted has a last
 * word. In the lonely worlds nobody comes back before that: the gateways find out by themselves. */
#include "fixture.h"

#define CLIENTS 5
#define GENS 12
#define STEPS 600

static uint32_t rng_state;

static uint32_t rng(uint32_t below)
{
    rng_state = rng_state * 1664525u + 1013904223u;
    return (rng_state >> 9) % below;
}

/* What one client holds of one generation, by the client's rule. */
struct copy {
    char gen[37];
    struct buf have;
    bool following, asked, accepted, done;
    bool flagged; /* told that the store is away */
};

struct person {
    struct client *client;
    int node;
    struct copy copies[GENS];
};

static struct person people[CLIENTS];
static bool cluster, lonely;
static bool up[WORLD_NODES], frozen[WORLD_NODES];

static void gen_name(char out[37], int i)
{
    snprintf(out, 37, "01930000-0000-7000-8000-0000000000%02x", (unsigned)i + 1);
}

static struct copy *copy_of(struct person *p, const char *gen)
{
    for (int i = 0; i < GENS; i++)
        if (strcmp(p->copies[i].gen, gen) == 0)
            return &p->copies[i];
    fail_msg("a message for %s", gen);
    return NULL;
}

static void hear_delta(struct copy *c, json_t *m)
{
    assert_true(c->following && !c->done);
    assert_int_equal(num(m, "off"), c->have.len);
    buf_add_str(&c->have, str(m, "text"));
    assert_string_equal(str(m, "crc"), crc_of(buf_cstr(&c->have)));
}

static void hear(struct person *p, json_t *m)
{
    const char *type = str(m, "type"), *gen = str(m, "gen");
    if (!gen || strcmp(type, "active") == 0 || strcmp(type, "status") == 0 || strcmp(type, "start") == 0)
        return;
    struct copy *c = copy_of(p, gen);
    if (strcmp(type, "delta") == 0) {
        hear_delta(c, m);
    } else if (strcmp(type, "rewind") == 0) {
        assert_true((size_t)num(m, "off") <= c->have.len);
        c->have.len = (size_t)num(m, "off");
        assert_string_equal(str(m, "crc"), crc_of(buf_cstr(&c->have)));
    } else if (strcmp(type, "done") == 0) {
        assert_int_equal(num(m, "off"), c->have.len);
        assert_string_equal(str(m, "crc"), crc_of(buf_cstr(&c->have)));
        c->done = true;
        c->following = false;
    } else if (strcmp(type, "accepted") == 0) {
        c->accepted = true;
    } else if (strcmp(type, "error") == 0) {
        bool degraded = strcmp(str(m, "code"), "STORE_DEGRADED") == 0;
        c->flagged |= degraded;
        if (!degraded || (c->asked && !c->accepted)) /* otherwise it ends nothing */
            c->following = false;
    }
}

static void listen_to(struct person *p, int most)
{
    json_t *m;
    while (p->client && most-- && (m = client_hear(p->client)))
        hear(p, m);
}

static void person_comes(struct person *p)
{
    p->node = cluster ? (int)rng(WORLD_NODES) : 0;
    if (up[p->node] && !frozen[p->node])
        p->client = client_hello_at(p->node);
}

static void person_drops(struct person *p)
{
    client_gone(p->client);
    p->client = NULL;
    for (int i = 0; i < GENS; i++)
        p->copies[i].following = false;
}

static void person_asks(struct person *p, int i)
{
    static const char *const busy[] = {"reject", "queue", "interrupt"};
    struct copy *c = &p->copies[i];
    if (c->have.len || c->following || c->done)
        return;
    c->following = c->asked = true;
    client_say(p->client,
               "{\"type\":\"send\",\"gen\":\"%s\",\"chat\":\"%s\",\"input\":\"q\",\"if_busy\":\"%s\"%s}",
               c->gen, i % 2 ? CHAT1 : CHAT2, busy[rng(3)], i % 3 ? "" : ",\"parent\":null");
}

static void person_resumes(struct person *p, int i)
{
    struct copy *c = &p->copies[i];
    listen_to(p, 100000); /* what was said before the resume belongs to the old position */
    if (c->done)
        return;
    c->following = true;
    c->asked = false;
    if (rng(6) == 0 && c->have.len > 2) /* a client that went wrong */
        c->have.data[c->have.len - 1] = '#';
    client_resume(p->client, c->gen, buf_cstr(&c->have));
}

static void person_acts(struct person *p)
{
    int i = (int)rng(GENS);
    if (p->client && frozen[p->node]) /* it hears nothing, and goes elsewhere */
        person_drops(p);
    if (!p->client) {
        person_comes(p);
        return;
    }
    switch (rng(12)) {
    case 0:
        person_drops(p);
        break;
    case 1:
    case 2:
        person_asks(p, i);
        break;
    case 3:
    case 4:
        person_resumes(p, i);
        break;
    case 5:
        if (rng(4) == 0 && p->copies[i].accepted)
            client_say(p->client, "{\"type\":\"cancel\",\"gen\":\"%s\"}", p->copies[i].gen);
        break;
    case 6:
        client_say(p->client, "{\"type\":\"ack\",\"gen\":\"%s\",\"off\":%zu}", p->copies[i].gen,
                   p->copies[i].have.len);
        break;
    default:
        listen_to(p, (int)rng(6));
    }
}

static void upstream_acts(void)
{
    static const char *const words[] = {"one ", "zwei ", "三", "🙂", "\n\n", "a longer run of words, "};
    if (!upstream_count())
        return;
    size_t i = rng((uint32_t)upstream_count());
    switch (rng(14)) {
    case 0:
        upstream_ends(i, rng(4) ? CALL_COMPLETE : CALL_TRUNCATED);
        break;
    case 1:
        upstream_starts(i, START_RESTART);
        break;
    case 2:
        upstream_starts(i, START_PREFIX);
        break;
    case 3:
        upstream_status(i, CALL_STALLED, 10);
        break;
    default:
        upstream_says(i, words[rng(6)]);
    }
}

/* A done that history refused and a gateway that dies with it are two faults at once: persisted false said
 * so. */
static void gateway_dies(void)
{
    history_hold(false);
    history_fail(STORE_OK, STORE_OK);
    world_pass(3000);
    for (int i = 0; i < CLIENTS; i++)
        if (people[i].client)
            person_drops(&people[i]);
    world_restart();
}

static void drop_all_of(int node)
{
    for (int i = 0; i < CLIENTS; i++)
        if (people[i].client && people[i].node == node)
            person_drops(&people[i]);
}

static void cluster_acts(void)
{
    int node = (int)rng(WORLD_NODES);
    switch (rng(12)) {
    case 0:
        if (up[node]) {
            drop_all_of(node);
            world_kill(node);
        } else {
            world_start(node);
        }
        up[node] = !up[node];
        frozen[node] = false;
        break;
    case 1:
    case 2:
        if (up[node])
            world_freeze(node, frozen[node] = !frozen[node]);
        break;
    case 3:
    case 4:
    case 5:
        if (up[node])
            world_store(node, (enum flaky)rng(3));
        break;
    case 6:
    case 7:
        if (up[node])
            world_store(node, FLAKY_NOT);
        break;
    case 8:
    case 9:
        history_away(rng(2));
        break;
    default:
        world_pass(rng(4000));
    }
}

static void cluster_heals(void)
{
    for (int i = 0; i < WORLD_NODES; i++) {
        if (!up[i])
            world_start(i);
        world_freeze(i, false);
        world_store(i, FLAKY_NOT);
        up[i] = true;
        frozen[i] = false;
    }
}

static void world_acts(void)
{
    if (cluster && rng(12) == 0)
        cluster_acts();
    switch (cluster ? 1 + rng(59) : rng(60)) {
    case 0:
        gateway_dies();
        break;
    case 1:
        history_fail(rng(2) ? STORE_FULL : STORE_OK, rng(2) ? STORE_UNAVAILABLE : STORE_OK);
        break;
    case 2:
        history_hold(rng(3) == 0);
        break;
    case 3:
        world_pass(rng(3000));
        break;
    default:
        world_pass(rng(20));
    }
}

/* Everything that broke is whole again; every running answer is given its end. */
static void the_end(void)
{
    history_hold(false);
    history_away(false);
    history_fail(STORE_OK, STORE_OK);
    if (cluster) {
        cluster_heals();
        world_pass(lonely ? 150000 : 10000);         /* lonely: history has been gone through */
        for (int p = 0; !lonely && p < CLIENTS; p++) /* whoever was accepted comes back for it */
            if (!people[p].client)
                person_comes(&people[p]);
        for (int p = 0; !lonely && p < CLIENTS; p++)
            for (int i = 0; i < GENS; i++)
                person_resumes(&people[p], i);
    }
    do {
        world_pass(3000);
        while (upstream_count())
            upstream_ends(0, CALL_COMPLETE);
        world_pass(3000);
        if (cluster)
            world_pass(15000); /* whoever waited for an answer nobody ended has found out */
    } while (upstream_count());
}

/* Every answer has its last word in history, and nobody is there who could have asked for it. */
static void check_history(void)
{
    for (int i = 0; i < GENS; i++) {
        const char *gen = people[0].copies[i].gen, *state = history_state(gen);
        if (state && strcmp(state, "running") == 0)
            fail_msg("%s runs for ever", gen);
    }
}

static void everybody_leaves(void)
{
    for (int p = 0; p < CLIENTS; p++)
        if (people[p].client)
            person_drops(&people[p]);
}

static void check_all(void)
{
    for (int p = 0; p < CLIENTS; p++) {
        if (people[p].client && client_closed(people[p].client)) /* it was silent for too long */
            person_drops(&people[p]);
        if (!people[p].client)
            person_comes(&people[p]);
        for (int i = 0; i < GENS; i++) {
            struct copy *c = &people[p].copies[i];
            person_resumes(&people[p], i);
            listen_to(&people[p], 100000);
            const char *state = history_state(c->gen);
            if (state && strcmp(state, "running") == 0)
                print_message("%s still runs (not flagged)\n", c->gen);
            assert_true(!state || strcmp(state, "running") != 0);
            if (c->done != (state != NULL))
                print_message("person %d: %s is %s, and recorded as %s\n", p, c->gen,
                              c->done ? "done" : "not done", state ? state : "nothing");
            assert_true(c->done == (state != NULL));
            assert_true(!c->accepted || c->done);
            if (strcmp(buf_cstr(&c->have), history_text(c->gen)) != 0)
                print_message("person %d holds another %s (%s)\n", p, c->gen,
                              c->flagged ? "flagged" : "not flagged");
            /* A gateway cut off from the store may have let it end, and said that it was cut off. */
            if (!c->flagged && !history_was_alone(c->gen))
                assert_string_equal(buf_cstr(&c->have), history_text(c->gen));
        }
    }
}

static void everybody_ends_with_the_same_bytes(void **state)
{
    (void)state;
    world_config()->limits_unacked_bytes = 65536;
    for (int step = 0; step < STEPS; step++) {
        person_acts(&people[rng(CLIENTS)]);
        upstream_acts();
        world_acts();
    }
    if (lonely)
        everybody_leaves();
    the_end();
    if (lonely)
        check_history();
    check_all();
}

static int people_new(void)
{
    memset(people, 0, sizeof people);
    for (int p = 0; p < CLIENTS; p++)
        for (int i = 0; i < GENS; i++)
            gen_name(people[p].copies[i].gen, i);
    return 0;
}

static void people_free(void)
{
    for (int p = 0; p < CLIENTS; p++)
        for (int i = 0; i < GENS; i++)
            buf_free(&people[p].copies[i].have);
}

static uint32_t setting(const char *name, uint32_t otherwise)
{
    const char *value = getenv(name);
    return value ? (uint32_t)strtoul(value, NULL, 10) : otherwise;
}

/* SIMULATION_FIRST and SIMULATION_SEEDS run more, or one again. */
static void many_seeds(void **state)
{
    static const bool all_up[WORLD_NODES] = {true, true, true};
    uint32_t first = setting("SIMULATION_FIRST", 1), count = setting("SIMULATION_SEEDS", 60);
    for (uint32_t seed = first; seed < first + count; seed++) {
        rng_state = seed * 2654435761u;
        print_message("seed %u\n", seed);
        people_new();
        memcpy(up, all_up, sizeof up);
        memset(frozen, 0, sizeof frozen);
        if (cluster)
            world_setup_cluster(state);
        else
            world_setup(state);
        everybody_ends_with_the_same_bytes(state);
        world_teardown(state);
        people_free();
    }
}

static void many_seeds_of_a_cluster(void **state)
{
    cluster = true;
    many_seeds(state);
    cluster = false;
}

static void many_seeds_where_nobody_comes_back(void **state)
{
    lonely = true;
    many_seeds_of_a_cluster(state);
    lonely = false;
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(many_seeds),
                                       cmocka_unit_test(many_seeds_of_a_cluster),
                                       cmocka_unit_test(many_seeds_where_nobody_comes_back)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
