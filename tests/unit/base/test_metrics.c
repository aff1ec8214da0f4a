/* metrics: sums, labels, buckets, and the text as Prometheus reads it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/metrics.h"

static int reset(void **state)
{
    (void)state;
    metrics_reset();
    return 0;
}

/* The text after `prefix` at a line's beginning; the test fails where it is not. */
static double value_of(struct buf *text, const char *prefix)
{
    size_t len = strlen(prefix);
    for (char *line = buf_cstr(text); line && *line;
         line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL)
        if (strncmp(line, prefix, len) == 0)
            return strtod(line + len, NULL);
    fail_msg("no line %s", prefix);
    return 0;
}

static void plain_values(void **state)
{
    (void)state;
    metric_add(METRIC_TOKENS, 3);
    metric_add(METRIC_TOKENS, 4);
    metric_set(METRIC_SESSIONS, 9);
    metric_add(METRIC_SESSIONS, -2);
    assert_int_equal(metric_get(METRIC_TOKENS, NULL), 7);
    assert_int_equal(metric_get(METRIC_SESSIONS, NULL), 7);
    struct buf text = {0};
    metrics_write(&text);
    assert_int_equal((int)value_of(&text, "lastword_tokens_total "), 7);
    assert_int_equal((int)value_of(&text, "lastword_sessions "), 7);
    buf_free(&text);
}

static void labels_are_interned(void **state)
{
    (void)state;
    char name[8] = "one";
    metric_add_for(METRIC_RESUMES, name, 1);
    strcpy(name, "two"); /* the same address, another value */
    metric_add_for(METRIC_RESUMES, name, 10);
    metric_add_for(METRIC_RESUMES, "one", 1);
    metric_set_for(METRIC_UPSTREAM_OPEN, "a\"b\\c\nd", 1);
    assert_int_equal(metric_get(METRIC_RESUMES, "one"), 2);
    assert_int_equal(metric_get(METRIC_RESUMES, "two"), 10);
    assert_int_equal(metric_get(METRIC_RESUMES, "three"), 0);
    assert_int_equal(metric_get(METRIC_RESUMES, NULL), 12);
    struct buf text = {0};
    metrics_write(&text);
    assert_int_equal((int)value_of(&text, "lastword_resumes_total{result=\"two\"} "), 10);
    assert_int_equal((int)value_of(&text, "lastword_upstream_circuit_open{upstream=\"a\\\"b\\\\c\\nd\"} "),
                     1);
    buf_free(&text);
}

static void too_many_values_share_other(void **state)
{
    (void)state;
    char name[16];
    for (int i = 0; i < 1000; i++) {
        snprintf(name, sizeof name, "v%d", i);
        metric_add_for(METRIC_CLOSES, name, 1);
    }
    metric_add_for(METRIC_CLOSES, "v0", 1);
    assert_int_equal(metric_get(METRIC_CLOSES, "v0"), 2);
    assert_int_equal(metric_get(METRIC_CLOSES, "v255"), 1);
    assert_int_equal(metric_get(METRIC_CLOSES, "v256"), 0);
    assert_int_equal(metric_get(METRIC_CLOSES, "other"), 1000 - 256);
    assert_int_equal(metric_get(METRIC_CLOSES, NULL), 1001);
}

