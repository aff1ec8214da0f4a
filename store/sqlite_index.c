/* sqlite_index: see sqlite_index.h.
 *
 *     document of a message:  owner (3 characters)  newline  text, folded     -> trigrams
 *     expression of a search: "owner" AND each trigram of each word of three or more characters
 *
 * Shorter words narrow nothing: the candidates are then all of the owner's messages. Nor are very long
 * messages indexed, which would hold up the writer: they are marked, and always candidates. */
#include "store/sqlite_index.h"

#include "store/sqlite_db.h"

#define STEP_BYTES 8192
#define STEP_MESSAGES 32
#define LONG_BYTES 16384
#define WORD_TRIGRAMS 12 /* of one word; the text itself is looked at anyway */

/* Characters of the private planes, which no text of sense holds; where one does, it is a candidate too many.
 */
#define OWNER_CHAR 0xF0000u
#define OWNER_BASE 60000
#define LONG_CHAR 0x10FFF0u

static void put_owner(struct buf *out, int64_t owner)
{
    words_put(out, OWNER_CHAR + (uint32_t)(owner % OWNER_BASE));
    words_put(out, OWNER_CHAR + (uint32_t)(owner / OWNER_BASE % OWNER_BASE));
    words_put(out, OWNER_CHAR + OWNER_BASE);
}

static void put_long(struct buf *out)
{
    for (int i = 0; i < 3; i++)
        words_put(out, LONG_CHAR);
}

/* Writes the message's document into the index, or takes it out. */
static enum store_status change(struct db *db, int64_t message, bool add, size_t *bytes)
{
    struct buf document = {0};
    struct stmt *st = db_use(db, SQL_INDEX_DOCUMENT);
    stmt_bind_int(st, message);
    if (!stmt_row(st))
        return db_failure(db);
    struct history_text text = stmt_bytes(st, 0);
    bool there = stmt_int(st, 2) != 0;
    put_owner(&document, stmt_int(st, 1));
    buf_add_char(&document, '\n');
    if (text.len > LONG_BYTES)
        put_long(&document);
    else
        words_fold_text(&document, text);
    bool due = add ? !there && text.len : there;
    stmt_reset(st);
    *bytes += document.len;
    if (due) {
        st = db_use(db, add ? SQL_INDEX_ADD : SQL_INDEX_REMOVE);
        stmt_bind_int(st, message);
        stmt_bind_text(st, document.data, document.len);
        stmt_run(st);
    }
    buf_free(&document);
    return db_failure(db);
}

static enum store_status run_with_id(struct db *db, enum sql_id sql, int64_t id)
{
    struct stmt *st = db_use(db, sql);
    stmt_bind_int(st, id);
    return stmt_run(st);
}

enum store_status index_wait(struct db *db, int64_t message)
{
    return run_with_id(db, SQL_INDEX_WAIT, message);
}

enum store_status index_remove(struct db *db, int64_t message)
{
    size_t bytes = 0;
    return change(db, message, false, &bytes);
}

/* The first number of the first row; 0: none. */
static int64_t first(struct db *db, enum sql_id sql, const int64_t *bound, int64_t *second)
{
    struct stmt *st = db_use(db, sql);
    if (bound)
        stmt_bind_int(st, *bound);
    if (!stmt_row(st))
        return 0;
    int64_t v = stmt_int(st, 0);
    if (second)
        *second = stmt_int(st, 1);
    stmt_reset(st);
    return v;
}

/* ---- the steps. Each deals with one message, and is false when there was none. */

static bool bury_one(struct db *db, size_t *bytes)
{
    int64_t chat = first(db, SQL_BURIED, NULL, NULL);
    if (!chat)
        return false;
    int64_t message = first(db, SQL_BURIED_MESSAGE, &chat, NULL);
    if (!message) {
        run_with_id(db, SQL_CHAT_DELETE, chat);
        /* A number that is free again must not count as indexed. */
        stmt_run(db_use(db, SQL_INDEX_UPTO_LEFT));
        return true;
    }
    change(db, message, false, bytes);
    run_with_id(db, SQL_INDEX_WAITED, message);
    run_with_id(db, SQL_MESSAGE_DELETE, message);
    return true;
}

static bool answer_one(struct db *db, size_t *bytes)
{
    int64_t message = first(db, SQL_INDEX_WAITING, NULL, NULL);
    if (!message)
        return false;
    change(db, message, true, bytes);
    run_with_id(db, SQL_INDEX_WAITED, message);
    return true;
}

static bool question_one(struct db *db, size_t *bytes)
{
    int64_t role = 0, message = first(db, SQL_INDEX_NEXT, NULL, &role);
    if (!message)
        return false;
    if (role != ROLE_ASSISTANT) /* an answer waits for its end */
        change(db, message, true, bytes);
    run_with_id(db, SQL_INDEX_UPTO, message);
    return true;
}

bool index_step(struct db *db)
{
    size_t bytes = 0;
    for (int n = 0; n < STEP_MESSAGES && bytes < STEP_BYTES && db_failure(db) == STORE_OK; n++) {
        if (bury_one(db, &bytes) || answer_one(db, &bytes) || question_one(db, &bytes))
            continue;
        if (n)
            return true;
        int64_t before = db_changes(db);
        stmt_run(db_use(db, SQL_INDEX_MERGE));
        return db_changes(db) - before >= 2; /* less is FTS5's word for nothing to merge */
    }
    return true;
}

/* ---- searching */

/* A quoted string of three characters. */
static void put_trigram(struct buf *out, const uint32_t *chars)
{
    buf_add_char(out, '"');
    for (int i = 0; i < 3; i++) {
        if (chars[i] == '"')
            buf_add_char(out, '"');
        words_put(out, chars[i]);
    }
    buf_add_char(out, '"');
}

static void put_words(struct buf *out, const struct words *words)
{
    for (size_t w = 0; w < words->count; w++) {
        for (size_t i = 0; i + 3 <= words->item[w].len && i < WORD_TRIGRAMS; i++) {
            buf_add_lit(out, " AND ");
            put_trigram(out, &words->item[w].chars[i]);
        }
    }
}

void index_match(struct db *db, const char *owner, const struct words *words, struct buf *out)
{
    struct stmt *st = db_use(db, SQL_OWNER);
    struct buf mine = {0};
    stmt_bind_str(st, owner);
    buf_add_char(&mine, '"');
    put_owner(&mine, stmt_row(st) ? stmt_int(st, 0) : 0);
    buf_add_char(&mine, '"');
    stmt_reset(st);
    buf_add_char(out, '(');
    buf_add(out, mine.data, mine.len);
    put_words(out, words);
    buf_add_lit(out, ") OR (");
    buf_add(out, mine.data, mine.len);
    buf_add_lit(out, " AND \"");
    put_long(out);
    buf_add_lit(out, "\")");
    buf_free(&mine);
}
