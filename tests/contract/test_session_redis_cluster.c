/* The session contract on a Redis cluster of three masters, and what only a cluster does: slots that move,
 * and a master that is gone while the others serve. */
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "contract/redis_bed.h"
#include "store/redis.h"

#define MASTERS 3

/* A master is never found dead by the others: the test's clock jumps. */
static char ports[MASTERS][16];
static const char *arguments[MASTERS][8];

static void prepare(struct redis_world *w)
{
    w->server_count = MASTERS;
    for (int i = 0; i < MASTERS; i++) {
        const char *const all[] = {"--cluster-enabled",
                                   "yes",
                                   "--cluster-node-timeout",
                                   "86400000",
                                   "--cluster-port",
                                   ports[i],
                                   NULL};
        snprintf(ports[i], sizeof(ports[i]), "%d", redis_free_port());
        memcpy(arguments[i], all, sizeof(all));
        redis_server_prepare(&w->servers[i], arguments[i]);
        redis_server_start(&w->servers[i]);
    }
}

static bool is_whole(struct redis_world *w)
{
    for (int i = 0; i < MASTERS; i++) {
        const char *info = redis_server_ask(&w->servers[i], "CLUSTER INFO");
        if (!strstr(info, "cluster_state:ok") || !strstr(info, "cluster_known_nodes:3"))
            return false;
    }
    return true;
}

static void until_whole(struct redis_world *w)
{
    for (int tries = 0; !is_whole(w); tries++) {
        if (tries > 2000)
            fail_msg("the three do not become a cluster");
        for (int i = 0; i < MASTERS; i++) /* time is the test's, and they want some */
            atomic_fetch_add(w->servers[i].clock_us, 100000);
        poll(NULL, 0, 10);
    }
}

static void join(struct redis_world *w)
{
    char command[128];
    for (int i = 0; i < MASTERS; i++) {
        snprintf(command, sizeof(command), "CLUSTER SET-CONFIG-EPOCH %d", i + 1);
        redis_server_ask(&w->servers[i], command);
        snprintf(command, sizeof(command), "CLUSTER ADDSLOTSRANGE %d %d", i * REDIS_SLOTS / MASTERS,
                 (i + 1) * REDIS_SLOTS / MASTERS - 1);
        redis_server_ask(&w->servers[i], command);
        for (int k = 0; k < MASTERS; k++) { /* gossip would do, and take its time */
            snprintf(command, sizeof(command), "CLUSTER MEET 127.0.0.1 %d %s", w->servers[k].port, ports[k]);
            if (k != i)
                redis_server_ask(&w->servers[i], command);
        }
    }
    until_whole(w);
}

static void open_bed(struct bed *b)
{
    memset(b, 0, sizeof(*b));
    prepare(&b->world);
    join(&b->world);
    snprintf(b->url, sizeof(b->url), "cluster://127.0.0.1:1,127.0.0.1:%d", b->world.servers[1].port);
    b->s = bed_open(b, b->url, "a");
    until_up(b);
}

/* Which of the three has the shard of a generation. */
static int master_of(const struct gen_key *k)
{
    return (int)((redis_shard_slot(redis_shard(k)) * MASTERS + MASTERS - 1) / REDIS_SLOTS);
}

static void test_slots_that_move_are_followed(void **state)
{
    struct bed b;
    struct gen_key k = bed_key(1);
    char id[64], command[200];
    (void)state;
    open_bed(&b);
    int from = master_of(&k), to = (from + 1) % MASTERS;
    /* "$40\r\n<id>" */
    memcpy(id, redis_server_ask(&b.world.servers[to], "CLUSTER MYID") + 5, 40);
    id[40] = '\0';
    snprintf(command, sizeof(command), "CLUSTER SETSLOT %u NODE %s", redis_shard_slot(redis_shard(&k)), id);
    for (int i = 0; i < MASTERS; i++)
        redis_server_ask(&b.world.servers[i], command);
    acquired(&b, "ok epoch=1 seq=0 off=0");
    appended(&b, "Hello", "ok");
    read_back(&b, "ok Hello");
    assert_string_equal(buf_cstr(&b.events), "up; ");
    bed_close(&b);
}

static void touched(void *ctx, enum store_status status, bool existed)
{
    struct bed *b = ctx;
    (void)existed;
    b->completions++;
    buf_clear(&b->said);
    buf_add_str(&b->said, store_status_name(status));
}

