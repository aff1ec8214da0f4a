/* log: makes one line and hands it to the kernel in one write.
 *
 *     fields -> cut long values, mend UTF-8, escape -> line of at most PIPE_BUF bytes -> write(2)
 *
 * It refuses to wait: what the descriptor does not take at once is dropped and counted, and the count is
 * told on the next line that passes. It holds no file and rotates nothing. */
#include "base/log.h"

#include <errno.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/json.h"

/* Up to PIPE_BUF a pipe takes a line whole or not at all, so lines of several workers never mix. */
#define LINE_MAX_BYTES 4096
#define VALUE_MAX_BYTES 1024
#define NAME_MAX_BYTES 128 /* event, node, keys: even all escaped they leave room */
#define TAIL_ROOM 64       /* for "cut", "dropped", the brace and the newline */

static int log_fd = STDERR_FILENO;
static enum log_level threshold = LOG_LEVEL_INFO;
static char node_name[72];
static atomic_long dropped;

static const char *const level_names[] = {"debug", "info", "warn", "error"};

void log_open(int fd, enum log_level level, const char *node)
{
    log_fd = fd;
    threshold = level;
    size_t len = node ? strlen(node) : 0;
    if (len >= sizeof node_name)
        len = utf8_floor(node, sizeof node_name - 1);
    if (len)
        memcpy(node_name, node, len);
    node_name[len] = '\0';
}

void log_set_level(enum log_level level)
{
    threshold = level;
}

bool log_level_parse(const char *name, enum log_level *out)
{
    for (size_t i = 0; i < sizeof level_names / sizeof *level_names; i++)
        if (strcmp(name, level_names[i]) == 0) {
            *out = (enum log_level)i;
            return true;
        }
    return false;
}

/* Bytes of the well-formed sequence at p, or 0. */
static size_t whole_sequence(const char *p, size_t len)
{
    for (size_t n = 1; n <= 4 && n <= len; n++)
        if (utf8_valid(p, n))
            return n;
    return 0;
}

static void add_mended(struct buf *line, const char *s, size_t len)
{
    struct buf clean = {0};
    for (size_t i = 0; i < len;) {
        size_t n = whole_sequence(s + i, len - i);
        if (n)
            buf_add(&clean, s + i, n);
        else
            buf_add_lit(&clean, "\xEF\xBF\xBD");
        i += n ? n : 1;
    }
    json_add_string(line, clean.data, clean.len);
    buf_free(&clean);
}

static void add_string(struct buf *line, const char *s, size_t max)
{
    if (!s) {
        buf_add_lit(line, "null");
        return;
    }
    size_t len = strnlen(s, max + 1);
    if (len > max)
        len = utf8_floor(s, max);
    if (utf8_valid(s, len))
        json_add_string(line, s, len);
    else
        add_mended(line, s, len);
}

static void add_head(struct buf *line, enum log_level level, const char *event)
{
    struct timespec now;
    struct tm utc;
    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &utc);
    buf_printf(line, "{\"ts\":\"%04d-%02d-%02dT%02d:%02d:%02d.%03dZ\",\"level\":\"%s\",\"event\":",
               utc.tm_year + 1900, utc.tm_mon + 1, utc.tm_mday, utc.tm_hour, utc.tm_min, utc.tm_sec,
               (int)(now.tv_nsec / 1000000), level_names[level]);
    add_string(line, event, NAME_MAX_BYTES);
    buf_add_lit(line, ",\"node\":");
    add_string(line, node_name, NAME_MAX_BYTES);
}

static void add_field(struct buf *line, const struct log_field *f)
{
    char text[UUID_TEXT + 1];
    buf_add_char(line, ',');
    add_string(line, f->key, NAME_MAX_BYTES);
    buf_add_char(line, ':');
    switch (f->kind) {
    case LOG_FIELD_STR:
        add_string(line, f->str, VALUE_MAX_BYTES);
        return;
    case LOG_FIELD_INT:
        buf_add_i64(line, f->num);
        return;
    case LOG_FIELD_UUID:
        add_string(line, f->uuid ? uuid_format(f->uuid, text) : NULL, UUID_TEXT);
        return;
    }
}

static void emit(const struct buf *line, long lost)
{
    ssize_t n;
    do
        n = write(log_fd, line->data, line->len);
    while (n < 0 && errno == EINTR);
    if (n < 0)
        atomic_fetch_add(&dropped, lost + 1);
}

void log_write(enum log_level level, const char *event, const struct log_field *fields, size_t n)
{
    if (level < threshold)
        return;
    int saved = errno; /* callers log before they look at errno */
    struct buf line = {0};
    buf_reserve(&line, 1024);
    add_head(&line, level, event);
    for (size_t i = 0; i < n; i++) {
        size_t before = line.len;
        add_field(&line, &fields[i]);
        if (line.len > LINE_MAX_BYTES - TAIL_ROOM) {
            line.len = before;
            buf_add_lit(&line, ",\"cut\":true");
            break;
        }
    }
    long lost = atomic_exchange(&dropped, 0);
    if (lost)
        buf_printf(&line, ",\"dropped\":%ld", lost);
    buf_add_lit(&line, "}\n");
    emit(&line, lost);
    buf_free(&line);
    errno = saved;
}
