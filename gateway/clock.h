/* clock: time and chance, from the kernel. The core is handed both; nothing else asks for them. */
#ifndef LASTWORD_CLOCK_H
#define LASTWORD_CLOCK_H

#include <stddef.h>
#include <stdint.h>

uint64_t clock_us(void);      /* monotonic */
uint64_t clock_unix_ms(void); /* wall */
void clock_random(void *out, size_t len);
uint32_t clock_random_32(void);

#endif
