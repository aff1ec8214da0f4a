/* derive: see derive.h. */
#include "edge/derive.h"

#include <openssl/evp.h>
#include <string.h>

struct uuid derive_uuid(const char *what, const char *owner, const void *text, size_t len)
{
    uint8_t hash[32];
    struct uuid id;
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    EVP_DigestInit_ex(md, EVP_sha256(), NULL);
    EVP_DigestUpdate(md, what, strlen(what) + 1);
    EVP_DigestUpdate(md, owner, strlen(owner) + 1);
    EVP_DigestUpdate(md, text, len);
    EVP_DigestFinal_ex(md, hash, NULL);
    EVP_MD_CTX_free(md);
    memcpy(id.b, hash, sizeof id.b);
    id.b[6] = (uint8_t)(0x80 | (id.b[6] & 0x0F));
    id.b[8] = (uint8_t)(0x80 | (id.b[8] & 0x3F));
    return id;
}

struct uuid derive_id(const char *what, const char *owner, const char *text)
{
    struct uuid id;
    size_t len = strlen(text);
    return uuid_parse(&id, text, len) ? id : derive_uuid(what, owner, text, len);
}
