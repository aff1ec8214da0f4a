/* ask: what any ask needs, however it was written; ask_json.c and ask_query.c read it. */
#include "ask.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "text.h"

bool refuse(struct refusal *why, int status, const char *code, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    vsnprintf(why->message, sizeof(why->message), fmt, args);
    va_end(args);
    why->status = status;
    why->code = code;
    return false;
}

bool refuse_field(struct refusal *why, const char *name)
{
    return refuse(why, 400, "invalid_request", "Invalid value for '%.100s'.", name);
}

bool ask_set_model(struct ask *a, const char *name, struct refusal *why)
{
    if (!model_find(name, &a->model))
        return refuse(why, 404, "model_not_found", "The model `%.100s` does not exist.", name);
    a->opt = a->model.defaults;
    a->max_tokens = -1;
    return true;
}

void ask_set_input(struct ask *a, const char *text, size_t n)
{
    buf_clear(&a->input);
    buf_add(&a->input, text, n);
    a->prompt_tokens = ask_prompt_tokens(n);
}

/* Where the text ends: at the first stop string, wherever this request begins, so that a continuation ends
 * where the whole answer would. */
static size_t find_stop(const struct ask *a)
{
    const struct buf *text = &a->answer->text;
    size_t end = text->len;
    for (int i = 0; i < STOPS_MAX; i++) {
        const char *at = a->stop[i].len ? memmem(text->data, end, a->stop[i].data, a->stop[i].len) : NULL;
        if (at)
            end = (size_t)(at - text->data);
    }
    return end;
}

static bool place_prefix(struct ask *a, struct refusal *why)
{
    const struct buf *text = &a->answer->text;
    a->from = a->has_prefix ? a->prefix.len : a->opt.offset;
    bool fits = a->from <= text->len && utf8_is_boundary(text->data, text->len, a->from) &&
                (!a->has_prefix || !a->prefix.len || !memcmp(text->data, a->prefix.data, a->prefix.len));
    if (fits && (a->model.family != FAMILY_CLOCK || !a->from))
        return true;
    return refuse(why, 400, "prefix_mismatch", "The trailing assistant message is no prefix of the answer.");
}

bool ask_answer(struct ask *a, struct refusal *why)
{
    const struct options *o = &a->opt;
    a->answer = answer_get(a->model.family, a->input.data, a->input.len, o->seed, o->tokens, o->token_size);
    if (!place_prefix(a, why))
        return false;
    a->upto = find_stop(a);
    a->finish = "stop";
    if (a->upto < a->from)
        a->upto = a->from;
    uint32_t first = answer_token_at(a->answer, a->from);
    a->prefix_tokens = a->has_prefix ? first + (a->from > answer_start(a->answer, first)) : 0;
    a->tokens = a->upto > a->from ? answer_token_at(a->answer, a->upto - 1) + 1 - first : 0;
    uint64_t most = a->max_tokens < 0 ? UINT64_MAX : (uint64_t)a->max_tokens;
    if (o->fault == FAULT_LENGTH && o->fault_after < most)
        most = o->fault_after;
    if (a->tokens > most) {
        a->tokens = (uint32_t)most;
        a->upto = a->tokens ? a->answer->end[first + a->tokens - 1] : a->from;
        a->finish = "length";
    }
    return true;
}

uint64_t ask_key(const struct ask *a)
{
    uint64_t h = text_hash(1, a->model.name, strlen(a->model.name));
    h = text_hash(h, a->input.data, a->input.len);
    return text_hash(h, &a->opt.seed, sizeof(a->opt.seed));
}

void ask_free(struct ask *a)
{
    buf_free(&a->input);
    buf_free(&a->prefix);
    for (int i = 0; i < STOPS_MAX; i++)
        buf_free(&a->stop[i]);
    answer_put(a->answer);
    *a = (struct ask){0};
}
