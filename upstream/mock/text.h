/* text: the deterministic prose: block after block of Markdown, or of RRML, as a function of a seed alone.
 * No clock, no state outside struct text. */
#ifndef RICHIERICH_TEXT_H
#define RICHIERICH_TEXT_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

struct text {
    uint64_t state;
    unsigned block; /* number of the next block */
};

/* FNV-1a with a final mix; `h` chains calls, 0 to begin. */
uint64_t text_hash(uint64_t h, const void *p, size_t n);

void text_begin(struct text *t, uint64_t seed);

/* Appends the next block. Markdown goes round through heading, paragraph (link, emoji), list, table, code,
 * CJK, quote, numbered list; each block but the first begins with an empty line. */
void text_markdown_block(struct text *t, struct buf *out);

/* Plain sentences, `n` words in all; one word is at most 11 bytes, so each is one token. */
void text_filler(struct text *t, size_t n, struct buf *out);

/* RRML: head and tail enclose the blocks (<card>, <link>, text). */
void text_rrml_head(struct text *t, struct buf *out);
void text_rrml_block(struct text *t, struct buf *out);
extern const char text_rrml_tail[];

#endif