static void buckets_include_their_bound(void **state)
{
    (void)state;
    metric_observe_us(METRIC_FIRST_TOKEN, 0);
    metric_observe_us(METRIC_FIRST_TOKEN, 100);
    metric_observe_us(METRIC_FIRST_TOKEN, 101);
    metric_observe_us(METRIC_FIRST_TOKEN, 1500000);
    metric_observe_us(METRIC_FIRST_TOKEN, 600000001);
    assert_int_equal(metric_get(METRIC_FIRST_TOKEN, NULL), 5);
    struct buf text = {0};
    metrics_write(&text);
    assert_int_equal((int)value_of(&text, "lastword_first_token_seconds_bucket{le=\"0.0001\"} "), 2);
    assert_int_equal((int)value_of(&text, "lastword_first_token_seconds_bucket{le=\"0.00025\"} "), 3);
    assert_int_equal((int)value_of(&text, "lastword_first_token_seconds_bucket{le=\"1\"} "), 3);
    assert_int_equal((int)value_of(&text, "lastword_first_token_seconds_bucket{le=\"2.5\"} "), 4);
    assert_int_equal((int)value_of(&text, "lastword_first_token_seconds_bucket{le=\"600\"} "), 4);
    assert_int_equal((int)value_of(&text, "lastword_first_token_seconds_bucket{le=\"+Inf\"} "), 5);
    assert_int_equal((int)value_of(&text, "lastword_first_token_seconds_count "), 5);
    double sum = value_of(&text, "lastword_first_token_seconds_sum ");
    assert_true(sum > 601.500201 && sum < 601.500203);
    buf_free(&text);
}

static void histograms_have_labels(void **state)
{
    (void)state;
    metric_add_for(METRIC_UPSTREAM_FIRST_BYTE, "idle", 0);
    metric_observe_us_for(METRIC_UPSTREAM_FIRST_BYTE, "local", 150);
    metric_observe_us_for(METRIC_UPSTREAM_FIRST_BYTE, "local", 700000000);
    metric_observe_us_for(METRIC_UPSTREAM_FIRST_BYTE, "cloud", 2000000);
    assert_int_equal(metric_get(METRIC_UPSTREAM_FIRST_BYTE, "local"), 2);
    assert_int_equal(metric_get(METRIC_UPSTREAM_FIRST_BYTE, NULL), 3);
    struct buf text = {0};
    metrics_write(&text);
#define FIRST "lastword_upstream_first_byte_seconds"
    assert_int_equal((int)value_of(&text, FIRST "_bucket{upstream=\"local\",le=\"0.0001\"} "), 0);
    assert_int_equal((int)value_of(&text, FIRST "_bucket{upstream=\"local\",le=\"0.00025\"} "), 1);
    assert_int_equal((int)value_of(&text, FIRST "_bucket{upstream=\"local\",le=\"+Inf\"} "), 2);
    assert_int_equal((int)value_of(&text, FIRST "_count{upstream=\"local\"} "), 2);
    assert_int_equal((int)value_of(&text, FIRST "_sum{upstream=\"local\"} "), 700);
    assert_int_equal((int)value_of(&text, FIRST "_count{upstream=\"cloud\"} "), 1);
    assert_int_equal((int)value_of(&text, FIRST "_count{upstream=\"idle\"} "), 0);
    buf_free(&text);
}

