/* What the two halves of tokenlog share. For tokenlog*.c and record.c only. */
#ifndef LASTWORD_CORE_TOKENLOG_INNER_H
#define LASTWORD_CORE_TOKENLOG_INNER_H

#include "core/tokenlog.h"

/* Where the size before `pos` begins in log->sizes. */
size_t tokenlog_size_back(const struct tokenlog *log, size_t pos);
/* First byte of the record that ends at c->record_end. */
uint64_t tokenlog_record_begin(const struct tokenlog *log, const struct log_cursor *c);

/* The text record that begins at `off`, which is less than the end; seq 0 when none begins just there. */
struct log_run {
    uint64_t seq;
    size_t len;
    enum log_part part;
};
struct log_run tokenlog_record_at(const struct tokenlog *log, uint64_t off);

#endif
