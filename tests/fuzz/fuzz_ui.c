/* Whatever a chat library's client sends: reading it neither crashes nor leaks, says why when it refuses, and
 * what it takes has what a send or a resume needs. */
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "edge/ui.h"

static void require(bool holds)
{
    if (!holds)
        abort();
}

static void read_by(const struct ui_dialect *d, const char *text, size_t size)
{
    struct ui_ask ask;
    struct err e = {0};
    enum read_verdict verdict = d->read(text, size, &ask, &e);
    require((verdict == READ_BAD) == (e.code == ERR_BAD_REQUEST));
    require(verdict != READ_BAD || err_message(&e)[0]);
    if (verdict == READ_OK) {
        require(ask.id && strlen(ask.id) <= UI_ID_MAX);
        require(ask.type == UI_ABORT || ask.chat);
        require((ask.type == UI_SEND) == (ask.messages_json != NULL));
        require(ask.type != UI_SEND || utf8_valid(ask.messages_json, strlen(ask.messages_json)));
    }
    ui_ask_free(&ask);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size ? size : 1); /* a read beyond it is seen */
    memcpy(text, data, size);
    if (utf8_valid(text, size)) { /* the edge closes with 1007 before a dialect sees it */
        read_by(&ui_ai, text, size);
        read_by(&ui_tanstack, text, size);
    }
    free(text);
    return 0;
}
