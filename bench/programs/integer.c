// Integer mix: what compiled programs do with registers and a few small tables. CRC bit by bit, a small matrix product,
// Collatz walks, greatest common divisors, and sorting; the working set fits the smallest cache.

#include <stdint.h>

#ifndef ROUNDS
#define ROUNDS 3000
#endif

static uint32_t state = 0x2545f491;

static uint32_t next(void) {
  state ^= state << 13;
  state ^= state >> 17;
  state ^= state << 5;
  return state;
}

static uint32_t crc(const uint8_t *bytes, int count) {
  uint32_t sum = ~0u;
  for (int i = 0; i < count; i++) {
    sum ^= bytes[i];
    for (int bit = 0; bit < 8; bit++) sum = sum & 1 ? sum >> 1 ^ 0xedb88320 : sum >> 1;
  }
  return ~sum;
}

static uint32_t collatz(uint64_t n) {
  uint32_t steps = 0;
  for (; n != 1; steps++) n = n & 1 ? 3 * n + 1 : n >> 1;
  return steps;
}

static uint64_t gcd(uint64_t a, uint64_t b) {
  while (b != 0) {
    const uint64_t rest = a % b;
    a = b;
    b = rest;
  }
  return a;
}

enum { SIDE = 24, COUNT = 512 };
static int32_t left[SIDE][SIDE], right[SIDE][SIDE], product[SIDE][SIDE];
static uint32_t list[COUNT];

static void multiply(void) {
  for (int i = 0; i < SIDE; i++) {
    for (int j = 0; j < SIDE; j++) {
      int32_t sum = 0;
      for (int k = 0; k < SIDE; k++) sum += left[i][k] * right[k][j];
      product[i][j] = sum;
    }
  }
}

// Shell sort: plain loops, no recursion.
static void sort(void) {
  for (int gap = COUNT / 2; gap > 0; gap /= 2) {
    for (int i = gap; i < COUNT; i++) {
      const uint32_t value = list[i];
      int j = i;
      for (; j >= gap && list[j - gap] > value; j -= gap) list[j] = list[j - gap];
      list[j] = value;
    }
  }
}

static uint64_t work(void) {
  uint64_t sum = 0;
  for (int round = 0; round < ROUNDS; round++) {
    for (int i = 0; i < COUNT; i++) list[i] = next();
    for (int i = 0; i < SIDE; i++) {
      for (int j = 0; j < SIDE; j++) {
        left[i][j] = next() & 0xff;
        right[i][j] = next() & 0xff;
      }
    }
    sum += crc((const uint8_t *)list, sizeof list);
    multiply();
    sum = sum * 31 + product[round % SIDE][next() % SIDE];
    for (int i = 0; i < 64; i++) sum += collatz((next() & 0xffff) + 1);
    for (int i = 0; i < 64; i++) sum += gcd(next(), next());
    sort();
    sum = sum << 7 | sum >> 57;
    sum ^= list[next() % COUNT];
  }
  return sum;
}

#ifdef SHOW
#include <stdio.h>
int main(void) { printf("0x%016llx\n", (unsigned long long)work()); }
#else
int main(void) { return work() == RESULT ? 0 : 1; }
#endif
