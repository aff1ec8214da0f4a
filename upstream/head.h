/* head: what a response's head says to us, line by line. Pure. */
#ifndef LASTWORD_UPSTREAM_HEAD_H
#define LASTWORD_UPSTREAM_HEAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct head {
    int status;
    int64_t retry_after_ms; /* -1: not said; set it so before the first line */
    char type[48];          /* Content-Type, cut to fit; "" for none */
};

/* One line with its end. True: it was the empty one after a final head (interim heads, 1xx, are passed over).
 */
bool head_line(struct head *h, const char *line, size_t len, int64_t now_unix_ms);

#endif
