/* record: see record.h. */
#include "core/record.h"

#include <stdlib.h>
#include <string.h>

#include "base/crc32c.h"
#include "base/json.h"
#include "core/tokenlog_inner.h"

/* ------------------------------------------------------------------ writing */

static void add_id(struct buf *out, const char *name, const struct uuid *id)
{
    char text[UUID_TEXT + 1];
    buf_printf(out, "\"%s\":\"%s\",", name, uuid_format(id, text));
}

void record_write_ask(struct buf *out, const struct record_ask *ask)
{
    buf_add_char(out, '{');
    add_id(out, "chat", &ask->chat);
    add_id(out, "message", &ask->message);
    add_id(out, "parent", &ask->user_message);
    buf_printf(out, "\"created_ms\":%llu,\"ask\":\"", (unsigned long long)ask->created_ms);
    for (size_t i = 0; i < sizeof ask->digest; i++)
        buf_printf(out, "%02x", ask->digest[i]);
    buf_add_lit(out, "\"}");
}

void record_write_start(struct buf *out, enum log_mode mode, const char *model)
{
    buf_printf(out, "{\"mode\":\"%s\",\"model\":", log_mode_name(mode));
    json_add_cstring(out, model);
    buf_add_char(out, '}');
}

void record_write_rewind(struct buf *out, enum log_reason reason)
{
    buf_printf(out, "{\"reason\":\"%s\"}", log_reason_name(reason));
}

void record_write_done(struct buf *out, const struct outcome *o)
{
    buf_printf(out, "{\"state\":\"%s\",", o->state);
    protocol_write_outcome(out, o);
    buf_add_char(out, '}');
}

struct log_record record_after(const struct log_record *r, enum log_kind kind, uint8_t part, const char *data,
                               size_t len)
{
    struct log_record next = {.seq = r->seq + 1,
                              .epoch = r->epoch,
                              .off = r->off,
                              .crc = r->crc,
                              .kind = kind,
                              .part = part,
                              .data = data,
                              .len = len};
    if (kind == LOG_KIND_TEXT) {
        next.off += len;
        next.crc = crc32c(r->crc, data, len);
    }
    return next;
}

/* ------------------------------------------------------------------ reading */

static const char *string_of(const json_t *root, const char *name)
{
    const char *s = json_string_value(json_object_get(root, name));
    return s ? s : "";
}

static bool id_of(const json_t *root, const char *name, struct uuid *id)
{
    const char *s = string_of(root, name);
    return uuid_parse(id, s, strlen(s));
}

static bool digest_of(const char *hex, uint8_t digest[32])
{
    char pair[3] = {0};
    if (strlen(hex) != 64 || strspn(hex, "0123456789abcdef") != 64)
        return false;
    for (size_t i = 0; i < 32; i++) {
        memcpy(pair, hex + 2 * i, 2);
        digest[i] = (uint8_t)strtoul(pair, NULL, 16);
    }
    return true;
}

static enum record_verdict apply_ask(struct tokenlog *log, const json_t *root, struct record_ask *ask)
{
    json_int_t created = json_integer_value(json_object_get(root, "created_ms"));
    if (!id_of(root, "chat", &ask->chat) || !id_of(root, "message", &ask->message) ||
        !id_of(root, "parent", &ask->user_message) || !digest_of(string_of(root, "ask"), ask->digest))
        return RECORD_ODD;
    ask->created_ms = created > 0 ? (uint64_t)created : 0;
    log->seq++;
    return RECORD_ASK;
}

static enum record_verdict apply_start(struct tokenlog *log, const json_t *root)
{
    static const enum log_mode modes[] = {LOG_FRESH, LOG_REATTACH, LOG_PREFIX, LOG_RESTART};
    const char *mode = string_of(root, "mode");
    for (size_t i = 0; i < sizeof modes / sizeof *modes; i++)
        if (strcmp(mode, log_mode_name(modes[i])) == 0) {
            log->seq++;
            tokenlog_start(log, modes[i], string_of(root, "model"));
            return RECORD_APPLIED;
        }
    return RECORD_ODD;
}

