/* crc32c: three ways to the same number, chosen by what the processor has. A token is a few bytes, so the
 * short end matters more than the long run: no interleaving of streams. */
#include "base/crc32c.h"

#include <stdbool.h>
#include <string.h>
#include <threads.h>

#define POLY 0x82f63b78U /* reflected */

static uint32_t table[8][256];
static uint8_t
    origin[256]; /* of the highest byte of an entry of table[0], where each is different: its index */

static void fill_table(void)
{
    for (uint32_t i = 0; i < 256; i++) {
        uint32_t c = i;
        for (int bit = 0; bit < 8; bit++)
            c = c & 1 ? (c >> 1) ^ POLY : c >> 1;
        table[0][i] = c;
    }
    for (int k = 1; k < 8; k++)
        for (int i = 0; i < 256; i++)
            table[k][i] = (table[k - 1][i] >> 8) ^ table[0][table[k - 1][i] & 0xff];
    for (int i = 0; i < 256; i++)
        origin[table[0][i] >> 24] = (uint8_t)i;
}

static void need_table(void)
{
    static once_flag filled = ONCE_FLAG_INIT;
    call_once(&filled, fill_table);
}

static uint32_t load_le32(const unsigned char *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

uint32_t crc32c_portable(uint32_t crc, const void *p, size_t len)
{
    need_table();

    const unsigned char *s = p;
    uint32_t c = ~crc;
    for (; len >= 8; len -= 8, s += 8) {
        uint32_t a = c ^ load_le32(s), b = load_le32(s + 4);
        c = table[7][a & 0xff] ^ table[6][a >> 8 & 0xff] ^ table[5][a >> 16 & 0xff] ^ table[4][a >> 24] ^
            table[3][b & 0xff] ^ table[2][b >> 8 & 0xff] ^ table[1][b >> 16 & 0xff] ^ table[0][b >> 24];
    }
    for (; len; len--, s++)
        c = c >> 8 ^ table[0][(c ^ *s) & 0xff];
    return ~c;
}

/* A step is c' = c >> 8 ^ table[i] with i = (c ^ byte) & 0xff: the highest byte of c' is that of table[i],
 * which tells i, and with it all of c. */
uint32_t crc32c_before(uint32_t crc, const void *p, size_t len)
{
    need_table();
    const unsigned char *s = p;
    uint32_t c = ~crc;
    while (len--) {
        uint8_t i = origin[c >> 24];
        c = (c ^ table[0][i]) << 8 | (uint32_t)(i ^ s[len]);
    }
    return ~c;
}

#if defined(__x86_64__)
#include <nmmintrin.h>

__attribute__((target("sse4.2"))) static uint32_t crc32c_sse42(uint32_t crc, const void *data, size_t len)
{
    const unsigned char *p = data;
    uint64_t c = (uint32_t)~crc;
    for (; len >= 8; len -= 8, p += 8) {
        uint64_t v;
        memcpy(&v, p, sizeof v);
        c = _mm_crc32_u64(c, v);
    }
    uint32_t d = (uint32_t)c;
    if (len & 4) {
        uint32_t v;
        memcpy(&v, p, sizeof v);
        d = _mm_crc32_u32(d, v);
        p += 4;
    }
    if (len & 2) {
        uint16_t v;
        memcpy(&v, p, sizeof v);
        d = _mm_crc32_u16(d, v);
        p += 2;
    }
    if (len & 1)
        d = _mm_crc32_u8(d, *p);
    return ~d;
}

uint32_t crc32c(uint32_t crc, const void *p, size_t len)
{
    return __builtin_cpu_supports("sse4.2") ? crc32c_sse42(crc, p, len) : crc32c_portable(crc, p, len);
}

#elif defined(__aarch64__) && defined(__ARM_FEATURE_CRC32)
#include <arm_acle.h>

uint32_t crc32c(uint32_t crc, const void *data, size_t len)
{
    const unsigned char *p = data;
    uint32_t c = ~crc;
    for (; len >= 8; len -= 8, p += 8) {
        uint64_t v;
        memcpy(&v, p, sizeof v);
        c = __crc32cd(c, v);
    }
    for (; len; len--, p++)
        c = __crc32cb(c, *p);
    return ~c;
}

#else

uint32_t crc32c(uint32_t crc, const void *p, size_t len)
{
    return crc32c_portable(crc, p, len);
}

#endif
