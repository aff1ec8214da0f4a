/* fuzz_head: any bytes as an HTTP request, whole and cut by a pattern of their own: its head ends at the same
 * place, its fields hold together, its body is framed the same. The first byte is the seed of the cuts. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "edge/chunked.h"
#include "edge/head.h"
#include "edge/request.h"
#include "edge/upgrade.h"

#define BODY_MAX 1000

static void must(bool good)
{
    if (!good)
        abort();
}

static size_t cut(uint32_t *cuts, size_t len)
{
    *cuts = *cuts * 1664525u + 1013904223u;
    size_t n = (*cuts >> 24) % 23 + ((*cuts >> 16) % 5 ? 0 : 100);
    return n < len ? n : len;
}

static void check_fields(const struct head *head)
{
    must(head->path[0] == '/' || strcmp(head->path, "*") == 0);
    must(strlen(head->path) <= HEAD_PATH_MAX && strlen(head->query) <= HEAD_QUERY_MAX);
    must(head->count <= HEAD_FIELDS_MAX);
    for (size_t i = 0; i < head->count; i++) {
        must(head->fields[i].name[0] && !strpbrk(head->fields[i].name, " :\r\nABCXYZ"));
        must(!strpbrk(head->fields[i].value, "\r\n"));
        must(head_count(head, head->fields[i].name) > 0);
    }
}

/* Whole and cut, the same verdict, body and end. */
static void check_chunked(const char *data, size_t len, uint32_t cuts)
{
    struct chunked whole = {0}, pieces = {0};
    struct buf a = {0}, b = {0};
    size_t used, end = 0;
    enum chunked_verdict v = chunked_feed(&whole, data, len, &a, BODY_MAX, &used), w = CHUNKED_MORE;
    must(used <= len && a.len <= BODY_MAX);
    while (w == CHUNKED_MORE && end < len) {
        size_t n = cut(&cuts, len - end), part;
        w = chunked_feed(&pieces, data + end, n, &b, BODY_MAX, &part);
        end += part;
    }
    must(v == w && end == used && a.len == b.len && (!a.len || memcmp(a.data, b.data, a.len) == 0));
    buf_free(&a);
    buf_free(&b);
}

static void check_whole(const char *text, size_t end, size_t len, uint32_t cuts)
{
    static const struct config_strings nobody;
    struct head head;
    struct err e = {0};
    struct request_plan plan;
    int status = head_parse(text, end, &head, &e);
    must(status ? status >= 400 && e.code && !head.fields : head.fields != NULL);
    if (status)
        return;
    check_fields(&head);
    const struct tongue *tongue = NULL;
    struct buf handshake = {0};
    if (!request_check(&head, BODY_MAX, &plan, &e) && plan.framing == REQUEST_CHUNKED)
        check_chunked(text + end, len - end, cuts);
    if (upgrade_wish(&head) == UPGRADE_WEBSOCKET && !upgrade_check(&head, &nobody, &tongue, &e))
        upgrade_write(&handshake, &head, tongue);
    buf_free(&handshake);
    head_free(&head);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t len)
{
    if (!len)
        return 0;
    uint32_t cuts = *p++;
    char *text = malloc(--len ? len : 1);
    if (len)
        memcpy(text, p, len);
    size_t end = 0, step = 0;
    enum head_verdict whole = head_find_end(text, len, &end), split = HEAD_MORE;
    for (size_t n = 0; split == HEAD_MORE && n < len;) {
        n += cut(&cuts, len - n);
        split = head_find_end(text, n, &step);
    }
    must(whole == split && end <= len && (whole != HEAD_WHOLE || end == step));
    if (whole == HEAD_WHOLE)
        check_whole(text, end, len, cuts);
    free(text);
    return 0;
}
