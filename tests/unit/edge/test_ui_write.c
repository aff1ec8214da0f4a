#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "edge/ui.h"

#define MESSAGE "abababab-abab-abab-abab-abababababab"

static struct ui_voice voice;
static struct ui_out out;

static int setup(void **state)
{
    (void)state;
    voice =
        (struct ui_voice){.id = (char *)(uintptr_t) "r\"1", .thread = (char *)(uintptr_t) "t", .open = -1};
    memset(voice.message.b, 0xAB, sizeof voice.message.b);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    ui_out_free(&out);
    return 0;
}

/* The next frame is this one. */
static void said(const char *frame)
{
    struct buf b = {0};
    assert_true(ui_out_next(&out, &b));
    assert_string_equal(buf_cstr(&b), frame);
    buf_free(&b);
}

static void said_no_more(void)
{
    struct buf b = {0};
    assert_false(ui_out_next(&out, &b));
    assert_null(out.buf.data);
}

static struct log_item text_item(const char *text, uint64_t off, enum log_part part)
{
    return (struct log_item){.kind = LOG_ITEM_TEXT,
                             .text = text,
                             .len = strlen(text),
                             .off = off,
                             .epoch = 2,
                             .crc = 0xbeef,
                             .part = part};
}

static void say(const struct ui_dialect *d, const char *text, uint64_t off, enum log_part part)
{
    struct log_item item = text_item(text, off, part);
    d->write_text(&voice, &out, &item);
}

static const struct log_item at_start = {.epoch = 2};

/* ------------------------------------------------------------------ ai */

#define CHUNK(n, rest)                                                                                       \
    "{\"type\":\"chunk\",\"requestId\":\"r\\\"1\",\"sequence\":" #n ",\"chunk\":{\"type\":" rest "}}"

static void ai_open(bool resumed)
{
    ui_ai.write_begin(&voice, &out, resumed, &at_start);
    if (resumed)
        said("{\"type\":\"start\",\"requestId\":\"r\\\"1\"}");
    said(CHUNK(0, "\"start\",\"messageId\":\"" MESSAGE "\""));
    said(CHUNK(1, "\"start-step\""));
}

static void test_ai_answer(void **state)
{
    (void)state;
    ai_open(false);
    say(&ui_ai, "hm\n", 0, LOG_PART_REASONING);
    say(&ui_ai, "Hel", 3, LOG_PART_TEXT);
    say(&ui_ai, "lo", 6, LOG_PART_TEXT);
    ui_ai.write_status(&voice, &out, "stalled");
    ui_ai.write_done(&voice, &out, &(struct outcome){.state = "complete"});
    said(CHUNK(2, "\"reasoning-start\",\"id\":\"1\""));
    said(CHUNK(3, "\"reasoning-delta\",\"id\":\"1\",\"delta\":\"hm\\n\""));
    said(CHUNK(4, "\"reasoning-end\",\"id\":\"1\""));
    said(CHUNK(5, "\"text-start\",\"id\":\"2\""));
    said(CHUNK(6, "\"text-delta\",\"id\":\"2\",\"delta\":\"Hel\""));
    said(CHUNK(7, "\"text-delta\",\"id\":\"2\",\"delta\":\"lo\""));
    said(CHUNK(8, "\"data-lastword-status\",\"data\":{\"state\":\"stalled\"},\"transient\":true"));
    said(CHUNK(9, "\"text-end\",\"id\":\"2\""));
    said(CHUNK(10, "\"finish-step\""));
    said(CHUNK(11, "\"finish\",\"finishReason\":\"stop\""));
    said("{\"type\":\"end\",\"requestId\":\"r\\\"1\"}");
    said_no_more();
}

