/* model: the models this server has, and what a request can set about them. A model name is
 *   richierich[-slow|-fast|...]  or  richierich-<fault>[-<mode>][-once|-forever],  and may end in
 * @option=value,... Options are the same names as the request fields. Pure. */
#ifndef RICHIERICH_MODEL_H
#define RICHIERICH_MODEL_H

#include <stdbool.h>
#include <stdint.h>

#include "answer.h"

#define MODEL_NAME_MAX 200u

enum fault {
    FAULT_NONE,
#define X(id, name, attempts, help) FAULT_##id,
#include "fault.def"
#undef X
    FAULTS
};

/* What of the fault. The first is the default of each fault that has a choice. */
enum fault_mode {
    MODE_DEFAULT,
    MODE_FIN,
    MODE_RST,
    MODE_CLOSE,
    MODE_OPEN,
    MODE_REFUSE,
    MODE_STREAM,
    MODE_DATA,
    MODE_EVENT,
    MODE_DONE,
    MODES
};

#define FAIL_UNSET INT32_MIN

struct options {
    uint32_t tokens;     /* of the whole answer */
    uint32_t token_size; /* bytes, about; 0: words */
    double rate;         /* tokens/s; 0: unpaced */
    uint32_t first_token_ms;
    double jitter; /* share of the interval, 0..1 */
    uint64_t seed;
    uint64_t offset; /* bytes of the answer to leave out (the plain dialects' prefix) */
    enum fault fault;
    enum fault_mode mode;
    int32_t fail_attempts; /* -1: for ever; FAIL_UNSET: the fault's own */
    uint32_t fault_after;  /* tokens before a fault in mid-stream */
    uint32_t retry_after;  /* seconds, s01 and s02 */
};

struct model {
    char name[MODEL_NAME_MAX + 1]; /* as asked for */
    char base[48];                 /* what the statistics count: the name without options */
    enum family family;
    struct options defaults;
};

/* False: there is no such model. */
bool model_find(const char *name, struct model *out);

/* Sets the option called `key` to `value` (decimal, or a name). *known says whether there is such an option;
 * false: the value is not one. */
bool option_set(struct options *o, const char *key, const char *value, bool *known);

/* All names, one at a time, from i = 0; false past the last. `out` holds MODEL_NAME_MAX + 1. */
bool model_name_at(unsigned i, char *out);

const char *fault_name(enum fault f); /* static; "none" */
int32_t fault_attempts(enum fault f); /* the default of fail_attempts */

#endif
