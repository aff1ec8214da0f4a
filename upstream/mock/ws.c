/* ws: see ws.h. A fault is chosen when the connection comes (its key has no prompt yet): the refusing ones
 * answer the handshake, the others (those that lie in the prompt too) wait for the prompt.
 *
 *     conn -> in -> frame_parse -> message -> ask -> stream -> token() -> conn
 */
#include "ws.h"

#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "fault.h"
#include "frame.h"
#include "openai.h"
#include "plain.h"
#include "stats.h"
#include "stream.h"

#define PONG_BACKLOG 65536u /* answers to pings that a client does not read are dropped past this */

struct ws {
    struct conn *conn; /* borrowed */
    struct ask ask;    /* until the stream has it */
    enum fault fault;
    uint32_t attempt;
    struct buf in, message;
    bool in_message; /* fragments of a text message */
    bool asked, silent, closing;
    uint64_t number;       /* of a silent request */
    struct stream *stream; /* owned while it runs */
};

static void ws_stop_stream(struct ws *w, bool by_peer)
{
    struct stream *s = w->stream;
    w->stream = NULL;
    if (s)
        stream_gone(s, by_peer);
    if (w->silent)
        stats_end(w->number, ENDED_FAULT);
    w->silent = false;
}

static void ws_close(struct ws *w, unsigned code, const char *reason)
{
    struct buf b = {0};
    if (w->closing)
        return;
    w->closing = true;
    ws_stop_stream(w, true);
    frame_add_close(&b, code, reason);
    conn_send(w->conn, b.data, b.len);
    buf_free(&b);
    conn_finish(w->conn);
}

static void add_text(struct stream *s, struct buf *b, const char *text, size_t n)
{
    size_t cut = 0;
    while (s->fault == FAULT_CUTCHAR && cut < n && ((unsigned char)text[cut] & 0xC0) != 0x80)
        cut++;
    if (s->fault != FAULT_CUTCHAR || cut == n) {
        frame_add(b, FRAME_TEXT, true, text, n);
        return;
    }
    frame_add(b, FRAME_TEXT, false, text, cut);
    frame_add(b, FRAME_CONTINUE, true, text + cut, n - cut);
}

static void token(struct stream *s, struct buf *b, const char *text, size_t n, const char *escaped, size_t m)
{
    (void)escaped;
    (void)m;
    if (s->fault == FAULT_COMMENTS)
        frame_add(b, FRAME_PING, true, "still", 5);
    add_text(s, b, text, n);
}

static void add_error(struct buf *b, const char *code, unsigned close)
{
    struct buf text = {0};
    buf_printf(&text, "{\"error\":{\"message\":\"The answer broke off.\",\"code\":\"%s\"}}", code);
    frame_add(b, FRAME_TEXT, true, text.data, text.len);
    buf_free(&text);
    frame_add_close(b, close, code);
}

static void odd(struct stream *s, struct buf *b)
{
    if (s->fault == FAULT_S10)
        frame_add(b, FRAME_BINARY, true, "\xff\xfe\x01", 3);
    else if (s->fault == FAULT_S13)
        add_error(b, "content_filter", 1008);
    else if (s->fault == FAULT_INBAND_ERROR)
        add_error(b, "server_error", 1011);
}

static void finish(struct stream *s, struct buf *b)
{
    if (s->fault != FAULT_S11)
        frame_add(b, FRAME_TEXT, true, "[DONE]", 6);
    if (!stream_is_broken(s))
        frame_add_close(b, 1000, "");
}

static void after_stream(void *owner)
{
    struct ws *w = owner;
    w->stream = NULL;
    w->closing = true; /* the close frame was the last of the batch */
    conn_finish(w->conn);
}

static const struct dialect ws_dialect = {
    .token = token, .odd = odd, .finish = finish, .close = after_stream};

/* The faults that lie in the prompt: an error message, and the end. */
static bool prompt_refused(struct ws *w, uint64_t number)
{
    struct buf b = {0};
    bool filter = w->fault == FAULT_S13 && w->ask.opt.mode != MODE_STREAM;
    if (!filter && w->fault != FAULT_S12)
        return false;
    stats_end(number, ENDED_FAULT);
    w->closing = true;
    add_error(&b, filter ? "content_filter" : "context_length_exceeded", 1008);
    conn_send(w->conn, b.data, b.len);
    buf_free(&b);
    conn_finish(w->conn);
    return true;
}

static void start(struct ws *w)
{
    struct refusal why = {0};
    struct request_note note = {
        .key = ask_key(&w->ask), .attempt = w->attempt, .prefix_len = w->ask.opt.offset, .stream = true};
    strcpy(note.model, w->ask.model.name);
    w->asked = true;
    uint64_t number = stats_begin(&note, w->ask.model.base, w->ask.prompt_tokens, w->ask.opt.offset > 0);
    if (w->fault)
        stats_fault(w->fault);
    w->silent = w->fault == FAULT_S06;
    w->number = number;
    if (w->silent || prompt_refused(w, number))
        return;
    if (ask_answer(&w->ask, &why)) {
        w->stream = stream_start(w->conn, w, &ws_dialect, &w->ask, w->fault, number);
    } else {
        stats_end(number, ENDED_REFUSED);
        ws_close(w, 1008, why.code);
    }
}

static void on_message(struct ws *w)
{
    if (!utf8_valid(w->message.data ? w->message.data : "", w->message.len)) {
        ws_close(w, 1007, "invalid UTF-8");
    } else if (w->asked) {
        ws_close(w, 1008, "one prompt a connection");
    } else {
        ask_set_input(&w->ask, w->message.data, w->message.len);
        buf_free(&w->message);
        start(w);
    }
}

