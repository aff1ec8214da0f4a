/* openai_decode: one event, or one refusal, by jansson (openai.h). The slow and sure half of the decoder:
 * whatever the template does not recognise comes here. */
#include "upstream/openai.h"

#include <string.h>

#include "base/mem.h"

static const char *string_of(const json_t *object, const char *key)
{
    return json_string_value(json_object_get(object, key));
}

static int64_t count_of(const json_t *object, const char *key)
{
    const json_t *v = json_object_get(object, key);
    return json_is_integer(v) && json_integer_value(v) >= 0 ? json_integer_value(v) : -1;
}

struct error_words {
    const char *code, *type, *message;
    char number[24];
};

/* The error object as services write it: {"error":{…}}, {"error":"…"}, or its members at the top. */
static void error_words(struct error_words *w, const json_t *root)
{
    const json_t *e = json_object_get(root, "error");
    memset(w, 0, sizeof *w);
    if (json_is_string(e)) {
        w->message = json_string_value(e);
        e = root;
    } else if (!json_is_object(e)) {
        e = root;
    }
    const json_t *code = json_object_get(e, "code");
    if (json_is_integer(code)) {
        snprintf(w->number, sizeof w->number, "%lld", (long long)json_integer_value(code));
        w->code = w->number;
    } else {
        w->code = json_string_value(code);
    }
    w->type = string_of(e, "type");
    if (!w->message)
        w->message = string_of(e, "message");
    if (!w->message)
        w->message = string_of(e, "detail");
}

static void decode_error(struct openai_delta *d)
{
    struct error_words w;
    error_words(&w, d->root);
    d->failure = failure_of_error(w.code, w.type, w.message);
    answer_detail(d->detail, w.code ? w.code : w.type);
}

/* Mistral's reasoning models send content as an array of typed pieces. */
static void decode_pieces(struct openai_delta *d, const json_t *pieces)
{
    struct buf b = {0};
    size_t i;
    json_t *piece;
    json_array_foreach((json_t *)pieces, i, piece)
    {
        const json_t *text = json_object_get(piece, "text");
        if (json_is_string(text))
            buf_add(&b, json_string_value(text), json_string_length(text));
        else
            d->other = true;
    }
    if (!b.len) {
        buf_free(&b);
        return;
    }
    d->text = d->joined = b.data;
    d->text_len = b.len;
}

static void decode_message(struct openai_delta *d, const json_t *m)
{
    const json_t *content = json_object_get(m, "content");
    const json_t *refusal = json_object_get(m, "refusal");
    const json_t *reasoning = json_object_get(m, "reasoning_content");
    if (!json_is_string(content) && json_is_string(refusal))
        content = refusal; /* a refusal is the answer's text, said politely */
    if (!json_is_string(reasoning))
        reasoning = json_object_get(m, "reasoning");
    if (json_is_string(content)) {
        d->text = json_string_value(content);
        d->text_len = json_string_length(content);
    } else if (json_is_array(content)) {
        decode_pieces(d, content);
    }
    if (json_is_string(reasoning)) {
        d->reasoning = json_string_value(reasoning);
        d->reasoning_len = json_string_length(reasoning);
    }
    const json_t *tools = json_object_get(m, "tool_calls");
    const json_t *function = json_object_get(m, "function_call");
    const json_t *audio = json_object_get(m, "audio");
    d->other |= json_array_size(tools) > 0 || json_is_object(function) || json_is_object(audio);
}

static enum finish finish_of(const json_t *reason)
{
    const char *s = json_string_value(reason);
    if (!s || !*s)
        return FINISH_NONE;
    if (!strcmp(s, "length") || !strcmp(s, "max_tokens"))
        return FINISH_LENGTH;
    if (!strcmp(s, "content_filter"))
        return FINISH_FILTERED;
    if (!strcmp(s, "tool_calls") || !strcmp(s, "function_call"))
        return FINISH_TOOLS;
    return FINISH_STOP;
}

/* An answer is one, `n` is never sent: the first choice with index 0, or without index. */
static const json_t *choice_of(const json_t *root)
{
    size_t i;
    json_t *choice;
    json_array_foreach(json_object_get(root, "choices"), i, choice)
    {
        const json_t *index = json_object_get(choice, "index");
        if (!json_is_integer(index) || json_integer_value(index) == 0)
            return choice;
    }
    return NULL;
}

static void decode_choice(struct openai_delta *d, const json_t *choice)
{
    const json_t *m = json_object_get(choice, "delta");
    if (!json_is_object(m))
        m = json_object_get(choice, "message");
    if (json_is_object(m))
        decode_message(d, m);
    const char *reason = string_of(choice, "finish_reason");
    d->finish = finish_of(json_object_get(choice, "finish_reason"));
    if (reason && !strcmp(reason, "error")) {
        d->finish = FINISH_NONE;
        d->failure = FAIL_IN_STREAM;
    }
}

static bool named(const char *name, size_t len, const char *want)
{
    return len == strlen(want) && !memcmp(name, want, len);
}

static void delta_init(struct openai_delta *d)
{
    memset(d, 0, sizeof *d);
    d->prompt_tokens = d->completion_tokens = -1;
}

static bool is_end_mark(const char *p, size_t len)
{
    while (len && (p[len - 1] == ' ' || p[len - 1] == '\n'))
        len--;
    return len == 6 && !memcmp(p, "[DONE]", 6);
}

bool openai_decode(struct openai_delta *d, const char *name, size_t name_len, const char *data, size_t len)
{
    delta_init(d);
    if (is_end_mark(data, len))
        return d->done = true;
    d->root = json_loadb(data, len, JSON_ALLOW_NUL, NULL);
    if (!json_is_object(d->root)) {
        json_decref(d->root);
        d->root = NULL;
        if (!named(name, name_len, "error"))
            return false;
        d->failure = FAIL_IN_STREAM; /* an error event with prose in it */
        return true;
    }
    const json_t *error = json_object_get(d->root, "error");
    if ((error && !json_is_null(error)) || named(name, name_len, "error")) {
        decode_error(d);
        return true;
    }
    d->model = string_of(d->root, "model");
    const json_t *usage = json_object_get(d->root, "usage");
    if (json_is_object(usage)) {
        d->prompt_tokens = count_of(usage, "prompt_tokens");
        d->completion_tokens = count_of(usage, "completion_tokens");
    }
    decode_choice(d, choice_of(d->root));
    return true;
}

void openai_delta_free(struct openai_delta *d)
{
    json_decref(d->root);
    mem_free(d->joined);
    d->root = NULL;
    d->joined = NULL;
}

enum failure openai_refusal(int status, const char *body, size_t len, char detail[ANSWER_DETAIL])
{
    detail[0] = 0;
    json_t *root = json_loadb(body, len, JSON_ALLOW_NUL, NULL);
    const json_t *object = root;
    if (json_is_array(root) && json_array_size(root)) /* Google's surface wraps it */
        object = json_array_get(root, 0);
    struct error_words w = {0};
    if (json_is_object(object))
        error_words(&w, object);
    enum failure f = failure_of_status(status, w.code, w.type, w.message);
    answer_detail(detail, w.code ? w.code : w.type);
    json_decref(root);
    return f;
}
