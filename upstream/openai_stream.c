/* openai_stream: one response body, event after event (openai.h).
 *
 * The loop tries the template at the very place where an event begins; when it matches, sse has not looked
 * at these bytes at all. */
#include "upstream/openai.h"

#include <string.h>

#include "base/mem.h"

void openai_stream_init(struct openai_stream *s, size_t max_event)
{
    memset(s, 0, sizeof *s);
    s->max = max_event;
    sse_init(&s->sse, max_event);
    openai_template_init(&s->fast);
}

void openai_stream_type(struct openai_stream *s, const char *content_type)
{
    if (content_type && strcasestr(content_type, "text/event-stream"))
        s->shape = OPENAI_EVENTS;
    else if (content_type && strcasestr(content_type, "json") && !strcasestr(content_type, "ndjson"))
        s->shape = OPENAI_WHOLE;
}

void openai_stream_free(struct openai_stream *s)
{
    sse_free(&s->sse);
    openai_template_free(&s->fast);
    buf_free(&s->body);
}

static bool over(const struct answer *a)
{
    return a->done || a->failure != FAIL_NONE;
}

/* Takes over what a decoded event says. */
static void take(struct gather *g, struct answer *a, const struct openai_delta *d)
{
    a->events++;
    a->other |= d->other;
    answer_model(a, d->model);
    if (d->reasoning_len)
        gather_add(g, ANSWER_REASONING, d->reasoning, d->reasoning_len);
    if (d->text_len)
        gather_add(g, ANSWER_TEXT, d->text, d->text_len);
    if (d->finish)
        a->finish = d->finish;
    if (d->completion_tokens >= 0 || d->prompt_tokens >= 0) {
        a->prompt_tokens = d->prompt_tokens;
        a->completion_tokens = d->completion_tokens;
        a->usage_after_finish = a->finish != FINISH_NONE;
    }
    if (d->failure) {
        a->failure = d->failure;
        memcpy(a->detail, d->detail, sizeof a->detail);
    }
    a->done |= d->done;
}

/* A delta that carries text of one part and nothing that changes from event to event. */
static bool is_plain(const struct openai_delta *d)
{
    return d->root && !d->joined && !d->finish && !d->failure && !d->other && d->completion_tokens < 0 &&
           d->prompt_tokens < 0 && (d->text_len == 0) != (d->reasoning_len == 0);
}

/* `raw`: where the event's bytes begin, NULL if they do not lie whole in this read. */
static void event(struct openai_stream *s, struct gather *g, struct answer *a, const struct sse_event *e,
                  const char *raw, const char *raw_end)
{
    size_t len;
    bool mine = s->fast.bytes && e->name_len == 0;
    if (mine && g->tokens && g->part != s->fast.part)
        g->flush(g, g->owner);
    if (mine && openai_template_data(&s->fast, e->data, e->data_len, &g->text, &len)) {
        g->part = s->fast.part;
        g->tokens++;
        a->events++;
        openai_template_widen(&s->fast, raw, (size_t)(raw_end - raw), e->data, e->data_len);
        return;
    }
    struct openai_delta d;
    if (!openai_decode(&d, e->name, e->name_len, e->data, e->data_len)) {
        a->malformed++;
        return;
    }
    take(g, a, &d);
    if (is_plain(&d) && e->name_len == 0)
        openai_template_learn(&s->fast, d.root, d.text_len ? ANSWER_TEXT : ANSWER_REASONING, raw,
                              (size_t)(raw_end - raw), e->data, e->data_len);
    openai_delta_free(&d);
}

/* As many whole events of the template as follow each other at r->p. */
static void fast_events(struct openai_stream *s, struct gather *g, struct answer *a, struct sse_read *r)
{
    size_t len;
    const char *next;
    if (!s->fast.bytes || !sse_at_start(&s->sse))
        return;
    if (g->tokens && g->part != s->fast.part)
        g->flush(g, g->owner);
    g->part = s->fast.part;
    unsigned n = 0;
    while ((next = openai_template_frame(&s->fast, r->p, r->end, &g->text, &len))) {
        r->p = next;
        n++;
    }
    g->tokens += n;
    a->events += n;
}

static void feed_events(struct openai_stream *s, struct gather *g, struct answer *a, const char *p,
                        size_t len)
{
    struct sse_read r = sse_read(p, len);
    struct sse_event e;
    while (!over(a)) {
        sse_settle(&s->sse);
        fast_events(s, g, a, &r);
        const char *raw = sse_at_start(&s->sse) ? r.p : NULL;
        enum sse_next got = sse_next(&s->sse, &r, &e);
        if (got == SSE_TOO_LARGE)
            a->failure = FAIL_GARBLED;
        if (got != SSE_EVENT)
            return;
        bool whole = raw && e.data >= raw && e.data < r.p && !s->sse.skip_lf;
        event(s, g, a, &e, whole ? raw : NULL, whole ? r.p : NULL);
    }
}

/* Without a content type the first byte decides: an object is one answer, anything else a stream. */
static void guess_shape(struct openai_stream *s, const char *p, size_t len)
{
    for (size_t i = 0; i < len && s->shape == OPENAI_UNKNOWN; i++)
        if (p[i] != ' ' && p[i] != '\n' && p[i] != '\r' && p[i] != '\t')
            s->shape = p[i] == '{' ? OPENAI_WHOLE : OPENAI_EVENTS;
}

void openai_feed(struct openai_stream *s, struct gather *g, struct answer *a, const char *p, size_t len)
{
    if (over(a))
        return;
    if (s->shape == OPENAI_UNKNOWN)
        guess_shape(s, p, len);
    if (s->shape == OPENAI_EVENTS) {
        feed_events(s, g, a, p, len);
    } else if (s->body.len + len > s->max) {
        a->failure = FAIL_GARBLED;
    } else {
        buf_add(&s->body, p, len);
    }
}

static void end_events(struct openai_stream *s, struct gather *g, struct answer *a)
{
    struct sse_event e;
    if (sse_end(&s->sse, &e))
        event(s, g, a, &e, NULL, NULL);
}

void openai_end(struct openai_stream *s, struct gather *g, struct answer *a)
{
    struct openai_delta d;
    if (over(a))
        return;
    if (s->shape == OPENAI_EVENTS) {
        end_events(s, g, a);
        return;
    }
    if (!s->body.len)
        return;
    if (!openai_decode(&d, "", 0, s->body.data, s->body.len)) {
        a->malformed++;
        a->failure = FAIL_GARBLED;
        return;
    }
    take(g, a, &d);
    a->done |= a->finish != FINISH_NONE;
    openai_delta_free(&d);
}
