/* openai_ids: see openai_ids.h. */
#include "edge/openai_ids.h"

#include <string.h>
#include <strings.h>

#include "core/owner.h"
#include "edge/derive.h"

#define KEY_MAX 4095

/* True if the gen comes from the client, and the request may be a repeated one. */
static bool read_gen(struct http_exchange *x, struct send *s)
{
    char key[KEY_MAX + 1];
    if (!http_header(x, "idempotency-key", key, sizeof key) || !*key) {
        s->gen = node_uuid(x->node);
        return false;
    }
    s->gen = derive_id("gen", x->owner->name, key);
    return true;
}

static bool read_chat(struct http_exchange *x, struct send *s, struct err *e)
{
    bool repeatable = read_gen(x, s);
    char text[UUID_TEXT + 2];
    if (http_header(x, "lastword-chat", text, sizeof text)) {
        if (!uuid_parse(&s->chat, text, strlen(text)))
            return err_set(e, ERR_BAD_REQUEST, "Lastword-Chat must be a lower-case, hyphenated UUID.");
        s->parent_choice = PARENT_ABSENT;
        return true;
    }
    /* A repeated request must name the same conversation, or it would be another request. */
    s->chat =
        repeatable ? derive_uuid("chat", x->owner->name, s->gen.b, sizeof s->gen.b) : node_uuid(x->node);
    s->parent_choice = PARENT_NULL;
    return true;
}

static bool read_disconnect(struct http_exchange *x, struct send *s, struct err *e)
{
    char text[16];
    if (!http_header(x, "lastword-on-disconnect", text, sizeof text))
        return true;
    s->cancel_on_disconnect = strcasecmp(text, "cancel") == 0;
    if (s->cancel_on_disconnect || strcasecmp(text, "continue") == 0)
        return true;
    return err_set(e, ERR_BAD_REQUEST, "Lastword-On-Disconnect must be continue or cancel.");
}

bool openai_ids_read(struct http_exchange *x, struct send *s, struct err *e)
{
    return read_chat(x, s, e) && read_disconnect(x, s, e);
}
