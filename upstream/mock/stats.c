/* stats: plain counters and a ring. A model's name is hashed into a small table; past its end the counts go
 * under "other". */
#include "stats.h"

#include <string.h>

#include "base/json.h"

#define NOTES 64u
#define MODELS 256u

static struct {
    uint64_t http, requests, tokens, bytes, prompt_tokens, started, finished, aborted, faulted, refused;
    uint64_t continuations;
    uint64_t faults[FAULTS];
    struct {
        char name[48];
        uint64_t requests;
    } models[MODELS];
    unsigned model_count;
} s;

static uint64_t running, next_number = 1, first_number = 1;
static struct {
    uint64_t number;
    struct request_note note;
} notes[NOTES];

static const char *const ended_names[] = {"running", "done", "aborted", "fault", "refused"};

static void count_model(const char *base)
{
    for (unsigned i = 0; i < s.model_count; i++) {
        if (strcmp(s.models[i].name, base) != 0)
            continue;
        s.models[i].requests++;
        return;
    }
    if (s.model_count == MODELS)
        return count_model("other");
    strncpy(s.models[s.model_count].name, s.model_count == MODELS - 1 ? "other" : base,
            sizeof(s.models[0].name) - 1);
    s.models[s.model_count++].requests = 1;
}

uint64_t stats_begin(const struct request_note *note, const char *base, uint64_t prompt_tokens,
                     bool continued)
{
    s.requests++;
    s.started++;
    s.prompt_tokens += prompt_tokens;
    s.continuations += continued;
    running++;
    count_model(base);
    uint64_t number = next_number++;
    notes[number % NOTES].number = number;
    notes[number % NOTES].note = *note;
    return number;
}

/* Begun before the reset: it counts no more. */
static bool is_old(uint64_t number)
{
    return number < first_number;
}

void stats_prefix(uint64_t number, uint64_t tokens)
{
    if (!is_old(number))
        s.prompt_tokens += tokens;
}

void stats_sent(uint64_t number, uint64_t tokens, uint64_t bytes)
{
    if (notes[number % NOTES].number == number)
        notes[number % NOTES].note.tokens_sent += tokens;
    if (is_old(number))
        return;
    s.tokens += tokens;
    s.bytes += bytes;
}

void stats_end(uint64_t number, enum ended ended)
{
    running--;
    if (notes[number % NOTES].number == number)
        notes[number % NOTES].note.ended = ended;
    if (is_old(number))
        return;
    s.finished += ended == ENDED_DONE;
    s.aborted += ended == ENDED_ABORTED;
    s.faulted += ended == ENDED_FAULT;
    s.refused += ended == ENDED_REFUSED;
}

void stats_fault(enum fault f)
{
    s.faults[f]++;
}

void stats_http(void)
{
    s.http++;
}

void stats_reset(void)
{
    memset(&s, 0, sizeof(s));
    memset(notes, 0, sizeof(notes));
    first_number = next_number;
}

static void write_number(struct buf *out, const char *name, uint64_t v)
{
    buf_printf(out, "\"%s\":%llu,", name, (unsigned long long)v);
}

static void write_notes(struct buf *out)
{
    uint64_t oldest = next_number > NOTES ? next_number - NOTES : 1;
    bool any = false;
    buf_add_lit(out, "\"last\":[");
    for (uint64_t number = oldest; number < next_number; number++) {
        const struct request_note *n = &notes[number % NOTES].note;
        if (notes[number % NOTES].number != number)
            continue;
        buf_add_str(out, any ? ",{\"model\":" : "{\"model\":");
        json_add_cstring(out, n->model);
        buf_printf(out, ",\"key\":\"%016llx\",\"attempt\":%u,\"stream\":%s,", (unsigned long long)n->key,
                   n->attempt, n->stream ? "true" : "false");
        write_number(out, "prefix_len", n->prefix_len);
        write_number(out, "tokens_sent", n->tokens_sent);
        buf_printf(out, "\"ended\":\"%s\"}", ended_names[n->ended]);
        any = true;
    }
    buf_add_lit(out, "]");
}

static void write_tables(struct buf *out)
{
    buf_add_lit(out, "\"models\":{");
    for (unsigned i = 0; i < s.model_count; i++) {
        if (i)
            buf_add_char(out, ',');
        json_add_cstring(out, s.models[i].name);
        buf_printf(out, ":%llu", (unsigned long long)s.models[i].requests);
    }
    buf_add_lit(out, "},\"faults\":{");
    bool any = false;
    for (int f = 1; f < FAULTS; f++) {
        if (!s.faults[f])
            continue;
        buf_printf(out, "%s\"%s\":%llu", any ? "," : "", fault_name((enum fault)f),
                   (unsigned long long)s.faults[f]);
        any = true;
    }
    buf_add_lit(out, "},");
}

void stats_write(struct buf *out)
{
    buf_add_char(out, '{');
    write_number(out, "http_requests", s.http);
    write_number(out, "requests", s.requests);
    write_number(out, "tokens", s.tokens);
    write_number(out, "bytes", s.bytes);
    write_number(out, "prompt_tokens", s.prompt_tokens);
    write_number(out, "started", s.started);
    write_number(out, "finished", s.finished);
    write_number(out, "aborted", s.aborted);
    write_number(out, "faulted", s.faulted);
    write_number(out, "refused", s.refused);
    write_number(out, "running", running);
    write_number(out, "continuations", s.continuations);
    write_tables(out);
    write_notes(out);
    buf_add_char(out, '}');
}
