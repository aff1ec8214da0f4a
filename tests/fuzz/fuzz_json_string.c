/* json: the fast ways agree with jansson on every text: what is UTF-8, and how a string is written. */
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "base/json.h"

static void require(bool holds)
{
    if (!holds)
        abort();
}

static void read_back(const char *text, size_t len)
{
    struct buf written = {0};
    buf_add_lit(&written, "[");
    json_add_string(&written, text, len);
    buf_add_lit(&written, "]");
    json_t *array = json_loadb(written.data, written.len, JSON_ALLOW_NUL, NULL);
    require(array != NULL);
    const json_t *string = json_array_get(array, 0);
    require(json_string_length(string) == len && memcmp(json_string_value(string), text, len) == 0);
    json_decref(array);
    buf_free(&written);
}

static void cut_everywhere(const char *text, size_t len)
{
    for (size_t n = 0; n <= len && n < 64; n++) {
        size_t at = utf8_floor(text, n);
        require(at <= n && n - at < 4 && utf8_valid(text, at));
        require(utf8_is_boundary(text, len, at));
        require(utf8_is_boundary(text, len, n) == (at == n));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size ? size : 1); /* exact: a read past the end is seen */
    if (size)
        memcpy(text, data, size);
    json_t *judge = json_stringn(text, size);
    bool valid = utf8_valid(text, size);
    require(valid == (judge != NULL));
    json_decref(judge);
    if (valid) {
        read_back(text, size);
        cut_everywhere(text, size);
    }
    free(text);
    return 0;
}
