/* page_files: the folder of the page as a table in memory. For page.c. */
#ifndef LASTWORD_EDGE_PAGE_FILES_H
#define LASTWORD_EDGE_PAGE_FILES_H

#include <stdbool.h>
#include <stddef.h>

enum { PAGE_PLAIN, PAGE_BR, PAGE_GZ, PAGE_FORMS };

struct page_form {
    char *data; /* owned; NULL where there is no such form */
    size_t len;
    char etag[40]; /* with its quotes; differs from form to form */
};

struct page_file {
    char *path; /* "/assets/a.js"; owned */
    const char *type;
    struct page_form forms[PAGE_FORMS];
};

/* Sorted by path; owned by the caller: page_files_free. False and a sentence in `error` on failure. */
bool page_files_read(const char *dir, struct page_file **files, size_t *count, char *error,
                     size_t error_size);
void page_files_free(struct page_file *files, size_t count);

#endif
