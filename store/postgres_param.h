/* postgres_param: the parameters of one statement in Postgres' binary form. Knows bytes, no connection. */
#ifndef LASTWORD_STORE_POSTGRES_PARAM_H
#define LASTWORD_STORE_POSTGRES_PARAM_H

#include "base/buf.h"
#include "base/uuid.h"
#include "store/store.h"

#define PARAMS_MAX 20

struct pgparam {
    const char *borrowed; /* NULL: at `at` of params.bytes */
    size_t at, len;
    bool null;
};

/* Zeroed to begin with; pgparams_free or pgparams_clear afterwards. */
struct pgparams {
    struct pgparam item[PARAMS_MAX];
    int count;
    struct buf bytes;
    size_t head, elements; /* of the array being written */
};

void pgparams_free(struct pgparams *p);
void pgparams_clear(struct pgparams *p);

/* Each appends the next parameter. */
void pgparam_null(struct pgparams *p);
void pgparam_int(struct pgparams *p, int64_t v); /* bigint */
void pgparam_bool(struct pgparams *p, bool v);
void pgparam_str(struct pgparams *p, const char *s); /* text; NULL is null */
/* text of a length; the bytes are borrowed until the statement is sent, as in what follows. */
void pgparam_text(struct pgparams *p, const char *s, size_t len);
void pgparam_copy(struct pgparams *p, struct history_text t); /* text, copied */
void pgparam_uuid(struct pgparams *p, const struct uuid *u);
void pgparam_bytes(struct pgparams *p, struct history_text t); /* bytea */
void pgparam_bits(struct pgparams *p, struct history_text t);  /* bit varying, whole bytes */

/* An array: start, elements, end. The elements are copied. */
enum pgtype { PGTYPE_BYTES = 17, PGTYPE_INT = 20, PGTYPE_TEXT = 25, PGTYPE_BITS = 1562, PGTYPE_UUID = 2950 };
void pgarray_start(struct pgparams *p, enum pgtype type);
void pgarray_null(struct pgparams *p);
void pgarray_int(struct pgparams *p, int64_t v);
void pgarray_bytes(struct pgparams *p, const void *data, size_t len); /* text, bytea, uuid */
void pgarray_bits(struct pgparams *p, struct history_text t);
void pgarray_end(struct pgparams *p);

/* The parameter's bytes, borrowed from p until it is changed; NULL for null. */
const char *pgparam_at(const struct pgparams *p, int i, int *len);

#endif
