/* config_file: whole small files, with a limit. It reads what it is given once, and follows nothing. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/config_internal.h"

/* Returns 0, an errno value, or EFBIG past max. */
static int read_all(int fd, size_t max, struct buf *text)
{
    for (;;) {
        buf_reserve(text, 4096);
        ssize_t n = read(fd, text->data + text->len, text->cap - text->len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return errno;
        if (n == 0)
            return 0;
        text->len += (size_t)n;
        if (text->len > max)
            return EFBIG;
    }
}

bool config_read_file(struct config_loader *l, const char *key, struct config_place at, const char *path,
                      size_t max, struct buf *text)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return config_fail(l, key, at, "cannot open %s: %s", path, strerror(errno));
    int fault = read_all(fd, max, text);
    close(fd);
    if (fault == EFBIG)
        return config_fail(l, key, at, "%s is larger than %zu bytes", path, max);
    if (fault)
        return config_fail(l, key, at, "cannot read %s: %s", path, strerror(fault));
    return true;
}

bool config_read_secret(struct config_loader *l, const char *key, struct config_place at, const char *path,
                        int64_t min, int64_t max, const char **out)
{
    struct buf text = {0};
    bool ok = config_read_file(l, key, at, path, CONFIG_SECRET_FILE_MAX, &text);
    if (ok) {
        size_t len = text.len;
        while (len && (text.data[len - 1] == '\n' || text.data[len - 1] == '\r'))
            len--;
        ok = len ? config_string(l, key, at, text.data, len, min, max, out)
                 : config_fail(l, key, at, "%s is empty", path);
    }
    if (text.data)
        explicit_bzero(text.data, text.len);
    buf_free(&text);
    return ok;
}
