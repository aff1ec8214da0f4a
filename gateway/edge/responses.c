/* responses: POST /v1/responses and GET /v1/responses/{id}: OpenAI's Responses by the same generations. A
 * response is a generation, resp_<gen> its id; a conversation is a chat.
 *
 *     body -> response_request -> response_stream -> response_ask -> events | the response
 *     id   -> response_stream -> response_look    -> events after starting_after | the response
 *
 * It refuses to tell another owner's response from one that does not exist. */
#include <string.h>

#include "edge/openai_ids.h"
#include "edge/response_stream.h"
#include "edge/routes.h"

/* ------------------------------------------------------------------ create */

static void create(struct http_exchange *x, struct response_request *r, const struct send *ids)
{
    struct response_stream *s = response_stream_new(x, r->stream       ? RESPONSE_STREAM
                                                       : r->background ? RESPONSE_AT_ONCE
                                                                       : RESPONSE_WHOLE);
    struct send send = *ids;
    send.grant = x->grant;
    x->gen = ids->gen;
    s->events.note = json_incref(r->note);
    response_ask_start(&s->ask, x->node, x->owner, r, &send, &s->follower);
}

void responses_create(struct http_exchange *x)
{
    struct response_request r = {0};
    struct send ids = {0};
    struct err e = {0};
    if (!route_wants_json(x))
        return;
    if (response_request_read(x->body, x->body_len, &r, &e) && openai_ids_read(x, &ids, &e))
        create(x, &r, &ids);
    else
        http_reply_error(x, &e);
    response_request_free(&r);
}

/* ------------------------------------------------------------------ by its id */

bool route_response(struct http_exchange *x, struct uuid *gen)
{
    char id[sizeof RESPONSE_PREFIX + UUID_TEXT];
    const char *at = x->path + sizeof "/v1/responses/" - 1;
    size_t len = strcspn(at, "/");
    struct err e = {0};
    if (len < sizeof id) {
        memcpy(id, at, len);
        id[len] = 0;
        if (response_id_read(id, RESPONSE_PREFIX, gen))
            return true;
    }
    err_set(&e, ERR_NOT_FOUND, "There is no such response; an id is resp_ and a UUID.");
    http_reply_error(x, &e);
    return false;
}

static bool bad(struct err *e, const char *param, const char *message)
{
    err_set(e, ERR_BAD_REQUEST, "%s: %s", param, message);
    e->param = param;
    return false;
}

static bool read_query(struct http_exchange *x, struct response_stream *s, struct err *e)
{
    char text[32];
    if (http_query(x, "stream", text, sizeof text)) {
        if (strcmp(text, "true") == 0)
            s->want = RESPONSE_STREAM;
        else if (strcmp(text, "false") != 0)
            return bad(e, "stream", "must be true or false");
    }
    if (!http_query(x, "starting_after", text, sizeof text))
        return true;
    if (s->want != RESPONSE_STREAM)
        return bad(e, "starting_after", "only allowed where stream is true");
    s->from_given = true;
    return response_place_read(text, &s->from) ||
           bad(e, "starting_after", "must be the sequence_number of an event");
}

void responses_show(struct http_exchange *x)
{
    struct uuid gen;
    struct err e = {0};
    if (!route_response(x, &gen))
        return;
    struct response_stream *s = response_stream_new(x, RESPONSE_AT_ONCE);
    if (read_query(x, s, &e))
        response_stream_look(s, &gen, response_stream_follow);
    else
        http_reply_error(x, &e);
}

static void cancel(struct response_stream *s, struct generation *g)
{
    generation_cancel(g);
    response_stream_follow(s, g);
}

void responses_cancel(struct http_exchange *x)
{
    struct uuid gen;
    if (route_response(x, &gen))
        response_stream_look(response_stream_new(x, RESPONSE_OUTCOME), &gen, cancel);
}
