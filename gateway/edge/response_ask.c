/* response_ask: see response_ask.h. */
#include "edge/response_ask.h"

#include <stdlib.h>
#include <string.h>

static void refuse(struct response_ask *a, const struct err *e)
{
    a->follower->ops->refused(a->follower, e);
}

static void refuse_input(struct response_ask *a, const char *message)
{
    struct err e = {0};
    err_set(&e, ERR_BAD_REQUEST, "%s", message);
    e.param = "input";
    refuse(a, &e);
}

void response_ask_end(struct response_ask *a)
{
    if (a->op)
        a->node->history->ops->cancel_op(a->node->history, a->op);
    a->op = NULL;
    response_look_end(&a->look);
    response_request_free(&a->request);
    buf_free(&a->answer);
}

/* ------------------------------------------------------------------ the send */

static void submit(struct response_ask *a, const char *messages_json)
{
    struct response_request *r = &a->request;
    struct send *s = &a->send;
    s->input = json_string_value(r->last_user);
    s->input_len = json_string_length(r->last_user);
    s->model = r->model;
    s->params = r->params;
    s->messages_json = messages_json;
    s->note = r->note;
    s->if_busy = IF_BUSY_REJECT;
    if (!messages_json && r->instructions)
        json_object_set(r->params, "system", r->instructions);
    send_submit(a->node, a->owner, s, a->follower);
}

static void add_message(json_t *messages, const char *role, const char *text, size_t len)
{
    json_t *message = json_object();
    json_object_set_new(message, "role", json_string(role));
    json_object_set_new(message, "content", json_stringn(text ? text : "", len));
    json_array_append_new(messages, message);
}

/* `before`: messages up to the answer that the input follows; taken over. NULL: it begins here. */
static void submit_whole(struct response_ask *a, json_t *before)
{
    struct response_request *r = &a->request;
    json_t *all = json_array();
    if (r->instructions)
        add_message(all, "system", json_string_value(r->instructions), json_string_length(r->instructions));
    if (before)
        json_array_extend(all, before);
    if (a->answer.len)
        add_message(all, "assistant", a->answer.data, a->answer.len);
    json_array_extend(all, r->messages);
    char *text = json_dumps(all, JSON_COMPACT);
    json_decref(all);
    json_decref(before);
    submit(a, text);
    free(text);
}

/* ------------------------------------------------------------------ what came before */

json_t *response_ask_messages(const json_t *request)
{
    const json_t *messages = json_object_get(request, "messages");
    if (!json_is_array(messages))
        return NULL;
    json_t *copy = json_copy((json_t *)(uintptr_t)messages);
    if (json_object_get(json_object_get(request, "note"), "instructions"))
        json_array_remove(copy, 0); /* submit_whole has put them there */
    return copy;
}

static void conversation_read(void *ctx, const struct history_begin *result)
{
    static const char *const roles[] = {
        [ROLE_SYSTEM] = "system", [ROLE_USER] = "user", [ROLE_ASSISTANT] = "assistant"};
    struct response_ask *a = ctx;
    struct err e = {0};
    a->op = NULL;
    if (result->status != STORE_OK) {
        bool gone = result->status == STORE_NOT_FOUND;
        err_set(&e, gone ? ERR_NOT_FOUND : ERR_STORE_DEGRADED, NULL);
        e.param = "previous_response_id";
        e.after_ms = gone ? 0 : 1000;
        refuse(a, &e);
        return;
    }
    json_t *before = json_array();
    for (size_t i = 0; i < result->context_count; i++) {
        const struct history_message *m = &result->context[i];
        add_message(before, roles[m->role], m->text.data, m->text.len);
    }
    submit_whole(a, before);
}

static void take_answer(struct response_ask *a, const struct generation *g)
{
    const struct tokenlog *log = &g->log;
    for (uint32_t i = 0; i < log->segment_count; i++) {
        uint64_t begin = log->segments[i].off;
        uint64_t end = i + 1 < log->segment_count ? log->segments[i + 1].off : tokenlog_end(log);
        if (log->segments[i].part == LOG_PART_TEXT)
            buf_add(&a->answer, log->text.data + begin, (size_t)(end - begin));
    }
}

/* False: refused. */
static bool is_usable(struct response_ask *a, const struct generation *g, const struct err *why)
{
    struct err e = {0};
    if (g && g->log.finished)
        return true;
    if (g)
        err_set(&e, ERR_BUSY, "The response before this one has not ended yet.");
    else
        e = *why;
    if (e.code == ERR_NOT_FOUND)
        err_set(&e, ERR_NOT_FOUND, "There is no response with that id.");
    e.param = "previous_response_id";
    refuse(a, &e);
    return false;
}

static void found(struct response_look *look, struct generation *g, const struct err *e)
{
    struct response_ask *a = list_entry(look, struct response_ask, look);
    struct history_store *h = a->node->history;
    if (!is_usable(a, g, e))
        return;
    a->send.chat = g->chat_id;
    a->send.parent = g->message;
    a->send.parent_choice = PARENT_ID;
    json_t *before = response_ask_messages(look->request);
    if (!before && a->request.plain) {
        submit(a, NULL);
        return;
    }
    take_answer(a, g);
    if (before)
        submit_whole(a, before);
    else
        a->op = h->ops->context(h, a->owner->name, &g->chat_id, &g->user_message,
                                (size_t)a->node->config->limits_context_bytes, conversation_read, a);
}

/* ------------------------------------------------------------------ start */

void response_ask_start(struct response_ask *a, struct node *n, struct owner *owner,
                        struct response_request *request, const struct send *ids, struct follower *f)
{
    a->follower = f;
    a->node = n;
    a->owner = owner;
    a->request = *request;
    a->send = *ids;
    *request = (struct response_request){.model = ""};
    struct response_request *r = &a->request;
    if (r->has_conversation) {
        a->send.chat = r->conversation;
        a->send.parent_choice = PARENT_ABSENT;
    }
    bool goes_on = a->send.parent_choice == PARENT_ABSENT;
    if (goes_on && r->has_previous)
        refuse_input(a, "Lastword-Chat cannot stand beside previous_response_id.");
    else if (goes_on && !r->plain)
        refuse_input(a, "input: must be one user message where a conversation goes on");
    else if (r->has_previous)
        response_look_start(&a->look, n, owner, &r->previous, found);
    else if (r->plain)
        submit(a, NULL);
    else
        submit_whole(a, NULL);
}
