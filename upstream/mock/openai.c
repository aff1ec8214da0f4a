/* openai: the request side; sse.c writes the streams. */
#include "openai.h"

#include <string.h>

#include "base/json.h"
#include "fault.h"
#include "sse.h"
#include "stats.h"
#include "stream.h"

void openai_refuse(struct exchange *x, const struct refusal *why)
{
    http_reply_error(x, why->status, "", why->code, why->message);
}

bool openai_admit(struct exchange *x, struct ask *a, enum fault *f, uint64_t *number)
{
    struct refusal why = {0};
    struct request_note note = {.key = ask_key(a), .prefix_len = a->prefix.len, .stream = a->stream};
    strcpy(note.model, a->model.name);
    *f = fault_decide(a, &note.attempt);
    *number = stats_begin(&note, a->model.base, a->prompt_tokens, a->has_prefix || a->opt.offset);
    if (*f)
        stats_fault(*f);
    if (fault_refuse(x, a, *f, *number))
        return false;
    if (ask_answer(a, &why)) {
        stats_prefix(*number, a->prefix_tokens);
        return true;
    }
    stats_end(*number, ENDED_REFUSED);
    openai_refuse(x, &why);
    return false;
}

/* One object, or what its fault leaves of it. */
static void whole(struct stream *s, struct buf *b)
{
    struct buf body = {0};
    const struct ask *a = &s->ask;
    s->off = a->upto;
    s->sent = a->tokens;
    buf_printf(&body, "{\"id\":\"%s\",\"object\":\"chat.completion\",\"created\":%lld,\"model\":", s->id,
               (long long)s->created);
    json_add_cstring(&body, sse_served_model(s));
    buf_add_lit(&body, ",\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":");
    json_add_string(&body, a->answer->text.data + a->from, a->upto - a->from);
    bool filtered = s->fault == FAULT_S13;
    buf_printf(&body, "},\"finish_reason\":\"%s\"}]", filtered ? "content_filter" : a->finish);
    if (s->fault != FAULT_NOUSAGE) {
        buf_add_lit(&body, ",\"usage\":");
        sse_add_usage(s, &body);
    }
    if (s->fault != FAULT_S10)
        buf_add_char(&body, '}');
    http_reply_head((struct exchange *)s->owner, b, "application/json", body.len);
    s->odd_done = s->fault == FAULT_S08 || s->fault == FAULT_S09;
    buf_add(b, body.data, s->odd_done ? body.len / 2 : body.len);
    buf_free(&body);
}

static void close_http(void *owner)
{
    http_end(owner);
}

static const struct dialect json_dialect = {.whole = whole, .close = close_http};

static void start(struct exchange *x, struct ask *a, enum fault f, uint64_t number)
{
    bool stream = a->stream;
    if (stream)
        http_begin(x, 200, "text/event-stream; charset=utf-8");
    struct stream *s = stream_start(http_conn(x), x, stream ? &sse_dialect : &json_dialect, a, f, number);
    if (stream)
        sse_prepare(s, http_chunked(x));
    http_start_job(x, &s->job);
}

void openai_chat(struct exchange *x, const struct request *r)
{
    struct ask a = {0};
    struct refusal why = {0};
    enum fault f;
    uint64_t number;
    if (!ask_from_json(&a, r->body.data, r->body.len, &why))
        openai_refuse(x, &why);
    else if (openai_admit(x, &a, &f, &number))
        start(x, &a, f, number);
    ask_free(&a);
}
