/* metrics_scale: the buckets of histograms. Ours are fine, because we are; those of gen_ai_* are what the
 * OpenTelemetry conventions for generative AI say, so that gateways and model servers can be drawn in one
 * picture. It refuses to be configured. */
#include "base/metrics_inner.h"

/* 100 us to 600 s. */
static const uint64_t own[] = {100,     250,      500,      1000,     2500,      5000,      10000,
                               25000,   50000,    100000,   250000,   500000,    1000000,   2500000,
                               5000000, 10000000, 30000000, 60000000, 120000000, 300000000, 600000000};
static const uint64_t first[] = {1000,   5000,   10000,  20000,   40000,   60000,   80000,   100000,
                                 250000, 500000, 750000, 1000000, 2500000, 5000000, 7500000, 10000000};
static const uint64_t per_token[] = {10000,  25000,  50000,  75000,  100000,  150000, 200000,
                                     300000, 400000, 500000, 750000, 1000000, 2500000};
static const uint64_t whole[] = {10000,   20000,   40000,   80000,    160000,   320000,   640000,
                                 1280000, 2560000, 5120000, 10240000, 20480000, 40960000, 81920000};
static const uint64_t tokens[] = {1,     4,     16,     64,      256,     1024,     4096,
                                  16384, 65536, 262144, 1048576, 4194304, 16777216, 67108864};

#define SCALE(bounds, seconds)                                                                               \
    {                                                                                                        \
        bounds, sizeof(bounds) / sizeof *(bounds), seconds                                                   \
    }
static const struct metric_scale scales[METRIC_KINDS] = {
    [METRIC_KIND_HISTOGRAM] = SCALE(own, true),
    [METRIC_KIND_HISTOGRAM_FIRST] = SCALE(first, true),
    [METRIC_KIND_HISTOGRAM_PER_TOKEN] = SCALE(per_token, true),
    [METRIC_KIND_HISTOGRAM_WHOLE] = SCALE(whole, true),
    [METRIC_KIND_HISTOGRAM_TOKENS] = SCALE(tokens, false),
};
_Static_assert(sizeof own / sizeof *own <= METRIC_BOUNDS_MAX, "the longest scale");

const struct metric_scale *metric_scale(enum metric_kind kind)
{
    return &scales[kind];
}

/* Our own scale is asked once a token: by the highest bit of the value, the first bucket that can hold it. At
 * most two more to look at. */
static size_t start_at(enum metric_kind kind, uint64_t n)
{
    static const uint8_t by_bits[] = {0, 0, 0,  0,  0,  0,  0,  0,  1,  2,  3,  4,  4,  5,  6, 7,
                                      8, 9, 10, 11, 12, 13, 13, 14, 15, 16, 17, 18, 19, 19, 20};
    if (kind != METRIC_KIND_HISTOGRAM)
        return 0;
    size_t bits = n ? 64 - (size_t)__builtin_clzll(n) : 0;
    return bits < sizeof by_bits ? by_bits[bits] : scales[kind].count;
}

void metric_scale_observe(enum metric_kind kind, struct metric_histogram *h, uint64_t n)
{
    const struct metric_scale *scale = &scales[kind];
    size_t bucket = start_at(kind, n);
    while (bucket < scale->count && n > scale->bounds[bucket])
        bucket++;
    h->buckets[bucket]++;
    h->sum += n;
}
