/* protocol_scan: a recogniser of RFC 8259, one byte of memory a level. See protocol_scan.h.
 *
 *     value -> { name : value , ... }  [ value , ... ]  "string"  number  word
 *
 * It recurses nowhere, so that depth costs memory only, which limits.message_bytes bounds. */
#include "core/protocol_scan.h"

#include <string.h>

#include "base/buf.h"

struct scan {
    const char *p, *end;
    struct buf open; /* the bracket of each level */
    struct scan_string name;
    struct scan_string *type, *gen;
};

static void skip_space(struct scan *s)
{
    while (s->p < s->end && (*s->p == ' ' || *s->p == '\t' || *s->p == '\n' || *s->p == '\r'))
        s->p++;
}

/* The next byte after any space; 0 at the end. A NUL in the text fits nowhere either. */
static char peek(struct scan *s)
{
    skip_space(s);
    return s->p < s->end ? *s->p : 0;
}

static bool take(struct scan *s, char c)
{
    bool there = peek(s) == c && c;
    s->p += there;
    return there;
}

static char top(const struct scan *s)
{
    return s->open.len ? s->open.data[s->open.len - 1] : 0;
}

/* ------------------------------------------------------------------ what has no inside */

static bool digits(struct scan *s)
{
    const char *begin = s->p;
    while (s->p < s->end && *s->p >= '0' && *s->p <= '9')
        s->p++;
    return s->p > begin;
}

static bool next_is(struct scan *s, const char *set)
{
    bool there = s->p < s->end && *s->p && strchr(set, *s->p);
    s->p += there;
    return there;
}

static bool scan_number(struct scan *s)
{
    next_is(s, "-");
    if (!next_is(s, "0") && !digits(s))
        return false;
    if (next_is(s, ".") && !digits(s))
        return false;
    if (!next_is(s, "eE"))
        return true;
    next_is(s, "+-");
    return digits(s);
}

static bool scan_word(struct scan *s)
{
    static const char *const words[] = {"true", "false", "null"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        size_t len = strlen(words[i]);
        if ((size_t)(s->end - s->p) >= len && memcmp(s->p, words[i], len) == 0) {
            s->p += len;
            return true;
        }
    }
    return false;
}

/* After the backslash. */
static bool scan_escape(struct scan *s)
{
    if (!next_is(s, "u"))
        return next_is(s, "\"\\/bfnrt");
    for (int i = 0; i < 4; i++)
        if (!next_is(s, "0123456789abcdefABCDEF"))
            return false;
    return true;
}

static bool scan_string(struct scan *s, struct scan_string *out)
{
    if (!take(s, '"'))
        return false;
    out->at = s->p;
    while (s->p < s->end && *s->p != '"') {
        unsigned char c = (unsigned char)*s->p++;
        if (c < 0x20 || (c == '\\' && !scan_escape(s)))
            return false;
    }
    out->len = (size_t)(s->p - out->at);
    return take(s, '"');
}

/* ------------------------------------------------------------------ what has */

static bool named(const struct scan *s, const char *name)
{
    return s->open.len == 1 && s->name.len == strlen(name) && memcmp(s->name.at, name, s->name.len) == 0;
}

/* A member of the object itself: noted, the last of a name counting, as jansson has it. */
static void note(struct scan *s, struct scan_string value)
{
    if (named(s, "type"))
        *s->type = value;
    else if (named(s, "gen"))
        *s->gen = value;
}

static bool scan_name(struct scan *s)
{
    return scan_string(s, &s->name) && take(s, ':');
}

/* A value, or the beginning of one with an inside, up to where a value is expected again (*more) or one has
 * ended. */
static bool scan_value(struct scan *s, bool *more)
{
    struct scan_string value = {0};
    char c = peek(s);
    *more = false;
    if (c == '{' || c == '[') {
        note(s, value);
        s->p++;
        buf_add_char(&s->open, c);
        *more = peek(s) != (c == '{' ? '}' : ']');
        return !*more || c == '[' || scan_name(s);
    }
    if (c == '"' && !scan_string(s, &value))
        return false;
    note(s, value);
    return c == '"' || (c == '-' || (c >= '0' && c <= '9') ? scan_number(s) : scan_word(s));
}

/* After a value: a comma and on (*more), or brackets that close. */
static bool scan_end(struct scan *s, bool *more)
{
    *more = false;
    while (top(s)) {
        if (take(s, ',')) {
            *more = true;
            return top(s) == '[' || scan_name(s);
        }
        if (!take(s, top(s) == '{' ? '}' : ']'))
            return false;
        s->open.len--;
    }
    return true;
}

bool protocol_scan(const char *text, size_t len, struct scan_string *type, struct scan_string *gen)
{
    struct scan s = {.p = text, .end = text + len, .type = type, .gen = gen};
    *type = *gen = (struct scan_string){0};
    bool more = true, good = peek(&s) == '{';
    while (good && more) {
        good = scan_value(&s, &more);
        if (good && !more)
            good = scan_end(&s, &more);
    }
    skip_space(&s);
    buf_free(&s.open);
    return good && s.p == s.end;
}
