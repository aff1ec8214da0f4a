/* ui_look: what is looked up in the tree of a chat before an ask can go on. See ui_session.h. */
#include <string.h>

#include "base/mem.h"
#include "core/owner.h"
#include "edge/ui_session.h"

static void look_free(struct ui_look *l)
{
    list_del(&l->link);
    ui_ask_free(&l->ask);
    mem_free(l);
}

static struct ui_look *look_new(struct ui_session *s, struct ui_ask *ask, struct list *list)
{
    struct ui_look *l = mem_alloc(sizeof *l);
    l->session = s;
    l->ask = *ask;
    *ask = (struct ui_ask){0};
    list_init(&l->link);
    list_add_tail(list, &l->link);
    return l;
}

/* ------------------------------------------------------------------ resume: the newest answer */

static const struct history_node *newest_answer(const struct history_tree *tree)
{
    for (size_t i = tree->count; i > 0; i--)
        if (tree->nodes[i - 1].answer)
            return &tree->nodes[i - 1];
    return NULL;
}

static void resume_gen(struct ui_look *l, const struct uuid *gen)
{
    ui_run_resume(l->session, l->ask.id, l->ask.chat, gen, (struct ui_position){0});
}

static void resume_none(struct ui_look *l)
{
    struct ui_voice voice = {.id = (char *)(uintptr_t)l->ask.id};
    struct ui_out out = {0};
    l->session->dialect->write_none(&voice, &out);
    ui_session_say(l->session, &out);
}

/* One that runs is the newest, as far as this gateway knows. */
static bool resume_running(struct ui_look *l)
{
    const struct owner *o = l->session->guest.owner;
    struct uuid chat = ui_session_chat(l->session, l->ask.chat);
    for (struct list *pos = o->generations.prev; pos != &o->generations; pos = pos->prev) {
        const struct generation *g = list_entry(pos, struct generation, owner_link);
        if (g->state == GENERATION_RECORDING || !uuid_equal(&g->chat_id, &chat))
            continue;
        resume_gen(l, &g->key.gen);
        return true;
    }
    struct uuid remote = owner_remote_newest(o, &chat);
    if (uuid_is_nil(&remote))
        return false;
    resume_gen(l, &remote);
    return true;
}

/* ------------------------------------------------------------------ send again: the user message */

static bool is_asked(const struct ui_ask *ask, const struct history_node *m)
{
    if (m->role != ROLE_USER || m->text.len != ask->input.len)
        return false;
    if (m->text.len && memcmp(m->text.data, ask->input.data, m->text.len) != 0)
        return false;
    if (ask->parent_choice == PARENT_ID)
        return uuid_equal(&m->parent, &ask->parent);
    return ask->parent_choice == PARENT_ABSENT || uuid_is_nil(&m->parent);
}

static void send_again(struct ui_look *l, const struct history_tree *tree)
{
    for (size_t i = tree->count; i > 0; i--) {
        if (is_asked(&l->ask, &tree->nodes[i - 1])) {
            ui_run_send(l->session, &l->ask, &tree->nodes[i - 1].id);
            return;
        }
    }
    ui_run_send(l->session, &l->ask, NULL);
}

/* ------------------------------------------------------------------ both */

static void looked(void *ctx, const struct history_tree *tree)
{
    struct ui_look *l = ctx;
    l->op = NULL;
    if (l->session->guest.closing) {
        look_free(l); /* nothing is begun for a connection that ends */
        return;
    }
    if (tree->status != STORE_OK && tree->status != STORE_NOT_FOUND) {
        struct err e = {0};
        err_set(&e, ERR_STORE_DEGRADED, "History cannot answer now (%s).", store_status_name(tree->status));
        ui_session_refuse(l->session, l->ask.id, l->ask.chat, &e);
    } else if (l->ask.type == UI_SEND) {
        send_again(l, tree);
    } else {
        const struct history_node *answer = newest_answer(tree);
        if (answer)
            resume_gen(l, &answer->answer->gen);
        else
            resume_none(l);
    }
    look_free(l);
}

void ui_look(struct ui_session *s, struct ui_ask *ask)
{
    struct history_store *h = s->guest.node->history;
    struct ui_look *l = look_new(s, ask, &s->looks);
    struct uuid chat = ui_session_chat(s, l->ask.chat);
    if (l->ask.type == UI_RESUME && resume_running(l))
        look_free(l);
    else
        l->op = h->ops->tree(h, s->guest.owner->name, &chat, looked, l);
}

/* ------------------------------------------------------------------ sent again, and given up */

void ui_look_retry(struct ui_session *s, struct ui_ask *ask)
{
    look_new(s, ask, &s->retries)->ask.parent_choice = PARENT_ABSENT;
    s->guest.io->wake(s->guest.conn);
}

void ui_looks_retry(struct ui_session *s)
{
    struct list *first;
    while ((first = list_first(&s->retries))) {
        struct ui_look *l = list_entry(first, struct ui_look, link);
        ui_run_send(s, &l->ask, NULL);
        look_free(l);
    }
}

static void give_up(struct ui_look *l)
{
    struct history_store *h = l->session->guest.node->history;
    if (l->op)
        h->ops->cancel_op(h, l->op);
    look_free(l);
}

static bool abort_in(struct list *list, const char *id)
{
    list_each (pos, list) {
        struct ui_look *l = list_entry(pos, struct ui_look, link);
        if (strcmp(l->ask.id, id) == 0) {
            give_up(l);
            return true;
        }
    }
    return false;
}

bool ui_look_abort(struct ui_session *s, const char *id)
{
    return abort_in(&s->looks, id) || abort_in(&s->retries, id);
}

void ui_looks_end(struct ui_session *s)
{
    list_each_safe (pos, tmp, &s->looks)
        give_up(list_entry(pos, struct ui_look, link));
    list_each_safe (pos, tmp, &s->retries)
        give_up(list_entry(pos, struct ui_look, link));
}
