/* measure: what one attempt at an upstream was like, in the OpenTelemetry conventions for generative AI
 * (gen_ai_client_*). Once an attempt, at its end; the model is as the route names it to that upstream, never
 * as the answer says. It refuses to judge: why an attempt failed is told to it. */
#include "base/metrics.h"
#include "upstream/call_inner.h"

static void count_tokens(struct call *c, const char *type, int64_t tokens)
{
    const struct target *t = call_target(c);
    const char *const labels[] = {"chat", t->site->name, t->model, type};
    if (tokens > 0)
        metric_observe_with(METRIC_CLIENT_TOKENS, labels, (uint64_t)tokens);
}

void attempt_measure(struct call *c, const char *error)
{
    const struct target *t = call_target(c);
    const char *const labels[] = {"chat", t->site->name, t->model, error};
    if (!c->try.running || c->try.measured)
        return;
    c->try.measured = true;
    metric_observe_with(METRIC_CLIENT_OPERATION, labels, c->set->now_us(c->set->clock) - c->try.began_us);
    count_tokens(c, "input", c->try.answer.prompt_tokens);
    count_tokens(c, "output", attempt_cost(c));
}
