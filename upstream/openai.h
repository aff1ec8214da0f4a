/* openai: the codec of OpenAI's chat completions, as many servers speak it. Pure: bytes in, bytes out.
 *
 *     ask -> openai_build -> request body
 *     response bytes -> openai_feed -> sse -> template (openai_template.h) or jansson -> gather, answer
 *
 * It refuses to retry, to wait and to interpret text. Tool calls are noticed, not shown. */
#ifndef LASTWORD_UPSTREAM_OPENAI_H
#define LASTWORD_UPSTREAM_OPENAI_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "upstream/answer.h"
#include "upstream/openai_template.h"
#include "upstream/sse.h"

/* Appends the request body: always streaming, usage always asked for. */
void openai_build(struct buf *out, const struct ask *ask);
/* Appends the "messages" array of a prompt: its messages_json as it is, or its messages. False when
 * messages_json is not the text of an array (it is not parsed, only looked at). */
bool openai_messages(struct buf *out, const struct prompt *prompt);

/* ------------------------------------------------------------ one event */

/* What one event says. Strings are borrowed from the event or from `root`. */
struct openai_delta {
    const char *text, *reasoning; /* NULL: none */
    size_t text_len, reasoning_len;
    enum finish finish;
    enum failure failure;
    char detail[ANSWER_DETAIL];
    const char *model;
    int64_t prompt_tokens, completion_tokens; /* -1 */
    bool done, other;
    json_t *root; /* owned: openai_delta_free */
    char *joined; /* owned: content that came in several pieces */
};

/* False: malformed (nothing to free then). `name` is the SSE event's name, len 0 for none. */
bool openai_decode(struct openai_delta *d, const char *name, size_t name_len, const char *data, size_t len);
void openai_delta_free(struct openai_delta *d);

/* The body of an answer other than 200: why it failed, `detail` as in struct answer. */
enum failure openai_refusal(int status, const char *body, size_t len, char detail[ANSWER_DETAIL]);

/* ------------------------------------------------------------ one stream */

enum openai_shape { OPENAI_UNKNOWN, OPENAI_EVENTS, OPENAI_WHOLE };

struct openai_stream {
    struct sse sse;
    struct openai_template fast;
    enum openai_shape shape;
    struct buf body; /* of an answer that is one JSON object, or of a refusal */
    size_t max;      /* bytes of one event, and of that body */
};

/* `max_event`: bytes. `content_type`: of the response, NULL or "" when it has none. */
void openai_stream_init(struct openai_stream *s, size_t max_event);
void openai_stream_type(struct openai_stream *s, const char *content_type);
void openai_stream_free(struct openai_stream *s);

/* Decodes all of p[0..len): text goes to `g` (whose owner is the caller's), the rest to `a`. After an end
 * mark or an error the remaining bytes are ignored. */
void openai_feed(struct openai_stream *s, struct gather *g, struct answer *a, const char *p, size_t len);
/* The body ended properly: an answer that is not a stream is decoded now, and an event that lacks its empty
 * line. */
void openai_end(struct openai_stream *s, struct gather *g, struct answer *a);

#endif
