/* relay, when the log that was shown is not the log that stands: the store's takes its place.
 *
 *     g->log   | the same ......| what a fenced producer said beyond it |   followers anywhere
 *     fresh    | the same ......| what the other gateway said ..... |       those beyond go back to the fork
 */
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "base/metrics.h"
#include "core/chat.h"
#include "core/owner.h"
#include "core/produce.h"
#include "core/relay_inner.h"

/* Bytes that both begin with, whole UTF-8 sequences. */
static uint64_t common(const struct tokenlog *a, const struct tokenlog *b)
{
    size_t most = a->text.len < b->text.len ? a->text.len : b->text.len, n = 0;
    while (n < most && a->text.data[n] == b->text.data[n])
        n++;
    while (n > 0 && !(utf8_is_boundary(a->text.data, a->text.len, n) &&
                      utf8_is_boundary(b->text.data, b->text.len, n)))
        n--;
    return n;
}

static void put(struct follower *f, const struct tokenlog *log, uint64_t fork)
{
    if (f->cursor.off <= fork) {
        f->cursor = tokenlog_seek(log, f->cursor.off);
        return;
    }
    f->cursor = tokenlog_seek(log, fork);
    metric_add_for(METRIC_REWINDS, "diverged", 1);
    f->ops->diverged(f, fork, f->cursor.crc);
}

void relay_swap(struct generation *g)
{
    struct relay *r = g->relay;
    uint64_t fork = common(&g->log, r->fresh);
    tokenlog_free(&g->log);
    g->log = *r->fresh;
    mem_free(r->fresh);
    r->fresh = NULL;
    list_each_safe (pos, tmp, &g->followers)
        put(list_entry(pos, struct follower, link), &g->log, fork);
}

void relay_instead(struct generation *g)
{
    metric_add(METRIC_FENCED, 1);
    generation_stop(g);
    produce_close(g);
    if (g->state == GENERATION_DONE)
        g->node->kept_bytes -= tokenlog_memory(&g->log);
    list_del(&g->unpersisted_link); /* the other gateway sees to history */
    g->outcome = outcome_none;
    g->settled = false;
    owner_remote_set(
        g->owner, &(struct active_item){.gen = g->key.gen, .chat = g->chat_id, .state = "running", .off = 0});
    chat_leave(g);
    if (g->state != GENERATION_RUNNING)
        generation_move(g, GENERATION_RUNNING);
    struct relay *r = relay_new(g);
    r->fresh = mem_alloc(sizeof *r->fresh);
    tokenlog_init(r->fresh, 1);
    r->read_due = true;
    if (g->cancel_wanted) /* whoever produces it now is told */
        generation_cancel(g);
}
