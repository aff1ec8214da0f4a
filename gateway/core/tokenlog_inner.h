/* What the two halves of tokenlog share. For tokenlog.c and tokenlog_read.c only. */
#ifndef LASTWORD_CORE_TOKENLOG_INNER_H
#define LASTWORD_CORE_TOKENLOG_INNER_H

#include "core/tokenlog.h"

/* Where the size before `pos` begins in log->sizes. */
size_t tokenlog_size_back(const struct tokenlog *log, size_t pos);
/* First byte of the record that ends at c->record_end. */
uint64_t tokenlog_record_begin(const struct tokenlog *log, const struct log_cursor *c);

#endif
