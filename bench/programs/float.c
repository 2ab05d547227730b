// Float loop: planets that attract each other, a polynomial by fused multiply-add, and a smoothed signal in single
// precision. Additions, products, divisions, square roots, conversions and comparisons, as numeric programs mix them.

// The same roundings from every compiler: only the multiply-adds written as such are fused.
#pragma GCC optimize("fp-contract=off")

#include <stdint.h>

#ifndef ROUNDS
#define ROUNDS 200000
#endif

enum { BODIES = 5, SAMPLES = 64 };

static double position[BODIES][3], speed[BODIES][3], mass[BODIES];
static float signal[SAMPLES];

static double root(double x) {
#ifdef SHOW
  return __builtin_sqrt(x);
#else
  double r;
  __asm__("fsqrt.d %0, %1" : "=f"(r) : "f"(x));
  return r;
#endif
}

static void set_up(void) {
  for (int i = 0; i < BODIES; i++) {
    mass[i] = 1.0 / (1 + i * 7);
    for (int k = 0; k < 3; k++) {
      position[i][k] = (i * 3 + 1) * 0.75 - k * 1.5 + i * k * 0.25;
      speed[i][k] = 0.01 * (i - 2) * (k - 1);
    }
  }
  for (int i = 0; i < SAMPLES; i++) signal[i] = (i * 37 % SAMPLES) * 0.125f;
}

static void advance(double step) {
  for (int i = 0; i < BODIES; i++) {
    for (int j = i + 1; j < BODIES; j++) {
      double away[3], square = 0.01;
      for (int k = 0; k < 3; k++) {
        away[k] = position[i][k] - position[j][k];
        square += away[k] * away[k];
      }
      const double pull = step / (square * root(square));
      for (int k = 0; k < 3; k++) {
        speed[i][k] -= away[k] * mass[j] * pull;
        speed[j][k] += away[k] * mass[i] * pull;
      }
    }
  }
  for (int i = 0; i < BODIES; i++) {
    for (int k = 0; k < 3; k++) position[i][k] += step * speed[i][k];
  }
}

static double polynomial(double x) {
  double sum = 1.0 / 5040;
  sum = __builtin_fma(sum, x, -1.0 / 120);
  sum = __builtin_fma(sum, x, 1.0 / 6);
  return __builtin_fma(sum, x, -1.0);
}

static void smooth(void) {
  float last = signal[SAMPLES - 1];
  for (int i = 0; i < SAMPLES - 1; i++) {
    const float mean = (last + signal[i] + signal[i + 1]) * (1.0f / 3);
    last = signal[i];
    signal[i] = mean < 0.5f ? mean + 1.0f : mean;
  }
}

static uint64_t work(void) {
  double sum = 0;
  set_up();
  for (int round = 0; round < ROUNDS; round++) {
    advance(0.001);
    for (int i = 0; i < BODIES; i++) sum += polynomial(position[i][round % 3]);
    if (round % 4 == 0) smooth();
    sum += (double)(int64_t)(signal[round % SAMPLES] * 16);
  }
  union { double value; uint64_t bits; } result = { sum + position[0][0] + speed[1][1] };
  return result.bits;
}

#ifdef SHOW
#include <stdio.h>
int main(void) { printf("0x%016llx\n", (unsigned long long)work()); }
#else
int main(void) { return work() == RESULT ? 0 : 1; }
#endif
