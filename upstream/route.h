/* route: from the name of a model to the targets that may serve it, in the order to be tried. Pure.
 *
 *     routes: of the configuration, exact names; then the models the upstreams have themselves.
 *
 * Targets of one order are shuffled by their weights, a higher order follows. It refuses patterns. */
#ifndef LASTWORD_UPSTREAM_ROUTE_H
#define LASTWORD_UPSTREAM_ROUTE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/config.h"
#include "base/err.h"
#include "upstream/ladder.h"
#include "upstream/site.h"

struct target {
    struct site *site; /* held */
    char *model;       /* owned; as that upstream calls it */
    json_t *body;      /* owned or NULL */
};

struct pick {
    struct target targets[LADDER_TARGETS];
    size_t count;
};

struct routes {
    const struct config *config; /* borrowed */
    struct site **sites;         /* one held per config->upstreams, same order; owned array */
    size_t site_count;
    const char **names; /* of all models, each once; strings borrowed from config and sites */
    size_t name_count;
    bool names_stale;
};

/* Takes the array and the references in it over. */
void routes_init(struct routes *r, const struct config *config, struct site **sites, size_t count);
void routes_free(struct routes *r);
void routes_changed(struct routes *r); /* a site has other models now */

/* `random`: drawn from for the weights. False with *e: NOT_FOUND with the known names, or
 * UPSTREAM_UNAVAILABLE while models of an upstream are not known yet. */
bool route_find(struct routes *r, const char *model, uint32_t (*random)(void), struct pick *out,
                struct err *e);
bool route_knows(struct routes *r, const char *model, struct err *e);
void target_free(struct target *t);
void pick_free(struct pick *p);
size_t routes_names(struct routes *r, const char *const **names);

#endif
