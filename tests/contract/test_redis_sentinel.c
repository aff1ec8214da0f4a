/* The session store behind three real Sentinels, through a failover: the owner takes its lease up again on
 * the new master, appends what was lost, and what stands is what it wrote. The time is the real one:
 * Sentinel's is. */
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "contract/redis_bed.h"
#include "store/redis.h"

#define SENTINELS 3
#define FIRST 2 /* after the master and its replica */

static void write_conf(const struct redis_server *r, int master_port)
{
    char path[300];
    snprintf(path, sizeof(path), "%s/conf", r->folder);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fprintf(f,
            "sentinel monitor m 127.0.0.1 %d 2\nsentinel down-after-milliseconds m 500\n"
            "sentinel failover-timeout m 3000\n",
            master_port);
    fclose(f);
}

/* They know each other and the replica: before that they cannot act. */
static bool are_ready(struct redis_world *w)
{
    if (!strstr(redis_server_ask(&w->servers[1], "INFO replication"), "master_link_status:up"))
        return false;
    for (int i = FIRST; i < FIRST + SENTINELS; i++) {
        const char *info = redis_server_ask(&w->servers[i], "INFO sentinel");
        if (!strstr(info, "status=ok") || !strstr(info, "slaves=1,sentinels=3"))
            return false;
    }
    return true;
}

static void open_bed(struct bed *b)
{
    static char port[16];
    static const char *const replica[] = {"--replicaof", "127.0.0.1", port, NULL};
    struct redis_server *servers = b->world.servers;
    memset(b, 0, sizeof(*b));
    b->world.server_count = FIRST + SENTINELS;
    for (int i = 0; i < FIRST + SENTINELS; i++) {
        redis_server_prepare(&servers[i], i == 1 ? replica : NULL);
        servers[i].real_time = true;
        servers[i].sentinel = i >= FIRST;
        if (!i)
            snprintf(port, sizeof(port), "%d", servers[0].port);
        if (servers[i].sentinel)
            write_conf(&servers[i], servers[0].port);
        redis_server_start(&servers[i]);
    }
    for (int tries = 0; !are_ready(&b->world); tries++) {
        if (tries > 3000)
            fail_msg("the Sentinels do not find each other");
        poll(NULL, 0, 10);
    }
    snprintf(b->url, sizeof(b->url), "sentinel://127.0.0.1:%d,127.0.0.1:%d,127.0.0.1:%d/m", servers[2].port,
             servers[3].port, servers[4].port);
    b->s = bed_open(b, b->url, "a");
    until_up(b);
    acquired(b, "ok epoch=1 seq=0 off=0");
    appended(b, "Hello", "ok");
}

/* What an owner does after an outage: the log may have lost its end. */
static void mend(struct bed *b)
{
    static const char *const ends[] = {"ok epoch=1 seq=0 off=0", "ok epoch=1 seq=1 off=5"};
    int before = b->completions;
    struct gen_key k = bed_key(1);
    bed_reclaim(b, &k);
    until_done(b, before);
    const char *said = buf_cstr(&b->said);
    bool lost = strcmp(said, ends[0]) == 0;
    assert_true(lost || strcmp(said, ends[1]) == 0);
    b->seq = lost ? 0 : 1;
    b->text.len = lost ? 0 : 5;
    if (lost)
        appended(b, "Hello", "ok");
}

static int role_asks(struct bed *b, int server, const char *role)
{
    return strstr(redis_server_ask(&b->world.servers[server], "ROLE"), role) != NULL;
}

static bool old_is_replica(void *ctx)
{
    return role_asks(ctx, 0, "slave");
}

static void after_the_failover(struct bed *b)
{
    until_up(b);
    assert_true(role_asks(b, 1, "master"));
    mend(b);
    appended(b, ", world", "ok");
    read_back(b, "ok Hello, world");
}

/* The old master comes back, is made a replica, and changes nothing. */
static void when_the_old_one_is_back(struct bed *b)
{
    redis_world_until(&b->world, old_is_replica, b);
    until_up(b);
    appended(b, "!", "ok");
    read_back(b, "ok Hello, world!");
    assert_true(role_asks(b, 1, "master"));
}

static void test_the_master_dies_and_the_sentinel_we_asked(void **state)
{
    struct bed b;
    (void)state;
    open_bed(&b);
    redis_server_kill(&b.world.servers[FIRST]);
    redis_server_kill(&b.world.servers[0]);
    appended(&b, "?", "unavailable");
    until_down(&b);
    after_the_failover(&b);
    bed_close(&b);
}

static void test_the_master_is_cut_off_and_comes_back(void **state)
{
    struct bed b;
    (void)state;
    open_bed(&b);
    kill(b.world.servers[0].pid, SIGSTOP);
    until_down(&b);
    after_the_failover(&b);
    kill(b.world.servers[0].pid, SIGCONT);
    when_the_old_one_is_back(&b);
    bed_close(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_master_dies_and_the_sentinel_we_asked),
        cmocka_unit_test(test_the_master_is_cut_off_and_comes_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
