/* postgres_owner: what is known of the owners that wrote lately: up to where a read must wait for writes
 * still on their way, and how far a standby must have come to show them. Bounded: whoever is forgotten is
 * covered by the farthest of all that were. This gateway's writes only; what another gateway wrote may be
 * behind on a standby by the lag of replication. */
#ifndef LASTWORD_STORE_POSTGRES_OWNER_H
#define LASTWORD_STORE_POSTGRES_OWNER_H

#include "base/list.h"
#include "store/table.h"

#define OWNERS_MAX 65536
#define LSN_UNKNOWN UINT64_MAX /* only the primary knows */

struct pgowners {
    struct table table;
    struct list recent; /* oldest first */
    size_t max;
    uint64_t floor_lsn, latest_lsn;
};

void pgowners_init(struct pgowners *o);
void pgowners_free(struct pgowners *o);

/* A write of that place in the order of all writes was called for. `settled`: writes up to there are over. */
void pgowners_wrote(struct pgowners *o, const char *name, uint64_t order, uint64_t settled);
/* It is committed, and on a standby that has replayed up to lsn; LSN_UNKNOWN: it may be committed. */
void pgowners_reached(struct pgowners *o, const char *name, uint64_t lsn);

/* The place of the owner's last write; 0: long ago. */
uint64_t pgowners_order(const struct pgowners *o, const char *name);
/* What a standby must have replayed; 0: anything will do. */
uint64_t pgowners_lsn(const struct pgowners *o, const char *name);

#endif
