/* openai_write: the OpenAI shapes as bytes: chunks of a stream, a whole answer, models. Pure.
 *
 *     log item -> openai_event_open, a chunk, openai_event_close -> one SSE event */
#ifndef LASTWORD_EDGE_OPENAI_WRITE_H
#define LASTWORD_EDGE_OPENAI_WRITE_H

#include <stdbool.h>

#include "base/buf.h"
#include "core/generation.h"

/* A place in the log, as the `id:` of an event. */
struct openai_position {
    uint64_t epoch, off;
    uint32_t crc;
};

/* What stands in every chunk of one answer. */
struct openai_head {
    struct uuid gen;
    uint64_t created_ms;
    const char *model; /* borrowed */
    bool usage_null;   /* include_usage: every chunk but the last says "usage":null */
};

/* "id: 1-5-81d90e1b\ndata: " and "\n\n". */
void openai_event_open(struct buf *out, const struct openai_position *p);
void openai_event_close(struct buf *out);
/* Reads "<epoch>-<off>-<crc>"; false if it is anything else. */
bool openai_position_read(const char *text, struct openai_position *p);

void openai_write_role(struct buf *out, const struct openai_head *head);
void openai_write_text(struct buf *out, const struct openai_head *head, const struct log_item *item);
/* The last chunk with a choice. finish NULL writes null. The brace that ends the object is left to the
 * caller, who may add members. */
void openai_write_finish(struct buf *out, const struct openai_head *head, const char *finish);
/* The chunk without choices that include_usage asks for. */
void openai_write_usage_chunk(struct buf *out, const struct openai_head *head, const struct outcome *o);
/* The object {prompt_tokens, completion_tokens, total_tokens}, or null where one is unknown. */
void openai_write_usage(struct buf *out, const struct outcome *o);
/* "stop", "length", "content_filter"; NULL for an outcome that is none of these. */
const char *openai_finish(const struct outcome *o);
/* The whole answer of a finished generation. */
void openai_write_answer(struct buf *out, const struct generation *g);
/* The model that serves the text at `off`, or is to serve it. Borrowed from g. */
const char *openai_model_at(const struct generation *g, uint64_t off);

void openai_write_model(struct buf *out, const char *name);

#endif
