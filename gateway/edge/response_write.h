/* response_write: a generation as an object of the Responses API, and the parts of its events. Pure.
 *
 *     generation, note -> {"id":"resp_<gen>","object":"response","status":…,"output":[…],…} */
#ifndef LASTWORD_EDGE_RESPONSE_WRITE_H
#define LASTWORD_EDGE_RESPONSE_WRITE_H

#include <jansson.h>

#include "core/generation.h"
#include "edge/response_place.h"

/* "completed", "incomplete", "failed", "cancelled", "in_progress", "queued". */
const char *response_status(const struct generation *g);

/* As it stands. `note`: what it says again of the request; NULL where that is not known. */
void response_write(struct buf *out, const struct generation *g, const json_t *note);
/* As it began: in progress, without output. */
void response_write_begun(struct buf *out, const struct generation *g, const json_t *note);

/* "msg_<gen>_<index>", "rs_<gen>_<index>": unquoted. */
void response_write_item_id(struct buf *out, const struct generation *g, const struct response_run *run);
/* An output item; its text is that of the run, or none yet if `open`. */
void response_write_item(struct buf *out, const struct generation *g, const struct response_run *run,
                         bool open);
/* Its one part of content. */
void response_write_part(struct buf *out, const struct generation *g, const struct response_run *run,
                         bool open);

#endif
