/* path: see path.h. */
#include "core/path.h"

#include "base/mem.h"

struct path_item {
    enum role role;
    size_t at, len; /* in text */
};

void path_init(struct path *p, size_t limit)
{
    *p = (struct path){.limit = limit};
}

void path_free(struct path *p)
{
    mem_free(p->items);
    buf_free(&p->text);
    *p = (struct path){0};
}

void path_add(struct path *p, enum role role, const void *text, size_t len)
{
    if (role == ROLE_ASSISTANT && len == 0)
        return;
    p->full = p->full || p->count == PATH_MESSAGES || (p->count && len > p->limit - p->bytes);
    if (p->full)
        return;
    if (!p->items)
        p->items = mem_alloc(PATH_MESSAGES * sizeof *p->items);
    p->items[p->count++] = (struct path_item){role, p->text.len, len};
    p->bytes += len < p->limit - p->bytes ? len : p->limit - p->bytes;
    buf_add(&p->text, len ? text : "", len);
}

struct history_message *path_messages(const struct path *p)
{
    struct history_message *out = mem_alloc((p->count + 1) * sizeof *out);
    for (size_t i = 0; i < p->count; i++) {
        const struct path_item *item = &p->items[p->count - 1 - i];
        out[i] = (struct history_message){item->role, {p->text.data + item->at, item->len}};
    }
    return out;
}