/* Each scale against the boundaries of the conventions, in the order of metrics.def. */
static void conventions_have_their_buckets(void **state)
{
    (void)state;
    static const struct {
        enum metric metric;
        const char *name, *bounds;
    } scales[] = {
        {METRIC_SERVER_FIRST_TOKEN, "gen_ai_server_time_to_first_token_seconds",
         "0.001 0.005 0.01 0.02 0.04 0.06 0.08 0.1 0.25 0.5 0.75 1 2.5 5 7.5 10 +Inf "},
        {METRIC_SERVER_PER_TOKEN, "gen_ai_server_time_per_output_token_seconds",
         "0.01 0.025 0.05 0.075 0.1 0.15 0.2 0.3 0.4 0.5 0.75 1 2.5 +Inf "},
        {METRIC_SERVER_REQUEST, "gen_ai_server_request_duration_seconds",
         "0.01 0.02 0.04 0.08 0.16 0.32 0.64 1.28 2.56 5.12 10.24 20.48 40.96 81.92 +Inf "},
        {METRIC_CLIENT_OPERATION, "gen_ai_client_operation_duration_seconds",
         "0.01 0.02 0.04 0.08 0.16 0.32 0.64 1.28 2.56 5.12 10.24 20.48 40.96 81.92 +Inf "},
        {METRIC_CLIENT_TOKENS, "gen_ai_client_token_usage",
         "1 4 16 64 256 1024 4096 16384 65536 262144 1048576 4194304 16777216 67108864 +Inf "},
    };
    static const char *const labels[] = {"chat", "local", "m", NULL};
    for (size_t i = 0; i < sizeof scales / sizeof *scales; i++)
        metric_observe_with(scales[i].metric, labels, 1);
    struct buf text = {0};
    metrics_write(&text);
    for (size_t i = 0; i < sizeof scales / sizeof *scales; i++) {
        struct buf found = {0}, prefix = {0};
        buf_printf(&prefix, "\n%s_bucket{", scales[i].name);
        for (char *at = buf_cstr(&text); (at = strstr(at, buf_cstr(&prefix)));) {
            at = strstr(at, "le=\"") + 4;
            buf_add(&found, at, strcspn(at, "\""));
            buf_add_char(&found, ' ');
        }
        assert_string_equal(buf_cstr(&found), scales[i].bounds);
        buf_free(&found);
        buf_free(&prefix);
    }
    buf_free(&text);
}

static void several_labels(void **state)
{
    (void)state;
    static const char *const well[] = {"chat", "local", "big\x1fone", NULL};
    static const char *const failed[] = {"chat", NULL, "", "STALLED"};
    metric_observe_with(METRIC_SERVER_REQUEST, well, 15000);
    metric_observe_with(METRIC_SERVER_REQUEST, failed, 2000000);
    metric_observe_with(METRIC_CLIENT_TOKENS, well, 64);
    struct buf text = {0};
    metrics_write(&text);
#define ASKED "gen_ai_server_request_duration_seconds"
#define WELL "{gen_ai_operation_name=\"chat\",gen_ai_provider_name=\"local\",gen_ai_request_model=\"big?one\""
#define FAILED "{gen_ai_operation_name=\"chat\",error_type=\"STALLED\""
    assert_int_equal((int)value_of(&text, ASKED "_bucket" WELL ",le=\"0.01\"} "), 0);
    assert_int_equal((int)value_of(&text, ASKED "_bucket" WELL ",le=\"0.02\"} "), 1);
    assert_int_equal((int)value_of(&text, ASKED "_count" WELL "} "), 1);
    assert_int_equal((int)value_of(&text, ASKED "_sum" FAILED "} "), 2);
    assert_int_equal((int)value_of(&text, "gen_ai_client_token_usage_bucket" WELL ",le=\"16\"} "), 0);
    assert_int_equal((int)value_of(&text, "gen_ai_client_token_usage_bucket" WELL ",le=\"64\"} "), 1);
    assert_int_equal((int)value_of(&text, "gen_ai_client_token_usage_sum" WELL "} "), 64);
    buf_free(&text);
}

static void combinations_have_a_limit(void **state)
{
    (void)state;
    char model[16];
    const char *labels[] = {"chat", "local", model, NULL};
    metrics_limit(16);
    for (int i = 0; i < 50; i++) {
        snprintf(model, sizeof model, "m%d", i);
        metric_observe_with(METRIC_SERVER_REQUEST, labels, 1);
    }
    assert_int_equal(metric_get(METRIC_SERVER_REQUEST, "other"), 50 - 16);
    struct buf text = {0};
    metrics_write(&text);
    assert_int_equal((int)value_of(&text,
                                   ASKED "_count{gen_ai_operation_name=\"other\",gen_ai_provider_name="
                                         "\"other\",gen_ai_request_model=\"other\",error_type=\"other\"} "),
                     50 - 16);
    buf_free(&text);
}

