/* metrics_inner: what counting (metrics.c), buckets (metrics_scale.c) and writing (metrics_write.c) share.
 * Nobody else includes it. */
#ifndef LASTWORD_BASE_METRICS_INNER_H
#define LASTWORD_BASE_METRICS_INNER_H

#include <stddef.h>

#include "base/metrics.h"

/* The kinds of metrics.def. All from HISTOGRAM on are histograms; each has its scale. */
enum metric_kind {
    METRIC_KIND_COUNTER,
    METRIC_KIND_GAUGE,
    METRIC_KIND_HISTOGRAM,           /* our own: 100 us to 600 s */
    METRIC_KIND_HISTOGRAM_FIRST,     /* the conventions': time to the first token */
    METRIC_KIND_HISTOGRAM_PER_TOKEN, /* time per output token */
    METRIC_KIND_HISTOGRAM_WHOLE,     /* a request, or an operation */
    METRIC_KIND_HISTOGRAM_TOKENS,    /* a number of tokens */
    METRIC_KINDS
};

struct metric_scale {
    const uint64_t *bounds; /* upper ones, in microseconds or in tokens */
    size_t count;
    bool seconds; /* written as seconds; otherwise as they are */
};

struct metric_row {
    enum metric_kind kind;
    const char *name, *label, *help; /* label: names with commas between; "" for none */
};

#define METRIC_BOUNDS_MAX 24
#define METRIC_BETWEEN '\x1f' /* between the values of a series with several labels */

struct metric_histogram {
    int64_t buckets[METRIC_BOUNDS_MAX + 1]; /* not cumulative; the one after the last bound is +Inf */
    uint64_t sum;
};

struct metric_series {
    int64_t n;
    char *value;                        /* owned; several: METRIC_BETWEEN between them */
    struct metric_histogram *histogram; /* owned; of a histogram */
};

struct metric_family {
    struct metric_series *series; /* owned */
    size_t count, room, last;
};

extern const struct metric_row metric_rows[METRIC_COUNT];
extern int64_t metric_plain[METRIC_COUNT];
extern struct metric_family metric_families[METRIC_COUNT];
extern struct metric_histogram metric_histograms[METRIC_COUNT];

const struct metric_scale *metric_scale(enum metric_kind kind); /* of a histogram */
void metric_scale_observe(enum metric_kind kind, struct metric_histogram *h, uint64_t n);

struct metric_histogram *metric_histogram_of(struct metric_series *s); /* made at first use */
void metrics_show_known(void); /* the label values that a table knows: there, at zero */

#endif
