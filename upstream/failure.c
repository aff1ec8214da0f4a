/* failure: see failure.h.
 *
 * Services disagree on status codes and agree, more or less, on words; so the words go first. */
#include "upstream/failure.h"

#include <ctype.h>
#include <string.h>

static const struct failure_row rows[FAILURES] = {
    [FAIL_NONE] = {"none", "", ERR_NONE, false, false, BREAKER_NONE},
#define X(id, name, error, same, next, breaker, sentence)                                                    \
    [FAIL_##id] = {name, sentence, ERR_##error, same, next, BREAKER_##breaker},
#include "upstream/failure.def"
#undef X
};

const struct failure_row *failure_row(enum failure f)
{
    return f > FAIL_NONE && f < FAILURES ? &rows[f] : &rows[FAIL_NONE];
}

static bool has(const char *text, const char *word)
{
    return text && strcasestr(text, word);
}

/* Words that services use in `code` or `type`. */
static const struct {
    const char *word;
    enum failure failure;
} known[] = {
    {"context_length", FAIL_CONTEXT},
    {"context_window", FAIL_CONTEXT},
    {"exceed_context", FAIL_CONTEXT},
    {"string_above_max_length", FAIL_CONTEXT},
    {"content_filter", FAIL_FILTER},
    {"content_policy", FAIL_FILTER},
    {"contentfilter", FAIL_FILTER},
    {"insufficient_quota", FAIL_QUOTA},
    {"billing", FAIL_QUOTA},
    {"model_not_found", FAIL_NO_MODEL},
    {"deploymentnotfound", FAIL_NO_MODEL},
    {"rate_limit", FAIL_RATE_LIMIT},
    {"invalid_api_key", FAIL_AUTH},
    {"authentication", FAIL_AUTH},
    {"permission", FAIL_AUTH},
    {"overloaded", FAIL_UNAVAILABLE},
    {"unavailable", FAIL_UNAVAILABLE},
};

static enum failure of_words(const char *code, const char *type, const char *message)
{
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (has(code, known[i].word) || has(type, known[i].word))
            return known[i].failure;
    /* vLLM, llama.cpp and others say it only in prose. */
    if (has(message, "maximum context length") || has(message, "context size") ||
        has(message, "context window") || has(message, "prompt is too long"))
        return FAIL_CONTEXT;
    /* And Anthropic, whose types name only the kind of the request's fault. */
    if (has(message, "content filtering policy"))
        return FAIL_FILTER;
    if (has(message, "credit balance"))
        return FAIL_QUOTA;
    return FAIL_NONE;
}

static enum failure of_number(int status)
{
    switch (status) {
    case 401:
    case 403:
        return FAIL_AUTH;
    case 402:
        return FAIL_QUOTA;
    case 404:
        return FAIL_NO_MODEL;
    case 408:
    case 409:
    case 425:
        return FAIL_SERVER;
    case 413:
        return FAIL_CONTEXT;
    case 429:
        return FAIL_RATE_LIMIT;
    case 503:
    case 529:
        return FAIL_UNAVAILABLE;
    default:
        return status >= 400 && status < 500 ? FAIL_REQUEST : FAIL_SERVER;
    }
}

enum failure failure_of_status(int status, const char *code, const char *type, const char *message)
{
    if (status == 401 || status == 403) {
        enum failure f = of_words(code, type, NULL);
        return f == FAIL_FILTER ? f : FAIL_AUTH;
    }
    enum failure f = status >= 500 ? FAIL_NONE : of_words(code, type, message);
    return f ? f : of_number(status);
}

/* In mid-stream `code` is sometimes the HTTP status as a number. */
enum failure failure_of_error(const char *code, const char *type, const char *message)
{
    enum failure f = of_words(code, type, message);
    if (f)
        return f;
    int status = 0;
    for (const char *p = code; p && isdigit((unsigned char)*p) && status < 1000; p++)
        status = status * 10 + (*p - '0');
    if (status >= 400 && status < 600)
        f = of_number(status);
    return f && f != FAIL_SERVER ? f : FAIL_IN_STREAM;
}
