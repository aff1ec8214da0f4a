/* protocol, gateway to client: one function a message, straight into the frame that is sent. The delta is on
 * the token path: literals, numbers and one scan of the text, no tree. */
#include <string.h>

#include "base/json.h"
#include "core/protocol.h"

const char *log_mode_name(enum log_mode mode)
{
    static const char *const names[] = {"fresh", "reattach", "prefix", "restart"};
    return names[mode];
}

const char *log_reason_name(enum log_reason reason)
{
    static const char *const names[] = {"restarted", "diverged", "retracted"};
    return names[reason];
}

const char *log_part_name(enum log_part part)
{
    static const char *const names[] = {"text", "reasoning"};
    return names[part];
}

static void add_uuid(struct buf *out, const struct uuid *id)
{
    char text[UUID_TEXT + 1];
    buf_add(out, uuid_format(id, text), UUID_TEXT);
}

/* {"type":"x","gen":"…" without the closing brace. */
static void open_gen(struct buf *out, const char *type, const struct uuid *gen)
{
    buf_add_lit(out, "{\"type\":\"");
    buf_add_str(out, type);
    buf_add_lit(out, "\",\"gen\":\"");
    add_uuid(out, gen);
    buf_add_char(out, '"');
}

static void add_number(struct buf *out, const char *name, int64_t value)
{
    buf_add_lit(out, ",\"");
    buf_add_str(out, name);
    buf_add_lit(out, "\":");
    buf_add_i64(out, value);
}

static void add_text(struct buf *out, const char *name, const char *value)
{
    buf_add_lit(out, ",\"");
    buf_add_str(out, name);
    buf_add_lit(out, "\":");
    json_add_cstring(out, value);
}

static void add_id(struct buf *out, const char *name, const struct uuid *id)
{
    buf_add_lit(out, ",\"");
    buf_add_str(out, name);
    buf_add_lit(out, "\":\"");
    add_uuid(out, id);
    buf_add_char(out, '"');
}

static void add_crc(struct buf *out, uint32_t crc)
{
    buf_add_lit(out, ",\"crc\":\"");
    buf_add_hex32(out, crc);
    buf_add_char(out, '"');
}

/* A member that may be null: "name":12 or "name":null, no comma. */
static void add_nullable(struct buf *out, const char *name, int64_t value)
{
    buf_add_char(out, '"');
    buf_add_str(out, name);
    buf_add_lit(out, "\":");
    if (value < 0)
        buf_add_lit(out, "null");
    else
        buf_add_i64(out, value);
}

static void add_active(struct buf *out, const struct active_item *a)
{
    buf_add_lit(out, "\"gen\":\"");
    add_uuid(out, &a->gen);
    buf_add_char(out, '"');
    add_id(out, "chat", &a->chat);
    add_text(out, "state", a->state);
    add_number(out, "off", (int64_t)a->off);
    buf_add_char(out, '}');
}

void protocol_write_welcome(struct buf *out, const struct welcome *w)
{
    buf_add_lit(out, "{\"type\":\"welcome\"");
    add_id(out, "session", &w->session);
    add_text(out, "node", w->node);
    add_number(out, "ping_ms", w->ping_ms);
    buf_add_lit(out, ",\"limits\":{\"message\":");
    buf_add_i64(out, w->message_bytes);
    add_number(out, "prompt", w->prompt_bytes);
    add_number(out, "disconnect_ms", w->disconnect_ms);
    buf_add_lit(out, "},\"active\":[");
    for (size_t i = 0; i < w->active_count; i++) {
        buf_add_str(out, i ? ",{" : "{");
        add_active(out, &w->active[i]);
    }
    buf_add_lit(out, "]}");
}

void protocol_write_active(struct buf *out, const struct active_item *a)
{
    buf_add_lit(out, "{\"type\":\"active\",");
    add_active(out, a);
}

void protocol_write_accepted(struct buf *out, const struct uuid *gen, const struct uuid *chat,
                             const struct uuid *message, const struct uuid *parent)
{
    open_gen(out, "accepted", gen);
    add_id(out, "chat", chat);
    add_id(out, "message", message);
    add_id(out, "parent", parent);
    buf_add_char(out, '}');
}

static void write_start(struct buf *out, const struct uuid *gen, const struct log_event *e)
{
    open_gen(out, "start", gen);
    add_number(out, "epoch", (int64_t)e->epoch);
    add_text(out, "model", e->model);
    add_text(out, "mode", log_mode_name(e->mode));
    add_number(out, "off", (int64_t)e->off);
    add_crc(out, e->crc);
    buf_add_char(out, '}');
}

