/* postgres_call_write: sends, ends and edits as parameters of store/schema/postgres/0003_record.sql, and what
 * the functions there say. */
#include <jansson.h>
#include <string.h>

#include "base/json.h"
#include "store/postgres_call.h"
#include "store/signature.h"

#define SNIPPET_BYTES 200
#define CONTEXT_MAX ((size_t)1 << 40)

/* text cannot hold what is not UTF-8; a model's name comes from far away. */
static struct history_text as_text(struct buf *out, const char *s)
{
    buf_clear(out);
    if (utf8_valid(s, strlen(s)))
        return (struct history_text){s, strlen(s)};
    for (; *s; s++)
        buf_add_char(out, (unsigned char)*s < 0x80 ? *s : '?');
    return (struct history_text){out->data, out->len};
}

static void put_model(struct pgparams *p, const char *model)
{
    struct buf copy = {0};
    pgparam_copy(p, as_text(&copy, model));
    buf_free(&copy);
}

/* ---- begin */

static struct history_text snippet(struct history_text input)
{
    size_t n = input.len < SNIPPET_BYTES ? input.len : SNIPPET_BYTES;
    return (struct history_text){input.data, n ? utf8_floor(input.data, n) : 0};
}

static void put_input(struct pgparams *p, const struct history_send *s)
{
    struct buf signature = {0};
    signature_of(s->input, &signature);
    pgparam_bool(p, s->has_input);
    pgparam_bytes(p, s->input);
    pgparam_bits(p, (struct history_text){signature.data, signature.len});
    pgparam_bytes(p, snippet(s->input));
    buf_free(&signature);
}

void pgcall_begin(struct pgparams *p, const struct store_op *job)
{
    const struct history_send *s = &job->send;
    size_t context = s->context_bytes < CONTEXT_MAX ? s->context_bytes : CONTEXT_MAX;
    struct history_text digest = {(const char *)s->digest, sizeof(s->digest)};
    pgcall_key(p, job->owner);
    pgparam_uuid(p, &s->gen);
    pgparam_uuid(p, &s->chat);
    pgparam_uuid(p, &s->user_message);
    pgparam_uuid(p, &s->answer_message);
    pgparam_int(p, s->parent_kind);
    pgparam_uuid(p, &s->parent);
    put_input(p, s);
    put_model(p, s->model);
    pgparam_bytes(p, s->request);
    pgparam_bytes(p, digest);
    pgparam_int(p, (int64_t)s->unix_ms);
    pgparam_int(p, (int64_t)context);
    pgparam_bool(p, pgcall_of(job)->unknown);
    pgparam_int(p, HISTORY_CHAT_MESSAGES);
    pgparam_int(p, (int64_t)HISTORY_CHAT_BYTES);
}

/* The rows after the first are the context, newest first; the input itself does not come along. */
static void put_context(struct store_op *job, const struct pgrows *rows)
{
    size_t n = pgrows_count(rows) - 1, total = n + (job->send.has_input ? 1 : 0);
    struct history_message *items = job_alloc(job, (total + 1) * sizeof(*items));
    for (size_t i = 0; i < n; i++) {
        struct history_message *m = &items[n - 1 - i];
        m->role = (enum role)pgrows_int(rows, i + 1, 3);
        m->text = pgrows_bytes(rows, i + 1, 4);
        if (m->role == ROLE_ASSISTANT)
            m->text = job_visible(job, m->text, pgrows_bytes(rows, i + 1, 5));
    }
    if (job->send.has_input)
        items[n] = (struct history_message){.role = ROLE_USER, .text = job->send.input};
    job->out.begin.context = items;
    job->out.begin.context_count = total;
}

bool pgcall_begun(struct store_op *job, struct pgrows *rows)
{
    struct pgcall *call = pgcall_of(job);
    pgrows_free(call->rows[0]);
    call->rows[0] = rows;
    job->status = pgrows_count(rows) ? pgcall_status(pgrows_str(rows, 0, 0)) : STORE_CORRUPT;
    if (job->status == STORE_EXISTS)
        call->phase = PHASE_EXISTING;
    if (job->status != STORE_OK)
        return job->status == STORE_EXISTS;
    job->out.begin.user_message = pgrows_uuid(rows, 0, 1);
    if (pgrows_int(rows, 0, 2)) {
        call->phase = PHASE_CONTEXT;
        return true;
    }
    put_context(job, rows);
    return false;
}

/* ---- finish: one array a column */

static void put_keys(struct pgparams *p, struct store_op *const *jobs, size_t n)
{
    pgarray_start(p, PGTYPE_TEXT);
    for (size_t i = 0; i < n; i++)
        pgarray_bytes(p, jobs[i]->owner, strcspn(jobs[i]->owner, "/"));
    pgarray_end(p);
    pgarray_start(p, PGTYPE_TEXT);
    for (size_t i = 0; i < n; i++)
        pgarray_bytes(p, jobs[i]->owner, strlen(jobs[i]->owner));
    pgarray_end(p);
    pgarray_start(p, PGTYPE_UUID);
    for (size_t i = 0; i < n; i++)
        pgarray_bytes(p, jobs[i]->answers->gen.b, sizeof(jobs[i]->answers->gen.b));
    pgarray_end(p);
}

