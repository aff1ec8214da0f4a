#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "edge/ui.h"

#define PARAMS "\"params\":{\"temperature\":0.5}"
#define ONE "[{\"role\":\"user\",\"content\":\"Hello there, world\"}]"
#define TWO                                                                                                  \
    "[{\"role\":\"user\",\"content\":\"Hello there, world\"},"                                               \
    "{\"role\":\"assistant\",\"content\":\"Hello there, world\"},{\"role\":\"user\",\"content\":\"And "      \
    "more\"}]"

static char *golden(const char *name, size_t *len)
{
    char path[128];
    snprintf(path, sizeof path, "tests/golden/ui/%s.json", name);
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    char *text = malloc(65536);
    *len = fread(text, 1, 65536, f);
    fclose(f);
    assert_true(*len > 1 && *len < 65536 && text[*len - 1] == '\n');
    *len -= 1;
    return text;
}

static const struct golden {
    const char *name;
    const struct ui_dialect *dialect;
    enum ui_ask_type type;
    const char *id, *chat, *token, *input, *messages, *parent;
    bool again;
} goldens[] = {
    {"ai_send", &ui_ai, UI_SEND, "o3E4QdMHMHxUS0bG", "GcjuslfUTidncdBq", "a-key", "Hello there, world", ONE,
     NULL, false},
    {"ai_turn", &ui_ai, UI_SEND, "MDNRsZsjTxbhOJU4", "GcjuslfUTidncdBq", "a-key", "And more", TWO,
     "01a21065-ec1e-7642-9698-87f6b2255e2a", false},
    {"ai_regenerate", &ui_ai, UI_SEND, "SExfAj9lQk45FPrZ", "GcjuslfUTidncdBq", "a-key", "And more", TWO,
     "01a21065-ec1e-7642-9698-87f6b2255e2a", true},
    {"ai_resume", &ui_ai, UI_RESUME, "yBp9R5r0X5xjGT33", "GcjuslfUTidncdBq", "a-key", NULL, NULL, NULL,
     false},
    {"ai_abort", &ui_ai, UI_ABORT, "DEOp6Y32WqHCxdKX", NULL, NULL, NULL, NULL, NULL, false},
    {"tanstack_run", &ui_tanstack, UI_SEND, "run-1795571445310-ag212t", "thread-1795571445310-mxa7vq", NULL,
     "Hello there, world", ONE, NULL, false},
    {"tanstack_turn", &ui_tanstack, UI_SEND, "run-1795571445387-0128cr", "thread-1795571445310-mxa7vq", NULL,
     "And more", TWO, "01a21065-ee5e-781c-aa8f-b2036665d5fb", false},
    {"tanstack_abort", &ui_tanstack, UI_ABORT, "run-1795571445417-tswslg", NULL, NULL, NULL, NULL, NULL,
     false},
};
#define GOLDENS (sizeof goldens / sizeof *goldens)

static void same(const char *is, const char *want)
{
    if (want)
        assert_string_equal(is, want);
    else
        assert_null(is);
}

static void check_send(const struct ui_ask *ask, const struct golden *g)
{
    char parent[UUID_TEXT + 1];
    assert_int_equal(ask->input.len, strlen(g->input));
    assert_memory_equal(ask->input.data, g->input, ask->input.len);
    assert_string_equal(ask->messages_json, g->messages);
    assert_string_equal(ask->model, "richierich-echo");
    assert_true(json_real_value(json_object_get(ask->params, "temperature")) > 0.4);
    assert_int_equal(ask->parent_choice, g->parent ? PARENT_ID : PARENT_NULL);
    if (g->parent)
        assert_string_equal(uuid_format(&ask->parent, parent), g->parent);
}

static void test_golden_frames(void **state)
{
    (void)state;
    for (const struct golden *g = goldens; g < goldens + GOLDENS; g++) {
        struct ui_ask ask;
        struct err e = {0};
        size_t len;
        char *text = golden(g->name, &len);
        assert_int_equal(g->dialect->read(text, len, &ask, &e), READ_OK);
        assert_int_equal(ask.type, g->type);
        assert_true(ask.again == g->again);
        assert_string_equal(ask.id, g->id);
        same(ask.chat, g->chat);
        same(ask.token, g->token);
        if (g->type == UI_SEND)
            check_send(&ask, g);
        ui_ask_free(&ask);
        free(text);
    }
}

static void test_cut_anywhere_they_are_none(void **state)
{
    (void)state;
    for (const struct golden *g = goldens; g < goldens + GOLDENS; g++) {
        size_t len;
        char *text = golden(g->name, &len);
        for (size_t cut = 0; cut < len; cut++) {
            struct ui_ask ask;
            struct err e = {0};
            char *piece = malloc(cut ? cut : 1); /* so that a read beyond it is seen */
            memcpy(piece, text, cut);
            assert_int_equal(g->dialect->read(piece, cut, &ask, &e), cut ? READ_BAD : READ_NOT_OBJECT);
            assert_null(ask.id);
            ui_ask_free(&ask);
            free(piece);
        }
        free(text);
    }
}