static void on_text(struct ws *w, const struct frame *f)
{
    if (f->op == FRAME_BINARY) {
        ws_close(w, 1003, "text only");
    } else if ((f->op == FRAME_CONTINUE) != w->in_message) {
        ws_close(w, 1002, "fragment out of place");
    } else if (w->message.len + f->len > FRAME_MESSAGE_MAX) {
        ws_close(w, 1009, "message too large");
    } else {
        buf_add(&w->message, f->data, f->len);
        w->in_message = !f->last;
        if (f->last)
            on_message(w);
    }
}

static void on_ping(struct ws *w, const struct frame *f)
{
    struct buf b = {0};
    /* no pong into the middle of a frame that goes out in pieces */
    bool between = !w->stream || !w->stream->held.len;
    if (!between || w->conn->out.len > PONG_BACKLOG)
        return;
    frame_add(&b, FRAME_PONG, true, f->data, f->len);
    conn_send(w->conn, b.data, b.len);
    buf_free(&b);
}

static void on_close(struct ws *w, const struct frame *f)
{
    unsigned code = f->len >= 2 ? (unsigned)(unsigned char)f->data[0] << 8 | (unsigned char)f->data[1] : 1000;
    bool legal = (code >= 1000 && code <= 1014 && code != 1004 && code != 1005 && code != 1006) ||
                 (code >= 3000 && code <= 4999);
    if (f->len == 1 || !legal || (f->len > 2 && !utf8_valid(f->data + 2, f->len - 2)))
        code = 1002;
    ws_close(w, code, "");
}

static void on_frame(struct ws *w, const struct frame *f)
{
    if (f->op == FRAME_PING)
        on_ping(w, f);
    else if (f->op == FRAME_CLOSE)
        on_close(w, f);
    else if (f->op != FRAME_PONG)
        on_text(w, f);
}

static size_t ws_data(struct conn *c, const char *p, size_t n)
{
    struct ws *w = c->user;
    size_t done = 0;
    buf_add(&w->in, p, n);
    while (!w->closing) {
        struct frame f;
        enum frame_read r = frame_parse(&f, w->in.data + done, w->in.len - done);
        if (r == FRAME_NEEDS_MORE)
            break;
        if (r == FRAME_WHOLE)
            on_frame(w, &f);
        else
            ws_close(w, r == FRAME_BAD ? 1002 : 1009, r == FRAME_BAD ? "bad frame" : "message too large");
        done += r == FRAME_WHOLE ? f.used : 0;
    }
    buf_drop(&w->in, w->closing ? w->in.len : done);
    if (!w->in.len)
        buf_free(&w->in);
    return n;
}

static void ws_drained(struct conn *c)
{
    struct ws *w = c->user;
    if (w->stream)
        stream_drained(w->stream);
}

static void ws_gone(struct conn *c, bool by_peer)
{
    struct ws *w = c->user;
    ws_stop_stream(w, by_peer);
    ask_free(&w->ask);
    buf_free(&w->in);
    buf_free(&w->message);
    mem_free(w);
}

static const struct conn_ops ws_ops = {ws_data, ws_drained, ws_gone};

static void upgrade(struct exchange *x, struct ask *a, enum fault f, uint32_t attempt, const char *accept)
{
    struct ws *w = mem_alloc(sizeof(*w));
    struct buf b = {0};
    buf_printf(&b,
               "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
               "Sec-WebSocket-Accept: %s\r\n\r\n",
               accept);
    w->conn = http_leave(x);
    w->ask = *a;
    *a = (struct ask){0};
    w->fault = f;
    w->attempt = attempt;
    w->conn->ops = &ws_ops;
    w->conn->user = w;
    conn_send(w->conn, b.data, b.len);
    buf_free(&b);
    conn_release(w->conn);
}

/* What can be refused before there is a prompt. */
static bool refuses_handshake(const struct ask *a, enum fault f)
{
    return (f >= FAULT_S01 && f <= FAULT_S05) || f == FAULT_S15 || (f == FAULT_S14 && a->opt.offset);
}

static bool refused_by_fault(struct exchange *x, struct ask *a, enum fault f, uint32_t attempt)
{
    if (!refuses_handshake(a, f))
        return false;
    struct request_note note = {.key = ask_key(a), .attempt = attempt, .prefix_len = a->opt.offset};
    strcpy(note.model, a->model.name);
    stats_fault(f);
    return fault_refuse(x, a, f, stats_begin(&note, a->model.base, 0, a->opt.offset > 0));
}

void ws_open(struct exchange *x, const struct request *r)
{
    struct ask a = {0};
    struct refusal why = {0};
    uint32_t attempt = 0;
    char accept[32];
    const struct buf *key = &r->header[HEADER_WS_KEY], *version = &r->header[HEADER_WS_VERSION];
    bool right = r->upgrade && r->http11 && !r->body.len && version->data && !strcmp(version->data, "13");
    if (!right) {
        http_reply_error(x, 426, "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n", "upgrade_required",
                         "This path speaks WebSocket 13.");
    } else if (!key->data || !frame_accept_key(key->data, accept)) {
        http_reply_error(x, 400, "", "invalid_request", "Bad Sec-WebSocket-Key.");
    } else if (!ask_from_query(&a, r->query.data, PLAIN_MODEL, &why)) {
        openai_refuse(x, &why);
    } else {
        enum fault f = fault_decide(&a, &attempt);
        if (!refused_by_fault(x, &a, f, attempt))
            upgrade(x, &a, f, attempt, accept);
    }
    ask_free(&a);
}
