/* sqlite_begin: the record of a send, and the context an answer is made from.
 *
 *     gen known? EXISTS   chat -> parent -> user message + answer + generation -> walk up by parent: context
 *
 * Nothing is written before everything that can refuse has been looked at. */
#include <string.h>

#include "base/json.h"
#include "store/sqlite_db.h"
#include "store/sqlite_job.h"

#define CONTEXT_MESSAGES 1000
#define SNIPPET_BYTES 200

/* What begin finds out before it writes. */
struct begin_plan {
    int64_t owner, chat, parent; /* rows; chat 0: to be made; parent 0: a root */
    int64_t newest;
    int64_t user_message; /* 0: to be made */
};

/* ---- context */

struct walk {
    struct history_message *items; /* newest first */
    size_t count, cap, bytes, limit;
};

static void walk_put(struct store_op *job, struct walk *w, struct history_message message)
{
    if (w->count == w->cap) {
        w->cap = w->cap ? w->cap * 2 : 16;
        struct history_message *more = job_alloc(job, w->cap * sizeof(*more));
        if (w->count)
            memcpy(more, w->items, w->count * sizeof(*more));
        w->items = more;
    }
    w->items[w->count++] = message;
}

/* False when the message does not fit any more. The first one, the question itself, always goes. */
static bool walk_add(struct store_op *job, struct walk *w, struct stmt *row)
{
    enum role role = (enum role)stmt_int(row, 1);
    struct history_text text = stmt_bytes(row, 2);
    if (role == ROLE_ASSISTANT)
        text = job_visible(job, text, stmt_bytes(row, 3));
    else
        text = job_copy_text(job, text);
    if (role == ROLE_ASSISTANT && text.len == 0)
        return true;
    if (w->count && (w->count == CONTEXT_MESSAGES || text.len > w->limit - w->bytes))
        return false;
    w->bytes = text.len > w->limit - w->bytes ? w->limit : w->bytes + text.len;
    walk_put(job, w, (struct history_message){.role = role, .text = text});
    return true;
}

enum store_status job_load_context(struct db *db, struct store_op *job, int64_t message, size_t bytes)
{
    struct walk w = {.limit = bytes};
    while (message) {
        struct stmt *st = db_use(db, SQL_WALK);
        stmt_bind_int(st, message);
        if (!stmt_row(st))
            break;
        message = walk_add(job, &w, st) ? stmt_int(st, 0) : 0;
        stmt_reset(st);
    }
    for (size_t i = 0; i < w.count / 2; i++) {
        struct history_message swap = w.items[i];
        w.items[i] = w.items[w.count - 1 - i];
        w.items[w.count - 1 - i] = swap;
    }
    job->out.begin.context = w.items;
    job->out.begin.context_count = w.count;
    return db_failure(db);
}

enum store_status job_run_context(struct db *db, struct store_op *job)
{
    struct stmt *st = db_use(db, SQL_USER_MESSAGE);
    stmt_bind_str(st, job->owner);
    stmt_bind_uuid(st, &job->chat);
    stmt_bind_uuid(st, &job->message);
    if (!stmt_row(st))
        return db_failure(db) ? db_failure(db) : STORE_NOT_FOUND;
    int64_t id = stmt_int(st, 0);
    stmt_reset(st);
    job->out.begin.user_message = job->message;
    return job_load_context(db, job, id, job->limit);
}

/* ---- begin */

static int64_t find_owner(struct db *db, const char *name)
{
    struct stmt *st = db_use(db, SQL_OWNER);
    stmt_bind_str(st, name);
    int64_t id = stmt_row(st) ? stmt_int(st, 0) : 0;
    stmt_reset(st);
    return id;
}

static bool known(struct db *db, const struct begin_plan *plan, const struct uuid *gen)
{
    struct stmt *st = db_use(db, SQL_GENERATION);
    stmt_bind_int(st, plan->owner);
    stmt_bind_uuid(st, gen);
    bool found = stmt_row(st);
    stmt_reset(st);
    return found;
}