static void put_names(struct pgparams *p, struct store_op *const *jobs, size_t n)
{
    struct buf copy = {0};
    pgarray_start(p, PGTYPE_TEXT);
    for (size_t i = 0; i < n; i++)
        pgarray_bytes(p, jobs[i]->answers->state, strlen(jobs[i]->answers->state));
    pgarray_end(p);
    pgarray_start(p, PGTYPE_TEXT);
    for (size_t i = 0; i < n; i++) {
        struct history_text model = as_text(&copy, jobs[i]->answers->model);
        pgarray_bytes(p, model.data, model.len);
    }
    pgarray_end(p);
    buf_free(&copy);
}

static int64_t number_of(const struct history_answer *a, int column)
{
    const uint64_t columns[] = {a->epoch, a->seq, a->crc, a->updated_ms};
    return (int64_t)columns[column];
}

static void put_numbers(struct pgparams *p, struct store_op *const *jobs, size_t n)
{
    for (int column = 0; column < 4; column++) {
        pgarray_start(p, PGTYPE_INT);
        for (size_t i = 0; i < n; i++)
            pgarray_int(p, number_of(jobs[i]->answers, column));
        pgarray_end(p);
    }
}

static int64_t tokens(const json_t *usage, const char *name)
{
    const json_t *value = json_object_get(usage, name);
    return json_is_integer(value) ? json_integer_value(value) : -1;
}

void pgcall_usage(const struct store_op *job, struct pgcall *call)
{
    const struct history_text *t = &job->answers->outcome;
    json_t *root = t->len ? json_loadb(t->data, t->len, 0, NULL) : NULL;
    const json_t *usage = json_object_get(root, "usage");
    call->prompt_tokens = tokens(usage, "prompt_tokens");
    call->completion_tokens = tokens(usage, "completion_tokens");
    json_decref(root);
}

static void put_usage(struct pgparams *p, struct store_op *const *jobs, size_t n)
{
    for (int column = 0; column < 2; column++) {
        pgarray_start(p, PGTYPE_INT);
        for (size_t i = 0; i < n; i++) {
            const struct pgcall *call = pgcall_of(jobs[i]);
            int64_t used = column == 0 ? call->prompt_tokens : call->completion_tokens;
            if (used < 0)
                pgarray_null(p);
            else
                pgarray_int(p, used);
        }
        pgarray_end(p);
    }
}

static void put_parts(struct pgparams *p, struct store_op *const *jobs, size_t n)
{
    pgarray_start(p, PGTYPE_INT);
    for (size_t i = 0; i < n; i++)
        pgarray_int(p, (int64_t)parts_visible(jobs[i]->answers));
    pgarray_end(p);
    pgarray_start(p, PGTYPE_BYTES);
    for (size_t i = 0; i < n; i++) {
        const struct history_answer *a = jobs[i]->answers;
        struct history_text packed = job_pack_parts(jobs[i], a->parts, a->part_count);
        pgarray_bytes(p, packed.data, packed.len);
    }
    pgarray_end(p);
}

static void put_texts(struct pgparams *p, struct store_op *const *jobs, size_t n)
{
    struct buf signature = {0};
    pgarray_start(p, PGTYPE_BYTES);
    for (size_t i = 0; i < n; i++)
        pgarray_bytes(p, jobs[i]->answers->outcome.data, jobs[i]->answers->outcome.len);
    pgarray_end(p);
    pgarray_start(p, PGTYPE_BITS);
    for (size_t i = 0; i < n; i++) {
        buf_clear(&signature);
        signature_of(jobs[i]->answers->text, &signature);
        pgarray_bits(p, (struct history_text){signature.data, signature.len});
    }
    pgarray_end(p);
    pgarray_start(p, PGTYPE_BYTES);
    for (size_t i = 0; i < n; i++)
        pgarray_bytes(p, jobs[i]->answers->text.data, jobs[i]->answers->text.len);
    pgarray_end(p);
    buf_free(&signature);
}

void pgcall_finish(struct pgparams *p, struct store_op *const *jobs, size_t n)
{
    put_keys(p, jobs, n);
    put_names(p, jobs, n);
    put_numbers(p, jobs, n);
    put_usage(p, jobs, n);
    put_parts(p, jobs, n);
    put_texts(p, jobs, n);
}

/* The rows name those that were not plainly recorded. */
void pgcall_finished(struct store_op *const *jobs, size_t n, struct pgrows *rows)
{
    for (size_t i = 0; i < n; i++)
        jobs[i]->status = STORE_OK;
    for (size_t row = 0; row < pgrows_count(rows); row++) {
        int64_t place = pgrows_int(rows, row, 0);
        if (place >= 1 && place <= (int64_t)n)
            jobs[place - 1]->status = pgcall_status(pgrows_str(rows, row, 1));
    }
    pgrows_free(rows);
}

/* ---- edit */

void pgcall_edit(struct pgparams *p, const struct store_op *job)
{
    pgcall_key(p, job->owner);
    pgparam_uuid(p, &job->chat);
    if (job->has_text)
        pgparam_bytes(p, job->text);
    else
        pgparam_null(p);
}

void pgcall_edited(struct store_op *job, struct pgrows *rows)
{
    job->status = pgrows_count(rows) ? pgcall_status(pgrows_str(rows, 0, 0)) : STORE_CORRUPT;
    /* Gone: perhaps by this very call, whose answer was lost. */
    if (job->status == STORE_NOT_FOUND && !job->has_text && pgcall_of(job)->unknown)
        job->status = STORE_OK;
    pgrows_free(rows);
}
