/* Whatever a client sends: protocol_read neither crashes nor leaks, says why when it refuses, and what it
 * takes obeys the limits that the session relies on. What is an object is the same to jansson and to our own
 * recogniser. */
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "core/protocol.h"
#include "core/protocol_scan.h"

static void require(bool holds)
{
    if (!holds)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct client_message m;
    struct err e = {0};
    bool is_hello;
    char *text = malloc(size + 1);
    memcpy(text, data, size);
    if (!utf8_valid(text, size)) { /* the edge closes with 1007 before the core sees it */
        free(text);
        return 0;
    }
    enum read_verdict verdict = protocol_read(text, size, &m, &is_hello, &e);
    if (verdict == READ_OK) {
        require(m.type < CLIENT_TYPES && (m.resume_count == 0 || m.resumes));
        for (size_t i = 0; i < m.resume_count; i++)
            require(m.resumes[i].mark_count <= PROTOCOL_MARKS_MAX && m.resumes[i].off < (uint64_t)1 << 53);
        protocol_done(&m);
    } else {
        require(m.root == NULL && m.resumes == NULL);
        require((verdict == READ_BAD) == (e.code == ERR_BAD_REQUEST));
        require(verdict != READ_BAD || err_message(&e)[0]);
    }
    struct scan_string type, gen;
    require(protocol_scan(text, size, &type, &gen) == (verdict != READ_NOT_OBJECT));
    free(text);
    return 0;
}