/* A session whose slot is with that master. */
static struct uuid session_at(int master)
{
    struct uuid u = {{0}};
    char key[REDIS_KEY_MAX];
    do {
        u.b[15]++;
    } while ((int)(redis_slot(key, redis_key_session(key, OWNER, &u)) * MASTERS / REDIS_SLOTS) != master);
    return u;
}

static void touch_session(struct bed *b, int master, const char *what)
{
    int before = b->completions;
    struct uuid session = session_at(master);
    b->s->ops->touch(b->s, OWNER, &session, 1000, touched, b);
    until_done(b, before);
    heard_it(b, what);
}

/* From now on that slot of master `from` is on its way to the next. */
static void begin_move(struct bed *b, int from, unsigned slot)
{
    char id[2][41], command[200];
    struct redis_server *servers[] = {&b->world.servers[from], &b->world.servers[(from + 1) % MASTERS]};
    for (int i = 0; i < 2; i++) {
        memcpy(id[i], redis_server_ask(servers[i], "CLUSTER MYID") + 5, 40); /* after "$40\r\n" */
        id[i][40] = '\0';
    }
    snprintf(command, sizeof(command), "CLUSTER SETSLOT %u IMPORTING %s", slot, id[0]);
    redis_server_ask(servers[1], command);
    snprintf(command, sizeof(command), "CLUSTER SETSLOT %u MIGRATING %s", slot, id[1]);
    redis_server_ask(servers[0], command);
}

/* A key that is not there any more is asked for at the other. */
static void test_a_slot_on_its_way(void **state)
{
    struct bed b;
    char command[200], key[REDIS_KEY_MAX];
    struct uuid session = session_at(0);
    unsigned slot = redis_slot(key, redis_key_session(key, OWNER, &session));
    (void)state;
    open_bed(&b);
    begin_move(&b, 0, slot);
    touch_session(&b, 0, "ok");
    snprintf(command, sizeof(command), "CLUSTER COUNTKEYSINSLOT %u", slot);
    assert_string_equal(redis_server_ask(&b.world.servers[0], command), ":0\r\n");
    assert_string_equal(redis_server_ask(&b.world.servers[1], command), ":1\r\n");
    bed_close(&b);
}

/* What needs several keys of which some are still to come is told to try again: that is Redis. It is answered
 * in time all the same, and what is there goes on. */
static void test_a_log_in_a_slot_on_its_way(void **state)
{
    struct bed b;
    struct gen_key k = bed_key(1);
    (void)state;
    open_bed(&b);
    acquired(&b, "ok epoch=1 seq=0 off=0");
    begin_move(&b, master_of(&k), redis_shard_slot(redis_shard(&k)));
    appended(&b, "Hello", "ok");
    redis_server_ask(&b.world.servers[master_of(&k)], "FLUSHALL"); /* as if all had been moved already */
    uint64_t from = link_now_ms();
    acquired(&b, "unavailable");
    assert_in_range(link_now_ms() - from, 0, TIMEOUT_MS + 1000);
    assert_string_equal(buf_cstr(&b.events), "up; ");
    bed_close(&b);
}

static void test_a_master_that_is_gone_takes_its_slots_only(void **state)
{
    struct bed b;
    (void)state;
    open_bed(&b);
    redis_server_kill(&b.world.servers[2]);
    until_down(&b);
    for (int i = 0; i < MASTERS; i++)
        touch_session(&b, i, i == 2 ? "unavailable" : "ok");
    redis_server_start(&b.world.servers[2]);
    until_whole(&b.world);
    until_up(&b);
    bed_close(&b);
}

static int run_contract(void)
{
    static struct redis_world w;
    char url[128];
    prepare(&w);
    join(&w);
    snprintf(url, sizeof(url), "cluster://127.0.0.1:%d", w.servers[0].port);
    w.url = url;
    struct session_factory factory = redis_world_open(&w);
    int failed = session_contract(&factory);
    redis_world_close(&w);
    return failed;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_slots_that_move_are_followed),
        cmocka_unit_test(test_a_slot_on_its_way),
        cmocka_unit_test(test_a_log_in_a_slot_on_its_way),
        cmocka_unit_test(test_a_master_that_is_gone_takes_its_slots_only),
    };
    int failed = run_contract();
    return failed + cmocka_run_group_tests(tests, NULL, NULL) != 0;
}
