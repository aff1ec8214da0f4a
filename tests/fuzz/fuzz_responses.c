/* fuzz_responses: the body of POST /v1/responses, and the number after which a stream goes on. What is taken
 * has a message to ask with and nothing that is ours in what goes to the upstream; what is refused says why.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "edge/response_place.h"
#include "edge/response_request.h"

static void check_taken(const struct response_request *r)
{
    static const char *const ours[] = {"input",    "model", "instructions", "stream", "previous_response_id",
                                       "metadata", "store", "tools",        "text",   "conversation"};
    size_t count = json_array_size(r->messages);
    const char *text = json_string_value(r->last_user);
    if (!text || count == 0 || count > RESPONSE_ITEMS_MAX || (r->plain && count != 1) ||
        (r->has_previous && r->has_conversation) || !json_is_object(r->note) ||
        !utf8_valid(text, json_string_length(r->last_user)))
        abort();
    for (size_t i = 0; i < count; i++) {
        const json_t *message = json_array_get(r->messages, i);
        if (!json_is_string(json_object_get(message, "role")) ||
            !json_is_string(json_object_get(message, "content")))
            abort();
    }
    for (size_t i = 0; i < sizeof ours / sizeof *ours; i++)
        if (json_object_get(r->params, ours[i]))
            abort();
}

static void check_request(const char *p, size_t len)
{
    struct response_request r;
    struct err e = {0};
    if (response_request_read(p, len, &r, &e))
        check_taken(&r);
    else if (e.code != ERR_BAD_REQUEST || !*err_message(&e))
        abort();
    response_request_free(&r);
}

/* One that is taken is that of an event, and the only one of it. */
static void check_number(const char *p, size_t len)
{
    char digits[32];
    struct response_place place, again;
    len = len < sizeof digits - 1 ? len : sizeof digits - 1;
    memcpy(digits, p, len);
    digits[len] = 0;
    if (!response_place_read(digits, &place))
        return;
    uint64_t number = response_place_number(&place);
    if (number >= 1ull << 53 || number != strtoull(digits, NULL, 10))
        abort();
    snprintf(digits, sizeof digits, "%llu", (unsigned long long)number);
    if (!response_place_read(digits, &again) || again.off != place.off || again.slot != place.slot)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t len)
{
    check_request((const char *)p, len);
    check_number((const char *)p, len);
    return 0;
}
