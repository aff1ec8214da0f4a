/* cors: see cors.h. */
#include "edge/cors.h"

#include "edge/upgrade.h"

/* A browser asks before it sends JSON or a credential to another origin. */
static bool is_preflight(const struct head *head)
{
    return head->method == HTTP_OPTIONS && head_value(head, "access-control-request-method");
}

void cors_write(struct buf *out, const struct head *head, const struct config_strings *origins)
{
    const char *origin = head_value(head, "origin");
    if (!origin || !origins->count || !upgrade_origin_allowed(origin, "", origins))
        return;
    buf_printf(out, "access-control-allow-origin: %s\r\nvary: origin\r\n", origin);
    if (is_preflight(head))
        buf_add_lit(out, "access-control-allow-methods: GET, HEAD, POST, PATCH, DELETE\r\n"
                         "access-control-allow-headers: authorization, content-type, idempotency-key, "
                         "last-event-id, lastword-chat, lastword-on-disconnect, x-request-id\r\n"
                         "access-control-max-age: 600\r\n");
    else
        buf_add_lit(
            out, "access-control-expose-headers: lastword-gen, lastword-chat, retry-after, x-request-id\r\n");
}
