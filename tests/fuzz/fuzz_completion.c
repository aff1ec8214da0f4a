/* The body of POST /v1/chat/completions and the id of an event: neither crashes nor leaks, a refusal says
 * why, and what is taken is what the route relies on. */
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "edge/openai_request.h"
#include "edge/openai_write.h"

static void require(bool holds)
{
    if (!holds)
        abort();
}

static void read_body(const char *text, size_t size)
{
    struct openai_request r;
    struct err e = {0};
    if (openai_request_read(text, size, &r, &e)) {
        json_t *messages = json_loads(r.messages_json, JSON_ALLOW_NUL, NULL);
        require(json_array_size(messages) > 0 && json_array_size(messages) <= OPENAI_MESSAGES_MAX);
        json_decref(messages);
        require(json_is_object(r.params) && !json_object_get(r.params, "messages"));
        require(strlen(r.model) <= 255 && (r.stream || !r.include_usage));
        require(utf8_valid(r.input.len ? r.input.data : "", r.input.len));
    } else {
        require(e.code == ERR_BAD_REQUEST && err_message(&e)[0]);
    }
    openai_request_free(&r);
}

/* What is taken is written back as it was. */
static void read_position(const char *text)
{
    struct openai_position p;
    if (!openai_position_read(text, &p))
        return;
    struct buf out = {0};
    openai_event_open(&out, &p);
    require(strncmp(buf_cstr(&out), "id: ", 4) == 0);
    struct openai_position again;
    out.data[strcspn(out.data, "\n")] = '\0';
    require(openai_position_read(out.data + 4, &again));
    require(again.epoch == p.epoch && again.off == p.off && again.crc == p.crc);
    buf_free(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1);
    memcpy(text, data, size);
    text[size] = '\0';
    read_body(text, size);
    read_position(text);
    free(text);
    return 0;
}
