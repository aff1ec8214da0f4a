/* config_text: what may stand in a name, a URL, an origin; and what somebody meant who mistyped. */
#include <arpa/inet.h>
#include <string.h>

#include "base/config_internal.h"
#include "base/json.h"

#define URL_MAX 2048

/* Line ends that YAML sees (NEL, LS, PS), C1 controls and byte order marks would not survive being printed
 * and read again; below 0x20 and DEL would end a header or a log line early. */
bool config_printable(const char *text, size_t len)
{
    if (!utf8_valid(text, len))
        return false;
    for (size_t i = 0; i < len; i++) {
        const unsigned char *p = (const unsigned char *)text + i;
        if (*p < 0x20 || *p == 0x7f)
            return false;
        if (*p == 0xC2 && p[1] < 0xA0)
            return false;
        if (*p == 0xE2 && p[1] == 0x80 && (p[2] == 0xA8 || p[2] == 0xA9))
            return false;
        if (*p == 0xEF && ((p[1] == 0xBB && p[2] == 0xBF) || (p[1] == 0xBF && p[2] >= 0xBE)))
            return false;
    }
    return true;
}

const char *config_quote(char out[48], const char *text)
{
    size_t len = strnlen(text, 41), n = len > 40 ? utf8_floor(text, 40) : len;
    bool whole = utf8_valid(text, n);
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)text[i];
        bool shown = c >= 0x20 && c != 0x7f && (c < 0x80 || whole);
        out[i] = shown ? text[i] : '?';
    }
    memcpy(out + n, len > 40 ? "..." : "\0\0\0", 4);
    return out;
}

/* Levenshtein distance, with a swap of neighbours counting once; words longer than the table are far. */
static size_t distance(const char *a, const char *b)
{
    enum { WIDE = 48 };
    size_t na = strlen(a), nb = strlen(b);
    if (na >= WIDE || nb >= WIDE)
        return WIDE;
    size_t row[3][WIDE] = {{0}};
    for (size_t j = 0; j <= nb; j++)
        row[0][j] = j;
    for (size_t i = 1; i <= na; i++) {
        size_t *now = row[i % 3], *above = row[(i + 2) % 3], *before = row[(i + 1) % 3];
        now[0] = i;
        for (size_t j = 1; j <= nb; j++) {
            size_t best = above[j - 1] + (a[i - 1] != b[j - 1]);
            if (above[j] + 1 < best)
                best = above[j] + 1;
            if (now[j - 1] + 1 < best)
                best = now[j - 1] + 1;
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] && before[j - 2] + 1 < best)
                best = before[j - 2] + 1;
            now[j] = best;
        }
    }
    return row[na % 3][nb];
}

void config_suggest(struct buf *out, const char *given, const char *const *names, size_t n)
{
    size_t near = strlen(given) < 9 ? 2 : 3;
    size_t best = near + 1;
    for (size_t i = 0; i < n; i++) {
        size_t d = distance(given, names[i]);
        best = d < best ? d : best;
    }
    const char *between = best <= near ? "did you mean " : "known are ";
    for (size_t i = 0; i < n; i++) {
        if (best <= near && distance(given, names[i]) != best)
            continue;
        buf_add_str(out, between);
        buf_add_str(out, names[i]);
        between = best <= near ? " or " : ", ";
    }
    if (best <= near)
        buf_add_char(out, '?');
}

bool config_word(const char *text, const char *extra, size_t max)
{
    size_t n = 0;
    for (; text[n]; n++) {
        char c = text[n];
        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || strchr(extra, c)) || n >= max)
            return false;
    }
    return n > 0;
}

static bool is_host_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '-' || c == '_';
}

/* Moves *p past a host name or a bracketed IPv6 address. */
static const char *host_fault(const char **p)
{
    const char *s = *p;
    if (*s == '[') {
        const char *end = strchr(s, ']');
        char address[INET6_ADDRSTRLEN];
        struct in6_addr parsed;
        size_t len = end ? (size_t)(end - s - 1) : 0;
        if (!end || len >= sizeof address)
            return "has an IPv6 address that is not one";
        memcpy(address, s + 1, len);
        address[len] = '\0';
        if (inet_pton(AF_INET6, address, &parsed) != 1)
            return "has an IPv6 address that is not one";
        *p = end + 1;
        return NULL;
    }
    while (is_host_char(*s))
        s++;
    if (s == *p)
        return "has no host";
    if (s - *p > 253)
        return "has a host longer than 253 characters";
    *p = s;
    return NULL;
}

static const char *port_fault(const char **p)
{
    if (**p != ':')
        return NULL;
    const char *s = *p + 1;
    unsigned port = 0;
    size_t digits = strspn(s, "0123456789");
    for (size_t i = 0; i < digits && i < 6; i++)
        port = port * 10 + (unsigned)(s[i] - '0');
    if (digits == 0 || digits > 5 || port == 0 || port > 65535)
        return "has a port outside 1 to 65535";
    *p = s + digits;
    return NULL;
}

/* Moves *p past scheme, host and port. */
static const char *authority_fault(const char **p)
{
    if (strncmp(*p, "http://", 7) == 0)
        *p += 7;
    else if (strncmp(*p, "https://", 8) == 0)
        *p += 8;
    else
        return "does not begin with http:// or https://";
    size_t before_path = strcspn(*p, "/?#");
    if (memchr(*p, '@', before_path))
        return "holds user information; put the key into key or key_file";
    const char *fault = host_fault(p);
    return fault ? fault : port_fault(p);
}

const char *config_url_fault(const char *url)
{
    if (strlen(url) > URL_MAX)
        return "is longer than 2048 bytes";
    const char *p = url, *fault = authority_fault(&p);
    if (fault)
        return fault;
    if (strpbrk(p, "?#"))
        return "has a query or a fragment";
    if (*p && *p != '/')
        return "has a host with characters that are not allowed";
    for (; *p; p++)
        if ((unsigned char)*p <= ' ' || (unsigned char)*p >= 0x7f || strchr("\"<>\\^`{|}", *p))
            return "has a path with characters that must be percent-encoded";
    return NULL;
}

const char *config_origin_fault(const char *origin)
{
    if (strcmp(origin, "*") == 0)
        return NULL;
    const char *p = origin, *fault = authority_fault(&p);
    if (fault)
        return fault;
    return *p ? "is more than scheme://host[:port]" : NULL;
}
