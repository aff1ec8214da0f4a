/* memo: see memo.h. */
#include "core/memo.h"

#include <string.h>

#include "base/mem.h"
#include "core/owner.h"

struct memo_key {
    char owner[OWNER_MAX + 1];
    struct uuid chat;
};

/* One message of the text: its role, and where it ends. */
struct piece {
    enum role role;
    size_t end;
};

struct memo {
    UT_hash_handle hh;
    struct memo_key key;
    struct list link; /* in node->memos, longest unused first */
    struct uuid gen, question, answer;
    bool answered; /* the last piece is the answer */
    struct piece *pieces;
    size_t count;
    struct buf text;
    size_t weight;
};

static struct memo *find(struct node *n, const char *owner, const struct uuid *chat)
{
    struct memo_key key;
    struct memo *m = NULL;
    memset(&key, 0, sizeof key);
    snprintf(key.owner, sizeof key.owner, "%s", owner);
    key.chat = *chat;
    HASH_FIND(hh, n->memo_table, &key, sizeof key, m);
    return m;
}

static void drop(struct node *n, struct memo *m)
{
    HASH_DEL(n->memo_table, m);
    list_del(&m->link);
    n->memo_bytes -= m->weight;
    mem_free(m->pieces);
    buf_free(&m->text);
    mem_free(m);
}

static void weigh(struct node *n, struct memo *m)
{
    size_t limit = (size_t)n->config->history_recent_bytes;
    n->memo_bytes -= m->weight;
    m->weight = sizeof *m + m->text.cap + (m->count + 1) * sizeof *m->pieces;
    n->memo_bytes += m->weight;
    list_move_tail(&n->memos, &m->link);
    while (n->memo_bytes > limit && n->memo_table)
        drop(n, list_entry(list_first(&n->memos), struct memo, link));
}

static void add(struct memo *m, enum role role, const char *text, size_t len)
{
    buf_add(&m->text, len ? text : "", len);
    m->pieces[m->count++] = (struct piece){role, m->text.len};
}

static struct memo *make(struct generation *g)
{
    struct node *n = g->node;
    struct memo *m = mem_alloc(sizeof *m);
    snprintf(m->key.owner, sizeof m->key.owner, "%s", g->owner->name);
    m->key.chat = g->chat_id;
    list_init(&m->link);
    list_add_tail(&n->memos, &m->link);
    HASH_ADD(hh, n->memo_table, key, sizeof m->key, m);
    return m;
}

void memo_run(struct generation *g, const struct history_message *context, size_t count)
{
    struct node *n = g->node;
    struct memo *m = find(n, g->owner->name, &g->chat_id);
    if (m)
        drop(n, m);
    if (!n->outbox_ops || !count || n->config->history_recent_bytes == 0)
        return;
    m = make(g);
    m->gen = g->key.gen;
    m->question = g->user_message;
    m->answer = g->message;
    m->pieces = mem_alloc((count + 1) * sizeof *m->pieces); /* the answer, too */
    for (size_t i = 0; i < count; i++)
        add(m, context[i].role, context[i].text.data, context[i].text.len);
    weigh(n, m);
}

void memo_visible(const struct generation *g, struct buf *out)
{
    const struct tokenlog *log = &g->log;
    for (uint32_t i = 0; i < log->segment_count; i++) {
        const struct log_segment *s = &log->segments[i];
        uint64_t end = i + 1 < log->segment_count ? s[1].off : log->text.len;
        if (s->part == LOG_PART_TEXT)
            buf_add(out, log->text.data + s->off, (size_t)(end - s->off));
    }
}

void memo_ended(const struct generation *g)
{
    struct node *n = g->node;
    struct memo *m = n->memo_table ? find(n, g->owner->name, &g->chat_id) : NULL;
    if (!m || m->answered || !uuid_equal(&m->answer, &g->message))
        return;
    memo_visible(g, &m->text);
    m->pieces[m->count++] = (struct piece){ROLE_ASSISTANT, m->text.len};
    m->answered = true;
    weigh(n, m);
}

bool memo_path(struct node *n, const char *owner, const struct uuid *chat, const struct uuid *message,
               struct path *p, struct uuid *gen)
{
    struct memo *m = find(n, owner, chat);
    bool answer = m && m->answered && uuid_equal(&m->answer, message),
         question = m && uuid_equal(&m->question, message);
    if (!answer && !question)
        return false;
    for (size_t i = m->count - (question && m->answered); i-- > 0;) {
        size_t from = i ? m->pieces[i - 1].end : 0;
        path_add(p, m->pieces[i].role, m->text.data + from, m->pieces[i].end - from);
    }
    list_move_tail(&n->memos, &m->link);
    *gen = m->gen;
    return true;
}

void memos_free(struct node *n)
{
    while (n->memo_table)
        drop(n, n->memo_table);
}
