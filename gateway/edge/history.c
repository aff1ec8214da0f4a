/* history: the conversations over HTTP. It asks the history store and writes what it says; it refuses to keep
 * anything, to build SQL, and to tell another owner's conversation from one that does not exist.
 *
 *     exchange -> struct ask (one store_op) -> completion -> history_write -> reply */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "core/chat.h"
#include "edge/history_write.h"
#include "edge/routes.h"

#define PAGE_DEFAULT 50
#define PAGE_MAX 200
#define TITLE_MAX 200 /* bytes */
#define SEARCH_MAX 400
#define QUERY_MAX 4096 /* longer than the request line may be: nothing passes for absent */

/* ------------------------------------------------------------------ one question to the store */

struct ask {
    struct http_exchange *x;
    struct store_op *op;
    struct uuid chat;
    char *title; /* rename; owned */
    bool markdown;
    bool attachment; /* export */
};

static void ask_closed(struct http_exchange *x)
{
    struct ask *a = x->state;
    x->state = NULL;
    if (a->op)
        x->node->history->ops->cancel_op(x->node->history, a->op);
    mem_free(a->title);
    mem_free(a);
}

static struct ask *ask_new(struct http_exchange *x)
{
    static const struct http_ops ops = {.closed = ask_closed};
    struct ask *a = mem_alloc(sizeof *a);
    a->x = x;
    x->ops = &ops;
    x->state = a;
    return a;
}

/* With the chat of the path; NULL: answered already. */
static struct ask *ask_chat(struct http_exchange *x)
{
    struct uuid chat;
    if (!route_uuid(x, 2, &chat))
        return NULL;
    struct ask *a = ask_new(x);
    a->chat = chat;
    return a;
}

static void bad(struct http_exchange *x, const char *param, const char *message)
{
    struct err e = {0};
    err_set(&e, ERR_BAD_REQUEST, "%s", message);
    e.param = param;
    http_reply_error(x, &e);
}

/* ------------------------------------------------------------------ the list */

static void listed(void *ctx, const struct history_page *page)
{
    struct ask *a = ctx;
    a->op = NULL;
    if (page->status == STORE_NOT_FOUND) {
        bad(a->x, "before", "before: must be the `next` of an earlier page");
        return;
    }
    if (page->status != STORE_OK) {
        route_reply_store(a->x, page->status);
        return;
    }
    struct buf out = {0};
    history_write_page(&out, page);
    http_reply_json(a->x, 200, out.data, out.len);
    buf_free(&out);
}

/* limit: absent, or 1 to PAGE_MAX. 0 for anything else. */
static size_t read_limit(struct http_exchange *x)
{
    char text[QUERY_MAX];
    if (!http_query(x, "limit", text, sizeof text))
        return PAGE_DEFAULT;
    size_t digits = strspn(text, "0123456789");
    unsigned long n = strtoul(text, NULL, 10);
    return digits && digits < 6 && !text[digits] && n <= PAGE_MAX ? (size_t)n : 0;
}

void history_list(struct http_exchange *x)
{
    char before[QUERY_MAX], search[QUERY_MAX];
    struct history_list_query q = {.owner = x->owner->name, .limit = read_limit(x)};
    if (!q.limit) {
        bad(x, "limit", "limit: must be 1 to 200");
        return;
    }
    if (http_query(x, "before", before, sizeof before) && *before)
        q.before = before;
    if (http_query(x, "q", search, sizeof search) && search[strspn(search, " \t\r\n")])
        q.search = search;
    if (q.search && (strlen(search) > SEARCH_MAX || !utf8_valid(search, strlen(search)))) {
        bad(x, "q", "q: must be at most 400 bytes of UTF-8");
        return;
    }
    struct ask *a = ask_new(x);
    a->op = x->node->history->ops->list(x->node->history, &q, listed, a);
}

/* ------------------------------------------------------------------ one, and its export */

static void reply_export(struct ask *a, const struct history_tree *tree)
{
    char id[UUID_TEXT + 1], disposition[128];
    struct buf out = {0};
    if (a->markdown)
        history_write_markdown(&out, a->x->node, a->x->owner, tree);
    else
        history_write_tree(&out, a->x->node, a->x->owner, tree);
    snprintf(disposition, sizeof disposition, "attachment; filename=\"conversation-%s.%s\"",
             uuid_format(&tree->head.chat, id), a->markdown ? "md" : "json");
    const struct http_field fields[] = {
        {"content-type", a->markdown ? "text/markdown; charset=utf-8" : "application/json"},
        {"content-disposition", disposition},
        {"cache-control", "no-store"}};
    http_reply(a->x, 200, fields, 3, out.data, out.len);
    buf_free(&out);
}

