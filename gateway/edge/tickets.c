/* tickets: POST /v1/tickets: a ticket (ticket.h) for whoever asks, as long as the credential it asks with. */
#include <stdio.h>
#include <string.h>

#include "edge/routes.h"
#include "edge/ticket.h"
#include "edge/upgrade.h"

void tickets_create(struct http_exchange *x)
{
    struct node *n = x->node;
    struct credential c = {.ticket = node_uuid(n)};
    struct buf ticket = {0}, out = {0};
    snprintf(c.owner, sizeof c.owner, "%s", x->owner->name);
    if (x->grant) {
        c.expires_ms = x->grant->expires_ms;
        c.key = x->grant->key;
        snprintf(c.models, sizeof c.models, "%s", x->grant->models);
    }
    if (!n->ticket || !n->ticket(n->authenticate_ctx, &c, n->unix_ms, &ticket)) {
        struct err e = {0};
        err_set(&e, ERR_NOT_FOUND,
                "There are no tickets here: gateways that share a store need auth.ticket_key.");
        http_reply_error(x, &e);
        return;
    }
    buf_printf(&out, "{\"ticket\":\"%s\",\"protocol\":\"" TICKET_PROTOCOL "%s\",\"expires_ms\":%d}",
               buf_cstr(&ticket), buf_cstr(&ticket), TICKET_MS);
    http_reply_json(x, 201, out.data, out.len);
    buf_free(&ticket);
    buf_free(&out);
}
