/* ticket: see ticket.h. */
#include "edge/ticket.h"

#include <openssl/crypto.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <string.h>

#include "edge/jwks.h"

#define PREFIX "lwt_"
#define PREFIX_LEN (sizeof PREFIX - 1)
#define MAC 32
#define FIXED 40 /* id, end of the ticket, end of the credential, API key */
#define PAYLOAD_MAX (FIXED + OWNER_MAX + 1 + CREDENTIAL_MODELS)

static void put_64(unsigned char *out, uint64_t v)
{
    for (int i = 7; i >= 0; i--, v >>= 8)
        out[i] = (unsigned char)v;
}

static uint64_t get_64(const unsigned char *in)
{
    uint64_t v = 0;
    for (int i = 0; i < 8; i++)
        v = v << 8 | in[i];
    return v;
}

static void sign(const unsigned char secret[TICKET_SECRET], const unsigned char *payload, size_t len,
                 unsigned char mac[MAC])
{
    HMAC(EVP_sha256(), secret, TICKET_SECRET, payload, len, mac, NULL);
}

void ticket_write(struct buf *out, const unsigned char secret[TICKET_SECRET], const struct credential *c,
                  uint64_t unix_ms)
{
    unsigned char payload[PAYLOAD_MAX], mac[MAC];
    uint64_t ends = unix_ms + TICKET_MS;
    size_t owner = strlen(c->owner) + 1, models = strlen(c->models), len = FIXED + owner + models;
    if (c->expires_ms && c->expires_ms < ends)
        ends = c->expires_ms;
    memcpy(payload, c->ticket.b, 16);
    put_64(payload + 16, ends);
    put_64(payload + 24, c->expires_ms);
    put_64(payload + 32, c->key);
    memcpy(payload + FIXED, c->owner, owner); /* with its NUL */
    memcpy(payload + FIXED + owner, c->models, models);
    sign(secret, payload, len, mac);
    buf_add_lit(out, PREFIX);
    base64url_write(out, payload, len);
    buf_add_char(out, '.');
    base64url_write(out, mac, sizeof mac);
}

bool ticket_looks(const char *token)
{
    return strncmp(token, PREFIX, PREFIX_LEN) == 0;
}

bool ticket_read(const char *token, const unsigned char secret[TICKET_SECRET], uint64_t unix_ms,
                 struct credential *out)
{
    unsigned char payload[PAYLOAD_MAX], said[MAC], mac[MAC];
    const char *dot = ticket_looks(token) ? strchr(token, '.') : NULL;
    long len =
        dot ? base64url_read(token + PREFIX_LEN, (size_t)(dot - token) - PREFIX_LEN, payload, sizeof payload)
            : -1;
    if (len <= FIXED || base64url_read(dot + 1, strlen(dot + 1), said, sizeof said) != MAC)
        return false;
    sign(secret, payload, (size_t)len, mac);
    if (CRYPTO_memcmp(mac, said, MAC) != 0)
        return false;
    out->expired = get_64(payload + 16) <= unix_ms;
    if (out->expired)
        return false;
    const unsigned char *owner = payload + FIXED, *end = memchr(owner, 0, (size_t)len - FIXED);
    if (!end || end - owner > OWNER_MAX)
        return false;
    memcpy(out->ticket.b, payload, 16);
    out->expires_ms = get_64(payload + 24);
    out->key = get_64(payload + 32);
    memcpy(out->owner, owner, (size_t)(end - owner) + 1);
    snprintf(out->models, sizeof out->models, "%.*s", (int)(payload + len - end - 1), (const char *)end + 1);
    return true;
}
