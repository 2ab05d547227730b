// A well-behaved guest: integers, memory, floats, atomics and a disk, in one number that is always the same.

#include "machine.h"

#define WORDS 65536

static u64 memory[WORDS];

static u64 mix(u64 hash, u64 value) {
  hash ^= value;
  hash *= 0x100000001b3UL;
  return hash ^ hash >> 29;
}

int main(void) {
  CSR_WRITE(mstatus, 0x6000);
  u64 hash = 0xcbf29ce484222325UL;
  for (u64 i = 0; i < WORDS; i++) memory[i * 40503 % WORDS] = random64();
  for (u64 i = 0; i < WORDS; i++) hash = mix(hash, memory[i] >> (i & 31));
  for (u64 i = 1; i < 2000; i++) hash = mix(hash, memory[i] / i ^ memory[i + 1] % (i + 7) ^ (u64)((long)memory[i] >> 3));
  double sum = 0, product = 1;
  for (u64 i = 1; i < 20000; i++) {
    sum += 1.0 / (double)i;
    product = product * 1.0001 + (double)(float)sum / (double)(i + 3);
    if (product > 1e30) product /= 1e29;
  }
  const union {
    double number;
    u64 bits;
  } ends[2] = {{sum}, {product}};
  hash = mix(mix(hash, ends[0].bits), ends[1].bits);
  for (u64 i = 0; i < 1000; i++) hash = mix(hash, __atomic_fetch_add(&memory[i & 7], hash, __ATOMIC_SEQ_CST));
  print("known ");
  print_hex(hash);
  print("\n");
  return 0;
}
