/* history_page: the cursors between the pages of a list: 16 hexadecimal digits of time, 32 of the
 * conversation. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/history_job.h"

#define LIST_MAX 200
#define CURSOR_DIGITS (16 + 32)

const char *job_page_next(struct store_op *job, const struct history_head *last)
{
    char *out = job_alloc(job, CURSOR_DIGITS + 1);
    int n = snprintf(out, CURSOR_DIGITS + 1, "%016llx", (unsigned long long)last->updated_ms);
    for (size_t i = 0; i < sizeof(last->chat.b); i++)
        n += snprintf(out + n, (size_t)(CURSOR_DIGITS + 1 - n), "%02x", last->chat.b[i]);
    return out;
}

static bool read_cursor(const char *text, struct job_place *out)
{
    char digits[17];
    if (strlen(text) != CURSOR_DIGITS || strspn(text, "0123456789abcdef") != CURSOR_DIGITS)
        return false;
    memcpy(digits, text, 16);
    digits[16] = '\0';
    out->updated = strtoull(digits, NULL, 16);
    if (out->updated > INT64_MAX)
        return false;
    for (size_t i = 0; i < sizeof(out->chat.b); i++) {
        memcpy(digits, text + 16 + 2 * i, 2);
        digits[2] = '\0';
        out->chat.b[i] = (uint8_t)strtoul(digits, NULL, 16);
    }
    return true;
}

bool job_page_start(struct store_op *job, struct job_place *from)
{
    if (job->limit < 1)
        job->limit = 1;
    if (job->limit > LIST_MAX)
        job->limit = LIST_MAX;
    from->updated = INT64_MAX;
    memset(from->chat.b, 0xff, sizeof(from->chat.b));
    return !job->before || read_cursor(job->before, from);
}
