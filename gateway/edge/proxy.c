/* proxy: see proxy.h. https://www.haproxy.org/download/2.6/doc/proxy-protocol.txt, section 2.2. */
#include "edge/proxy.h"

#include <stdint.h>
#include <string.h>

#include "base/crc32c.h"

#define SIGNATURE 12
#define AT_COMMAND 12
#define AT_FAMILY 13
#define AT_LENGTH 14
#define LOCAL 0x20 /* version 2 in the upper half */
#define PROXY 0x21
#define UNSPECIFIED 0x00
#define TCP4 0x11
#define TCP6 0x21
#define TLV_HEAD 3
#define TLV_CRC32C 0x03

static unsigned two_bytes(const unsigned char *p)
{
    return (unsigned)p[0] << 8 | p[1];
}

static bool command_is_known(unsigned char command)
{
    return command == LOCAL || command == PROXY;
}

size_t proxy_needs(const void *bytes, size_t have)
{
    static const unsigned char signature[SIGNATURE] = "\r\n\r\n\0\r\nQUIT\n";
    const unsigned char *p = bytes;
    if (have && memcmp(p, signature, have < SIGNATURE ? have : SIGNATURE) != 0)
        return 0;
    if (have > AT_COMMAND && !command_is_known(p[AT_COMMAND]))
        return 0;
    if (have < PROXY_HEAD)
        return PROXY_HEAD;
    size_t length = PROXY_HEAD + two_bytes(p + AT_LENGTH);
    return length <= PROXY_MAX ? length : 0;
}

/* The checksum is of the whole header with zeros in its own place. */
static bool checksum_agrees(const unsigned char *header, size_t len, size_t at)
{
    static const unsigned char zeros[4];
    const unsigned char *p = header + at;
    uint32_t said = (uint32_t)two_bytes(p) << 16 | two_bytes(p + 2);
    uint32_t crc = crc32c(crc32c(0, header, at), zeros, sizeof zeros);
    return crc32c(crc, p + sizeof zeros, len - at - sizeof zeros) == said;
}

/* TLVs (type 1, length 2, value) from `at` to the end. */
static bool check_tlvs(const unsigned char *header, size_t len, size_t at)
{
    while (at < len) {
        if (len - at < TLV_HEAD)
            return false;
        size_t size = two_bytes(header + at + 1);
        unsigned char type = header[at];
        at += TLV_HEAD;
        if (size > len - at)
            return false;
        if (type == TLV_CRC32C && (size != 4 || !checksum_agrees(header, len, at)))
            return false;
        at += size;
    }
    return true;
}

/* Bytes of both addresses and both ports; -1: a family that is not taken. */
static int addresses_of(unsigned char family)
{
    switch (family) {
    case TCP4:
        return 12;
    case TCP6:
        return 36;
    case UNSPECIFIED:
        return 0;
    default:
        return -1;
    }
}

bool proxy_parse(const void *bytes, size_t len, struct proxy_header *out)
{
    const unsigned char *p = bytes, *addresses = p + PROXY_HEAD;
    *out = (struct proxy_header){0};
    if (len < PROXY_HEAD || proxy_needs(bytes, len) != len)
        return false;
    int size = addresses_of(p[AT_FAMILY]);
    /* Of a LOCAL header, and of one without a family, the rest means nothing. */
    if (p[AT_COMMAND] == LOCAL || size == 0)
        return true;
    if (size < 0 || len < PROXY_HEAD + (size_t)size || !check_tlvs(p, len, PROXY_HEAD + (size_t)size))
        return false;
    out->told = true;
    if (p[AT_FAMILY] == TCP4) {
        address_set_v4(&out->client, addresses, (uint16_t)two_bytes(addresses + 8));
        return true;
    }
    memcpy(out->client.ip, addresses, sizeof out->client.ip);
    out->client.port = (uint16_t)two_bytes(addresses + 32);
    return true;
}
