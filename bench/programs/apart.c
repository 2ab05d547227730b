// Copies between two buffers that lie DISTANCE bytes apart, page for page. With a power of two the same entry of a
// simple translation buffer serves both sides, and each access throws out what the next one needs.

#include <stdint.h>

#ifndef ROUNDS
#define ROUNDS 24
#endif
#ifndef DISTANCE
#define DISTANCE 0x2000000
#endif

enum { WORDS = 1 << 18 };

static uint64_t work(uint64_t *from, uint64_t *to) {
  uint64_t sum = 0;
  for (int i = 0; i < WORDS; i++) from[i] = (uint64_t)i * 0x9e3779b97f4a7c15;
  for (int round = 0; round < ROUNDS; round++) {
    for (int i = 0; i < WORDS; i++) to[i] = from[i] + round;
    for (int i = 0; i < WORDS; i++) from[i] = to[i] ^ round;
    sum = (sum << 5 | sum >> 59) + from[round * 977 % WORDS];
  }
  return sum;
}

#ifdef SHOW
#include <stdio.h>
#include <stdlib.h>
int main(void) {
  uint64_t *from = calloc(WORDS, 8), *to = calloc(WORDS, 8);
  printf("0x%016llx\n", (unsigned long long)work(from, to));
}
#else
#define FROM 0x80400000
int main(void) { return work((uint64_t *)FROM, (uint64_t *)(FROM + DISTANCE)) == RESULT ? 0 : 1; }
#endif
