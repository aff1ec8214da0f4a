/* sse: see sse.h. Everything that is the same in each event of a stream is written once, so a token costs
 * three copies.
 *
 *     {size CRLF} before "token" after {CRLF}        one batch, one HTTP chunk
 */
#include "sse.h"

#include "base/json.h"

const char *sse_eol(const struct stream *s)
{
    return s->fault == FAULT_CRLF ? "\r\n" : "\n";
}

const char *sse_served_model(const struct stream *s)
{
    return s->fault == FAULT_S16 ? "richierich-s16-2026" : s->ask.model.name;
}

/* `data: {... "choices":` of every event. */
static void add_head(const struct stream *s, struct buf *b)
{
    buf_printf(b,
               "data: {\"id\":\"%s\",\"object\":\"chat.completion.chunk\",\"created\":%lld,\"model\":", s->id,
               (long long)s->created);
    json_add_cstring(b, sse_served_model(s));
    buf_add_lit(b, ",\"choices\":");
}

static void end_event(const struct stream *s, struct buf *b)
{
    buf_add_str(b, sse_eol(s));
    buf_add_str(b, sse_eol(s));
}

void sse_prepare(struct stream *s, bool chunked)
{
    s->chunked = chunked;
    add_head(s, &s->before);
    buf_add_lit(&s->before, "[{\"index\":0,\"delta\":{\"content\":\"");
    buf_add_lit(&s->after, "\"},\"finish_reason\":null}]}");
    end_event(s, &s->after);
}

static void begin(struct stream *s, struct buf *b)
{
    if (s->fault == FAULT_COMMENTS)
        buf_add_lit(b, ": welcome\n\nretry: 3000\n\n");
    add_head(s, b);
    buf_add_lit(
        b, "[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"\"},\"finish_reason\":null}]}");
    end_event(s, b);
}

/* Between events, legal and meaningless. */
static void add_noise(const struct stream *s, struct buf *b)
{
    static const char *const noise[] = {": keepalive\n\n", "\n\n", ":\n\n", "id: 7\n\n",
                                        ": data: {\"no\":1}\n"};
    buf_add_str(b, noise[s->sent % (sizeof(noise) / sizeof(noise[0]))]);
}

void sse_token(struct stream *s, struct buf *b, const char *text, size_t n, const char *escaped, size_t m)
{
    if (s->fault == FAULT_COMMENTS)
        add_noise(s, b);
    buf_reserve(b, s->before.len + m + s->after.len);
    buf_add(b, s->before.data, s->before.len);
    if (escaped) {
        buf_add(b, escaped, m);
    } else {
        struct buf e = {0};
        json_add_string(&e, text, n);
        buf_add(b, e.data + 1, e.len - 2);
        buf_free(&e);
    }
    buf_add(b, s->after.data, s->after.len);
}

void sse_add_usage(const struct stream *s, struct buf *b)
{
    unsigned long long prompt = s->ask.prompt_tokens + s->ask.prefix_tokens, made = s->sent;
    buf_printf(b, "{\"prompt_tokens\":%llu,\"completion_tokens\":%llu,\"total_tokens\":%llu}", prompt, made,
               prompt + made);
}

static void finish_with(struct stream *s, struct buf *b, const char *reason)
{
    add_head(s, b);
    buf_printf(b, "[{\"index\":0,\"delta\":{},\"finish_reason\":\"%s\"}]}", reason);
    end_event(s, b);
    if (s->ask.include_usage && s->fault != FAULT_NOUSAGE) {
        add_head(s, b);
        buf_add_lit(b, "[],\"usage\":");
        sse_add_usage(s, b);
        buf_add_char(b, '}');
        end_event(s, b);
    }
    if (s->fault == FAULT_S11)
        return;
    buf_add_lit(b, "data: [DONE]");
    end_event(s, b);
}

static void finish(struct stream *s, struct buf *b)
{
    finish_with(s, b, s->fault == FAULT_LENGTH ? "length" : s->ask.finish);
}

static void add_error(struct stream *s, struct buf *b)
{
    if (s->ask.opt.mode == MODE_EVENT)
        buf_add_lit(b, "event: error\n");
    buf_add_lit(b, "data: {\"error\":{\"message\":\"The server had an error while it wrote the answer.\","
                   "\"type\":\"server_error\",\"param\":null,\"code\":500}}\n\n");
    if (s->ask.opt.mode == MODE_DONE)
        buf_add_lit(b, "data: [DONE]\n\n");
}

static void odd(struct stream *s, struct buf *b)
{
    if (s->fault == FAULT_S10)
        buf_add_lit(
            b, "data: {\"id\":\"chatcmpl-broken\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\n\n");
    else if (s->fault == FAULT_S13)
        finish_with(s, b, "content_filter");
    else if (s->fault == FAULT_INBAND_ERROR)
        add_error(s, b);
}

/* Writes "size CRLF" so that it ends where `at` is; returns its start. */
static size_t put_size(char *data, size_t at, size_t size)
{
    static const char digits[] = "0123456789abcdef";
    data[--at] = '\n';
    data[--at] = '\r';
    do {
        data[--at] = digits[size & 15];
        size >>= 4;
    } while (size);
    return at;
}

/* The first place inside a character; the length when there is none. */
static size_t inside_character(const struct buf *b, size_t from)
{
    while (from < b->len && ((unsigned char)b->data[from] & 0xC0) != 0x80)
        from++;
    return from;
}

/* The rest of the batch, from inside a character, becomes a chunk of its own that is sent later. */
static void cut_character(struct stream *s, struct buf *b)
{
    size_t at = inside_character(b, STREAM_GAP);
    if (at == b->len)
        return;
    if (s->chunked)
        buf_printf(&s->held, "%zx\r\n", b->len - at);
    buf_add(&s->held, b->data + at, b->len - at);
    if (s->chunked)
        buf_add_lit(&s->held, "\r\n");
    b->len = at;
}

size_t sse_wrap(struct stream *s, struct buf *b)
{
    size_t start = STREAM_GAP;
    if (s->fault == FAULT_CUTCHAR)
        cut_character(s, b);
    if (!s->chunked)
        return start;
    if (b->len > start) {
        start = put_size(b->data, start, b->len - start);
        buf_add_lit(b, "\r\n");
    }
    if (s->over && !stream_is_broken(s)) {
        struct buf *last = s->held.len ? &s->held : b;
        buf_add_lit(last, "0\r\n\r\n");
    }
    return start;
}

static void close_http(void *owner)
{
    http_end(owner);
}

const struct dialect sse_dialect = {
    .begin = begin, .token = sse_token, .odd = odd, .finish = finish, .wrap = sse_wrap, .close = close_http};
