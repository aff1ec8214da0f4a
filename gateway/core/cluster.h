/* cluster: what other gateways say, through the shared session store, and who hears it here. */
#ifndef LASTWORD_CORE_CLUSTER_H
#define LASTWORD_CORE_CLUSTER_H

#include "core/node.h"

/* The events of a session store that serves n; n is borrowed, and need not be ready before the store's first
 * turn. */
struct session_store_events cluster_events(struct node *n);

#endif
