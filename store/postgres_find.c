/* postgres_find: see postgres_find.h. */
#include "store/postgres_find.h"

#include <string.h>

#include "store/signature.h"

/* What one round may look at, and bring; and what all may bring: then the page ends early. */
#define ROUND_MESSAGES 2000
#define ROUND_BYTES ((int64_t)4 << 20)
#define ROUNDS 16
#define ALL_BYTES ((size_t)64 << 20)

enum find_column { F_CHAT, F_BODY = 6 };

struct pgfind {
    struct words words;
    struct history_head *heads; /* found so far; limit + 1 at most */
    struct history_head last;   /* the conversation gone through last: where the next round begins */
    bool by_title;              /* of it: the words are in its title, and in no message yet */
    bool open, taken;           /* there is one; it is found already */
    size_t bytes;
    int rounds;
};

void pgfind_start(struct store_op *job)
{
    struct words words;
    if (job->kind != JOB_LIST || !job->has_text || job->status != STORE_OK)
        return;
    words_parse(&words, job->text.data, job->text.len);
    if (!words.count)
        return;
    struct pgfind *f = job_alloc(job, sizeof(*f));
    f->words = words;
    f->heads = job_alloc(job, (job->limit + 1) * sizeof(*f->heads));
    pgcall_of(job)->find = f;
}

void pgfind_ask(const struct store_op *job, struct pgparams *p)
{
    const struct pgcall *call = pgcall_of(job);
    struct buf mask = {0};
    pgcall_key(p, job->owner);
    pgparam_int(p, (int64_t)call->from.updated);
    pgparam_uuid(p, &call->from.chat);
    pgarray_start(p, PGTYPE_BITS);
    for (int level = 0; level < SIGNATURE_LEVELS; level++) {
        buf_clear(&mask);
        signature_mask(&call->find->words, level, &mask);
        pgarray_bits(p, (struct history_text){mask.data, mask.len});
    }
    pgarray_end(p);
    pgparam_int(p, ROUND_MESSAGES);
    pgparam_int(p, ROUND_BYTES);
    buf_free(&mask);
}

/* The rows of a round are gone with the next: what is found is copied. */
static void take(struct store_op *job, struct pgfind *f, struct history_text snippet)
{
    struct history_head *head = &f->heads[job->out.page.count++];
    *head = f->last;
    head->title = head->title ? job_copy(job, head->title, strlen(head->title)) : NULL;
    head->snippet = job_copy_text(job, snippet);
    f->taken = true;
}

static bool full(const struct store_op *job)
{
    return job->out.page.count > job->limit;
}

/* No more messages of the conversation come. */
static void close_chat(struct store_op *job, struct pgfind *f)
{
    if (f->open && f->by_title && !f->taken)
        take(job, f, f->last.snippet);
    f->open = false;
}

static void open_chat(struct pgfind *f, const struct pgrows *r, size_t row)
{
    pgcall_head(r, row, &f->last);
    f->open = true;
    f->taken = false;
    f->by_title = f->last.title && words_match(&f->words, f->last.title, strlen(f->last.title), NULL);
}

static void look_at(struct store_op *job, struct pgfind *f, struct history_text text)
{
    size_t at;
    f->bytes += text.len;
    if (!f->taken && words_match(&f->words, text.data, text.len, &at))
        take(job, f, words_snippet(text, at));
}

/* True when the server says that there are more conversations. */
static bool go_through(struct store_op *job, struct pgfind *f, const struct pgrows *r)
{
    bool more = false;
    for (size_t row = 0; row < pgrows_count(r) && !full(job); row++) {
        if (!pgrows_null(r, row, F_BODY)) {
            look_at(job, f, pgrows_bytes(r, row, F_BODY));
            continue;
        }
        close_chat(job, f);
        more = pgrows_null(r, row, F_CHAT);
        if (!more && !full(job))
            open_chat(f, r, row);
    }
    if (!full(job))
        close_chat(job, f);
    return more && !full(job);
}

bool pgfind_told(struct store_op *job)
{
    struct pgcall *call = pgcall_of(job);
    struct pgfind *f = call->find;
    struct history_page *page = &job->out.page;
    bool more = go_through(job, f, call->rows[0]);
    call->from = (struct job_place){f->last.updated_ms, f->last.chat};
    if (more && f->bytes < ALL_BYTES && ++f->rounds < ROUNDS)
        return true;
    if (full(job))
        page->next = job_page_next(job, &f->heads[--page->count - 1]);
    else if (more)
        page->next = job_page_next(job, &f->last);
    page->heads = f->heads;
    job->status = STORE_OK;
    return false;
}
