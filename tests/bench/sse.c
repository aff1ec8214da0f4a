/* Takes an HTTP/1.1 answer apart into its server-sent events. See wire.h.
 *
 *   head -> size line -> data ... data end -> size line -> ... -> 0 -> trailer -> (next answer)
 *
 * Data that a read brought whole is handed on in place; only a line that a read cut is copied. */
#include "wire.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CARRY_MAX = 1 << 20 };

static void carry_add(struct sse_in *in, const char *p, size_t n)
{
    if (in->len + n > CARRY_MAX)
        abort(); /* the mock sends no such line */
    if (in->len + n > in->room) {
        in->room = (in->len + n) * 2;
        in->carry = realloc(in->carry, in->room);
        if (!in->carry)
            abort();
    }
    memcpy(in->carry + in->len, p, n);
    in->len += n;
}

static void line(char *p, size_t n, event_fn on_event, void *arg)
{
    if (n && p[n - 1] == '\r')
        n--;
    if (n < 5 || memcmp(p, "data:", 5) != 0)
        return;
    size_t skip = n > 5 && p[5] == ' ' ? 6 : 5;
    on_event(arg, p + skip, n - skip);
}

void sse_feed(struct sse_in *in, char *p, size_t n, event_fn on_event, void *arg)
{
    char *end = p + n;
    while (p < end) {
        char *nl = memchr(p, '\n', (size_t)(end - p));
        if (!nl) {
            carry_add(in, p, (size_t)(end - p));
            return;
        }
        if (in->len) {
            carry_add(in, p, (size_t)(nl - p));
            size_t len = in->len;
            in->len = 0;
            line(in->carry, len, on_event, arg);
        } else {
            line(p, (size_t)(nl - p), on_event, arg);
        }
        p = nl + 1;
    }
}

void sse_free(struct sse_in *in)
{
    free(in->carry);
    *in = (struct sse_in){0};
}

void http_again(struct http_in *in)
{
    in->phase = HTTP_HEAD;
    in->left = in->head_len = 0;
    in->digits = 0;
    in->ext = false;
    in->sse.len = 0;
}

/* Takes bytes up to the blank line; how many, or -1 when the answer is not one we can relay. */
static long take_head(struct http_in *in, const char *p, size_t n)
{
    size_t i = 0;
    while (i < n && in->head_len < sizeof in->head - 1) {
        in->head[in->head_len++] = p[i++];
        if (in->head_len >= 4 && memcmp(in->head + in->head_len - 4, "\r\n\r\n", 4) == 0) {
            in->head[in->head_len] = '\0';
            if (strncmp(in->head, "HTTP/1.1 200", 12) != 0 || !strcasestr(in->head, "chunked"))
                return -1;
            in->phase = HTTP_SIZE;
            return (long)i;
        }
    }
    return i < n ? -1 : (long)i;
}

static int hex(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if ((c | 32) >= 'a' && (c | 32) <= 'f')
        return (c | 32) - 'a' + 10;
    return -1;
}

static bool take_size(struct http_in *in, char c)
{
    if (c == '\n') {
        in->phase = in->left ? HTTP_DATA : HTTP_TRAILER;
        bool ok = in->digits > 0;
        in->digits = 0;
        in->ext = false;
        return ok;
    }
    int v = hex(c);
    if (v < 0 || in->ext) {
        in->ext = true;
        return c == '\r' || in->digits > 0;
    }
    in->left = in->left << 4 | (size_t)v;
    return ++in->digits < 8;
}

/* One byte outside of the data; true at the end of the answer. */
static int take_frame(struct http_in *in, char c)
{
    if (in->phase == HTTP_SIZE)
        return take_size(in, c) ? 0 : -1;
    if (in->phase == HTTP_DATA_END) {
        if (c == '\n')
            in->phase = HTTP_SIZE;
        return 0;
    }
    if (c == '\n' && in->digits == 0)
        return 1; /* the blank line after the last chunk */
    in->digits = c == '\n' ? 0 : in->digits + (c != '\r');
    return 0;
}

int http_feed(struct http_in *in, char *p, size_t n, event_fn on_event, void *arg)
{
    size_t i = 0;
    while (i < n) {
        if (in->phase == HTTP_HEAD) {
            long used = take_head(in, p + i, n - i);
            if (used < 0)
                return -1;
            i += (size_t)used;
        } else if (in->phase == HTTP_DATA) {
            size_t run = in->left < n - i ? in->left : n - i;
            sse_feed(&in->sse, p + i, run, on_event, arg);
            i += run;
            in->left -= run;
            if (!in->left)
                in->phase = HTTP_DATA_END;
        } else {
            int end = take_frame(in, p[i++]);
            if (end)
                return end;
        }
    }
    return 0;
}

size_t http_post(char *out, size_t room, const char *path, const char *body, size_t body_len)
{
    int head = snprintf(out, room,
                        "POST %s HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
                        "Accept: text/event-stream\r\nContent-Length: %zu\r\n\r\n",
                        path, body_len);
    if (head < 0 || (size_t)head + body_len > room)
        return 0;
    memcpy(out + head, body, body_len);
    return (size_t)head + body_len;
}
