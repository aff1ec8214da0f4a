/* page: see page.h.
 *
 *     page_open: folder -> files sorted by path, each with its .br and .gz beside it
 *     page_serve: path -> binary search -> If-None-Match? 304 : the smallest form the browser takes */
#include "edge/page.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "edge/page_files.h"

static struct page_file *files; /* sorted by path */
static size_t file_count;

static const char policy[] =
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
    "font-src 'self'; worker-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'";

/* What stands at / where there is no page. */
static const char sentence[] =
    "This is a Lastword gateway. It has no page here; see /health, /v1/models and /v1/ws.\n";

bool page_open(const char *dir, char *error, size_t error_size)
{
    page_close();
    if (!*dir)
        return true;
    return page_files_read(dir, &files, &file_count, error, error_size);
}

void page_close(void)
{
    page_files_free(files, file_count);
    files = NULL;
    file_count = 0;
}

static int compare(const void *key, const void *file)
{
    return strcmp(key, ((const struct page_file *)file)->path);
}

static const struct page_file *page_find(const char *path)
{
    if (!file_count)
        return NULL;
    if (strcmp(path, "/") == 0)
        path = "/index.html";
    return bsearch(path, files, file_count, sizeof *files, compare);
}

bool page_has(const char *path)
{
    return file_count ? page_find(path) != NULL : strcmp(path, "/") == 0;
}

/* ------------------------------------------------------------------ what the browser takes */

/* Does a list like "gzip, br;q=0.5, *;q=0" name `coding` with a weight above 0? */
static bool list_takes(const char *list, const char *coding)
{
    size_t want = strlen(coding);
    while (*list) {
        list += strspn(list, ", \t");
        size_t len = strcspn(list, ",");
        size_t name = strcspn(list, ";, \t");
        if (name == want && strncasecmp(list, coding, want) == 0) {
            const char *q = memchr(list, '=', len);
            return !q || strtod(q + 1, NULL) > 0;
        }
        list += len;
    }
    return false;
}

static const struct page_form *pick_form(struct http_exchange *x, const struct page_file *f)
{
    static const char *const codings[PAGE_FORMS] = {NULL, "br", "gzip"};
    char accept[256];
    const struct page_form *best = &f->forms[PAGE_PLAIN];
    if (!http_header(x, "accept-encoding", accept, sizeof accept))
        return best;
    for (size_t i = 1; i < PAGE_FORMS; i++)
        if (f->forms[i].data && f->forms[i].len < best->len && list_takes(accept, codings[i]))
            best = &f->forms[i];
    return best;
}

/* Does If-None-Match hold this tag (or *)? */
static bool list_has_tag(const char *list, const char *tag)
{
    if (strcmp(list, "*") == 0)
        return true;
    size_t len = strlen(tag);
    for (const char *at = strstr(list, tag); at; at = strstr(at + 1, tag))
        if (at[len] == 0 || strchr(", \t", at[len]))
            return true;
    return false;
}

static void serve_file(struct http_exchange *x, const struct page_file *f)
{
    char match[512];
    const struct page_form *form = pick_form(x, f);
    bool immutable = strncmp(f->path, "/assets/", 8) == 0;
    struct http_field fields[8];
    size_t n = 0;
    fields[n++] = (struct http_field){"etag", form->etag};
    fields[n++] =
        (struct http_field){"cache-control", immutable ? "public, max-age=31536000, immutable" : "no-cache"};
    fields[n++] = (struct http_field){"vary", "accept-encoding"};
    fields[n++] = (struct http_field){"content-security-policy", policy};
    if (http_header(x, "if-none-match", match, sizeof match) && list_has_tag(match, form->etag)) {
        http_reply(x, 304, fields, n, NULL, 0);
        return;
    }
    fields[n++] = (struct http_field){"content-type", f->type};
    if (form != &f->forms[PAGE_PLAIN])
        fields[n++] = (struct http_field){"content-encoding", form == &f->forms[PAGE_BR] ? "br" : "gzip"};
    http_reply(x, 200, fields, n, form->data, form->len);
}

void page_serve(struct http_exchange *x)
{
    const struct page_file *f = page_find(x->path);
    if (f) {
        serve_file(x, f);
        return;
    }
    static const struct http_field fields[] = {{"content-type", "text/plain; charset=utf-8"},
                                               {"content-security-policy", policy}};
    http_reply(x, 200, fields, 2, sentence, sizeof sentence - 1);
}
