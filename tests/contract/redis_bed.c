/* redis_bed: see redis_bed.h. */
#include "contract/redis_bed.h"

#include <stdio.h>
#include <string.h>

#include "base/crc32c.h"
#include "base/mem.h"
#include "store/redis.h"

struct gen_key bed_key(int n)
{
    struct gen_key k = {.owner = OWNER};
    k.gen.b[15] = (uint8_t)n;
    return k;
}

/* ---- what comes */

static void on_health(void *ctx, bool up)
{
    struct bed *b = ctx;
    b->health_ms = link_now_ms();
    buf_add_str(&b->events, up ? "up; " : "down; ");
}

static void on_grown(void *ctx, const struct gen_key *key, uint64_t seq)
{
    struct bed *b = ctx;
    buf_printf(&b->events, "grown %d to %llu; ", key->gen.b[15], (unsigned long long)seq);
}

static void on_active(void *ctx, const char *owner, const struct uuid *gen, const struct uuid *chat,
                      const char *state, uint64_t off)
{
    struct bed *b = ctx;
    (void)owner, (void)chat;
    buf_printf(&b->events, "active %d %s %llu; ", gen->b[15], state, (unsigned long long)off);
}

static void say(struct bed *b, enum store_status status)
{
    b->completions++;
    b->completed_ms = link_now_ms();
    buf_clear(&b->said);
    buf_add_str(&b->said, store_status_name(status));
}

static void on_done(void *ctx, enum store_status status)
{
    say(ctx, status);
}

static void on_lease(void *ctx, const struct lease_result *r)
{
    struct bed *b = ctx;
    say(b, r->status);
    if (r->status == STORE_OK)
        buf_printf(&b->said, " epoch=%llu seq=%llu off=%llu", (unsigned long long)r->epoch,
                   (unsigned long long)r->seq, (unsigned long long)r->off);
}

static void on_read(void *ctx, enum store_status status, const struct log_record *records, size_t n)
{
    struct bed *b = ctx;
    say(b, status);
    buf_add_char(&b->said, ' ');
    for (size_t i = 0; i < n; i++)
        buf_add(&b->said, records[i].data, records[i].len);
}

/* ---- life */

struct session_store *bed_open(struct bed *b, const char *url, const char *node)
{
    char error[256] = "";
    const struct session_store_events events = {
        .on_health = on_health, .on_grown = on_grown, .on_active = on_active, .ctx = b};
    const struct session_redis_options options = {
        .url = url, .node = node, .timeout_ms = TIMEOUT_MS, .connect_ms = TIMEOUT_MS};
    if (!b->world.loop)
        redis_world_open(&b->world);
    struct session_store *s = session_redis_open(&options, b->world.loop, &events, error, sizeof(error));
    if (!s)
        fail_msg("%s: %s", url, error);
    return s;
}

void bed_close(struct bed *b)
{
    if (b->s)
        b->s->ops->close(b->s);
    redis_world_close(&b->world);
    buf_free(&b->said);
    buf_free(&b->events);
    buf_free(&b->text);
    assert_int_equal(mem_alive(MEM_STORE_OP), 0);
    memset(b, 0, sizeof(*b));
}

/* ---- waiting */

static bool is_up(void *ctx)
{
    struct bed *b = ctx;
    return redis_settled(b->s);
}

void until_up(struct bed *b)
{
    redis_world_until(&b->world, is_up, b);
}

static bool is_down(void *ctx)
{
    struct bed *b = ctx;
    return !b->s->ops->healthy(b->s);
}

void until_down(struct bed *b)
{
    redis_world_until(&b->world, is_down, b);
}

struct expected {
    struct bed *b;
    const char *event;
    int completions;
};

static bool is_told(void *ctx)
{
    const struct expected *e = ctx;
    return strstr(buf_cstr(&e->b->events), e->event) != NULL;
}

void until_told(struct bed *b, const char *event)
{
    struct expected e = {.b = b, .event = event};
    redis_world_until(&b->world, is_told, &e);
}

static bool is_done(void *ctx)
{
    const struct expected *e = ctx;
    return e->b->completions > e->completions;
}

void until_done(struct bed *b, int before)
{
    struct expected e = {.b = b, .completions = before};
    assert_int_equal(b->completions, before);
    redis_world_until(&b->world, is_done, &e);
    assert_int_equal(b->completions, before + 1);
}

/* ---- calls */

static struct log_record record(const struct bed *b, size_t from)
{
    return (struct log_record){.seq = b->seq,
                               .epoch = 1,
                               .off = b->text.len,
                               .crc = crc32c(0, b->text.data, b->text.len),
                               .kind = LOG_KIND_TEXT,
                               .data = b->text.data + from,
                               .len = b->text.len - from};
}

static size_t last_from;

void begin_again(struct bed *b)
{
    struct gen_key k = bed_key(1);
    struct log_record r = record(b, last_from);
    assert_non_null(b->s->ops->append(b->s, &k, &r, on_done, b));
}

void begin_append(struct bed *b, const char *text)
{
    last_from = b->text.len;
    buf_add_str(&b->text, text);
    b->seq++;
    begin_again(b);
}

void heard_it(struct bed *b, const char *what)
{
    assert_string_equal(buf_cstr(&b->said), what);
}

void appended(struct bed *b, const char *text, const char *what)
{
    int before = b->completions;
    begin_append(b, text);
    until_done(b, before);
    heard_it(b, what);
}

void acquired(struct bed *b, const char *what)
{
    int before = b->completions;
    struct gen_key k = bed_key(1);
    b->s->ops->acquire(b->s, &k, &k.gen, 3000, on_lease, b);
    until_done(b, before);
    heard_it(b, what);
}

void bed_reclaim(struct bed *b, const struct gen_key *key)
{
    b->s->ops->reclaim(b->s, key, &key->gen, 1, 3000, on_lease, b);
}

void reclaimed(struct bed *b, const char *what)
{
    int before = b->completions;
    struct gen_key k = bed_key(1);
    bed_reclaim(b, &k);
    until_done(b, before);
    heard_it(b, what);
}

void read_back(struct bed *b, const char *what)
{
    int before = b->completions;
    struct gen_key k = bed_key(1);
    b->s->ops->read(b->s, &k, 0, 1 << 20, on_read, b);
    until_done(b, before);
    heard_it(b, what);
}
