/* fault: see fault.h. Attempts are counted in a table of fixed size that is emptied when full: a test never
 * gets there, and a long run does not grow. */
#include "fault.h"

#include <string.h>

#include "base/mem.h"
#include "stats.h"
#include "text.h"

#define SLOTS 65536u /* a power of two */
#define CONTROLS 64u

static struct {
    uint64_t key;
    uint32_t count;
} slots[SLOTS];
static uint32_t used;

static struct {
    char model[MODEL_NAME_MAX + 1];
    bool up;
} controls[CONTROLS];
static unsigned control_count;

static uint32_t count_attempt(uint64_t key)
{
    if (used > SLOTS / 2) {
        memset(slots, 0, sizeof(slots));
        used = 0;
    }
    uint64_t i = key % SLOTS;
    while (slots[i].count && slots[i].key != key)
        i = (i + 1) % SLOTS;
    used += slots[i].count == 0;
    slots[i].key = key;
    return ++slots[i].count;
}

void fault_forget(void)
{
    memset(slots, 0, sizeof(slots));
    used = 0;
    control_count = 0;
}

static int find_control(const char *model)
{
    for (unsigned i = 0; i < control_count; i++)
        if (!strcmp(controls[i].model, model))
            return (int)i;
    return -1;
}

bool fault_control(const char *model, int up)
{
    int i = find_control(model);
    if (up < 0) {
        if (i >= 0)
            controls[i] = controls[--control_count];
        return true;
    }
    if (i < 0) {
        if (control_count == CONTROLS || strlen(model) > MODEL_NAME_MAX)
            return false;
        i = (int)control_count++;
        strcpy(controls[i].model, model);
    }
    controls[i].up = up > 0;
    return true;
}

static enum fault decide(const struct ask *a, uint32_t *attempt)
{
    enum fault f = a->opt.fault;
    int control = find_control(a->model.name);
    *attempt = 0;
    if (control >= 0 && controls[control].up)
        return FAULT_NONE;
    if (control >= 0)
        return FAULT_S15;
    if (f == FAULT_NONE)
        return FAULT_NONE;
    /* a server that is down is down for everybody: s15 counts by model, not by question */
    uint64_t key = f == FAULT_S15 ? text_hash(2, a->model.name, strlen(a->model.name)) : ask_key(a);
    int32_t fail = a->opt.fail_attempts == FAIL_UNSET ? fault_attempts(f) : a->opt.fail_attempts;
    *attempt = count_attempt(key);
    return fail < 0 || *attempt <= (uint32_t)fail ? f : FAULT_NONE;
}

enum fault fault_decide(struct ask *a, uint32_t *attempt)
{
    enum fault f = decide(a, attempt);
    if (f == FAULT_NONE && a->opt.fault == FAULT_S07)
        a->opt.first_token_ms = 0; /* its attempts are over */
    a->opt.fault = f;
    return f;
}

/* The job of a request that is never answered. */
struct silence {
    struct job job;
    uint64_t number;
};

static void silence_drained(struct job *j)
{
    (void)j;
}

static void silence_gone(struct job *j, bool by_peer)
{
    struct silence *s = list_entry(j, struct silence, job);
    (void)by_peer;
    stats_end(s->number, ENDED_FAULT);
    mem_free(s);
}

static void keep_silent(struct exchange *x, uint64_t number)
{
    struct silence *s = mem_alloc(sizeof(*s));
    s->job = (struct job){silence_drained, silence_gone};
    s->number = number;
    http_start_job(x, &s->job);
}

static bool refuse_with(struct exchange *x, uint64_t number, int status, const char *extra, const char *code,
                        const char *message)
{
    stats_end(number, ENDED_FAULT);
    http_reply_error(x, status, extra, code, message);
    return true;
}

static bool refuse_busy(struct exchange *x, const struct ask *a, uint64_t number)
{
    struct buf extra = {0};
    if (a->opt.fault == FAULT_S01)
        buf_printf(&extra, "Retry-After: %u\r\n", a->opt.retry_after);
    refuse_with(x, number, 429, extra.len ? buf_cstr(&extra) : "", "rate_limit_exceeded",
                "Too many requests, try again later.");
    buf_free(&extra);
    return true;
}

bool fault_refuse(struct exchange *x, const struct ask *a, enum fault f, uint64_t number)
{
    switch (f) {
    case FAULT_S01:
    case FAULT_S02:
        return refuse_busy(x, a, number);
    case FAULT_S03:
        return refuse_with(x, number, 500, "", "internal_error", "The server had an error.");
    case FAULT_S04:
    case FAULT_S15:
        return refuse_with(x, number, 503, "", "service_unavailable", "The model is not available now.");
    case FAULT_S05:
        stats_end(number, ENDED_FAULT);
        conn_reset(http_conn(x));
        return true;
    case FAULT_S06:
        keep_silent(x, number);
        return true;
    case FAULT_S12:
        return refuse_with(x, number, 400, "", "context_length_exceeded",
                           "This model's maximum context length is 8 tokens.");
    case FAULT_S13:
        return a->opt.mode != MODE_STREAM && refuse_with(x, number, 400, "", "content_filter",
                                                         "The request was refused by the content filter.");
    case FAULT_S14:
        return (a->has_prefix || a->opt.offset) && refuse_with(x, number, 400, "", "prefix_not_supported",
                                                               "The last message must have the role user.");
    default:
        return false;
    }
}
