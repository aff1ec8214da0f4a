/* response: see response.h. */
#include "upstream/response.h"

#include <http_parser.h>
#include <string.h>
#include <time.h>

#include "base/buf.h"
#include "base/mem.h"

struct response {
    http_parser parser;
    struct head head;
    struct buf line; /* of the head, until it is whole */
    bool in_value, headed, complete, keep;
};

#define LARGE_PIECE 2048 /* moving it costs more than handing it over by itself */

/* One call of response_feed. */
struct feeding {
    struct response *r;
    const struct response_handlers *h;
    void *ctx;
    char *body; /* in the reader's buffer */
    size_t body_len;
};

/* ------------------------------------------------------------ the head */

static void line_done(struct response *r)
{
    if (r->line.len)
        head_line(&r->head, r->line.data, r->line.len, (int64_t)time(NULL) * 1000);
    buf_clear(&r->line);
    r->in_value = false;
}

static int on_field(http_parser *p, const char *at, size_t len)
{
    struct response *r = ((struct feeding *)p->data)->r;
    if (r->headed)
        return 0; /* a trailer */
    if (r->in_value)
        line_done(r);
    buf_add(&r->line, at, len);
    return 0;
}

static int on_value(http_parser *p, const char *at, size_t len)
{
    struct response *r = ((struct feeding *)p->data)->r;
    if (r->headed)
        return 0;
    if (!r->in_value)
        buf_add_char(&r->line, ':');
    r->in_value = true;
    buf_add(&r->line, at, len);
    return 0;
}

static int on_head(http_parser *p)
{
    struct feeding *f = p->data;
    struct response *r = f->r;
    line_done(r);
    if (p->status_code < 200)
        return 1; /* an interim one has no body, whatever its head says (RFC 9110, 15.2) */
    buf_free(&r->line);
    r->head.status = (int)p->status_code;
    r->headed = true;
    f->h->on_head(f->ctx, &r->head);
    return 0;
}

/* ------------------------------------------------------------ the body */

static void hand_over(struct feeding *f)
{
    if (f->body_len)
        f->h->on_body(f->ctx, f->body, f->body_len);
    f->body_len = 0;
}

static int on_body(http_parser *p, const char *at, size_t len)
{
    struct feeding *f = p->data;
    bool follows = f->body_len && f->body + f->body_len == at;
    if (!follows && len >= LARGE_PIECE)
        hand_over(f);
    if (!f->body_len)
        f->body = (char *)(uintptr_t)at;
    else if (!follows)
        memmove(f->body + f->body_len, at, len);
    f->body_len += len;
    return 0;
}

static int on_complete(http_parser *p)
{
    struct response *r = ((struct feeding *)p->data)->r;
    if (!r->headed) { /* it was an interim one; the next head is the same response's */
        r->head = (struct head){.retry_after_ms = -1};
        return 0;
    }
    r->complete = true;
    r->keep = http_should_keep_alive(p) != 0;
    http_parser_pause(p, 1);
    return 0;
}

static const http_parser_settings settings = {
    .on_header_field = on_field,
    .on_header_value = on_value,
    .on_headers_complete = on_head,
    .on_body = on_body,
    .on_message_complete = on_complete,
};

/* ------------------------------------------------------------ the whole */

struct response *response_new(void)
{
    struct response *r = mem_alloc(sizeof *r);
    r->head.retry_after_ms = -1;
    http_parser_init(&r->parser, HTTP_RESPONSE);
    r->parser.allow_chunked_length = 1; /* the chunks count then, as everywhere */
    return r;
}

void response_free(struct response *r)
{
    buf_free(&r->line);
    mem_free(r);
}

enum response_verdict response_feed(struct response *r, char *bytes, size_t len,
                                    const struct response_handlers *h, void *ctx)
{
    struct feeding f = {.r = r, .h = h, .ctx = ctx};
    r->parser.data = &f;
    size_t used = http_parser_execute(&r->parser, &settings, bytes, len);
    enum http_errno error = HTTP_PARSER_ERRNO(&r->parser);
    hand_over(&f);
    if (r->complete)
        return r->keep && used == len ? RESPONSE_KEEP : RESPONSE_CLOSE;
    return error == HPE_OK && !r->parser.upgrade ? RESPONSE_MORE : RESPONSE_BAD;
}

enum response_verdict response_end(struct response *r)
{
    struct feeding f = {.r = r};
    r->parser.data = &f;
    http_parser_execute(&r->parser, &settings, NULL, 0);
    return r->complete ? RESPONSE_CLOSE : RESPONSE_BAD;
}
