/* site: see site.h.
 *
 * Two circuits stand before a request: the upstream's, which only failures to reach it open, and the
 * model's, which failures in serving open. So one broken model does not take its healthy neighbours along. */
#include "upstream/site.h"

#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/metrics.h"

#define CIRCUITS_MAX 256
#define MODELS_MAX 1024
#define PROBE_SITE 1u
#define PROBE_MODEL 2u

/* Its counts are there, at zero, before there is something to count. */
static void show_counts(const struct site *s)
{
    static const enum metric counts[] = {METRIC_UPSTREAM_REQUESTS,  METRIC_UPSTREAM_FAILURES,
                                         METRIC_UPSTREAM_RETRIES,   METRIC_UPSTREAM_FALLBACKS,
                                         METRIC_UPSTREAM_MALFORMED, METRIC_UPSTREAM_KEY_RESTS,
                                         METRIC_UPSTREAM_RUNNING,   METRIC_UPSTREAM_FIRST_BYTE};
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++)
        metric_add_for(counts[i], s->name, 0);
    metric_set_for(METRIC_UPSTREAM_OPEN, s->name, 0);
}

struct site *site_new(const struct config_upstream *u, const struct breaker_limits *limits)
{
    struct site *s = mem_alloc(sizeof *s);
    s->name = mem_strdup(u->name);
    s->url = mem_strdup(u->url);
    s->dialect = dialect_find(u->dialect);
    s->continuation = u->continuation;
    s->keys.count = (unsigned)u->more_keys.count + 1;
    s->max_tokens = u->max_tokens;
    s->first_token_ms = u->first_token_ms;
    s->between_tokens_ms = u->between_tokens_ms;
    s->limits = *limits;
    s->refs = 1;
    list_init(&s->circuits);
    s->asks = u->models.count == 0;
    if (!s->asks)
        site_set_models(s, u->models.items, u->models.count);
    show_counts(s);
    return s;
}

void site_hold(struct site *s)
{
    s->refs++;
}

static void forget_models(struct site *s)
{
    for (size_t i = 0; i < s->model_count; i++)
        mem_free(s->models[i]);
    mem_free(s->models);
    s->models = NULL;
    s->model_count = 0;
}

void site_drop(struct site *s)
{
    if (--s->refs)
        return;
    for (unsigned i = 0; i < s->keys.count; i++)
        if (s->wires[i] && s->close_wire)
            s->close_wire(s->wires[i]);
    list_each_safe (n, next, &s->circuits) {
        struct circuit *c = list_entry(n, struct circuit, node);
        mem_free(c->model);
        mem_free(c);
    }
    forget_models(s);
    mem_free(s->name);
    mem_free(s->url);
    mem_free(s);
}

void site_set_models(struct site *s, const char *const *names, size_t count)
{
    forget_models(s);
    s->models = mem_alloc((count ? count : 1) * sizeof *s->models);
    for (size_t i = 0; i < count; i++)
        s->models[s->model_count++] = mem_strdup(names[i]);
    s->models_known = true;
}

bool site_parse_models(struct site *s, const char *body, size_t len)
{
    json_t *root = json_loadb(body, len, 0, NULL);
    const json_t *data = json_object_get(root, "data");
    bool ok = json_is_array(data);
    const char *names[MODELS_MAX];
    size_t count = 0, i;
    json_t *model;
    json_array_foreach((json_t *)data, i, model)
    {
        const char *id = json_string_value(json_object_get(model, "id"));
        if (id && *id && strlen(id) < 256 && count < MODELS_MAX)
            names[count++] = id;
    }
    if (ok)
        site_set_models(s, names, count);
    json_decref(root);
    return ok;
}

/* ------------------------------------------------------------ circuits */

static struct breaker *circuit(const struct site *s, const char *model)
{
    list_each (n, &s->circuits) {
        struct circuit *c = list_entry(n, struct circuit, node);
        if (!strcmp(c->model, model))
            return &c->breaker;
    }
    return NULL;
}

static struct breaker *circuit_make(struct site *s, const char *model)
{
    struct breaker *b = circuit(s, model);
    if (b || s->circuit_count >= CIRCUITS_MAX)
        return b;
    struct circuit *c = mem_alloc(sizeof *c);
    c->model = mem_strdup(model);
    list_add_tail(&s->circuits, &c->node);
    s->circuit_count++;
    return &c->breaker;
}

static void show(const struct site *s)
{
    bool open = s->breaker.state != BREAKER_CLOSED;
    list_each (n, &s->circuits) {
        open |= list_entry(n, struct circuit, node)->breaker.state != BREAKER_CLOSED;
    }
    metric_set_for(METRIC_UPSTREAM_OPEN, s->name, open);
}

int64_t site_wait(const struct site *s, const char *model, uint64_t now_ms)
{
    const struct breaker *b = circuit(s, model);
    int64_t all = breaker_wait(&s->breaker, now_ms), one = b ? breaker_wait(b, now_ms) : 0;
    return all > one ? all : one;
}

unsigned site_enter(struct site *s, const char *model, uint64_t now_ms)
{
    struct breaker *b = circuit(s, model);
    unsigned probe = breaker_enter(&s->breaker, now_ms) ? PROBE_SITE : 0;
    if (b && breaker_enter(b, now_ms))
        probe |= PROBE_MODEL;
    return probe;
}

void site_ok(struct site *s, const char *model)
{
    struct breaker *b = circuit(s, model);
    bool changed = s->breaker.state != BREAKER_CLOSED || (b && b->state != BREAKER_CLOSED);
    breaker_ok(&s->breaker);
    if (b)
        breaker_ok(b);
    if (changed)
        show(s);
}

void site_failed(struct site *s, const char *model, enum breaker_scope scope, uint64_t now_ms)
{
    struct breaker *b = scope == BREAKER_MODEL ? circuit_make(s, model) : circuit(s, model);
    if (scope == BREAKER_NONE) { /* it answers; it only does not want this request */
        site_ok(s, model);
        return;
    }
    if (scope == BREAKER_MODEL) {
        breaker_ok(&s->breaker);
        if (b)
            breaker_failed(b, &s->limits, now_ms);
    } else {
        breaker_failed(&s->breaker, &s->limits, now_ms);
        if (b)
            breaker_forget(b);
    }
    show(s);
}

bool site_key_failed(struct site *s, unsigned key, enum failure f, int64_t retry_after_ms, uint64_t now_ms)
{
    int64_t ms = keys_failed(&s->keys, key, f, retry_after_ms, now_ms);
    if (!ms)
        return false;
    metric_add_for(METRIC_UPSTREAM_KEY_RESTS, s->name, 1);
    log_warn("upstream.key.rests", LF_STR("upstream", s->name), LF_INT("key", key + 1), LF_INT("ms", ms),
             LF_STR("reason", failure_row(f)->name));
    return keys_fresh(&s->keys, now_ms);
}

void site_forget(struct site *s, const char *model, unsigned probe)
{
    struct breaker *b = circuit(s, model);
    if (probe & PROBE_SITE)
        breaker_forget(&s->breaker);
    if (b && (probe & PROBE_MODEL))
        breaker_forget(b);
}
