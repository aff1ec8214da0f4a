/* history_write: see history_write.h. */
#include "edge/history_write.h"

#include <string.h>
#include <time.h>

#include "base/json.h"
#include "base/mem.h"
#include "core/generation.h"
#include "core/protocol.h"

/* ------------------------------------------------------------------ small members */

static void add_name(struct buf *out, const char *name)
{
    if (out->len && out->data[out->len - 1] != '{')
        buf_add_char(out, ',');
    buf_printf(out, "\"%s\":", name);
}

static void add_id(struct buf *out, const char *name, const struct uuid *id)
{
    char text[UUID_TEXT + 1];
    add_name(out, name);
    json_add_cstring(out, uuid_is_nil(id) ? NULL : uuid_format(id, text));
}

static void add_cstring(struct buf *out, const char *name, const char *value)
{
    add_name(out, name);
    json_add_cstring(out, value);
}

static void add_text(struct buf *out, const char *name, const struct history_text *text)
{
    add_name(out, name);
    json_add_string(out, text->data ? text->data : "", text->len);
}

static void add_number(struct buf *out, const char *name, uint64_t value)
{
    add_name(out, name);
    buf_add_u64(out, value);
}

static void add_head(struct buf *out, const struct history_head *h)
{
    add_id(out, "chat", &h->chat);
    add_cstring(out, "title", h->title);
    add_number(out, "created_ms", h->created_ms);
    add_number(out, "updated_ms", h->updated_ms);
}

/* ------------------------------------------------------------------ the list */

void history_write_page(struct buf *out, const struct history_page *page)
{
    buf_add_lit(out, "{\"object\":\"list\",\"data\":[");
    for (size_t i = 0; i < page->count; i++) {
        const struct history_head *h = &page->heads[i];
        buf_add_str(out, i ? ",{" : "{");
        add_head(out, h);
        add_number(out, "messages", h->messages);
        add_text(out, "snippet", &h->snippet);
        buf_add_char(out, '}');
    }
    buf_add_lit(out, "],\"next\":");
    json_add_cstring(out, page->next);
    buf_add_char(out, '}');
}

/* ------------------------------------------------------------------ an answer, live where it still runs */

struct answer_view {
    struct history_answer answer;
    struct outcome outcome;
    const char *state;
    struct history_part *parts; /* owned, where it is live */
    struct buf json;
};

static const struct outcome unknown = {
    .prompt_tokens = -1, .completion_tokens = -1, .ttft_ms = -1, .total_ms = -1};

static void view_open(struct answer_view *v, struct node *n, const struct owner *owner,
                      const struct history_answer *a)
{
    *v = (struct answer_view){.answer = *a, .outcome = unknown, .state = a->state};
    struct generation *g = strcmp(a->state, "running") == 0 ? generation_find(n, owner, &a->gen) : NULL;
    if (g) {
        v->answer = generation_answer(g, &v->parts, &v->json);
        v->outcome = g->outcome;
        v->state = generation_wire_state(g);
    } else if (a->outcome.len &&
               !protocol_read_outcome(a->outcome.data, a->outcome.len, a->state, &v->outcome)) {
        v->outcome = unknown;
    }
}

static void view_close(struct answer_view *v)
{
    mem_free(v->parts);
    buf_free(&v->json);
}

static void add_parts(struct buf *out, const struct history_answer *a)
{
    add_name(out, "parts");
    buf_add_char(out, '[');
    for (size_t i = 0; i < a->part_count; i++)
        buf_printf(out, "%s[\"%s\",%llu,%llu]", i ? "," : "", log_part_name((enum log_part)a->parts[i].part),
                   (unsigned long long)a->parts[i].off, (unsigned long long)a->parts[i].len);
    buf_add_char(out, ']');
}