static void test_ai_rewind(void **state)
{
    (void)state;
    ai_open(true);
    say(&ui_ai, "x", 0, LOG_PART_TEXT);
    assert_true(ui_ai.write_rewind(&voice, &out, &at_start));
    say(&ui_ai, "y", 0, LOG_PART_TEXT);
    said(CHUNK(2, "\"text-start\",\"id\":\"1\""));
    said(CHUNK(3, "\"text-delta\",\"id\":\"1\",\"delta\":\"x\""));
    said(CHUNK(4, "\"reset-step\""));
    said(CHUNK(5, "\"text-start\",\"id\":\"2\""));
    said(CHUNK(6, "\"text-delta\",\"id\":\"2\",\"delta\":\"y\""));
    said_no_more();
}

static void test_ai_ends(void **state)
{
    (void)state;
    static const struct {
        struct outcome outcome;
        const char *finish, *after;
    } cases[] = {
        {{.state = "length"}, "\"finish\",\"finishReason\":\"length\"", NULL},
        {{.state = "filtered"}, "\"finish\",\"finishReason\":\"content-filter\"", NULL},
        {{.state = "truncated", .error = {.code = ERR_UPSTREAM_STALLED, .message = "Gone."}},
         "\"finish\",\"finishReason\":\"error\"",
         "\"error\",\"errorText\":\"The answer broke off and is not complete: Gone.\""},
        {{.state = "error", .error = {.code = ERR_UPSTREAM_ERROR, .message = "No."}},
         "\"finish\",\"finishReason\":\"error\"",
         "\"error\",\"errorText\":\"No.\""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char frame[256];
        setup(NULL);
        ui_ai.write_done(&voice, &out, &cases[i].outcome);
        said(CHUNK(0, "\"finish-step\""));
        snprintf(frame, sizeof frame, CHUNK(1, "%s"), cases[i].finish);
        said(frame);
        if (cases[i].after) {
            snprintf(frame, sizeof frame, CHUNK(2, "%s"), cases[i].after);
            said(frame);
        }
        said("{\"type\":\"end\",\"requestId\":\"r\\\"1\"}");
        said_no_more();
    }
    setup(NULL);
    ui_ai.write_done(&voice, &out, &(struct outcome){.state = "cancelled"});
    said(CHUNK(0, "\"abort\",\"reason\":\"The answer was cancelled.\""));
    said("{\"type\":\"end\",\"requestId\":\"r\\\"1\"}");
    said_no_more();
}

static void test_ai_refusals(void **state)
{
    (void)state;
    struct err e = {.code = ERR_BUSY};
    ui_ai.write_error(&voice, &out, &e);
    said("{\"type\":\"error\",\"requestId\":\"r\\\"1\",\"errorText\":\"The chat already has a running "
         "generation.\"}");
    ui_ai.write_none(&voice, &out);
    said("{\"type\":\"no-active\",\"requestId\":\"r\\\"1\"}");
    said_no_more();
}

/* ------------------------------------------------------------------ tanstack */

#define IDS "\"threadId\":\"t\",\"runId\":\"r\\\"1\""
#define AT(id, rest) "{\"id\":\"" id "\",\"chunk\":{\"type\":" rest "}}"
#define OF "\"messageId\":\"" MESSAGE "\""
#define THOUGHT(n) "\"messageId\":\"" MESSAGE "-r" #n "\""

static void tanstack_open(void)
{
    ui_tanstack.write_begin(&voice, &out, false, &at_start);
    said(AT("2-0-00000000", "\"RUN_STARTED\"," IDS));
    said("{\"type\":\"TEXT_MESSAGE_START\"," OF ",\"role\":\"assistant\"}");
}

static void test_tanstack_answer(void **state)
{
    (void)state;
    tanstack_open();
    say(&ui_tanstack, "hm\n", 0, LOG_PART_REASONING);
    say(&ui_tanstack, "Hello", 3, LOG_PART_TEXT);
    ui_tanstack.write_status(&voice, &out, "queued");
    ui_tanstack.write_done(
        &voice, &out, &(struct outcome){.state = "complete", .prompt_tokens = 3, .completion_tokens = 4});
    said("{\"type\":\"REASONING_START\"," THOUGHT(1) "}");
    said("{\"type\":\"REASONING_MESSAGE_START\"," THOUGHT(1) ",\"role\":\"reasoning\"}");
    said(AT("2-3-0000beef", "\"REASONING_MESSAGE_CONTENT\"," THOUGHT(1) ",\"delta\":\"hm\\n\""));
    said("{\"type\":\"REASONING_MESSAGE_END\"," THOUGHT(1) "}");
    said("{\"type\":\"REASONING_END\"," THOUGHT(1) "}");
    said(AT("2-8-0000beef", "\"TEXT_MESSAGE_CONTENT\"," OF ",\"delta\":\"Hello\""));
    said("{\"type\":\"CUSTOM\",\"name\":\"lastword.status\",\"value\":{\"state\":\"queued\"}}");
    said("{\"type\":\"TEXT_MESSAGE_END\"," OF "}");
    said("{\"type\":\"RUN_FINISHED\"," IDS
         ",\"finishReason\":\"stop\",\"usage\":[{\"inputTokens\":3,\"outputTokens\":4}]}");
    said_no_more();
}

static void test_tanstack_rewind(void **state)
{
    (void)state;
    tanstack_open();
    assert_false(ui_tanstack.write_rewind(&voice, &out, &at_start)); /* nobody knows what stood before */
    said_no_more();
    voice.messages = json_loads("[{\"id\":\"u\",\"role\":\"user\",\"content\":\"hi\"}]", 0, NULL);
    assert_true(ui_tanstack.write_rewind(&voice, &out, &at_start));
    said(AT("", "\"MESSAGES_SNAPSHOT\",\"messages\":[{\"id\":\"u\",\"role\":\"user\",\"content\":\"hi\"}]"));
    said(AT("2-0-00000000", "\"RUN_STARTED\"," IDS));
    said("{\"type\":\"TEXT_MESSAGE_START\"," OF ",\"role\":\"assistant\"}");
    said_no_more();
    json_decref(voice.messages);
}

static void test_tanstack_ends(void **state)
{
    (void)state;
    static const struct {
        struct outcome outcome;
        const char *last;
    } cases[] = {
        {{.state = "length", .prompt_tokens = -1},
         "{\"type\":\"RUN_FINISHED\"," IDS ",\"finishReason\":\"length\"}"},
        {{.state = "filtered", .prompt_tokens = -1},
         "{\"type\":\"RUN_FINISHED\"," IDS ",\"finishReason\":\"content_filter\"}"},
        {{.state = "cancelled"},
         "{\"type\":\"RUN_ERROR\"," IDS ",\"message\":\"The answer was cancelled.\",\"code\":\"CONFLICT\"}"},
        {{.state = "truncated", .error = {.code = ERR_UPSTREAM_STALLED, .message = "Gone."}},
         "{\"type\":\"RUN_ERROR\"," IDS ",\"message\":\"The answer broke off and is not complete: Gone.\","
         "\"code\":\"UPSTREAM_STALLED\"}"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        ui_tanstack.write_done(&voice, &out, &cases[i].outcome);
        said("{\"type\":\"TEXT_MESSAGE_END\"," OF "}");
        said(cases[i].last);
        said_no_more();
    }
}

/* On a connection that resumes the thread is not known, and a request that cannot be read has no run. */
static void test_tanstack_errors_without_ids(void **state)
{
    (void)state;
    struct err e = {.code = ERR_UNAUTHORIZED};
    voice.thread = NULL;
    ui_tanstack.write_error(&voice, &out, &e);
    said("{\"type\":\"RUN_ERROR\",\"runId\":\"r\\\"1\",\"message\":\"The credential is missing or not "
         "valid.\","
         "\"code\":\"UNAUTHORIZED\"}");
    said_no_more();
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_ai_answer),       TEST(test_ai_rewind),
        TEST(test_ai_ends),         TEST(test_ai_refusals),
        TEST(test_tanstack_answer), TEST(test_tanstack_rewind),
        TEST(test_tanstack_ends),   TEST(test_tanstack_errors_without_ids),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
