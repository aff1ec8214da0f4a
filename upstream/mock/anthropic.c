/* anthropic: see anthropic.h.
 *
 *     message_start, [a block of thinking], a block of text: one delta a token, message_delta, message_stop
 *
 * The faults are those of sse.c, as this service would have them. */
#include "anthropic.h"

#include <string.h>

#include "ask.h"
#include "base/json.h"
#include "fault.h"
#include "openai.h"
#include "sse.h"
#include "stream.h"

/* The codes of the faults, in this service's words. */
static const struct {
    const char *code, *type, *message; /* message NULL: as it was */
} words[] = {
    {"rate_limit_exceeded", "rate_limit_error", NULL},
    {"internal_error", "api_error", "Internal server error"},
    {"service_unavailable", "overloaded_error", "Overloaded"},
    {"context_length_exceeded", "invalid_request_error", "prompt is too long: 9 tokens > 8 maximum"},
    {"content_filter", "invalid_request_error", "Output blocked by content filtering policy"},
    {"prefix_not_supported", "invalid_request_error",
     "This model does not support assistant message prefill."},
    {"invalid_api_key", "authentication_error", "invalid x-api-key"},
    {"model_not_found", "not_found_error", NULL},
};

static void error_object(struct buf *b, const char *type, const char *message)
{
    buf_printf(b, "{\"type\":\"error\",\"error\":{\"type\":\"%s\",\"message\":", type);
    json_add_cstring(b, message);
    buf_add_lit(b, "}}");
}

void anthropic_error(struct buf *b, int status, const char *code, const char *message)
{
    const char *type = status == 404 ? "not_found_error" : "invalid_request_error";
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (!strcmp(code, words[i].code)) {
            type = words[i].type;
            message = words[i].message ? words[i].message : message;
        }
    error_object(b, type, message);
}

/* ------------------------------------------------------------ events */

static void event(const struct stream *s, struct buf *b, const char *name, const char *members)
{
    buf_printf(b, "event: %s%sdata: {\"type\":\"%s\"%s}%s%s", name, sse_eol(s), name, members, sse_eol(s),
               sse_eol(s));
}

static void prepare(struct stream *s, bool chunked)
{
    s->chunked = chunked;
    buf_printf(&s->before,
               "event: content_block_delta%sdata: {\"type\":\"content_block_delta\",\"index\":%d,"
               "\"delta\":{\"type\":\"text_delta\",\"text\":\"",
               sse_eol(s), s->ask.thinking);
    buf_printf(&s->after, "\"}}%s%s", sse_eol(s), sse_eol(s));
}

static void think(struct stream *s, struct buf *b)
{
    event(s, b, "content_block_start",
          ",\"index\":0,\"content_block\":{\"type\":\"thinking\",\"thinking\":\"\",\"signature\":\"\"}");
    event(s, b, "content_block_delta",
          ",\"index\":0,\"delta\":{\"type\":\"thinking_delta\",\"thinking\":\"Let me think.\"}");
    event(s, b, "content_block_delta",
          ",\"index\":0,\"delta\":{\"type\":\"signature_delta\",\"signature\":\"c2lnbmVk\"}");
    event(s, b, "content_block_stop", ",\"index\":0");
}

static void begin(struct stream *s, struct buf *b)
{
    struct buf m = {0};
    unsigned long long prompt = s->ask.prompt_tokens + s->ask.prefix_tokens;
    buf_printf(
        &m, ",\"message\":{\"id\":\"msg_%s\",\"type\":\"message\",\"role\":\"assistant\",\"model\":", s->id);
    json_add_cstring(&m, sse_served_model(s));
    buf_add_lit(&m, ",\"content\":[],\"stop_reason\":null,\"stop_sequence\":null");
    if (s->fault != FAULT_NOUSAGE)
        buf_printf(&m,
                   ",\"usage\":{\"input_tokens\":%llu,\"cache_creation_input_tokens\":0,"
                   "\"cache_read_input_tokens\":0,\"output_tokens\":1}",
                   prompt);
    buf_add_char(&m, '}');
    event(s, b, "message_start", buf_cstr(&m));
    if (s->ask.thinking)
        think(s, b);
    event(s, b, "content_block_start",
          s->ask.thinking ? ",\"index\":1,\"content_block\":{\"type\":\"text\",\"text\":\"\"}"
                          : ",\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"\"}");
    event(s, b, "ping", "");
    buf_free(&m);
}

static void finish_with(struct stream *s, struct buf *b, const char *reason)
{
    struct buf m = {0};
    event(s, b, "content_block_stop", s->ask.thinking ? ",\"index\":1" : ",\"index\":0");
    buf_printf(&m, ",\"delta\":{\"stop_reason\":\"%s\",\"stop_sequence\":null}", reason);
    if (s->fault != FAULT_NOUSAGE)
        buf_printf(&m, ",\"usage\":{\"output_tokens\":%u}", s->sent);
    event(s, b, "message_delta", buf_cstr(&m));
    if (s->fault != FAULT_S11)
        event(s, b, "message_stop", "");
    buf_free(&m);
}

static void finish(struct stream *s, struct buf *b)
{
    bool limit = s->fault == FAULT_LENGTH || !strcmp(s->ask.finish, "length");
    finish_with(s, b, limit ? "max_tokens" : "end_turn");
}

static void add_error(struct stream *s, struct buf *b)
{
    buf_add_lit(b, "event: error\ndata: ");
    error_object(b, "overloaded_error", "Overloaded");
    buf_add_lit(b, "\n\n");
    if (s->ask.opt.mode == MODE_DONE)
        event(s, b, "message_stop", "");
}

static void odd(struct stream *s, struct buf *b)
{
    if (s->fault == FAULT_S10)
        buf_add_lit(b, "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"delta\":{\n\n");
    else if (s->fault == FAULT_S13)
        finish_with(s, b, "refusal");
    else if (s->fault == FAULT_INBAND_ERROR)
        add_error(s, b);
}

static void close_http(void *owner)
{
    http_end(owner);
}

static const struct dialect dialect = {
    .begin = begin, .token = sse_token, .odd = odd, .finish = finish, .wrap = sse_wrap, .close = close_http};

/* ------------------------------------------------------------ the request */

void anthropic_messages(struct exchange *x, const struct request *r)
{
    struct ask a = {0};
    struct refusal why = {0};
    enum fault f;
    uint64_t number;
    if (!r->header[HEADER_ANTHROPIC_VERSION].data) {
        http_reply_error(x, 400, "", "invalid_request", "anthropic-version: header is required");
    } else if (!ask_from_messages(&a, r->body.data, r->body.len, &why)) {
        openai_refuse(x, &why);
    } else if (openai_admit(x, &a, &f, &number)) {
        http_begin(x, 200, "text/event-stream; charset=utf-8");
        struct stream *s = stream_start(http_conn(x), x, &dialect, &a, f, number);
        prepare(s, http_chunked(x));
        http_start_job(x, &s->job);
    }
    ask_free(&a);
}
