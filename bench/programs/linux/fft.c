// Fourier transforms of 2048 complex doubles, forwards and backwards, with a filter in between; radix 2, in place.

#include "bench.h"
#include <string.h>

enum { BITS = 11, COUNT = 1 << BITS };

typedef struct {
  double re, im;
} Complex;

static Complex signal[COUNT], roots[COUNT / 2];
static uint32_t state = 0xabcdef1;

// Own series, because the sine of one C library may end with another bit than that of the next.
static double sine(double x) {
  double term = x, sum = x;
  for (int i = 3; i < 30; i += 2) {
    term *= -x * x / (i * (i - 1));
    sum += term;
  }
  return sum;
}

static void transform(Complex *data, int is_inverse) {
  for (uint32_t i = 1, j = 0; i < COUNT; i++) {
    uint32_t bit = COUNT >> 1;
    for (; j & bit; bit >>= 1) j ^= bit;
    j ^= bit;
    if (i < j) {
      const Complex value = data[i];
      data[i] = data[j];
      data[j] = value;
    }
  }
  for (int size = 2; size <= COUNT; size *= 2) {
    const int half = size / 2, stride = COUNT / size;
    for (int start = 0; start < COUNT; start += size)
      for (int k = 0; k < half; k++) {
        const Complex root = roots[k * stride];
        const double im = is_inverse ? -root.im : root.im;
        Complex *const a = &data[start + k], *const b = &data[start + k + half];
        const Complex turned = {b->re * root.re - b->im * im, b->re * im + b->im * root.re};
        b->re = a->re - turned.re;
        b->im = a->im - turned.im;
        a->re += turned.re;
        a->im += turned.im;
      }
  }
}

void prepare(void) {
  const double pi = 3.14159265358979323846;
  for (int i = 0; i < COUNT / 2; i++) {
    const double angle = -2 * pi * i / COUNT;
    roots[i] = (Complex){sine(angle + pi / 2), sine(angle)};
  }
  for (int i = 0; i < COUNT; i++) signal[i] = (Complex){(double)next_random(&state) / 4294967296.0 - 0.5, 0};
}

uint64_t step(uint64_t sum) {
  transform(signal, 0);
  for (int i = COUNT / 4; i < COUNT / 4 * 3; i++) {
    signal[i].re *= 0.97;
    signal[i].im *= 0.97;
  }
  transform(signal, 1);
  for (int i = 0; i < COUNT; i++) {
    signal[i].re /= COUNT;
    signal[i].im = 0;
  }
  // New noise, or the filter would leave nothing but ever smaller numbers.
  for (int i = 0; i < COUNT; i += 8) signal[i].re += (double)next_random(&state) / 4294967296.0 - 0.5;
  uint64_t bits;
  memcpy(&bits, &signal[sum % COUNT].re, sizeof bits);
  return mix(sum, bits);
}
