/* metrics: the numbers of metrics.def, kept in plain arrays.
 *
 *     METRIC_X --- no label ---> plain[X]
 *              --- labels ----> families[X].series[] (interned; the last one found is tried first)
 *              --- histogram -> histograms[X], or the series' own: buckets and sum
 *
 *     metrics_scale.c has the buckets, metrics_write.c the text.
 *
 * It refuses to know what a number means, and to hold a label value of a peer. */
#include "base/metrics.h"

#include <stdbool.h>
#include <string.h>

#include "base/mem.h"
#include "base/metrics_inner.h"

const struct metric_row metric_rows[METRIC_COUNT] = {
#define X(kind, id, name, label, help) [METRIC_##id] = {METRIC_KIND_##kind, name, label, help},
#include "base/metrics.def"
#undef X
};

/* Label values that are shown before they are first counted: what is not there cannot be told from what is
 * named otherwise. Those of upstreams are given by the upstream room. */
static const struct {
    enum metric metric;
    const char *values[8];
} known[] = {
    {METRIC_GENERATIONS, {"recording", "queued", "running", "ending", "done"}},
    {METRIC_GENERATIONS_DONE, {"complete", "length", "filtered", "cancelled", "truncated", "error"}},
    {METRIC_RESUMES, {"agreed", "diverged", "history", "gone", "not_found"}},
    {METRIC_REWINDS, {"restarted", "diverged"}},
    {METRIC_TAKEOVERS, {"fresh", "prefix", "restart", "reattach"}},
};

#define OTHER "other"
#define KEY_MAX 1024

static size_t series_max = 256;

int64_t metric_plain[METRIC_COUNT];
struct metric_family metric_families[METRIC_COUNT];
struct metric_histogram metric_histograms[METRIC_COUNT];

void metrics_limit(size_t series)
{
    series_max = series;
}

void metric_add(enum metric m, int64_t delta)
{
    metric_plain[m] += delta;
}

void metric_set(enum metric m, int64_t value)
{
    metric_plain[m] = value;
}

static struct metric_series *find(struct metric_family *f, const char *value)
{
    if (f->last < f->count && strcmp(f->series[f->last].value, value) == 0)
        return &f->series[f->last];
    for (size_t i = 0; i < f->count; i++)
        if (strcmp(f->series[i].value, value) == 0) {
            f->last = i;
            return &f->series[i];
        }
    return NULL;
}

static struct metric_series *add_series(struct metric_family *f, const char *value)
{
    if (f->count == f->room) {
        f->room = f->room ? f->room * 2 : 8;
        f->series = mem_realloc(f->series, f->room * sizeof *f->series);
    }
    struct metric_series *s = &f->series[f->count++];
    *s = (struct metric_series){.value = mem_strdup(value)};
    return s;
}

static struct metric_series *intern(enum metric m, const char *value)
{
    struct metric_family *f = &metric_families[m];
    struct metric_series *s = find(f, value);
    if (!s && f->count >= series_max)
        s = find(f, value = OTHER);
    return s ? s : add_series(f, value);
}

void metric_add_for(enum metric m, const char *value, int64_t delta)
{
    intern(m, value)->n += delta;
}

void metric_set_for(enum metric m, const char *value, int64_t n)
{
    intern(m, value)->n = n;
}

void metric_observe_us(enum metric m, uint64_t us)
{
    metric_scale_observe(metric_rows[m].kind, &metric_histograms[m], us);
    metric_plain[m]++;
}

struct metric_histogram *metric_histogram_of(struct metric_series *s)
{
    if (!s->histogram)
        s->histogram = mem_alloc(sizeof *s->histogram);
    return s->histogram;
}

void metric_observe_us_for(enum metric m, const char *value, uint64_t us)
{
    struct metric_series *s = intern(m, value);
    metric_scale_observe(metric_rows[m].kind, metric_histogram_of(s), us);
    s->n++;
}

/* Names that an upstream gives its models may hold anything; no value may reach into the next. */
static char plain_char(char c)
{
    return (unsigned char)c < 0x20 ? '?' : c;
}

void metric_observe_with(enum metric m, const char *const *values, uint64_t n)
{
    char key[KEY_MAX];
    size_t len = 0, commas = 0;
    for (const char *c = metric_rows[m].label; *c; c++)
        commas += *c == ',';
    for (size_t i = 0; i <= commas; i++) {
        for (const char *c = values[i] ? values[i] : ""; *c && len < sizeof key - 1; c++)
            key[len++] = plain_char(*c);
        if (i < commas && len < sizeof key - 1)
            key[len++] = METRIC_BETWEEN;
    }
    key[len] = '\0';
    metric_observe_us_for(m, len < sizeof key - 1 ? key : OTHER, n);
}

int64_t metric_get(enum metric m, const char *value)
{
    if (!metric_rows[m].label[0])
        return metric_plain[m];
    const struct metric_family *f = &metric_families[m];
    int64_t total = 0;
    for (size_t i = 0; i < f->count; i++)
        if (!value || strcmp(f->series[i].value, value) == 0)
            total += f->series[i].n;
    return total;
}

void metrics_reset(void)
{
    for (int m = 0; m < METRIC_COUNT; m++) {
        for (size_t i = 0; i < metric_families[m].count; i++) {
            mem_free(metric_families[m].series[i].value);
            mem_free(metric_families[m].series[i].histogram);
        }
        mem_free(metric_families[m].series);
    }
    memset(metric_plain, 0, sizeof metric_plain);
    memset(metric_families, 0, sizeof metric_families);
    memset(metric_histograms, 0, sizeof metric_histograms);
    series_max = 256;
}

void metrics_show_known(void)
{
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        for (const char *const *value = known[i].values; *value; value++)
            intern(known[i].metric, *value);
}
