/* openai_ids: see openai_ids.h. */
#include "edge/openai_ids.h"

#include <openssl/evp.h>
#include <string.h>
#include <strings.h>

#include "core/owner.h"

#define KEY_MAX 4095

/* A UUID (version 8, RFC 9562) that is a function of what it is for, the owner and the key. */
static struct uuid derive(const char *what, const struct owner *owner, const void *key, size_t len)
{
    uint8_t hash[32];
    struct uuid id;
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    EVP_DigestInit_ex(md, EVP_sha256(), NULL);
    EVP_DigestUpdate(md, what, strlen(what) + 1);
    EVP_DigestUpdate(md, owner->name, strlen(owner->name) + 1);
    EVP_DigestUpdate(md, key, len);
    EVP_DigestFinal_ex(md, hash, NULL);
    EVP_MD_CTX_free(md);
    memcpy(id.b, hash, sizeof id.b);
    id.b[6] = (uint8_t)(0x80 | (id.b[6] & 0x0F));
    id.b[8] = (uint8_t)(0x80 | (id.b[8] & 0x3F));
    return id;
}

/* True if the gen comes from the client, and the request may be a repeated one. */
static bool read_gen(struct http_exchange *x, struct send *s)
{
    char key[KEY_MAX + 1];
    if (!http_header(x, "idempotency-key", key, sizeof key) || !*key) {
        s->gen = node_uuid(x->node);
        return false;
    }
    if (!uuid_parse(&s->gen, key, strlen(key)))
        s->gen = derive("gen", x->owner, key, strlen(key));
    return true;
}

static bool read_chat(struct http_exchange *x, struct send *s, struct err *e)
{
    bool repeatable = read_gen(x, s);
    char text[UUID_TEXT + 2];
    if (http_header(x, "lastword-chat", text, sizeof text)) {
        if (!uuid_parse(&s->chat, text, strlen(text)))
            return err_set(e, ERR_BAD_REQUEST, "Lastword-Chat must be a lower-case, hyphenated UUID.");
        s->parent_choice = PARENT_ABSENT;
        return true;
    }
    /* A repeated request must name the same conversation, or it would be another request. */
    s->chat = repeatable ? derive("chat", x->owner, s->gen.b, sizeof s->gen.b) : node_uuid(x->node);
    s->parent_choice = PARENT_NULL;
    return true;
}

static bool read_disconnect(struct http_exchange *x, struct send *s, struct err *e)
{
    char text[16];
    if (!http_header(x, "lastword-on-disconnect", text, sizeof text))
        return true;
    s->cancel_on_disconnect = strcasecmp(text, "cancel") == 0;
    if (s->cancel_on_disconnect || strcasecmp(text, "continue") == 0)
        return true;
    return err_set(e, ERR_BAD_REQUEST, "Lastword-On-Disconnect must be continue or cancel.");
}

bool openai_ids_read(struct http_exchange *x, struct send *s, struct err *e)
{
    return read_chat(x, s, e) && read_disconnect(x, s, e);
}
