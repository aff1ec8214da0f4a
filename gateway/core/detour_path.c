/* detour, the conversation: from a prompt up to its root, over the turns that history has not got, and above
 * them over what this node remembers.
 *
 *     prompt ─parent─> answer of a turn ─> its question ─parent─> ... ─> root, or a message of the memo
 */
#include <string.h>

#include "base/mem.h"
#include "core/asked.h"
#include "core/chat.h"
#include "core/detour_inner.h"
#include "core/memo.h"
#include "core/owner.h"

#define SKEW_MS ((uint64_t)300 * 1000) /* clocks of clients */

void turns_read(struct turns *t, struct generation *g, const struct outbox_turn *turns, size_t n)
{
    *t = (struct turns){.g = g, .turns = turns, .count = n};
    t->asked = mem_alloc((n + 1) * sizeof *t->asked);
    for (size_t i = 0; i < n; i++)
        t->asked[i] = asked_parse(turns[i].entry, turns[i].len);
}

void turns_free(struct turns *t)
{
    for (size_t i = 0; i < t->count; i++)
        asked_free(t->asked[i]);
    mem_free(t->asked);
}

const struct asked *turns_find(const struct turns *t, const struct uuid *gen)
{
    for (size_t i = 0; i < t->count; i++)
        if (t->asked[i] && uuid_equal(&t->turns[i].gen, gen))
            return t->asked[i];
    return NULL;
}

/* ------------------------------------------------------------------ one message */

/* The answer of a turn; false: it has not ended, or only another gateway has it. */
static bool add_answer(const struct turns *t, size_t i, bool running, struct path *p)
{
    const struct outbox_turn *turn = &t->turns[i];
    const struct generation *g = generation_find(t->g->node, t->g->owner, &turn->gen);
    struct buf text = {0};
    if (turn->ended) {
        path_add(p, ROLE_ASSISTANT, turn->text, turn->text_len);
        return true;
    }
    bool here = g && g->state >= GENERATION_ENDING && !g->relay;
    if (here) {
        memo_visible(g, &text);
        path_add(p, ROLE_ASSISTANT, text.data, text.len);
        buf_free(&text);
    }
    return here || running;
}

/* The turn whose answer (or question) a message is; count: none. */
static size_t turn_with(const struct turns *t, const struct uuid *message, bool answer)
{
    size_t i = 0;
    for (; i < t->count; i++) {
        const struct asked *a = t->asked[i];
        if (a && (answer ? uuid_equal(&a->send.answer_message, message)
                         : a->send.has_input && uuid_equal(&a->send.user_message, message)))
            break;
    }
    return i;
}

/* ------------------------------------------------------------------ the way up */

/* What the next step looks for; false at the root. */
static bool parent_of(const struct asked *a, struct uuid *message)
{
    *message = a->send.parent;
    return a->send.parent_kind == PARENT_MESSAGE;
}

/* From a message to the root; *after: whose message it is. `running`: answers that have not ended are left
 * out.
 */
static bool walk(const struct turns *t, struct uuid message, bool running, struct path *p, struct uuid *after)
{
    const struct generation *g = t->g;
    struct uuid above;
    for (size_t steps = 0; steps <= 2 * t->count; steps++) {
        struct uuid *gen = steps ? &above : after;
        size_t i = turn_with(t, &message, true);
        if (i == t->count || !add_answer(t, i, running, p)) {
            if (memo_path(g->node, g->owner->name, &g->chat_id, &message, p, gen))
                return true;
            i = i == t->count ? turn_with(t, &message, false) : t->count;
        }
        if (i == t->count)
            return false;
        const struct asked *a = t->asked[i];
        *gen = t->turns[i].gen;
        if (a->send.has_input)
            path_add(p, ROLE_USER, a->send.input.data, a->send.input.len);
        if (!parent_of(a, &message))
            return a->send.parent_kind == PARENT_ROOT;
    }
    return false; /* it goes in a circle: nobody's making */
}

static bool path_of(const struct turns *t, const struct history_send *s, bool running, struct path *p,
                    struct uuid *after)
{
    if (s->has_input)
        path_add(p, ROLE_USER, s->input.data, s->input.len);
    if (t->g->messages_json) /* the request has it all */
        return true;
    return s->parent_kind == PARENT_ROOT
               ? s->has_input
               : s->parent_kind == PARENT_MESSAGE && walk(t, s->parent, running, p, after);
}

bool turns_path(const struct turns *t, const struct asked *of, struct path *p)
{
    struct uuid after;
    return path_of(t, &of->send, false, p, &after);
}

/* ------------------------------------------------------------------ its place */

/* A version 7 id says when it was made. */
static bool is_new(const struct generation *g)
{
    const uint8_t *b = g->chat_id.b;
    uint64_t at = 0, now = g->node->unix_ms;
    for (int i = 0; i < 6; i++)
        at = at << 8 | b[i];
    return b[6] >> 4 == 7 && at + NEWEST_KEEP_MS > now + SKEW_MS && at < now + SKEW_MS;
}

/* Of a request that has the conversation in it: its place, if that is known here; else history's to find. */
static bool place_request(const struct turns *t, const struct uuid *newest)
{
    struct history_send *s = &t->g->asked->send;
    struct path aside;
    path_init(&aside, 1);
    if (s->parent_kind == PARENT_NEWEST && !uuid_is_nil(newest) &&
        walk(t, *newest, true, &aside, &t->g->asked->after)) {
        s->parent_kind = PARENT_MESSAGE;
        s->parent = *newest;
    }
    path_free(&aside);
    return s->parent_kind != PARENT_MESSAGE || !uuid_is_nil(&t->g->asked->after);
}

bool turns_place(const struct turns *t, const struct uuid *newest, struct path *p)
{
    struct generation *g = t->g;
    struct history_send *s = &g->asked->send;
    bool head = g->head_at_begin && chat_is_head(g);
    if (s->parent_kind == PARENT_NEWEST && uuid_is_nil(newest) && is_new(g))
        s->parent_kind = PARENT_ROOT;
    if (g->messages_json)
        return place_request(t, newest);
    if (s->parent_kind == PARENT_NEWEST && !uuid_is_nil(newest)) {
        s->parent_kind = PARENT_MESSAGE;
        s->parent = *newest;
    }
    if (!s->has_input && turn_with(t, &s->parent, true) < t->count)
        return false; /* an answer is no question */
    return path_of(t, s, !head, p, &g->asked->after);
}
