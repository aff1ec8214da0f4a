/* anthropic: POST /v1/messages, as Anthropic streams it: named events, blocks, usage at both ends. Streams
 * only.
 */
#ifndef RICHIERICH_ANTHROPIC_H
#define RICHIERICH_ANTHROPIC_H

#include "http.h"

void anthropic_messages(struct exchange *x, const struct request *r);

http_error_body anthropic_error; /* {"type":"error","error":{…}} */

#endif