static enum store_status find_chat(struct db *db, struct begin_plan *plan, const struct uuid *chat,
                                   size_t more)
{
    struct stmt *st = db_use(db, SQL_CHAT);
    stmt_bind_int(st, plan->owner);
    stmt_bind_uuid(st, chat);
    if (!stmt_row(st))
        return db_failure(db);
    plan->chat = stmt_int(st, 0);
    plan->newest = stmt_int(st, 1);
    bool full = stmt_int(st, 2) + 2 > HISTORY_CHAT_MESSAGES ||
                stmt_int(st, 3) + (int64_t)more > (int64_t)HISTORY_CHAT_BYTES;
    stmt_reset(st);
    return full ? STORE_FULL : STORE_OK;
}

/* The row and role of the message that the send follows; 0 and NO_PARENT if there is none such. */
static enum store_status find_parent(struct db *db, const struct history_send *send,
                                     const struct begin_plan *plan, int64_t *row, enum role *role)
{
    struct stmt *st;
    *row = 0;
    if (send->parent_kind == PARENT_MESSAGE) {
        st = db_use(db, SQL_MESSAGE);
        stmt_bind_int(st, plan->chat);
        stmt_bind_uuid(st, &send->parent);
    } else {
        st = db_use(db, SQL_MESSAGE_AT);
        stmt_bind_int(st, plan->newest);
    }
    if (!stmt_row(st))
        return db_failure(db) ? db_failure(db) : STORE_NO_PARENT;
    *row = stmt_int(st, 0);
    *role = (enum role)stmt_int(st, 1);
    stmt_reset(st);
    return STORE_OK;
}

static enum store_status plan_parent(struct db *db, const struct history_send *send, struct begin_plan *plan)
{
    enum role role = ROLE_SYSTEM;
    int64_t row = 0;
    bool root = send->parent_kind == PARENT_ROOT || (send->parent_kind == PARENT_NEWEST && !plan->chat);
    if (root && send->has_input)
        return STORE_OK;
    if (root || !plan->chat)
        return STORE_NO_PARENT;
    if (send->parent_kind == PARENT_NEWEST && send->has_input) {
        plan->parent = plan->newest;
        return STORE_OK;
    }
    enum store_status status = find_parent(db, send, plan, &row, &role);
    if (status != STORE_OK)
        return status;
    if (!send->has_input && role != ROLE_USER)
        return STORE_NO_PARENT;
    *(send->has_input ? &plan->parent : &plan->user_message) = row;
    return STORE_OK;
}

static enum store_status make_owner(struct db *db, struct begin_plan *plan, const char *name)
{
    if (plan->owner)
        return STORE_OK;
    struct stmt *st = db_use(db, SQL_OWNER_ADD);
    stmt_bind_str(st, name);
    enum store_status status = stmt_run(st);
    plan->owner = db_last_id(db);
    return status;
}

/* `newest` is set once the answer's row is known. */
static enum store_status make_chat(struct db *db, struct begin_plan *plan, const struct history_send *send)
{
    struct stmt *st = db_use(db, SQL_CHAT_ADD);
    size_t n = send->input.len < SNIPPET_BYTES ? send->input.len : SNIPPET_BYTES;
    stmt_bind_int(st, plan->owner);
    stmt_bind_uuid(st, &send->chat);
    stmt_bind_int(st, (int64_t)send->unix_ms);
    stmt_bind_text(st, send->input.data, n ? utf8_floor(send->input.data, n) : 0);
    enum store_status status = stmt_run(st);
    plan->chat = db_last_id(db);
    return status;
}

