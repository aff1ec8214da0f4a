/* openai_write: see openai_write.h. The text chunk is on the token path: literals and one scan, no tree. */
#include "edge/openai_write.h"

#include <stdlib.h>
#include <string.h>

#include "base/json.h"

/* ------------------------------------------------------------------ events and positions */

void openai_event_open(struct buf *out, const struct openai_position *p)
{
    buf_add_lit(out, "id: ");
    buf_add_u64(out, p->epoch);
    buf_add_char(out, '-');
    buf_add_u64(out, p->off);
    buf_add_char(out, '-');
    buf_add_hex32(out, p->crc);
    buf_add_lit(out, "\ndata: ");
}

void openai_event_close(struct buf *out)
{
    buf_add_lit(out, "\n\n");
}

/* Digits up to `end`, below 2^53. */
static bool read_number(const char **at, char end, uint64_t *out)
{
    size_t len = strspn(*at, "0123456789");
    if (!len || len > 16 || (*at)[len] != end)
        return false;
    *out = strtoull(*at, NULL, 10);
    *at += len + 1;
    return *out < (1ULL << 53);
}

bool openai_position_read(const char *text, struct openai_position *p)
{
    if (!read_number(&text, '-', &p->epoch) || !read_number(&text, '-', &p->off) || p->epoch == 0)
        return false;
    if (strlen(text) != 8 || strspn(text, "0123456789abcdef") != 8)
        return false;
    p->crc = (uint32_t)strtoul(text, NULL, 16);
    return p->off > 0 || p->crc == 0;
}

/* ------------------------------------------------------------------ chunks */

static void open_object(struct buf *out, const struct openai_head *head, const char *object)
{
    char gen[UUID_TEXT + 1];
    buf_add_lit(out, "{\"id\":\"chatcmpl-");
    buf_add(out, uuid_format(&head->gen, gen), UUID_TEXT);
    buf_add_lit(out, "\",\"object\":\"");
    buf_add_str(out, object);
    buf_add_lit(out, "\",\"created\":");
    buf_add_u64(out, head->created_ms / 1000);
    buf_add_lit(out, ",\"model\":");
    json_add_cstring(out, head->model);
}

static void open_choice(struct buf *out, const struct openai_head *head)
{
    open_object(out, head, "chat.completion.chunk");
    buf_add_lit(out, ",\"choices\":[{\"index\":0,\"delta\":{");
}

static void close_chunk(struct buf *out, const struct openai_head *head)
{
    buf_add_lit(out, "},\"logprobs\":null,\"finish_reason\":null}]");
    buf_add_str(out, head->usage_null ? ",\"usage\":null}" : "}");
}

void openai_write_role(struct buf *out, const struct openai_head *head)
{
    open_choice(out, head);
    buf_add_lit(out, "\"role\":\"assistant\",\"content\":\"\"");
    close_chunk(out, head);
}

void openai_write_text(struct buf *out, const struct openai_head *head, const struct log_item *item)
{
    open_choice(out, head);
    if (item->part == LOG_PART_TEXT)
        buf_add_lit(out, "\"content\":");
    else
        buf_add_lit(out, "\"reasoning_content\":");
    json_add_string(out, item->text, item->len);
    close_chunk(out, head);
}

void openai_write_finish(struct buf *out, const struct openai_head *head, const char *finish)
{
    open_choice(out, head);
    buf_add_lit(out, "},\"logprobs\":null,\"finish_reason\":");
    json_add_cstring(out, finish);
    buf_add_lit(out, "}]");
}

void openai_write_usage(struct buf *out, const struct outcome *o)
{
    if (o->prompt_tokens < 0 || o->completion_tokens < 0) {
        buf_add_lit(out, "null");
        return;
    }
    buf_add_lit(out, "{\"prompt_tokens\":");
    buf_add_i64(out, o->prompt_tokens);
    buf_add_lit(out, ",\"completion_tokens\":");
    buf_add_i64(out, o->completion_tokens);
    buf_add_lit(out, ",\"total_tokens\":");
    buf_add_i64(out, o->prompt_tokens + o->completion_tokens);
    buf_add_char(out, '}');
}

void openai_write_usage_chunk(struct buf *out, const struct openai_head *head, const struct outcome *o)
{
    open_object(out, head, "chat.completion.chunk");
    buf_add_lit(out, ",\"choices\":[],\"usage\":");
    openai_write_usage(out, o);
    buf_add_char(out, '}');
}

const char *openai_finish(const struct outcome *o)
{
    static const char *const names[][2] = {
        {"complete", "stop"}, {"length", "length"}, {"filtered", "content_filter"}};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(o->state, names[i][0]) == 0)
            return names[i][1];
    return NULL;
}

/* ------------------------------------------------------------------ the whole answer */

/* All text of one part; the bytes of the log otherwise in the order they stand. */
static void collect(const struct generation *g, enum log_part part, struct buf *out)
{
    for (uint32_t i = 0; i < g->log.segment_count; i++) {
        const struct log_segment *s = &g->log.segments[i];
        uint64_t end = i + 1 < g->log.segment_count ? s[1].off : tokenlog_end(&g->log);
        if (s->part == part)
            buf_add(out, g->log.text.data + s->off, (size_t)(end - s->off));
    }
}

void openai_write_answer(struct buf *out, const struct generation *g)
{
    struct openai_head head = {g->key.gen, g->created_ms, openai_model_at(g, tokenlog_end(&g->log)), false};
    struct buf text = {0};
    open_object(out, &head, "chat.completion");
    buf_add_lit(out, ",\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":");
    collect(g, LOG_PART_TEXT, &text);
    json_add_string(out, text.data ? text.data : "", text.len);
    buf_clear(&text);
    collect(g, LOG_PART_REASONING, &text);
    if (text.len) {
        buf_add_lit(out, ",\"reasoning_content\":");
        json_add_string(out, text.data, text.len);
    }
    buf_free(&text);
    buf_add_lit(out, ",\"refusal\":null},\"logprobs\":null,\"finish_reason\":");
    json_add_cstring(out, openai_finish(&g->outcome));
    buf_add_lit(out, "}],\"usage\":");
    openai_write_usage(out, &g->outcome);
    buf_add_char(out, '}');
}

const char *openai_model_at(const struct generation *g, uint64_t off)
{
    for (uint32_t i = g->log.event_count; i > 0; i--) {
        const struct log_event *e = &g->log.events[i - 1];
        if (e->is_start && !e->cut && e->off <= off)
            return e->model;
    }
    return g->model ? g->model : "";
}

void openai_write_model(struct buf *out, const char *name)
{
    buf_add_lit(out, "{\"id\":");
    json_add_cstring(out, name);
    buf_add_lit(out, ",\"object\":\"model\",\"created\":0,\"owned_by\":\"lastword\"}");
}