static enum record_verdict apply_rewind(struct tokenlog *log, const struct log_record *r, const json_t *root)
{
    static const enum log_reason reasons[] = {LOG_RESTARTED, LOG_DIVERGED, LOG_RETRACTED};
    const char *reason = string_of(root, "reason");
    if (!tokenlog_agrees(log, r->off, r->crc))
        return RECORD_ODD;
    for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++)
        if (strcmp(reason, log_reason_name(reasons[i])) == 0) {
            tokenlog_rewind(log, r->off, reasons[i]);
            return RECORD_APPLIED;
        }
    return RECORD_ODD;
}

static enum record_verdict read_done(const struct log_record *r, const json_t *root, struct outcome *outcome)
{
    if (!protocol_read_outcome(r->data, r->len, string_of(root, "state"), outcome))
        return RECORD_ODD;
    outcome->persisted = false; /* the log does not know */
    return RECORD_DONE;
}

static enum record_verdict apply_text(struct tokenlog *log, const struct log_record *r)
{
    bool good = r->len && r->part <= LOG_PART_REASONING && r->off == log->text.len + r->len &&
                r->crc == crc32c(log->crc, r->data, r->len) && utf8_valid(r->data, r->len);
    if (!good)
        return RECORD_ODD;
    tokenlog_append(log, (enum log_part)r->part, r->data, r->len);
    return RECORD_APPLIED;
}

static enum record_verdict apply_json(struct tokenlog *log, const struct log_record *r,
                                      struct record_ask *ask, struct outcome *outcome)
{
    enum record_verdict verdict = RECORD_ODD;
    json_t *root = json_loadb(r->len ? r->data : "", r->len, JSON_ALLOW_NUL, NULL);
    if (r->kind != LOG_KIND_REWIND && (r->off != log->text.len || r->crc != log->crc))
        verdict = RECORD_ODD;
    else if (r->kind == LOG_KIND_START && json_object_get(root, "ask"))
        verdict = apply_ask(log, root, ask);
    else if (r->kind == LOG_KIND_START)
        verdict = apply_start(log, root);
    else if (r->kind == LOG_KIND_REWIND)
        verdict = apply_rewind(log, r, root);
    else if (r->kind == LOG_KIND_DONE)
        verdict = read_done(r, root, outcome);
    json_decref(root);
    return verdict;
}

enum record_verdict record_apply(struct tokenlog *log, const struct log_record *r, struct record_ask *ask,
                                 struct outcome *outcome)
{
    if (log->finished || r->seq != log->seq + 1 || r->epoch < log->epoch)
        return RECORD_ODD;
    uint64_t epoch = log->epoch;
    log->epoch = r->epoch;
    enum record_verdict verdict =
        r->kind == LOG_KIND_TEXT ? apply_text(log, r) : apply_json(log, r, ask, outcome);
    if (verdict == RECORD_ODD)
        log->epoch = epoch;
    return verdict;
}

/* ------------------------------------------------------------------ what a store missed */

static void event_record(const struct log_event *e, const struct log_record *last, struct buf *json,
                         struct log_record *out)
{
    if (e->is_start)
        record_write_start(json, e->mode, e->model);
    else
        record_write_rewind(json, e->reason);
    *out = record_after(last, e->is_start ? LOG_KIND_START : LOG_KIND_REWIND, 0, json->data, json->len);
    if (!e->is_start) {
        out->off = e->off;
        out->crc = e->crc;
    }
}

bool record_missing(const struct tokenlog *log, const struct log_record *last, struct buf *json,
                    struct log_record *out, bool *cut)
{
    *cut = !tokenlog_agrees(log, last->off, last->crc);
    if (*cut)
        return false;
    for (uint32_t i = 0; i < log->event_count; i++)
        if (log->events[i].seq == last->seq + 1) {
            event_record(&log->events[i], last, json, out);
            return true;
        }
    if (last->off == log->text.len)
        return false;
    struct log_run run = tokenlog_record_at(log, last->off);
    *cut = run.seq != last->seq + 1;
    if (*cut)
        return false;
    *out = record_after(last, LOG_KIND_TEXT, (uint8_t)run.part, log->text.data + last->off, run.len);
    return true;
}
