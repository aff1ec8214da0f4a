/* worker_tokens: the keys that tokens are signed with, from their file, and again when it has changed.
 *
 *     jwt.jwks -> jwks_parse -> auth     one that cannot be read or is wrong changes nothing, but is told */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "worker_inner.h"

/* A file that is written anew has another inode, or another time. */
static bool has_changed(struct worker *w, const struct stat *now)
{
    struct stat *was = &w->tokens_file;
    bool same = was->st_ino == now->st_ino && was->st_size == now->st_size &&
                was->st_mtim.tv_sec == now->st_mtim.tv_sec && was->st_mtim.tv_nsec == now->st_mtim.tv_nsec;
    *was = *now;
    return !same;
}

struct jwks *worker_tokens_read(const char *path, char *error, size_t error_size)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    char *text = mem_alloc(JWKS_MAX + 1), why[128];
    ssize_t len = fd >= 0 ? read(fd, text, JWKS_MAX + 1) : -1;
    struct jwks *set = len < 0 ? NULL : jwks_parse(text, (size_t)len, why, sizeof why);
    if (!set)
        snprintf(error, error_size, "%.300s: %s", path, len < 0 ? strerror(errno) : why);
    if (fd >= 0)
        close(fd);
    mem_free(text);
    return set;
}

static void take(struct worker *w, struct jwks *fresh)
{
    auth_set_tokens(w->auth, fresh);
    jwks_free(w->tokens);
    w->tokens = fresh;
    log_info("tokens.keys_read", LF_INT("keys", fresh->count));
}

bool worker_tokens_open(struct worker *w, char *error, size_t error_size)
{
    struct stat now;
    if (strcmp(w->config->auth_mode, "jwt") != 0)
        return true;
    if (stat(w->config->jwt_jwks, &now) == 0)
        has_changed(w, &now);
    struct jwks *set = worker_tokens_read(w->config->jwt_jwks, error, error_size);
    if (set)
        take(w, set);
    return set != NULL;
}

/* A small file that is seldom another: looking costs a system call, and reading it a moment. */
void worker_tokens_tick(struct worker *w)
{
    struct stat now;
    char error[512];
    if (!w->tokens || w->node.now_us - w->tokens_us < (uint64_t)w->config->jwt_refresh_ms * 1000)
        return;
    w->tokens_us = w->node.now_us;
    if (stat(w->config->jwt_jwks, &now) != 0 || !has_changed(w, &now))
        return;
    struct jwks *set = worker_tokens_read(w->config->jwt_jwks, error, sizeof error);
    if (set)
        take(w, set);
    else
        log_error("tokens.keys_refused", LF_STR("error", error));
}
