/* key_options: the arguments of `lastword key`, read and checked. */
#ifndef LASTWORD_KEY_OPTIONS_H
#define LASTWORD_KEY_OPTIONS_H

#include "base/err.h"
#include "store/keys.h"

enum key_verb { KEY_CREATE, KEY_LIST, KEY_REVOKE };

struct key_options {
    enum key_verb verb;
    const char *config; /* path; NULL: defaults */
    const char *name;   /* create; revoke: the name or the id */
    char owner[OWNER_MAX + 1];
    char models[KEY_MODELS + 1];
    const char *limits;  /* a JSON object */
    uint64_t expires_ms; /* 0: never */
    bool json;
};

/* `now_ms`: of the wall clock. False: *e says what is wrong. Borrows from argv. */
bool key_options_read(int argc, char **argv, uint64_t now_ms, struct key_options *o, struct err *e);

#endif
