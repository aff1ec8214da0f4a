/* page_files: see page_files.h. Runs once, at start; it may block. It follows no symbolic link out of the
 * folder: links are left out altogether, as are files whose name begins with a dot. */
#include "edge/page_files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/crc32c.h"
#include "base/mem.h"
#include "edge/page.h"

#define DEPTH_MAX 8

struct reader {
    struct page_file *files;
    size_t count, bytes;
    char *error;
    size_t error_size;
};

static const char *content_type(const char *path)
{
    static const char *const types[][2] = {{".html", "text/html; charset=utf-8"},
                                           {".js", "text/javascript; charset=utf-8"},
                                           {".mjs", "text/javascript; charset=utf-8"},
                                           {".css", "text/css; charset=utf-8"},
                                           {".json", "application/json"},
                                           {".map", "application/json"},
                                           {".webmanifest", "application/manifest+json"},
                                           {".svg", "image/svg+xml"},
                                           {".png", "image/png"},
                                           {".jpg", "image/jpeg"},
                                           {".webp", "image/webp"},
                                           {".ico", "image/x-icon"},
                                           {".woff2", "font/woff2"},
                                           {".woff", "font/woff"},
                                           {".ttf", "font/ttf"},
                                           {".wasm", "application/wasm"},
                                           {".txt", "text/plain; charset=utf-8"}};
    const char *dot = strrchr(path, '.');
    for (size_t i = 0; dot && i < sizeof types / sizeof *types; i++)
        if (strcmp(dot, types[i][0]) == 0)
            return types[i][1];
    return "application/octet-stream";
}

static bool fail(struct reader *r, const char *path, const char *why)
{
    snprintf(r->error, r->error_size, "page.dir: %s: %s", path, why);
    return false;
}

static bool read_bytes(struct reader *r, int fd, const char *path, struct buf *out)
{
    for (;;) {
        buf_reserve(out, 65536);
        ssize_t n = read(fd, out->data + out->len, out->cap - out->len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return fail(r, path, strerror(errno));
        if (n == 0)
            return true;
        out->len += (size_t)n;
        if (r->bytes + out->len > PAGE_BYTES_MAX)
            return fail(r, path, "the files are over 64 MiB together");
    }
}

static bool read_file(struct reader *r, int dir, const char *name, const char *path)
{
    if (r->count == PAGE_FILES_MAX)
        return fail(r, path, "there are more than 2048 files");
    int fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return fail(r, path, strerror(errno));
    struct buf bytes = {0};
    bool ok = read_bytes(r, fd, path, &bytes);
    close(fd);
    if (ok) {
        r->files = mem_realloc(r->files, (r->count + 1) * sizeof *r->files);
        struct page_file *f = &r->files[r->count++];
        *f = (struct page_file){.path = mem_strdup(path), .type = content_type(path)};
        f->forms[PAGE_PLAIN].data = mem_memdup(bytes.len ? bytes.data : "", bytes.len);
        f->forms[PAGE_PLAIN].len = bytes.len;
        r->bytes += bytes.len;
    }
    buf_free(&bytes);
    return ok;
}

static bool read_folder(struct reader *r, int dir, const char *path, unsigned depth);

static bool read_entry(struct reader *r, int dir, const char *name, const char *path, unsigned depth)
{
    struct stat st;
    if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
        return fail(r, path, strerror(errno));
    if (S_ISREG(st.st_mode))
        return read_file(r, dir, name, path);
    if (!S_ISDIR(st.st_mode))
        return true;
    if (depth == DEPTH_MAX)
        return fail(r, path, "the folders are nested too deep");
    int fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    return fd < 0 ? fail(r, path, strerror(errno)) : read_folder(r, fd, path, depth + 1);
}

/* Takes the descriptor. `path` is "" for the page's own folder. */
static bool read_folder(struct reader *r, int dir, const char *path, unsigned depth)
{
    DIR *d = fdopendir(dir);
    if (!d) {
        close(dir);
        return fail(r, path, strerror(errno));
    }
    bool ok = true;
    struct buf full = {0};
    for (struct dirent *entry; ok && (entry = readdir(d));) {
        if (entry->d_name[0] == '.')
            continue;
        buf_clear(&full);
        buf_printf(&full, "%s/%s", path, entry->d_name);
        ok = read_entry(r, dir, entry->d_name, buf_cstr(&full), depth);
    }
    buf_free(&full);
    closedir(d);
    return ok;
}

static int by_path(const void *a, const void *b)
{
    return strcmp(((const struct page_file *)a)->path, ((const struct page_file *)b)->path);
}

static struct page_file *find(struct page_file *files, size_t count, const char *path, size_t len)
{
    for (size_t i = 0; i < count; i++)
        if (files[i].path && strlen(files[i].path) == len && memcmp(files[i].path, path, len) == 0)
            return &files[i];
    return NULL;
}

/* a.js.br becomes a form of a.js; one that stands alone stays a file. */
static void join_forms(struct reader *r)
{
    static const struct {
        const char *suffix;
        size_t form;
    } kinds[] = {{".br", PAGE_BR}, {".gz", PAGE_GZ}};
    for (size_t i = 0; i < r->count; i++) {
        for (size_t k = 0; k < 2; k++) {
            const char *path = r->files[i].path;
            size_t len = path ? strlen(path) : 0;
            if (len < 4 || strcmp(path + len - 3, kinds[k].suffix) != 0)
                continue;
            struct page_file *base = find(r->files, r->count, path, len - 3);
            if (!base)
                continue;
            base->forms[kinds[k].form] = r->files[i].forms[PAGE_PLAIN];
            mem_free(r->files[i].path);
            r->files[i] = (struct page_file){0};
        }
    }
    size_t kept = 0;
    for (size_t i = 0; i < r->count; i++)
        if (r->files[i].path)
            r->files[kept++] = r->files[i];
    r->count = kept;
}

static void name_forms(struct reader *r)
{
    static const char *const marks[PAGE_FORMS] = {"", "-br", "-gz"};
    for (size_t i = 0; i < r->count; i++) {
        const struct page_form *plain = &r->files[i].forms[PAGE_PLAIN];
        uint32_t crc = crc32c(0, plain->data, plain->len);
        for (size_t k = 0; k < PAGE_FORMS; k++)
            snprintf(r->files[i].forms[k].etag, sizeof plain->etag, "\"%08x-%zx%s\"", crc, plain->len,
                     marks[k]);
    }
}

bool page_files_read(const char *dir, struct page_file **files, size_t *count, char *error, size_t error_size)
{
    struct reader r = {.error = error, .error_size = error_size};
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool ok = fd >= 0 ? read_folder(&r, fd, "", 0) : fail(&r, dir, strerror(errno));
    if (ok && !find(r.files, r.count, "/index.html", 11))
        ok = fail(&r, dir, "there is no index.html");
    if (!ok) {
        page_files_free(r.files, r.count);
        return false;
    }
    join_forms(&r);
    name_forms(&r);
    qsort(r.files, r.count, sizeof *r.files, by_path);
    *files = r.files;
    *count = r.count;
    return true;
}

void page_files_free(struct page_file *files, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        mem_free(files[i].path);
        for (size_t k = 0; k < PAGE_FORMS; k++)
            mem_free(files[i].forms[k].data);
    }
    mem_free(files);
}
