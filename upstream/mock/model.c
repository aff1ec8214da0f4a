/* model: tables, and the little grammar of model names. */
#include "model.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define ROOT "richierich"
#define FAULT_RATE 200 /* tokens/s of the fault models: quick tests, yet a stream that takes time */

static const struct {
    const char *name;
    enum family family;
    uint32_t tokens;
    double rate;
} plain[] = {
    {ROOT, FAMILY_MARKDOWN, 200, 50},           {ROOT "-rrml", FAMILY_RRML, 200, 50},
    {ROOT "-slow", FAMILY_MARKDOWN, 300, 10},   {ROOT "-fast", FAMILY_MARKDOWN, 2000, 0},
    {ROOT "-long", FAMILY_MARKDOWN, 100000, 0}, {ROOT "-echo", FAMILY_ECHO, 0, 50},
    {ROOT "-clock", FAMILY_CLOCK, 200, 50},
};

static const struct {
    const char *name;
    int32_t attempts;
} faults[FAULTS] = {
    {"none", 0},
#define X(id, name, attempts, help) {name, attempts},
#include "fault.def"
#undef X
};

static const char *const modes[MODES] = {"default", "fin",    "rst",  "close", "open",
                                         "refuse",  "stream", "data", "event", "done"};

const char *fault_name(enum fault f)
{
    return faults[f].name;
}

int32_t fault_attempts(enum fault f)
{
    return faults[f].attempts;
}

static int find_name(const char *name, size_t n, const char *(*at)(int), int count)
{
    for (int i = 0; i < count; i++)
        if (strlen(at(i)) == n && !memcmp(at(i), name, n))
            return i;
    return -1;
}

static const char *fault_at(int i)
{
    return faults[i].name;
}

static const char *mode_at(int i)
{
    return modes[i];
}

static bool ends_with(const char *p, size_t *n, const char *end)
{
    size_t k = strlen(end);
    if (*n < k || memcmp(p + *n - k, end, k) != 0)
        return false;
    *n -= k;
    return true;
}

/* `p`: what follows "richierich-". */
static bool parse_fault(const char *p, size_t n, struct options *o)
{
    if (ends_with(p, &n, "-once"))
        o->fail_attempts = 1;
    else if (ends_with(p, &n, "-forever"))
        o->fail_attempts = -1;
    for (int m = MODE_FIN; m < MODES; m++) {
        char end[16];
        size_t shorter = n;
        snprintf(end, sizeof(end), "-%s", modes[m]);
        if (!ends_with(p, &shorter, end))
            continue;
        o->mode = (enum fault_mode)m;
        n = shorter;
        break;
    }
    int f = find_name(p, n, fault_at, FAULTS);
    o->fault = f > 0 ? (enum fault)f : FAULT_NONE;
    return f > 0;
}

static void set_defaults(struct model *m, enum family family, uint32_t tokens, double rate)
{
    m->family = family;
    m->defaults = (struct options){
        .tokens = tokens, .rate = rate, .fail_attempts = FAIL_UNSET, .fault_after = 40, .retry_after = 1};
}

static bool parse_base(const char *base, struct model *m)
{
    for (size_t i = 0; i < COUNT(plain); i++) {
        if (strcmp(plain[i].name, base) != 0)
            continue;
        set_defaults(m, plain[i].family, plain[i].tokens, plain[i].rate);
        return true;
    }
    if (strncmp(base, ROOT "-", sizeof(ROOT)) != 0)
        return false;
    set_defaults(m, FAMILY_MARKDOWN, 200, FAULT_RATE);
    return parse_fault(base + sizeof(ROOT), strlen(base) - sizeof(ROOT), &m->defaults);
}

/* `text`: "a=1,b=2"; is taken apart. */
static bool parse_options(char *text, struct options *o)
{
    for (char *rest = NULL, *one = strtok_r(text, ",", &rest); one; one = strtok_r(NULL, ",", &rest)) {
        char *equals = strchr(one, '=');
        bool known = false;
        if (!equals)
            return false;
        *equals = '\0';
        if (!option_set(o, one, equals + 1, &known) || !known)
            return false;
    }
    return true;
}

