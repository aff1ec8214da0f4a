/* response_edit: what a response was asked with, and its end: GET /v1/responses/{id}/input_items and
 * DELETE /v1/responses/{id}.
 *
 *     id -> response_look -> messages of the request, else of the conversation -> a list of items
 *                         -> the conversation -> deleted, if it has no other answer
 *
 * History forgets whole conversations only; it refuses to take other responses along. */
#include "base/json.h"
#include "base/mem.h"
#include "core/chat.h"
#include "core/owner.h"
#include "edge/response_ask.h"
#include "edge/routes.h"

struct edit {
    struct http_exchange *x;
    struct response_look look;
    struct store_op *op;
    struct uuid gen, chat;
    void (*found)(struct edit *d, struct generation *g);
};

static void closed(struct http_exchange *x)
{
    struct edit *d = x->state;
    x->state = NULL;
    response_look_end(&d->look);
    if (d->op)
        x->node->history->ops->cancel_op(x->node->history, d->op);
    mem_free(d);
}

static void looked(struct response_look *look, struct generation *g, const struct err *e)
{
    struct edit *d = list_entry(look, struct edit, look);
    if (!g) {
        http_reply_error(d->x, e);
        return;
    }
    d->chat = g->chat_id;
    d->found(d, g);
}

static void start(struct http_exchange *x, void (*found)(struct edit *d, struct generation *g))
{
    static const struct http_ops ops = {.closed = closed};
    struct uuid gen;
    if (!route_response(x, &gen))
        return;
    struct edit *d = mem_alloc(sizeof *d);
    d->x = x;
    d->gen = x->gen = gen;
    d->found = found;
    x->ops = &ops;
    x->state = d;
    response_look_start(&d->look, x->node, x->owner, &gen, looked);
}

/* ------------------------------------------------------------------ input items */

static void add_id(struct buf *out, const struct edit *d, size_t index)
{
    char gen[UUID_TEXT + 1];
    buf_printf(out, "\"in_%s_%zu\"", uuid_format(&d->gen, gen), index);
}

/* Of messages as they were recorded, which may be those of the chat API: parts stay as they are. */
static void add_item(struct buf *out, const struct edit *d, const json_t *message, size_t index)
{
    const char *role = json_string_value(json_object_get(message, "role"));
    const json_t *content = json_object_get(message, "content");
    bool answer = role && strcmp(role, "assistant") == 0;
    buf_add_lit(out, "{\"id\":");
    add_id(out, d, index);
    buf_add_lit(out, ",\"type\":\"message\",\"status\":\"completed\",\"role\":");
    json_add_cstring(out, role);
    buf_add_str(out, answer ? ",\"content\":[{\"type\":\"output_text\",\"annotations\":[],\"text\":"
                            : ",\"content\":[{\"type\":\"input_text\",\"text\":");
    struct buf text = {0};
    if (json_is_string(content))
        buf_add(&text, json_string_value(content), json_string_length(content));
    for (size_t i = 0; i < json_array_size(content); i++) {
        const json_t *part = json_object_get(json_array_get(content, i), "text");
        buf_add(&text, json_string_value(part), json_string_length(part));
    }
    json_add_string(out, text.data ? text.data : "", text.len);
    buf_free(&text);
    buf_add_lit(out, "}]}");
}

static void reply_items(const struct edit *d, const json_t *messages)
{
    char order[8] = "desc";
    size_t count = json_array_size(messages);
    http_query(d->x, "order", order, sizeof order);
    bool oldest_first = strcmp(order, "asc") == 0;
    struct buf out = {0};
    buf_add_lit(&out, "{\"object\":\"list\",\"data\":[");
    for (size_t i = 0; i < count; i++) {
        size_t index = oldest_first ? i : count - 1 - i;
        if (i)
            buf_add_char(&out, ',');
        add_item(&out, d, json_array_get(messages, index), index);
    }
    buf_add_lit(&out, "],\"has_more\":false,\"first_id\":");
    add_id(&out, d, oldest_first || !count ? 0 : count - 1);
    buf_add_lit(&out, ",\"last_id\":");
    add_id(&out, d, oldest_first && count ? count - 1 : 0);
    buf_add_char(&out, '}');
    http_reply_json(d->x, 200, out.data, out.len);
    buf_free(&out);
}

static void conversation_read(void *ctx, const struct history_begin *result)
{
    static const char *const roles[] = {
        [ROLE_SYSTEM] = "system", [ROLE_USER] = "user", [ROLE_ASSISTANT] = "assistant"};
    struct edit *d = ctx;
    d->op = NULL;
    if (result->status != STORE_OK) {
        route_reply_store(d->x, result->status);
        return;
    }
    json_t *messages = json_array();
    for (size_t i = 0; i < result->context_count; i++) {
        const struct history_message *m = &result->context[i];
        json_t *message = json_object();
        json_object_set_new(message, "role", json_string(roles[m->role]));
        json_object_set_new(message, "content", json_stringn(m->text.data ? m->text.data : "", m->text.len));
        json_array_append_new(messages, message);
    }
    reply_items(d, messages);
    json_decref(messages);
}

static void show_items(struct edit *d, struct generation *g)
{
    struct history_store *h = d->x->node->history;
    json_t *messages = response_ask_messages(d->look.request);
    if (messages)
        reply_items(d, messages);
    else
        d->op = h->ops->context(h, d->x->owner->name, &g->chat_id, &g->user_message,
                                (size_t)d->x->node->config->limits_context_bytes, conversation_read, d);
    json_decref(messages);
}

void responses_items(struct http_exchange *x)
{
    start(x, show_items);
}

/* ------------------------------------------------------------------ delete */

static void deleted(void *ctx, enum store_status status)
{
    struct edit *d = ctx;
    char gen[UUID_TEXT + 1];
    struct buf out = {0};
    d->op = NULL;
    if (status != STORE_OK) {
        route_reply_store(d->x, status);
        return;
    }
    history_forget(d->x->node, d->x->owner, &d->chat);
    buf_printf(&out, "{\"id\":\"resp_%s\",\"object\":\"response\",\"deleted\":true}",
               uuid_format(&d->gen, gen));
    http_reply_json(d->x, 200, out.data, out.len);
    buf_free(&out);
}

static void refuse_shared(const struct edit *d)
{
    struct err e = {0};
    char chat[UUID_TEXT + 1];
    err_set(&e, ERR_CONFLICT,
            "Its conversation has other answers; delete it as a whole: /v1/conversations/%s",
            uuid_format(&d->chat, chat));
    http_reply_error(d->x, &e);
}

static void conversation_known(void *ctx, const struct history_tree *tree)
{
    struct edit *d = ctx;
    struct node *n = d->x->node;
    size_t answers = 0;
    d->op = NULL;
    if (tree->status != STORE_OK) {
        route_reply_store(d->x, tree->status);
        return;
    }
    for (size_t i = 0; i < tree->count; i++)
        answers += tree->nodes[i].role == ROLE_ASSISTANT;
    if (answers > 1) {
        refuse_shared(d);
        return;
    }
    chat_cancel(n, d->x->owner, &d->chat);
    owner_remote_cancel(d->x->owner, &d->chat);
    d->op = n->history->ops->edit(n->history, d->x->owner->name, &d->chat, NULL, deleted, d);
}

static void look_around(struct edit *d, struct generation *g)
{
    struct history_store *h = d->x->node->history;
    d->op = h->ops->tree(h, d->x->owner->name, &g->chat_id, conversation_known, d);
}

void responses_delete(struct http_exchange *x)
{
    start(x, look_around);
}
