/* answer: see answer.h. What every codec does with what an upstream says of itself. */
#include "upstream/answer.h"

#include <string.h>

#include "base/mem.h"

void answer_detail(char out[ANSWER_DETAIL], const char *id)
{
    size_t n = 0;
    for (; id && id[n] && n < ANSWER_DETAIL - 1; n++) {
        unsigned char c = (unsigned char)id[n];
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
                     c == '.' || c == '-';
        if (!plain)
            break;
        out[n] = id[n];
    }
    out[id && id[n] ? 0 : n] = 0; /* prose, or too long: nothing at all */
}

void answer_model(struct answer *a, const char *model)
{
    if (!model || !*model || a->model || strlen(model) > ANSWER_MODEL)
        return;
    a->model = mem_strdup(model);
}
