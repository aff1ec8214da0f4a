/* response_write: see response_write.h. */
#include "edge/response_write.h"

#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "edge/openai_stream.h"
#include "edge/openai_write.h"

static bool is_over(const struct generation *g)
{
    return g->log.finished;
}

const char *response_status(const struct generation *g)
{
    static const char *const names[][2] = {{"complete", "completed"},  {"length", "incomplete"},
                                           {"filtered", "incomplete"}, {"cancelled", "cancelled"},
                                           {"truncated", "failed"},    {"error", "failed"},
                                           {"running", "in_progress"}, {"queued", "queued"}};
    const char *state = is_over(g) ? g->outcome.state : generation_wire_state(g);
    if (!is_over(g) && strcmp(state, "queued") != 0)
        return "in_progress"; /* what has ended says so when it is in the log */
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(state, names[i][0]) == 0)
            return names[i][1];
    return "in_progress";
}

/* ------------------------------------------------------------------ items */

void response_write_item_id(struct buf *out, const struct generation *g, const struct response_run *run)
{
    char gen[UUID_TEXT + 1];
    buf_printf(out, "%s_%s_%zu", run->part == LOG_PART_TEXT ? "msg" : "rs", uuid_format(&g->key.gen, gen),
               run->index);
}

void response_write_part(struct buf *out, const struct generation *g, const struct response_run *run,
                         bool open)
{
    bool text = run->part == LOG_PART_TEXT;
    buf_add_str(out, text ? "{\"type\":\"output_text\",\"text\":" : "{\"type\":\"reasoning_text\",\"text\":");
    if (open)
        buf_add_lit(out, "\"\"");
    else
        json_add_string(out, g->log.text.data + run->begin, (size_t)(run->end - run->begin));
    buf_add_str(out, text ? ",\"annotations\":[],\"logprobs\":[]}" : "}");
}

/* The last item of an answer that is not complete is not either. */
static const char *item_status(const struct generation *g, const struct response_run *run, bool open)
{
    if (open || (!is_over(g) && run->end == tokenlog_end(&g->log)))
        return "in_progress";
    bool cut = run->end == tokenlog_end(&g->log) && strcmp(g->outcome.state, "complete") != 0;
    return cut ? "incomplete" : "completed";
}

void response_write_item(struct buf *out, const struct generation *g, const struct response_run *run,
                         bool open)
{
    bool text = run->part == LOG_PART_TEXT;
    buf_add_lit(out, "{\"id\":\"");
    response_write_item_id(out, g, run);
    buf_printf(out, "\",\"type\":\"%s\",\"status\":\"%s\",", text ? "message" : "reasoning",
               item_status(g, run, open));
    buf_add_str(out, text ? "\"role\":\"assistant\"," : "\"summary\":[],");
    buf_add_lit(out, "\"content\":[");
    if (!open)
        response_write_part(out, g, run, false);
    buf_add_lit(out, "]}");
}

static void add_output(struct buf *out, const struct generation *g)
{
    struct response_run run = {0};
    buf_add_lit(out, "\"output\":[");
    for (uint64_t off = 0; off < tokenlog_end(&g->log); off = run.end) {
        run = response_run_at(&g->log, off);
        if (off)
            buf_add_char(out, ',');
        response_write_item(out, g, &run, false);
    }
    buf_add_lit(out, "],");
}

/* ------------------------------------------------------------------ the response */

