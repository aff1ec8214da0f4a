/* words: looking for words in text, without regard to case, anywhere in it (so that Chinese or Japanese,
 * which has no spaces, is found). It folds the case of Latin, Greek and Cyrillic; other letters match as they
 * are. It knows no database. */
#ifndef LASTWORD_STORE_WORDS_H
#define LASTWORD_STORE_WORDS_H

#include "base/buf.h"
#include "store/store.h"

#define WORDS_MAX 16
#define WORD_CHARS 64

/* What is searched for: folded characters. */
struct words {
    size_t count;
    struct {
        uint32_t chars[WORD_CHARS];
        size_t len;
    } item[WORDS_MAX];
};

/* Splits at white space. Words beyond WORDS_MAX and characters beyond WORD_CHARS are not looked for. */
void words_parse(struct words *w, const char *text, size_t len);
/* True when all occur; *at (unless NULL) is then the byte where the first word begins. */
bool words_match(const struct words *w, const char *text, size_t len, size_t *at);
/* Some text around `at`, borrowed from `text`. */
struct history_text words_snippet(struct history_text text, size_t at);
/* The simple lower case of a character. */
uint32_t words_fold(uint32_t c);
/* The first character of a text that is not empty, folded, and how many bytes it takes; bytes that are not
 * UTF-8 pass one by one. */
uint32_t words_char(const char *text, size_t len, size_t *used);
/* Appends the text with every character folded, and NUL as a space. */
void words_fold_text(struct buf *out, struct history_text text);
/* Appends one character as UTF-8. */
void words_put(struct buf *out, uint32_t c);

#endif
