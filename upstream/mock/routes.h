/* routes: which path does what, and the small ones themselves (models, statistics, control, whole answers).
 */
#ifndef RICHIERICH_ROUTES_H
#define RICHIERICH_ROUTES_H

#include "http.h"

/* Bearer key that /v1/ then asks for; NULL: none. Borrowed for ever. */
void routes_require_key(const char *key);

void routes_handle(struct exchange *x, const struct request *r);

#endif