static void shown(void *ctx, const struct history_tree *tree)
{
    struct ask *a = ctx;
    a->op = NULL;
    if (tree->status != STORE_OK) {
        route_reply_store(a->x, tree->status);
        return;
    }
    if (a->attachment) {
        reply_export(a, tree);
        return;
    }
    struct buf out = {0};
    history_write_tree(&out, a->x->node, a->x->owner, tree);
    http_reply_json(a->x, 200, out.data, out.len);
    buf_free(&out);
}

static void ask_tree(struct ask *a)
{
    struct history_store *h = a->x->node->history;
    a->op = h->ops->tree(h, a->x->owner->name, &a->chat, shown, a);
}

void history_show(struct http_exchange *x)
{
    struct ask *a = ask_chat(x);
    if (a)
        ask_tree(a);
}

void history_export(struct http_exchange *x)
{
    char format[16] = "json";
    bool given = http_query(x, "format", format, sizeof format);
    bool markdown = given && strcmp(format, "markdown") == 0;
    if (given && !markdown && strcmp(format, "json") != 0) {
        bad(x, "format", "format: must be json or markdown");
        return;
    }
    struct ask *a = ask_chat(x);
    if (!a)
        return;
    a->attachment = true;
    a->markdown = markdown;
    ask_tree(a);
}

/* ------------------------------------------------------------------ rename, delete */

static void renamed(void *ctx, enum store_status status)
{
    struct ask *a = ctx;
    char id[UUID_TEXT + 1];
    a->op = NULL;
    if (status != STORE_OK) {
        route_reply_store(a->x, status);
        return;
    }
    struct buf out = {0};
    buf_printf(&out, "{\"chat\":\"%s\",\"title\":", uuid_format(&a->chat, id));
    json_add_cstring(&out, a->title);
    buf_add_char(&out, '}');
    http_reply_json(a->x, 200, out.data, out.len);
    buf_free(&out);
}

/* The title in the body, owned by the caller; NULL: it is not {"title": a string of 1 to TITLE_MAX bytes}. */
static char *read_title(const struct http_exchange *x)
{
    json_t *root = json_loadb(x->body ? x->body : "", x->body_len, 0, NULL);
    const char *title = json_string_value(json_object_get(root, "title"));
    char *copy = NULL;
    if (title && *title && strlen(title) <= TITLE_MAX && title[strspn(title, " \t\r\n")])
        copy = mem_strdup(title);
    json_decref(root);
    return copy;
}

void history_rename(struct http_exchange *x)
{
    if (!route_wants_json(x))
        return;
    char *title = read_title(x);
    if (!title) {
        bad(x, "title", "The body must be {\"title\": a string of 1 to 200 bytes}.");
        return;
    }
    struct ask *a = ask_chat(x);
    if (!a) {
        mem_free(title);
        return;
    }
    a->title = title;
    struct history_store *h = x->node->history;
    a->op = h->ops->edit(h, x->owner->name, &a->chat, title, renamed, a);
}

/* Finished answers of the conversation would be had by their gen for a while yet. */
void history_forget(struct node *n, const struct owner *owner, const struct uuid *chat)
{
    list_each_safe (pos, tmp, &n->by_state[GENERATION_DONE]) {
        struct generation *g = list_entry(pos, struct generation, state_link);
        if (g->owner == owner && uuid_equal(&g->chat_id, chat) && list_empty(&g->followers) && !g->op)
            generation_drop(g);
    }
}

static void deleted(void *ctx, enum store_status status)
{
    struct ask *a = ctx;
    a->op = NULL;
    if (status != STORE_OK) {
        route_reply_store(a->x, status);
        return;
    }
    history_forget(a->x->node, a->x->owner, &a->chat);
    http_reply(a->x, 204, NULL, 0, NULL, 0);
}

void history_delete(struct http_exchange *x)
{
    struct ask *a = ask_chat(x);
    if (!a)
        return;
    struct history_store *h = x->node->history;
    chat_cancel(x->node, x->owner, &a->chat);
    owner_remote_cancel(x->owner, &a->chat);
    a->op = h->ops->edit(h, x->owner->name, &a->chat, NULL, deleted, a);
}
