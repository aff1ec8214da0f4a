/* redis_key: how things are called in Redis, and which slot of a cluster that puts them in. Pure.
 *
 *     lw:{<tag>}:s:<owner>/<gen>   string   where a log ends: "<epoch> <seq> <off> <crc>[ end][+<followers>]"
 *     lw:{<tag>}:l:<owner>/<gen>   stream   the log: id 0-<seq>, field r
 *     lw:{<tag>}:m:<owner>/<gen>   hash     the lease: n who holds it, u until when, t the chat
 *     lw:{<tag>}:o                 stream   the outbox of one shard: id, field g the generation
 *     lw:{<tag>}:d                 hash     its entries: id -> bytes
 *     lw:{<tag>}:e                 zset     until when each lease of the shard runs: <owner>/<gen>
 *     lw:{<tag>}:c:<owner>/<chat>  hash     what history has not got of a conversation: # its newest message,
 *                                           <gen> a prompt's entry, =<gen> its answer
 *     lw:t:<owner>/<session>       string   a client's session
 *     lw:a:<owner>                 hash     the owner's running generations
 *
 * <tag> is one of REDIS_SHARDS, by a hash of owner and generation. `finish` ends a log and writes the outbox
 * in one step, so both must lie in one slot; a tag for each generation would give 16384 outboxes to look
 * through, one tag for all a single server. 64 shards spread evenly over the slots give each of up to 16
 * masters its share to within a quarter, and 64 outboxes are one call (a cluster: 64 small ones). */
#ifndef LASTWORD_STORE_REDIS_KEY_H
#define LASTWORD_STORE_REDIS_KEY_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/uuid.h"
#include "store/store.h"

#define REDIS_SLOTS 16384
#define REDIS_SHARDS 64 /* part of the layout: another number is another store */

uint16_t redis_crc16(const void *p, size_t len); /* XMODEM; of "123456789" it is 0x31c3 */
/* Of the part between the first { and the } after it, where there is one and it is not empty; else of all. */
unsigned redis_slot(const char *key, size_t len);

unsigned redis_shard(const struct gen_key *key);
/* "{17}", static. All keys with it lie in slot redis_shard_slot. */
const char *redis_shard_tag(unsigned shard);
unsigned redis_shard_slot(unsigned shard);

#define REDIS_NAME_MAX (OWNER_MAX + 1 + UUID_TEXT + 1)
#define REDIS_KEY_MAX (REDIS_NAME_MAX + 32)

/* Each writes a NUL-terminated key and returns its length. */
size_t redis_key_gen(char out[REDIS_KEY_MAX], char what, const struct gen_key *key); /* s, l, m; c */
size_t redis_key_shard(char out[REDIS_KEY_MAX], char what, unsigned shard);          /* o, d or e */
size_t redis_key_session(char out[REDIS_KEY_MAX], const char *owner, const struct uuid *session);
size_t redis_key_active(char out[REDIS_KEY_MAX], const char *owner);

/* "<owner>/<gen>", as messages name a generation. parse: false on anything else; owner gets the name. */
size_t redis_name(char out[REDIS_NAME_MAX], const struct gen_key *key);
bool redis_name_parse(const char *text, size_t len, char owner[OWNER_MAX + 1], struct uuid *gen);

#define REDIS_CHANNEL_MAX (OWNER_MAX + 3 * 64 + 24)

/* Channels are of the server, not of a database, so they carry its number. A node's is percent-encoded but
 * for letters, digits, - . and _, because it stands in lists. */
size_t redis_channel_node(char out[REDIS_CHANNEL_MAX], int db, const char *node);
size_t redis_channel_owner(char out[REDIS_CHANNEL_MAX], int db, const char *owner);

#endif
