/* metrics: counters, gauges and histograms of this process, one table (metrics.def), Prometheus text out.
 * One thread writes. No allocation after the first use of a label value. */
#ifndef LASTWORD_BASE_METRICS_H
#define LASTWORD_BASE_METRICS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

enum metric {
#define X(kind, id, name, label, help) METRIC_##id,
#include "metrics.def"
#undef X
    METRIC_COUNT
};

void metric_add(enum metric m, int64_t delta); /* unlabelled counter or gauge */
void metric_set(enum metric m, int64_t value); /* unlabelled gauge */
/* `value`: of the metric's one label; copied at first use. At most limits.label_values values a metric, the
 * rest under "other". */
void metric_add_for(enum metric m, const char *value, int64_t delta);
void metric_set_for(enum metric m, const char *value, int64_t n);
void metric_observe_us(enum metric m, uint64_t us); /* histogram, microseconds in, seconds out */
void metric_observe_us_for(enum metric m, const char *value, uint64_t us); /* a histogram with a label */
/* A histogram with several: a value for each, in the table's order; NULL or "": without that label. `n` in
 * microseconds, or in tokens where the metric counts them. The limit is of combinations. */
void metric_observe_with(enum metric m, const char *const *values, uint64_t n);
/* At most so many label values a metric (limits.label_values); those that are there stay. */
void metrics_limit(size_t series);

int64_t metric_get(enum metric m, const char *value_or_null); /* for tests; a histogram gives its count */
void metrics_reset(void);                                     /* for tests */
void metrics_write(
    struct buf *out); /* Prometheus text format 0.0.4, with lastword_objects{kind} from mem.h */

#endif
