/* generations: one answer by its gen: as it stands, as a resumable stream, and its end.
 *
 *     recall_start -> memory, else history -> JSON, or cancelled
 *     Last-Event-ID -> resume_submit -> openai_stream (resumable)
 *
 * It refuses to tell another owner's generation from one that does not exist. */
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "core/send.h"
#include "edge/openai_stream.h"
#include "edge/routes.h"

/* ------------------------------------------------------------------ a look-up */

struct lookup {
    struct http_exchange *x;
    struct recall *recall;
    void (*found)(struct http_exchange *x, struct generation *g);
    bool gone_is_found; /* RESUME_GONE: it is known, which is enough */
};

static void lookup_done(void *ctx, struct generation *g, const struct err *e)
{
    struct lookup *l = ctx;
    l->recall = NULL;
    if (g || (l->gone_is_found && e->code == ERR_RESUME_GONE))
        l->found(l->x, g);
    else
        http_reply_error(l->x, e);
}

static void lookup_closed(struct http_exchange *x)
{
    struct lookup *l = x->state;
    x->state = NULL;
    recall_cancel(l->recall);
    mem_free(l);
}

static void lookup(struct http_exchange *x, void (*found)(struct http_exchange *, struct generation *),
                   bool gone)
{
    static const struct http_ops ops = {.closed = lookup_closed};
    struct uuid gen;
    if (!route_uuid(x, 2, &gen))
        return;
    x->gen = gen;
    struct lookup *l = mem_alloc(sizeof *l);
    *l = (struct lookup){.x = x, .found = found, .gone_is_found = gone};
    x->ops = &ops;
    x->state = l;
    struct recall *r = recall_start(x->node, x->owner, &gen, lookup_done, l);
    if (r)
        l->recall = r;
}

/* ------------------------------------------------------------------ as it stands */

static void add_id(struct buf *out, const char *name, const struct uuid *id)
{
    char text[UUID_TEXT + 1];
    buf_printf(out, "\"%s\":\"%s\",", name, uuid_format(id, text));
}

static void add_parts(struct buf *out, const struct history_answer *a)
{
    buf_add_lit(out, ",\"parts\":[");
    for (size_t i = 0; i < a->part_count; i++)
        buf_printf(out, "%s[\"%s\",%llu,%llu]", i ? "," : "", log_part_name((enum log_part)a->parts[i].part),
                   (unsigned long long)a->parts[i].off, (unsigned long long)a->parts[i].len);
    buf_add_lit(out, "],");
}

static void write_generation(struct buf *out, const struct generation *g)
{
    struct history_part *parts;
    struct buf json = {0};
    struct history_answer a = generation_answer(g, &parts, &json);
    buf_add_char(out, '{');
    add_id(out, "gen", &g->key.gen);
    add_id(out, "chat", &g->chat_id);
    add_id(out, "message", &g->message);
    buf_printf(out, "\"state\":\"%s\",\"epoch\":%llu,\"off\":%llu,\"crc\":\"%08x\",\"model\":",
               generation_wire_state(g), (unsigned long long)a.epoch, (unsigned long long)a.text.len, a.crc);
    json_add_cstring(out, openai_model_at(g, a.text.len));
    buf_add_lit(out, ",\"text\":");
    json_add_string(out, a.text.data ? a.text.data : "", a.text.len);
    add_parts(out, &a);
    protocol_write_outcome(out, &g->outcome);
    buf_add_char(out, '}');
    mem_free(parts);
    buf_free(&json);
}

static void show_found(struct http_exchange *x, struct generation *g)
{
    struct buf out = {0};
    write_generation(&out, g);
    http_reply_json(x, 200, out.data, out.len);
    buf_free(&out);
}

void generations_show(struct http_exchange *x)
{
    lookup(x, show_found, false);
}

/* ------------------------------------------------------------------ its end */

static void cancel_found(struct http_exchange *x, struct generation *g)
{
    struct buf out = {0};
    if (g)
        generation_cancel(g);
    buf_add_lit(&out, "{\"gen\":");
    buf_printf(&out, "\"%.36s\"", x->path + sizeof "/v1/generations/" - 1);
    if (g)
        buf_printf(&out, ",\"state\":\"%s\"", generation_wire_state(g));
    buf_add_char(&out, '}');
    http_reply_json(x, 202, out.data, out.len);
    buf_free(&out);
}

void generations_cancel(struct http_exchange *x)
{
    lookup(x, cancel_found, true);
}

/* ------------------------------------------------------------------ as a stream */

void generations_events(struct http_exchange *x)
{
    struct resume_request r = {.epoch = 1};
    struct openai_position p = {.epoch = 1};
    char last[1024];
    if (!route_uuid(x, 2, &r.gen))
        return;
    x->gen = r.gen;
    if (http_header(x, "last-event-id", last, sizeof last) && *last && !openai_position_read(last, &p)) {
        struct err e = {0};
        err_set(&e, ERR_BAD_REQUEST, "Last-Event-ID must be <epoch>-<off>-<crc>, as in the id of an event.");
        http_reply_error(x, &e);
        return;
    }
    r.epoch = p.epoch;
    r.off = p.off;
    r.crc = p.crc;
    struct openai_stream *s = openai_stream_new(x, &r.gen, true);
    s->sent = p;
    resume_submit(x->node, x->owner, &r, &s->follower);
}
