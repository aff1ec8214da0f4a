/* genai: see genai.h.
 *
 *     generation_end -> outcome -> request duration, always
 *                               -> time to first token, time per output token, of those that ended well
 *
 * The model is the name that was asked for and known, the provider the configured name of the upstream that
 * served; neither is taken from an upstream's answer. It refuses to count anything while tokens come. */
#include "core/genai.h"

#include <string.h>

#include "base/err.h"
#include "base/metrics.h"
#include "core/generation.h"

static const char *model_of(const struct generation *g)
{
    const char *model = g->asked_model;
    return model && *model ? model : g->node->config->upstream_default_model;
}

static const char *error_of(const struct outcome *o)
{
    if (strcmp(o->state, "complete") == 0 || strcmp(o->state, "length") == 0)
        return NULL;
    return o->error.code ? err_wire(o->error.code) : o->state;
}

void genai_ended(const struct generation *g)
{
    const struct outcome *o = &g->outcome;
    const char *error = error_of(o);
    const char *const labels[] = {"chat", g->upstream, model_of(g), error};
    metric_observe_with(METRIC_SERVER_REQUEST, labels, (uint64_t)o->total_ms * 1000);
    if (error || !g->first_text_us)
        return;
    if (g->log.epoch == 1) /* another gateway's beginning is not on our clock */
        metric_observe_with(METRIC_SERVER_FIRST_TOKEN, labels, g->first_text_us - g->accepted_us);
    if (o->completion_tokens > 1 && g->tokens > 1)
        metric_observe_with(METRIC_SERVER_PER_TOKEN, labels,
                            (g->last_text_us - g->first_text_us) / ((uint64_t)o->completion_tokens - 1));
}
