/* page: the chat page's files, read once at start and served from memory. It refuses to open a file for a
 * request: what was not there at start is not there. */
#ifndef LASTWORD_EDGE_PAGE_H
#define LASTWORD_EDGE_PAGE_H

#include "edge/http.h"

#define PAGE_FILES_MAX 2048
#define PAGE_BYTES_MAX ((size_t)64 << 20) /* of all files together */

/* Reads `dir` with its subfolders; "" gives a page of one sentence. False and a sentence in `error` when it
 * cannot be read, has no index.html, or is over a limit. A second call replaces the first. */
bool page_open(const char *dir, char *error, size_t error_size);
void page_close(void);

/* Is there a file for this path ("/" is index.html)? */
bool page_has(const char *path);
/* Answers a GET or HEAD of a path that page_has. */
void page_serve(struct http_exchange *x);

#endif
