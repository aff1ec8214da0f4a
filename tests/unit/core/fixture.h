/* A node without sockets: a history and an upstream that the test plays, clients that are queues of messages,
 * and time that moves when told. */
#ifndef LASTWORD_TESTS_UNIT_CORE_FIXTURE_H
#define LASTWORD_TESTS_UNIT_CORE_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "base/crc32c.h"
#include "base/json.h"
#include "base/mem.h"
#include "core/chat.h"
#include "core/checkpoint.h"
#include "core/cluster.h"
#include "core/generation.h"
#include "core/node.h"
#include "core/owner.h"
#include "core/send.h"
#include "core/session.h"
#include "core/takeover.h"
#include "fixture_flaky.h"

#define GEN1 "01930000-0000-7000-8000-000000000001"
#define GEN2 "01930000-0000-7000-8000-000000000002"
#define GEN3 "01930000-0000-7000-8000-000000000003"
#define CHAT1 "01930000-0000-7000-8000-0000000000c1"
#define CHAT2 "01930000-0000-7000-8000-0000000000c2"

/* ------------------------------------------------------------------ the world */

struct config *world_config(void); /* the node's, to be changed by a test */
struct node *world_node(void);
int world_setup(
    void **state); /* cmocka's setup and teardown; the latter wants every live-object counter zero */
int world_teardown(void **state);
/* Three nodes on one shared session store and one history. */
#define WORLD_NODES 3
int world_setup_cluster(void **state);
struct node *world_node_at(int i);
void world_kill(int i);                    /* as kill -9 */
void world_start(int i);                   /* after a kill */
void world_freeze(int i, bool freeze);     /* SIGSTOP, SIGCONT: the others go on */
void world_store(int i, enum flaky how);   /* that node's way to the session store */
struct session_memory *world_memory(void); /* the store itself */
/* Lets time pass and everything that waits be delivered. */
void world_pass(uint64_t ms);
void world_revoke(uint64_t key); /* that API key, and only that; the node is told */
/* The gateway dies and another starts on the same history; clients are gone. */
void world_restart(void);
/* The same, and nothing is saved on the way out. */
void world_crash(void);

/* History answers UNAVAILABLE, and does nothing. */
void history_away(bool is);
/* What stands above a generation's answer, its question last: "hi|hello|and?"; "": none is recorded. */
const char *history_path(const char *gen);
size_t history_count(void); /* generations recorded */
/* History's next completions answer with this (STORE_OK: as it should). */
void history_fail(enum store_status begin, enum store_status finish);
void history_hold(bool hold);               /* completions wait until it is let go */
const char *history_state(const char *gen); /* as recorded; NULL: not there */
const char *history_text(const char *gen);
/* A gateway cut off from the store recorded an end, and the one that took over went over it. */
bool history_was_alone(const char *gen);

/* ------------------------------------------------------------------ the upstream */

struct call; /* the running calls, in order of their start; 0 is the oldest */
size_t upstream_count(void);
void upstream_starts(size_t i, enum start_mode mode);
void upstream_says(size_t i, const char *text);
void upstream_ends(size_t i, enum call_outcome outcome);
void upstream_status(size_t i, enum call_status status, uint64_t idle_ms);
const char *upstream_prompt(size_t i); /* "user:hi|assistant:…" of the call */
bool upstream_resumes(size_t i);
size_t upstream_cancels(void); /* calls cancelled so far */

/* ------------------------------------------------------------------ clients */

struct client;
struct client *client_new(void);                 /* connected, nothing said */
struct client *client_at(int node);              /* the same, to that node */
struct client *client_hello_at(int node);        /* and hello and welcome are done */
struct client *client_hello(const char *resume); /* hello and welcome done; resume: JSON array or NULL */
void client_say(struct client *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void client_says_at_once(struct client *c, const char *text); /* no turn passes */
json_t *client_hear(struct client *c); /* next message, NULL: none; owned by the client */
json_t *client_expect(struct client *c,
                      const char *type);  /* fails the test unless the next is of that type */
void client_silent(struct client *c);     /* fails unless there is none */
void client_gone(struct client *c);       /* the socket breaks */
unsigned client_closed(struct client *c); /* close code, 0: open */
void client_stop_reading(struct client *c, bool stop);

/* Sends with what most tests ask: chat CHAT1, input "hi". */
void client_send(struct client *c, const char *gen);
void client_resume(struct client *c, const char *gen, const char *have);

const char *str(json_t *message, const char *name);
long long num(json_t *message, const char *name);
const char *crc_of(const char *text); /* 8 digits; a static ring of 8 */

#endif
