/* retry_after: see retry_after.h. */
#include "upstream/retry_after.h"

#include <string.h>
#include <time.h>

#define DAY_MS 86400000

static int64_t bounded(int64_t ms)
{
    return ms < 0 ? 0 : ms > DAY_MS ? DAY_MS : ms;
}

/* Decimal seconds; some services send fractions. */
static int64_t seconds(const char *v)
{
    int64_t ms = 0;
    const char *p = v;
    for (; *p >= '0' && *p <= '9'; p++)
        if (ms < DAY_MS)
            ms = ms * 10 + (*p - '0') * 1000;
    if (p == v)
        return -1;
    if (*p == '.')
        for (int64_t unit = 100; *++p >= '0' && *p <= '9'; unit /= 10)
            ms += (*p - '0') * unit;
    return *p ? -1 : bounded(ms);
}

static int64_t date(const char *v, int64_t now_unix_ms)
{
    static const char *const forms[] = {"%a, %d %b %Y %H:%M:%S GMT", "%A, %d-%b-%y %H:%M:%S GMT",
                                        "%a %b %e %H:%M:%S %Y"};
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        struct tm tm = {0};
        const char *end = strptime(v, forms[i], &tm);
        if (end && !*end)
            return bounded((int64_t)timegm(&tm) * 1000 - now_unix_ms);
    }
    return -1;
}

int64_t retry_after_ms(const char *value, size_t len, int64_t now_unix_ms)
{
    char v[64];
    while (len && (*value == ' ' || *value == '\t'))
        value++, len--;
    while (len && (value[len - 1] == ' ' || value[len - 1] == '\t' || value[len - 1] == '\r' ||
                   value[len - 1] == '\n'))
        len--;
    if (!len || len >= sizeof v)
        return -1;
    memcpy(v, value, len);
    v[len] = 0;
    int64_t ms = seconds(v);
    return ms >= 0 ? ms : date(v, now_unix_ms);
}
