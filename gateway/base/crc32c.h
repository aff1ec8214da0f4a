/* crc32c: CRC-32C (Castagnoli), RFC 3720 section B.4; of "123456789" it is 0xe3069283.
 * With SSE4.2 or ARMv8 CRC where the processor has it, a table otherwise. */
#ifndef LASTWORD_BASE_CRC32C_H
#define LASTWORD_BASE_CRC32C_H

#include <stddef.h>
#include <stdint.h>

/* The crc of A followed by B, where `crc` is that of A (0 for nothing) and B is p[0..len). */
uint32_t crc32c(uint32_t crc, const void *p, size_t len);

/* The crc of A, where `crc` is that of A followed by B and B is p[0..len): what crc32c took away is given
 * back. By table, a byte at a time. */
uint32_t crc32c_before(uint32_t crc, const void *p, size_t len);

/* crc32c by table, whatever the processor has; for tests, which hold the two against each other. */
uint32_t crc32c_portable(uint32_t crc, const void *p, size_t len);

#endif
