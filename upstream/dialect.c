/* dialect: see dialect.h. The codecs' functions with the types the ladder calls them by. */
#include "upstream/dialect.h"

#include <string.h>

#include "base/mem.h"
#include "upstream/anthropic.h"
#include "upstream/openai.h"
#include "upstream/richierich.h"

static void path_openai(struct buf *out, const struct ask *ask)
{
    (void)ask;
    buf_add_lit(out, "/chat/completions");
}

static void head_openai(struct buf *out, const char *key)
{
    if (*key)
        buf_printf(out, "Authorization: Bearer %s\r\n", key);
}

static void *open_openai(size_t max_event, const char *content_type, const struct buf *unsent)
{
    (void)unsent;
    struct openai_stream *s = mem_alloc(sizeof *s);
    openai_stream_init(s, max_event);
    openai_stream_type(s, content_type);
    return s;
}

static void feed_openai(void *stream, struct gather *g, struct answer *a, const char *p, size_t len)
{
    openai_feed(stream, g, a, p, len);
}

static void end_openai(void *stream, struct gather *g, struct answer *a)
{
    openai_end(stream, g, a);
}

static void close_openai(void *stream)
{
    if (stream)
        openai_stream_free(stream);
    mem_free(stream);
}

const struct dialect dialect_openai = {.name = "openai",
                                       .models_path = "/models",
                                       .head = head_openai,
                                       .path = path_openai,
                                       .build = openai_build,
                                       .open = open_openai,
                                       .feed = feed_openai,
                                       .end = end_openai,
                                       .close = close_openai};

static void path_anthropic(struct buf *out, const struct ask *ask)
{
    (void)ask;
    buf_add_lit(out, "/messages");
}

static void *open_anthropic(size_t max_event, const char *content_type, const struct buf *unsent)
{
    struct anthropic_stream *s = mem_alloc(sizeof *s);
    (void)content_type;
    anthropic_stream_init(s, max_event, unsent->data, unsent->len);
    return s;
}

static void feed_anthropic(void *stream, struct gather *g, struct answer *a, const char *p, size_t len)
{
    anthropic_feed(stream, g, a, p, len);
}

static void end_anthropic(void *stream, struct gather *g, struct answer *a)
{
    anthropic_end(stream, g, a);
}

static void close_anthropic(void *stream)
{
    if (stream)
        anthropic_stream_free(stream);
    mem_free(stream);
}

const struct dialect dialect_anthropic = {.name = "anthropic",
                                          .models_path = "/models?limit=1000",
                                          .path = path_anthropic,
                                          .head = anthropic_head,
                                          .build = anthropic_build,
                                          .unsent = anthropic_unsent,
                                          .open = open_anthropic,
                                          .feed = feed_anthropic,
                                          .end = end_anthropic,
                                          .close = close_anthropic};

/* Its streams have no state: a body piece is a message. */
static void *open_richierich(size_t max_event, const char *content_type, const struct buf *unsent)
{
    static char none;
    (void)unsent;
    (void)max_event;
    (void)content_type;
    return &none;
}

static void feed_richierich(void *stream, struct gather *g, struct answer *a, const char *p, size_t len)
{
    (void)stream;
    richierich_feed(g, a, p, len);
}

static void end_richierich(void *stream, struct gather *g, struct answer *a)
{
    (void)stream;
    (void)g;
    (void)a;
}

static void close_richierich(void *stream)
{
    (void)stream;
}

const struct dialect dialect_richierich = {.name = "richierich",
                                           .head = head_openai,
                                           .path = richierich_path,
                                           .build = richierich_build,
                                           .open = open_richierich,
                                           .feed = feed_richierich,
                                           .end = end_richierich,
                                           .close = close_richierich};

const struct dialect *dialect_find(const char *name)
{
    static const struct dialect *const all[] = {&dialect_anthropic, &dialect_openai, &dialect_richierich};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (!strcmp(all[i]->name, name))
            return all[i];
    return NULL;
}
