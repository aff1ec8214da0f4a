/* Counters and distributions of the load client. See load.h. */
#include "load.h"

#include <stdio.h>
#include <string.h>

enum { STEPS = 32, SHOWN = 5 };
struct stat stat_now;

void hist_add(struct hist *h, uint64_t ns)
{
    unsigned top = ns < STEPS ? 0 : (unsigned)(63 - __builtin_clzll(ns)) - 4;
    h->slot[top ? top * STEPS + (ns >> (top - 1)) - STEPS : ns]++;
    h->n++;
    if (ns > h->max)
        h->max = ns;
}

/* The upper edge of the slot that holds this share of the samples, in microseconds. */
static double quantile(const struct hist *h, double share)
{
    uint64_t want = (uint64_t)((double)h->n * share), seen = 0;
    for (size_t i = 0; i < sizeof h->slot / sizeof *h->slot; i++) {
        seen += h->slot[i];
        if (seen > want) {
            size_t top = i / STEPS;
            double low = top ? (double)((uint64_t)(i % STEPS + STEPS) << (top - 1)) : (double)i;
            double step = top ? (double)(1ull << (top - 1)) : 1;
            return (low + step / 2) / 1000;
        }
    }
    return (double)h->max / 1000;
}

static void print_hist(const char *name, const struct hist *h)
{
    printf(",\"%s\":{\"n\":%llu,\"p50\":%.1f,\"p99\":%.1f,\"p999\":%.1f,\"max\":%.1f}", name,
           (unsigned long long)h->n, quantile(h, 0.5), quantile(h, 0.99), quantile(h, 0.999),
           (double)h->max / 1000);
}

void stat_reset(void)
{
    memset(&stat_now, 0, sizeof stat_now);
    stat_now.since_ns = now_ns();
}

void stat_report(size_t running)
{
    const struct stat *s = &stat_now;
    printf("{\"seconds\":%.6f,\"bytes\":%llu,\"tokens\":%llu,\"frames\":%llu,\"reads\":%llu,"
           "\"answers\":%llu,\"errors\":%llu,\"running\":%zu",
           (double)(now_ns() - s->since_ns) / 1e9, (unsigned long long)s->bytes,
           (unsigned long long)(s->bytes / opt.token_size), (unsigned long long)s->frames,
           (unsigned long long)s->reads, (unsigned long long)s->answers, (unsigned long long)s->errors,
           running);
    print_hist("token_us", &s->token);
    print_hist("first_us", &s->first);
    printf("}\n");
    fflush(stdout);
}

void stat_error(const char *what, const char *detail, size_t len)
{
    static unsigned shown;
    stat_now.errors++;
    if (shown++ < SHOWN)
        fprintf(stderr, "bench_load: %s: %.*s\n", what, len > 300 ? 300 : (int)len, detail);
}
