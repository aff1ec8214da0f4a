/* plain: see plain.h. */
#include "plain.h"

#include <string.h>

#include "base/json.h"
#include "openai.h"
#include "stream.h"

static void whole(struct stream *s, struct buf *b)
{
    struct buf body = {0};
    const struct ask *a = &s->ask;
    s->off = a->upto;
    s->sent = a->tokens;
    buf_add_lit(&body, "{\"model\":");
    json_add_cstring(&body, a->model.name);
    buf_add_lit(&body, ",\"response\":");
    json_add_string(&body, a->answer->text.data + a->from, a->upto - a->from);
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

static const struct dialect plain_dialect = {.whole = whole, .close = close_http};

static bool read_body(struct ask *a, const struct request *r, struct refusal *why)
{
    const struct buf *type = &r->header[HEADER_CONTENT_TYPE];
    if (type->data && !strncmp(type->data, "application/json", 16))
        return ask_from_prompt(a, r->body.data, r->body.len, why);
    if (!r->body.len || !utf8_valid(r->body.data, r->body.len))
        return refuse(why, 400, "invalid_request", "The body is no text.");
    ask_set_input(a, r->body.data, r->body.len);
    return true;
}

void plain_chat(struct exchange *x, const struct request *r)
{
    struct ask a = {0};
    struct refusal why = {0};
    enum fault f;
    uint64_t number;
    if (!ask_from_query(&a, r->query.data, PLAIN_MODEL, &why) || !read_body(&a, r, &why)) {
        openai_refuse(x, &why);
    } else if (openai_admit(x, &a, &f, &number)) {
        struct stream *s = stream_start(http_conn(x), x, &plain_dialect, &a, f, number);
        http_start_job(x, &s->job);
    }
    ask_free(&a);
}
