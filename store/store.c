/* store: what both interfaces share, the names of their statuses. Adapters live in their own files. */
#include "store/store.h"

const char *store_status_name(enum store_status status)
{
    static const char *const names[] = {
        [STORE_OK] = "ok",
        [STORE_EXISTS] = "exists",
        [STORE_NOT_FOUND] = "not_found",
        [STORE_NO_PARENT] = "no_parent",
        [STORE_FENCED] = "fenced",
        [STORE_WRONG_POSITION] = "wrong_position",
        [STORE_HELD] = "held",
        [STORE_FULL] = "full",
        [STORE_UNAVAILABLE] = "unavailable",
        [STORE_CORRUPT] = "corrupt",
    };
    if ((unsigned)status >= sizeof(names) / sizeof(*names))
        return "unknown";
    return names[status];
}
