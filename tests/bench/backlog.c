/* bench_backlog: answers that have ended and are not yet in history, as a gateway leaves them behind when
 * Postgres is away: each is asked for in Postgres, and its end lies in the outbox of Redis.
 *
 *     bench_backlog REDIS_URL POSTGRES_CONNINFO COUNT BYTES
 *
 *     begin (Postgres) -> acquire (Redis) -> finish (Redis: DONE and the outbox's entry)      AT_ONCE at a
 * time
 *
 * So the benchmark can time how fast a gateway drains them. It refuses to drain anything itself. */
#include <ev.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/log.h"
#include "base/mem.h"
#include "store/store.h"

#define AT_ONCE 64
#define CHAT_ANSWERS 20
#define LEASE_MS 60000
#define KEEP_MS 600000

struct filler;
struct item {
    struct filler *filler;
    unsigned nth;
    struct gen_key key;
    uint64_t epoch;
};

struct filler {
    struct ev_loop *loop;
    struct session_store *sessions;
    struct history_store *history;
    unsigned count, started, ended;
    char *text;
    size_t bytes;
    struct item items[AT_ONCE];
};

static void die(const char *what, enum store_status status)
{
    fprintf(stderr, "bench_backlog: %s: %s\n", what, store_status_name(status));
    exit(1);
}

/* Kind in the first bytes, number in the last: unlike each other, and alike in every run. */
static struct uuid id(unsigned kind, unsigned n)
{
    struct uuid u = {{0x01, 0x93, 0xa1, 0xb2, 0, (uint8_t)kind, 0x70, 0, 0x80}};
    for (int i = 0; i < 4; i++)
        u.b[12 + i] = (uint8_t)(n >> (24 - 8 * i));
    return u;
}

/* ------------------------------------------------------------------ one answer */

static void start(struct item *item);

static void finished(void *ctx, enum store_status status)
{
    struct item *item = ctx;
    if (status != STORE_OK)
        die("finish", status);
    item->filler->ended++;
    start(item);
}

static void entry_write(struct buf *out, const struct item *item)
{
    const char *names[] = {"gen", "chat", "message", "parent"};
    const struct uuid ids[] = {item->key.gen, id(2, item->nth / CHAT_ANSWERS), id(4, item->nth),
                               id(3, item->nth)};
    char text[UUID_TEXT + 1];
    buf_add_lit(out, "{\"v\":1,\"epoch\":1,\"seq\":2,\"crc\":0,\"created_ms\":1,\"updated_ms\":1");
    for (size_t i = 0; i < 4; i++)
        buf_printf(out, ",\"%s\":\"%s\"", names[i], uuid_format(&ids[i], text));
    buf_printf(out,
               ",\"owner\":\"%s\",\"state\":\"complete\",\"model\":\"bench\",\"parts\":[[0,0,%zu]],"
               "\"outcome\":{\"usage\":{\"prompt_tokens\":1,\"completion_tokens\":100}},\"text\":\"%s\"}",
               item->key.owner, item->filler->bytes, item->filler->text);
}

static void acquired(void *ctx, const struct lease_result *result)
{
    struct item *item = ctx;
    struct session_store *s = item->filler->sessions;
    struct buf entry = {0};
    if (result->status != STORE_OK)
        die("acquire", result->status);
    entry_write(&entry, item);
    const struct log_record done = {
        .seq = result->seq + 1, .epoch = result->epoch, .kind = LOG_KIND_DONE, .data = "{}", .len = 2};
    s->ops->finish(s, &item->key, &done, entry.data, entry.len, KEEP_MS, finished, item);
    buf_free(&entry);
}

static void begun(void *ctx, const struct history_begin *result)
{
    struct item *item = ctx;
    struct session_store *s = item->filler->sessions;
    const struct uuid chat = id(2, item->nth / CHAT_ANSWERS);
    if (result->status != STORE_OK)
        die("begin", result->status);
    s->ops->acquire(s, &item->key, &chat, LEASE_MS, acquired, item);
}

static void start(struct item *item)
{
    struct filler *f = item->filler;
    if (f->started == f->count) {
        if (f->ended == f->count)
            ev_break(f->loop, EVBREAK_ALL);
        return;
    }
    item->nth = f->started++;
    item->key = (struct gen_key){.owner = "bench/bench", .gen = id(1, item->nth)};
    const struct history_send send = {.owner = item->key.owner,
                                      .gen = item->key.gen,
                                      .chat = id(2, item->nth / CHAT_ANSWERS),
                                      .user_message = id(3, item->nth),
                                      .answer_message = id(4, item->nth),
                                      .has_input = true,
                                      .input = {"What is there to say?", 21},
                                      .model = "bench",
                                      .request = {"{}", 2},
                                      .unix_ms = 1764032400000,
                                      .context_bytes = 1};
    f->history->ops->begin(f->history, &send, begun, item);
}

/* ------------------------------------------------------------------ the run */

static void on_health(void *ctx, bool up)
{
    struct filler *f = ctx;
    for (size_t i = 0; up && f->started < f->count && i < AT_ONCE; i++) {
        f->items[i].filler = f;
        start(&f->items[i]);
    }
}

/* Text that does not compress to nothing: hex digits of a fixed sequence. */
static char *text_make(size_t bytes)
{
    uint32_t x = 2463534242;
    char *text = mem_alloc(bytes + 1);
    for (size_t i = 0; i < bytes; i++) {
        x ^= x << 13, x ^= x >> 17, x ^= x << 5;
        text[i] = "0123456789abcdef"[x & 15];
    }
    return text;
}

int main(int argc, char **argv)
{
    char error[512] = "";
    if (argc != 5) {
        fprintf(stderr, "bench_backlog REDIS_URL POSTGRES_CONNINFO COUNT BYTES\n");
        return 2;
    }
    struct filler f = {.loop = ev_default_loop(0),
                       .count = (unsigned)strtoul(argv[3], NULL, 10),
                       .bytes = strtoul(argv[4], NULL, 10)};
    const struct session_store_events events = {.on_health = on_health, .ctx = &f};
    const struct session_redis_options redis = {
        .url = argv[1], .node = "bench-backlog", .outbox = 10u * f.count};
    const struct history_postgres_options postgres = {.primary = argv[2], .prepared = true, .queue = 1000};
    log_set_level(LOG_LEVEL_WARN);
    f.text = text_make(f.bytes);
    f.history = history_postgres_open(&postgres, f.loop, error, sizeof(error));
    f.sessions = f.history ? session_redis_open(&redis, f.loop, &events, error, sizeof(error)) : NULL;
    if (!f.sessions) {
        fprintf(stderr, "bench_backlog: %s\n", error);
        return 1;
    }
    ev_run(f.loop, 0);
    f.sessions->ops->close(f.sessions);
    f.history->ops->close(f.history);
    mem_free(f.text);
    return 0;
}
