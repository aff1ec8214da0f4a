/* ui_out: whole frames on their way to the socket, and words that both dialects share. See ui.h. */
#include <string.h>

#include "edge/ui.h"

struct buf *ui_out_begin(struct ui_out *o, size_t *mark)
{
    static const char room[4];
    *mark = o->buf.len;
    buf_add(&o->buf, room, sizeof room);
    return &o->buf;
}

void ui_out_end(struct ui_out *o, size_t mark)
{
    uint32_t len = (uint32_t)(o->buf.len - mark - sizeof len);
    memcpy(o->buf.data + mark, &len, sizeof len);
}

bool ui_out_next(struct ui_out *o, struct buf *out)
{
    uint32_t len;
    if (o->read == o->buf.len)
        return false;
    memcpy(&len, o->buf.data + o->read, sizeof len);
    buf_add(out, o->buf.data + o->read + sizeof len, len);
    o->read += sizeof len + len;
    if (o->read == o->buf.len)
        ui_out_free(o); /* whoever has nothing to say holds nothing */
    return true;
}

void ui_out_free(struct ui_out *o)
{
    buf_free(&o->buf);
    o->read = 0;
}

const char *ui_outcome_text(const struct outcome *outcome, struct err *e)
{
    *e = outcome->error;
    if (strcmp(outcome->state, "cancelled") == 0)
        err_set(e, ERR_CONFLICT, "The answer was cancelled.");
    else if (strcmp(outcome->state, "truncated") == 0)
        err_set(e, e->code ? e->code : ERR_UPSTREAM_ERROR, "The answer broke off and is not complete: %s",
                err_message(&outcome->error));
    else if (!e->code)
        err_set(e, ERR_UPSTREAM_ERROR, NULL);
    return err_message(e);
}
