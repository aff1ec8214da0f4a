/* genai: what an answer was like to its client, in the OpenTelemetry conventions for generative AI.
 * gen_ai_client_* (what the upstreams were like to us) is counted where they are asked. */
#ifndef LASTWORD_CORE_GENAI_H
#define LASTWORD_CORE_GENAI_H

struct generation;

/* Its outcome stands: counts it. Once, at the end: the token path does nothing for it. */
void genai_ended(const struct generation *g);

#endif
