/* request: see request.h. */
#include "edge/request.h"

#include <string.h>
#include <strings.h>

#define LENGTH_DIGITS 15

bool request_has_token(const char *list, const char *token)
{
    size_t want = strlen(token);
    while (*list) {
        list += strspn(list, ", \t");
        size_t len = strcspn(list, ",");
        size_t trimmed = len;
        while (trimmed && (list[trimmed - 1] == ' ' || list[trimmed - 1] == '\t'))
            trimmed--;
        if (trimmed == want && strncasecmp(list, token, want) == 0)
            return true;
        list += len;
    }
    return false;
}

static int refuse(struct err *e, int status, enum err_code code, const char *param, const char *message)
{
    err_set(e, code, "%s", message);
    e->param = param;
    return status;
}

static bool parse_length(const char *s, uint64_t *out)
{
    size_t digits = strspn(s, "0123456789");
    if (!digits || digits > LENGTH_DIGITS || s[digits])
        return false;
    for (*out = 0; *s; s++)
        *out = *out * 10 + (uint64_t)(*s - '0');
    return true;
}

static bool may_have_body(enum http_method method)
{
    return method == HTTP_POST || method == HTTP_PATCH || method == HTTP_OTHER;
}

/* A head that two readers could frame differently is refused (request smuggling). */
static int check_chunked(const struct head *head, struct request_plan *plan, struct err *e)
{
    if (head_count(head, "content-length"))
        return refuse(e, 400, ERR_BAD_REQUEST, "transfer-encoding",
                      "Content-Length and Transfer-Encoding exclude each other.");
    if (head_count(head, "transfer-encoding") > 1 ||
        strcasecmp(head_value(head, "transfer-encoding"), "chunked") != 0)
        return refuse(e, 501, ERR_BAD_REQUEST, "transfer-encoding", "Only chunked is known.");
    if (!plan->http11 || !may_have_body(head->method))
        return refuse(e, 400, ERR_BAD_REQUEST, "transfer-encoding", "It has no place in this request.");
    plan->framing = REQUEST_CHUNKED;
    return 0;
}

static int check_framing(const struct head *head, size_t body_max, struct request_plan *plan, struct err *e)
{
    if (head_value(head, "transfer-encoding"))
        return check_chunked(head, plan, e);
    const char *length = head_value(head, "content-length");
    if (head_count(head, "content-length") > 1)
        return refuse(e, 400, ERR_BAD_REQUEST, "content-length", "There must be one Content-Length.");
    if (length && !parse_length(length, &plan->length))
        return refuse(e, 400, ERR_BAD_REQUEST, "content-length", "Content-Length must be a decimal number.");
    if (plan->length > body_max)
        return refuse(e, 413, ERR_TOO_LARGE, "content-length",
                      "The body is larger than limits.http_body_bytes.");
    plan->framing = plan->length ? REQUEST_LENGTH : REQUEST_NO_BODY;
    return 0;
}

static int check_expect(const struct head *head, struct request_plan *plan, struct err *e)
{
    const char *expect = head_value(head, "expect");
    if (!expect || !*expect)
        return 0;
    if (strcasecmp(expect, "100-continue") != 0)
        return refuse(e, 417, ERR_BAD_REQUEST, "expect", "Only 100-continue is known.");
    plan->expects_continue = plan->http11 && plan->framing != REQUEST_NO_BODY;
    return 0;
}

int request_check(const struct head *head, size_t body_max, struct request_plan *plan, struct err *e)
{
    memset(plan, 0, sizeof *plan);
    plan->http11 = strcmp(head->version, "HTTP/1.1") == 0;
    unsigned hosts = head_count(head, "host");
    if (hosts > 1 || (plan->http11 && !hosts))
        return refuse(e, 400, ERR_BAD_REQUEST, "host", "There must be one Host header.");
    int status = check_framing(head, body_max, plan, e);
    if (status)
        return status;
    plan->keep_alive = plan->http11 ? !head_has_token(head, "connection", "close")
                                    : head_has_token(head, "connection", "keep-alive");
    return check_expect(head, plan, e);
}

bool request_id_is_sane(const char *id)
{
    size_t len = strspn(id, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-");
    return len >= 1 && len <= 64 && !id[len];
}

const char *request_bearer(const char *authorization)
{
    if (strncasecmp(authorization, "Bearer ", 7) != 0)
        return NULL;
    const char *token = authorization + 7;
    return token + strspn(token, " ");
}

const char *request_status_text(int status)
{
    static const struct {
        int status;
        const char *text;
    } table[] = {
        {200, "OK"},
        {201, "Created"},
        {202, "Accepted"},
        {204, "No Content"},
        {206, "Partial Content"},
        {304, "Not Modified"},
        {400, "Bad Request"},
        {401, "Unauthorized"},
        {403, "Forbidden"},
        {404, "Not Found"},
        {405, "Method Not Allowed"},
        {408, "Request Timeout"},
        {409, "Conflict"},
        {410, "Gone"},
        {413, "Content Too Large"},
        {414, "URI Too Long"},
        {415, "Unsupported Media Type"},
        {416, "Range Not Satisfiable"},
        {417, "Expectation Failed"},
        {422, "Unprocessable Content"},
        {426, "Upgrade Required"},
        {429, "Too Many Requests"},
        {431, "Request Header Fields Too Large"},
        {500, "Internal Server Error"},
        {501, "Not Implemented"},
        {502, "Bad Gateway"},
        {503, "Service Unavailable"},
        {504, "Gateway Timeout"},
        {505, "HTTP Version Not Supported"},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (table[i].status == status)
            return table[i].text;
    return status < 400 ? "OK" : "Error";
}
