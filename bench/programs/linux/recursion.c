// Functions that call themselves: Fibonacci numbers, Ackermann's function, and the queens that leave each other alone.

#include "bench.h"

static uint32_t fibonacci(uint32_t n) { return n < 2 ? n : fibonacci(n - 1) + fibonacci(n - 2); }

static uint32_t ackermann(uint32_t m, uint32_t n) {
  if (m == 0) return n + 1;
  return ackermann(m - 1, n == 0 ? 1 : ackermann(m, n - 1));
}

// How many ways there are to fill the rows that are left; columns and diagonals in use are sets of bits.
static uint32_t queens(uint32_t all, uint32_t columns, uint32_t left, uint32_t right) {
  if (columns == all) return 1;
  uint32_t ways = 0;
  for (uint32_t free = all & ~(columns | left | right); free != 0; free &= free - 1) {
    const uint32_t place = free & -free;
    ways += queens(all, columns | place, (left | place) << 1, (right | place) >> 1);
  }
  return ways;
}

void prepare(void) {}

uint64_t step(uint64_t sum) {
  sum = mix(sum, fibonacci(24 + (sum & 1)));
  sum = mix(sum, ackermann(2, 80 + (sum & 7)));
  return mix(sum, queens(0xff >> (sum & 1), 0, 0, 0));
}
