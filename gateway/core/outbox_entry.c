/* outbox_entry: see outbox_entry.h. */
#include "core/outbox_entry.h"

#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"

/* ------------------------------------------------------------------ writing */

static void add_id(struct buf *out, const char *name, const struct uuid *id)
{
    char text[UUID_TEXT + 1];
    buf_printf(out, ",\"%s\":\"%s\"", name, uuid_format(id, text));
}

static void add_name(struct buf *out, const char *name, const char *value)
{
    buf_printf(out, ",\"%s\":", name);
    json_add_cstring(out, value);
}

static void add_parts(struct buf *out, const struct history_answer *a)
{
    buf_add_lit(out, ",\"parts\":[");
    for (size_t i = 0; i < a->part_count; i++)
        buf_printf(out, "%s[%u,%llu,%llu]", i ? "," : "", a->parts[i].part,
                   (unsigned long long)a->parts[i].off, (unsigned long long)a->parts[i].len);
    buf_add_char(out, ']');
}

void outbox_entry_write(struct buf *out, const struct generation *g, uint64_t epoch, uint64_t seq)
{
    struct history_part *parts;
    struct buf json = {0};
    struct history_answer a = generation_answer(g, &parts, &json);
    buf_printf(out, "{\"v\":1,\"epoch\":%llu,\"seq\":%llu,\"crc\":%u,\"created_ms\":%llu,\"updated_ms\":%llu",
               (unsigned long long)epoch, (unsigned long long)seq, a.crc, (unsigned long long)a.created_ms,
               (unsigned long long)a.updated_ms);
    add_id(out, "gen", &a.gen);
    add_id(out, "chat", &a.chat);
    add_id(out, "message", &a.message);
    add_id(out, "parent", &a.parent);
    add_name(out, "owner", a.owner);
    add_name(out, "state", a.state);
    add_name(out, "model", a.model);
    add_parts(out, &a);
    buf_add_lit(out, ",\"outcome\":");
    buf_add(out, a.outcome.data, a.outcome.len);
    buf_add_lit(out, ",\"text\":");
    json_add_string(out, a.text.len ? a.text.data : "", a.text.len);
    buf_add_char(out, '}');
    mem_free(parts);
    buf_free(&json);
}

/* ------------------------------------------------------------------ reading */

static const char *string_of(const json_t *root, const char *name)
{
    const char *s = json_string_value(json_object_get(root, name));
    return s ? s : "";
}

static bool id_of(const json_t *root, const char *name, struct uuid *id)
{
    const char *s = string_of(root, name);
    return uuid_parse(id, s, strlen(s));
}

static uint64_t number_of(const json_t *root, const char *name)
{
    json_int_t v = json_integer_value(json_object_get(root, name));
    return v > 0 ? (uint64_t)v : 0;
}

static uint64_t element(const json_t *array, size_t i)
{
    json_int_t v = json_integer_value(json_array_get(array, i));
    return v > 0 ? (uint64_t)v : 0;
}

static void read_parts(struct outbox_answer *a, const json_t *parts)
{
    size_t i;
    json_t *part;
    a->parts = mem_alloc((json_array_size(parts) + 1) * sizeof *a->parts);
    json_array_foreach((json_t *)(uintptr_t)parts, i, part)
    {
        a->parts[i] = (struct history_part){(uint8_t)element(part, 0), element(part, 1), element(part, 2)};
    }
    a->answer.parts = a->parts;
    a->answer.part_count = json_array_size(parts);
}

static bool read_ids(struct history_answer *out, const json_t *root)
{
    return number_of(root, "v") == 1 && id_of(root, "gen", &out->gen) && id_of(root, "chat", &out->chat) &&
           id_of(root, "message", &out->message) && id_of(root, "parent", &out->parent) &&
           *string_of(root, "owner") && *string_of(root, "state");
}

bool outbox_entry_read(struct outbox_answer *a, const void *data, size_t len)
{
    memset(a, 0, sizeof *a);
    json_t *root = a->root = json_loadb(data, len, JSON_ALLOW_NUL, NULL);
    struct history_answer *out = &a->answer;
    a->asked = asked_read(root);
    if (a->asked)
        return true;
    json_t *text = json_object_get(root, "text");
    if (!read_ids(out, root) || !json_is_string(text)) {
        json_decref(root);
        a->root = NULL;
        return false;
    }
    a->outcome = json_dumps(json_object_get(root, "outcome"), JSON_COMPACT);
    read_parts(a, json_object_get(root, "parts"));
    out->owner = string_of(root, "owner");
    out->state = string_of(root, "state");
    out->model = string_of(root, "model");
    out->epoch = number_of(root, "epoch");
    out->seq = number_of(root, "seq");
    out->crc = (uint32_t)number_of(root, "crc");
    out->created_ms = number_of(root, "created_ms");
    out->updated_ms = number_of(root, "updated_ms");
    out->text = (struct history_text){json_string_value(text), json_string_length(text)};
    out->outcome = (struct history_text){a->outcome, a->outcome ? strlen(a->outcome) : 0};
    return true;
}

void outbox_entry_free(struct outbox_answer *a)
{
    asked_free(a->asked);
    json_decref(a->root);
    mem_free(a->parts);
    free(a->outcome);
}
