/* metrics: the numbers of metrics.def, kept in plain arrays and written as Prometheus text.
 *
 *     METRIC_X --- no label ---> plain[X]
 *              --- label -----> families[X].series[] (interned; the last one found is tried first)
 *              --- seconds ---> histograms[X], or the series' own: buckets and sum
 *
 * It refuses to know what a number means, and to hold a label value of a peer. */
#include "base/metrics.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"

enum kind { COUNTER, GAUGE, HISTOGRAM };

struct row {
    enum kind kind;
    const char *name, *label, *help;
};

static const struct row rows[METRIC_COUNT] = {
#define X(kind, id, name, label, help) [METRIC_##id] = {kind, name, label, help},
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
};

#define VALUES_MAX 256
#define OTHER "other"

struct series {
    int64_t n;
    char *value;                 /* owned */
    struct histogram *histogram; /* owned; of a HISTOGRAM */
};

struct family {
    struct series *series; /* owned; room for VALUES_MAX + 1 from the first use on */
    size_t count, last;
};

/* Upper bounds in microseconds: 100 us to 600 s. */
static const uint64_t bounds[] = {100,     250,      500,      1000,     2500,      5000,      10000,
                                  25000,   50000,    100000,   250000,   500000,    1000000,   2500000,
                                  5000000, 10000000, 30000000, 60000000, 120000000, 300000000, 600000000};
#define BOUNDS (sizeof bounds / sizeof *bounds)

struct histogram {
    int64_t buckets[BOUNDS + 1]; /* not cumulative; the last one is +Inf */
    uint64_t sum_us;
};

static int64_t plain[METRIC_COUNT];
static struct family families[METRIC_COUNT];
static struct histogram histograms[METRIC_COUNT];

void metric_add(enum metric m, int64_t delta)
{
    plain[m] += delta;
}

void metric_set(enum metric m, int64_t value)
{
    plain[m] = value;
}

static struct series *find(struct family *f, const char *value)
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

static struct series *intern(struct family *f, const char *value)
{
    struct series *s = find(f, value);
    if (s)
        return s;
    if (!f->series)
        f->series = mem_alloc((VALUES_MAX + 1) * sizeof *f->series);
    if (f->count >= VALUES_MAX) {
        value = OTHER;
        s = find(f, value);
        if (s)
            return s;
    }
    s = &f->series[f->count++];
    s->value = mem_strdup(value);
    return s;
}

void metric_add_for(enum metric m, const char *value, int64_t delta)
{
    intern(&families[m], value)->n += delta;
}

void metric_set_for(enum metric m, const char *value, int64_t n)
{
    intern(&families[m], value)->n = n;
}

/* By the highest bit of the value: the first bucket that can hold it. At most two more to look at, and this
 * runs once a token. */
static size_t bucket_of(uint64_t us)
{
    static const uint8_t first[] = {0, 0, 0,  0,  0,  0,  0,  0,  1,  2,  3,  4,  4,  5,  6, 7,
                                    8, 9, 10, 11, 12, 13, 13, 14, 15, 16, 17, 18, 19, 19, 20};
    size_t bits = us ? 64 - (size_t)__builtin_clzll(us) : 0;
    size_t bucket = bits < sizeof first ? first[bits] : BOUNDS;
    while (bucket < BOUNDS && us > bounds[bucket])
        bucket++;
    return bucket;
}

static void observe(struct histogram *h, uint64_t us)
{
    h->buckets[bucket_of(us)]++;
    h->sum_us += us;
}

void metric_observe_us(enum metric m, uint64_t us)
{
    observe(&histograms[m], us);
    plain[m]++;
}

static struct histogram *histogram_of(struct series *s)
{
    if (!s->histogram)
        s->histogram = mem_alloc(sizeof *s->histogram);
    return s->histogram;
}

void metric_observe_us_for(enum metric m, const char *value, uint64_t us)
{
    struct series *s = intern(&families[m], value);
    observe(histogram_of(s), us);
    s->n++;
}

int64_t metric_get(enum metric m, const char *value)
{
    if (!rows[m].label[0])
        return plain[m];
    int64_t total = 0;
    for (size_t i = 0; i < families[m].count; i++)
        if (!value || strcmp(families[m].series[i].value, value) == 0)
            total += families[m].series[i].n;
    return total;
}

