/* redis_setup: the first words on a connection, sent together: who we are, which database, whether this is a
 * master (a replica would take nothing), and the functions. Whatever is refused drops the link, with Redis'
 * own words as the reason. */
#include <stdio.h>
#include <string.h>

#include "store/redis.h"
#include "store/redis_functions.h"
#include "store/redis_resp.h"

static void add_words(struct buf *b, const struct redis_store *s, unsigned step)
{
    char db[16];
    switch (step) {
    case SETUP_AUTH:
        resp_head(b, *s->url.user ? 3 : 2);
        resp_str(b, "AUTH");
        if (*s->url.user)
            resp_str(b, s->url.user);
        resp_str(b, s->url.password);
        break;
    case SETUP_SELECT:
        snprintf(db, sizeof(db), "%d", s->url.db);
        resp_head(b, 2);
        resp_str(b, "SELECT");
        resp_str(b, db);
        break;
    case SETUP_NAME:
        resp_head(b, 3);
        resp_str(b, "CLIENT");
        resp_str(b, "SETNAME");
        resp_str(b, s->hearing.channel); /* has no odd letters */
        break;
    case SETUP_MASTER:
        resp_head(b, 1);
        resp_str(b, "ROLE");
        break;
    case SETUP_CLUSTER:
        resp_head(b, 2);
        resp_str(b, "CLUSTER");
        resp_str(b, "INFO");
        break;
    default:
        resp_head(b, 3);
        resp_str(b, "FUNCTION");
        resp_str(b, "LOAD");
        resp_str(b, redis_functions);
    }
}

/* NULL: well; otherwise what is not. */
static const char *fault_of(unsigned step, const struct redisReply *reply)
{
    const char *text = reply_text(reply, NULL);
    if (step == SETUP_NAME)
        return NULL; /* a courtesy */
    if (step == SETUP_MASTER && !reply_is_error(reply))
        return strcmp(reply_text(reply_at(reply, 0), NULL), "master") == 0 ? NULL : "it is not a master";
    if (step == SETUP_CLUSTER && !reply_is_error(reply))
        return strstr(text, "cluster_state:ok") ? NULL : "its cluster is down";
    if (step == SETUP_FUNCTIONS && strstr(text, "already exists"))
        return NULL; /* the very ones: their name is a digest */
    return reply_is_error(reply) ? text : NULL;
}

static void on_answer(struct link_request *request, const struct redisReply *reply)
{
    struct setup_request *r = list_entry(request, struct setup_request, request);
    struct setup *setup = r->setup;
    if (!reply)
        return; /* lost: the link says so */
    const char *fault = fault_of(r->step, reply);
    setup->answered++;
    if (fault)
        link_drop(setup->link, fault);
    else if (setup->answered == setup->count)
        setup->done(setup->link);
}

void setup_start(struct setup *setup, struct link *l, const struct redis_store *s, unsigned what,
                 void (*done)(struct link *l))
{
    struct buf words = {0};
    if (!*s->url.password)
        what &= ~(unsigned)SETUP_AUTH;
    if (s->url.kind != REDIS_CLUSTER)
        what &= ~(unsigned)SETUP_CLUSTER;
    if (!s->url.db)
        what &= ~(unsigned)SETUP_SELECT;
    *setup = (struct setup){.link = l, .done = done, .count = (size_t)__builtin_popcount(what)};
    struct setup_request *r = setup->requests;
    for (unsigned step = 1; step <= SETUP_FUNCTIONS; step *= 2) {
        if (!(what & step))
            continue;
        *r = (struct setup_request){.setup = setup, .step = step, .request.on_answer = on_answer};
        buf_clear(&words);
        add_words(&words, s, step);
        if (!link_send(l, &r->request, words.data, words.len)) {
            link_drop(l, "it failed while being set up");
            break;
        }
        r++;
    }
    buf_free(&words);
}
