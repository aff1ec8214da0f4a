/* log: one JSON object a line on standard error: ts, level, event, node, then the fields.
 * It never sees prompt text, keys or tokens: callers pass ids, counts, codes and names. */
#ifndef LASTWORD_BASE_LOG_H
#define LASTWORD_BASE_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/uuid.h"

enum log_level { LOG_LEVEL_DEBUG, LOG_LEVEL_INFO, LOG_LEVEL_WARN, LOG_LEVEL_ERROR };

struct log_field {
    const char *key;
    enum { LOG_FIELD_STR, LOG_FIELD_INT, LOG_FIELD_UUID } kind;
    const char *str; /* borrowed for the call; NULL writes null */
    int64_t num;
    const struct uuid *uuid;
};
#define LF_STR(k, v)                                                                                         \
    {                                                                                                        \
        .key = (k), .kind = LOG_FIELD_STR, .str = (v)                                                        \
    }
#define LF_INT(k, v)                                                                                         \
    {                                                                                                        \
        .key = (k), .kind = LOG_FIELD_INT, .num = (int64_t)(v)                                               \
    }
#define LF_UUID(k, v)                                                                                        \
    {                                                                                                        \
        .key = (k), .kind = LOG_FIELD_UUID, .uuid = (v)                                                      \
    }

/* `fd` to write to (2 by default), `node` a name put on every line (copied). */
void log_open(int fd, enum log_level level, const char *node);
void log_set_level(enum log_level level);
bool log_level_parse(const char *name, enum log_level *out); /* debug info warn error */
void log_write(enum log_level level, const char *event, const struct log_field *fields, size_t n);

#define LOG_AT_(level, event, ...)                                                                           \
    log_write(level, event, (const struct log_field[]){__VA_ARGS__},                                         \
              sizeof((const struct log_field[]){__VA_ARGS__}) / sizeof(struct log_field))
/* At least one field: log_info("generation.done", LF_UUID("gen", &id), LF_STR("state", "complete")) */
#define log_debug(event, ...) LOG_AT_(LOG_LEVEL_DEBUG, event, __VA_ARGS__)
#define log_info(event, ...) LOG_AT_(LOG_LEVEL_INFO, event, __VA_ARGS__)
#define log_warn(event, ...) LOG_AT_(LOG_LEVEL_WARN, event, __VA_ARGS__)
#define log_error(event, ...) LOG_AT_(LOG_LEVEL_ERROR, event, __VA_ARGS__)

#endif