static enum store_status add_message(struct db *db, const struct begin_plan *plan,
                                     const struct history_send *send, enum role role, int64_t parent,
                                     int64_t *row)
{
    bool user = role == ROLE_USER;
    struct stmt *st = db_use(db, SQL_MESSAGE_ADD);
    stmt_bind_int(st, plan->chat);
    stmt_bind_uuid(st, user ? &send->user_message : &send->answer_message);
    if (parent)
        stmt_bind_int(st, parent);
    else
        stmt_bind_null(st);
    stmt_bind_int(st, role);
    stmt_bind_int(st, (int64_t)send->unix_ms);
    stmt_bind_text(st, user ? send->input.data : NULL, user ? send->input.len : 0);
    enum store_status status = stmt_run(st);
    *row = db_last_id(db);
    return status;
}

static enum store_status add_generation(struct db *db, const struct begin_plan *plan,
                                        const struct history_send *send, int64_t answer)
{
    struct stmt *st = db_use(db, SQL_GENERATION_ADD);
    stmt_bind_int(st, answer);
    stmt_bind_int(st, plan->owner);
    stmt_bind_uuid(st, &send->gen);
    stmt_bind_str(st, send->model);
    stmt_bind_text(st, send->request.data, send->request.len);
    stmt_bind_blob(st, send->digest, sizeof(send->digest));
    stmt_bind_int(st, (int64_t)send->unix_ms);
    return stmt_run(st);
}

static enum store_status grow_chat(struct db *db, const struct begin_plan *plan,
                                   const struct history_send *send, int64_t answer)
{
    struct stmt *st = db_use(db, SQL_CHAT_GROW);
    stmt_bind_int(st, plan->chat);
    stmt_bind_int(st, (int64_t)send->unix_ms);
    stmt_bind_int(st, send->has_input ? 2 : 1);
    stmt_bind_int(st, send->has_input ? (int64_t)send->input.len : 0);
    stmt_bind_int(st, answer);
    return stmt_run(st);
}

static enum store_status write_plan(struct db *db, struct begin_plan *plan, const struct history_send *send)
{
    int64_t answer;
    enum store_status status = make_owner(db, plan, send->owner);
    if (status == STORE_OK && !plan->chat)
        status = make_chat(db, plan, send);
    if (status == STORE_OK && send->has_input)
        status = add_message(db, plan, send, ROLE_USER, plan->parent, &plan->user_message);
    if (status == STORE_OK)
        status = add_message(db, plan, send, ROLE_ASSISTANT, plan->user_message, &answer);
    if (status == STORE_OK)
        status = add_generation(db, plan, send, answer);
    if (status == STORE_OK)
        status = grow_chat(db, plan, send, answer);
    return status;
}

static enum store_status user_message_id(struct db *db, struct store_op *job, const struct begin_plan *plan)
{
    if (job->send.has_input) {
        job->out.begin.user_message = job->send.user_message;
        return STORE_OK;
    }
    struct stmt *st = db_use(db, SQL_MESSAGE_AT);
    stmt_bind_int(st, plan->user_message);
    if (stmt_row(st))
        job->out.begin.user_message = stmt_uuid(st, 2);
    stmt_reset(st);
    return db_failure(db);
}

enum store_status job_run_begin(struct db *db, struct store_op *job)
{
    const struct history_send *send = &job->send;
    struct begin_plan plan = {.owner = find_owner(db, send->owner)};
    enum store_status status = STORE_OK;
    if (plan.owner && known(db, &plan, &send->gen)) {
        job->out.begin.existing = job_load_answer(db, job, send->owner, &send->gen);
        return job->out.begin.existing ? STORE_EXISTS : STORE_CORRUPT;
    }
    if (plan.owner)
        status = find_chat(db, &plan, &send->chat, send->input.len);
    if (status == STORE_OK)
        status = plan_parent(db, send, &plan);
    if (status == STORE_OK)
        status = db_failure(db);
    if (status == STORE_OK)
        status = write_plan(db, &plan, send);
    if (status == STORE_OK)
        status = user_message_id(db, job, &plan);
    if (status == STORE_OK)
        status = job_load_context(db, job, plan.user_message, send->context_bytes);
    return status;
}
