/* rescue: answers whose gateway is gone and whose owner may be connected nowhere.
 *
 *     every half second, or so    lapsed ─> acquire ─held─> another was first
 *                                              └─ok──> rescue_adopt ─> relay ─> takes over, up the ladder
 *     the store was away          a lease later, so that those who live can renew first
 *     half a minute, or so        a page of what history has as running for long ─> acquire, and so on
 *                                 (for those of which the store knows nothing)
 *
 * So every answer gets its last word though nobody asks for it. The lease says who is alive: there is no
 * other heartbeat, and no list of gateways. It refuses to judge who produces: the store does, with each
 * acquire. */
#ifndef LASTWORD_CORE_RESCUE_H
#define LASTWORD_CORE_RESCUE_H

#include "core/generation.h"

struct rescue;

/* NULL where the session store is not shared. The others take NULL. */
struct rescue *rescue_open(struct node *n);
void rescue_close(struct rescue *r);
/* node_tick's. */
void rescue_tick(struct rescue *r);
/* The store is back: leases have lapsed because nobody could renew them. */
void rescue_wait(struct rescue *r);

/* The lease of the owner's gen was acquired here: what there is is read, and it goes on. Nothing is done
 * where gen runs or is read here already: that one asks for itself. */
void rescue_adopt(struct owner *o, const struct uuid *gen, const struct uuid *chat,
                  const struct lease_result *lease);

#endif