/* ------------------------------------------------------------------ frames by hand */

static struct ui_ask ask;
static struct err error;

static enum read_verdict read_by(const struct ui_dialect *d, const char *text)
{
    ui_ask_free(&ask);
    error = (struct err){0};
    return d->read(text, strlen(text), &ask, &error);
}

static int forget(void **state)
{
    (void)state;
    ui_ask_free(&ask);
    return 0;
}

#define AI(rest)                                                                                             \
    "{\"type\":\"send\",\"requestId\":\"r\",\"id\":\"c\",\"trigger\":\"submit-message\"," rest "}"
#define RUN(rest) "{\"runId\":\"r\",\"threadId\":\"c\"," rest "}"
#define USER(text) "{\"id\":\"u\",\"role\":\"user\",\"parts\":[{\"type\":\"text\",\"text\":\"" text "\"}]}"

static void test_what_is_no_frame(void **state)
{
    (void)state;
    static const char *const none[] = {"", "[]", "1", "\"x\"", "x", "null"};
    for (size_t i = 0; i < sizeof none / sizeof *none; i++) {
        assert_int_equal(read_by(&ui_ai, none[i]), READ_NOT_OBJECT);
        assert_int_equal(read_by(&ui_tanstack, none[i]), READ_NOT_OBJECT);
    }
    assert_int_equal(ui_ai.read("{}\0", 3, &ask, &error), READ_NOT_OBJECT);
}

