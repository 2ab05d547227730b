// The C library's functions over memory and strings, with lengths and alignments of all kinds.

#include "bench.h"
#include <string.h>

enum { SIZE = 32 * 1024, ROUNDS = 300 };

static char from[SIZE + 64], to[SIZE + 64];
static uint32_t state = 0x515;

// Mostly short, sometimes long: as programs call them.
static size_t some_length(void) {
  const uint32_t random = next_random(&state);
  return random % 16 == 0 ? random >> 8 & 4095 : random >> 8 & 63;
}

void prepare(void) {
  for (int i = 0; i < SIZE + 64; i++) from[i] = (char)('a' + next_random(&state) % 25);
}

uint64_t step(uint64_t sum) {
  for (int i = 0; i < ROUNDS; i++) {
    const size_t length = some_length();
    char *const source = from + next_random(&state) % (SIZE - 4096);
    char *const target = to + next_random(&state) % (SIZE - 4096);
    memcpy(target, source, length);
    target[length] = 0;
    sum += strlen(target);
    source[length] ^= source[length] == 0;
    const char held = source[length];
    source[length] = 0;
    sum += strcmp(source, target) == 0;
    source[length] = held;
    // A letter that never comes: the whole length is searched.
    const char *const found = memchr(source, '~', length);
    sum += found == NULL ? 1 : 2;
    sum += (uint64_t)(memcmp(source, target, length) == 0);
    memmove(target + 3, target, length);
    memset(target, 'a' + i % 25, length / 2);
    const char *const letter = strchr(target, 'z' - (char)(i & 1));
    sum = mix(sum, letter == NULL ? length : (uint64_t)(letter - target));
  }
  memcpy(to, from, SIZE);
  return mix(sum, strnlen(to, SIZE));
}