static void add_answer(struct buf *out, const struct answer_view *v)
{
    add_parts(out, &v->answer);
    add_id(out, "gen", &v->answer.gen);
    add_cstring(out, "state", v->state);
    add_cstring(out, "model", v->answer.model);
    buf_printf(out, ",\"crc\":\"%08x\",", v->answer.crc);
    protocol_write_outcome(out, &v->outcome);
    if (v->outcome.error.code == ERR_NONE)
        buf_add_lit(out, ",\"error\":null");
}

static const char *role_name(enum role role)
{
    static const char *const names[] = {"system", "user", "assistant"};
    return names[role];
}

static void add_node(struct buf *out, struct node *n, const struct owner *owner, const struct history_node *m)
{
    struct answer_view v;
    const struct history_text *text = &m->text;
    if (m->answer) {
        view_open(&v, n, owner, m->answer);
        text = &v.answer.text;
    }
    buf_add_char(out, '{');
    add_id(out, "id", &m->id);
    add_id(out, "parent", &m->parent);
    add_cstring(out, "role", role_name(m->role));
    add_text(out, "text", text);
    add_number(out, "created_ms", m->created_ms);
    if (m->answer) {
        add_answer(out, &v);
        view_close(&v);
    }
    buf_add_char(out, '}');
}

void history_write_tree(struct buf *out, struct node *n, const struct owner *owner,
                        const struct history_tree *tree)
{
    buf_add_char(out, '{');
    add_head(out, &tree->head);
    buf_add_lit(out, ",\"messages\":[");
    for (size_t i = 0; i < tree->count; i++) {
        if (i)
            buf_add_char(out, ',');
        add_node(out, n, owner, &tree->nodes[i]);
    }
    buf_add_lit(out, "]}");
}

/* ------------------------------------------------------------------ for people */

/* Answers of the model are Markdown themselves: given as they are. */
static void markdown_answer(struct buf *out, const struct answer_view *v)
{
    const struct history_answer *a = &v->answer;
    buf_add_lit(out, "## Assistant");
    if (a->model && *a->model)
        buf_printf(out, " (%s)", a->model);
    buf_add_lit(out, "\n\n");
    for (size_t i = 0; i < a->part_count; i++) {
        const struct history_part *p = &a->parts[i];
        if (p->part == LOG_PART_TEXT && p->off + p->len <= a->text.len)
            buf_add(out, a->text.data + p->off, (size_t)p->len);
    }
    if (strcmp(v->state, "complete") != 0)
        buf_printf(out, "\n\n*(%s)*", v->state);
}

static void markdown_node(struct buf *out, struct node *n, const struct owner *owner,
                          const struct history_node *m)
{
    struct answer_view v;
    if (m->answer) {
        view_open(&v, n, owner, m->answer);
        markdown_answer(out, &v);
        view_close(&v);
    } else {
        buf_add_str(out, m->role == ROLE_USER ? "## User\n\n" : "## System\n\n");
        buf_add(out, m->text.data, m->text.len);
    }
    buf_add_lit(out, "\n\n");
}

static void markdown_title(struct buf *out, const struct history_head *h)
{
    buf_add_lit(out, "# ");
    const char *title = h->title && *h->title ? h->title : "Conversation";
    for (const char *c = title; *c; c++)
        buf_add_char(out, *c == '\n' || *c == '\r' ? ' ' : *c);
    time_t seconds = (time_t)(h->created_ms / 1000);
    struct tm tm;
    char when[32];
    if (gmtime_r(&seconds, &tm) && strftime(when, sizeof when, "%Y-%m-%d %H:%M UTC", &tm))
        buf_printf(out, "\n\n%s", when);
    buf_add_lit(out, "\n\n");
}

void history_write_markdown(struct buf *out, struct node *n, const struct owner *owner,
                            const struct history_tree *tree)
{
    markdown_title(out, &tree->head);
    for (size_t i = 0; i < tree->count; i++)
        markdown_node(out, n, owner, &tree->nodes[i]);
}