static void test_what_is_refused_says_why(void **state)
{
    (void)state;
    static const struct {
        const struct ui_dialect *dialect;
        const char *text, *why;
        bool named;
    } cases[] = {
        {&ui_ai, "{}", "requestId", false},
        {&ui_ai, "{\"requestId\":\"\"}", "requestId", false},
        {&ui_ai, "{\"requestId\":\"r\\u0000\"}", "requestId", false},
        {&ui_ai, "{\"requestId\":\"r\",\"type\":\"send\"}", "id: ", true},
        {&ui_ai, "{\"requestId\":\"r\",\"id\":\"c\",\"type\":\"shout\"}", "type: ", true},
        {&ui_ai, "{\"requestId\":\"r\",\"id\":\"c\",\"type\":\"send\"}", "trigger: ", true},
        {&ui_ai, "{\"requestId\":\"r\",\"id\":\"c\",\"type\":\"resume\",\"lastSequence\":3}", "lastSequence",
         true},
        {&ui_ai, AI("\"messages\":[]"), "messages: ", true},
        {&ui_ai, AI("\"messages\":[1]"), "messages[0].role", true},
        {&ui_ai, AI("\"messages\":[{\"role\":\"user\",\"parts\":7}]"), "messages[0].parts", true},
        {&ui_ai, AI("\"messages\":[{\"role\":\"user\",\"parts\":[{\"type\":\"file\"}]}]"), "only text", true},
        {&ui_ai, AI("\"messages\":[{\"role\":\"user\",\"parts\":[{\"type\":\"tool-x\"}]}]"), "no tools",
         true},
        {&ui_ai, AI("\"messages\":[{\"role\":\"user\",\"parts\":[{\"type\":\"text\"}]}]"), "string text",
         true},
        {&ui_ai, AI("\"messages\":[" USER("a") ",{\"role\":\"assistant\",\"parts\":[]}]"), "the last", true},
        {&ui_ai, AI("\"body\":{\"model\":7}"), "model", true},
        {&ui_ai, AI("\"body\":{\"if_busy\":\"wait\"}"), "if_busy", true},
        {&ui_ai, AI("\"body\":{\"on_disconnect\":7}"), "on_disconnect", true},
        {&ui_ai, AI("\"body\":{\"params\":{\"temperature\":\"hot\"}}"), "temperature", true},
        {&ui_tanstack, "{\"threadId\":\"c\"}", "runId", false},
        {&ui_tanstack, "{\"runId\":\"r\"}", "threadId", true},
        {&ui_tanstack, RUN("\"tools\":[{\"name\":\"x\"}]"), "tools", true},
        {&ui_tanstack, RUN("\"resume\":[]"), "resume", true},
        {&ui_tanstack, RUN("\"messages\":[{\"role\":\"tool\",\"content\":\"x\"}]"), "messages[0].role", true},
        {&ui_tanstack, RUN("\"messages\":[{\"role\":\"assistant\",\"toolCalls\":[{}]}]"), "tools", true},
        {&ui_tanstack, RUN("\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"image\"}]}]"),
         "only text", true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(read_by(cases[i].dialect, cases[i].text), READ_BAD);
        assert_int_equal(error.code, ERR_BAD_REQUEST);
        if (!strstr(error.message, cases[i].why))
            fail_msg("%s: %s", cases[i].text, error.message);
        assert_true((ask.id != NULL) == cases[i].named);
    }
}

static void test_options(void **state)
{
    (void)state;
    assert_int_equal(
        read_by(&ui_ai, AI("\"body\":{\"if_busy\":\"interrupt\",\"on_disconnect\":\"cancel\",\"model\":null},"
                           "\"messages\":[" USER("a") "]")),
        READ_OK);
    assert_int_equal(ask.if_busy, IF_BUSY_INTERRUPT);
    assert_true(ask.cancel_on_disconnect);
    assert_string_equal(ask.model, "");
    assert_null(ask.params);
    assert_int_equal(
        read_by(&ui_tanstack, RUN("\"forwardedProps\":{\"token\":\"t\",\"if_busy\":\"queue\"},\"messages\":"
                                  "[{\"role\":\"user\",\"content\":\"a\"}]")),
        READ_OK);
    assert_int_equal(ask.if_busy, IF_BUSY_QUEUE);
    assert_string_equal(ask.token, "t");
}

/* Only the answer that stands right before counts, and only if its id is one of ours. */
static void test_where_a_message_hangs(void **state)
{
    (void)state;
#define OURS "{\"id\":\"0193a1b2-0000-7000-8000-000000000001\",\"role\":\"assistant\",\"parts\":[]}"
#define THEIRS "{\"id\":\"abc\",\"role\":\"assistant\",\"parts\":[]}"
#define SYSTEM "{\"id\":\"s\",\"role\":\"system\",\"parts\":[{\"type\":\"text\",\"text\":\"s\"}]}"
    static const struct {
        const char *text;
        enum parent_choice parent;
    } cases[] = {
        {AI("\"messages\":[" USER("a") "]"), PARENT_NULL},
        {AI("\"messages\":[" SYSTEM "," USER("a") "]"), PARENT_NULL},
        {AI("\"messages\":[" USER("a") "," USER("b") "]"), PARENT_ABSENT},
        {AI("\"messages\":[" USER("a") "," OURS "," USER("b") "]"), PARENT_ID},
        {AI("\"messages\":[" USER("a") "," OURS "," USER("b") "," USER("c") "]"), PARENT_ID},
        {AI("\"messages\":[" USER("a") "," THEIRS "," USER("b") "]"), PARENT_ABSENT},
        {AI("\"messages\":[" USER("a") "," OURS "," USER("b") "," THEIRS "," USER("c") "]"), PARENT_ABSENT},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(read_by(&ui_ai, cases[i].text), READ_OK);
        assert_int_equal(ask.parent_choice, cases[i].parent);
    }
}

static void test_what_a_model_is_not_told(void **state)
{
    (void)state;
    assert_int_equal(
        read_by(&ui_ai,
                AI("\"messages\":[" SYSTEM
                   ",{\"role\":\"user\",\"parts\":[{\"type\":\"text\",\"text\":\"a\\u0000\"},"
                   "{\"type\":\"data-mine\",\"data\":1},{\"type\":\"text\",\"text\":\"b\"}]},"
                   "{\"role\":\"assistant\",\"parts\":[{\"type\":\"step-start\"},{\"type\":\"reasoning\","
                   "\"text\":\"t\"}]},"
                   "{\"role\":\"assistant\",\"parts\":[{\"type\":\"text\",\"text\":\"c\"}]}," USER("d") "]")),
        READ_OK);
    assert_string_equal(
        ask.messages_json,
        "[{\"role\":\"system\",\"content\":\"s\"},{\"role\":\"user\",\"content\":\"a\\u0000b\"},"
        "{\"role\":\"assistant\",\"content\":\"c\"},{\"role\":\"user\",\"content\":\"d\"}]");
    assert_int_equal(
        read_by(&ui_tanstack, RUN("\"messages\":[{\"role\":\"developer\",\"content\":\"s\"},"
                                  "{\"role\":\"reasoning\",\"content\":\"t\"},{\"role\":\"user\","
                                  "\"content\":[{\"type\":\"text\",\"text\":\"a\"}]}]")),
        READ_OK);
    assert_string_equal(ask.messages_json,
                        "[{\"role\":\"system\",\"content\":\"s\"},{\"role\":\"user\",\"content\":\"a\"}]");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_golden_frames),
        cmocka_unit_test(test_cut_anywhere_they_are_none),
        cmocka_unit_test_teardown(test_what_is_no_frame, forget),
        cmocka_unit_test_teardown(test_what_is_refused_says_why, forget),
        cmocka_unit_test_teardown(test_options, forget),
        cmocka_unit_test_teardown(test_where_a_message_hangs, forget),
        cmocka_unit_test_teardown(test_what_a_model_is_not_told, forget),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
