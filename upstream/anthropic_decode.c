/* anthropic_decode: one response body, event after event (anthropic.h).
 *
 *     message_start, (content_block_start, content_block_delta*, content_block_stop)*, message_delta,
 *     message_stop; ping and error anywhere. What else may be added one day is passed over.
 *
 * A ping is no sign of life of the model: it comes from the house, also when the room is silent. */
#include <string.h>

#include "upstream/anthropic.h"

void anthropic_stream_init(struct anthropic_stream *s, size_t max_event, const char *again, size_t again_len)
{
    memset(s, 0, sizeof *s);
    sse_init(&s->sse, max_event);
    buf_add(&s->again, again, again_len);
}

void anthropic_stream_free(struct anthropic_stream *s)
{
    sse_free(&s->sse);
    buf_free(&s->again);
}

/* ------------------------------------------------------------ text */

/* The model writes the white space again that the prefix was not allowed to end in: it is there already. */
static size_t drop_again(struct anthropic_stream *s, const char *text, size_t len)
{
    size_t n = 0;
    while (n < len && n < s->again.len && text[n] == s->again.data[n])
        n++;
    if (n < len)
        buf_free(&s->again);
    else
        buf_drop(&s->again, n);
    return n;
}

static void add_text(struct anthropic_stream *s, struct gather *g, const json_t *text)
{
    const char *p = json_string_value(text);
    if (!p)
        return;
    size_t len = json_string_length(text), drop = s->again.len ? drop_again(s, p, len) : 0;
    if (len > drop)
        gather_add(g, ANSWER_TEXT, p + drop, len - drop);
}

static void add_thinking(struct gather *g, const json_t *text)
{
    if (json_string_length(text))
        gather_add(g, ANSWER_REASONING, json_string_value(text), json_string_length(text));
}

/* ------------------------------------------------------------ events */

static const char *string_of(const json_t *object, const char *key)
{
    const char *s = json_string_value(json_object_get(object, key));
    return s ? s : "";
}

/* Adds a count that may be absent; *sum is -1 until one is there. */
static void add_count(int64_t *sum, const json_t *usage, const char *key)
{
    const json_t *v = json_object_get(usage, key);
    if (json_is_integer(v) && json_integer_value(v) >= 0)
        *sum = (*sum < 0 ? 0 : *sum) + json_integer_value(v);
}

/* The prompt is what was read anew, and what the cache took in or gave. */
static void take_prompt_tokens(struct answer *a, const json_t *usage)
{
    int64_t sum = -1;
    add_count(&sum, usage, "input_tokens");
    if (sum < 0)
        return;
    add_count(&sum, usage, "cache_creation_input_tokens");
    add_count(&sum, usage, "cache_read_input_tokens");
    a->prompt_tokens = sum;
}

/* Its output_tokens are those of the head only: the count that counts comes with message_delta. */
static void on_start(struct anthropic_stream *s, struct gather *g, struct answer *a, const json_t *root)
{
    const json_t *message = json_object_get(root, "message");
    (void)s;
    (void)g;
    answer_model(a, string_of(message, "model"));
    take_prompt_tokens(a, json_object_get(message, "usage"));
}

static void on_block(struct anthropic_stream *s, struct gather *g, struct answer *a, const json_t *root)
{
    const json_t *block = json_object_get(root, "content_block");
    const char *type = string_of(block, "type");
    if (!strcmp(type, "text"))
        add_text(s, g, json_object_get(block, "text"));
    else if (!strcmp(type, "thinking"))
        add_thinking(g, json_object_get(block, "thinking"));
    else if (strcmp(type, "redacted_thinking") != 0)
        a->other = true; /* a tool's use or its result */
}

