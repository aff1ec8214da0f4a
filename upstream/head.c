/* head: see head.h. */
#include "upstream/head.h"

#include <string.h>

#include "upstream/retry_after.h"

static bool starts(const char *line, size_t len, const char *name)
{
    size_t n = strlen(name);
    return len >= n && !strncasecmp(line, name, n);
}

/* "HTTP/1.1 200 OK": a new head begins, perhaps after an interim one. */
static void status_line(struct head *h, const char *line, size_t len)
{
    const char *space = memchr(line, ' ', len);
    *h = (struct head){.retry_after_ms = -1};
    for (const char *p = space ? space + 1 : line + len; p < line + len && *p >= '0' && *p <= '9'; p++)
        if (h->status < 1000)
            h->status = h->status * 10 + (*p - '0');
}

static void content_type(struct head *h, const char *value, size_t len)
{
    while (len && *value == ' ')
        value++, len--;
    len = len < sizeof h->type - 1 ? len : sizeof h->type - 1;
    memcpy(h->type, value, len);
    h->type[len] = 0;
    h->type[strcspn(h->type, "\r\n")] = 0;
}

/* Some services say it in milliseconds too; that one is the more exact. */
static void retry_after(struct head *h, const char *line, size_t len, int64_t now_unix_ms)
{
    if (starts(line, len, "retry-after-ms:")) {
        int64_t ms = retry_after_ms(line + 15, len - 15, now_unix_ms);
        h->retry_after_ms = ms < 0 ? h->retry_after_ms : ms / 1000; /* it was read as seconds */
    } else if (h->retry_after_ms < 0) {
        h->retry_after_ms = retry_after_ms(line + 12, len - 12, now_unix_ms);
    }
}

bool head_line(struct head *h, const char *line, size_t len, int64_t now_unix_ms)
{
    if (starts(line, len, "HTTP/"))
        status_line(h, line, len);
    else if (starts(line, len, "retry-after-ms:") || starts(line, len, "retry-after:"))
        retry_after(h, line, len, now_unix_ms);
    else if (starts(line, len, "content-type:"))
        content_type(h, line + 13, len - 13);
    return len <= 2 && h->status >= 200;
}
