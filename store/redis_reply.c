/* redis_reply: see redis_reply.h. The second of the two files that include hiredis: the shape of an answer is
 * its, and redis_link.c is about connections. */
#include "store/redis_reply.h"

#include <hiredis/hiredis.h>
#include <stdlib.h>
#include <string.h>

bool reply_is_error(const struct redisReply *r)
{
    return r && r->type == REDIS_REPLY_ERROR;
}

bool reply_is_nil(const struct redisReply *r)
{
    return !r || r->type == REDIS_REPLY_NIL;
}

bool reply_is_list(const struct redisReply *r)
{
    return r && r->type == REDIS_REPLY_ARRAY;
}

static bool is_text(const struct redisReply *r)
{
    return r &&
           (r->type == REDIS_REPLY_STRING || r->type == REDIS_REPLY_STATUS || r->type == REDIS_REPLY_ERROR);
}

const char *reply_text(const struct redisReply *r, size_t *len)
{
    bool text = is_text(r) && r->str;
    if (len)
        *len = text ? r->len : 0;
    return text ? r->str : "";
}

uint64_t reply_u64(const struct redisReply *r)
{
    if (r && r->type == REDIS_REPLY_INTEGER)
        return r->integer > 0 ? (uint64_t)r->integer : 0;
    const char *text = reply_text(r, NULL);
    return *text >= '0' && *text <= '9' ? strtoull(text, NULL, 10) : 0;
}

int64_t reply_int(const struct redisReply *r)
{
    if (r && r->type == REDIS_REPLY_INTEGER)
        return r->integer;
    const char *text = reply_text(r, NULL);
    return *text >= '0' && *text <= '9' ? strtoll(text, NULL, 10) : -1;
}

size_t reply_count(const struct redisReply *r)
{
    return reply_is_list(r) ? r->elements : 0;
}

const struct redisReply *reply_at(const struct redisReply *r, size_t i)
{
    return i < reply_count(r) ? r->element[i] : NULL;
}

/* ---- errors */

static bool begins(const char *text, const char *with)
{
    return strncmp(text, with, strlen(with)) == 0;
}

enum reply_fault reply_fault(const char *error)
{
    static const struct {
        const char *begin;
        enum reply_fault fault;
    } known[] = {
        {"MOVED ", FAULT_MOVED},
        {"ASK ", FAULT_MOVED},
        {"TRYAGAIN", FAULT_LATER},
        {"CLUSTERDOWN", FAULT_SERVER},
        {"ERR Function not found", FAULT_UNLOADED},
        {"LOADING", FAULT_SERVER},
        {"MASTERDOWN", FAULT_SERVER},
        {"READONLY", FAULT_SERVER},
        {"UNBLOCKED", FAULT_SERVER},
        {"BUSY", FAULT_REFUSED},
        {"MISCONF", FAULT_REFUSED},
        {"NOREPLICAS", FAULT_REFUSED},
        {"OOM", FAULT_FULL},
        {"NOAUTH", FAULT_DENIED},
        {"WRONGPASS", FAULT_DENIED},
        {"NOPERM", FAULT_DENIED},
        {"ERR invalid password", FAULT_DENIED},
    };
    for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
        if (begins(error, known[i].begin))
            return known[i].fault;
    /* From within a function, the error of a command comes wrapped. */
    if (strstr(error, "READONLY ") || strstr(error, "can't write against a read only replica"))
        return FAULT_SERVER;
    return FAULT_OTHER;
}

bool reply_move_parse(const char *error, struct reply_move *out)
{
    memset(out, 0, sizeof(*out));
    out->ask = begins(error, "ASK ");
    if (!out->ask && !begins(error, "MOVED "))
        return false;
    const char *at = strchr(error, ' ') + 1;
    char *end;
    unsigned long slot = strtoul(at, &end, 10);
    const char *colon = strrchr(at, ':');
    if (end == at || *end != ' ' || slot >= 16384 || !colon)
        return false;
    size_t len = (size_t)(colon - end - 1);
    long port = strtol(colon + 1, &end, 10);
    if (len >= sizeof(out->to.host) || port < 1 || port > 65535)
        return false;
    memcpy(out->to.host, colon - len, len);
    out->to.port = (int)port;
    out->slot = (unsigned)slot;
    return true;
}