/* Signatures and citations are about text, and none. */
static void on_delta(struct anthropic_stream *s, struct gather *g, struct answer *a, const json_t *root)
{
    const json_t *delta = json_object_get(root, "delta");
    const char *type = string_of(delta, "type");
    if (!strcmp(type, "text_delta"))
        add_text(s, g, json_object_get(delta, "text"));
    else if (!strcmp(type, "thinking_delta"))
        add_thinking(g, json_object_get(delta, "thinking"));
    else if (!strcmp(type, "input_json_delta"))
        a->other = true;
}

static enum finish finish_of(const char *reason)
{
    static const struct {
        const char *reason;
        enum finish finish;
    } known[] = {{"", FINISH_NONE},
                 {"max_tokens", FINISH_LENGTH},
                 {"model_context_window_exceeded", FINISH_LENGTH},
                 {"refusal", FINISH_FILTERED},
                 {"tool_use", FINISH_TOOLS},
                 {"pause_turn", FINISH_TOOLS}};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (!strcmp(reason, known[i].reason))
            return known[i].finish;
    return FINISH_STOP; /* end_turn, stop_sequence */
}

static void on_message(struct anthropic_stream *s, struct gather *g, struct answer *a, const json_t *root)
{
    const json_t *usage = json_object_get(root, "usage");
    enum finish finish = finish_of(string_of(json_object_get(root, "delta"), "stop_reason"));
    int64_t made = -1;
    (void)s;
    (void)g;
    if (finish)
        a->finish = finish;
    take_prompt_tokens(a, usage);
    add_count(&made, usage, "output_tokens");
    if (made >= 0)
        a->completion_tokens = made;
}

static void on_stop(struct anthropic_stream *s, struct gather *g, struct answer *a, const json_t *root)
{
    (void)s;
    (void)g;
    (void)root;
    a->done = true;
}

static void on_error(struct anthropic_stream *s, struct gather *g, struct answer *a, const json_t *root)
{
    const json_t *error = json_object_get(root, "error");
    (void)s;
    (void)g;
    a->failure = failure_of_error(NULL, string_of(error, "type"), string_of(error, "message"));
    answer_detail(a->detail, string_of(error, "type"));
}

static void on_nothing(struct anthropic_stream *s, struct gather *g, struct answer *a, const json_t *root)
{
    (void)s;
    (void)g;
    (void)a;
    (void)root;
}

static const struct {
    const char *type;
    void (*handle)(struct anthropic_stream *s, struct gather *g, struct answer *a, const json_t *root);
} handlers[] = {
    {"content_block_delta", on_delta},
    {"content_block_start", on_block},
    {"content_block_stop", on_nothing},
    {"message_start", on_start},
    {"message_delta", on_message},
    {"message_stop", on_stop},
    {"error", on_error},
};

static void event(struct anthropic_stream *s, struct gather *g, struct answer *a, const struct sse_event *e)
{
    json_t *root = json_loadb(e->data, e->data_len, JSON_ALLOW_NUL, NULL);
    const char *type = json_string_value(json_object_get(root, "type"));
    if (!type)
        a->malformed++;
    for (size_t i = 0; type && i < sizeof handlers / sizeof *handlers; i++)
        if (!strcmp(type, handlers[i].type)) {
            a->events++;
            handlers[i].handle(s, g, a, root);
        }
    json_decref(root);
}

/* ------------------------------------------------------------ the body */

static bool over(const struct answer *a)
{
    return a->done || a->failure != FAIL_NONE;
}

void anthropic_feed(struct anthropic_stream *s, struct gather *g, struct answer *a, const char *p, size_t len)
{
    struct sse_read r = sse_read(p, len);
    struct sse_event e;
    while (!over(a)) {
        enum sse_next got = sse_next(&s->sse, &r, &e);
        if (got == SSE_TOO_LARGE)
            a->failure = FAIL_GARBLED;
        if (got != SSE_EVENT)
            return;
        event(s, g, a, &e);
    }
}

void anthropic_end(struct anthropic_stream *s, struct gather *g, struct answer *a)
{
    struct sse_event e;
    if (!over(a) && sse_end(&s->sse, &e))
        event(s, g, a, &e);
}
