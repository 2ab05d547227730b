// CRC-32 of 64 KiB with a table for each byte, and Adler-32 of the same.

#include "bench.h"

enum { SIZE = 64 * 1024, ADLER_RUN = 5552, ADLER = 65521 };

static uint32_t table[256];
static uint8_t text[SIZE];

static uint32_t crc32(const uint8_t *data, int size) {
  uint32_t crc = ~0u;
  for (int i = 0; i < size; i++) crc = table[(crc ^ data[i]) & 0xff] ^ crc >> 8;
  return ~crc;
}

static uint32_t adler32(const uint8_t *data, int size) {
  uint32_t a = 1, b = 0;
  while (size > 0) {
    // As many as fit 32 bits without a remainder taken.
    const int run = size < ADLER_RUN ? size : ADLER_RUN;
    for (int i = 0; i < run; i++) {
      a += data[i];
      b += a;
    }
    a %= ADLER;
    b %= ADLER;
    data += run;
    size -= run;
  }
  return b << 16 | a;
}

void prepare(void) {
  for (uint32_t i = 0; i < 256; i++) {
    uint32_t crc = i;
    for (int bit = 0; bit < 8; bit++) crc = crc & 1 ? crc >> 1 ^ 0xedb88320 : crc >> 1;
    table[i] = crc;
  }
  if (crc32((const uint8_t *)"123456789", 9) != 0xcbf43926) fail("the CRC of \"123456789\" is wrong");
  uint32_t state = 0xc0ffee;
  for (int i = 0; i < SIZE; i++) text[i] = (uint8_t)next_random(&state);
}

uint64_t step(uint64_t sum) {
  const uint32_t crc = crc32(text, SIZE);
  text[crc % SIZE] ^= (uint8_t)(sum + 1);
  return mix(sum, (uint64_t)crc << 32 | adler32(text, SIZE));
}
