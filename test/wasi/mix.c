// Prints the sum of a hash over many rounds, calling a function that gets hot, and switches off.

#include "../../guests/programs/machine.h"

#ifndef FACTOR
#define FACTOR 1000003
#endif

__attribute__((noinline)) static u64 mix(u64 sum, u64 value) {
  for (int i = 0; i < 8; i++) sum = sum * FACTOR ^ value >> i * 8;
  return sum;
}

#ifdef FUSED
/** A sum that is another one if a multiply-add rounds twice. */
int main(void) {
  CSR_WRITE(mstatus, 0x6000);
  double sum = 1;
  for (u64 round = 0; round < 1000000; round++) {
    double value = (round % 1000 + 1) / 3.0;
    sum = __builtin_fma(value, value, -sum);
    sum = __builtin_fma(sum, 1 / 3.0, value);
  }
  print("sum ");
  print_hex((union { double value; u64 bits; }){sum}.bits);
  print("\n");
  return 0;
}
#else
int main(void) {
  u64 sum = 0;
  for (u64 round = 0; round < 1000000; round++) sum = mix(sum, round);
  print("sum ");
  print_hex(sum);
  print("\n");
  return 0;
}
#endif