static void add_note(struct buf *out, const json_t *note)
{
    static const struct {
        const char *name, *otherwise;
    } members[] = {
        {"background", "false"},
        {"instructions", "null"},
        {"metadata", "{}"},
        {"previous_response_id", "null"},
        {"temperature", "null"},
        {"top_p", "null"},
        {"reasoning", "null"},
        {"text", "{\"format\":{\"type\":\"text\"}}"},
        {"user", "null"},
        {"max_output_tokens", "null"},
        {"service_tier", "null"},
        {"tool_choice", "\"auto\""},
        {"parallel_tool_calls", "true"},
    };
    for (size_t i = 0; i < sizeof members / sizeof *members; i++) {
        const json_t *v = json_object_get(note, members[i].name);
        char *text = v ? json_dumps(v, JSON_COMPACT | JSON_ENCODE_ANY) : NULL;
        buf_printf(out, "\"%s\":", members[i].name);
        buf_add_str(out, text ? text : members[i].otherwise);
        buf_add_char(out, ',');
        free(text);
    }
    buf_add_lit(out, "\"store\":true,\"tools\":[],\"truncation\":\"disabled\",");
}

static void add_usage(struct buf *out, const struct outcome *o)
{
    if (o->prompt_tokens < 0 || o->completion_tokens < 0) {
        buf_add_lit(out, "\"usage\":null");
        return;
    }
    int64_t total = o->prompt_tokens + o->completion_tokens;
    buf_printf(out,
               "\"usage\":{\"input_tokens\":%lld,\"input_tokens_details\":{\"cached_tokens\":0},"
               "\"output_tokens\":%lld,\"output_tokens_details\":{\"reasoning_tokens\":0},"
               "\"total_tokens\":%lld}",
               (long long)o->prompt_tokens, (long long)o->completion_tokens, (long long)total);
}

static void add_error(struct buf *out, const struct generation *g)
{
    struct err e = {0};
    if (!is_over(g) || strcmp(response_status(g), "failed") != 0 || !openai_outcome_error(g, &e)) {
        buf_add_lit(out, "\"error\":null,");
        return;
    }
    const char *code = e.code == ERR_RATE_LIMITED || e.code == ERR_QUOTA_EXCEEDED ? "rate_limit_exceeded"
                       : e.code == ERR_TOO_LARGE || e.code == ERR_BAD_REQUEST     ? "invalid_prompt"
                                                                                  : "server_error";
    buf_printf(out, "\"error\":{\"code\":\"%s\",\"message\":", code);
    json_add_cstring(out, err_message(&e));
    buf_add_lit(out, "},");
}

static void add_incomplete(struct buf *out, const struct generation *g)
{
    const char *reason = NULL;
    if (is_over(g) && strcmp(g->outcome.state, "length") == 0)
        reason = "max_output_tokens";
    else if (is_over(g) && strcmp(g->outcome.state, "filtered") == 0)
        reason = "content_filter";
    if (reason)
        buf_printf(out, "\"incomplete_details\":{\"reason\":\"%s\"},", reason);
    else
        buf_add_lit(out, "\"incomplete_details\":null,");
}

static void open_response(struct buf *out, const struct generation *g, const char *status)
{
    char id[UUID_TEXT + 1];
    buf_printf(out, "{\"id\":\"resp_%s\",\"object\":\"response\",\"created_at\":%llu,\"status\":\"%s\",",
               uuid_format(&g->key.gen, id), (unsigned long long)(g->created_ms / 1000), status);
    buf_printf(out, "\"conversation\":{\"id\":\"conv_%s\"},\"model\":", uuid_format(&g->chat_id, id));
    json_add_cstring(out, openai_model_at(g, tokenlog_end(&g->log)));
    buf_add_char(out, ',');
}

void response_write(struct buf *out, const struct generation *g, const json_t *note)
{
    open_response(out, g, response_status(g));
    add_error(out, g);
    add_incomplete(out, g);
    add_output(out, g);
    add_note(out, note);
    add_usage(out, is_over(g) ? &g->outcome : &outcome_none);
    buf_add_char(out, '}');
}

void response_write_begun(struct buf *out, const struct generation *g, const json_t *note)
{
    open_response(out, g, "in_progress");
    buf_add_lit(out, "\"error\":null,\"incomplete_details\":null,\"output\":[],");
    add_note(out, note);
    buf_add_lit(out, "\"usage\":null}");
}