static void what_can_happen_is_shown_before_it_does(void **state)
{
    (void)state;
    struct buf text = {0};
    metrics_write(&text);
    assert_int_equal((int)value_of(&text, "lastword_generations{state=\"queued\"} "), 0);
    assert_int_equal((int)value_of(&text, "lastword_rewinds_total{reason=\"restarted\"} "), 0);
    assert_int_equal((int)value_of(&text, "lastword_resumes_total{result=\"gone\"} "), 0);
    buf_free(&text);
}

/* Each bound, and the values beside it, against what the printed bounds say. */
static void every_value_is_in_its_bucket(void **state)
{
    (void)state;
    struct buf text = {0};
    metrics_write(&text);
    static const char prefix[] = "lastword_first_token_seconds_bucket{le=\"";
    double bounds[64];
    size_t n = 0;
    for (char *at = buf_cstr(&text); (at = strstr(at, prefix)); n++)
        bounds[n] = strtod(at += sizeof prefix - 1, NULL);
    assert_true(n > 10 && bounds[n - 1] > 1e300); /* +Inf */
    for (size_t i = 0; i + 1 < n; i++)
        for (int64_t d = -1; d <= 1; d++) {
            metrics_reset();
            double us = (double)((int64_t)(bounds[i] * 1e6 + 0.5) + d);
            metric_observe_us(METRIC_FIRST_TOKEN, (uint64_t)us);
            buf_clear(&text);
            metrics_write(&text);
            char *at = buf_cstr(&text);
            for (size_t k = 0; k < n; k++) {
                at = strstr(at, prefix) + sizeof prefix;
                assert_int_equal(strtol(strchr(at, '}') + 1, NULL, 10), us <= bounds[k] * 1e6 + 0.01);
            }
        }
    buf_free(&text);
}

/* Each name has HELP and TYPE once, and every sample belongs to the family above it. */
static void text_is_well_formed(void **state)
{
    (void)state;
    metric_add_for(METRIC_ERRORS_OUT, "BUSY", 1);
    mem_born(MEM_SESSION);
    struct buf text = {0};
    metrics_write(&text);
    assert_int_equal((int)value_of(&text, "lastword_objects{kind=\"session\"} "), 1);
    mem_died(MEM_SESSION);
    char family[128] = "";
    int helps = 0, types = 0;
    for (char *save, *line = strtok_r(buf_cstr(&text), "\n", &save); line;
         line = strtok_r(NULL, "\n", &save)) {
        char type[16];
        if (sscanf(line, "# HELP %127s", family) == 1) {
            helps++;
        } else if (sscanf(line, "# TYPE %*s %15s", type) == 1) {
            types++;
            assert_memory_equal(line + 7, family, strlen(family));
            assert_true(strcmp(type, "counter") == 0 || strcmp(type, "gauge") == 0 ||
                        strcmp(type, "histogram") == 0);
        } else {
            assert_memory_equal(line, family, strlen(family));
        }
    }
    assert_int_equal(helps, METRIC_COUNT + 1);
    assert_int_equal(types, METRIC_COUNT + 1);
    buf_free(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(plain_values, reset, reset),
        cmocka_unit_test_setup_teardown(labels_are_interned, reset, reset),
        cmocka_unit_test_setup_teardown(too_many_values_share_other, reset, reset),
        cmocka_unit_test_setup_teardown(buckets_include_their_bound, reset, reset),
        cmocka_unit_test_setup_teardown(histograms_have_labels, reset, reset),
        cmocka_unit_test_setup_teardown(conventions_have_their_buckets, reset, reset),
        cmocka_unit_test_setup_teardown(several_labels, reset, reset),
        cmocka_unit_test_setup_teardown(combinations_have_a_limit, reset, reset),
        cmocka_unit_test_setup_teardown(what_can_happen_is_shown_before_it_does, reset, reset),
        cmocka_unit_test_setup_teardown(every_value_is_in_its_bucket, reset, reset),
        cmocka_unit_test_setup_teardown(text_is_well_formed, reset, reset),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