bool model_find(const char *name, struct model *m)
{
    *m = (struct model){0};
    size_t n = strcspn(name, "@");
    if (strlen(name) > MODEL_NAME_MAX || n >= sizeof(m->base))
        return false;
    strcpy(m->name, name);
    memcpy(m->base, name, n);
    if (!parse_base(m->base, m))
        return false;
    if (m->defaults.fault == FAULT_S07)
        m->defaults.first_token_ms = 3000;
    char options[MODEL_NAME_MAX + 1];
    strcpy(options, name[n] ? name + n + 1 : "");
    return parse_options(options, &m->defaults);
}

static bool number(const char *text, double low, double high, double *out)
{
    char *end;
    errno = 0;
    double v = strtod(text, &end);
    if (end == text || *end || errno || !isfinite(v) || v < low || v > high)
        return false;
    *out = v;
    return true;
}

static bool set_u32(uint32_t *to, const char *text, uint32_t most)
{
    double v;
    if (!number(text, 0, most, &v) || v != floor(v))
        return false;
    *to = (uint32_t)v;
    return true;
}

static bool set_u64(uint64_t *to, const char *text)
{
    char *end;
    errno = 0;
    long long v = strtoll(text, &end, 10);
    *to = (uint64_t)v;
    return end != text && !*end && !errno;
}

static bool set_fault(struct options *o, const char *value)
{
    int f = find_name(value, strlen(value), fault_at, FAULTS);
    if (f < 0)
        return false;
    o->fault = (enum fault)f;
    if (o->fault == FAULT_S07 && !o->first_token_ms)
        o->first_token_ms = 3000;
    return true;
}

static bool set_mode(struct options *o, const char *value)
{
    int m = find_name(value, strlen(value), mode_at, MODES);
    o->mode = m > 0 ? (enum fault_mode)m : MODE_DEFAULT;
    return m >= 0;
}

static bool set_attempts(struct options *o, const char *value)
{
    double v;
    if (!number(value, -1, 1e9, &v) || v != floor(v))
        return false;
    o->fail_attempts = (int32_t)v;
    return true;
}

bool option_set(struct options *o, const char *key, const char *value, bool *known)
{
    *known = true;
    if (!strcmp(key, "tokens"))
        return set_u32(&o->tokens, value, ANSWER_TOKENS_MAX);
    if (!strcmp(key, "token_size"))
        return set_u32(&o->token_size, value, 1024);
    if (!strcmp(key, "rate"))
        return number(value, 0, 1e6, &o->rate);
    if (!strcmp(key, "first_token_ms"))
        return set_u32(&o->first_token_ms, value, 3600000);
    if (!strcmp(key, "jitter"))
        return number(value, 0, 1, &o->jitter);
    if (!strcmp(key, "seed"))
        return set_u64(&o->seed, value);
    if (!strcmp(key, "offset"))
        return set_u64(&o->offset, value);
    if (!strcmp(key, "fault"))
        return set_fault(o, value);
    if (!strcmp(key, "fault_mode"))
        return set_mode(o, value);
    if (!strcmp(key, "fail_attempts"))
        return set_attempts(o, value);
    if (!strcmp(key, "fault_after"))
        return set_u32(&o->fault_after, value, ANSWER_TOKENS_MAX);
    if (!strcmp(key, "retry_after"))
        return set_u32(&o->retry_after, value, 3600);
    *known = false;
    return true;
}

bool model_name_at(unsigned i, char *out)
{
    static const char *const ends[] = {"", "-once", "-forever"};
    if (i < COUNT(plain)) {
        strcpy(out, plain[i].name);
        return true;
    }
    i -= (unsigned)COUNT(plain);
    if (i / COUNT(ends) + 1 >= FAULTS)
        return false;
    snprintf(out, MODEL_NAME_MAX + 1, ROOT "-%s%s", faults[i / COUNT(ends) + 1].name, ends[i % COUNT(ends)]);
    return true;
}
