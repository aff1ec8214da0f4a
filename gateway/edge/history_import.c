/* history_import: POST /v1/conversations/import. An exported conversation becomes a new one of the owner,
 * under new ids and with its own times, without asking any model.
 *
 *     import_file -> of each answer: begin (with its question, the first time) -> finish -> title -> 201
 *                                          failed, or the client is gone -> the conversation is deleted
 *
 * It refuses to leave half a conversation. An answer that a crash finds begun and not finished has no request
 * recorded, so whoever takes it up ends it as truncated and bills nobody. */
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "edge/import_file.h"
#include "edge/routes.h"

struct import {
    struct http_exchange *x;
    struct store_op *op;
    struct import_file file;
    struct uuid chat;
    struct uuid *ids; /* owned: here, of each message; nil: not recorded yet */
    struct uuid gen;  /* of the answer that is being recorded */
    size_t at;        /* that answer */
    bool begun;       /* something is recorded, or may be */
};

static void next(struct import *i);

/* ------------------------------------------------------------------ ends */

static void undone(void *ctx, enum store_status status)
{
    (void)ctx;
    (void)status;
}

static void undo(struct import *i)
{
    struct history_store *h = i->x->node->history;
    if (i->begun)
        h->ops->edit(h, i->x->owner->name, &i->chat, NULL, undone, NULL);
    i->begun = false;
}

static void import_closed(struct http_exchange *x)
{
    struct import *i = x->state;
    x->state = NULL;
    if (i->op)
        x->node->history->ops->cancel_op(x->node->history, i->op);
    undo(i);
    import_file_free(&i->file);
    mem_free(i->ids);
    mem_free(i);
}

static void fail(struct import *i, enum store_status status)
{
    undo(i);
    route_reply_store(i->x, status == STORE_NOT_FOUND ? STORE_UNAVAILABLE : status);
}

static void succeed(struct import *i)
{
    char id[UUID_TEXT + 1];
    struct buf out = {0};
    i->begun = false; /* it stays */
    buf_printf(&out, "{\"chat\":\"%s\",\"title\":", uuid_format(&i->chat, id));
    json_add_cstring(&out, i->file.title);
    buf_printf(&out, ",\"messages\":%zu}", i->file.count);
    http_reply_json(i->x, 201, out.data, out.len);
    buf_free(&out);
}

static void titled(void *ctx, enum store_status status)
{
    struct import *i = ctx;
    i->op = NULL;
    if (status == STORE_OK)
        succeed(i);
    else
        fail(i, status);
}

/* ------------------------------------------------------------------ one answer */

static void finished(void *ctx, enum store_status status)
{
    struct import *i = ctx;
    i->op = NULL;
    if (status != STORE_OK) {
        fail(i, status);
        return;
    }
    i->at++;
    next(i);
}

static void finish(struct import *i)
{
    const struct import_message *m = &i->file.messages[i->at];
    struct history_store *h = i->x->node->history;
    struct history_answer a = {.gen = i->gen,
                               .chat = i->chat,
                               .message = i->ids[i->at],
                               .parent = i->ids[m->parent],
                               .owner = i->x->owner->name,
                               .state = m->state,
                               .model = m->model,
                               .epoch = 1,
                               .seq = m->part_count + 2, /* start, texts, done */
                               .text = m->text,
                               .crc = m->crc,
                               .parts = m->parts,
                               .part_count = m->part_count,
                               .outcome = {m->outcome.data, m->outcome.len},
                               .created_ms = m->created_ms,
                               .updated_ms = m->created_ms + (m->total_ms > 0 ? (uint64_t)m->total_ms : 0)};
    if (a.updated_ms > i->x->node->unix_ms)
        a.updated_ms = i->x->node->unix_ms;
    i->op = h->ops->finish(h, &a, finished, i);
}

static void begun(void *ctx, const struct history_begin *r)
{
    struct import *i = ctx;
    i->op = NULL;
    if (r->status != STORE_OK) {
        fail(i, r->status);
        return;
    }
    i->ids[i->file.messages[i->at].parent] = r->user_message;
    finish(i);
}

static void begin(struct import *i)
{
    const struct import_message *m = &i->file.messages[i->at], *question = &i->file.messages[m->parent];
    struct node *n = i->x->node;
    bool first = uuid_is_nil(&i->ids[m->parent]);
    i->gen = node_uuid(n);
    i->ids[i->at] = node_uuid(n);
    struct history_send s = {.owner = i->x->owner->name,
                             .gen = i->gen,
                             .chat = i->chat,
                             .user_message = node_uuid(n),
                             .answer_message = i->ids[i->at],
                             .parent_kind = PARENT_MESSAGE,
                             .parent = i->ids[m->parent],
                             .has_input = first,
                             .model = m->model,
                             .unix_ms = first ? question->created_ms : m->created_ms,
                             .context_bytes = 1};
    if (first)
        s.input = question->text;
    if (first && question->parent == IMPORT_ROOT)
        s.parent_kind = PARENT_ROOT;
    else if (first)
        s.parent = i->ids[question->parent];
    n->random(s.digest, sizeof s.digest); /* no send is the same */
    i->begun = true;
    i->op = n->history->ops->begin(n->history, &s, begun, i);
}

/* ------------------------------------------------------------------ all of them */

static void next(struct import *i)
{
    struct history_store *h = i->x->node->history;
    while (i->at < i->file.count && !i->file.messages[i->at].answer)
        i->at++;
    if (i->at < i->file.count)
        begin(i);
    else if (i->file.title)
        i->op = h->ops->edit(h, i->x->owner->name, &i->chat, i->file.title, titled, i);
    else
        succeed(i);
}

void history_import(struct http_exchange *x)
{
    static const struct http_ops ops = {.closed = import_closed};
    const struct config *c = x->node->config;
    const struct import_limits limits = {.prompt_bytes = (size_t)c->limits_prompt_bytes,
                                         .text_bytes = (size_t)c->limits_text_bytes,
                                         .now_ms = x->node->unix_ms};
    struct err e = {0};
    if (!route_wants_json(x))
        return;
    struct import *i = mem_alloc(sizeof *i);
    i->x = x;
    x->ops = &ops;
    x->state = i;
    if (!import_file_read(x->body, x->body_len, &limits, &i->file, &e)) {
        http_reply_error(x, &e);
        return;
    }
    i->chat = node_uuid(x->node);
    i->ids = mem_alloc(i->file.count * sizeof *i->ids);
    next(i);
}
