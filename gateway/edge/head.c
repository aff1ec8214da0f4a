/* head: see head.h. The bytes are copied once; then each piece is ended by a NUL where it stands. */
#include "edge/head.h"

#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "edge/request.h"

/* ------------------------------------------------------------------ where it ends */

static bool is_control(char c)
{
    return ((unsigned char)c < ' ' && c != '\t') || c == 0x7F;
}

enum head_verdict head_find_end(const char *bytes, size_t len, size_t *at)
{
    for (; *at < len; ++*at) {
        size_t i = *at;
        if (bytes[i] == '\r') {
            if (i + 1 == len)
                return HEAD_MORE; /* looked at again with what follows */
            if (bytes[i + 1] != '\n')
                return HEAD_WRONG;
        } else if (bytes[i] == '\n') {
            if (i == 0 || bytes[i - 1] != '\r')
                return HEAD_WRONG;
            if (i >= 3 && memcmp(bytes + i - 3, "\r\n\r", 3) == 0) {
                *at = i + 1;
                return HEAD_WHOLE;
            }
        } else if (is_control(bytes[i])) {
            return HEAD_WRONG;
        }
    }
    return HEAD_MORE;
}

/* ------------------------------------------------------------------ the request line */

static int refuse(struct err *e, int status, const char *message)
{
    err_set(e, ERR_BAD_REQUEST, "%s", message);
    return status;
}

static size_t token_len(const char *s)
{
    return strspn(s, "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ");
}

static int read_method(struct head *head, const char *name, struct err *e)
{
    static const char *const others[] = {"PUT", "TRACE", "CONNECT"};
    if (!*name || name[token_len(name)])
        return refuse(e, 400, "This is not HTTP.");
    for (int i = 0; i < HTTP_OTHER; i++)
        if (strcmp(name, http_method_name((enum http_method)i)) == 0) {
            head->method = (enum http_method)i;
            return 0;
        }
    head->method = HTTP_OTHER;
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (strcmp(name, others[i]) == 0)
            return 0;
    return refuse(e, 501, "The method is not known.");
}

/* In place. False: a bad escape, a control character or a NUL. */
static bool decode_path(char *path)
{
    char *out = path;
    for (const char *in = path; *in; in++) {
        char c = *in;
        if (c == '%') {
            int high = http_hex_value(in[1]), low = high < 0 ? -1 : http_hex_value(in[2]);
            if (low < 0)
                return false;
            c = (char)(high * 16 + low);
            in += 2;
        }
        if (is_control(c) || c == '\t')
            return false;
        *out++ = c;
    }
    *out = '\0';
    return true;
}

/* "http://host/path", which a proxy would be sent: the path counts. */
static char *without_authority(char *target)
{
    static char root[] = "/";
    if (strncasecmp(target, "http://", 7) != 0 && strncasecmp(target, "https://", 8) != 0)
        return target;
    char *authority = strstr(target, "://") + 3;
    char *path = authority + strcspn(authority, "/?");
    return *path == '/' ? path : *path ? target : root;
}

static int read_target(struct head *head, char *target, struct err *e)
{
    char *path = without_authority(target);
    head->path = path;
    head->query = "";
    if (strcmp(target, "*") == 0 && head->method == HTTP_OPTIONS)
        return 0;
    if (*path != '/' || strchr(path, '#'))
        return refuse(e, 400, "The path is malformed.");
    char *query = strchr(path, '?');
    if (query) {
        *query++ = '\0';
        head->query = query;
        if (strlen(query) > HEAD_QUERY_MAX)
            return refuse(e, 414, "The query is too long.");
    }
    if (!decode_path(path))
        return refuse(e, 400, "The path is malformed.");
    return strlen(path) > HEAD_PATH_MAX ? refuse(e, 414, "The path is too long.") : 0;
}

static int read_line(struct head *head, char *line, struct err *e)
{
    char *target = strchr(line, ' ');
    if (!target)
        return refuse(e, 400, "This is not HTTP.");
    *target++ = '\0';
    int status = read_method(head, line, e);
    if (status)
        return status;
    char *version = strchr(target, ' ');
    if (!version || strchr(version + 1, ' '))
        return refuse(e, 400, "This is not HTTP.");
    *version++ = '\0';
    head->version = version;
    if (strcmp(version, "HTTP/1.1") != 0 && strcmp(version, "HTTP/1.0") != 0)
        return refuse(e, 505, "Only HTTP/1.1 and HTTP/1.0 are spoken here.");
    return read_target(head, target, e);
}

/* ------------------------------------------------------------------ the fields */

static int read_field(struct head *head, char *line, struct err *e)
{
    size_t name = token_len(line);
    if (*line == ' ' || *line == '\t')
        return refuse(e, 400, "A header may not be folded over several lines.");
    if (!name || line[name] != ':')
        return refuse(e, 400, "A header must be a name, a colon and a value.");
    if (head->count == HEAD_FIELDS_MAX)
        return refuse(e, 431, "There are too many headers.");
    line[name] = '\0';
    for (char *c = line; *c; c++)
        if (*c >= 'A' && *c <= 'Z')
            *c = (char)(*c | 0x20);
    char *value = line + name + 1;
    value += strspn(value, " \t");
    size_t len = strlen(value);
    while (len && (value[len - 1] == ' ' || value[len - 1] == '\t'))
        len--;
    value[len] = '\0';
    head->fields[head->count++] = (struct http_field){line, value};
    return 0;
}

static size_t lines_of(const char *bytes, size_t len)
{
    size_t lines = 0;
    for (const char *end = bytes + len; (bytes = memchr(bytes, '\n', (size_t)(end - bytes))); bytes++)
        lines++;
    return lines;
}

/* The next line, ended by a NUL in place of its CRLF; NULL at the empty one. */
static char *next_line(char **at)
{
    char *line = *at, *end = strchr(line, '\r');
    if (end == line)
        return NULL;
    *end = '\0';
    *at = end + 2;
    return line;
}

int head_parse(const char *bytes, size_t len, struct head *head, struct err *e)
{
    size_t lines = lines_of(bytes, len);
    size_t room = lines < HEAD_FIELDS_MAX ? lines : HEAD_FIELDS_MAX;
    *head = (struct head){.fields = mem_alloc(room * sizeof *head->fields + len + 1)};
    char *at = memcpy(head->fields + room, bytes, len);
    char *line = next_line(&at);
    int status = line ? read_line(head, line, e) : refuse(e, 400, "This is not HTTP.");
    while (!status && (line = next_line(&at)))
        status = read_field(head, line, e);
    if (status)
        head_free(head);
    return status;
}

void head_free(struct head *head)
{
    mem_free(head->fields);
    *head = (struct head){0};
}

/* ------------------------------------------------------------------ asking it */

const char *head_value(const struct head *head, const char *name)
{
    for (size_t i = 0; i < head->count; i++)
        if (strcmp(head->fields[i].name, name) == 0)
            return head->fields[i].value;
    return NULL;
}

unsigned head_count(const struct head *head, const char *name)
{
    unsigned count = 0;
    for (size_t i = 0; i < head->count; i++)
        count += strcmp(head->fields[i].name, name) == 0;
    return count;
}

bool head_has_token(const struct head *head, const char *name, const char *token)
{
    for (size_t i = 0; i < head->count; i++)
        if (strcmp(head->fields[i].name, name) == 0 && request_has_token(head->fields[i].value, token))
            return true;
    return false;
}
