/* signature: a small set of bits that tells which texts cannot hold a word, so that a search touches few
 * texts and writing needs no index. Each run of three characters of a text, folded as words.h folds them,
 * sets one bit (a Bloom filter with one hash). A text may hold a word only if all bits of the word's runs are
 * set.
 *
 *     text of n bytes -> 2^k bits, n < 2^k <= 2n, from 128 up to 32768
 *
 * So it takes an eighth to a quarter of the text (16 bytes at least, 4096 at most). In two kilobytes of prose
 * a third of the bits are set, and one text in seven that does not hold a word of six letters is looked at
 * all the same, half of them because they do hold its runs. Knows no database. */
#ifndef LASTWORD_STORE_SIGNATURE_H
#define LASTWORD_STORE_SIGNATURE_H

#include "base/buf.h"
#include "store/words.h"

#define SIGNATURE_LEVELS 9 /* 128, 256, ... 32768 bits */
#define SIGNATURE_BITS_MIN 128
#define SIGNATURE_BYTES_MAX 4096

/* Appends the signature of a text; nothing for an empty one. */
void signature_of(struct history_text text, struct buf *out);
/* Appends what must be set in a signature of that level, from 0, of a text that holds all words. Words of
 * fewer than three characters ask for nothing. */
void signature_mask(const struct words *words, int level, struct buf *out);

#endif
