/* routes: the handlers behind http_dispatch's table, and what they share.
 *
 *     dispatch.c -> openai.c       POST /v1/chat/completions, GET /v1/models
 *                -> responses.c    /v1/responses, response_edit.c what is done to one
 *                -> generations.c  /v1/generations/{gen}, its events
 *                -> history.c      /v1/conversations; history_import.c  /v1/conversations/import
 *                -> health.c       /livez /readyz /health /metrics
 *                -> page.c         everything else
 *
 * They refuse to know libwebsockets, the event loop and the file system. */
#ifndef LASTWORD_EDGE_ROUTES_H
#define LASTWORD_EDGE_ROUTES_H

#include "base/uuid.h"
#include "edge/http.h"

/* worker.c's, every 50 ms: comment lines on silent streams. */
void http_routes_tick(struct node *n);

/* Does `path` have the form of `pattern`? A segment {x} stands for any one segment, a last * for the rest;
 * neither is empty. */
bool route_matches(const char *pattern, const char *path);
/* Segment `index` (from 0) of the path as a UUID. If it is none, answers 404 and returns false. */
bool route_uuid(struct http_exchange *x, unsigned index, struct uuid *out);
/* The gen of /v1/responses/{id}; as route_uuid. */
bool route_response(struct http_exchange *x, struct uuid *gen);
/* The store's refusal as an answer: 404, or 503 with Retry-After. */
void route_reply_store(struct http_exchange *x, enum store_status status);
/* True if the body is declared as JSON; otherwise answers 415. A browser asks before it sends that to another
 * site, so no foreign page can spend the owner's tokens. */
bool route_wants_json(struct http_exchange *x);

void openai_completions(struct http_exchange *x);
void openai_models(struct http_exchange *x);
void openai_model(struct http_exchange *x);

void responses_create(struct http_exchange *x);
void responses_show(struct http_exchange *x);
void responses_cancel(struct http_exchange *x);
void responses_delete(struct http_exchange *x);
void responses_items(struct http_exchange *x);

void generations_show(struct http_exchange *x);
void generations_events(struct http_exchange *x);
void generations_cancel(struct http_exchange *x);

void history_list(struct http_exchange *x);
void history_show(struct http_exchange *x);
void history_rename(struct http_exchange *x);
void history_delete(struct http_exchange *x);
void history_export(struct http_exchange *x);
void history_import(struct http_exchange *x);
/* A conversation was deleted: its finished answers leave this node's memory. */
void history_forget(struct node *n, const struct owner *owner, const struct uuid *chat);

void health_live(struct http_exchange *x);
void health_ready(struct http_exchange *x);
void health_show(struct http_exchange *x);
void health_metrics(struct http_exchange *x);
void health_tick(const struct node *n); /* http_routes_tick's: uptime counts from the first */

/* tickets.c */
void tickets_create(struct http_exchange *x);

#endif
