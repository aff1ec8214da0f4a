/* metrics_write: the numbers as Prometheus text, format 0.0.4. It refuses to count.
 *
 *     name_bucket{a="x",b="y",le="0.1"} 3      a label without a value is not written: to Prometheus, both
 * are one */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/metrics_inner.h"

static void add_escaped(struct buf *out, const char *s, size_t len, bool quotes)
{
    for (const char *end = s + len; s < end; s++) {
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
    add_escaped(out, help, strlen(help), false);
    buf_printf(out, "\n# TYPE %s %s\n", name, type);
}

static void add_label(struct buf *out, const char *label, size_t label_len, const char *value, size_t len)
{
    buf_add(out, label, label_len);
    buf_add_lit(out, "=\"");
    add_escaped(out, value, len, true);
    buf_add_char(out, '"');
}

/* Returns whether there was one. */
static bool add_labels(struct buf *out, const char *labels, const char *value)
{
    size_t begin = out->len;
    bool several = strchr(labels, ',') != NULL && strcmp(value, "other") != 0;
    for (const char *label = labels; *label;) {
        size_t label_len = strcspn(label, ",");
        const char *end = several ? strchr(value, METRIC_BETWEEN) : NULL;
        size_t len = end ? (size_t)(end - value) : strlen(value);
        if (out->len > begin && len)
            buf_add_char(out, ',');
        if (len || !strchr(labels, ','))
            add_label(out, label, label_len, value, len);
        label += label_len + (label[label_len] == ',');
        value += several ? len + (end != NULL) : 0;
    }
    return out->len > begin;
}

static void write_labelled(struct buf *out, const char *name, const char *label, const char *value, int64_t n)
{
    buf_printf(out, "%s{", name);
    add_labels(out, label, value);
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

/* As the scale has it: seconds, or a plain number. */
static void add_amount(struct buf *out, const struct metric_scale *scale, uint64_t n)
{
    if (scale->seconds)
        add_seconds(out, n);
    else
        buf_printf(out, "%llu", (unsigned long long)n);
}

/* "name_bucket{upstream="a",le=" or "name_sum{upstream="a"} "; `value` NULL: no label. */
static void open_sample(struct buf *out, const struct metric_row *row, const char *what, const char *value)
{
    bool bucket = strcmp(what, "_bucket") == 0;
    buf_printf(out, "%s%s", row->name, what);
    if (value || bucket)
        buf_add_char(out, '{');
    bool labels = value && add_labels(out, row->label, value);
    if (bucket)
        buf_add_str(out, labels ? ",le=\"" : "le=\"");
    else
        buf_add_str(out, value ? "} " : " ");
}

static void write_histogram(struct buf *out, const struct metric_row *row, const char *value,
                            const struct metric_histogram *h)
{
    const struct metric_scale *scale = metric_scale(row->kind);
    int64_t below = 0;
    for (size_t i = 0; i <= scale->count; i++) {
        below += h->buckets[i];
        open_sample(out, row, "_bucket", value);
        if (i < scale->count)
            add_amount(out, scale, scale->bounds[i]);
        else
            buf_add_lit(out, "+Inf");
        buf_printf(out, "\"} %lld\n", (long long)below);
    }
    open_sample(out, row, "_sum", value);
    add_amount(out, scale, h->sum);
    buf_add_char(out, '\n');
    open_sample(out, row, "_count", value);
    buf_printf(out, "%lld\n", (long long)below);
}

static void write_series(struct buf *out, const struct metric_row *row, struct metric_series *s)
{
    if (row->kind >= METRIC_KIND_HISTOGRAM)
        write_histogram(out, row, s->value, metric_histogram_of(s));
    else
        write_labelled(out, row->name, row->label, s->value, s->n);
}

static const char *type_of(const struct metric_row *row)
{
    return row->kind == METRIC_KIND_COUNTER ? "counter"
           : row->kind == METRIC_KIND_GAUGE ? "gauge"
                                            : "histogram";
}

static void write_metric(struct buf *out, enum metric m)
{
    const struct metric_row *row = &metric_rows[m];
    struct metric_family *f = &metric_families[m];
    write_head(out, row->name, type_of(row), row->help);
    if (row->label[0]) {
        for (size_t i = 0; i < f->count; i++)
            write_series(out, row, &f->series[i]);
    } else if (row->kind >= METRIC_KIND_HISTOGRAM) {
        write_histogram(out, row, NULL, &metric_histograms[m]);
    } else {
        buf_printf(out, "%s %lld\n", row->name, (long long)metric_plain[m]);
    }
}

void metrics_write(struct buf *out)
{
    metrics_show_known();
    for (int m = 0; m < METRIC_COUNT; m++)
        write_metric(out, (enum metric)m);
    write_head(out, "lastword_objects", "gauge", "Objects of the gateway alive, by kind.");
    for (int k = 0; k < MEM_KINDS; k++)
        write_labelled(out, "lastword_objects", "kind", mem_kind_name((enum mem_kind)k),
                       mem_alive((enum mem_kind)k));
}
