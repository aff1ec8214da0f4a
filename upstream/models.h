/* models: asks upstreams that have no list of models in the configuration for theirs: GET <base>/models.
 *
 *     due -> transport -> body -> site_parse_models -> changed()        failed: again soon, then less soon
 *
 * Time is handed in. A list once known stays until a newer one is. */
#ifndef LASTWORD_UPSTREAM_MODELS_H
#define LASTWORD_UPSTREAM_MODELS_H

#include <stdint.h>

#include "base/list.h"
#include "upstream/site.h"

struct models {
    struct list askers;
    uint64_t (*now_us)(void *clock);
    void *clock;
    int64_t refresh_ms;
    void (*changed)(void *ctx); /* a site's models are known, or others now */
    void *ctx;
};

void models_init(struct models *m, uint64_t (*now_us)(void *), void *clock, void (*changed)(void *),
                 void *ctx);
void models_add(struct models *m, struct site *s); /* holds s; asks at the next tick */
void models_clear(struct models *m);               /* asks nobody any more */
void models_tick(struct models *m);
uint64_t models_next_ms(const struct models *m); /* TIMER_NEVER: nothing to do */

#endif
