// A product of square matrices of doubles, the textbook's three loops, and a linear system solved by elimination.

#include "bench.h"
#include <string.h>

enum { SIDE = 72 };

static double a[SIDE][SIDE], b[SIDE][SIDE], c[SIDE][SIDE];
static uint32_t state = 0x9e3779b9;

static double between_0_and_1(void) { return (double)next_random(&state) / 4294967296.0; }

static void multiply(void) {
  for (int i = 0; i < SIDE; i++)
    for (int j = 0; j < SIDE; j++) {
      double sum = 0;
      for (int k = 0; k < SIDE; k++) sum += a[i][k] * b[k][j];
      c[i][j] = sum;
    }
}

// Elimination without pivots: what is added on the diagonal keeps it the largest.
static double solve(void) {
  double x[SIDE];
  for (int i = 0; i < SIDE; i++) {
    x[i] = 1 + i % 5;
    c[i][i] += SIDE * SIDE;
  }
  for (int k = 0; k < SIDE; k++)
    for (int i = k + 1; i < SIDE; i++) {
      const double factor = c[i][k] / c[k][k];
      for (int j = k; j < SIDE; j++) c[i][j] -= factor * c[k][j];
      x[i] -= factor * x[k];
    }
  double sum = 0;
  for (int i = SIDE - 1; i >= 0; i--) {
    for (int j = i + 1; j < SIDE; j++) x[i] -= c[i][j] * x[j];
    x[i] /= c[i][i];
    sum += x[i];
  }
  return sum;
}

void prepare(void) {
  for (int i = 0; i < SIDE; i++)
    for (int j = 0; j < SIDE; j++) {
      a[i][j] = between_0_and_1();
      b[i][j] = between_0_and_1();
    }
}

uint64_t step(uint64_t sum) {
  multiply();
  const double solution = solve();
  a[sum % SIDE][(sum >> 8) % SIDE] = between_0_and_1() + solution;
  uint64_t bits;
  memcpy(&bits, &solution, sizeof bits);
  return mix(sum, bits);
}
