/* sqlite_list: the conversations of an owner, newest first, page by page, all or those that hold some words.
 */
#include <string.h>

#include "base/json.h"
#include "store/sqlite_db.h"
#include "store/sqlite_index.h"
#include "store/sqlite_job.h"
#include "store/words.h"

static void fill_head(struct store_op *job, struct stmt *st, struct history_head *head)
{
    struct history_text title = stmt_bytes(st, 2);
    head->chat = stmt_uuid(st, 1);
    head->title = stmt_is_null(st, 2) ? NULL : job_copy(job, title.data ? title.data : "", title.len);
    head->created_ms = (uint64_t)stmt_int(st, 3);
    head->updated_ms = (uint64_t)stmt_int(st, 4);
    head->messages = (uint64_t)stmt_int(st, 5);
    head->snippet = job_copy_text(job, stmt_bytes(st, 6));
}

enum store_status job_load_head(struct db *db, struct store_op *job, struct history_head *head, int64_t *chat)
{
    struct stmt *st = db_use(db, SQL_HEAD);
    stmt_bind_str(st, job->owner);
    stmt_bind_uuid(st, &job->chat);
    if (!stmt_row(st))
        return db_failure(db) ? db_failure(db) : STORE_NOT_FOUND;
    *chat = stmt_int(st, 0);
    fill_head(job, st, head);
    stmt_reset(st);
    return STORE_OK;
}

/* ---- the words */

/* Text looked at for one page; then the page ends early, with a cursor to go on from. */
#define SEARCH_BYTES ((size_t)64 << 20)

/* True when a candidate holds the words: the message, whose snippet is then around the match, or with message
 * 0 the title. */
static bool holds(struct db *db, struct store_op *job, const struct words *words, int64_t message,
                  struct history_head *head, size_t *looked_at)
{
    size_t at;
    if (!message)
        return head->title && words_match(words, head->title, strlen(head->title), NULL);
    struct stmt *st = db_use(db, SQL_TEXT_AT);
    stmt_bind_int(st, message);
    if (!stmt_row(st))
        return false;
    struct history_text text = stmt_bytes(st, 0);
    *looked_at += text.len;
    bool found = words_match(words, text.data, text.len, &at);
    if (found)
        head->snippet = job_copy_text(job, words_snippet(text, at));
    stmt_reset(st);
    return found;
}

/* The candidates come conversation by conversation, newest first, its messages before its title. */
static enum store_status fill_found(struct db *db, struct store_op *job, const struct job_place *from,
                                    const struct words *words)
{
    struct history_page *page = &job->out.page;
    struct history_head *heads = job_alloc(job, (job->limit + 1) * sizeof(*heads)), seen = {0};
    int64_t taken = 0, last = 0;
    size_t looked_at = 0;
    struct buf match = {0};
    index_match(db, job->owner, words, &match);
    struct stmt *st = db_use(db, SQL_SEARCH);
    stmt_bind_str(st, job->owner);
    stmt_bind_int(st, (int64_t)from->updated);
    stmt_bind_uuid(st, &from->chat);
    stmt_bind_text(st, match.data, match.len);
    while (page->count <= job->limit && stmt_row(st)) {
        int64_t chat = stmt_int(st, 0);
        if (chat == taken)
            continue;
        if (chat != last && looked_at > SEARCH_BYTES) {
            page->next = job_page_next(job, &seen);
            break;
        }
        if (chat != last)
            fill_head(job, st, &seen);
        last = chat;
        heads[page->count] = seen;
        if (holds(db, job, words, stmt_int(st, 7), &heads[page->count], &looked_at)) {
            page->count++;
            taken = chat;
        }
    }
    stmt_reset(st);
    buf_free(&match);
    page->heads = heads;
    return db_failure(db);
}

/* ---- list */

static enum store_status fill_all(struct db *db, struct store_op *job, const struct job_place *from)
{
    struct history_page *page = &job->out.page;
    struct history_head *heads = job_alloc(job, (job->limit + 1) * sizeof(*heads));
    struct stmt *st = db_use(db, SQL_LIST);
    stmt_bind_str(st, job->owner);
    stmt_bind_int(st, (int64_t)from->updated);
    stmt_bind_uuid(st, &from->chat);
    stmt_bind_int(st, (int64_t)job->limit + 1);
    while (page->count <= job->limit && stmt_row(st))
        fill_head(job, st, &heads[page->count++]);
    stmt_reset(st);
    page->heads = heads;
    return db_failure(db);
}

static enum store_status fill_page(struct db *db, struct store_op *job, const struct job_place *from,
                                   const struct words *words)
{
    struct history_page *page = &job->out.page;
    enum store_status status = words ? fill_found(db, job, from, words) : fill_all(db, job, from);
    if (page->count > job->limit) {
        page->count = job->limit;
        page->next = job_page_next(job, &page->heads[job->limit - 1]);
    }
    return status;
}

enum store_status job_run_list(struct db *db, struct store_op *job)
{
    struct job_place from;
    struct words words;
    if (!job_page_start(job, &from))
        return STORE_NOT_FOUND;
    if (job->has_text)
        words_parse(&words, job->text.data, job->text.len);
    return fill_page(db, job, &from, job->has_text && words.count ? &words : NULL);
}
