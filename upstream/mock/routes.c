/* routes: one table. */
#include "routes.h"

#include <jansson.h>
#include <string.h>

#include "anthropic.h"
#include "ask.h"
#include "base/json.h"
#include "fault.h"
#include "openai.h"
#include "plain.h"
#include "stats.h"
#include "ws.h"

static const char *required_key;

void routes_require_key(const char *key)
{
    required_key = key;
}

static void reply_json(struct exchange *x, struct buf *b)
{
    http_reply(x, 200, "application/json", "", b->data, b->len);
    buf_free(b);
}

static void get_models(struct exchange *x, const struct request *r)
{
    struct buf b = {0};
    char name[MODEL_NAME_MAX + 1];
    (void)r;
    buf_add_lit(&b, "{\"object\":\"list\",\"data\":[");
    for (unsigned i = 0; model_name_at(i, name); i++)
        buf_printf(&b, "%s{\"id\":\"%s\",\"object\":\"model\",\"created\":0,\"owned_by\":\"richierich\"}",
                   i ? "," : "", name);
    buf_add_lit(&b, "]}");
    reply_json(x, &b);
}

static void get_stats(struct exchange *x, const struct request *r)
{
    struct buf b = {0};
    (void)r;
    stats_write(&b);
    reply_json(x, &b);
}

static void reset_stats(struct exchange *x, const struct request *r)
{
    (void)r;
    stats_reset();
    fault_forget();
    http_reply(x, 200, "application/json", "", "{}", 2);
}

static void get_health(struct exchange *x, const struct request *r)
{
    (void)r;
    http_reply(x, 200, "text/plain", "", "ok\n", 3);
}

/* The whole answer, free of faults, pace, prefix and max_tokens. */
static void any_answer(struct exchange *x, const struct request *r)
{
    struct ask a = {0};
    struct refusal why = {0};
    bool post = !strcmp(r->method, "POST");
    bool ok = post ? ask_from_json(&a, r->body.data, r->body.len, &why)
                   : ask_from_query(&a, r->query.data, "richierich", &why);
    a.has_prefix = false;
    a.opt.offset = 0;
    a.max_tokens = -1;
    if (a.opt.fault == FAULT_LENGTH)
        a.opt.fault = FAULT_NONE;
    if (ok && ask_answer(&a, &why))
        http_reply(x, 200, "text/plain; charset=utf-8", "", a.answer->text.data, a.upto);
    else
        openai_refuse(x, &why);
    ask_free(&a);
}

static void control(struct exchange *x, const struct request *r)
{
    json_t *root = json_loadb(r->body.len ? r->body.data : "", r->body.len, 0, NULL);
    const char *model = json_string_value(json_object_get(root, "model"));
    const json_t *up = json_object_get(root, "up");
    struct model found;
    bool typed = json_is_boolean(up) || json_is_null(up);
    if (!model || !typed || !model_find(model, &found))
        http_reply_error(x, 400, "", "invalid_request",
                         "Expected {\"model\":<known>,\"up\":true|false|null}.");
    else if (!fault_control(model, json_is_null(up) ? -1 : json_is_true(up)))
        http_reply_error(x, 400, "", "invalid_request", "Too many models are set.");
    else
        http_reply(x, 200, "application/json", "", "{}", 2);
    json_decref(root);
}

static const struct {
    const char *path, *method;
    http_handler *handler;
} table[] = {
    {"/v1/chat/completions", "POST", openai_chat},
    {"/v1/messages", "POST", anthropic_messages},
    {"/v1/chat", "POST", plain_chat},
    {"/v1/stream", "GET", ws_open},
    {"/v1/models", "GET", get_models},
    {"/v1/answer", "GET", any_answer},
    {"/v1/answer", "POST", any_answer},
    {"/stats", "GET", get_stats},
    {"/stats/reset", "POST", reset_stats},
    {"/control", "POST", control},
    {"/healthz", "GET", get_health},
};

static bool has_key(const struct request *r)
{
    const struct buf *auth = &r->header[HEADER_AUTHORIZATION];
    if (!required_key || strncmp(r->path.data, "/v1/", 4) != 0)
        return true;
    const struct buf *key = &r->header[HEADER_X_API_KEY];
    if (key->data && !strcmp(key->data, required_key))
        return true;
    return auth->data && !strncmp(auth->data, "Bearer ", 7) && !strcmp(auth->data + 7, required_key);
}

void routes_handle(struct exchange *x, const struct request *r)
{
    bool path_known = false;
    stats_http();
    if (r->header[HEADER_ANTHROPIC_VERSION].data || !strcmp(r->path.data, "/v1/messages"))
        http_write_errors(x, anthropic_error);
    if (!has_key(r)) {
        http_reply_error(x, 401, "", "invalid_api_key", "Incorrect API key provided.");
        return;
    }
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        bool same = !strcmp(table[i].path, r->path.data);
        path_known |= same;
        if (same && !strcmp(table[i].method, r->method)) {
            table[i].handler(x, r);
            return;
        }
    }
    if (path_known)
        http_reply_error(x, 405, "", "method_not_allowed", "This path has another method.");
    else
        http_reply_error(x, 404, "", "not_found", "There is nothing at this path.");
}