void metrics_reset(void)
{
    for (int m = 0; m < METRIC_COUNT; m++) {
        for (size_t i = 0; i < families[m].count; i++) {
            mem_free(families[m].series[i].value);
            mem_free(families[m].series[i].histogram);
        }
        mem_free(families[m].series);
    }
    memset(plain, 0, sizeof plain);
    memset(families, 0, sizeof families);
    memset(histograms, 0, sizeof histograms);
}

static void add_escaped(struct buf *out, const char *s, bool quotes)
{
    for (; *s; s++) {
        if (*s == '\n')
            buf_add_lit(out, "\\n");
        else if (*s == '\\')
            buf_add_lit(out, "\\\\");
        else if (*s == '"' && quotes)
            buf_add_lit(out, "\\\"");
        else
            buf_add_char(out, *s);
    }
}

static void write_head(struct buf *out, const char *name, const char *type, const char *help)
{
    buf_printf(out, "# HELP %s ", name);
    add_escaped(out, help, false);
    buf_printf(out, "\n# TYPE %s %s\n", name, type);
}

static void add_label(struct buf *out, const char *label, const char *value)
{
    buf_printf(out, "%s=\"", label);
    add_escaped(out, value, true);
    buf_add_char(out, '"');
}

static void write_labelled(struct buf *out, const char *name, const char *label, const char *value, int64_t n)
{
    buf_printf(out, "%s{", name);
    add_label(out, label, value);
    buf_add_lit(out, "} ");
    buf_add_i64(out, n);
    buf_add_char(out, '\n');
}

static void add_seconds(struct buf *out, uint64_t us)
{
    char text[32];
    int n = snprintf(text, sizeof text, "%llu.%06llu", (unsigned long long)(us / 1000000),
                     (unsigned long long)(us % 1000000));
    while (text[n - 1] == '0')
        n--;
    if (text[n - 1] == '.')
        n--;
    buf_add(out, text, (size_t)n);
}

/* "name_bucket{upstream="a",le=" or "name_sum{upstream="a"} "; `value` NULL: no label. */
static void open_sample(struct buf *out, const struct row *row, const char *what, const char *value)
{
    bool bucket = strcmp(what, "_bucket") == 0;
    buf_printf(out, "%s%s", row->name, what);
    if (value || bucket)
        buf_add_char(out, '{');
    if (value)
        add_label(out, row->label, value);
    if (bucket)
        buf_add_str(out, value ? ",le=\"" : "le=\"");
    else
        buf_add_str(out, value ? "} " : " ");
}

static void write_histogram(struct buf *out, const struct row *row, const char *value,
                            const struct histogram *h)
{
    int64_t below = 0;
    for (size_t i = 0; i <= BOUNDS; i++) {
        below += h->buckets[i];
        open_sample(out, row, "_bucket", value);
        if (i < BOUNDS)
            add_seconds(out, bounds[i]);
        else
            buf_add_lit(out, "+Inf");
        buf_printf(out, "\"} %lld\n", (long long)below);
    }
    open_sample(out, row, "_sum", value);
    add_seconds(out, h->sum_us);
    buf_add_char(out, '\n');
    open_sample(out, row, "_count", value);
    buf_printf(out, "%lld\n", (long long)below);
}

static void write_series(struct buf *out, const struct row *row, struct series *s)
{
    if (row->kind == HISTOGRAM)
        write_histogram(out, row, s->value, histogram_of(s));
    else
        write_labelled(out, row->name, row->label, s->value, s->n);
}

static void write_metric(struct buf *out, enum metric m)
{
    static const char *const types[] = {"counter", "gauge", "histogram"};
    const struct row *row = &rows[m];
    write_head(out, row->name, types[row->kind], row->help);
    if (row->label[0]) {
        for (size_t i = 0; i < families[m].count; i++)
            write_series(out, row, &families[m].series[i]);
    } else if (row->kind == HISTOGRAM) {
        write_histogram(out, row, NULL, &histograms[m]);
    } else {
        buf_printf(out, "%s %lld\n", row->name, (long long)plain[m]);
    }
}

static void show_known(void)
{
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        for (const char *const *value = known[i].values; *value; value++)
            intern(&families[known[i].metric], *value);
}

void metrics_write(struct buf *out)
{
    show_known();
    for (int m = 0; m < METRIC_COUNT; m++)
        write_metric(out, (enum metric)m);
    write_head(out, "lastword_objects", "gauge", "Objects of the gateway alive, by kind.");
    for (int k = 0; k < MEM_KINDS; k++)
        write_labelled(out, "lastword_objects", "kind", mem_kind_name((enum mem_kind)k),
                       mem_alive((enum mem_kind)k));
}
