/* openai_template: the fast path. Events of one stream differ in little but the text they carry.
 *
 *     data: {"id":"…","choices":[{"delta":{"content":"|text|"},"finish_reason":null}]}  LF LF
 *     `------------------- before -------------------'      `------------ after ------------'
 *
 * A template is learned from an event that jansson has decoded, and proved: a second parse with another
 * string in the hole must give exactly that string and nothing else different. From then on two comparisons
 * and an unescape stand for the parse. Whatever does not match goes to jansson. Pure. */
#ifndef LASTWORD_UPSTREAM_OPENAI_TEMPLATE_H
#define LASTWORD_UPSTREAM_OPENAI_TEMPLATE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "upstream/upstream.h"

#define OPENAI_TEMPLATE_MAX 2048u /* before and after together, bytes */

struct openai_template {
    char *bytes; /* owned: before, then after; NULL while nothing is learned */
    uint16_t before, after;
    uint16_t lead;  /* of `before`: "data: ", what stands before the event's data */
    uint16_t tail;  /* of `after`: the line ends */
    uint8_t part;   /* enum answer_part */
    uint8_t credit; /* how often it may still be learned; grows with use */
    uint16_t used;
};

void openai_template_init(struct openai_template *t);
void openai_template_free(struct openai_template *t);

/* Tries to learn from the event whose raw bytes are raw[0..raw_len), its one data line being data[0..len)
 * inside them (raw NULL: the event was not whole in one read, so its frame is not known: nothing is learned).
 * `root`: the event decoded; the caller knows that it is a plain delta of `part` with the text `text`. */
void openai_template_learn(struct openai_template *t, const json_t *root, enum answer_part part,
                           const char *raw, size_t raw_len, const char *data, size_t len);

/* A template learned without its frame (from an event cut between reads) gets it from this whole event, which
 * openai_template_data has just matched. Does nothing otherwise. */
void openai_template_widen(struct openai_template *t, const char *raw, size_t raw_len, const char *data,
                           size_t len);

/* The bytes after the whole event that begins at p, its text appended to `out`; NULL if it does not match
 * (then `out` is as before). `text_len` gets the length of what was appended. */
const char *openai_template_frame(struct openai_template *t, const char *p, const char *end, struct buf *out,
                                  size_t *text_len);
/* The same for the data of an event that sse has put together. */
bool openai_template_data(struct openai_template *t, const char *data, size_t len, struct buf *out,
                          size_t *text_len);

#endif
