/* Golden streams (tests/golden): each decoded whole, cut at every byte, byte by byte; by the fast path and by
 * jansson alone. All of it must agree with what is written beside the stream. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <glob.h>
#include <jansson.h>

#include "base/json.h"
#include "base/mem.h"
#include "upstream/dialect.h"
#include "upstream/openai.h"

static struct buf parts[2]; /* text, reasoning */

static void flush(struct gather *g, void *owner)
{
    (void)owner;
    assert_true(utf8_valid(g->text.data, g->text.len));
    buf_add(&parts[g->part], g->text.data, g->text.len);
    g->tokens = 0;
    g->text.len = 0;
}

struct decode {
    const struct dialect *dialect;
    void *stream;
    struct answer answer;
    struct gather gather;
};

static void decode_open(struct decode *d, const json_t *want, bool fast)
{
    const char *name = json_string_value(json_object_get(want, "dialect"));
    const struct buf none = {0};
    memset(d, 0, sizeof *d);
    d->answer.prompt_tokens = d->answer.completion_tokens = -1;
    d->gather.flush = flush;
    d->dialect = name ? dialect_find(name) : &dialect_openai;
    assert_non_null(d->dialect);
    d->stream = d->dialect->open(65536, "text/event-stream", &none);
    if (!fast && d->dialect == &dialect_openai)
        ((struct openai_stream *)d->stream)->fast.credit = 0;
    parts[0].len = parts[1].len = 0;
}

/* From a copy of its own size: a read past the end is seen by the sanitizer. */
static void decode_feed(struct decode *d, const char *p, size_t len)
{
    char *copy = malloc(len ? len : 1);
    memcpy(copy, p, len);
    d->dialect->feed(d->stream, &d->gather, &d->answer, copy, len);
    flush(&d->gather, NULL);
    free(copy);
}

static void decode_close(struct decode *d)
{
    d->dialect->end(d->stream, &d->gather, &d->answer);
    flush(&d->gather, NULL);
    d->dialect->close(d->stream);
    buf_free(&d->gather.text);
}

static char *slurp(const char *path, size_t *len)
{
    FILE *f = fopen(path, "rb");
    struct buf b = {0};
    char piece[4096];
    assert_non_null(f);
    for (size_t n; (n = fread(piece, 1, sizeof piece, f));)
        buf_add(&b, piece, n);
    fclose(f);
    *len = b.len;
    return buf_cstr(&b);
}

static void check_string(const json_t *want, const char *key, const struct buf *got, const char *where)
{
    const json_t *s = json_object_get(want, key);
    if (json_string_length(s) != got->len ||
        memcmp(json_string_value(s), got->data ? got->data : "", got->len) != 0)
        fail_msg("%s: %s is \"%.*s\", not \"%s\"", where, key, (int)got->len, got->data ? got->data : "",
                 json_string_value(s));
}

static void check_int(const json_t *want, const char *key, int64_t got, const char *where)
{
    if (json_integer_value(json_object_get(want, key)) != got)
        fail_msg("%s: %s is %lld", where, key, (long long)got);
}

static void check_word(const json_t *want, const char *key, const char *got, const char *where)
{
    const char *word = json_string_value(json_object_get(want, key));
    if ((word && !got) || (!word && got) || (word && strcmp(word, got) != 0))
        fail_msg("%s: %s is %s, not %s", where, key, got ? got : "null", word ? word : "null");
}

static void check(struct decode *d, const json_t *want, const char *where)
{
    static const char *const finishes[] = {"none", "stop", "length", "filtered", "tools"};
    const struct answer *a = &d->answer;
    check_string(want, "text", &parts[ANSWER_TEXT], where);
    check_string(want, "reasoning", &parts[ANSWER_REASONING], where);
    check_word(want, "finish", finishes[a->finish], where);
    check_word(want, "model", a->model, where);
    check_word(want, "failure", failure_row(a->failure)->name, where);
    check_int(want, "prompt_tokens", a->prompt_tokens, where);
    check_int(want, "completion_tokens", a->completion_tokens, where);
    check_int(want, "malformed", a->malformed, where);
    assert_int_equal(json_is_true(json_object_get(want, "done")), a->done);
    assert_int_equal(json_is_true(json_object_get(want, "other")), a->other);
    mem_free(d->answer.model);
}

static void at_every_cut(const char *p, size_t len, const json_t *want, const char *name, bool fast)
{
    struct decode d;
    char where[160];
    for (size_t cut = 0; cut <= len; cut++) {
        decode_open(&d, want, fast);
        decode_feed(&d, p, cut);
        decode_feed(&d, p + cut, len - cut);
        decode_close(&d);
        snprintf(where, sizeof where, "%s cut at %zu%s", name, cut, fast ? "" : ", jansson alone");
        check(&d, want, where);
    }
    decode_open(&d, want, fast);
    for (size_t i = 0; i < len; i++)
        decode_feed(&d, p + i, 1);
    decode_close(&d);
    snprintf(where, sizeof where, "%s byte by byte", name);
    check(&d, want, where);
}

static void test_golden_streams(void **state)
{
    glob_t g;
    (void)state;
    assert_int_equal(glob("tests/golden/*.sse", 0, NULL, &g), 0);
    assert_true(g.gl_pathc >= 19);
    for (size_t i = 0; i < g.gl_pathc; i++) {
        char path[256];
        size_t len;
        char *p = slurp(g.gl_pathv[i], &len);
        snprintf(path, sizeof path, "%.*sjson", (int)strlen(g.gl_pathv[i]) - 3, g.gl_pathv[i]);
        json_t *want = json_load_file(path, JSON_ALLOW_NUL, NULL);
        assert_non_null(want);
        at_every_cut(p, len, want, g.gl_pathv[i], true);
        if (!json_object_get(want, "dialect"))
            at_every_cut(p, len, want, g.gl_pathv[i], false);
        json_decref(want);
        mem_free(p);
    }
    globfree(&g);
    buf_free(&parts[0]);
    buf_free(&parts[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_golden_streams)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
