/* tongue: the table, and the gateway's own wire in it. See tongue.h. */
#include "edge/tongue.h"

#include <string.h>

#include "edge/ui_session.h"

/* ------------------------------------------------------------------ lastword.v1.json: the core's sessions */

static void *native_open(const struct tongue *d, const struct tongue_caller *who)
{
    (void)d;
    return session_open(who->node, who->io, who->conn, who->credential);
}

static size_t native_message_max(const void *talk)
{
    return session_message_max(talk);
}

static void native_receive(void *talk, const char *text, size_t len)
{
    session_receive(talk, text, len);
}

static void native_alive(void *talk)
{
    session_alive(talk);
}

static enum tongue_frame native_next(void *talk, struct buf *out)
{
    return session_next(talk, out) ? TONGUE_TEXT : TONGUE_NOTHING;
}

static void native_blocked(void *talk, bool blocked)
{
    session_blocked(talk, blocked);
}

static void native_close(void *talk, unsigned code, const char *reason)
{
    session_close(talk, code, reason);
}

static void native_closed(void *talk)
{
    session_closed(talk);
}

const struct tongue tongue_native = {
    .path = "/v1/ws",
    .protocol = "lastword.v1.json",
    .late_owner = true,
    .tickets = true,
    .open = native_open,
    .message_max = native_message_max,
    .receive = native_receive,
    .alive = native_alive,
    .next = native_next,
    .blocked = native_blocked,
    .close = native_close,
    .closed = native_closed,
};

/* ------------------------------------------------------------------ the table */

const struct tongue *const tongues[] = {
    &tongue_native, &tongue_responses, &tongue_ai, &tongue_tanstack, NULL,
};

const struct tongue *tongue_find(const char *path)
{
    for (size_t i = 0; tongues[i]; i++)
        if (strcmp(tongues[i]->path, path) == 0)
            return tongues[i];
    return NULL;
}
