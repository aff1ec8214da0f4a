/* asked: see asked.h. */
#include "core/asked.h"

#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"

struct asked *asked_new(const struct history_send *send)
{
    struct asked *a = mem_alloc(sizeof *a);
    a->send = *send;
    snprintf(a->owner, sizeof a->owner, "%s", send->owner);
    a->input = mem_memdup(send->input.data, send->input.len);
    a->model = mem_strdup(send->model);
    a->request = mem_memdup(send->request.data, send->request.len);
    a->send.owner = a->owner;
    a->send.input.data = a->input;
    a->send.model = a->model;
    a->send.request.data = a->request;
    return a;
}

void asked_free(struct asked *a)
{
    if (!a)
        return;
    mem_free(a->input);
    mem_free(a->model);
    mem_free(a->request);
    mem_free(a);
}

/* ------------------------------------------------------------------ writing */

static void add_id(struct buf *out, const char *name, const struct uuid *id)
{
    char text[UUID_TEXT + 1];
    buf_printf(out, ",\"%s\":\"%s\"", name, uuid_format(id, text));
}

void asked_write(struct buf *out, const struct asked *a)
{
    const struct history_send *s = &a->send;
    buf_printf(out, "{\"v\":1,\"prompt\":{\"at_ms\":%llu,\"kind\":%d", (unsigned long long)s->unix_ms,
               (int)s->parent_kind);
    add_id(out, "gen", &s->gen);
    add_id(out, "chat", &s->chat);
    add_id(out, "user", &s->user_message);
    add_id(out, "message", &s->answer_message);
    add_id(out, "parent", &s->parent);
    add_id(out, "after", &a->after);
    buf_add_lit(out, ",\"owner\":");
    json_add_cstring(out, s->owner);
    buf_add_lit(out, ",\"model\":");
    json_add_cstring(out, s->model);
    buf_add_lit(out, ",\"ask\":\"");
    for (size_t i = 0; i < sizeof s->digest; i++)
        buf_printf(out, "%02x", s->digest[i]);
    buf_add_lit(out, "\",\"request\":");
    json_add_string(out, a->request, s->request.len);
    if (s->has_input) {
        buf_add_lit(out, ",\"input\":");
        json_add_string(out, a->input, s->input.len);
    }
    buf_add_lit(out, "}}");
}

/* ------------------------------------------------------------------ reading */

static bool id_of(const json_t *root, const char *name, struct uuid *id)
{
    const char *s = json_string_value(json_object_get(root, name));
    return s && uuid_parse(id, s, strlen(s));
}

static bool digest_of(const json_t *root, uint8_t digest[32])
{
    const char *hex = json_string_value(json_object_get(root, "ask"));
    char pair[3] = {0};
    if (!hex || strlen(hex) != 64 || strspn(hex, "0123456789abcdef") != 64)
        return false;
    for (size_t i = 0; i < 32; i++) {
        memcpy(pair, hex + 2 * i, 2);
        digest[i] = (uint8_t)strtoul(pair, NULL, 16);
    }
    return true;
}

static struct history_text text_of(const json_t *root, const char *name)
{
    const json_t *s = json_object_get(root, name);
    return (struct history_text){json_string_value(s), json_string_length(s)};
}

struct asked *asked_read(const json_t *entry)
{
    const json_t *root = json_object_get(entry, "prompt");
    json_int_t kind = json_integer_value(json_object_get(root, "kind")),
               at = json_integer_value(json_object_get(root, "at_ms"));
    struct history_send s = {.owner = json_string_value(json_object_get(root, "owner")),
                             .model = json_string_value(json_object_get(root, "model")),
                             .has_input = json_object_get(root, "input") != NULL,
                             .input = text_of(root, "input"),
                             .request = text_of(root, "request"),
                             .parent_kind = (enum parent_kind)kind,
                             .unix_ms = (uint64_t)at,
                             .context_bytes = 1}; /* whoever reads it does not want the context */
    bool good = id_of(root, "gen", &s.gen) && id_of(root, "chat", &s.chat) &&
                id_of(root, "user", &s.user_message) && id_of(root, "message", &s.answer_message) &&
                id_of(root, "parent", &s.parent) && digest_of(root, s.digest) && s.owner && *s.owner &&
                s.model && s.request.data && kind >= PARENT_NEWEST && kind <= PARENT_MESSAGE && at > 0;
    struct asked *a = good ? asked_new(&s) : NULL;
    if (a && !id_of(root, "after", &a->after))
        a->after = (struct uuid){{0}};
    return a;
}

struct asked *asked_parse(const void *data, size_t len)
{
    json_t *root = json_loadb(len ? data : "", len, JSON_ALLOW_NUL, NULL);
    struct asked *a = asked_read(root);
    json_decref(root);
    return a;
}
