// Memory-heavy loop: a walk along a shuffled ring of 8 MiB, sums of streams, scattered updates. Most instructions here
// wait for a load, and the pages touched are more than a translation buffer holds.

#include <stdint.h>

#ifndef ROUNDS
#define ROUNDS 24
#endif

enum { NODES = 1 << 20, WORDS = 1 << 20 };

// The stream does not begin a power of two behind the ring: that case has a program of its own, apart.c.
static uint64_t memory[NODES + 0x1a40 + WORDS];
static uint64_t *const ring = memory, *const stream = memory + NODES + 0x1a40;
static uint32_t state = 0x9e3779b9;

static uint32_t next(void) {
  state ^= state << 13;
  state ^= state >> 17;
  state ^= state << 5;
  return state;
}

// One cycle through all nodes (Sattolo): each node holds the number of the one after it.
static void shuffle(void) {
  for (uint32_t i = 0; i < NODES; i++) ring[i] = i;
  for (uint32_t i = NODES - 1; i > 0; i--) {
    const uint32_t j = next() % i;
    const uint64_t other = ring[i];
    ring[i] = ring[j];
    ring[j] = other;
  }
}

static uint64_t work(void) {
  uint64_t sum = 0, at = 0;
  shuffle();
  for (int round = 0; round < ROUNDS; round++) {
    for (int i = 0; i < NODES; i++) {
      at = ring[at];
      sum += at ^ i;
    }
    for (int i = 0; i < WORDS; i++) stream[i] = stream[i] * 3 + ring[i];
    for (int i = 0; i < WORDS; i += 8) sum += stream[i] ^ stream[i + 3] ^ stream[i + 6];
    for (int i = 0; i < WORDS / 4; i++) stream[next() % WORDS] += i;
  }
  return sum;
}

#ifdef SHOW
#include <stdio.h>
int main(void) { printf("0x%016llx\n", (unsigned long long)work()); }
#else
int main(void) { return work() == RESULT ? 0 : 1; }
#endif