static void write_rewind(struct buf *out, const struct uuid *gen, const struct log_event *e)
{
    open_gen(out, "rewind", gen);
    add_number(out, "epoch", (int64_t)e->epoch);
    add_number(out, "seq", (int64_t)e->seq);
    add_number(out, "off", (int64_t)e->off);
    add_crc(out, e->crc);
    add_text(out, "reason", log_reason_name(e->reason));
    buf_add_char(out, '}');
}

static void write_delta(struct buf *out, const struct uuid *gen, const struct log_item *item)
{
    buf_reserve(out, item->len + 192);
    buf_add_lit(out, "{\"type\":\"delta\",\"gen\":\"");
    add_uuid(out, gen);
    buf_add_lit(out, "\",\"epoch\":");
    buf_add_u64(out, item->epoch);
    buf_add_lit(out, ",\"seq\":");
    buf_add_u64(out, item->seq);
    buf_add_lit(out, ",\"off\":");
    buf_add_u64(out, item->off);
    buf_add_lit(out, ",\"text\":");
    json_add_string(out, item->text, item->len);
    buf_add_lit(out, ",\"crc\":\"");
    buf_add_hex32(out, item->crc);
    if (item->part == LOG_PART_TEXT)
        buf_add_lit(out, "\"}");
    else
        buf_add_lit(out, "\",\"part\":\"reasoning\"}");
}

void protocol_write_item(struct buf *out, const struct uuid *gen, const struct log_item *item)
{
    if (item->kind == LOG_ITEM_TEXT)
        write_delta(out, gen, item);
    else if (item->kind == LOG_ITEM_START)
        write_start(out, gen, item->event);
    else
        write_rewind(out, gen, item->event);
}

void protocol_write_diverged(struct buf *out, const struct uuid *gen, uint64_t epoch, uint64_t off,
                             uint32_t crc)
{
    open_gen(out, "rewind", gen);
    add_number(out, "epoch", (int64_t)epoch);
    add_number(out, "off", (int64_t)off);
    add_crc(out, crc);
    add_text(out, "reason", log_reason_name(LOG_DIVERGED));
    buf_add_char(out, '}');
}

void protocol_write_live(struct buf *out, const struct uuid *gen, uint64_t off)
{
    open_gen(out, "live", gen);
    add_number(out, "off", (int64_t)off);
    buf_add_char(out, '}');
}

void protocol_write_status(struct buf *out, const struct uuid *gen, const char *state, int64_t idle_ms)
{
    open_gen(out, "status", gen);
    add_text(out, "state", state);
    if (idle_ms >= 0)
        add_number(out, "idle_ms", idle_ms);
    buf_add_char(out, '}');
}

void protocol_write_outcome(struct buf *out, const struct outcome *o)
{
    buf_add_lit(out, "\"usage\":{");
    add_nullable(out, "prompt_tokens", o->prompt_tokens);
    buf_add_char(out, ',');
    add_nullable(out, "completion_tokens", o->completion_tokens);
    buf_add_lit(out, "},\"timing\":{");
    add_nullable(out, "ttft_ms", o->ttft_ms);
    buf_add_char(out, ',');
    add_nullable(out, "total_ms", o->total_ms);
    buf_add_char(out, '}');
    if (o->error.code == ERR_NONE)
        return;
    buf_add_lit(out, ",\"error\":{\"code\":");
    json_add_cstring(out, err_wire(o->error.code));
    add_text(out, "message", err_message(&o->error));
    buf_add_char(out, '}');
}

void protocol_write_done(struct buf *out, const struct uuid *gen, const struct log_item *item,
                         const struct outcome *o)
{
    open_gen(out, "done", gen);
    add_number(out, "epoch", (int64_t)item->epoch);
    add_number(out, "seq", (int64_t)item->seq);
    add_number(out, "off", (int64_t)item->off);
    add_crc(out, item->crc);
    add_text(out, "state", o->state);
    buf_add_str(out, o->persisted ? ",\"persisted\":true," : ",\"persisted\":false,");
    protocol_write_outcome(out, o);
    buf_add_char(out, '}');
}

void protocol_write_error(struct buf *out, const struct err *e, const struct uuid *gen)
{
    buf_add_lit(out, "{\"type\":\"error\",\"code\":");
    json_add_cstring(out, err_wire(e->code));
    add_text(out, "message", err_message(e));
    if (gen)
        add_id(out, "gen", gen);
    add_text(out, "retry", err_retry_name(err_retry(e->code)));
    if (e->after_ms > 0)
        add_number(out, "after_ms", e->after_ms);
    buf_add_char(out, '}');
}

void protocol_write_goaway(struct buf *out, int64_t in_ms, int64_t spread_ms)
{
    buf_add_lit(out, "{\"type\":\"goaway\"");
    add_number(out, "in_ms", in_ms);
    add_number(out, "spread_ms", spread_ms);
    buf_add_char(out, '}');
}

void protocol_write_ping(struct buf *out)
{
    buf_add_lit(out, "{\"type\":\"ping\"}");
}
