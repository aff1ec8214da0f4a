/* import_file: an exported conversation, read back. Pure.
 *
 *     bytes -> JSON -> title, messages checked -> struct import_file: questions and answers, parents by index
 *
 * It takes what GET /v1/conversations/{chat}/export gives, and less: of a message only role and text are
 * needed. It refuses what could not have been a conversation here: an answer to no question, a question
 * without an answer, a checksum that is not that of the text. Ids of the file only tie its messages together.
 */
#ifndef LASTWORD_EDGE_IMPORT_FILE_H
#define LASTWORD_EDGE_IMPORT_FILE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "store/store.h"

#define IMPORT_TITLE_MAX 200 /* bytes */
#define IMPORT_ROOT SIZE_MAX

struct import_limits {
    size_t prompt_bytes, text_bytes; /* of a question, of an answer */
    uint64_t now_ms;                 /* for messages without a time of their own; none is later */
};

struct import_message {
    bool answer;
    size_t parent;            /* index of an earlier one; IMPORT_ROOT */
    struct history_text text; /* borrowed from root */
    uint64_t created_ms;
    /* Of answers. */
    const char *model; /* borrowed; "" if not said */
    const char *state; /* static: a state of done */
    uint32_t crc;
    struct history_part *parts; /* owned */
    size_t part_count;
    struct buf outcome; /* owned: JSON of usage, timing, error, as history keeps it */
    int64_t total_ms;   /* -1: not said */
};

struct import_file {
    json_t *root;                    /* owned */
    const char *title;               /* borrowed from root; NULL: none */
    struct import_message *messages; /* owned */
    size_t count;                    /* 2 to HISTORY_CHAT_MESSAGES */
};

/* False with *e filled: what is wrong, and with which message. The caller owns *f on either answer. */
bool import_file_read(const char *body, size_t len, const struct import_limits *limits, struct import_file *f,
                      struct err *e);
void import_file_free(struct import_file *f);

#endif
